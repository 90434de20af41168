"""An honest client that works while others misbehave, and a look at what that costs the server.

    with Bystander(server) as bystander:
        ... attack ...
    bystander.assert_served()
    assert bystander.growth_mib < 64

Memory and sockets are read from /proc/<pid>, so the server must run on this machine.
"""

import os
import threading
import time
from pathlib import Path

from lib.waiting import wait_until
from lib.zkwire import ConnectionClosed, ProtocolError, open_session

DEADLINE_S = 10.0  # not about speed: only a server that does not serve at all is this slow
PAUSE_S = 0.01


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no VmRSS of process {pid}: is it a zombie?")


def open_sockets(pid: int) -> int:
    """Number of sockets that a process has open."""
    count = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(entry.path).startswith("socket:")
        except FileNotFoundError:
            pass  # closed while we looked
    return count


class Bystander:
    """Writes, reads and deletes without a pause to speak of, in a thread, and watches the server's memory."""

    def __init__(self, server, deadline_s: float = DEADLINE_S) -> None:
        self._server = server
        self._deadline_s = deadline_s  # for one request
        self._pid = server.pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bystander", daemon=True)
        self._root = f"/bystander-{os.getpid()}-{time.monotonic_ns()}"
        self.trouble: list = []
        self.rounds = 0
        self.worst_s = 0.0  # the longest that one request took
        self.before_mib = 0.0
        self.most_mib = 0.0

    def __enter__(self) -> "Bystander":
        self.before_mib = self.most_mib = resident_mib(self._pid)
        self._thread.start()
        wait_until(lambda: self.rounds or self.trouble, "the bystander is served before the attack")
        return self

    def __exit__(self, *_exc) -> None:
        rounds = self.rounds
        wait_until(lambda: self.rounds > rounds + 2 or self.trouble, "the bystander is served after the attack")
        self._stop.set()
        self._thread.join(timeout=4 * DEADLINE_S)

    @property
    def growth_mib(self) -> float:
        """How much the resident memory grew at the most while the bystander was there."""
        return self.most_mib - self.before_mib

    def assert_served(self) -> None:
        """Every request was answered rightly, and none had to wait beyond all reason."""
        assert not self.trouble, f"after {self.rounds} rounds: {self.trouble}"
        assert self._server.pid == self._pid, "the server has ended"
        assert self.worst_s < self._deadline_s, f"a request of an honest client took {self.worst_s:.1f} s"

    def _run(self) -> None:
        try:
            with open_session(self._server, timeout=3 * DEADLINE_S, timeout_ms=20000) as conn:
                self._timed(conn.create, self._root)
                while not self._stop.is_set():
                    self._one_round(conn)
                    self.most_mib = max(self.most_mib, resident_mib(self._pid))
                    self.rounds += 1
                    self._stop.wait(PAUSE_S)
                self._timed(conn.delete, self._root)
                conn.close_session()
        except (AssertionError, ConnectionClosed, ProtocolError, OSError, RuntimeError) as error:
            self.trouble.append(repr(error))

    def _one_round(self, conn) -> None:
        path, data = f"{self._root}/n{self.rounds}", str(self.rounds).encode()
        self._timed(conn.create, path, b"")
        self._timed(conn.set, path, data, 0)
        reply = self._timed(conn.get, path)
        assert reply.value[0] == data, f"{path} is {reply.value[0]!r}"
        assert self._timed(conn.children, self._root).value == [path.rpartition("/")[2]]
        self._timed(conn.delete, path, 1)

    def _timed(self, request, *arguments):
        begin = time.monotonic()
        reply = request(*arguments)
        self.worst_s = max(self.worst_s, time.monotonic() - begin)
        assert reply.ok, f"{request.__name__}{arguments} gives {reply.err}"
        return reply
