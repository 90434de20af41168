"""Throughput, latency and processor time beside Apache ZooKeeper 3.8.0, on the same machine in the same run.

    bench/compare.py [standalone] [ensemble]     both without arguments; about 25 minutes

Ours and Apache's run at the same time, and are loaded in turn (A B A B); the one that is not loaded costs next to
nothing. Both sync every write (fsync on), have the same tree, and are warmed up by 20 s of mixed load first. An
ensemble has three members on this machine, with the sessions spread over them. Prints one line of JSON for each
measurement; --write puts the tables into docs/performance.md. LOCKKEEPER_BINARY and LOAD_TOOL name other programs
than those of the release build.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measured_server import LOAD_TOOL, machine_load, measured_command, servers

from lib.ensemble import ApacheMember, Ensemble  # noqa: E402  pylint: disable=wrong-import-order

NODES = 10_000
CONFIG = {"tickTime": 2000, "initLimit": 10, "syncLimit": 5, "maxClientCnxns": 0, "4lw.commands.whitelist": "*"}
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")



class Apache(ApacheMember):
    """With a heap of 1 GB; alone or as a member of an ensemble."""

    def command(self) -> list:
        return measured_command(super().command(), "1g")


SERVERS = {"lockkeeper": servers.LockkeeperServer, "apache": Apache}

# Name, operation, sessions, outstanding requests of each.
LOADS = (
    ("get, 1 session, 1 outstanding", "get", 1, 1),
    ("get, 50 sessions, 1 outstanding", "get", 50, 1),
    ("get, 50 sessions, 20 outstanding", "get", 50, 20),
    ("set, 1 session, 1 outstanding", "set", 1, 1),
    ("set, 50 sessions, 20 outstanding", "set", 50, 20),
    ("create, 50 sessions, 20 outstanding", "create", 50, 20),
    ("90 % get, 10 % set, 50 sessions, 20 outstanding", "mixed:0.9", 50, 20),
    ("multi of 10 sets, 50 sessions, 2 outstanding", "multi:10", 50, 2),
    ("multi of 30 sets, 50 sessions, 2 outstanding", "multi:30", 50, 2),
)
SWEEP = tuple(
    (f"{operation}, {sessions} sessions", operation, sessions, 1)
    for operation in ("get", "set", "mixed:0.9")
    for sessions in (1, 2, 5, 10, 20, 100, 1000)
)


def cpu_seconds(pids) -> float:
    """What these processes have used, user and system."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_A_SECOND


def resident_mib(pids) -> float:
    """Resident memory of these processes together."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Subject:
    """One kind of server, alone or three of them."""

    def __init__(self, kind: str, members: int) -> None:
        self.kind = kind
        if members > 1:
            self._ensemble = Ensemble([SERVERS[kind]] * members, config=CONFIG)
            self._ensemble.start(60)
            self._members = list(self._ensemble.members.values())
        else:
            self._ensemble = None
            self._members = [SERVERS[kind](CONFIG)]
            self._members[0].start()

    def load(self, operation: str, sessions: int, outstanding: int, seconds: float, *more) -> dict:
        """Runs the load tool and adds the servers' processor time."""
        pids = [member.pid for member in self._members]
        command = [str(LOAD_TOOL), "--server", ",".join(f"{m.host}:{m.port}" for m in self._members)]
        command += ["--operation", operation, "--connections", sessions, "--inflight", outstanding]
        command += ["--nodes", NODES, "--warmup", 1, "--seconds", seconds, *more]
        before, start = cpu_seconds(pids), time.monotonic()
        done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True)
        used, took = cpu_seconds(pids) - before, time.monotonic() - start
        if done.returncode != 0:
            raise SystemExit(f"{self.kind}: {' '.join(map(str, command))}: {done.stderr}")
        line = json.loads(done.stdout.splitlines()[-1])
        return {
            "per_second": line["per_second"],
            "p50_us": line["p50_us"],
            "p99_us": line["p99_us"],
            "server_cores": used / took,
            "client_cores": line["cpu_seconds"] / took,
            "rss_mib": resident_mib(pids),
        }

    def close(self) -> None:
        """Stops the servers and removes their directories."""
        if self._ensemble:
            self._ensemble.close()
        else:
            self._members[0].close()


def measured(where: str, loads, rounds: int, seconds: float) -> dict:
    """name -> kind -> the medians of its rounds."""
    results: dict = {}
    subjects = {}
    try:
        for kind in SERVERS:
            subjects[kind] = Subject(kind, 3 if where == "ensemble" else 1)
            subjects[kind].load("mixed:0.5", 50, 20, 20, "--prepare")
        for name, operation, sessions, outstanding in loads:
            found: dict = {kind: [] for kind in SERVERS}
            for _ in range(rounds):
                for kind, subject in subjects.items():
                    line = subject.load(operation, sessions, outstanding, seconds)
                    found[kind].append(line)
                    rounded = {key: round(value, 2) for key, value in line.items()}
                    print(json.dumps({"where": where, "load": name, "kind": kind, **rounded}), flush=True)
            results[name] = {
                kind: {key: statistics.median(line[key] for line in lines) for key in lines[0]}
                for kind, lines in found.items()
            }
    finally:
        for subject in subjects.values():
            subject.close()
    return results


def table(results: dict) -> str:
    """Ours beside Apache's, and the ratios that the targets speak of."""
    lines = [
        "| load | per second, ours / Apache | ratio | p50 µs, ours / Apache | ratio | p99 µs, ours / Apache | ratio "
        "| per server CPU second, ratio | client's share of the cores, ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, kinds in results.items():
        ours, theirs = (kinds[kind] for kind in SERVERS)
        cells = [name]
        for key in ("per_second", "p50_us", "p99_us"):
            cells += [f"{ours[key]:.0f} / {theirs[key]:.0f}", f"**{ours[key] / theirs[key]:.2f}**"]
        efficiency = [line["per_second"] / line["server_cores"] for line in (ours, theirs)]
        cells.append(f"**{efficiency[0] / efficiency[1]:.1f}**")
        cells.append(f"{ours['client_cores'] / (ours['client_cores'] + ours['server_cores']):.0%}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(name: str, text: str) -> None:
    """Between the marks of that name in docs/performance.md."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    document = DOCUMENT.read_text("utf-8")
    head, rest = document.split(begin)
    DOCUMENT.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}", "utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    places = ["standalone", "ensemble"]
    parser.add_argument("where", nargs="*", choices=[*places, []], default=places)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--no-sweep", action="store_true", help="only the loads of the targets")
    parser.add_argument("--only", help="only loads whose name holds this")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    print(f"load of the machine before: {machine_load():.1f}", file=sys.stderr)
    for where in options.where:
        for part, loads in (("targets", LOADS), ("sweep", SWEEP)):
            if part == "sweep" and options.no_sweep:
                continue
            chosen = [load for load in loads if not options.only or options.only in load[0]]
            if not chosen:
                continue
            text = table(measured(where, chosen, options.rounds, options.seconds))
            print(f"\n{where}, {part}\n\n{text}\n")
            if options.write:
                write(f"{where} {part}", text)


if __name__ == "__main__":
    main()
