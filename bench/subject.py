"""What is measured: a server of one kind, ours or Apache ZooKeeper 3.8.0, alone or three of them, and its counters."""

import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Optional

from measured_server import LOAD_TOOL, measured_command, servers

from lib.ensemble import ApacheMember, Ensemble  # noqa: E402  pylint: disable=wrong-import-order

NODES = 10_000
CONFIG = {"tickTime": 2000, "initLimit": 10, "syncLimit": 5, "maxClientCnxns": 0, "4lw.commands.whitelist": "*"}
KINDS = ("lockkeeper", "apache")
REQUEST_KEYS = ("per_second", "p50_us", "p99_us", "server_cores", "client_cores", "rss_mib")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Apache(ApacheMember):
    """With a heap of 1 GB; alone or as a member of an ensemble."""

    heap = "1g"

    def command(self) -> list:
        return measured_command(super().command(), self.heap)


class RoomyApache(Apache):
    """With a heap for a million znodes."""

    heap = "3g"


SERVERS = {"lockkeeper": servers.LockkeeperServer, "apache": Apache, "roomy apache": RoomyApache}


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


def medians(lines: list) -> dict:
    """Of every number of lines that have the same keys."""
    return {key: statistics.median(line[key] for line in lines) for key in lines[0] if key != "phase"}


def efficiency(ours: dict, theirs: dict) -> str:
    """The ratio of operations for each second of the servers' processor time."""
    ratio, other = (line["per_second"] / line["server_cores"] for line in (ours, theirs))
    return f"**{ratio / other:.1f}**"


class LoadFailed(RuntimeError):
    """The load tool ended with an error: what it said, and the end of the server's log."""


def tool_line(command: list, phase: str, pids: list) -> dict:
    """Runs the load tool: the line of this phase, with the cores that these servers and the tool used since the line
    that tells of the beginning, and the servers' memory.
    """
    result, begin = None, (time.monotonic(), cpu_seconds(pids))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tool:
        for text in tool.stdout:
            line, now = json.loads(text), (time.monotonic(), cpu_seconds(pids))
            if line["phase"] == "begin":
                begin = now
            elif line["phase"] == phase:
                took, used = (after - before for before, after in zip(begin, now))
                result = {**line, "server_cores": used / took, "client_cores": line["cpu_seconds"] / took}
                result["rss_mib"] = resident_mib(pids)
        said = tool.stderr.read()
    if tool.returncode != 0 or result is None:
        raise LoadFailed(f"{' '.join(command)}: {said}")
    return result


class Subject:
    """One kind of server, alone or three of them."""

    def __init__(self, kind: str, members: int = 1, config: Optional[dict] = None) -> None:
        self.kind = kind
        config = {**CONFIG, **(config or {})}
        if members > 1:
            self._ensemble = Ensemble([SERVERS[kind]] * members, config=config)
            self._ensemble.start(60)
            self.members = list(self._ensemble.members.values())
        else:
            self._ensemble = None
            self.members = [SERVERS[kind](config)]
            self.members[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def pids(self) -> list:
        """Of the members."""
        return [member.pid for member in self.members]

    def _command(self, scenario: list, arguments) -> list:
        command = [str(LOAD_TOOL), *scenario, "--server", ",".join(f"{m.host}:{m.port}" for m in self.members)]
        return command + [str(argument) for argument in arguments]

    def load(self, operation: str, sessions: int, outstanding: int, seconds: float, *more, nodes: int = NODES) -> dict:
        """Runs the load tool and adds the servers' processor time."""
        arguments = ["--operation", operation, "--connections", sessions, "--inflight", outstanding]
        arguments += ["--nodes", nodes, "--warmup", 1, "--seconds", seconds, *more]
        line = self._run(self._command([], arguments), "measure" if seconds else "prepare")
        return {key: line[key] for key in REQUEST_KEYS}

    def scenario(self, name: str, *arguments) -> dict:
        """Runs a scenario of the load tool: what it measured, with the cores that server and client used meanwhile
        and the servers' memory at its end.
        """
        return self._run(self._command([name], arguments), name)

    def _run(self, command: list, phase: str) -> dict:
        try:
            return tool_line(command, phase, self.pids())
        except LoadFailed as failure:
            raise LoadFailed(f"{self.kind}: {failure}{self.members[0].log_tail(5)}") from None

    def close(self) -> None:
        """Stops the servers and removes their directories."""
        if self._ensemble:
            self._ensemble.close()
        else:
            self.members[0].close()
