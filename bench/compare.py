"""Throughput, latency and processor time beside Apache ZooKeeper 3.8.0, on the same machine in the same run.

    bench/compare.py [standalone] [ensemble]     both without arguments; about 35 minutes

Ours and Apache's run at the same time, and are loaded in turn (A B A B); the one that is not loaded costs next to
nothing. Both sync every write (fsync on), have the same tree, and are warmed up by 20 s of mixed load first. An
ensemble has three members on this machine, with the sessions spread over them. Prints one line of JSON for each
measurement; --write puts the tables into docs/performance.md and draws the plots of the sweep. LOCKKEEPER_BINARY,
and LOAD_TOOL or BENCH_PROGRAMS (its directory), name other programs than those of the release build.
"""

import argparse
import json
import sys

import plot
from document import write, write_plot
from measured_server import machine_load
from subject import KINDS, Subject, efficiency, medians

PLACES = {"standalone": "One server", "ensemble": "Three servers"}

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
SWEEP_SESSIONS = (1, 2, 5, 10, 20, 100, 1000)
SWEEP_OPERATIONS = {
    "get": "get",
    "set": "set",
    "create": "create",
    "90 % get, 10 % set": "mixed:0.9",
    "multi of 10 sets": "multi:10",
}


def sweep_name(operation: str, sessions: int) -> str:
    """The row of the table."""
    return f"{operation}, {sessions} session" + ("s" if sessions > 1 else "")


SWEEP = tuple(
    (sweep_name(name, sessions), operation, sessions, 1)
    for name, operation in SWEEP_OPERATIONS.items()
    for sessions in SWEEP_SESSIONS
)


def measured(where: str, loads, rounds: int, seconds: float) -> dict:
    """name -> kind -> the medians of its rounds."""
    results: dict = {}
    subjects = {}
    try:
        for kind in KINDS:
            subjects[kind] = Subject(kind, 3 if where == "ensemble" else 1)
            subjects[kind].load("mixed:0.5", 50, 20, 20, "--prepare")
        for name, operation, sessions, outstanding in loads:
            found: dict = {kind: [] for kind in KINDS}
            for _ in range(rounds):
                for kind, subject in subjects.items():
                    # What create makes goes again, so that every load has the same tree.
                    clean = ("--clean",) if operation == "create" else ()
                    line = subject.load(operation, sessions, outstanding, seconds, *clean)
                    found[kind].append(line)
                    rounded = {key: round(value, 2) for key, value in line.items()}
                    print(json.dumps({"where": where, "load": name, "kind": kind, **rounded}), flush=True)
            results[name] = {kind: medians(lines) for kind, lines in found.items()}
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
        ours, theirs = (kinds[kind] for kind in KINDS)
        cells = [name]
        for key in ("per_second", "p50_us", "p99_us"):
            cells += [f"{ours[key]:.0f} / {theirs[key]:.0f}", f"**{ours[key] / theirs[key]:.2f}**"]
        cells.append(efficiency(ours, theirs))
        cells.append(f"{ours['client_cores'] / (ours['client_cores'] + ours['server_cores']):.0%}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plots(where: str, results: dict) -> dict:
    """The file names and texts of the plots of a whole sweep."""
    ratios, panels = [], []
    for name in SWEEP_OPERATIONS:
        rows = [(sessions, results[sweep_name(name, sessions)]) for sessions in SWEEP_SESSIONS]
        lines = {kind: [(x, kinds[kind]["per_second"]) for x, kinds in rows] for kind in KINDS}
        ours, theirs = (lines[kind] for kind in KINDS)
        ratios.append(plot.Series(name, [(x, y / other) for (x, y), (_, other) in zip(ours, theirs)]))
        series = [plot.Series("ours", ours), plot.Series("Apache", theirs)]
        panels.append(plot.Panel(name, "sessions", "per second", series))
    title = f"{PLACES[where]}: operations per second, ours / Apache"
    ratio = plot.Panel(title, "sessions", "ratio", ratios, line_at=1, width=720, height=420)
    return {f"{where}-ratio.svg": plot.svg([ratio], 1), f"{where}-throughput.svg": plot.svg(panels, 2)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("where", nargs="*", help=", ".join(PLACES) + "; default: both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--sweep-rounds", type=int, default=1)
    parser.add_argument("--sweep-seconds", type=float, default=3)
    parser.add_argument("--no-sweep", action="store_true", help="only the loads of the targets")
    parser.add_argument("--only-sweep", action="store_true", help="only one to a thousand sessions")
    parser.add_argument("--only", help="only loads whose name holds this")
    parser.add_argument("--write", action="store_true", help="put tables and plots into docs/")
    options = parser.parse_args()
    if unknown := set(options.where) - set(PLACES):
        parser.error(f"no such place: {', '.join(sorted(unknown))}")
    print(f"load of the machine before: {machine_load():.1f}", file=sys.stderr)
    for where in options.where or PLACES:
        for part, loads, rounds, seconds in (
            ("targets", LOADS, options.rounds, options.seconds),
            ("sweep", SWEEP, options.sweep_rounds, options.sweep_seconds),
        ):
            if options.no_sweep if part == "sweep" else options.only_sweep:
                continue
            chosen = tuple(load for load in loads if not options.only or options.only in load[0])
            if not chosen:
                continue
            results = measured(where, chosen, rounds, seconds)
            text = table(results)
            print(f"\n{where}, {part}\n\n{text}\n")
            if options.write:
                pictures = plots(where, results) if chosen == SWEEP else {}
                for name, picture in pictures.items():
                    write_plot(name, picture)
                links = [f"![{PLACES[where]}: {name}](plots/{name})\n\n" for name in pictures]
                write(f"{where} {part}", "".join(links) + text)


if __name__ == "__main__":
    main()
