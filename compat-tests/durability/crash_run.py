"""A server, its load and the model of what the server promised, over many crashes."""

import random
import threading
import time
from typing import Callable

from crash_load import drive
from crash_sessions import SessionLoad

from lib.waiting import wait_until
from lib.zkwire import Connection, ConnectionClosed, Flags, open_session, reconnect

WORKER_TIMEOUT_MS = 40000
# Small values bring checkpoints, snapshots and changes of the log file into most rounds.
SNAP_COUNTS = (200, 1000, 100000)
PREALLOCATIONS_KIB = (64, 1024, 16384)


class CrashRun:
    """Rounds of `load_until`, `start` and `check`; what went wrong collects in `broken`."""

    def __init__(self, server, seed: int, make_workloads: Callable) -> None:
        self.server = server
        self.rng = random.Random(seed)
        self.workloads = make_workloads(self.rng)
        self.sessions = SessionLoad()
        self.broken: list = []
        self.longest_start_s = 0.0
        self._connections: dict = {}  # workload -> its connection, whose session goes on from round to round
        with open_session(server) as conn:
            self.sessions.prepare(conn)
            conn.close_session()
        for workload in self.workloads:
            conn = open_session(server, timeout_ms=WORKER_TIMEOUT_MS)
            workload.prepare(conn)
            assert conn.create(f"{workload.root}-ephemeral", flags=Flags.EPHEMERAL).ok
            self._connections[workload] = conn

    @property
    def acknowledged(self) -> int:
        """Writes, sessions and closes acknowledged so far."""
        return sum(load.acknowledged for load in [*self.workloads, self.sessions])

    def load_until(self, end_server) -> None:
        """Runs the load, calls `end_server` at the chosen moment, and waits until all have noticed."""
        before = {load: load.acknowledged for load in [*self.workloads, self.sessions]}
        threads = [threading.Thread(target=drive, args=item, daemon=True) for item in self._connections.items()]
        threads.append(threading.Thread(target=self.sessions.run, args=(self.server,), daemon=True))
        for thread in threads:
            thread.start()
        wait_until(lambda: all(load.acknowledged > count for load, count in before.items()), "load")
        self.wait_for_moment()
        end_server()
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive(), "a client does not notice the end of the server"

    def wait_for_moment(self) -> None:
        """Returns when the server is to end, while the load runs."""
        time.sleep(self.rng.uniform(0, 0.35))  # the random moment, not a wait for something

    def configure(self) -> None:
        """Chooses the configuration of the next start."""
        self.server.config["snapCount"] = str(self.rng.choice(SNAP_COUNTS))
        self.server.config["preAllocSize"] = str(self.rng.choice(PREALLOCATIONS_KIB))

    def start_in_vain(self) -> None:
        """Sometimes starts the server and kills it again: recovery itself is interrupted too."""
        if self.rng.random() < 0.2:
            self.server.launch()
            time.sleep(self.rng.uniform(0, min(2 * self.longest_start_s, 0.5)))
            self.server.kill()

    def start(self) -> None:
        """Starts the server, sometimes in more than one attempt."""
        self.configure()
        self.start_in_vain()
        begin = time.monotonic()
        self.server.start()
        self.longest_start_s = max(self.longest_start_s, time.monotonic() - begin)

    def check(self) -> None:
        """Collects the promises that the restarted server broke."""
        for workload in self.workloads:
            conn = self._carry_on(workload)
            self.broken += workload.check(conn)
            self.broken += workload.broken
            owner = conn.exists(f"{workload.root}-ephemeral")
            if not owner.ok or owner.value.ephemeral_owner != conn.session_id:
                self.broken.append(f"{workload.root}-ephemeral: {owner}, session {conn.session_id:#x}")
            if owner.zxid < workload.last_zxid:
                self.broken.append(f"zxid {owner.zxid:#x} after {workload.last_zxid:#x} was acknowledged")
        conn = self._connections[self.workloads[0]]
        self.broken += self.sessions.check(self.server, conn)
        self.broken += self.sessions.broken

    def _carry_on(self, workload) -> Connection:
        """The workload's session on a new connection, a new session if the server has lost the old one."""
        old = self._connections[workload]
        old.close()
        handshake = {"timeout_ms": WORKER_TIMEOUT_MS, "last_zxid": workload.last_zxid}
        try:
            conn = reconnect(self.server, old, **handshake)
        except ConnectionClosed:  # refused: it has lost the session, or its last zxid is before ours
            self.broken.append(f"session {old.session_id:#x} with zxid {workload.last_zxid:#x} is refused")
            conn = open_session(self.server)
        self._connections[workload] = conn
        return conn

    def close(self) -> None:
        """Closes the connections."""
        for conn in self._connections.values():
            conn.close()
