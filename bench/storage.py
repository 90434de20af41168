"""What the storage of Lockkeeper costs, beside Apache ZooKeeper 3.8.0 on the same machine and disk.

    bench/storage.py [recovery] [writes] [bytes]        all without arguments; about half an hour

recovery  time from the start of the process to the first read, from the same state
writes    latency of an open loop of setData with checkpoints (snapshots) and without, alternating
bytes     bytes written to the disk for each changed znode, for trees of three sizes

Prints one line of JSON for each run, and at the end a table for each part. Directories are made
below $TMPDIR, which must be on a real disk, and removed. LOCKKEEPER_BINARY and LOAD_TOOL name other
programs than those of the release build.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measured_server import (
    CHECKPOINTS_OFF,
    SNAPSHOTS_OFF,
    check_disk,
    config_file,
    copy_directory,
    drop_from_cache,
    load,
    machine_load,
    seconds_to_first_read,
    server_on,
    summary,
    tool,
    written_bytes,
)

CONNECTIONS = ("--connections", 16, "--inflight", 64)
LOGGED_TRANSACTIONS = 100_000


def say(part: str, **values) -> None:
    """One line of JSON."""
    line = {"part": part, **values, "machine_load": round(machine_load(), 1)}
    print(json.dumps(line), flush=True)


class States:
    """Data directories with /load/pNNN/nNNN, made once each."""

    def __init__(self, home: Path, data_bytes: int) -> None:
        self.home = home
        self.data_bytes = data_bytes

    def snapshot(self, nodes: int) -> Path:
        """Apache's: a snapshot and no log."""
        target = self.home / f"snapshot-{nodes}"
        if not target.exists():
            loaded = self.home / "loaded"
            with server_on("lockkeeper", loaded) as server:
                tree = ("--nodes", nodes, "--data", self.data_bytes)
                say("prepare", **load(server, "--prepare", *tree, "--seconds", 0, *CONNECTIONS))
                server.stop()
            tool("export", config_file(self.home, loaded), target)
            shutil.rmtree(loaded)
        return target

    def checkpoint(self, nodes: int) -> Path:
        """Ours: the same state as a checkpoint and no log."""
        target = self.home / f"checkpoint-{nodes}"
        if not target.exists():
            source = self.snapshot(nodes)
            tool("import", config_file(self.home, target), source)
        return target

    def with_log(self, kind: str, base: Path, nodes: int) -> Path:
        """`base` and LOGGED_TRANSACTIONS more in the log alone."""
        target = self.home / f"{base.name}-log"
        if not target.exists():
            copy_directory(base, target)
            rate = LOGGED_TRANSACTIONS // 10
            arguments = ("--operation", "set", "--rate", rate, "--seconds", 10, "--warmup", 0)
            off = CHECKPOINTS_OFF if kind == "lockkeeper" else SNAPSHOTS_OFF
            with server_on(kind, target, off) as server:
                tree = ("--nodes", nodes, "--data", self.data_bytes)
                done = load(server, *arguments, *tree, *CONNECTIONS)
                server.kill()
            assert done["operations"] == LOGGED_TRANSACTIONS, done
        return target


# --- recovery ---------------------------------------------------------------------------------


def recovery(states: States, options) -> None:
    """Alternating starts from copies of the same directories."""
    ours, theirs = states.checkpoint(options.nodes), states.snapshot(options.nodes)
    variants = {
        ("lockkeeper", "checkpoint"): ours,
        ("apache", "snapshot"): theirs,
        ("lockkeeper", "checkpoint and log"): states.with_log("lockkeeper", ours, options.nodes),
        ("apache", "snapshot and log"): states.with_log("apache", theirs, options.nodes),
    }
    parents, last = divmod(options.nodes - 1, 1000)
    path = f"/load/p{parents:03}/n{last:03}"
    times: dict = {}
    for cache in ("warm", "cold"):
        for _ in range(options.rounds):
            for (kind, state), source in variants.items():
                directory = copy_directory(source, states.home / "recovered")
                if cache == "cold":
                    drop_from_cache(directory)
                with contextlib.closing(server_on(kind, directory)) as server:
                    seconds = seconds_to_first_read(server, path)
                shutil.rmtree(directory)
                say("recovery", kind=kind, state=state, cache=cache, seconds=round(seconds, 3))
                times.setdefault((cache, kind, state), []).append(seconds)
    print(f"\n| {options.nodes} znodes of {options.data} bytes, s | warm cache | cold cache |")
    print("|---|---|---|")
    for kind, state in variants:
        cells = [summary(times[cache, kind, state]) for cache in ("warm", "cold")]
        print(f"| {kind}, {state} | {' | '.join(cells)} |")
    print()


# --- writes -----------------------------------------------------------------------------------


WRITE_VARIANTS = {
    "checkpoints off": ("lockkeeper", CHECKPOINTS_OFF),
    "checkpoints, default": ("lockkeeper", {}),
    "checkpoints at 4 MiB": ("lockkeeper", {"lockkeeper.checkpointDirtyMb": 4}),
    "apache, snapshots off": ("apache", SNAPSHOTS_OFF),
    "apache, default": ("apache", {}),
}


def checkpoints_in(server) -> int:
    """Checkpoints or snapshots that the log of the server's process tells of."""
    text = server.log_path.read_text("utf-8", "replace")
    return len(re.findall(r"\] checkpoint at zxid|Snapshotting: ", text))


def write_run(states: States, options, variant: str, arguments: tuple) -> dict:
    """One run on the variant's own directory, which goes on from run to run."""
    kind, config = WRITE_VARIANTS[variant]
    directory = states.home / ("writes " + variant).replace(" ", "-")
    if not directory.exists():
        state = states.checkpoint if kind == "lockkeeper" else states.snapshot
        copy_directory(state(options.nodes), directory)
    tree = ("--nodes", options.nodes, "--data", options.data)
    with server_on(kind, directory, config) as server:
        # Recovery's own checkpoint falls into the warm-up.
        result = load(server, "--operation", "set", "--warmup", 10, *tree, *CONNECTIONS, *arguments)
        result["checkpoints"] = checkpoints_in(server)
        server.kill()
    return result


def most_writes(states: States, options) -> dict:
    """Operations a second in a closed loop, without checkpoints: the median of three runs."""
    most = {}
    for variant in ("checkpoints off", "apache, snapshots off"):
        if WRITE_VARIANTS[variant][0] not in options.kinds:
            continue
        runs = [write_run(states, options, variant, ("--seconds", 10)) for _ in range(3)]
        for run in runs:
            say("closed loop", variant=variant, **run)
        most[WRITE_VARIANTS[variant][0]] = statistics.median(run["per_second"] for run in runs)
    return most


def writes(states: States, options) -> None:
    """Alternating open loops, at fixed rates and at half of what a closed loop reaches."""
    most = most_writes(states, options) if "half" in options.rates else {}
    variants = {name: v for name, v in WRITE_VARIANTS.items() if v[0] in options.kinds}
    for rate in options.rates:
        runs: dict = {variant: [] for variant in variants}
        for _ in range(options.rounds):
            for variant, (kind, _config) in variants.items():
                number = most[kind] // 2 if rate == "half" else float(rate)
                arguments = ("--rate", number, "--seconds", options.seconds)
                result = write_run(states, options, variant, arguments)
                say("writes", variant=variant, **result)
                runs[variant].append(result)
        halves = ", ".join(f"{kind} {most[kind] // 2:.0f}" for kind in most)
        print_writes(f"half of the closed loop: {halves}" if rate == "half" else rate, runs)


def print_writes(rate_name: str, runs: dict) -> None:
    """The table of one rate; the ratio is that of pairs of runs that followed each other."""
    off = {"lockkeeper": "checkpoints off", "apache": "apache, snapshots off"}
    columns = "p50, us | p99, us | p99.9, us | p99 / p99 off | checkpoints"
    print(f"\n| writes a second: {rate_name} | {columns} |")
    print("|---|---|---|---|---|---|")
    for variant, results in runs.items():
        base = runs[off[WRITE_VARIANTS[variant][0]]]
        ratios = [one["p99_us"] / other["p99_us"] for one, other in zip(results, base)]
        cells = [summary([r[key] for r in results]) for key in ("p50_us", "p99_us", "p999_us")]
        count = statistics.median(r["checkpoints"] for r in results)
        print(f"| {variant} | {' | '.join(cells)} | {summary(ratios)} | {count:.0f} |")
    print()


# --- bytes ------------------------------------------------------------------------------------

# About 5200 changed znodes of 100 bytes a checkpoint, whatever the size of the tree. Apache counts
# transactions, and begins a snapshot after between half of them and all.
CHECKPOINT_MB = 1
SNAP_COUNT = 7000
# So that one checkpoint (snapshot) is over before the next is due, for every size of the tree.
RATES = {"lockkeeper": 10_000, "apache": 1_000}


def thread_of_log(server, tree: tuple) -> int:
    """The thread that writes the log: the one that writes when there is no checkpoint to write."""
    before = written_bytes(server.pid)
    load(server, "--operation", "set", "--rate", 500, "--seconds", 1, "--warmup", 0, *tree)
    after = written_bytes(server.pid)
    return max(after, key=lambda thread: after[thread] - before.get(thread, 0))


def checkpoint_bytes(server, tree: tuple, arguments: tuple) -> dict:
    """Ours: what the threads of the checkpoint and of LevelDB write during a load, and the log."""
    log = thread_of_log(server, tree)
    before = written_bytes(server.pid)
    load(server, *tree, *arguments)
    after = written_bytes(server.pid)
    text = server.log_path.read_text("utf-8")
    found = re.findall(r"checkpoint at zxid \S+ (\d+) znodes", text)
    log_bytes = after[log] - before[log]
    return {
        "checkpoints": len(found),
        "changed": sum(map(int, found)),
        "store_bytes": sum(after.values()) - sum(before.values()) - log_bytes,
        "log_bytes": log_bytes,
    }


def snapshot_bytes(server, tree: tuple, arguments: tuple) -> dict:
    """Apache's: the sizes of the snapshots that a load brings."""
    before = set((server.data_dir / "version-2").glob("snapshot.*"))
    run = load(server, *tree, *arguments)
    made = set((server.data_dir / "version-2").glob("snapshot.*")) - before
    return {
        "checkpoints": len(made),
        "changed": run["operations"],
        "store_bytes": sum(file.stat().st_size for file in made),
    }


def bytes_run(states: States, options, kind: str, nodes: int) -> dict:
    """Bytes written over `options.seconds` of uniform writes."""
    tree = ("--nodes", nodes, "--data", options.data)
    rate = ("--rate", RATES[kind], "--seconds", options.seconds, "--warmup", 0)
    arguments = ("--operation", "set", *rate, *CONNECTIONS)
    if kind == "lockkeeper":
        config = {**CHECKPOINTS_OFF, "lockkeeper.checkpointDirtyMb": CHECKPOINT_MB}
        state, measure = states.checkpoint(nodes), checkpoint_bytes
    else:
        config = {**SNAPSHOTS_OFF, "snapCount": SNAP_COUNT}
        state, measure = states.snapshot(nodes), snapshot_bytes
    directory = copy_directory(state, states.home / "bytes")
    with server_on(kind, directory, config) as server:
        result = measure(server, tree, arguments)
        server.kill()
    shutil.rmtree(directory)
    return {"kind": kind, "nodes": nodes, **result}


def bytes_written(states: States, options) -> None:
    """Ours and Apache's for trees of three sizes."""
    rows = []
    for nodes in (options.nodes // 100, options.nodes // 10, options.nodes):
        for kind in options.kinds:
            row = bytes_run(states, options, kind, nodes)
            say("bytes", **row)
            rows.append(row)
    print("\n| server | znodes | checkpoints | changed in each | bytes a changed znode | log |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        if row["checkpoints"] == 0:
            raise SystemExit(f"{row}: no checkpoint was written, --seconds is too short")
        each = row["changed"] / row["checkpoints"]
        log = f"{row['log_bytes'] / row['changed']:.0f}" if "log_bytes" in row else ""
        print(
            f"| {row['kind']} | {row['nodes']} | {row['checkpoints']} | {each:.0f} "
            f"| {row['store_bytes'] / row['changed']:.0f} | {log} |"
        )
    print("\nApache's changed znodes are its transactions.\n")


# --- the program ------------------------------------------------------------------------------


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help="recovery, writes, bytes; default: all")
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--data", type=int, default=100, help="bytes of random data in each znode")
    parser.add_argument("--rounds", type=int, default=3, help="alternating runs of each variant")
    parser.add_argument("--seconds", type=int, default=60, help="of each run under load")
    parser.add_argument(
        "--rates",
        nargs="+",
        default=["5000", "half"],
        help="writes a second; half: of what a closed loop reaches",
    )
    kinds = ["lockkeeper", "apache"]
    parser.add_argument("--kinds", nargs="+", default=kinds, choices=kinds, help="not for recovery")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="run server and load before everything else: for open loops on a busy machine (root)",
    )
    options = parser.parse_args()
    parts = {"recovery": recovery, "writes": writes, "bytes": bytes_written}
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if options.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    check_disk(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix="lockkeeper-storage-") as home:
        states = States(Path(home), options.data)
        for name, part in parts.items():
            if not options.parts or name in options.parts:
                part(states, options)


if __name__ == "__main__":
    sys.exit(main())
