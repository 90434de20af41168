"""Shapes of the answers of single operations, CP-4.1 to CP-4.10."""

import struct

import pytest

from lib.zkwire import (
    OPEN_ACL,
    READ_ACL,
    Acl,
    Err,
    Flags,
    Op,
    Perms,
    WatcherType,
    WatchMode,
    digest_id,
    open_session,
    path_request,
)


def encoded_string(text):
    """A ustring as it stands in a reply."""
    data = text.encode()
    return struct.pack(">i", len(data)) + data


def encoded_stat(stat):
    """The 68 bytes of a Stat."""
    return struct.pack(
        ">qqqqiiiqiiq",
        *(stat.czxid, stat.mzxid, stat.ctime, stat.mtime, stat.version, stat.cversion),
        *(stat.aversion, stat.ephemeral_owner, stat.data_length, stat.num_children, stat.pzxid),
    )


# --- create ---


@pytest.mark.parametrize("flags", [0, 1, 2, 3, 4])
def test_cp_4_1_create_returns_the_path_alone(conn, root, flags):
    """CP-4.1: for every mode without TTL; sequential ones with their suffix."""
    reply = conn.create(root + "/n", b"data", flags=flags)
    expected = root + "/n" + ("0000000000" if flags in (2, 3) else "")
    assert reply.body == encoded_string(expected)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_cp_4_1_create2_returns_path_and_stat(conn, root, flags):
    """CP-4.1: 68 bytes of stat behind the path, the same that exists reports."""
    reply = conn.create2(root + "/n", b"data", flags=flags)
    path, stat = reply.value
    assert path == root + "/n" + ("0000000000" if flags in (2, 3) else "")
    assert reply.body == encoded_string(path) + encoded_stat(stat)
    assert stat == conn.exists(path).value
    assert stat.data_length == 4
    assert stat.ephemeral_owner == (conn.session_id if flags in (1, 3) else 0)


def test_cp_4_1_create_container_returns_path_and_stat(conn, root):
    """CP-4.1 for createContainer."""
    reply = conn.create_container(root + "/c", b"data")
    path, stat = reply.value
    assert reply.body == encoded_string(root + "/c") + encoded_stat(stat)
    assert stat == conn.exists(path).value


@pytest.mark.parametrize("flags", [Flags.TTL, Flags.TTL_SEQUENTIAL])
def test_cp_4_1_create_ttl_returns_path_and_stat(make_server, flags):
    """CP-4.1 for createTTL, with extended types switched on."""
    server = make_server({"extendedTypesEnabled": "true"})
    with open_session(server) as conn:
        reply = conn.create_ttl("/t", 3600000, b"data", flags=flags)
        path, stat = reply.value
        assert path == ("/t" if flags == Flags.TTL else "/t0000000000")
        assert reply.body == encoded_string(path) + encoded_stat(stat)
        assert stat == conn.exists(path).value


# --- exists, sync, watches ---


@pytest.mark.parametrize("watch", [False, True])
def test_cp_4_2_exists_on_a_missing_node(conn, root, watch):
    """CP-4.2: -101 and no body, with and without a watch."""
    reply = conn.exists(root + "/missing", watch)
    assert (reply.err, reply.body) == (Err.NO_NODE, b"")
    reply = conn.exists(root, watch)
    assert reply.body == encoded_stat(reply.value)


@pytest.mark.parametrize(
    "path",
    ["/", "", None, "nonsense", "//", "/a//b/", "/missing/node", "/nul\0", "/../.", "\u00e9 "],
)
def test_cp_4_3_sync_echoes_any_path(conn, path):
    """CP-4.3: no check of any kind, null included, and no transaction."""
    z = conn.last_zxid()
    reply = conn.sync(path)
    assert (reply.err, reply.zxid) == (0, z)
    assert reply.body == path_request(path)


@pytest.mark.parametrize("mode", [WatchMode.PERSISTENT, WatchMode.PERSISTENT_RECURSIVE])
def test_cp_4_4_add_watch_body_is_four_zero_bytes(conn, root, mode):
    """CP-4.4: for existing and missing nodes, the first time and again."""
    for path in (root, root, root + "/missing"):
        reply = conn.add_watch(path, mode)
        assert (reply.err, reply.body) == (0, bytes(4))


def test_cp_4_5_bodies_that_are_empty(conn, root):
    """CP-4.5: setWatches, setWatches2, checkWatches, removeWatches, delete and ping."""
    path = root + "/n"
    conn.create(path)
    replies = [
        conn.set_watches(conn.last_zxid(), [path], [path + "-missing"], [path]),
        conn.set_watches2(conn.last_zxid(), [path], [], [], [path], [path]),
        conn.check_watches(path, WatcherType.ANY),
        conn.remove_watches(path, WatcherType.ANY),
        conn.delete(path),
        conn.ping(),
    ]
    assert [(reply.err, reply.body) for reply in replies] == [(0, b"")] * len(replies)


# --- getEphemerals ---


@pytest.fixture
def ephemerals(conn, root):
    """Paths of ephemerals of `conn`, with neighbours whose names begin alike; sorted."""
    assert conn.create(root + "/d").ok
    names = ["/e", "/e1", "/e11", "/f", "/d/e"]
    paths = sorted(root + name for name in names)
    for path in paths:
        assert conn.create(path, flags=Flags.EPHEMERAL).ok
    assert conn.create(root + "/e-persistent").ok
    return paths


@pytest.mark.parametrize("prefix", [None, "", "  ", "/", " / "], ids=repr)
def test_cp_4_6_blank_prefix_lists_all_ephemerals(conn, ephemerals, prefix):
    """CP-4.6: null, empty, blank and "/" mean all."""
    assert sorted(conn.get_ephemerals(prefix).value) == ephemerals


def test_cp_4_6_prefix_is_a_string_prefix(conn, root, ephemerals):
    """CP-4.6: not a path prefix; what does not match is left out."""
    assert sorted(conn.get_ephemerals(root + "/e").value) == [
        root + name for name in ("/e", "/e1", "/e11")
    ]
    assert sorted(conn.get_ephemerals(root + "/e1").value) == [root + "/e1", root + "/e11"]
    assert conn.get_ephemerals(root + "/d").value == [root + "/d/e"]
    assert conn.get_ephemerals(root + "/d/").value == [root + "/d/e"]
    assert sorted(conn.get_ephemerals(root).value) == ephemerals
    assert conn.get_ephemerals(root + "/e111").value == []
    assert conn.get_ephemerals("nonsense").value == []


def test_cp_4_6_ephemerals_of_other_sessions_never_appear(conn, new_session, root, ephemerals):
    """CP-4.6: neither by "/" nor by a prefix; deleted ones go away."""
    other = new_session()
    assert other.get_ephemerals("/").value == []
    assert other.create(root + "/e-other", flags=Flags.EPHEMERAL).ok
    assert other.get_ephemerals(root).value == [root + "/e-other"]
    assert sorted(conn.get_ephemerals("/").value) == ephemerals
    assert other.delete(ephemerals[0]).ok
    assert sorted(conn.get_ephemerals("/").value) == ephemerals[1:]


def test_cp_4_6_no_permission_is_needed(conn, root):
    """CP-4.6 (rule 4.3): there is no ACL check, it lists one's own nodes."""
    assert conn.create(root + "/e", acl=[Acl(0, "world", "anyone")], flags=Flags.EPHEMERAL).ok
    assert conn.get_ephemerals("/").value == [root + "/e"]


# --- getAllChildrenNumber ---


def test_cp_4_7_fresh_server_has_three_descendants_of_the_root(make_server):
    """CP-4.7: /zookeeper, /zookeeper/quota and /zookeeper/config."""
    with open_session(make_server()) as conn:
        assert conn.all_children_number("/").body == bytes([0, 0, 0, 3])
        assert conn.all_children_number("/zookeeper").value == 2
        assert conn.all_children_number("/zookeeper/quota").value == 0


def test_cp_4_7_counts_descendants_of_all_depths(conn, root):
    """CP-4.7: all depths, but not the node itself nor neighbours whose names begin alike."""
    before = conn.all_children_number("/").value
    for path in ("/a", "/a/b", "/a/b/c", "/a/d", "/a-neighbour", "/a-neighbour/x"):
        assert conn.create(root + path).ok
    assert conn.all_children_number(root + "/a").value == 3
    assert conn.all_children_number(root + "/a/b/c").value == 0
    assert conn.all_children_number(root).value == 6
    assert conn.all_children_number("/").value == before + 6
    assert conn.delete(root + "/a/b/c").ok
    assert conn.all_children_number(root + "/a").value == 2


def test_cp_4_7_missing_or_unreadable_node(conn, root):
    """CP-4.7: -101; and READ is needed (rule 7.8)."""
    assert conn.all_children_number(root + "/missing").err == Err.NO_NODE
    assert conn.create(root + "/x", acl=[Acl(Perms.ALL & ~Perms.READ, "world", "anyone")]).ok
    assert conn.all_children_number(root + "/x").err == Err.NO_AUTH


# --- whoAmI ---


def test_cp_4_8_whoami_contains_the_address(conn):
    """CP-4.8: always ("ip", address)."""
    reply = conn.whoami()
    assert reply.value == [("ip", "127.0.0.1")]
    expected = struct.pack(">i", 1) + encoded_string("ip") + encoded_string("127.0.0.1")
    assert reply.body == expected


def test_cp_4_8_whoami_lists_digest_users_without_their_hash(conn):
    """CP-4.8: one entry for each identity; the same credentials twice are one identity."""
    for credentials in (b"bob:pw", b"bob:pw", b"ann:x:y", b"nocolon", b""):
        assert conn.auth("digest", credentials).ok
    users = [("digest", ""), ("digest", "ann"), ("digest", "bob"), ("digest", "nocolon")]
    assert sorted(conn.whoami().value) == users + [("ip", "127.0.0.1")]


def test_cp_4_8_two_passwords_of_one_user_are_two_identities(conn):
    """CP-4.8: user names may repeat, since the hash belongs to the identity."""
    assert conn.auth("digest", b"bob:one").ok and conn.auth("digest", b"bob:two").ok
    assert sorted(conn.whoami().value) == [("digest", "bob")] * 2 + [("ip", "127.0.0.1")]


def test_cp_4_8_whoami_of_super(make_server):
    """CP-4.8: ("super", "") besides the digest identity; a wrong password does not get it."""
    config = {"DigestAuthenticationProvider.superDigest": digest_id("super:test")}
    server = make_server(config)
    with open_session(server) as conn:
        assert conn.auth("digest", b"super:wrong").ok
        assert sorted(conn.whoami().value) == [("digest", "super"), ("ip", "127.0.0.1")]
    with open_session(server) as conn:
        assert conn.auth("digest", b"super:test").ok
        identities = [("digest", "super"), ("ip", "127.0.0.1"), ("super", "")]
        assert sorted(conn.whoami().value) == identities


# --- reconfig, getChildren2, getACL ---


def test_cp_4_9_reconfig_disabled(conn):
    """CP-4.9: reconfigEnabled is false by default; -123 before any look at the arguments."""
    assert conn.reconfig(joining="server.1=localhost:1:2;3").err == Err.RECONFIG_DISABLED
    assert conn.reconfig(members="nonsense", config_id=99).err == Err.RECONFIG_DISABLED
    assert conn.reconfig().err == Err.RECONFIG_DISABLED


def test_cp_4_9_reconfig_enabled_on_a_standalone_server(make_server):
    """CP-4.9 (rule 4.3): -6 as an ordinary error, the connection stays."""
    with open_session(make_server({"reconfigEnabled": "true"})) as conn:
        assert conn.reconfig(joining="server.1=localhost:1:2;3").err == Err.UNIMPLEMENTED
        assert conn.exists("/").ok


def test_cp_4_10_get_children2_stat_equals_exists_stat(conn, root):
    """CP-4.10: after creations, a deletion, a setData and a setACL; also for the root."""
    for name in ("/a", "/b", "/c"):
        conn.create(root + name)
    conn.delete(root + "/b")
    conn.set(root, b"data")
    conn.set_acl(root, OPEN_ACL)
    names, stat = conn.children2(root).value
    assert sorted(names) == ["a", "c"] == sorted(conn.children(root).value)
    assert stat == conn.exists(root).value == conn.get(root).value[1] == conn.get_acl(root).value[1]
    assert (stat.num_children, stat.cversion, stat.version, stat.aversion) == (2, 4, 1, 1)
    assert conn.children2("/").value[1] == conn.exists("/").value


def test_cp_4_10_get_children2_layout(conn, root):
    """CP-4.10: names without a slash, count first, stat last; a leaf has an empty, not a null list.
    """
    reply = conn.children2(root)
    assert reply.body == struct.pack(">i", 0) + encoded_stat(reply.value[1])
    conn.create(root + "/only")
    reply = conn.children2(root)
    names = struct.pack(">i", 1) + encoded_string("only")
    assert reply.body == names + encoded_stat(reply.value[1])


def test_cp_4_2_get_acl_layout(conn, root):
    """Rule 4.2: the ACL vector, then the stat."""
    assert conn.create(root + "/r", acl=READ_ACL).ok
    reply = conn.get_acl(root + "/r")
    entry = struct.pack(">i", Perms.READ) + encoded_string("world") + encoded_string("anyone")
    assert reply.body == struct.pack(">i", 1) + entry + encoded_stat(reply.value[1])
