"""What clients see of an ensemble that changes or has no leader: many sessions, idleness, nobody to connect to."""

import time

import pytest

from jepsen.crowd import Crowd
from lib.ensemble import Ensemble
from lib.waiting import wait_until
from lib.zkwire import Connection, ConnectionClosed, open_session, reconnect

SESSION_MS = 30000


@pytest.fixture
def three():
    """Three servers that allow long sessions."""
    with Ensemble(["lockkeeper"] * 3, config={"maxSessionTimeout": 120000}) as ensemble:
        yield ensemble


def _addresses(ensemble):
    return [(server.host, server.port) for server in ensemble.members.values()]


def _connects(server):
    """A session on `server`, None when it refuses or closes."""
    try:
        return open_session(server, 5, timeout_ms=SESSION_MS)
    except (ConnectionClosed, OSError):
        return None


@pytest.mark.parametrize("sessions", [1000])
def test_qp_5_9_no_pinging_session_expires_by_a_leader_change(three, sessions):
    """QP-5.9: a new leader gives every session its full timeout; those of the dead server move to the others."""
    with Crowd(_addresses(three), sessions, SESSION_MS) as crowd:
        crowd.run_until_all_are_ready(120)
        opened = {member.session for member in crowd.members}
        leader = three.leader()
        three.members[leader].kill()
        crowd.run(1)
        crowd.run_until_all_are_ready(120)
        three.members[leader].launch()
        crowd.run(3)
        three.wait_serving(timeout=120)
        crowd.run_until_all_are_ready(120)
        assert sum(member.lost for member in crowd.members) == 0, f"silence {crowd.longest_silence():.1f} s"
        assert {member.session for member in crowd.members} == opened


def test_qp_5_4_clients_are_turned_away_without_a_leader_and_served_afterwards(three):
    """QP-5.4, QP-5.5: without a quorum a server closes connections instead of serving; its clients' sessions go on afterwards."""
    alone = three.members[1]
    others = [three.members[2], three.members[3]]
    session = wait_until(lambda: _connects(alone), "a session on server 1")
    assert session.create("/before", flags=1).ok
    for server in others:
        server.kill()
    wait_until(lambda: _connects(alone) is None, "server 1 turns clients away", 60)
    assert three.mode(1) == ""
    with Connection(alone.host, alone.port) as refused:
        assert refused.connect_session() is None, "closed without an answer: not refused as expired"
    for server in others:
        server.launch()
    three.wait_serving(timeout=120)
    again = reconnect(alone, session, timeout_ms=SESSION_MS)
    assert again.session_id == session.session_id
    assert again.exists("/before").value.ephemeral_owner == session.session_id


def test_qp_5_5_an_idle_ensemble_keeps_its_leader(three):
    """QP-5.5: only PINGs for many syncLimits: no election, no transaction."""
    leader = three.leader()
    with open_session(three.members[leader], timeout_ms=SESSION_MS) as probe:
        before = probe.last_zxid()
        end = time.monotonic() + 12
        while time.monotonic() < end:
            probe.ping()
            time.sleep(0.2)
        assert probe.last_zxid() == before
    assert three.leader() == leader
