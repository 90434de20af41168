"""The server that a scale tool works on: one of its own, or one that runs already; and its memory."""

import argparse
import contextlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

from lib import servers


@dataclass(frozen=True)
class Target:
    """Where the server listens, and its process if it is on this machine."""

    host: str
    port: int
    pid: Optional[int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options common to the tools."""
    parser.add_argument("--server", metavar="HOST:PORT", help="a running server (default: start one, COMPAT_SERVER)")
    parser.add_argument("--pid", type=int, help="process of that server, for its memory")


@contextlib.contextmanager
def target_of(arguments: argparse.Namespace, config: dict) -> Iterator[Target]:
    """The server that the options name, or a new one with `config`, ended afterwards."""
    if arguments.server:
        host, _, port = arguments.server.rpartition(":")
        yield Target(host, int(port), arguments.pid)
        return
    with servers.start_server(config=config) as process:
        yield Target(process.host, process.port, process.pid)


def resident_bytes(pid: Optional[int]) -> Optional[int]:
    """Resident memory in bytes; of a Java process after a full garbage collection. None without a pid."""
    if pid is None:
        return None
    executable = Path(f"/proc/{pid}/exe").resolve().name
    if executable == "java" and shutil.which("jcmd"):
        subprocess.run(["jcmd", str(pid), "GC.run"], stdout=subprocess.DEVNULL, check=False)
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no memory: it has ended")
