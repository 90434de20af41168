"""Sessions that move to another server while requests are in flight."""

import pytest

from jepsen.cluster import Cluster
from jepsen.network import Loopback
from lib.ensemble import Ensemble
from lib.records import OPEN_ACL, Err, Op, create_request
from lib.waiting import wait_until
from lib.zkwire import ConnectionClosed, end_session, open_session, reconnect

ROUNDS = 8
SESSION_MS = 40000


@pytest.fixture(scope="module")
def slow_cluster():
    """Three servers whose disks take 30 ms for a sync, so that writes are in flight for a while."""
    with Cluster(3, Loopback([]), {"maxSessionTimeout": 60000}) as cluster:
        with open_session(cluster.ensemble.members[1], timeout_ms=SESSION_MS) as setup:
            assert setup.create("/moves").ok
            setup.close_session()
        for number in cluster.numbers:
            cluster.slow_disk(number, 30)
        yield cluster


@pytest.fixture(scope="module")
def with_observer():
    """Three voters and an observer, number 4."""
    config = {"maxSessionTimeout": 60000}
    with Ensemble(["lockkeeper"] * 4, observers=[4], config=config) as ensemble:
        with open_session(ensemble.members[1], timeout_ms=SESSION_MS) as setup:
            assert setup.create("/moves").ok
            setup.close_session()
        yield ensemble


def _send_creates(connection, name, count):
    """Several creates in one segment, with xids from 1 on as each connection counts them."""
    bodies = [create_request(f"/moves/{name}-{number}", b"", OPEN_ACL, 0) for number in range(count)]
    connection.send_raw(b"".join(connection.encode(Op.CREATE, body) for body in bodies))


def _answers(connection, count):
    """What comes before the connection ends, by EOF or by a reset, at most `count` replies."""
    answers = []
    try:
        while len(answers) < count and (answer := connection.next()) is not None:
            answers.append(answer)
    except ConnectionClosed:
        pass
    return answers


def _move(members, source, target, name, count):
    """Sends creates on `source`, moves the session to `target` without waiting, and checks the answers there. The
    target may end the connection instead: it cannot tell the refusal of an old request from that of a new one.
    Returns whether all were answered.
    """
    old = open_session(members[source], 60, timeout_ms=SESSION_MS)
    _send_creates(old, f"old-{name}", count)
    new = reconnect(members[target], old, 60, timeout_ms=SESSION_MS)
    _send_creates(new, f"new-{name}", count)
    answers = _answers(new, count)
    assert [answer.value for answer in answers] == [f"/moves/new-{name}-{item}" for item in range(len(answers))]
    old.close()
    new.close()
    end_session(members[target], new.session_id)
    return len(answers) == count


@pytest.mark.parametrize("route", ["follower to follower", "leader to follower", "follower to leader"])
def test_qp_5_10_answers_to_the_old_connection_never_come_on_the_new_one(slow_cluster, route):
    """QP-5.10, QP-5.11: both connections count xids from 1, as kazoo's do; each answer names the path it created."""
    leader = slow_cluster.leader()
    followers = [number for number in slow_cluster.numbers if number != leader]
    source, _, target = route.partition(" to ")
    source = leader if source == "leader" else followers[0]
    target = leader if target == "leader" else followers[1]
    members = slow_cluster.ensemble.members
    assert any([_move(members, source, target, f"{source}-{target}-{number}", 5) for number in range(ROUNDS)])


def _moved(cluster, path):
    """A session that has gone from one follower to another, with both connections open; the new one has made `path`."""
    leader = cluster.leader()
    here, there = (number for number in cluster.numbers if number != leader)
    old = open_session(cluster.ensemble.members[here], 60, timeout_ms=SESSION_MS)
    new = reconnect(cluster.ensemble.members[there], old, 60, timeout_ms=SESSION_MS)
    assert new.create(path).ok
    return old, new


def test_cp_2_20_a_write_on_the_connection_from_before_ends_it_and_is_not_applied(slow_cluster):
    """CP-2.20: no reply, -118 least of all; the session goes on where it is."""
    old, new = _moved(slow_cluster, "/moves/owner")
    with pytest.raises(ConnectionClosed):
        old.create("/moves/stale")
    assert new.sync("/moves").ok
    assert new.exists("/moves/stale").err == Err.NO_NODE
    assert new.close_session().ok


def test_cp_2_21_reads_on_the_connection_from_before_are_still_answered(slow_cluster):
    """CP-2.21: a follower does not hear that the session has moved."""
    old, new = _moved(slow_cluster, "/moves/reader")
    wait_until(lambda: old.exists("/moves/reader").ok, "the follower's tree follows")
    assert old.get("/moves/reader").ok
    old.close()
    assert new.close_session().ok


@pytest.mark.parametrize("source", ["leader", "follower"])
def test_qp_5_10_answers_to_the_old_connection_never_come_from_an_observer(with_observer, source):
    """QP-5.10: an observer learns of a proposal only with its commit, after the session has moved to it."""
    leader = with_observer.leader()
    place = leader if source == "leader" else next(number for number in (1, 2, 3) if number != leader)
    assert any([_move(with_observer.members, place, 4, f"{source}-{number}", 40) for number in range(ROUNDS)])
