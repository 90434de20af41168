"""Which check decides, versions, and permissions of each operation, CP-7.1 to CP-7.8."""

import itertools

import pytest

from lib import servers
from lib.marks import apache_differs
from lib.scenery import CREATE_OPS, SUPER_CONFIG, create_body, create_quota, open_super
from lib.zkwire import (
    OPEN_ACL,
    Acl,
    Err,
    Flags,
    Op,
    Perms,
    WatcherType,
    WatchMode,
    digest_id,
    open_session,
    path_version_request,
    path_watch_request,
    set_data_request,
)

WRONG = 99  # no node of this file ever has this version


@pytest.fixture(scope="module")
def server():
    """A server with a super user, TTL nodes and enforced quotas."""
    config = {**SUPER_CONFIG, "extendedTypesEnabled": "true", "enforceQuota": "true"}
    with servers.start_server(config=config) as process:
        yield process


@pytest.fixture
def super_conn(server):
    """A session that passes every ACL check."""
    with open_super(server) as connection:
        yield connection
        connection.close_session()


def world(perms):
    """An ACL that grants `perms` to everybody."""
    return [Acl(perms, "world", "anyone")]


ALL_BUT_CREATE_AND_DELETE = world(Perms.READ | Perms.WRITE | Perms.ADMIN)


@pytest.fixture
def tree(conn, root):
    """Nodes with every kind of obstacle; returns their common parent.

    /open (/node with a child), /closed without CREATE and DELETE (/node with a child), /e
    ephemeral, /closed-e ephemeral without CREATE, /full with an exhausted quota (/node, /e
    ephemeral), /closed-full the same without CREATE, /readable without WRITE and ADMIN.
    """
    for path in ("/open", "/closed", "/full", "/closed-full", "/readable"):
        assert conn.create(root + path).ok
    for path in ("/open/node", "/open/node/child", "/closed/node", "/closed/node/child"):
        assert conn.create(root + path).ok
    assert conn.create(root + "/full/node").ok
    for path in ("/e", "/full/e", "/closed-e"):
        assert conn.create(root + path, flags=Flags.EPHEMERAL).ok
    create_quota(conn, root + "/full", "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3")
    create_quota(conn, root + "/closed-full", "count=-1,bytes=-1=;countHardLimit=1")
    for path in ("/closed", "/closed-full", "/closed-e"):
        assert conn.set_acl(root + path, ALL_BUT_CREATE_AND_DELETE).ok
    assert conn.set_acl(root + "/readable", world(Perms.READ)).ok
    return root


# --- create ---

# What is wrong, path, fields of the request, expected error. Each request has several mistakes.
CREATE_LADDER = [
    ("flags before ACL and parent", "/missing/x", {"flags": 99, "acl": []}, Err.BAD_ARGUMENTS),
    ("flags before CREATE", "/closed/x", {"flags": 7}, Err.BAD_ARGUMENTS),
    ("flags before existing", "/open/node", {"flags": -1}, Err.BAD_ARGUMENTS),
    ("syntax before ACL", "/open/a\0b", {"acl": []}, Err.BAD_ARGUMENTS),
    ("syntax before parent", "/missing/a\0b", {}, Err.BAD_ARGUMENTS),
    ("syntax before CREATE", "/closed/a\0b", {}, Err.BAD_ARGUMENTS),
    ("ACL before parent", "/missing/x", {"acl": []}, Err.INVALID_ACL),
    ("ACL before CREATE", "/closed/x", {"acl": world(31) + [Acl(1, "no", "")]}, Err.INVALID_ACL),
    ("ACL before full path", "/open/.", {"acl": []}, Err.INVALID_ACL),
    ("ACL before existing", "/open/node", {"acl": []}, Err.INVALID_ACL),
    ("ACL before ephemeral parent", "/e/x", {"acl": []}, Err.INVALID_ACL),
    ("ACL before quota", "/full/x", {"acl": []}, Err.INVALID_ACL),
    ("parent before full path", "/missing/.", {}, Err.NO_NODE),
    ("parent before quota", "/full/missing/x", {}, Err.NO_NODE),
    ("CREATE before full path", "/closed/.", {}, Err.NO_AUTH),
    ("CREATE before existing", "/closed/node", {}, Err.NO_AUTH),
    ("CREATE before ephemeral parent", "/closed-e/x", {}, Err.NO_AUTH),
    ("CREATE before quota", "/closed-full/x", {}, Err.NO_AUTH),
    ("full path before ephemeral parent", "/e/..", {}, Err.BAD_ARGUMENTS),
    ("full path before quota", "/full/a\x01", {}, Err.BAD_ARGUMENTS),
    ("existing before quota", "/full/node", {}, Err.NODE_EXISTS),
    ("ephemeral parent before quota", "/full/e/x", {}, Err.NO_CHILDREN_FOR_EPHEMERALS),
    ("quota alone", "/full/x", {}, Err.QUOTA_EXCEEDED),
]


def ladder(rows):
    """Parametrizes a test by rows like those of CREATE_LADDER."""
    names = [row[0] for row in rows]
    return pytest.mark.parametrize("path, fields, err", [row[1:] for row in rows], ids=names)


def default_flags(op):
    """Flags with which the op succeeds."""
    return Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT


@ladder(CREATE_LADDER)
@pytest.mark.parametrize("op", CREATE_OPS)
def test_cp_7_1_create_precedence(conn, tree, op, path, fields, err):
    """CP-7.1: the first failing check of the table decides."""
    body = create_body(op, tree + path, **{"flags": default_flags(op), **fields})
    assert conn.request(op, body).err == err


@ladder([row for row in CREATE_LADDER if "flags" not in row[2]])
@pytest.mark.parametrize("op", CREATE_OPS)
def test_cp_7_1_create_precedence_in_a_multi(conn, tree, op, path, fields, err):
    """CP-7.1: an element is checked in the same order (for bad flags see CP-8.9)."""
    body = create_body(op, tree + path, **{"flags": default_flags(op), **fields})
    assert [result.err for result in conn.multi([(op, body)]).value] == [err]


def test_cp_7_1_ttl_switched_off_comes_before_all_but_flags(make_server):
    """CP-7.1: -6 whatever else is wrong, the ttl included; flags out of range stay -8."""
    mistakes = [("nopath", []), ("/\0", OPEN_ACL), ("/x", []), ("/no/x", OPEN_ACL), ("/", OPEN_ACL)]
    with open_session(make_server()) as conn:
        for op, (path, acl), ttl_ms in itertools.product(CREATE_OPS, mistakes, (0, 1000)):
            for flags in (Flags.TTL, Flags.TTL_SEQUENTIAL):
                body = create_body(op, path, flags, ttl_ms, acl)
                assert conn.request(op, body).err == Err.UNIMPLEMENTED
            body = create_body(op, path, 7, ttl_ms, acl)
            assert conn.request(op, body).err == Err.BAD_ARGUMENTS


@pytest.mark.parametrize("path", ["/missing/x", "/closed/x", "/open/node", "/e/x", "/full/x"])
def test_cp_7_1_bad_ttl_comes_before_acl_and_the_tree(conn, tree, path):
    """CP-7.1: -8, although the ACL is invalid too."""
    body = create_body(Op.CREATE_TTL, tree + path, Flags.TTL, ttl_ms=0, acl=[])
    assert conn.request(Op.CREATE_TTL, body).err == Err.BAD_ARGUMENTS


def test_cp_7_1_path_without_a_slash_comes_before_the_acl(conn):
    """CP-7.1: -8, not -114; for every create op."""
    for op in CREATE_OPS:
        body = create_body(op, "nopath", default_flags(op), acl=[])
        assert conn.request(op, body).err == Err.BAD_ARGUMENTS


# --- delete, setData, setACL, check, reads ---

DELETE_LADDER = [
    ("/a\0b", WRONG, Err.BAD_ARGUMENTS),
    ("/missing/x", WRONG, Err.NO_NODE),
    ("/closed/missing", -1, Err.NO_AUTH),
    ("/closed/missing", WRONG, Err.NO_AUTH),
    ("/closed/node", WRONG, Err.NO_AUTH),
    ("/closed/node", -1, Err.NO_AUTH),
    ("/open/missing", WRONG, Err.NO_NODE),
    ("/open/node", WRONG, Err.BAD_VERSION),
    ("/open/node", 0, Err.NOT_EMPTY),
    ("/open/node", -1, Err.NOT_EMPTY),
]


@pytest.mark.parametrize("path, version, err", DELETE_LADDER, ids=ascii)
def test_cp_7_2_delete_precedence(conn, tree, path, version, err):
    """CP-7.2: path, parent, DELETE, node, version, children; alone and in a multi."""
    assert conn.delete(tree + path, version).err == err
    element = (Op.DELETE, path_version_request(tree + path, version))
    assert [result.err for result in conn.multi([element]).value] == [err]


@pytest.mark.parametrize("path", ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "x"])
def test_cp_7_2_reserved_or_slashless_path_comes_first(conn, path):
    """CP-7.2: -8 although these nodes have children and the version is wrong."""
    assert conn.delete(path, WRONG).err == Err.BAD_ARGUMENTS


SET_DATA_LADDER = [
    ("/missing/", b"x", WRONG, Err.BAD_ARGUMENTS),
    ("/missing", b"x", WRONG, Err.NO_NODE),
    ("/full/missing", b"x" * 11, WRONG, Err.NO_NODE),
    ("/readable", b"x", WRONG, Err.NO_AUTH),
    ("/readable", b"x", -1, Err.NO_AUTH),
    ("/full/node", b"x" * 11, WRONG, Err.QUOTA_EXCEEDED),
    ("/full/node", b"x" * 10, WRONG, Err.BAD_VERSION),
    ("/open/node", b"x", WRONG, Err.BAD_VERSION),
]


@pytest.mark.parametrize("path, data, version, err", SET_DATA_LADDER, ids=ascii)
def test_cp_7_3_set_data_precedence(conn, tree, path, data, version, err):
    """CP-7.3: path, node, WRITE, quota, version; alone and in a multi."""
    assert conn.set(tree + path, data, version).err == err
    element = (Op.SET_DATA, set_data_request(tree + path, data, version))
    assert [result.err for result in conn.multi([element]).value] == [err]


SET_ACL_LADDER = [
    ("/missing/", [], WRONG, Err.BAD_ARGUMENTS),
    ("/missing", [], WRONG, Err.INVALID_ACL),
    ("/readable", [], WRONG, Err.INVALID_ACL),
    ("/missing", OPEN_ACL, WRONG, Err.NO_NODE),
    ("/readable", OPEN_ACL, WRONG, Err.NO_AUTH),
    ("/readable", OPEN_ACL, -1, Err.NO_AUTH),
    ("/open/node", OPEN_ACL, WRONG, Err.BAD_VERSION),
]


@pytest.mark.parametrize("path, acl, version, err", SET_ACL_LADDER, ids=ascii)
def test_cp_7_4_set_acl_precedence(conn, tree, path, acl, version, err):
    """CP-7.4: path, ACL validity, node, ADMIN, aversion."""
    assert conn.set_acl(tree + path, acl, version).err == err


CHECK_LADDER = [
    ("/missing/", WRONG, Err.BAD_ARGUMENTS),
    ("/missing", WRONG, Err.NO_NODE),
    ("/unreadable", WRONG, Err.NO_AUTH),
    ("/open", WRONG, Err.BAD_VERSION),
]


@pytest.mark.parametrize("path, version, err", CHECK_LADDER, ids=ascii)
def test_cp_7_4_check_precedence(conn, tree, path, version, err):
    """CP-7.4 (section 7.1, check): path, node, READ, version."""
    assert conn.create(tree + "/unreadable", acl=world(Perms.ALL & ~Perms.READ)).ok
    element = (Op.CHECK, path_version_request(tree + path, version))
    assert [result.err for result in conn.multi([element]).value] == [err]


def test_cp_7_4_missing_node_comes_before_permission_in_reads(conn, root):
    """CP-7.4 (section 7.1, reads): below an unreadable parent one learns whether a node exists."""
    assert conn.create(root + "/n", acl=world(Perms.CREATE)).ok
    assert conn.create(root + "/n/open").ok
    reads = (conn.get, conn.exists, conn.children, conn.children2, conn.get_acl)
    for read in (*reads, conn.all_children_number):
        assert read(root + "/n/missing").err == Err.NO_NODE
        assert read(root + "/n/open").ok


# --- Versions ---


def test_cp_7_5_versions_of_set_data_and_delete(conn, root):
    """CP-7.5: -1 matches any, the current one matches, all others are wrong, -2 too."""
    path = root + "/n"
    assert conn.create(path).ok
    for current in range(3):
        for wrong in (current - 1, current + 1, -2, -(2**31), 2**31 - 1):
            if wrong != -1:
                assert conn.set(path, b"", wrong).err == Err.BAD_VERSION
                assert conn.delete(path, wrong).err == Err.BAD_VERSION
        assert conn.set(path, b"", current).value.version == current + 1
    assert conn.set(path, b"", -1).value.version == 4
    assert conn.delete(path, 4).ok
    assert conn.create(path).ok
    assert conn.delete(path, -1).ok


def test_cp_7_5_version_of_set_acl_is_the_aversion(conn, root):
    """CP-7.5: not the data version; and delete does not look at the aversion."""
    path = root + "/n"
    assert conn.create(path).ok
    for _ in range(3):
        assert conn.set(path, b"").ok
    for current in range(2):
        for wrong in (current + 1, 3, -2):
            assert conn.set_acl(path, OPEN_ACL, wrong).err == Err.BAD_VERSION
        assert conn.set_acl(path, OPEN_ACL, current).value.aversion == current + 1
    assert conn.set_acl(path, OPEN_ACL, -1).value.aversion == 3
    assert conn.set_acl(path, OPEN_ACL).value.aversion == 4
    assert conn.delete(path, 4).err == Err.BAD_VERSION
    assert conn.delete(path, 3).ok


def test_cp_7_5_version_is_checked_against_earlier_writes_of_a_pipeline(conn, root):
    """CP-7.5 (section 7.0): writes that are prepared but not applied yet count."""
    body = [set_data_request(root, b"", version) for version in (0, 0, 1, 1, 2)]
    conn.send_raw(b"".join(conn.encode(Op.SET_DATA, data) for data in body))
    errors = [conn.next_reply().err for _ in body]
    assert errors == [0, Err.BAD_VERSION, 0, Err.BAD_VERSION, 0]


# --- Permissions ---


def test_cp_7_6_delete_needs_the_parents_permission_only(conn, root):
    """CP-7.6: a node that grants nothing goes, one that grants everything stays."""
    assert conn.create(root + "/sealed", acl=world(0)).ok
    assert conn.delete(root + "/sealed").ok
    parent = root + "/p"
    assert conn.create(parent, acl=world(Perms.ALL & ~Perms.DELETE)).ok
    assert conn.create(parent + "/n", acl=OPEN_ACL).ok
    for name in ("/n", "/missing"):
        assert conn.delete(parent + name).err == Err.NO_AUTH
    assert conn.exists(parent + "/n").ok


@apache_differs("3.8.0 lets everybody see the stat of an unreadable node")
def test_cp_7_7_exists_on_an_unreadable_node(conn, super_conn, root):
    """CP-7.7: -102 and no watch is left, not even once the node becomes readable."""
    path = root + "/n"
    assert conn.create(path, acl=world(Perms.ALL & ~Perms.READ)).ok
    assert conn.exists(path, watch=True).err == Err.NO_AUTH
    assert conn.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert super_conn.set_acl(path, OPEN_ACL).ok
    assert super_conn.set(path, b"x").ok
    assert conn.drain_events() == []
    assert conn.exists(path).ok


@pytest.mark.parametrize("op", ["get", "children", "children2"])
def test_cp_7_7_refused_reads_leave_no_watch(conn, super_conn, root, op):
    """CP-7.7 (section 7.1): the same for the other reads that can watch."""
    path = root + "/n"
    assert conn.create(path, acl=world(Perms.ALL & ~Perms.READ)).ok
    assert getattr(conn, op)(path, watch=True).err == Err.NO_AUTH
    assert conn.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert super_conn.set_acl(path, OPEN_ACL).ok
    assert super_conn.set(path, b"x").ok
    assert super_conn.create(path + "/child").ok
    assert conn.drain_events() == []


def test_cp_7_8_get_acl_redacts_digests_without_admin(conn, root):
    """CP-7.8: from the first colon on; other schemes and the perms are shown as they are."""
    bob, eve = digest_id("bob:pw"), "eve:some"
    entries = [Acl(Perms.ALL, "digest", bob), Acl(3, "digest", eve), Acl(2, "ip", "10.0.0.0/8")]
    path = root + "/n"
    assert conn.create(path, acl=entries + world(Perms.READ)).ok
    hidden = [Acl(Perms.ALL, "digest", "bob:x"), Acl(3, "digest", "eve:x"), entries[2]]
    assert conn.get_acl(path).value[0] == hidden + world(Perms.READ)
    assert conn.auth("digest", b"bob:pw").ok
    assert conn.get_acl(path).value[0] == entries + world(Perms.READ)


def test_cp_7_8_get_acl_shows_digests_when_the_world_has_admin(conn, root):
    """CP-7.8 (section 7.7): everybody sees the hashes then, without READ too."""
    entries = [Acl(Perms.ALL, "digest", digest_id("bob:pw"))] + world(Perms.ADMIN)
    assert conn.create(root + "/n", acl=entries).ok
    assert conn.get_acl(root + "/n").value[0] == entries
    assert conn.get(root + "/n").err == Err.NO_AUTH


def multi_error(conn, op, body):
    """Error of a request that is the only element of a multi."""
    return conn.multi([(op, body)]).value[0].err


# Table 7.8: name, bits of which any is enough, the operation on a node that has one child /child.
PERMISSIONS = {
    "create": (Perms.CREATE, lambda c, p: c.create(p + "/new").err),
    "create2": (Perms.CREATE, lambda c, p: c.create2(p + "/new").err),
    "createContainer": (Perms.CREATE, lambda c, p: c.create_container(p + "/new").err),
    "createTTL": (Perms.CREATE, lambda c, p: c.create_ttl(p + "/new", 10**9).err),
    "create in multi": (
        Perms.CREATE,
        lambda c, p: multi_error(c, Op.CREATE, create_body(Op.CREATE, p + "/new", 0)),
    ),
    "delete": (Perms.DELETE, lambda c, p: c.delete(p + "/child").err),
    "delete in multi": (
        Perms.DELETE,
        lambda c, p: multi_error(c, Op.DELETE, path_version_request(p + "/child")),
    ),
    "setData": (Perms.WRITE, lambda c, p: c.set(p, b"x").err),
    "setData in multi": (
        Perms.WRITE,
        lambda c, p: multi_error(c, Op.SET_DATA, set_data_request(p, b"x")),
    ),
    "setACL": (Perms.ADMIN, lambda c, p: c.set_acl(p, OPEN_ACL).err),
    "getData": (Perms.READ, lambda c, p: c.get(p).err),
    "exists": (Perms.READ, lambda c, p: c.exists(p).err),
    "getChildren": (Perms.READ, lambda c, p: c.children(p).err),
    "getChildren2": (Perms.READ, lambda c, p: c.children2(p).err),
    "getAllChildrenNumber": (Perms.READ, lambda c, p: c.all_children_number(p).err),
    "check": (Perms.READ, lambda c, p: multi_error(c, Op.CHECK, path_version_request(p))),
    "getACL": (Perms.READ | Perms.ADMIN, lambda c, p: c.get_acl(p).err),
    "multiRead": (
        Perms.READ,
        lambda c, p: c.multi_read([(Op.GET_DATA, path_watch_request(p))]).value[0].err,
    ),
    "multiRead children": (
        Perms.READ,
        lambda c, p: c.multi_read([(Op.GET_CHILDREN, path_watch_request(p))]).value[0].err,
    ),
}
ALL_BITS = (Perms.READ, Perms.WRITE, Perms.CREATE, Perms.DELETE, Perms.ADMIN)
_EXISTS_IN_38 = apache_differs("3.8.0 does not check READ in exists")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=_EXISTS_IN_38) if n == "exists" else n for n in PERMISSIONS],
)
def test_cp_7_8_each_operation_needs_just_its_permission(conn, super_conn, root, name):
    """CP-7.8, table 7.8: one needed bit is enough, all the others together are not; the child's
    own ACL plays no part.
    """
    needed, operation = PERMISSIONS[name]
    for number, bit in enumerate(ALL_BITS):
        path = f"{root}/{number}"
        assert conn.create(path).ok
        assert conn.create(path + "/child", acl=world(0)).ok
        assert super_conn.set_acl(path, world(bit)).ok
        assert operation(conn, path) == (0 if bit & needed else Err.NO_AUTH), f"only {bit}"
    path = root + "/others"
    assert conn.create(path).ok
    assert conn.create(path + "/child").ok
    assert super_conn.set_acl(path, world(Perms.ALL & ~needed)).ok
    assert operation(conn, path) == Err.NO_AUTH


def test_cp_7_8_operations_without_a_permission(conn, root):
    """CP-7.8, table 7.8: sync, getEphemerals, the watch operations and ping need none."""
    path = root + "/sealed"
    assert conn.create(path, acl=world(0), flags=Flags.EPHEMERAL).ok
    assert conn.sync(path).value == path
    assert conn.get_ephemerals("/").value == [path]
    assert conn.set_watches(conn.last_zxid(), [path], [], [path]).ok
    assert conn.check_watches(path, WatcherType.DATA).ok
    assert conn.remove_watches(path, WatcherType.ANY).ok
    assert conn.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.whoami().ok
    assert conn.ping().ok
