"""The ensemble under test, with what a nemesis may do to it and what the suite asks it."""

import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterable, Optional, Sequence

from jepsen.clients import Address
from jepsen.network import Loopback
from lib.ensemble import Ensemble
from lib.records import Err
from lib.servers import four_letter
from lib.zkwire import ConnectionClosed, open_session

_DISK_FAULTS = Path(__file__).resolve().parents[1] / "durability" / "disk_faults.c"
LIVENESS_S = 90.0  # how soon a healed ensemble must serve on every server, on a slow machine


class NotLive(Exception):
    """The healed ensemble did not serve within the deadline."""


class Cluster:
    """An ensemble in a network. `close` ends all processes."""

    def __init__(self, size: int, network: Loopback, config: Optional[dict] = None) -> None:
        self.network = network
        self.numbers = list(range(1, size + 1))
        self.majority = size // 2 + 1
        places = {number: network.host(number) for number in self.numbers}
        self.ensemble = Ensemble(["lockkeeper"] * size, config=config, hosts=places)
        self.disk_control: dict[int, Path] = {}
        for number, server in self.ensemble.members.items():
            server.prefix = network.prefix(number)
        self._slow_disks()

    def __enter__(self) -> "Cluster":
        try:
            self.ensemble.start(LIVENESS_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def _slow_disks(self) -> None:
        """Puts disk_faults.c of the durability tests between each server and its disk."""
        members = self.ensemble.members
        library = members[1].home / "disk_faults.so"
        command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(_DISK_FAULTS), "-ldl"]
        subprocess.run(command, check=True)
        for number, server in members.items():
            control = server.home / "disk-faults"
            self.disk_control[number] = control
            server.environment = {"LD_PRELOAD": str(library), "DISK_FAULTS": str(control)}

    @property
    def addresses(self) -> list[Address]:
        """Where clients find the servers."""
        return [Address(server.host, server.port) for server in self.ensemble.members.values()]

    # --- questions ---

    def word(self, number: int, word: str, timeout: float = 1.0) -> str:
        """The answer to a four-letter word, "" when there is none; cuts do not concern it."""
        server = self.ensemble.members[number]
        try:
            return four_letter(server.host, server.port, word, timeout, self.network.watcher).decode()
        except OSError:
            return ""

    def state(self, number: int, timeout: float = 1.0) -> str:
        """leader, follower, "waiting" (runs, does not serve), "silent" (no answer) or "down"."""
        if not self.ensemble.members[number].running:
            return "down"
        answer = self.word(number, "srvr", timeout)
        for line in answer.splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return "waiting" if answer else "silent"

    def zxid(self, number: int) -> int:
        """The last zxid that a server applied; 0 when it does not say."""
        for line in self.word(number, "srvr").splitlines():
            if line.startswith("Zxid: "):
                return int(line.removeprefix("Zxid: "), 16)
        return 0

    def leader(self) -> Optional[int]:
        """The number of the server that leads, None while there is none."""
        return next((number for number in self.numbers if self.state(number) == "leader"), None)

    def wait_serving(self, numbers: Optional[Iterable[int]] = None, timeout: float = LIVENESS_S) -> float:
        """Until each of these (all) serves, one of them leads, and a client of each can write; returns the seconds.
        NotLive after the deadline.
        """
        began = time.monotonic()
        wanted = list(numbers or self.numbers)
        while True:
            states = {number: self.state(number) for number in wanted}
            serving = all(state in ("leader", "follower") for state in states.values())
            if serving and "leader" in states.values():
                refusing = [number for number in wanted if not self._takes_a_write(number)]
                if not refusing:
                    return time.monotonic() - began
                states["no write through"] = refusing
            if time.monotonic() - began > timeout:
                raise NotLive(f"after {timeout} s of a healed ensemble: {states}")
            time.sleep(0.05)

    def _takes_a_write(self, number: int) -> bool:
        try:
            with open_session(self.ensemble.members[number], 5, timeout_ms=20000) as client:
                done = client.create("/alive").err in (0, Err.NODE_EXISTS) and client.set("/alive", b"").ok
                client.close_session()
                return done
        except (OSError, ConnectionClosed):
            return False

    def wait_equal(self, numbers: Sequence[int], timeout: float = LIVENESS_S) -> None:
        """Until each of these has applied what any of them had at the time of the call."""
        newest = max(self.zxid(number) for number in numbers)
        deadline = time.monotonic() + timeout
        while behind := [number for number in numbers if self.zxid(number) < newest]:
            if time.monotonic() > deadline:
                raise NotLive(f"{behind} did not reach zxid {newest:#x} in {timeout} s")
            time.sleep(0.02)

    # --- damage ---

    def kill(self, number: int) -> None:
        """SIGKILL."""
        self.ensemble.members[number].kill()

    def stop(self, number: int) -> None:
        """SIGTERM; an exit code other than 0 is an error."""
        status = self.ensemble.members[number].stop(60)
        if status != 0:
            raise RuntimeError(f"server {number} ended with {status} after SIGTERM")

    def launch(self, number: int) -> None:
        """Starts a server that does not run."""
        if not self.ensemble.members[number].running:
            self.ensemble.members[number].launch()

    def pause(self, numbers: Sequence[int]) -> None:
        """SIGSTOP."""
        for number in numbers:
            self.ensemble.members[number].signal(signal.SIGSTOP)

    def resume(self, numbers: Sequence[int]) -> None:
        """SIGCONT."""
        for number in numbers:
            self.ensemble.members[number].signal(signal.SIGCONT)

    def wipe(self, number: int) -> None:
        """Empties the data directory of a server that does not run; it keeps its number."""
        data = self.ensemble.members[number].data_dir
        shutil.rmtree(data)
        data.mkdir()
        (data / "myid").write_text(str(number), encoding="ascii")

    def slow_disk(self, number: int, milliseconds: int) -> None:
        """Each sync of the server's files takes so much longer; 0 ends that."""
        control = self.disk_control[number]
        fresh = control.with_suffix(".new")
        fresh.write_text(f"slow {milliseconds}\n*\n" if milliseconds else "well\n*\n", encoding="ascii")
        fresh.replace(control)

    def ended_by_themselves(self) -> list[str]:
        """Servers that do not run although nobody killed them, with the end of their logs."""
        members = self.ensemble.members
        return [
            f"server {number} has ended:\n{server.log_tail(15)}" for number, server in members.items() if not server.running
        ]

    def close(self) -> None:
        """Mends the network and ends all processes."""
        self.network.mend()
        self.ensemble.close()
