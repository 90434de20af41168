"""What clients do with a coordination server, beside Apache ZooKeeper 3.8.0 on the same machine in the same run.

    bench/scenarios.py [locks] [fanout] [storm] [idle] [memory] [checkpoints] [ceilings]
                                        all without arguments; about 20 minutes

locks        the standard lock recipe, mutual exclusion verified: contended, uncontended, and at a fixed rate
fanout       10,000 sessions watch one znode that is set
storm        sessions begun and ended
idle         memory and processor time of 10,000 sessions that only ping
memory       of 1,000,000 znodes with names of 16 bytes and data of 100
checkpoints  latency of writes at full load on three servers, with checkpoints and without; only ours
ceilings     reads beside an echo server with the same framing, writes beside batched append and fdatasync; only ours

Ours and Apache's are loaded in turn (A B A B) after at least 20 s of warm-up, fsync on in both. Prints one line of
JSON for each run and a table for each part; --write puts the tables into docs/performance.md. The time to the first
read with 1,000,000 znodes is in bench/storage.py. LOCKKEEPER_BINARY, and BENCH_PROGRAMS for the directory of the load
tool and the ceilings, name other programs than those of the release build.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from document import write
from measured_server import BENCH_PROGRAMS, CHECKPOINTS_OFF, LOAD_TOOL, check_disk, machine_load
from subject import KINDS, REQUEST_KEYS, LoadFailed, Subject, efficiency, medians, resident_mib, tool_line

WARMUP_SECONDS = 20


def say(part: str, **values) -> None:
    """One line of JSON."""
    rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}
    print(json.dumps({"part": part, **rounded, "machine_load": round(machine_load(), 1)}), flush=True)


def pair(ours, theirs, digits: int = 0) -> str:
    """Both, and their ratio."""
    return f"{ours:.{digits}f} / {theirs:.{digits}f} | **{ours / theirs:.2f}**"


def pairs_in_ms(ours: dict, theirs: dict, *keys: str) -> list:
    """Of times in microseconds."""
    return [pair(ours[key] / 1000, theirs[key] / 1000, 2) for key in keys]


def costs(ours: dict, theirs: dict) -> list:
    """The cells of the two columns on processor time."""
    return [efficiency(ours, theirs), f"{ours['client_cores']:.2f} / {ours['server_cores']:.2f}"]


def warm_subjects(stack: contextlib.ExitStack) -> dict:
    """Ours and Apache's, both running, after mixed load."""
    subjects = {kind: stack.enter_context(Subject(kind)) for kind in KINDS}
    for subject in subjects.values():
        subject.load("mixed:0.5", 50, 20, WARMUP_SECONDS, "--prepare")
    return subjects


def in_turn(part: str, subjects: dict, rounds: int, arguments: tuple) -> dict:
    """kind -> the medians of its rounds of a scenario."""
    found: dict = {kind: [] for kind in subjects}
    for _ in range(rounds):
        for kind, subject in subjects.items():
            line = subject.scenario(part, *arguments)
            say(part, kind=kind, **line)
            found[kind].append(line)
    return {kind: medians(lines) for kind, lines in found.items()}


# --- locks ------------------------------------------------------------------------------------

# Name, contenders, locks, lock operations a second (0: closed loop).
LOCKS = (
    ("50 contenders, 10 locks", 50, 10, 0),
    ("1,000 contenders, 1,000 locks", 1000, 1000, 0),
    ("1,000 contenders, 1,000 locks, 5,000 operations a second", 1000, 1000, 5000),
    ("1,000 contenders, 1,000 locks, 10,000 operations a second", 1000, 1000, 10_000),
)


def locks(options) -> str:
    """Closed loops, and open ones where latency is what counts."""
    lines = [
        "| contention | lock operations per second, ours / Apache | ratio | acquire p50 ms, ours / Apache | ratio "
        "| acquire p99 ms, ours / Apache | ratio | per server CPU second, ratio | client / server cores, ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with contextlib.ExitStack() as stack:
        subjects = warm_subjects(stack)
        for subject in subjects.values():
            subject.scenario("locks", "--connections", 50, "--locks", 10, "--seconds", options.seconds, "--warmup", 3)
        for name, contenders, count, rate in LOCKS:
            arguments = ("--connections", contenders, "--locks", count, "--warmup", 2, "--seconds", options.seconds)
            found = in_turn("locks", subjects, options.rounds, (*arguments, *(("--rate", rate) if rate else ())))
            ours, theirs = (found[kind] for kind in KINDS)
            cells = [name, pair(ours["per_second"], theirs["per_second"])]
            cells += pairs_in_ms(ours, theirs, "acquire_p50_us", "acquire_p99_us") + costs(ours, theirs)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# --- fan-out and idle sessions ----------------------------------------------------------------


def most_sessions(subjects: dict, wanted: int) -> tuple:
    """How many all of them can hold, and what happened where it was fewer than wanted."""
    trouble = []
    for sessions in (wanted, *(count for count in (5000, 2000, 1000) if count < wanted)):
        try:
            for subject in subjects.values():
                subject.scenario("idle", "--connections", sessions, "--seconds", 1, "--warmup", 0)
            return sessions, trouble
        except LoadFailed as failure:
            trouble.append(f"{sessions} sessions: {failure}")
            print(trouble[-1], file=sys.stderr)
    raise SystemExit("not even 1000 sessions can be held")


def whole_rounds(line: dict) -> dict:
    """The rate of events and the server's cores, with the time in which the watches are set again."""
    took = line["cpu_seconds"] / line["client_cores"]
    return {"per_second": line["events"] / took, "server_cores": line["server_cores"]}


def fanout(options) -> str:
    """One znode, many watchers."""
    lines = [
        "| sessions | last event p50 ms, ours / Apache | ratio | last event p99 ms, ours / Apache | ratio "
        "| events per second, ours / Apache | ratio | client cores while events come, ours / Apache "
        "| server cores in whole rounds, ours / Apache | rounds' events per server CPU second, ratio |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    with contextlib.ExitStack() as stack:
        subjects = warm_subjects(stack)
        sessions, trouble = most_sessions(subjects, options.sessions)
        for subject in subjects.values():
            subject.scenario("fanout", "--connections", sessions, "--rounds", options.fanout_rounds)
        for count in sorted({1000, sessions}):
            arguments = ("--connections", count, "--rounds", options.fanout_rounds)
            found = in_turn("fanout", subjects, options.rounds, arguments)
            ours, theirs = (found[kind] for kind in KINDS)
            cells = [str(count)]
            cells += pairs_in_ms(ours, theirs, "last_p50_us", "last_p99_us")
            cells.append(pair(ours["events_per_second"], theirs["events_per_second"]))
            busy = [f"{line['cpu_seconds_of_events'] / line['seconds']:.2f}" for line in (ours, theirs)]
            cells.append(" / ".join(busy))
            cells.append(f"{ours['server_cores']:.2f} / {theirs['server_cores']:.2f}")
            cells.append(efficiency(whole_rounds(ours), whole_rounds(theirs)))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines + [f"\n{text}" for text in trouble])


def live_heap(subject: Subject) -> int:
    """Bytes of live objects in a JVM, after a collection that jcmd forces."""
    pid = str(subject.members[0].pid)
    command = ["jcmd", pid, "GC.class_histogram"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(re.search(r"^Total\s+\d+\s+(\d+)", done.stdout, re.M)[1])


def idle_run(kind: str, options) -> dict:
    """A fresh server, so that its memory does not come from anything else."""
    with Subject(kind) as subject:
        subject.scenario("idle", "--connections", 100, "--seconds", 1, "--warmup", 0)
        before = resident_mib(subject.pids())
        heap = live_heap(subject) if kind == "apache" else 0
        arguments = ["--connections", options.sessions, "--seconds", options.idle_seconds, "--warmup", 5]
        line = subject.scenario("idle", *arguments)
        grown = (line["rss_mib"] - before) * 2**20 / options.sessions
        line = {**line, "rss_before_mib": before, "bytes_a_session": grown, "live_bytes_a_session": 0.0}
        if kind == "apache":
            line["live_bytes_a_session"] = live_heap_of_idle(subject, options.sessions, heap)
        say("idle", kind=kind, **line)
        return line


def live_heap_of_idle(subject: Subject, sessions: int, before: int) -> float:
    """Of each session, while they are held."""
    arguments = ["idle", "--server", f"{subject.members[0].host}:{subject.members[0].port}"]
    arguments += ["--connections", str(sessions), "--warmup", "0", "--seconds", "10"]
    held = None
    with subprocess.Popen([str(LOAD_TOOL), *arguments], stdout=subprocess.PIPE, text=True) as tool:
        for text in tool.stdout:
            if json.loads(text)["phase"] == "begin":
                held = (live_heap(subject) - before) / sessions
    if tool.returncode != 0 or held is None:
        raise LoadFailed(f"{sessions} idle sessions were not held")
    return held


def idle(options) -> str:
    """Sessions that only ping."""
    lines = [
        "| | resident before, MiB | with the sessions, MiB | bytes a session | live heap, bytes a session "
        "| server, % of a core | client, % of a core |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, name in zip(KINDS, ("ours", "Apache")):
        line = idle_run(kind, options)
        heap = f"{line['live_bytes_a_session']:.0f}" if kind == "apache" else ""
        lines.append(
            f"| {name} | {line['rss_before_mib']:.1f} | {line['rss_mib']:.1f} | **{line['bytes_a_session']:.0f}** "
            f"| {heap} | **{100 * line['server_cores']:.2f}** | {100 * line['client_cores']:.2f} |"
        )
    return "\n".join(lines)


# --- storm ------------------------------------------------------------------------------------


def storm(options) -> str:
    """Sessions begun and ended, so many at a time."""
    lines = [
        "| at a time | sessions per second, ours / Apache | ratio | begin p99 ms, ours / Apache | ratio "
        "| end p99 ms, ours / Apache | ratio | per server CPU second, ratio | client / server cores, ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    with contextlib.ExitStack() as stack:
        subjects = warm_subjects(stack)
        for subject in subjects.values():
            subject.scenario("storm", "--connections", 50, "--seconds", 5)
        for at_a_time in (1, 50, 500):
            arguments = ("--connections", at_a_time, "--warmup", 1, "--seconds", options.seconds)
            found = in_turn("storm", subjects, options.rounds, arguments)
            ours, theirs = (found[kind] for kind in KINDS)
            cells = [str(at_a_time), pair(ours["per_second"], theirs["per_second"])]
            cells += pairs_in_ms(ours, theirs, "open_p99_us", "close_p99_us") + costs(ours, theirs)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# --- memory -----------------------------------------------------------------------------------

NAME_BYTES = 16
DATA_BYTES = 100
SETTLE_SECONDS = 20


def memory(options) -> str:
    """A whole server with so many znodes; the resident memory that it grew by."""
    name = f"{options.nodes} znodes, bytes each"
    later = f"{SETTLE_SECONDS} s later"
    lines = [f"| {name} | resident after the load | {later} | after a restart | live heap | 1.3 x (60 + name + data) |"]
    lines.append("|---|---|---|---|---|---|")
    tree = ("--prepare", "--name", NAME_BYTES, "--data", DATA_BYTES)
    for kind, shown in (("lockkeeper", "ours"), ("roomy apache", "Apache, heap of 3 GB")):
        with Subject(kind) as subject:
            before = resident_mib(subject.pids())
            subject.load("get", 16, 64, 0, *tree, nodes=options.nodes)
            loaded = resident_mib(subject.pids())
            time.sleep(SETTLE_SECONDS)
            settled = resident_mib(subject.pids())
            heap = live_heap(subject) / options.nodes if kind != "lockkeeper" else 0
            subject.members[0].restart(timeout=300)
            restarted = resident_mib(subject.pids())
        each = [(mib - before) * 2**20 / options.nodes for mib in (loaded, settled, restarted)]
        say("memory", kind=kind, nodes=options.nodes, before_mib=before, loaded_mib=loaded, settled_mib=settled,
            restarted_mib=restarted, live_heap=heap)  # fmt: skip
        allowed = f"{1.3 * (60 + NAME_BYTES + DATA_BYTES):.0f}" if kind == "lockkeeper" else ""
        heap_text = f"{heap:.0f}" if heap else ""
        lines.append(f"| {shown} | {each[0]:.0f} | **{each[1]:.0f}** | {each[2]:.0f} | {heap_text} | {allowed} |")
    return "\n".join(lines)


# --- checkpoints ------------------------------------------------------------------------------

CHECKPOINT_VARIANTS = {
    "off": CHECKPOINTS_OFF,
    "as by default": {},
    "at 4 MiB of changes": {"lockkeeper.checkpointDirtyMb": 4},
}


def checkpoints_in(subject: Subject) -> int:
    """That the members' logs tell of."""
    texts = [member.log_path.read_text("utf-8", "replace") for member in subject.members]
    return sum(text.count("] checkpoint at zxid") for text in texts)


def checkpoints(options) -> str:
    """Closed loops of sets on ensembles that differ in their checkpoints alone, in turn."""
    lines = [
        "| checkpoints | sets per second | p50 ms | p99 ms, median | p99 of the rounds | p99 / p99 without | count |",
        "|---|---|---|---|---|---|---|",
    ]
    with contextlib.ExitStack() as stack:
        subjects, found, counts = {}, {}, {}
        for name, config in CHECKPOINT_VARIANTS.items():
            subjects[name] = stack.enter_context(Subject("lockkeeper", 3, config))
            subjects[name].load("set", 50, 20, 2, "--prepare", nodes=options.nodes)
            found[name], counts[name] = [], 0
        for _ in range(options.rounds):
            for name, subject in subjects.items():
                before = checkpoints_in(subject)
                line = subject.load("set", 50, 20, options.seconds, nodes=options.nodes)
                count = checkpoints_in(subject) - before
                say("checkpoints", variant=name, count=count, **line)
                found[name].append(line)
                counts[name] += count
    base = medians(found["off"])["p99_us"]
    for name, runs in found.items():
        line = medians(runs)
        each = " ".join(f"{run['p99_us'] / 1000:.1f}" for run in runs)
        lines.append(
            f"| {name} | {line['per_second']:.0f} | {line['p50_us'] / 1000:.2f} | {line['p99_us'] / 1000:.2f} "
            f"| {each} | **{line['p99_us'] / base:.2f}** | {counts[name]} |"
        )
    return "\n".join(lines)


# --- ceilings ---------------------------------------------------------------------------------


def io_threads(subject: Subject) -> int:
    """How many threads serve the connections of ours."""
    tasks = Path(f"/proc/{subject.members[0].pid}/task").iterdir()
    count = sum((task / "comm").read_text("ascii").startswith("io-") for task in tasks)
    if count == 0:
        raise SystemExit("the server has no threads that are named io-N")
    return count


@contextlib.contextmanager
def echo_server(threads: int):
    """Its process and its address."""
    command = [str(BENCH_PROGRAMS / "echo_server"), str(threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def echo_run(process, address: str, sessions: int, outstanding: int, seconds: float) -> dict:
    """As Subject.load."""
    command = [LOAD_TOOL, "--server", address, "--operation", "get", "--connections", sessions]
    command += ["--inflight", outstanding, "--warmup", 1, "--seconds", seconds, "--nodes", 10_000]
    line = tool_line([str(part) for part in command], "measure", [process.pid])
    return {key: line[key] for key in REQUEST_KEYS}


def append_run(directory: str, batch: int, seconds: float) -> dict:
    """Appends and syncs of one batch after the other."""
    command = [str(BENCH_PROGRAMS / "append_sync"), directory, str(batch), str(seconds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ceilings(options) -> str:
    """Ours and what the machine can do at most, in turn."""
    head = "| load | ours, per second | ceiling, per second | ours / ceiling | server cores, ours / ceiling "
    lines = [head + "| client cores, ours / ceiling |", "|---|---|---|---|---|---|"]
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="lockkeeper-ceiling-"))
        ours = stack.enter_context(Subject("lockkeeper"))
        process, address = stack.enter_context(echo_server(io_threads(ours)))
        ours.load("mixed:0.5", 50, 20, 3, "--prepare")
        for name, operation, sessions, outstanding, batch in (
            ("get, 50 sessions, 1 outstanding; echo", "get", 50, 1, 0),
            ("get, 50 sessions, 20 outstanding; echo", "get", 50, 20, 0),
            ("set, 50 sessions, 20 outstanding; 500 appends, fdatasync", "set", 50, 20, 500),
            ("set, 50 sessions, 20 outstanding; 1000 appends, fdatasync", "set", 50, 20, 1000),
        ):
            own, most = [], []
            for _ in range(options.rounds):
                own.append(ours.load(operation, sessions, outstanding, options.seconds))
                if batch:
                    most.append(append_run(directory, batch, options.seconds))
                else:
                    most.append(echo_run(process, address, sessions, outstanding, options.seconds))
                say("ceilings", load=name, ours=own[-1]["per_second"], ceiling=most[-1]["per_second"])
            mine, ceiling = medians(own), medians(most)
            share = f"**{mine['per_second'] / ceiling['per_second']:.0%}**"
            cells = [name, f"{mine['per_second']:.0f}", f"{ceiling['per_second']:.0f}", share]
            for key in ("server_cores", "client_cores"):
                cells.append(f"{mine[key]:.2f} / {ceiling[key]:.2f}" if not batch else f"{mine[key]:.2f} /")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# --- the program ------------------------------------------------------------------------------


def main() -> None:
    """The command line."""
    parts = {
        "locks": locks,
        "fanout": fanout,
        "storm": storm,
        "idle": idle,
        "memory": memory,
        "checkpoints": checkpoints,
        "ceilings": ceilings,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=", ".join(parts) + "; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind, in turn")
    parser.add_argument("--seconds", type=float, default=6, help="of each run that has a time")
    parser.add_argument("--sessions", type=int, default=10_000, help="of fanout and idle")
    parser.add_argument("--fanout-rounds", type=int, default=50, help="sets in each run of fanout")
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--nodes", type=int, default=1_000_000, help="of memory and checkpoints")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    check_disk(tempfile.gettempdir())
    failed = []
    for name, part in parts.items():
        if options.parts and name not in options.parts:
            continue
        try:
            text = part(options)
        except LoadFailed as failure:  # the other parts do not need it
            print(f"{name}: {failure}", file=sys.stderr, flush=True)
            failed.append(name)
            continue
        print(f"\n{name}\n\n{text}\n", flush=True)
        if options.write:
            write(f"scenarios {name}", text)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
