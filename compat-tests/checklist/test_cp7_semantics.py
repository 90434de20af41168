"""Stat fields after each kind of change, and quotas, CP-7.9 to CP-7.13 and CP-7.21.

The precedence of checks and the permissions (CP-7.1 to CP-7.8) are in test_cp7_precedence.py, the
ACL lists (CP-7.14 to CP-7.20) in test_cp7_acl.py.
"""

import random
import time
from dataclasses import replace

import pytest

from lib import servers
from lib.scenery import SUPER_CONFIG, create_body, create_by, create_quota, created_path, open_super
from lib.zkwire import (
    OPEN_ACL,
    Acl,
    Err,
    Flags,
    Op,
    Perms,
    create_request,
    open_session,
    path_version_request,
    set_data_request,
)


@pytest.fixture(scope="module")
def server():
    """A server with TTL nodes."""
    with servers.start_server(config={"extendedTypesEnabled": "true"}) as process:
        yield process


@pytest.fixture(scope="module")
def quota_server():
    """A server that enforces hard quotas, with TTL nodes and a super user."""
    config = {"enforceQuota": "true", "extendedTypesEnabled": "true", **SUPER_CONFIG}
    with servers.start_server(config=config) as process:
        yield process


@pytest.fixture
def quota_conn(quota_server):
    """A session on `quota_server`."""
    with open_session(quota_server) as connection:
        yield connection
        connection.close_session()


def now_ms():
    """Wall clock in milliseconds; the servers of the tests run on the same machine."""
    return time.time_ns() // 1000000


# --- Stat ---


@pytest.mark.parametrize(
    "op, flags",
    [
        (Op.CREATE, Flags.PERSISTENT),
        (Op.CREATE, Flags.SEQUENTIAL),
        (Op.CREATE2, Flags.EPHEMERAL),
        (Op.CREATE2, Flags.EPHEMERAL_SEQUENTIAL),
        (Op.CREATE_CONTAINER, Flags.CONTAINER),
        (Op.CREATE_TTL, Flags.TTL),
        (Op.CREATE_TTL, Flags.TTL_SEQUENTIAL),
    ],
)
def test_cp_7_9_stat_of_a_new_node(conn, root, op, flags):
    """CP-7.9: three equal zxids, two equal times (the server's clock), all counters 0."""
    before = now_ms()
    reply = create_by(conn, op, root + "/n", flags, data=b"12345")
    after = now_ms()
    stat = conn.exists(created_path(reply)).value
    assert stat.czxid == stat.mzxid == stat.pzxid == reply.zxid
    assert before <= stat.ctime == stat.mtime <= after
    assert (stat.version, stat.cversion, stat.aversion, stat.num_children) == (0, 0, 0, 0)
    assert stat.data_length == 5


@pytest.mark.parametrize(
    "data", [None, b"", b"\0", b"x" * 100000], ids=["null", "empty", "1 byte", "100 kB"]
)
def test_cp_7_9_data_length(conn, root, data):
    """CP-7.9 (section 7.3): bytes of data, 0 for null and empty, which stay what they were."""
    for write in (conn.create, conn.set):
        assert write(root + "/n", data).ok
        stored, stat = conn.get(root + "/n").value
        assert stored == data
        assert stat.data_length == len(data or b"")


@pytest.mark.parametrize("flags", [Flags.PERSISTENT, Flags.EPHEMERAL, Flags.SEQUENTIAL])
def test_cp_7_10_children_change_pzxid_and_cversion_of_the_parent(conn, root, flags):
    """CP-7.10: by one at each create and delete; version, mzxid, mtime and the rest unchanged."""
    stat = conn.exists(root).value
    for number in range(3):
        reply = conn.create(f"{root}/n{number}-", flags=flags)
        stat = replace(stat, pzxid=reply.zxid, cversion=number + 1, num_children=number + 1)
        assert conn.exists(root).value == stat
    for number, name in enumerate(conn.children(root).value):
        reply = conn.delete(f"{root}/{name}")
        stat = replace(stat, pzxid=reply.zxid, cversion=number + 4, num_children=2 - number)
        assert conn.exists(root).value == stat


def test_cp_7_10_grandchildren_do_not_count(conn, root):
    """CP-7.10: only the parent itself changes; failed creates and deletes change nothing."""
    assert conn.create(root + "/p").ok
    stat = conn.exists(root).value
    assert conn.create(root + "/p/n").ok
    assert conn.delete(root + "/p/n").ok
    assert conn.create(root + "/p").err == Err.NODE_EXISTS
    assert conn.delete(root + "/missing").err == Err.NO_NODE
    assert conn.exists(root).value == stat


def test_cp_7_10_the_end_of_a_session_counts_for_each_ephemeral(conn, new_session, root):
    """CP-7.10 (section 7.4): pzxid = zxid of the close, cversion + 1 for each, at every parent."""
    owner = new_session()
    for path in ("/a", "/b"):
        assert conn.create(root + path).ok
        for number in range(3):
            assert owner.create(f"{root}{path}/{number}", flags=Flags.EPHEMERAL).ok
    stats = {path: conn.exists(root + path).value for path in ("/a", "/b")}
    zxid = owner.close_session().zxid
    for path, stat in stats.items():
        expected = replace(stat, pzxid=zxid, cversion=stat.cversion + 3, num_children=0)
        assert conn.exists(root + path).value == expected


@pytest.mark.parametrize("data", [b"other", b"same", b"", None], ids=repr)
def test_cp_7_11_set_data(conn, root, data):
    """CP-7.11: version, mzxid, mtime and data length; not pzxid, not the parent. The same data
    again is a change too.
    """
    path = root + "/n"
    assert conn.create(path, b"same").ok
    assert conn.create(path + "/child").ok
    stat, parent = conn.exists(path).value, conn.exists(root).value
    before = now_ms()
    reply = conn.set(path, data)
    after = now_ms()
    expected = replace(
        stat,
        version=1,
        mzxid=reply.zxid,
        mtime=reply.value.mtime,
        data_length=len(data or b""),
    )
    assert reply.value == expected
    assert before <= reply.value.mtime <= after
    assert conn.get(path).value == (data, expected)
    assert conn.exists(root).value == parent


def test_cp_7_12_set_acl(conn, root):
    """CP-7.12: aversion + 1 and nothing else, for the same ACL too, although it takes a zxid."""
    path = root + "/n"
    assert conn.create(path, b"data").ok
    stat, parent = conn.exists(path).value, conn.exists(root).value
    for number, acl in enumerate([OPEN_ACL, OPEN_ACL, [Acl(Perms.READ | 16, "world", "anyone")]]):
        z = conn.last_zxid()
        reply = conn.set_acl(path, acl)
        assert reply.zxid == z + 1
        assert reply.value == replace(stat, aversion=number + 1)
        assert conn.get_acl(path).value == (acl, reply.value)
    assert conn.exists(root).value == parent


def test_cp_7_13_cversion_of_the_wire_and_sequence_numbers(conn, root):
    """CP-7.13: cversion = 2 creations - children after each step of a random history, while the
    next sequence number is the number of creations.
    """
    rng = random.Random(713)
    creations, children = 0, []
    for _ in range(200):
        if children and rng.random() < 0.5:
            assert conn.delete(children.pop(rng.randrange(len(children)))).ok
        else:
            flags = rng.choice([Flags.SEQUENTIAL, Flags.EPHEMERAL_SEQUENTIAL])
            path = conn.create(root + "/s", flags=flags).value
            assert path == f"{root}/s{creations:010d}"
            children.append(path)
            creations += 1
        stat = conn.exists(root).value
        assert stat.num_children == len(children)
        assert stat.cversion == 2 * creations - len(children)


def test_cp_7_13_three_creates_and_three_deletes(conn, root):
    """CP-7.13: the example of section 7.4: cversion 6, next suffix 0000000003."""
    for name in "abc":
        assert conn.create(f"{root}/{name}").ok
    for name in "abc":
        assert conn.delete(f"{root}/{name}").ok
    assert conn.exists(root).value.cversion == 6
    assert conn.create(root + "/s", flags=Flags.SEQUENTIAL).value == root + "/s0000000003"


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_cp_7_9_to_7_13_stats_are_the_same_after_a_restart(make_server, how):
    """CP-7.9 to CP-7.13: every field of every node, after an orderly stop and after a kill."""
    paths = ("/", "/n", "/n/a", "/n/b", "/n/c", "/zookeeper")
    server = make_server({"extendedTypesEnabled": "true"})
    with open_session(server) as conn:
        assert conn.create("/n", b"1").ok
        assert conn.create("/n/a", None).ok
        assert conn.create_container("/n/b", b"container").ok
        assert conn.create_ttl("/n/c", 10**9, b"ttl").ok
        assert conn.delete(conn.create("/n/s", flags=Flags.SEQUENTIAL).value).ok
        for _ in range(3):
            assert conn.set("/n", b"22").ok
            assert conn.set_acl("/n/a", [Acl(Perms.ALL, "ip", "127.0.0.1")]).ok
        expected = [(conn.get(path).value, conn.get_acl(path).value) for path in paths]
    if how == "kill":
        server.kill()
        server.start()
    else:
        server.restart()
    with open_session(server) as conn:
        assert [(conn.get(path).value, conn.get_acl(path).value) for path in paths] == expected


# --- Quotas ---


@pytest.fixture
def full(quota_conn):
    """Path with a hard limit of 3 nodes (2 in use) and 10 bytes (4 in use)."""
    path = f"/quota-{time.monotonic_ns()}"
    assert quota_conn.create(path, b"12").ok
    assert quota_conn.create(path + "/a", b"34").ok
    create_quota(quota_conn, path, "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3")
    return path


CREATE_MODES = [
    (Op.CREATE, Flags.PERSISTENT),
    (Op.CREATE, Flags.EPHEMERAL_SEQUENTIAL),
    (Op.CREATE2, Flags.PERSISTENT),
    (Op.CREATE_CONTAINER, Flags.CONTAINER),
    (Op.CREATE_TTL, Flags.TTL),
]


@pytest.mark.parametrize("op, flags", CREATE_MODES)
def test_cp_7_21_hard_count_quota(quota_conn, full, op, flags):
    """CP-7.21: the create that goes beyond it fails, at any depth; a delete makes room again."""
    path = created_path(create_by(quota_conn, op, full + "/b", flags))
    for parent in (full, full + "/a"):
        assert create_by(quota_conn, op, parent + "/c", flags).err == Err.QUOTA_EXCEEDED
    assert quota_conn.delete(path).ok
    assert create_by(quota_conn, op, full + "/a/c", flags).ok


@pytest.mark.parametrize("op, flags", CREATE_MODES)
def test_cp_7_21_hard_byte_quota_of_creates(quota_conn, full, op, flags):
    """CP-7.21: up to the limit, not one byte more; null counts nothing."""
    assert create_by(quota_conn, op, full + "/b", flags, data=b"1234567").err == Err.QUOTA_EXCEEDED
    path = created_path(create_by(quota_conn, op, full + "/b", flags, data=b"123456"))
    assert quota_conn.delete(path).ok
    assert create_by(quota_conn, op, full + "/b", flags, data=None).ok


def test_cp_7_21_hard_byte_quota_of_set_data(quota_conn, full):
    """CP-7.21: the difference counts; less and equally much data are always possible."""
    assert quota_conn.set(full + "/a", b"x" * 9).err == Err.QUOTA_EXCEEDED
    assert quota_conn.get(full + "/a").value[0] == b"34"
    assert quota_conn.set(full + "/a", b"x" * 8).value.version == 1
    assert quota_conn.set(full, b"123").err == Err.QUOTA_EXCEEDED
    assert quota_conn.set(full, b"yz").ok
    assert quota_conn.set(full, b"").ok
    assert quota_conn.set(full + "/a", b"x" * 10).ok


def test_cp_7_21_hard_quota_inside_a_multi(quota_conn, full):
    """CP-7.21: the element fails with -125, and with it the multi."""
    big = (Op.SET_DATA, set_data_request(full + "/a", b"x" * 9))
    small = (Op.CREATE, create_request(full + "/b"))
    for elements, errors in (
        ([small, big], [0, Err.QUOTA_EXCEEDED]),
        ([big, small], [Err.QUOTA_EXCEEDED, Err.RUNTIME_INCONSISTENCY]),
    ):
        assert [result.err for result in quota_conn.multi(elements).value] == errors
    assert quota_conn.exists(full + "/b").err == Err.NO_NODE
    assert [result.err for result in quota_conn.multi([small]).value] == [0]


def test_cp_7_21_super_is_bound_by_quotas(quota_server, quota_conn, full):
    """CP-7.21 (section 11.3, super): it passes ACLs only."""
    assert quota_conn.create(full + "/b").ok
    with open_super(quota_server) as admin:
        assert admin.create(full + "/c").err == Err.QUOTA_EXCEEDED
        assert admin.set(full, b"x" * 11).err == Err.QUOTA_EXCEEDED
        admin.close_session()


def test_cp_7_21_other_subtrees_are_free(quota_conn, full):
    """CP-7.21: a name that begins alike is outside; deleting the limits ends the quota."""
    assert quota_conn.create(full + "-neighbour", b"x" * 100).ok
    assert quota_conn.create(full + "/b").ok
    assert quota_conn.create(full + "/c").err == Err.QUOTA_EXCEEDED
    assert quota_conn.delete(f"/zookeeper/quota{full}/zookeeper_limits").ok
    assert quota_conn.create(full + "/c", b"x" * 100).ok


def test_cp_7_21_without_statistics_nothing_is_enforced(quota_conn, full):
    """CP-7.21 (section 6.3): the limits alone are not enough."""
    assert quota_conn.delete(f"/zookeeper/quota{full}/zookeeper_stats").ok
    for name in "bcd":
        assert quota_conn.create(f"{full}/{name}", b"x" * 20).ok


def soft_limits_never_fail(conn, path):
    """Goes far beyond soft limits of 1 node and 1 byte by all kinds of writes."""
    assert conn.create(path).ok
    stats = create_quota(conn, path, "count=1,bytes=1")
    for number, (op, flags) in enumerate(CREATE_MODES):
        assert create_by(conn, op, f"{path}/{number}", flags, data=b"x" * 100).ok
    assert conn.set(path, b"x" * 1000).ok
    body = create_body(Op.CREATE, path + "/multi", Flags.PERSISTENT, data=b"x")
    assert [result.err for result in conn.multi([(Op.CREATE, body)]).value] == [0]
    assert conn.get(stats).value[0] == b"count=7,bytes=1501"


def test_cp_7_21_soft_quota_never_fails(quota_conn):
    """CP-7.21: with enforcement switched on."""
    soft_limits_never_fail(quota_conn, "/soft")


def test_cp_7_21_no_quota_fails_without_enforcement(conn, root):
    """CP-7.21: by default even hard limits are figures only, soft ones anyway."""
    soft_limits_never_fail(conn, root + "/soft")
    path = root + "/hard"
    assert conn.create(path).ok
    create_quota(conn, path, "count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1")
    assert conn.create(path + "/a", b"x" * 100).ok
    assert conn.set(path, b"x" * 100).ok
    assert conn.multi([(Op.DELETE, path_version_request(path + "/a"))]).ok
