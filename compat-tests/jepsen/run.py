#!/usr/bin/python3
"""Faults against a real ensemble under load, and a verdict.

    run.py --workload all --nemesis kill-leader --seconds 60 --servers 3
    run.py --workload register,locks --nemesis mixed --seconds 120 --servers 5 --seed 7 --out /tmp/jepsen
    run.py --campaign 30 --seed 1 --out /tmp/campaign         half an hour of mixed runs

LOCKKEEPER_BINARY names the program to test. Exit status: 0 no violation, 1 violations, 77 not possible here (the last
line then says SKIPPED and why). README.md explains the rest.
"""

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from jepsen import agreement, checkers, nemesis, network, timeline
from jepsen.clients import SessionClient, SessionRules
from jepsen.cluster import Cluster, NotLive
from jepsen.history import History
from jepsen.nemesis import Nemesis
from jepsen.network import CannotMakeNamespaces
from jepsen.workload import Workload
from jepsen.workloads import Queue, Register, Set
from jepsen.workloads_sessions import Locks, Sessions

WORKLOADS = {kind.name: kind for kind in (Register, Set, Queue, Locks, Sessions)}
TICK_MS = 400
SYNC_TICKS = 8
SESSION_MS = 10000
RULES = SessionRules(SESSION_MS, (SYNC_TICKS + 3) * TICK_MS / 1000)
SKIPPED = 77


class Run:  # pylint: disable=too-many-instance-attributes
    """One ensemble, some workloads, one nemesis, one verdict."""

    def __init__(self, arguments, seed: int, out: Path) -> None:
        self.seed, self.out = seed, out
        self.seconds = arguments.seconds
        self.servers = arguments.servers
        self.faults = nemesis.names_of(arguments.nemesis)
        self.title = f"seed {seed}, {self.servers} servers, {arguments.workload} under {arguments.nemesis}, "
        self.title += f"{self.seconds:.0f} s"
        names = list(WORKLOADS) if arguments.workload == "all" else arguments.workload.split(",")
        self._kinds = [WORKLOADS[name] for name in names]
        self.now = timeline.clock()
        self.workloads: list[tuple[Workload, float]] = []  # with the moment at which its history began
        self.violations: list[str] = []
        self.nemesis = None
        self.watcher = None
        self.agreed = "not compared"

    def config(self) -> dict:
        """Keys of zoo.cfg: quick ticks, and now and then small limits that make rare paths common."""
        rng = random.Random(f"{self.seed}/config")
        return {
            "tickTime": TICK_MS,
            "initLimit": 25,
            "syncLimit": SYNC_TICKS,
            "maxSessionTimeout": 60000,
            "snapCount": rng.choice([500, 2000, 100000]),
            "preAllocSize": rng.choice([64, 1024, 65536]),
        }

    def perform(self, net) -> None:
        """Everything; what goes wrong is in `violations` afterwards."""
        with Cluster(self.servers, net, self.config()) as cluster:
            self.now = timeline.clock()
            self.watcher = timeline.Watcher(cluster, self.now)
            self.nemesis = Nemesis(cluster, self.faults, self.seed, self.now)
            try:
                self._with_load(cluster)
            except NotLive as error:
                self.violations.append(f"not live: {error}")
            except Exception:  # pylint: disable=broad-exception-caught
                self.violations.append(f"the run failed:\n{traceback.format_exc()}")
            finally:
                for workload, _ in self.workloads:
                    workload.stopping.set()
                self.watcher.stop()
                self.violations += cluster.ended_by_themselves()
                self._save(cluster)

    def _with_load(self, cluster: Cluster) -> None:
        self._start_workloads(cluster)
        self.nemesis.run(self.seconds)
        cluster.wait_serving()
        time.sleep(1.0)  # the load goes on in the healed ensemble: locks and sessions are taken up again
        for workload, _ in self.workloads:
            workload.stop()
        with self._plain_client(cluster, "collector") as client:
            for workload, _ in self.workloads:
                workload.collect(client)
        self.violations += checkers.sessions_have_one_client(item.history.operations for item, _ in self.workloads)
        for workload, _ in self.workloads:
            self.violations += [f"{workload.name}: {text}" for text in workload.violations()]
        try:
            self.agreed = agreement.check(cluster)
        except agreement.Disagreement as error:
            self.violations.append(f"servers disagree: {error}")

    def _start_workloads(self, cluster: Cluster) -> None:
        with self._plain_client(cluster, "preparer") as client:
            for kind in self._kinds:
                self.workloads.append((kind(cluster.addresses, RULES, self.seed), self.now()))
                self.workloads[-1][0].prepare(client)
        for workload, _ in self.workloads:
            workload.start()

    def _plain_client(self, cluster: Cluster, name: str) -> SessionClient:
        """A client whose operations no checker sees."""
        history = History()
        return SessionClient(name, cluster.addresses, history, RULES, threading.Event())

    # --- the verdict ---

    def figures(self) -> dict:
        """Numbers of the run."""
        operations = {workload.name: workload.history.counts() for workload, _ in self.workloads}
        recoveries = [fault.serving - fault.healed for fault in self.nemesis.injected if fault.serving]
        return {
            "seed": self.seed,
            "servers": self.servers,
            "seconds": round(self.now(), 1),
            "operations": operations,
            "faults": self.nemesis.counts(),
            "skipped": self.nemesis.skipped,
            "recovery_s": [round(value, 2) for value in recoveries],
            "violations": len(self.violations),
        }

    def report(self) -> str:
        """The verdict for people."""
        figures = self.figures()
        lines = [self.title]
        for name, counts in figures["operations"].items():
            lines.append(f"  {name:10} " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        for workload, _ in self.workloads:
            lines += [f"  {workload.name:10} {text}" for text in workload.remarks()]
        for kind, count in sorted(figures["faults"].items()):
            lines.append(f"  fault      {kind}: {count}")
        for kind, reason in figures["skipped"].items():
            lines.append(f"  SKIPPED    {kind}: {reason}")
        if recoveries := figures["recovery_s"]:
            lines.append(f"  recovery   median {statistics.median(recoveries):.2f} s, longest {max(recoveries):.2f} s")
        lines += [f"  leaders    {self.watcher.roles()}", f"  agreement  {self.agreed}"]
        lines += [f"  VIOLATION  {text}" for text in self.violations]
        lines.append(f"VERDICT: {'OK' if not self.violations else f'{len(self.violations)} VIOLATIONS'}; see {self.out}")
        return "\n".join(lines)

    def _save(self, cluster: Cluster) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        histories = [(workload.name, workload.history, began) for workload, began in self.workloads]
        picture = timeline.draw(self.title, self.now(), self.nemesis.injected, self.watcher.states, histories)
        (self.out / "timeline.svg").write_text(picture, encoding="utf-8")
        (self.out / "verdict.txt").write_text(self.report() + "\n", encoding="utf-8")
        faults = [vars(fault) for fault in self.nemesis.injected]
        (self.out / "faults.json").write_text(json.dumps(faults, indent=1), encoding="utf-8")
        for name, history, _ in histories:
            history.save(self.out / f"history-{name}.jsonl")
        if self.violations:
            for number, server in cluster.ensemble.members.items():
                shutil.copytree(server.home, self.out / f"server{number}", dirs_exist_ok=True)


def _network(arguments, faults: list[str]):
    """Namespaces if a fault needs them, else loopback; CannotMakeNamespaces."""
    numbers = range(1, arguments.servers + 1)
    if any(name in nemesis.NETWORK_FAULTS for name in faults):
        network.enter_private_namespaces()
        return network.Namespaces(numbers)
    return network.Loopback(numbers)


def one_run(arguments) -> int:
    """A single run."""
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    arguments.seed = seed
    out = Path(arguments.out or tempfile.mkdtemp(prefix="jepsen-"))
    try:
        net = _network(arguments, nemesis.names_of(arguments.nemesis))
    except CannotMakeNamespaces as error:
        print(f"SKIPPED {arguments.nemesis}: network namespaces cannot be made: {error}")
        return SKIPPED
    run = Run(arguments, seed, out)
    run.perform(net)
    (out / "figures.json").write_text(json.dumps(run.figures()), encoding="utf-8")
    print(run.report(), flush=True)
    only_skipped = run.faults and not run.nemesis.injected and run.nemesis.skipped
    if only_skipped and not run.violations:
        print(f"SKIPPED {', '.join(run.nemesis.skipped)}: {'; '.join(run.nemesis.skipped.values())}")
        return SKIPPED
    return 1 if run.violations else 0


def main() -> int:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", default="all", help=f"all, or of {', '.join(WORKLOADS)}, with commas")
    known = ", ".join([*nemesis.FAULTS, *nemesis.MIXES])
    parser.add_argument("--nemesis", default="mixed", help=f"of {known}, with commas")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--servers", type=int, default=3, choices=(3, 5))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", help="directory for the verdict, the timeline and the histories")
    parser.add_argument("--campaign", type=float, metavar="MINUTES", help="many runs; --seconds is for each of them")
    arguments = parser.parse_args()
    try:
        nemesis.names_of(arguments.nemesis)
    except ValueError as error:
        parser.error(str(error))
    if arguments.campaign:
        from jepsen import campaign  # pylint: disable=import-outside-toplevel

        return campaign.main(arguments)
    return one_run(arguments)


if __name__ == "__main__":
    sys.exit(main())
