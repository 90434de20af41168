"""Servers for benchmarks: started on given data directories, loaded, and their disk writes counted.

`compat-tests/lib/servers.py` starts them; here they get the settings of a server that is measured.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Optional

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "compat-tests"))

from lib import servers, zkwire  # noqa: E402  pylint: disable=wrong-import-position

BENCH_PROGRAMS = Path(os.environ.get("BENCH_PROGRAMS", _ROOT / "build" / "release" / "bench"))
LOAD_TOOL = Path(os.environ.get("LOAD_TOOL", BENCH_PROGRAMS / "load"))

servers.LockkeeperServer.own_config = {}  # as users start it

# No checkpoint or snapshot by any trigger.
CHECKPOINTS_OFF = {
    "snapCount": 2_000_000_000,
    "snapSizeLimitInKb": -1,
    "lockkeeper.checkpointDirtyMb": 1_000_000,
    "lockkeeper.checkpointIntervalSeconds": 0,
}
SNAPSHOTS_OFF = {"snapCount": 2_000_000_000, "snapSizeLimitInKb": -1}


def measured_command(command: list, heap: str) -> list:
    """Of the JVM that tests run: one that chooses its compilers and collector itself, with this heap."""
    for_tests = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    return [f"-Xmx{heap}" if item.startswith("-Xmx") else item for item in command if item not in for_tests]


class MeasuredApache(servers.ApacheServer):
    """Apache with a heap for a million znodes."""

    def command(self) -> list:
        return measured_command(super().command(), "3g")


def server_on(kind: str, data_dir: Path, config: Optional[dict] = None) -> servers.ServerProcess:
    """A server of this kind that is not started yet; the directory stays the caller's."""
    kinds = {"lockkeeper": servers.LockkeeperServer, "apache": MeasuredApache}
    return kinds[kind](config, data_dir)


def tool(*arguments) -> None:
    """Runs a subcommand of lockkeeper to its end."""
    command = [str(servers.lockkeeper_binary()), *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def config_file(directory: Path, data_dir: Path) -> Path:
    """A configuration for the subcommands that work on a stopped server's directory."""
    path = directory / "zoo.cfg"
    path.write_text(f"dataDir={data_dir}\nclientPort={servers.free_port()}\n", encoding="utf-8")
    return path


def load(server: servers.ServerProcess, *arguments) -> dict:
    """Runs the load tool; its last line. Any error of the server is an exception."""
    command = [str(LOAD_TOOL), "--server", f"{server.host}:{server.port}", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}\n{server.log_tail(10)}")
    return json.loads(done.stdout.splitlines()[-1])


def seconds_to_first_read(server: servers.ServerProcess, path: str, limit: float = 300) -> float:
    """Starts the process; the time until a client has read the znode."""
    start = time.monotonic()
    server.launch()
    while time.monotonic() - start < limit:
        if not server.running:
            raise RuntimeError(f"the server ended:\n{server.log_tail()}")
        # Apache may leave a handshake that came before it was ready without an answer.
        if server.serving():
            with zkwire.open_session(server) as session:
                assert session.get(path).ok, path
                return time.monotonic() - start
        time.sleep(0.002)
    raise RuntimeError(f"no read within {limit} s:\n{server.log_tail()}")


def copy_directory(source: Path, target: Path) -> Path:
    """A copy that is on the disk, so that writing it back does not fall into the measurement."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for file in target.rglob("*"):
        if file.is_file():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
    return target


def drop_from_cache(directory: Path) -> None:
    """The next reading of these files comes from the disk. They must be written back already."""
    for file in directory.rglob("*"):
        if file.is_file():
            with open(file, "rb") as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def written_bytes(pid: int) -> dict:
    """What each thread of the process has given to the operating system for files, by thread id.

    Not `write_bytes`: where the page cache keeps large folios, that counts a whole folio for each
    small write into it. Sockets do not count as long as the process sends with sendmsg.
    """
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "io").read_text("ascii").splitlines():
            if line.startswith("wchar:"):
                found[int(task.name)] = int(line.split()[1])
    return found


def check_disk(directory: str) -> None:
    """On tmpfs a sync costs nothing and the figures mean nothing."""
    command = ["stat", "-f", "-c", "%T", directory]
    kind = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if kind == "tmpfs":
        raise SystemExit(f"{directory} is on tmpfs: set TMPDIR to a directory on a disk")


def machine_load() -> float:
    """Runnable processes, average of the last minute."""
    return os.getloadavg()[0]


def summary(values: list) -> str:
    """`median (least to most)`."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"
