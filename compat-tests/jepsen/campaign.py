"""Many runs with one seed: sizes, nemeses and workloads mixed, and one summary."""

import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN_SECONDS = 90.0
_RUN = Path(__file__).with_name("run.py")
# Each line is one run; the mixes that have everything come most often.
PLAN = (
    (3, "all", "mixed"),
    (5, "all", "mixed"),
    (3, "all", "processes"),
    (5, "register,locks,sessions", "network"),
    (3, "register,set,locks,sessions", "network"),
    (5, "register,queue,locks", "double,double-with-cuts"),
    (3, "register,set,queue", "double,double-with-cuts"),
)


def _one(number: int, seed: int, out: Path) -> dict:
    """A run in a process of its own, so that its namespaces end with it; its figures."""
    servers, workload, nemesis = PLAN[number % len(PLAN)]
    words = [sys.executable, str(_RUN), "--workload", workload, "--nemesis", nemesis, "--servers", str(servers)]
    words += ["--seconds", str(RUN_SECONDS), "--seed", str(seed), "--out", str(out)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=os.environ)
    print(done.stdout, flush=True)
    try:
        return json.loads((out / "figures.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"seed": seed, "failed": done.returncode, "violations": 0 if done.returncode == 77 else 1}


def main(arguments) -> int:
    """Runs for the minutes asked for, each run whole; prints and saves the summary."""
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    rng = random.Random(f"{seed}/campaign")
    out = Path(arguments.out or tempfile.mkdtemp(prefix="jepsen-campaign-"))
    out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + arguments.campaign * 60
    runs = []
    while time.monotonic() < end:
        run_seed = rng.randrange(1 << 32)
        print(f"== run {len(runs)}, seed {run_seed}", flush=True)
        runs.append(_one(len(runs), run_seed, out / f"run-{len(runs)}"))
        (out / "summary.json").write_text(json.dumps(summary(seed, runs), indent=1), encoding="utf-8")
    print(json.dumps(summary(seed, runs), indent=1))
    return 1 if any(run["violations"] for run in runs) else 0


def summary(seed: int, runs: list[dict]) -> dict:
    """Sums over all runs."""
    operations: collections.Counter = collections.Counter()
    faults: collections.Counter = collections.Counter()
    skipped: dict[str, str] = {}
    recoveries: list[float] = []
    for run in runs:
        for counts in run.get("operations", {}).values():
            operations.update(counts)
        faults.update(run.get("faults", {}))
        skipped.update(run.get("skipped", {}))
        recoveries += run.get("recovery_s", [])
    return {
        "seed": seed,
        "runs": len(runs),
        "minutes": round(sum(run.get("seconds", 0) for run in runs) / 60, 1),
        "operations": dict(operations),
        "faults": dict(sorted(faults.items())),
        "skipped": skipped,
        "longest_recovery_s": max(recoveries, default=0),
        "runs_that_failed": [run["seed"] for run in runs if "failed" in run],
        "violations": sum(run["violations"] for run in runs),
        "seeds_with_violations": [run["seed"] for run in runs if run["violations"]],
    }
