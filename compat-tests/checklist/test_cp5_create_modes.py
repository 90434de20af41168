"""Create modes, sequence numbers, TTL and ephemeral nodes, CP-5.1 to CP-5.8, CP-5.12 to CP-5.14.

The removal of TTL nodes and containers (CP-5.9 to CP-5.11) is in test_cp5_removal.py.
"""

import itertools
import time

import pytest

from lib import servers
from lib.marks import apache_differs
from lib.scenery import (
    CREATE_OPS,
    DAY_MS,
    QUICK_REMOVAL_CONFIG,
    create_body,
    create_by,
    created_path,
    is_missing,
    let_a_check_pass,
    wait_until_gone,
)
from lib.zkwire import (
    Err,
    Flags,
    Op,
    create_request,
    multi_request,
    open_session,
    path_version_request,
    reconnect,
)


@pytest.fixture(scope="module")
def server():
    """A server with TTL nodes that looks every 200 ms for containers and TTL nodes to remove."""
    with servers.start_server(config=QUICK_REMOVAL_CONFIG) as process:
        yield process


@pytest.fixture(scope="module")
def plain_server():
    """A server with extended types off, as by default."""
    with servers.start_server() as process:
        yield process


# --- Flags ---


@pytest.mark.parametrize("flags", [-1, 7, 99, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("op", CREATE_OPS)
def test_cp_5_1_flags_outside_the_table_are_bad_arguments(conn, root, op, flags):
    """CP-5.1: -8 by every create op; nothing is created, not even a sequence number used up."""
    assert create_by(conn, op, root + "/n", flags).err == Err.BAD_ARGUMENTS
    assert conn.children(root).value == []
    assert conn.create(root + "/n", flags=Flags.SEQUENTIAL).value == root + "/n0000000000"


# (op, flags): sequential, ephemeral, container: the rows of the table of section 5.2 that succeed.
CREATE_TABLE = {
    (Op.CREATE, 0): (False, False, False),
    (Op.CREATE, 1): (False, True, False),
    (Op.CREATE, 2): (True, False, False),
    (Op.CREATE, 3): (True, True, False),
    (Op.CREATE, 4): (False, False, False),
    (Op.CREATE2, 0): (False, False, False),
    (Op.CREATE2, 1): (False, True, False),
    (Op.CREATE2, 2): (True, False, False),
    (Op.CREATE2, 3): (True, True, False),
    (Op.CREATE2, 4): (False, False, False),
    (Op.CREATE_CONTAINER, 0): (False, False, True),
    (Op.CREATE_CONTAINER, 1): (False, False, True),
    (Op.CREATE_CONTAINER, 2): (True, False, True),
    (Op.CREATE_CONTAINER, 3): (True, False, True),
    (Op.CREATE_CONTAINER, 4): (False, False, True),
    (Op.CREATE_TTL, 5): (False, False, False),
    (Op.CREATE_TTL, 6): (True, False, False),
}


# Rows in which the op overrules the flags: line CP-5.12.
OVERRULED = [(Op.CREATE, 4), (Op.CREATE2, 4), *((Op.CREATE_CONTAINER, flags) for flags in range(4))]


def assert_row_of_the_table(conn, root, op, flags):
    """A row of table 5.2 shows in the suffix, in the owner, and in who removes the node."""
    sequential, ephemeral, container = CREATE_TABLE[op, flags]
    assert conn.create(root + "/first").ok
    path = created_path(create_by(conn, op, root + "/n", flags, data=b"data"))
    assert path == root + ("/n0000000001" if sequential else "/n")
    data, stat = conn.get(path).value
    assert (data, stat.ephemeral_owner) == (b"data", conn.session_id if ephemeral else 0)
    if ephemeral:
        assert conn.create(path + "/child").err == Err.NO_CHILDREN_FOR_EPHEMERALS
        return
    assert conn.create(path + "/child").ok
    assert conn.delete(path + "/child").ok
    let_a_check_pass(conn)
    assert is_missing(conn, path) == container


@pytest.mark.parametrize("op, flags", [row for row in CREATE_TABLE if row not in OVERRULED])
def test_cp_5_2_suffix_owner_and_kind_of_each_mode(conn, root, op, flags):
    """CP-5.2, table 5.2: the rows in which the flags mean what they say."""
    assert_row_of_the_table(conn, root, op, flags)


@pytest.mark.parametrize("op, flags", OVERRULED)
def test_cp_5_12_the_op_decides_whether_it_is_a_container(conn, root, op, flags):
    """CP-5.12, table 5.2: op 1 and 15 with flags 4 make persistent nodes, op 19 with flags 0 to 3
    containers, which can have children and end with the last one.
    """
    assert_row_of_the_table(conn, root, op, flags)


# --- Sequence numbers ---


def test_cp_5_2_suffix_counts_up_in_ten_digits(conn, root):
    """CP-5.2: one counter for all names under one parent, another for the next parent."""
    for number in range(12):
        name = f"/{'ab'[number % 2]}-"
        path = conn.create(root + name, flags=Flags.SEQUENTIAL).value
        assert path == f"{root}{name}{number:010d}"
    assert conn.create(root + "/p").ok
    assert conn.create(root + "/p/a-", flags=Flags.SEQUENTIAL).value == root + "/p/a-0000000000"


def test_cp_5_2_pipelined_sequential_creates_get_consecutive_numbers(conn, new_session, root):
    """CP-5.2: creates that are not applied yet count; two sessions never get the same number."""
    clients = [conn, new_session()]
    body = create_request(root + "/s-", flags=Flags.EPHEMERAL_SEQUENTIAL)
    for client in clients:
        client.send_raw(b"".join(client.encode(Op.CREATE, body) for _ in range(100)))
    paths = [[client.next_reply().value for _ in range(100)] for client in clients]
    assert all(own == sorted(own) for own in paths)
    assert sorted(paths[0] + paths[1]) == [f"{root}/s-{number:010d}" for number in range(200)]


def test_cp_5_2_a_recreated_parent_starts_at_zero(conn, root):
    """CP-5.2: the counter belongs to the node, not to the path."""
    parent = root + "/p"
    for _ in range(2):
        assert conn.create(parent).ok
        for number in range(3):
            path = conn.create(parent + "/s-", flags=Flags.SEQUENTIAL).value
            assert path == f"{parent}/s-{number:010d}"
        for name in conn.children(parent).value:
            assert conn.delete(f"{parent}/{name}").ok
        assert conn.delete(parent).ok


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_cp_5_2_the_counter_goes_on_after_a_restart(make_server, how):
    """CP-5.2: although none of the children is left; after an orderly stop and after a kill."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create("/p").ok
        for _ in range(3):
            assert conn.delete(conn.create("/p/s-", flags=Flags.SEQUENTIAL).value).ok
    if how == "kill":
        server.kill()
        server.start()
    else:
        server.restart()
    with open_session(server) as conn:
        assert conn.create("/p/s-", flags=Flags.SEQUENTIAL).value == "/p/s-0000000003"


@pytest.mark.parametrize(
    "op, flags",
    [
        (Op.CREATE, Flags.PERSISTENT),
        (Op.CREATE, Flags.EPHEMERAL),
        (Op.CREATE2, Flags.EPHEMERAL_SEQUENTIAL),
        (Op.CREATE_CONTAINER, Flags.CONTAINER),
        (Op.CREATE_TTL, Flags.TTL),
        (Op.CREATE_TTL, Flags.TTL_SEQUENTIAL),
    ],
)
def test_cp_5_3_creates_of_any_kind_advance_the_counter_and_deletes_do_not(conn, root, op, flags):
    """CP-5.3: sequential or not; a sequential create after two of them gets number 2."""
    paths = [created_path(create_by(conn, op, f"{root}/{name}", flags)) for name in "ab"]
    assert conn.delete(paths[0]).ok
    assert conn.create(root + "/s", flags=Flags.SEQUENTIAL).value == root + "/s0000000002"
    assert conn.delete(paths[1]).ok
    assert conn.create(root + "/s", flags=Flags.SEQUENTIAL).value == root + "/s0000000003"


def test_cp_5_3_failed_creates_do_not_advance_the_counter(conn, root):
    """CP-5.3: whatever they fail for, alone and inside a multi that fails later."""
    assert conn.create(root + "/n").ok
    failures = [
        (conn.create(root + "/n"), Err.NODE_EXISTS),
        (conn.create(root + "/."), Err.BAD_ARGUMENTS),
        (conn.create(root + "/a\x01", flags=Flags.SEQUENTIAL), Err.BAD_ARGUMENTS),
        (conn.create(root + "/a", acl=[]), Err.INVALID_ACL),
        (conn.create(root + "/a", flags=99), Err.BAD_ARGUMENTS),
        (create_by(conn, Op.CREATE_TTL, root + "/a", Flags.TTL, ttl_ms=0), Err.BAD_ARGUMENTS),
    ]
    assert [reply.err for reply, _ in failures] == [err for _, err in failures]
    results = conn.multi(
        [
            (Op.CREATE, create_request(root + "/m", flags=Flags.SEQUENTIAL)),
            (Op.CREATE, create_request(root + "/m")),
            (Op.DELETE, path_version_request(root + "/missing")),
        ]
    ).value
    assert [result.err for result in results] == [0, 0, Err.NO_NODE]
    assert conn.create(root + "/s", flags=Flags.SEQUENTIAL).value == root + "/s0000000001"


@pytest.mark.parametrize("op, flags", [key for key, row in CREATE_TABLE.items() if row[0]])
def test_cp_5_4_sequential_path_may_end_in_a_slash(conn, root, op, flags):
    """CP-5.4: the name is the number alone; the check is made on the final path."""
    assert created_path(create_by(conn, op, root + "/", flags)) == root + "/0000000000"
    assert created_path(create_by(conn, op, root + "/.", flags)) == root + "/.0000000001"
    assert created_path(create_by(conn, op, root + "/..", flags)) == root + "/..0000000002"


@pytest.mark.parametrize("flags", [Flags.SEQUENTIAL, Flags.EPHEMERAL_SEQUENTIAL])
def test_cp_5_4_sequential_create_of_the_root(conn, flags):
    """CP-5.4: a first-level node whose name is the root's creation counter."""
    root = conn.exists("/").value
    creations = (root.cversion + root.num_children) // 2
    path = conn.create("/", flags=flags).value
    assert path == f"/{creations:010d}"
    assert conn.delete(path).ok


@pytest.mark.parametrize("path", ["", "foo", "//", "/\0"])
def test_cp_5_4_a_suffix_does_not_repair_other_mistakes(conn, path):
    """CP-5.4: no leading slash, an empty component or NUL stay wrong with a suffix."""
    for flags in (Flags.SEQUENTIAL, Flags.EPHEMERAL_SEQUENTIAL):
        assert conn.create(path, flags=flags).err == Err.BAD_ARGUMENTS


# --- TTL nodes ---


@pytest.mark.parametrize("flags", [Flags.TTL, Flags.TTL_SEQUENTIAL])
@pytest.mark.parametrize("op", CREATE_OPS)
def test_cp_5_5_ttl_modes_are_unimplemented_without_extended_types(plain_server, op, flags):
    """CP-5.5: -6 by every op, for good and bad ttl alike; the connection stays."""
    with open_session(plain_server) as conn:
        for ttl_ms in (1, DAY_MS, 0, -1, 2**40):
            assert create_by(conn, op, "/t", flags, ttl_ms=ttl_ms).err == Err.UNIMPLEMENTED
        assert conn.exists("/t").err == Err.NO_NODE
        conn.close_session()


@pytest.mark.parametrize("flags", [Flags.TTL, Flags.TTL_SEQUENTIAL])
@pytest.mark.parametrize("op", [Op.CREATE, Op.CREATE2, Op.CREATE_CONTAINER])
def test_cp_5_5_other_ops_have_no_ttl_in_the_record(conn, root, op, flags):
    """CP-5.5 with extended types on: -8 instead of -6."""
    assert create_by(conn, op, root + "/t", flags).err == Err.BAD_ARGUMENTS
    assert conn.children(root).value == []


@pytest.mark.parametrize("flags", [Flags.TTL, Flags.TTL_SEQUENTIAL])
@pytest.mark.parametrize("ttl_ms", [0, -1, -(2**63), 2**40, 2**40 + 1, 2**63 - 1])
def test_cp_5_6_ttl_out_of_range(conn, root, ttl_ms, flags):
    """CP-5.6: -8, and no node."""
    reply = create_by(conn, Op.CREATE_TTL, root + "/t", flags, ttl_ms=ttl_ms)
    assert reply.err == Err.BAD_ARGUMENTS
    assert conn.children(root).value == []


@pytest.mark.parametrize("flags", [Flags.TTL, Flags.TTL_SEQUENTIAL])
@pytest.mark.parametrize("ttl_ms", [1, 2**31, 2**32, 2**40 - 1])
def test_cp_5_6_ttl_in_range(conn, root, ttl_ms, flags):
    """CP-5.6: accepted at both ends; only the shortest is removed at once, the others stay."""
    path = created_path(create_by(conn, Op.CREATE_TTL, root + "/t", flags, ttl_ms=ttl_ms))
    let_a_check_pass(conn)
    assert is_missing(conn, path) == (ttl_ms == 1)


@pytest.mark.parametrize("ttl_ms", [0, 1, DAY_MS, 2**40, 2**63 - 1])
@pytest.mark.parametrize("flags", [0, 1, 2, 3, 4])
def test_cp_5_7_create_ttl_with_other_modes(conn, root, flags, ttl_ms):
    """CP-5.7: -8 for every ttl that is not negative, with extended types on."""
    reply = create_by(conn, Op.CREATE_TTL, root + "/t", flags, ttl_ms=ttl_ms)
    assert reply.err == Err.BAD_ARGUMENTS
    assert conn.children(root).value == []


@pytest.mark.parametrize("extended", ["true", "false"])
@apache_differs("D1: createTTL with other flags and a negative ttl ends the server")
def test_cp_5_7_create_ttl_with_other_modes_and_negative_ttl(make_server, extended):
    """CP-5.7 with D1: -8 as well, and the server lives."""
    server = make_server({"extendedTypesEnabled": extended})
    with open_session(server) as conn:
        for flags, ttl_ms in itertools.product(range(5), (-1, -DAY_MS, -(2**63))):
            reply = create_by(conn, Op.CREATE_TTL, "/t", flags, ttl_ms=ttl_ms)
            assert reply.err == Err.BAD_ARGUMENTS
        assert is_missing(conn, "/t")
        assert conn.create("/n").ok


@pytest.mark.parametrize(
    "op, flags",
    [
        (Op.CREATE_TTL, Flags.TTL),
        (Op.CREATE_TTL, Flags.TTL_SEQUENTIAL),
        (Op.CREATE_CONTAINER, Flags.CONTAINER),
        (Op.CREATE_CONTAINER, Flags.EPHEMERAL),
    ],
)
def test_cp_5_8_ttl_and_container_nodes_show_no_owner(conn, new_session, root, op, flags):
    """CP-5.8: ephemeralOwner 0 in every stat; the end of their session does not remove them."""
    creator = new_session()
    reply = create_by(creator, op, root + "/n", flags)
    path, stat = reply.value
    stats = [
        stat,
        creator.exists(path).value,
        creator.get(path).value[1],
        creator.children2(path).value[1],
        creator.set(path, b"x").value,
        creator.get_acl(path).value[1],
    ]
    assert [stat.ephemeral_owner for stat in stats] == [0] * len(stats)
    assert creator.get_ephemerals("/").value == []
    assert creator.close_session().ok
    assert conn.exists(path).value.ephemeral_owner == 0


# --- Ephemerals ---


def test_cp_5_13_no_children_below_an_ephemeral(conn, new_session, root):
    """CP-5.13: -108 for every create op and mode, also for the owner; the node again: -110."""
    path = root + "/e"
    assert conn.create(path, flags=Flags.EPHEMERAL).ok
    for client in (conn, new_session()):
        for op, flags in CREATE_TABLE:
            reply = create_by(client, op, path + "/child", flags)
            assert reply.err == Err.NO_CHILDREN_FOR_EPHEMERALS, (op, flags)
        for flags in (Flags.PERSISTENT, Flags.EPHEMERAL):
            assert client.create(path, flags=flags).err == Err.NODE_EXISTS
    stat = conn.exists(path).value
    assert (stat.num_children, stat.cversion) == (0, 0)
    assert conn.delete(path).ok


def test_cp_5_13_inside_one_multi(conn, root):
    """CP-5.13: the ephemeral of an earlier element counts."""
    path = root + "/e"
    body = create_body(Op.CREATE, path, Flags.EPHEMERAL)
    child = create_body(Op.CREATE, path + "/child", Flags.PERSISTENT)
    reply = conn.request(Op.MULTI, multi_request([(Op.CREATE, body), (Op.CREATE, child)]))
    assert [result.err for result in reply.value] == [0, Err.NO_CHILDREN_FOR_EPHEMERALS]
    assert is_missing(conn, path)


def test_cp_5_14_owner_is_the_session(conn, new_session, root):
    """CP-5.14: as everybody sees it; the node goes with closeSession, others' nodes stay."""
    other = new_session()
    assert conn.create(root + "/mine", flags=Flags.EPHEMERAL).ok
    assert other.create(root + "/theirs", flags=Flags.EPHEMERAL).ok
    for client in (conn, other):
        assert client.exists(root + "/mine").value.ephemeral_owner == conn.session_id
        assert client.exists(root + "/theirs").value.ephemeral_owner == other.session_id
    assert conn.close_session().ok
    assert other.children(root).value == ["theirs"]


def test_cp_5_14_ephemeral_survives_a_dropped_connection_until_expiry(
    server, conn, new_session, root
):
    """CP-5.14: the owner may come back in time; when it does not, the node goes at expiry."""
    path = root + "/e"
    owner = new_session(timeout_ms=2000)
    assert owner.create(path, flags=Flags.EPHEMERAL).ok
    owner.abort()
    assert conn.exists(path).value.ephemeral_owner == owner.session_id
    again = reconnect(server, owner, timeout_ms=1000)
    assert again.timeout_ms == 1000
    assert again.get_ephemerals("/").value == [path]
    began = time.monotonic()
    assert again.ping().ok
    again.close()
    assert conn.exists(path).ok
    wait_until_gone(conn, path)
    assert time.monotonic() - began >= 1.0
