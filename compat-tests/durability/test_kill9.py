"""Durability: whatever was acknowledged is there after the server was killed, at any moment, many times.

    KILL_ROUNDS   number of kill -9 rounds (default 100, a fifth of it against Apache, which starts slowly)
    TERM_ROUNDS   number of SIGTERM rounds (default 10)
    KILL_SEED     seed of the random choices; printed by every run
"""

import os
import random
import time

import pytest
from crash_load import standard_workloads
from crash_run import WORKER_TIMEOUT_MS, CrashRun

from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Flags, open_session

DEFAULT_ROUNDS = {"lockkeeper": 100, "apache": 20}[server_kind()]
ROUNDS = int(os.environ.get("KILL_ROUNDS", DEFAULT_ROUNDS))
TERM_ROUNDS = int(os.environ.get("TERM_ROUNDS", 10))
SEED = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(1 << 32)))

# Old snapshots and logs are removed at every start; what is still needed must stay.
CONFIG = {
    "tickTime": 2000,
    "maxSessionTimeout": WORKER_TIMEOUT_MS,
    "autopurge.purgeInterval": 1,
    "autopurge.snapRetainCount": 3,
}


def crash_rounds(server, rounds: int, end_server, record_property) -> None:
    """`rounds` times: load, end, start, check; fails with all broken promises of the first bad round."""
    print(f"KILL_SEED={SEED}")
    run = CrashRun(server, SEED, standard_workloads)
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


def test_cp_2_22_kill9_under_load_loses_no_acknowledged_write(make_server, record_property):
    """CP-2.22, CP-5.3, R3, F5: many kills under load, 0 acknowledged writes lost, 0 failed starts."""
    server = make_server(CONFIG)
    crash_rounds(server, ROUNDS, server.kill, record_property)


def test_so_12_2_sigterm_under_load_loses_nothing_and_ends_in_order(make_server, record_property):
    """SO-12.2: the same with SIGTERM, which also ends with the right exit status."""
    server = make_server(CONFIG)
    orderly = {"lockkeeper": 0, "apache": 143}[server_kind()]

    def terminate():
        assert server.stop() == orderly

    crash_rounds(server, TERM_ROUNDS, terminate, record_property)


@pytest.mark.parametrize("left_alone_ms", [4000])
def test_cp_10_1_sessions_nobody_carries_on_expire_after_a_crash(make_server, left_alone_ms):
    """CP-10.1, SO-12.2: their ephemerals survive the restart and go when the timeout, begun anew, is over."""
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
