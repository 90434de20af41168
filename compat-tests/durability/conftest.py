"""Disks that are small, read-only, slow or broken, for the servers of these tests."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CLONE_NEWNS = 0x00020000
_LIBC = ctypes.CDLL(None, use_errno=True)
LOGS = "*/log.*"  # the transaction logs, as a pattern for FaultyDisk


class Mounts:
    """Mounts that only this process and its children see, undone by `close`."""

    def __init__(self) -> None:
        self._targets: list = []

    def tmpfs(self, target: Path, kib: int) -> Path:
        """An empty file system of that size at a new directory."""
        target.mkdir()
        return self._mount(["-t", "tmpfs", "-o", f"size={kib}k", "tmpfs"], target)

    def resize(self, target: Path, kib: int) -> None:
        """Gives a tmpfs another size."""
        subprocess.run(["mount", "-o", f"remount,size={kib}k", str(target)], check=True)

    def read_only(self, directory: Path) -> None:
        """From now on nothing below `directory` can be changed, not even by root."""
        self._mount(["--bind", str(directory)], directory)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(directory)], check=True)

    def undo_last(self) -> None:
        """Takes the newest mount away."""
        subprocess.run(["umount", "-l", str(self._targets.pop())], check=True)

    def close(self) -> None:
        """Takes every mount away."""
        while self._targets:
            self.undo_last()

    def _mount(self, arguments: list, target: Path) -> Path:
        done = subprocess.run(["mount", *arguments, str(target)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"mount is not allowed: {done.stderr.strip()}")
        self._targets.append(target)
        return target


@pytest.fixture(scope="session")
def mount_namespace():
    """This process has mounts of its own, so that nothing is left in the system, whatever happens."""
    if _LIBC.unshare(_CLONE_NEWNS) != 0:
        pytest.skip(f"unshare is not allowed: {os.strerror(ctypes.get_errno())}")
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount is not allowed: {done.stderr.strip()}")


@pytest.fixture
def mounts(mount_namespace):
    """Mounts for one test; skipped where mounting is not allowed."""
    del mount_namespace
    made = Mounts()
    yield made
    made.close()


class FaultyDisk:
    """The instructions for disk_faults.c in the servers that were started with it."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self.heal()

    def heal(self) -> None:
        """An ordinary disk."""
        self._control.write_text("", encoding="ascii")

    def slow_down(self, seconds: float, files: str = LOGS) -> None:
        """Every sync of these files takes so much longer."""
        self._say(f"slow {round(seconds * 1000)}", files)

    def break_down(self, files: str = LOGS) -> None:
        """Every sync of these files fails with EIO."""
        self._say("fail", files)

    def fail_once(self, files: str = LOGS) -> None:
        """The next sync of these files fails with EIO, those after it work."""
        self._say("once", files)

    def _say(self, instruction: str, files: str) -> None:
        fresh = self._control.with_suffix(".new")
        fresh.write_text(f"{instruction}\n{files}\n", encoding="ascii")
        fresh.rename(self._control)


@pytest.fixture(scope="session")
def disk_faults_library(tmp_path_factory):
    """disk_faults.c, compiled."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    target = tmp_path_factory.mktemp("disk") / "disk_faults.so"
    source = Path(__file__).with_name("disk_faults.c")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", target, source, "-ldl"]
    subprocess.run(command, check=True)
    return target


@pytest.fixture
def disk(disk_faults_library, tmp_path, monkeypatch):
    """A disk that obeys; servers started while this fixture lives have it."""
    control = tmp_path / "instruction"
    monkeypatch.setenv("LD_PRELOAD", str(disk_faults_library))
    monkeypatch.setenv("DISK_FAULTS", str(control))
    return FaultyDisk(control)
