"""Members of both kinds in one ensemble (QP-11.1): every one serves, all hold the same, sessions go where they like.

Ours as follower and observer of an Apache leader, Apache's as followers and observers of ours, two to one and one to two.
"""

import itertools
import time

import pytest

from lib import elements
from lib.records import (
    Acl, Err, Event, Flags, Op, Perms, WatchMode, create_request, digest_id, password_for,
)  # fmt: skip
from lib.txn_log import RECORD_HEAD_SIZE, records_of
from lib.waiting import wait_until
from lib.zkwire import ConnectionClosed, open_connection, open_session, reconnect
from mixed import complaints, trees
from mixed.compositions import Composition

COMPOSITIONS = [
    Composition(("ours", "ours", "apache", "ours"), leader=3, observers=(4,)),
    Composition(("ours", "apache", "apache39", "ours"), leader=3, observers=(4,)),
    Composition(("apache", "apache39", "ours", "apache"), leader=3, observers=(4,)),
]
LONG = [
    Composition(("ours", "ours", "apache39", "ours"), leader=3, observers=(4,)),
    Composition(("ours", "apache", "apache", "ours", "apache"), leader=3, observers=(4, 5)),
    Composition(("ours", "apache39", "apache39", "ours"), leader=3, observers=(4,)),
    Composition(("ours", "apache", "ours", "apache39"), leader=3, observers=(4,)),
    Composition(("apache39", "ours", "ours", "apache"), leader=3, observers=(4,)),
    Composition(("apache", "ours", "apache39", "ours", "apache39"), leader=5, observers=()),
]
PATIENCE_S = 60

pytestmark = pytest.mark.parametrize(
    "mixed",
    [composition.parameter() for composition in COMPOSITIONS]
    + [composition.parameter(pytest.mark.long) for composition in LONG],
    indirect=True,
    scope="session",
)
_NAMES = itertools.count(1)


@pytest.fixture(name="root")
def _root(mixed):
    """A new znode that all members have."""
    path = f"/members-{next(_NAMES)}"
    with open_session(mixed.members[1]) as conn:
        assert conn.create(path).ok
        assert conn.close_session().ok
    trees.wait_level(mixed)
    return path


def read_after_sync(conn, path: str):
    """What the leader had when it was asked."""
    assert conn.sync(path).ok
    return conn.get(path)


def from_each_to_each(ensemble) -> list:
    """Pairs of different members, each member once in either place."""
    numbers = list(ensemble.members)
    return list(zip(numbers, numbers[1:] + numbers[:1]))


@pytest.fixture(name="no_complaints", scope="session", autouse=True)
def _no_complaints(mixed):
    yield
    complaints.expect_none(mixed)


def test_every_member_has_its_role(mixed):
    """QP-1.25, QP-2.12, QP-3.7."""
    composition = mixed.composition
    for number, member in composition.numbered():
        wanted = "observer" if number in composition.observers else "follower"
        wanted = "leader" if number == composition.leader else wanted
        assert mixed.mode(number) == wanted, f"{number}, {member}"


def test_qp_5_7_a_write_through_each_member_is_read_through_each(mixed, root):
    """QP-4.6, QP-5.7, QP-6.2: with the same stat; the writer reads it at once, others after a sync."""
    conns = {number: open_session(server) for number, server in mixed.members.items()}
    for number, conn in conns.items():
        path = f"{root}/n{number}"
        created = conn.create2(path, b"first")
        assert created.ok and conn.get(path).value == (b"first", created.value[1])
        changed = conn.set(path, b"second %d" % number, 0)
        assert changed.ok
        for other, reader in conns.items():
            reply = read_after_sync(reader, path)
            assert reply.value == (b"second %d" % number, changed.value), f"written at {number}, read at {other}"
    for conn in conns.values():
        assert conn.close_session().ok
        conn.close()


def test_qp_5_8_refused_writes_are_answered_by_the_member_that_was_asked(mixed, root):
    """QP-5.8, QP-4.2: the code of the leader, one zxid each; identities go to the leader with the request."""
    for number, server in mixed.members.items():
        with open_session(server) as conn:
            path = f"{root}/private{number}"
            assert conn.auth("digest", b"ann:secret").ok
            assert conn.create(path, b"", [Acl(Perms.ALL, "digest", digest_id("ann:secret"))]).ok
            assert conn.set(path, b"hers").ok
            with open_session(server) as stranger:
                before = stranger.last_zxid()
                refused = stranger.set(path, b"not his")
                assert (refused.err, refused.zxid) == (Err.NO_AUTH, before + 1)
                assert stranger.create(f"{root}/no/parent").err == Err.NO_NODE
                assert stranger.delete(root).err == Err.NOT_EMPTY
                assert stranger.set(root, b"", 77).err == Err.BAD_VERSION
                parts = [elements.create(f"{root}/m"), elements.check(root, 9), elements.delete(root)]
                results = stranger.multi(parts)
                assert [part.err for part in results.value] == [0, Err.BAD_VERSION, Err.RUNTIME_INCONSISTENCY]
                assert stranger.close_session().ok
            assert conn.close_session().ok


def test_watches_fire_at_the_members_where_they_were_set(mixed, root):
    """QP-5.2: one change, made at the neighbour, reaches one-shot and recursive watches at every member."""
    conns = {number: open_session(server) for number, server in mixed.members.items()}
    for writer, watcher in from_each_to_each(mixed):
        path = f"{root}/w{writer}"
        assert conns[watcher].sync(root).ok  # or the neighbour's last znode might come in under the watch
        assert conns[watcher].exists(path, True).err == Err.NO_NODE
        assert conns[watcher].add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
        assert conns[writer].create(path).ok
        event = conns[watcher].next_event(PATIENCE_S)
        assert (event.type, event.path) == (Event.CREATED, path)
    for conn in conns.values():
        conn.close_session()
        conn.close()


def test_cp_2_17_session_ids_begin_with_the_number_of_the_member(mixed):
    """CP-2.17, QP-5.10: members that start at the same moment never give one id to two clients."""
    for number, server in mixed.members.items():
        with open_session(server) as conn:
            assert conn.session_id >> 56 == number
            assert conn.close_session().ok


@pytest.mark.parametrize("ephemerals", [3])
def test_qp_5_10_a_session_moves_from_member_to_member_and_back(mixed, root, ephemerals):
    """QP-4.5, QP-5.10: id, password, timeout and ephemerals go with it, and the old connection ends."""
    home = mixed.members[1]
    conn = open_session(home, timeout_ms=30000)
    session = conn.session_id
    assert conn.passwd == password_for(session)
    for number in range(ephemerals):
        assert conn.create(f"{root}/e{number}", flags=Flags.EPHEMERAL).ok
    tour = [number for number in mixed.members if number != 1]
    for number in [stop for away in tour for stop in (away, 1)]:
        moved = reconnect(mixed.members[number], conn, timeout_ms=30000)
        assert (moved.session_id, moved.passwd, moved.timeout_ms) == (session, conn.passwd, 30000)
        assert moved.create(f"{root}/at{number}-", flags=Flags.EPHEMERAL_SEQUENTIAL).ok
        assert sorted(moved.get_ephemerals(root).value) == sorted(
            f"{root}/{name}" for name in moved.children(root).value
        )
        conn.close()
        conn = moved
    assert conn.close_session().ok
    conn.close()
    for server in mixed.members.values():
        with open_session(server) as reader:
            assert reader.sync(root).ok
            assert reader.children(root).value == []
            assert reader.close_session().ok


def test_qp_5_11_a_request_from_where_the_session_was_before_is_refused(mixed, root):
    """QP-5.11: -118, or a closed connection; never executed. Xids go on, as those of real clients do: a member, also
    Apache's, knows the commit of its own client's request by session and xid.
    """
    for old, new in from_each_to_each(mixed):
        with open_session(mixed.members[old], timeout_ms=30000) as first:
            with reconnect(mixed.members[new], first, timeout_ms=30000) as second:
                assert second.create(f"{root}/new{new}").ok
                try:
                    stale = first.request(Op.CREATE, create_request(f"{root}/stale{old}"), xid=1000)
                    assert stale.err == -118
                except ConnectionClosed:
                    pass
                assert read_after_sync(second, f"{root}/stale{old}").err == Err.NO_NODE
                assert second.close_session().ok


def test_qp_4_5_wrong_passwords_and_ended_sessions_are_refused_everywhere(mixed):
    """QP-4.5, CP-2.11, CP-2.13."""
    for old, new in from_each_to_each(mixed):
        with open_session(mixed.members[old], timeout_ms=30000) as conn:
            with open_connection(mixed.members[new]) as thief:
                assert thief.connect_session(session_id=conn.session_id, passwd=bytes(16)).refused
            assert conn.ping().ok
            assert conn.close_session().ok
        trees.wait_level(mixed)
        with open_connection(mixed.members[new]) as late:
            assert late.connect_session(session_id=conn.session_id, passwd=conn.passwd).refused


def test_qp_4_4_pings_at_any_member_keep_a_session_and_silence_ends_it(mixed, root):
    """QP-4.4, QP-5.9: members report to the leader whom they heard from; only the leader ends sessions."""
    timeout_ms = 3000
    conns = {number: open_session(server, timeout_ms=timeout_ms) for number, server in mixed.members.items()}
    for number, conn in conns.items():
        assert conn.timeout_ms == timeout_ms
        assert conn.create(f"{root}/e{number}", flags=Flags.EPHEMERAL).ok
    until = time.monotonic() + 2 * timeout_ms / 1000
    while time.monotonic() < until:
        for conn in conns.values():
            assert conn.ping().ok
        time.sleep(0.1)
    for conn in conns.values():
        conn.close()
    with open_session(mixed.members[1], timeout_ms=30000) as reader:
        names = reader.children(root).value
        assert sorted(names) == [f"e{number}" for number in mixed.members], "a live session was ended"
        wait_until(lambda: reader.children(root).value == [], "silent sessions end", PATIENCE_S)
        assert reader.close_session().ok


def transactions_between(server, first: int, last: int) -> dict:
    """zxid -> the bytes that a member has logged for it."""
    found = {}
    for path in (server.data_dir / "version-2").glob("log.*"):
        data = path.read_bytes()
        for record in records_of(path):
            if first < record.zxid <= last:
                found[record.zxid] = data[record.start + RECORD_HEAD_SIZE : record.end - 1]
    return found


def test_qp_4_3_every_member_logs_the_same_bytes(mixed, root):
    """QP-4.3, QP-6.1, QP-6.10: as its leader proposed them, with a digest or (a refusal) without."""
    with open_session(mixed.members[1], timeout_ms=60000) as conn:
        first = conn.last_zxid()
        assert conn.create(f"{root}/a", b"x").ok
        assert conn.create2(f"{root}/s-", b"", flags=Flags.EPHEMERAL_SEQUENTIAL).ok
        assert conn.create_container(f"{root}/box").ok
        assert conn.set(f"{root}/a", b"y").ok
        assert conn.set_acl(f"{root}/a", [Acl(Perms.ALL, "world", "anyone")]).ok
        assert conn.delete(f"{root}/none").err == Err.NO_NODE
        assert conn.multi([elements.create(f"{root}/m"), elements.check(root, 0), elements.delete(f"{root}/m")]).ok
        assert conn.delete(f"{root}/a").ok
        last = conn.last_zxid()
        assert conn.close_session().ok
    zxids = set(range(first + 1, last + 1))
    logs = {}
    for number, server in mixed.members.items():
        logs[number] = wait_until(
            lambda s=server: (found := transactions_between(s, first, last)).keys() == zxids and found,
            f"member {number} has logged everything",
            PATIENCE_S,
        )
    for number, log in logs.items():
        assert log == logs[mixed.composition.leader], f"member {number} has other bytes than the leader"


def test_qp_6_2_all_members_show_the_same(mixed, root):
    """QP-6.2: trees field by field and the table of ephemerals. Behind the other tests of this file, so that it sees
    what they left.
    """
    with open_session(mixed.members[1], timeout_ms=60000) as conn:
        assert conn.create_container(f"{root}/box").ok
        assert conn.create(f"{root}/box/child", b"x" * 1000).ok
        assert conn.create(f"{root}/e", flags=Flags.EPHEMERAL).ok
        assert conn.set_acl(f"{root}/box", [Acl(Perms.ALL, "world", "anyone")]).ok
        trees.wait_level(mixed)
        trees.expect_equal(mixed)
        assert conn.close_session().ok


def test_qp_7_3_all_members_compute_the_same_digest(mixed):
    """QP-7.1, QP-7.2, QP-7.3: none has counted a mismatch with what its leader computed, under whomever."""
    trees.expect_equal_digests(mixed)
