"""globalOutstandingLimit across roles: what a member counted comes back to 0 when it loses its leader."""

import os
import signal
import socket

import pytest

from lib.ensemble import Ensemble
from lib.records import Op, set_data_request
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import open_session

pytestmark = pytest.mark.skipif(server_kind() != "lockkeeper", reason="how we count")

SETS = 20


def outstanding(server) -> int:
    lines = server.four_letter("srvr").decode().splitlines()
    values = [line.removeprefix("Outstanding: ") for line in lines if line.startswith("Outstanding: ")]
    return int(values[0]) if values else -1


def test_outstanding_requests_are_forgotten_with_the_role():
    """Writes, a read behind them and closeSession wait at a follower whose leader is paused."""
    with Ensemble(["lockkeeper"] * 3, config={"syncLimit": 10}) as ensemble:
        leader = ensemble.leader()
        follower = ensemble.members[next(n for n in (1, 2, 3) if n != leader)]
        with open_session(follower) as session:
            assert session.create("/a").ok
            os.kill(ensemble.members[leader].pid, signal.SIGSTOP)
            try:
                for _ in range(SETS):
                    session.submit(Op.SET_DATA, set_data_request("/a", b"x", -1))
                session.submit(Op.CLOSE_SESSION)
                wait_until(lambda: outstanding(follower) == SETS + 1, "all of them wait")
                wait_until(lambda: outstanding(follower) != SETS + 1, "the follower gives its leader up", timeout=60)
            finally:
                os.kill(ensemble.members[leader].pid, signal.SIGCONT)
        ensemble.wait_serving()
        wait_until(lambda: outstanding(follower) == 0, "nothing is counted any more", timeout=30)


def test_so_12_5_an_election_port_in_use_is_tried_again_and_then_ends_the_server_with_14():
    with Ensemble(["lockkeeper"] * 3, config={"electionPortBindRetry": 1}) as ensemble:
        member = ensemble.members[1]
        election_port = int(member.config["server.1"].split(":")[2])
        member.stop()
        with socket.create_server((member.host, election_port)):
            member.launch()
            assert member.wait() == 14
        assert f"cannot bind to {member.host}:{election_port}: Address already in use" in member.log_tail()
        member.launch()
        ensemble.wait_serving()
