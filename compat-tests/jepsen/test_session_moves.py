"""Sessions that move to another server while requests are in flight."""

import pytest

from jepsen.cluster import Cluster
from jepsen.network import Loopback
from lib.records import OPEN_ACL, Op, create_request
from lib.zkwire import open_session, reconnect

AT_ONCE = 5
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


def _send_creates(connection, name):
    """Several creates in one segment, with xids from 1 on as each connection counts them."""
    bodies = [create_request(f"/moves/{name}-{number}", b"", OPEN_ACL, 0) for number in range(AT_ONCE)]
    connection.send_raw(b"".join(connection.encode(Op.CREATE, body) for body in bodies))


@pytest.mark.parametrize("route", ["follower to follower", "leader to follower", "follower to leader"])
def test_qp_5_10_answers_to_the_old_connection_never_come_on_the_new_one(slow_cluster, route):
    """QP-5.10, QP-5.11: both connections count xids from 1, as kazoo's do; each answer names the path it created."""
    leader = slow_cluster.leader()
    followers = [number for number in slow_cluster.numbers if number != leader]
    places = {"leader": leader, "follower": followers[0]}
    source, _, target = route.partition(" to ")
    source = places[source]
    target = followers[1] if target == "follower" else leader
    members = slow_cluster.ensemble.members
    for number in range(ROUNDS):
        old = open_session(members[source], 60, timeout_ms=SESSION_MS)
        name = f"{source}-{target}-{number}"
        _send_creates(old, f"old-{name}")
        new = reconnect(members[target], old, 60, timeout_ms=SESSION_MS)
        _send_creates(new, f"new-{name}")
        answers = [new.next_reply() for _ in range(AT_ONCE)]
        assert [answer.value for answer in answers] == [f"/moves/new-{name}-{item}" for item in range(AT_ONCE)]
        old.close()
        new.close_session()
        new.close()
