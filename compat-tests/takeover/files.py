"""Data directories as files: copies, what is in them, damage, and the programs that make new ones.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Optional

from lib.servers import lockkeeper_binary
from takeover.snapshot_file import zxid_of

_PATIENCE_S = 60


def snapshots(data_dir) -> list:
    """The snapshot files of a data directory, oldest first."""
    return sorted(Path(data_dir, "version-2").glob("snapshot.*"), key=zxid_of)


def logs(data_dir) -> list:
    """The log files of a data directory, oldest first."""
    return sorted(Path(data_dir, "version-2").glob("log.*"), key=zxid_of)


def copy(data_dir, target) -> Path:
    """A copy of a stopped server's directory; the holes of its logs stay holes."""
    subprocess.run(["cp", "-a", "--sparse=always", str(data_dir), str(target)], check=True)
    return Path(target)


def copy_with_snapshot(data_dir, target, name: str) -> Path:
    """A copy that has all logs, one of the snapshots and nothing else."""
    version = Path(target, "version-2")
    version.mkdir(parents=True)
    for path in [*logs(data_dir), Path(data_dir, "version-2", name)]:
        shutil.copy(path, version)
    return Path(target)


def contents(directory, but: str = "") -> dict:
    """Relative path -> bytes of every file below, but for lock files, which come and go, and for
    what is in a directory named `but`.
    """
    directory = Path(directory)
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock") and path.parent.name != but
    }


def flip_byte(path: Path, position: int) -> None:
    """Changes one bit; a negative position counts from the end."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0x04
    path.write_bytes(data)


def cut(path: Path, count: int) -> None:
    """Takes `count` bytes off the end."""
    path.write_bytes(path.read_bytes()[:-count])


def run_tool(*arguments) -> subprocess.CompletedProcess:
    """`lockkeeper ARGUMENTS...`, as it ended."""
    command = [str(lockkeeper_binary()), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )


def export(server, out_dir) -> Path:
    """`lockkeeper export` of a stopped Lockkeeper server; the new data directory."""
    done = run_tool("export", server.config_path, out_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(out_dir)


def purge_like_the_operator(data_dir, keep: int) -> None:
    """Apache's own zkCleanup on a stopped server's directory."""
    main = "org.apache.zookeeper.server.PurgeTxnLog"
    names = ("zookeeper", "slf4j-log4j12", "log4j-1.2")
    jars = ":".join(f"/usr/share/java/{name}.jar" for name in names)
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jars, main]
    done = subprocess.run(
        [*command, str(data_dir), "-n", str(keep)],
        capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def move_logs_away(data_dir, log_dir) -> Path:
    """Turns a joint directory into one with a dataLogDir; returns that."""
    target = Path(log_dir, "version-2")
    target.mkdir(parents=True)
    for path in logs(data_dir):
        shutil.move(path, target / path.name)
    return Path(log_dir)


def keep_only_snapshot(data_dir, name: Optional[str]) -> None:
    """Removes all snapshots but one; None removes all."""
    for path in snapshots(data_dir):
        if path.name != name:
            path.unlink()
