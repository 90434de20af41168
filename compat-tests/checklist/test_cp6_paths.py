"""Valid paths, who validates what, and the reserved nodes, CP-6.1 to CP-6.13."""

import pytest

from lib import servers
from lib.marks import apache_differs
from lib.scenery import (
    CREATE_OPS,
    QUICK_REMOVAL_CONFIG,
    SUPER_CONFIG,
    create_by,
    create_quota,
    created_path,
    kinds,
    open_super,
)
from lib.waiting import wait_until
from lib.zkwire import (
    OPEN_ACL,
    READ_ACL,
    Acl,
    Err,
    Event,
    Flags,
    Op,
    Perms,
    Stat,
    WatcherType,
    WatchMode,
    open_session,
    path_request,
    path_version_request,
    path_watch_request,
)

SIMPLE_CREATE_OPS = (Op.CREATE, Op.CREATE2, Op.CREATE_CONTAINER)
RESERVED = ("/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config")


@pytest.fixture(scope="module")
def server():
    """A server with a super user and TTL nodes."""
    with servers.start_server(config={**QUICK_REMOVAL_CONFIG, **SUPER_CONFIG}) as process:
        yield process


@pytest.fixture
def super_conn(server):
    """A session that passes every ACL check."""
    with open_super(server) as connection:
        yield connection
        connection.close_session()


def reads(conn, path):
    """Error code of each read that takes a path, by name."""
    parts = [(Op.GET_DATA, path_watch_request(path)), (Op.GET_CHILDREN, path_watch_request(path))]
    multi_read = conn.multi_read(parts).value
    return {
        "exists": conn.exists(path).err,
        "getData": conn.get(path).err,
        "getACL": conn.get_acl(path).err,
        "getChildren": conn.children(path).err,
        "getChildren2": conn.children2(path).err,
        "getAllChildrenNumber": conn.all_children_number(path).err,
        "multiRead getData": multi_read[0].err,
        "multiRead getChildren": multi_read[1].err,
    }


def check(conn, path, version=-1):
    """Error code of a check, which exists in multi only."""
    return conn.multi([(Op.CHECK, path_version_request(path, version))]).value[0].err


# --- Valid and invalid paths ---


@pytest.mark.parametrize("op", CREATE_OPS)
@pytest.mark.parametrize("suffix", ["/", "/.", "/..", "//"])
def test_cp_6_1_create_below_an_existing_parent(conn, root, op, suffix):
    """CP-6.1: trailing slash, "." and "..": -8; the parent gets no child."""
    flags = Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT
    path = root + suffix
    expected = Err.NO_NODE if suffix == "//" else Err.BAD_ARGUMENTS  # "//": the parent is "/p/"
    assert create_by(conn, op, path, flags).err == expected
    stat = conn.exists(root).value
    assert (stat.num_children, stat.cversion) == (0, 0)


@pytest.mark.parametrize("op", CREATE_OPS)
@pytest.mark.parametrize("path", ["", "foo", "foo/bar", "//", "//p", "/.", "/..", ".", "..", " "])
def test_cp_6_1_create_at_the_top(conn, op, path):
    """CP-6.1: no leading slash, an empty component, "." and "..": -8."""
    flags = Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT
    before = conn.exists("/").value.cversion
    expected = Err.NO_NODE if path == "foo/bar" else Err.BAD_ARGUMENTS  # its parent would be "foo"
    assert create_by(conn, op, path, flags).err == expected
    assert conn.exists("/").value.cversion == before


@pytest.mark.parametrize("suffix", ["//q", "/./x", "/../x", "/missing/.", "/missing/\x01"])
def test_cp_6_2_a_missing_parent_comes_before_the_syntax(conn, root, suffix):
    """CP-6.2: such a parent cannot exist, so create says -101 although the path is malformed."""
    for op in SIMPLE_CREATE_OPS:
        for flags in (Flags.PERSISTENT, Flags.SEQUENTIAL):
            assert create_by(conn, op, root + suffix, flags).err == Err.NO_NODE


VALID_NAMES = ["...", ".x", "x.", "..x", "x..", ". .", "a b", "zookeeper", "\\", "*", "%2F"]
VALID_CHARACTERS = [" ", "~", "\u00a0", "\u00e9", "\u20ac", "\ud7ff", "\uf900", "\uffef"]


@pytest.mark.parametrize("name", VALID_NAMES + VALID_CHARACTERS, ids=ascii)
def test_cp_6_3_valid_names(conn, root, name):
    """CP-6.3: the node can be made, found, listed, written and deleted under that very name."""
    path = f"{root}/{name}"
    assert conn.create(path, b"data").value == path
    assert conn.children(root).value == [name]
    assert conn.get(path).value[0] == b"data"
    assert conn.set(path, b"new").ok
    assert conn.set_acl(path, OPEN_ACL).ok
    assert check(conn, path) == 0
    assert conn.create(path + "/child").value == path + "/child"
    assert conn.delete(path + "/child").ok
    assert conn.delete(path).ok
    assert conn.children(root).value == []


def test_cp_6_3_valid_characters_in_the_middle_and_a_long_path(conn, root):
    """CP-6.3: anywhere in a name; no limit on length and no normalisation of what looks alike."""
    composed, decomposed = "/\u00e9", "/e\u0301"
    for name in (composed, decomposed):
        assert conn.create(root + name, name.encode()).ok
    assert conn.get(root + decomposed).value[0] == decomposed.encode()
    for name in VALID_CHARACTERS:
        assert conn.create(f"{root}/a{name}b").value == f"{root}/a{name}b"
    long_name = root + "/" + "x" * 100000
    assert conn.create(long_name).value == long_name
    assert conn.exists(long_name).ok
    assert conn.delete(long_name).ok


INVALID_CHARACTERS = [
    *("\x01", "\x1f", "\x7f", "\x80", "\x9f", "\ue000", "\uf8ff", "\ufff0", "\ufffd"),
    *("\ufffe", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff"),
    "\ud800",  # a lone surrogate in three bytes: malformed UTF-8
]


@pytest.mark.parametrize("character", INVALID_CHARACTERS, ids=ascii)
def test_cp_6_4_invalid_characters(conn, root, character):
    """CP-6.4: -8 from create, setData, setACL and check; the others just do not find the node."""
    for name in (character, "a" + character, character + "b", "a" + character + "b"):
        path = f"{root}/{name}"
        for op in SIMPLE_CREATE_OPS:
            assert create_by(conn, op, path).err == Err.BAD_ARGUMENTS
            assert create_by(conn, op, path, Flags.SEQUENTIAL).err == Err.BAD_ARGUMENTS
        assert conn.set(path, b"").err == Err.BAD_ARGUMENTS
        assert conn.set_acl(path, OPEN_ACL).err == Err.BAD_ARGUMENTS
        assert check(conn, path) == Err.BAD_ARGUMENTS
        assert conn.delete(path).err == Err.NO_NODE
        assert set(reads(conn, path).values()) == {Err.NO_NODE}
    assert conn.children(root).value == []


# --- Who validates what ---


def test_cp_6_5_nul(conn, root):
    """CP-6.5: -8 from the writes, check and exists; -101 from the other reads."""
    for path in (root + "/a\0b", root + "/\0", "/\0", "\0", root + "\0"):
        for op in CREATE_OPS:
            flags = Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT
            assert create_by(conn, op, path, flags).err == Err.BAD_ARGUMENTS
        assert conn.delete(path).err == Err.BAD_ARGUMENTS
        assert conn.set(path, b"").err == Err.BAD_ARGUMENTS
        assert conn.set_acl(path, OPEN_ACL).err == Err.BAD_ARGUMENTS
        assert check(conn, path) == Err.BAD_ARGUMENTS
        expected = dict.fromkeys(reads(conn, root), Err.NO_NODE)
        assert reads(conn, path) == {**expected, "exists": Err.BAD_ARGUMENTS}


def test_cp_6_5_exists_with_nul_leaves_no_watch(conn, root):
    """CP-6.5: what exists refuses it does not watch."""
    assert conn.exists(root + "\0", watch=True).err == Err.BAD_ARGUMENTS
    assert conn.check_watches(root + "\0", WatcherType.ANY).err == Err.NO_WATCHER


@pytest.mark.parametrize(
    "suffix", ["/", "//", "//q", "/.", "/..", "/./x", "/\x01", "/\ufffd"], ids=ascii
)
def test_cp_6_6_malformed_path_with_a_slash(conn, root, suffix):
    """CP-6.6: delete and the reads do not find it (-101), setData, setACL and check refuse it."""
    path = root + suffix
    assert conn.delete(path).err == Err.NO_NODE
    assert set(reads(conn, path).values()) == {Err.NO_NODE}
    assert conn.set(path, b"").err == Err.BAD_ARGUMENTS
    assert conn.set_acl(path, OPEN_ACL).err == Err.BAD_ARGUMENTS
    assert check(conn, path) == Err.BAD_ARGUMENTS


@pytest.mark.parametrize("path", ["foo", ".", "zookeeper", " "])
def test_cp_6_6_path_without_a_slash(conn, path):
    """CP-6.6: as before, but delete refuses it too."""
    assert conn.delete(path).err == Err.BAD_ARGUMENTS
    assert set(reads(conn, path).values()) == {Err.NO_NODE}
    assert conn.set(path, b"").err == Err.BAD_ARGUMENTS
    assert conn.set_acl(path, OPEN_ACL).err == Err.BAD_ARGUMENTS
    assert check(conn, path) == Err.BAD_ARGUMENTS


@pytest.mark.parametrize("path", ["foo", "//p/", "/a\0b", "/.", "", "/\x01"], ids=ascii)
def test_cp_6_6_operations_that_check_no_path(conn, path):
    """CP-6.6 (last row of table 6.2): sync, getEphemerals and watch operations take any string."""
    assert conn.sync(path).value == path
    assert conn.get_ephemerals(path).ok
    assert conn.remove_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.remove_watches(path, WatcherType.ANY).ok
    zxid = conn.last_zxid()
    reply = conn.set_watches(zxid, data=[path], exist=[path + "x"], child=[path])
    assert reply.ok
    missing = [] if path == "" else [(Event.DELETED, path)] * 2  # "" is the root
    assert kinds(reply.events_before) == missing


@pytest.mark.parametrize(
    "path",
    [
        *("//p/", "/a\0b", "/.", "/\x01"),
        *(
            pytest.param(path, marks=apache_differs("3.8 walks up to the root to find a watch"))
            for path in ("foo", ".", "")
        ),
    ],
    ids=ascii,
)
def test_cp_6_6_check_watches_takes_any_string(conn, path):
    """CP-6.6 (last row of table 6.2): it finds what addWatch registered under that string."""
    assert conn.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.check_watches(path, WatcherType.ANY).ok


# --- Reserved nodes ---


@pytest.mark.parametrize("path", RESERVED)
def test_cp_6_7_reserved_nodes_cannot_be_deleted(conn, super_conn, path):
    """CP-6.7: -8 for everybody, whatever the version, also in a multi."""
    for client in (conn, super_conn):
        for version in (-1, 0, 99):
            assert client.delete(path, version).err == Err.BAD_ARGUMENTS
        results = client.multi([(Op.DELETE, path_version_request(path))]).value
        assert results[0].err == Err.BAD_ARGUMENTS
        assert client.exists(path).ok


@pytest.mark.parametrize("op", CREATE_OPS)
def test_cp_6_8_create_of_the_root(conn, super_conn, op):
    """CP-6.8: -110; the same for the other reserved nodes."""
    flags = Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT
    for client in (conn, super_conn):
        assert create_by(client, op, "/", flags).err == Err.NODE_EXISTS
        for path in RESERVED[1:3]:
            assert create_by(client, op, path, flags).err == Err.NODE_EXISTS
    assert create_by(conn, op, RESERVED[3], flags).err == Err.NODE_EXISTS


def test_cp_6_9_config_is_closed_to_normal_users(conn):
    """CP-6.9: readable, but no setData, setACL, create or delete of children, not even of a
    missing child.
    """
    config = "/zookeeper/config"
    assert conn.get(config).ok
    assert conn.set(config, b"x").err == Err.NO_AUTH
    assert conn.set_acl(config, OPEN_ACL).err == Err.NO_AUTH
    for op in SIMPLE_CREATE_OPS:
        assert create_by(conn, op, config + "/child").err == Err.NO_AUTH
    assert conn.delete(config + "/child").err == Err.NO_AUTH


def test_cp_6_9_config_is_open_to_super(make_server):
    """CP-6.9: super may write it, change its ACL and create below it."""
    server = make_server(SUPER_CONFIG)
    config = "/zookeeper/config"
    with open_super(server) as admin, open_session(server) as user:
        before = admin.exists(config).value
        after = admin.set(config, b"text").value
        assert after.version == before.version + 1
        assert user.get(config).value[0] == b"text"
        assert admin.create(config + "/child").ok
        assert user.delete(config + "/child").err == Err.NO_AUTH
        assert admin.delete(config + "/child").ok
        assert admin.set_acl(config, OPEN_ACL).value.aversion == before.aversion + 1
        assert user.set(config, b"free").ok


def fresh_stat(**fields):
    """Stat of a node of a new database: all zero but for `fields`."""
    return Stat(**{**dict.fromkeys(Stat.__dataclass_fields__, 0), **fields})


def test_cp_6_10_reserved_nodes_of_a_new_database(make_server):
    """CP-6.10: names, stats, data (empty, not null) and ACLs."""
    with open_session(make_server()) as conn:
        assert conn.children("/").value == ["zookeeper"]
        assert sorted(conn.children("/zookeeper").value) == ["config", "quota"]
        expected = {
            "/": fresh_stat(cversion=-1, num_children=1),
            "/zookeeper": fresh_stat(cversion=-2, num_children=2),
            "/zookeeper/quota": fresh_stat(),
            "/zookeeper/config": fresh_stat(aversion=-1),
        }
        for path, stat in expected.items():
            assert conn.get(path).value == (b"", stat)
            open_to_all = path != "/zookeeper/config"
            assert conn.get_acl(path).value == (OPEN_ACL if open_to_all else READ_ACL, stat)


def test_cp_6_11_other_nodes_below_zookeeper_are_ordinary(conn, new_session, root):
    """CP-6.11: anyone may create, write, watch and delete them, also below quota."""
    other = new_session()
    for parent in ("/zookeeper", "/zookeeper/quota"):
        path = parent + "/foo" + root[1:]
        assert other.exists(path, watch=True).err == Err.NO_NODE
        assert conn.create(path).value == path
        assert [event.type for event in other.drain_events()] == [Event.CREATED]
        assert conn.create(path + "/s-", flags=Flags.EPHEMERAL_SEQUENTIAL).ok
        assert other.set(path, b"x").value.version == 1
        assert other.delete(path + "/s-0000000000").ok
        assert other.delete(path).ok
        assert conn.exists(path).err == Err.NO_NODE


def test_cp_6_11_reserved_nodes_follow_their_acls(make_server):
    """CP-6.11 (table 6.3): setData and setACL of the open ones are allowed to anyone."""
    with open_session(make_server()) as conn:
        for path in RESERVED[:3]:
            assert conn.set(path, b"data").value.version == 1
            assert conn.get(path).value[0] == b"data"
            assert conn.set_acl(path, [Acl(Perms.READ | Perms.ADMIN, "world", "anyone")]).ok
            assert conn.set(path, b"more").err == Err.NO_AUTH
            assert conn.create(path.rstrip("/") + "/child").err == Err.NO_AUTH


# --- Quota statistics ---


def test_cp_6_12_statistics_are_filled_in(conn, root):
    """CP-6.12: on creation the server writes the present figures over what the client sent."""
    assert conn.create(root + "/q", b"1234").ok
    assert conn.create(root + "/q/a", b"56").ok
    assert conn.create(root + "/q-not", b"789").ok
    stats = create_quota(conn, root + "/q", "count=100,bytes=-1")
    assert conn.get(stats).value[0] == b"count=2,bytes=6"


def test_cp_6_12_statistics_are_kept_current_without_a_version(conn, new_session, root):
    """CP-6.12: create, delete and setData of all depths; only the data of the node changes, and
    no watch fires.
    """
    base = root + "/q"
    assert conn.create(base).ok
    stats = create_quota(conn, base, "count=100,bytes=1000")
    data, first = conn.get(stats).value
    assert data == b"count=1,bytes=0"
    watcher = new_session()
    assert watcher.get(stats, watch=True).ok
    assert watcher.add_watch("/zookeeper", WatchMode.PERSISTENT_RECURSIVE).ok
    steps = [
        (lambda: conn.create(base + "/a", b"123"), b"count=2,bytes=3"),
        (lambda: conn.create(base + "/a/b", b"45", flags=Flags.EPHEMERAL), b"count=3,bytes=5"),
        (lambda: conn.create_container(base + "/c", b"6"), b"count=4,bytes=6"),
        (lambda: conn.create_ttl(base + "/t", 10**9, b"7"), b"count=5,bytes=7"),
        (lambda: conn.set(base + "/a", b""), b"count=5,bytes=4"),
        (lambda: conn.set(base, b"12345678"), b"count=5,bytes=12"),
        (lambda: conn.set(base + "/c", None), b"count=5,bytes=11"),
        (lambda: conn.multi([(Op.DELETE, path_version_request(base + "/t"))]), b"count=4,bytes=10"),
        (lambda: conn.delete(base + "/a/b"), b"count=3,bytes=8"),
        (lambda: conn.create(root + "/neighbour", b"123"), b"count=3,bytes=8"),
    ]
    for step, expected in steps:
        assert step().ok
        data, stat = conn.get(stats).value
        assert data == expected
        assert stat == Stat(**{**vars(first), "data_length": len(expected)})
    assert watcher.drain_events() == []


def test_cp_6_12_the_end_of_a_session_counts(conn, new_session, root):
    """CP-6.12: its ephemerals leave the statistics too."""
    base = root + "/q"
    assert conn.create(base).ok
    stats = create_quota(conn, base, "count=100,bytes=1000")
    owner = new_session()
    for name in "ab":
        assert owner.create(f"{base}/{name}", b"12", flags=Flags.EPHEMERAL).ok
    assert conn.get(stats).value[0] == b"count=3,bytes=4"
    assert owner.close_session().ok
    wait_until(lambda: conn.get(stats).value[0] == b"count=1,bytes=0", "the statistics go down")


def test_cp_6_12_without_limits_nothing_is_kept(conn, root):
    """CP-6.12 (table 6.3): deleting the limits node stops the accounting."""
    base = root + "/q"
    assert conn.create(base).ok
    stats = create_quota(conn, base, "count=100,bytes=1000")
    assert conn.create(base + "/a", b"1").ok
    assert conn.delete(stats.replace("zookeeper_stats", "zookeeper_limits")).ok
    assert conn.create(base + "/b", b"1").ok
    assert conn.get(stats).value[0] == b"count=2,bytes=1"


# --- The empty path ---


def test_cp_6_13_empty_path_is_the_root_in_reads(conn):
    """CP-6.13: getData, exists, getACL, getChildren and getAllChildrenNumber."""
    for op in (Op.GET_DATA, Op.EXISTS, Op.GET_CHILDREN2):
        slash = conn.request(op, path_watch_request("/"))
        assert conn.request(op, path_watch_request("")).body == slash.body
        assert slash.ok
    assert conn.request(Op.GET_ACL, path_request("")).body == conn.get_acl("/").body
    assert conn.children("").value == conn.children("/").value
    # The original counts the root itself under this name; the line allows to do without that.
    number = conn.all_children_number("/").value
    assert conn.all_children_number("").value in (number, number + 1)


def test_cp_6_13_empty_path_is_refused_by_writes(conn):
    """CP-6.13 (section 6.2): create, delete, setData, setACL and check: -8."""
    assert created_path(conn.create("/", flags=Flags.EPHEMERAL_SEQUENTIAL))
    for op in SIMPLE_CREATE_OPS:
        assert create_by(conn, op, "").err == Err.BAD_ARGUMENTS
    assert conn.delete("").err == Err.BAD_ARGUMENTS
    assert conn.set("", b"x").err == Err.BAD_ARGUMENTS
    assert conn.set_acl("", OPEN_ACL).err == Err.BAD_ARGUMENTS
    assert check(conn, "") == Err.BAD_ARGUMENTS
