"""Durability: whatever was acknowledged is there after the server was killed, at any moment, many times.

    KILL_ROUNDS   number of kill -9 rounds (default 100, a fifth of it against Apache, which starts slowly)
    TERM_ROUNDS   number of SIGTERM rounds (default 10)
    KILL_SEED     seed of the random choices; printed by every run
"""

import os
import random
import threading
import time

import pytest
from crash_load import drive, standard_workloads
from crash_sessions import SessionLoad

from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Connection, ConnectionClosed, Flags, open_session, reconnect

DEFAULT_ROUNDS = {"lockkeeper": 100, "apache": 20}[server_kind()]
ROUNDS = int(os.environ.get("KILL_ROUNDS", DEFAULT_ROUNDS))
TERM_ROUNDS = int(os.environ.get("TERM_ROUNDS", 10))
SEED = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(1 << 32)))

WORKER_TIMEOUT_MS = 40000
# Old snapshots and logs are removed at every start; what is still needed must stay.
CONFIG = {
    "tickTime": 2000,
    "maxSessionTimeout": WORKER_TIMEOUT_MS,
    "autopurge.purgeInterval": 1,
    "autopurge.snapRetainCount": 3,
}
# Small values bring checkpoints, snapshots and changes of the log file into most rounds.
SNAP_COUNTS = (200, 1000, 100000)
PREALLOCATIONS_KIB = (64, 1024, 16384)


class CrashRun:
    """A server, its load and the model of what the server promised, over many crashes."""

    def __init__(self, server, seed: int) -> None:
        self.server = server
        self.rng = random.Random(seed)
        self.workloads = standard_workloads(self.rng)
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
        """Runs the load, calls `end_server` at a random moment, and waits until all have noticed."""
        before = {load: load.acknowledged for load in [*self.workloads, self.sessions]}
        threads = [threading.Thread(target=drive, args=item, daemon=True) for item in self._connections.items()]
        threads.append(threading.Thread(target=self.sessions.run, args=(self.server,), daemon=True))
        for thread in threads:
            thread.start()
        wait_until(lambda: all(load.acknowledged > count for load, count in before.items()), "load")
        time.sleep(self.rng.uniform(0, 0.35))  # the random moment, not a wait for something
        end_server()
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive(), "a client does not notice the end of the server"

    def start(self) -> None:
        """Starts the server, sometimes in more than one attempt: recovery itself is interrupted too."""
        self.server.config["snapCount"] = str(self.rng.choice(SNAP_COUNTS))
        self.server.config["preAllocSize"] = str(self.rng.choice(PREALLOCATIONS_KIB))
        if self.rng.random() < 0.2:
            self.server.launch()
            time.sleep(self.rng.uniform(0, min(2 * self.longest_start_s, 0.5)))
            self.server.kill()
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


def crash_rounds(server, rounds: int, end_server, record_property) -> None:
    """`rounds` times: load, end, start, check; fails with all broken promises of the first bad round."""
    print(f"KILL_SEED={SEED}")
    run = CrashRun(server, SEED)
    begin = time.monotonic()
    try:
        for number in range(rounds):
            run.load_until(end_server)
            run.start()
            run.check()
            assert not run.broken, f"round {number} of seed {SEED}: " + "\n".join(run.broken)
    finally:
        run.close()
    summary = {
        "rounds": rounds,
        "acknowledged": run.acknowledged,
        "seconds": round(time.monotonic() - begin, 1),
        "longest_start_s": round(run.longest_start_s, 3),
    }
    print(summary)
    for key, value in summary.items():
        record_property(key, value)


def test_kill9_under_load_loses_no_acknowledged_write(make_server, record_property):
    """R3, F5, CP-2.22, CP-5.3, SO-2.9: many kills under load, 0 acknowledged writes lost, 0 failed starts."""
    server = make_server(CONFIG)
    crash_rounds(server, ROUNDS, server.kill, record_property)


def test_sigterm_under_load_loses_nothing_and_ends_in_order(make_server, record_property):
    """SO-12.2: the same with SIGTERM, which also ends with the right exit status."""
    server = make_server(CONFIG)
    orderly = {"lockkeeper": 0, "apache": 143}[server_kind()]

    def terminate():
        assert server.stop() == orderly

    crash_rounds(server, TERM_ROUNDS, terminate, record_property)


@pytest.mark.parametrize("left_alone_ms", [4000])
def test_sessions_nobody_carries_on_expire_after_a_crash(make_server, left_alone_ms):
    """SO-12.2, CP-10.1: their ephemerals survive the restart and go when the timeout, begun anew, is over."""
    server = make_server({"tickTime": 1000})
    with open_session(server, timeout_ms=left_alone_ms) as conn:
        assert conn.create("/left-alone", flags=Flags.EPHEMERAL).ok
        server.kill()
    server.launch()
    launched = time.monotonic()  # the timeout can begin at the earliest now
    wait_until(server.serving, "the server is up again")
    with open_session(server) as conn:
        assert conn.exists("/left-alone").ok, "the ephemeral does not survive the restart"
        wait_until(lambda: not conn.exists("/left-alone").ok, "the session expires")
        assert time.monotonic() - launched >= left_alone_ms / 1000
