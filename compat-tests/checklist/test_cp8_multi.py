"""multi, CP-8.1 to CP-8.10 and CP-8.13; multiRead is in test_cp8_multi_read.py."""

import struct

import pytest

from lib import servers
from lib.elements import check, create, delete, get_children, get_data, set_data
from lib.marks import apache_differs
from lib.scenery import (
    CREATE_OPS,
    DAY_MS,
    QUICK_REMOVAL_CONFIG,
    is_missing,
    let_a_check_pass,
)
from lib.zkwire import (
    MULTI_END,
    OPEN_ACL,
    Acl,
    Err,
    Flags,
    MultiResult,
    Op,
    Perms,
    WatcherType,
    WatchMode,
    create_request,
    multi_header,
    multi_request,
    open_session,
    path_request,
    path_version_request,
    path_watch_request,
    set_acl_request,
)

NO_READ = [Acl(Perms.ALL & ~Perms.READ, "world", "anyone")]


@pytest.fixture(scope="module")
def server():
    """A server with TTL nodes that looks every 200 ms for containers to remove."""
    with servers.start_server(config=QUICK_REMOVAL_CONFIG) as process:
        yield process


def ok(conn, *elements):
    """Values of the results of a multi that must succeed."""
    reply = conn.multi(elements)
    assert reply.ok
    assert all(result.err == result.header_err == 0 for result in reply.value), reply.value
    return [result.value for result in reply.value]


def errors(conn, *elements):
    """Error codes of the results of a multi; they are the same in both places of each result."""
    reply = conn.multi(elements)
    assert reply.ok
    assert all(result.err == result.header_err for result in reply.value)
    return [result.err for result in reply.value]


def failed_body(codes):
    """The body of a failed multi: -1, not done, the code twice, for each element."""
    return b"".join(struct.pack(">ibii", -1, 0, code, code) for code in codes) + MULTI_END


def assert_rejected(conn, body, op=Op.MULTI):
    """The whole request fails with -5 and an empty body, and the connection goes on."""
    reply = conn.request(op, body)
    assert (reply.err, reply.body) == (Err.MARSHALLING, b"")
    assert conn.exists("/").ok


# --- Success ---


def test_cp_8_1_empty_multi(conn):
    """CP-8.1: err 0, just the end header, and a zxid."""
    z = conn.last_zxid()
    reply = conn.multi([])
    assert (reply.err, reply.zxid, reply.body) == (0, z + 1, MULTI_END)
    assert conn.last_zxid() == z + 1


def result_header(op):
    """The header of a successful element."""
    return struct.pack(">ibi", op, 0, 0)


def test_cp_8_2_layout_of_a_success(conn, root):
    """CP-8.2: header and record of each element, in order, byte for byte."""
    path = root + "/n"
    reply = conn.multi([create(path, data=b"x"), set_data(root, b"new"), check(path), delete(path)])
    stat = conn.request(Op.EXISTS, path_watch_request(root))
    parts = [
        result_header(Op.CREATE) + path_request(path),
        result_header(Op.SET_DATA) + reply.body[9 + len(path_request(path)) + 9 :][:68],
        result_header(Op.CHECK),
        result_header(Op.DELETE),
        MULTI_END,
    ]
    assert reply.body == b"".join(parts)
    after = stat.value
    told = reply.value[1].value
    assert (told.version, told.mzxid, told.mtime) == (1, after.mzxid, after.mtime)
    assert told.data_length == 3


PATH_AND_STAT = [
    pytest.param(Op.CREATE2, 0, marks=apache_differs("3.8.0 executes create2 as create")),
    pytest.param(Op.CREATE2, 3, marks=apache_differs("3.8.0 executes create2 as create")),
    (Op.CREATE_CONTAINER, 4),
    (Op.CREATE_TTL, 5),
    (Op.CREATE_TTL, 6),
]


@pytest.mark.parametrize("op, flags", PATH_AND_STAT)
def test_cp_8_2_creates_with_a_stat_are_reported_as_type_15(conn, root, op, flags):
    """CP-8.2: path and stat, whatever the type of the element was."""
    reply = conn.multi([create(root + "/n", flags, op, data=b"123")])
    path, stat = reply.value[0].value
    assert path == root + ("/n0000000000" if flags in (3, 6) else "/n")
    assert stat == conn.exists(path).value
    assert reply.value == [MultiResult(Op.CREATE2, 0, 0, (path, stat))]
    size = 9 + len(path_request(path)) + 68 + len(MULTI_END)
    assert reply.body[:9] == result_header(Op.CREATE2)
    assert len(reply.body) == size


def test_cp_8_2_stats_are_those_at_the_element(conn, root):
    """CP-8.2 (section 8.4): later elements of the same multi do not show."""
    path = root + "/n"
    created, first, _, second = ok(
        conn,
        create(path, Flags.CONTAINER, Op.CREATE_CONTAINER),
        set_data(path, b"1"),
        create(path + "/child"),
        set_data(path, b"22"),
    )
    stats = [created[1], first, second]
    assert [stat.version for stat in stats] == [0, 1, 2]
    assert [stat.num_children for stat in stats] == [0, 0, 1]
    assert [stat.data_length for stat in stats] == [0, 1, 2]
    assert [stat.cversion for stat in stats] == [0, 0, 1]


# --- Failure ---


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize(
    "name, code",
    [
        ("delete of a missing node", Err.NO_NODE),
        ("create of an existing node", Err.NODE_EXISTS),
        ("wrong version", Err.BAD_VERSION),
        ("children", Err.NOT_EMPTY),
        ("bad path", Err.BAD_ARGUMENTS),
        ("empty ACL", Err.INVALID_ACL),
        ("reserved node", Err.BAD_ARGUMENTS),
    ],
)
def test_cp_8_3_layout_of_a_failure(conn, root, position, name, code):
    """CP-8.3: reply err 0; 0 before the failing element, its code, -2 after it; nothing applied."""
    assert conn.create(root + "/old").ok
    assert conn.create(root + "/old/child").ok
    bad = {
        "delete of a missing node": delete(root + "/missing"),
        "create of an existing node": create(root + "/old"),
        "wrong version": check(root, 5),
        "children": delete(root),
        "bad path": set_data(root + "/"),
        "empty ACL": create(root + "/x", acl=[]),
        "reserved node": delete("/zookeeper"),
    }[name]
    elements = [create(root + "/new"), set_data(root, b"new"), delete(root + "/old/child")]
    elements.insert(position, bad)
    before = conn.get(root).value
    z = conn.last_zxid()
    reply = conn.multi(elements)
    codes = [0] * position + [code] + [Err.RUNTIME_INCONSISTENCY] * (3 - position)
    assert (reply.err, reply.zxid) == (0, z + 1)
    assert reply.body == failed_body(codes)
    assert len(reply.body) == 4 * (9 + 4) + 9
    assert conn.get(root).value == before
    assert conn.children(root).value == ["old"]
    assert conn.exists(root + "/old/child").ok


def test_cp_8_3_the_example_of_the_reference(conn, root):
    """CP-8.3: the bytes printed in section 8.5."""
    reply = conn.multi([create(root + "/a"), delete(root + "/missing"), create(root + "/b")])
    assert reply.body.hex() == (
        "ffffffff000000000000000000" "ffffffff00ffffff9bffffff9b" "ffffffff00fffffffefffffffe"
        "ffffffff01ffffffff"
    )


def test_cp_8_3_a_failed_multi_is_not_applied_after_a_restart_either(make_server):
    """CP-8.3 (section 8.2): the replay of the log voids it as a whole too."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create("/old", b"old").ok
        bad = [set_data("/old", b"new"), create("/new"), delete("/missing"), create("/later")]
        assert errors(conn, *bad) == [0, 0, Err.NO_NODE, Err.RUNTIME_INCONSISTENCY]
        ok(conn, create("/good"), set_data("/old", b"good"))
        expected = conn.get("/old").value
    server.kill()
    server.start()
    with open_session(server) as conn:
        assert sorted(conn.children("/").value) == ["good", "old", "zookeeper"]
        assert conn.get("/old").value == expected


# --- Order and atomicity ---


def test_cp_8_4_elements_see_earlier_elements(conn, root):
    """CP-8.4: create, setData, check, delete of one node; afterwards it may be created again."""
    path = root + "/n"
    ok(
        conn,
        create(path),
        check(path, 0),
        set_data(path, b"1", 0),
        set_data(path, b"2", 1),
        check(path, 2),
        delete(path, 2),
        create(path, data=b"again"),
        check(path, 0),
    )
    data, stat = conn.get(path).value
    assert (data, stat.version) == (b"again", 0)


def test_cp_8_4_sequential_creates_get_consecutive_numbers(conn, root):
    """CP-8.4: and so do their children; a node created inside counts from 0."""
    paths = ok(
        conn,
        create(root + "/s-", Flags.SEQUENTIAL),
        create(root + "/e-", Flags.EPHEMERAL_SEQUENTIAL),
        create(root + "/n"),
        create(root + "/n/s-", Flags.SEQUENTIAL),
        create(root + "/s-", Flags.SEQUENTIAL),
    )
    names = ["/s-0000000000", "/e-0000000001", "/n", "/n/s-0000000000", "/s-0000000003"]
    assert paths == [root + name for name in names]
    assert sorted(conn.get_ephemerals("/").value) == [root + "/e-0000000001"]


def test_cp_8_4_failures_come_from_earlier_elements_too(conn, root):
    """CP-8.4: what an element made, removed or changed is no longer as before."""
    path = root + "/n"
    assert errors(conn, create(path), create(path)) == [0, Err.NODE_EXISTS]
    assert errors(conn, set_data(root), check(root, 0)) == [0, Err.BAD_VERSION]
    assert errors(conn, create(path), delete(root)) == [0, Err.NOT_EMPTY]
    assert conn.create(path).ok
    assert errors(conn, delete(path), set_data(path)) == [0, Err.NO_NODE]
    assert errors(conn, delete(path), create(path + "/child")) == [0, Err.NO_NODE]
    assert conn.exists(path).ok


def test_cp_8_4_multis_in_a_pipeline_see_earlier_requests(conn, root):
    """CP-8.4 (section 7.0): writes that are prepared but not applied count; failed multis not."""
    path = root + "/n"
    requests = [
        (Op.CREATE, create_request(path)),
        (Op.MULTI, multi_request([set_data(path, b"1", 0), delete(root + "/missing")])),
        (Op.MULTI, multi_request([set_data(path, b"2", 0), create(path + "/child")])),
        (Op.DELETE, path_version_request(path)),
        (Op.MULTI, multi_request([delete(path + "/child"), delete(path, 1)])),
    ]
    conn.send_raw(b"".join(conn.encode(op, body) for op, body in requests))
    replies = [conn.next_reply() for _ in requests]
    assert [reply.err for reply in replies] == [0, 0, 0, Err.NOT_EMPTY, 0]
    results = [[result.err for result in replies[index].value] for index in (1, 2, 4)]
    assert results == [[0, Err.NO_NODE], [0, 0], [0, 0]]


def test_cp_8_5_one_zxid_and_one_time(conn, root):
    """CP-8.5: for all nodes that one multi touches, the parents included."""
    assert conn.create(root + "/old").ok
    elements = [create(root + f"/n{number}") for number in range(20)]
    elements += [create(root + "/n0/child"), set_data(root + "/old"), set_data(root + "/n1")]
    z = conn.last_zxid()
    reply = conn.multi(elements)
    assert reply.zxid == z + 1 == conn.last_zxid()
    stats = [conn.exists(f"{root}/n{number}").value for number in range(20)]
    stats.append(conn.exists(root + "/n0/child").value)
    assert {stat.czxid for stat in stats} == {stat.mzxid for stat in stats} == {reply.zxid}
    assert len({stat.ctime for stat in stats} | {stat.mtime for stat in stats}) == 1
    old = conn.exists(root + "/old").value
    assert (old.mzxid, old.mtime) == (reply.zxid, stats[0].ctime)
    assert conn.exists(root).value.pzxid == stats[0].pzxid == reply.zxid


def test_cp_8_5_readers_never_see_half_a_multi(conn, new_session, root):
    """CP-8.5 (section 8.2): while a pipeline of multis runs, the node that each writes last is
    never older than the one it writes first, read in that order.
    """
    ok(conn, create(root + "/a"), create(root + "/b"))
    body = multi_request([set_data(root + "/a"), set_data(root + "/b")])
    reader, rounds = new_session(), 300
    conn.send_raw(b"".join(conn.encode(Op.MULTI, body) for _ in range(rounds)))
    reads = [path_watch_request(root + "/a"), path_watch_request(root + "/b")] * rounds
    reader.send_raw(b"".join(reader.encode(Op.EXISTS, read) for read in reads))
    versions = [reader.next_reply().value.version for _ in reads]
    pairs = list(zip(versions[::2], versions[1::2]))
    assert all(first <= last for first, last in pairs), pairs
    assert all(conn.next_reply().ok for _ in range(rounds))
    assert reader.exists(root + "/b").value.version == rounds


def test_cp_8_6_a_failed_multi_leaves_no_trace(conn, new_session, root):
    """CP-8.6: no sequence number is used up, no watch fires or is used up."""
    watcher = new_session()
    assert conn.create(root + "/old").ok
    assert watcher.get(root + "/old", watch=True).ok
    assert watcher.children(root, watch=True).ok
    assert watcher.exists(root + "/n0000000001", watch=True).err == Err.NO_NODE
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    elements = [
        create(root + "/n", Flags.SEQUENTIAL),
        set_data(root + "/old"),
        delete(root + "/old"),
        check(root, 77),
    ]
    assert errors(conn, *elements) == [0, 0, 0, Err.BAD_VERSION]
    assert watcher.drain_events() == []
    assert watcher.check_watches(root + "/old", WatcherType.DATA).ok
    assert watcher.check_watches(root, WatcherType.CHILDREN).ok
    assert watcher.check_watches(root + "/n0000000001", WatcherType.DATA).ok
    assert conn.create(root + "/s", flags=Flags.SEQUENTIAL).value == root + "/s0000000001"


# --- check ---


def test_cp_8_7_check_compares_the_version(conn, root):
    """CP-8.7: -1 only asks for existence; a lone check writes nothing but takes a zxid."""
    assert conn.set(root, b"").ok
    before = conn.exists(root).value
    for version in (1, -1):
        z = conn.last_zxid()
        assert ok(conn, check(root, version)) == [None]
        assert conn.last_zxid() == z + 1
    for version in (0, 2, -2):
        assert errors(conn, check(root, version)) == [Err.BAD_VERSION]
    assert errors(conn, check(root + "/missing")) == [Err.NO_NODE]
    assert conn.exists(root).value == before


def test_cp_8_7_check_needs_read(conn, root):
    """CP-8.7: WRITE is not enough, and READ is all it needs."""
    assert conn.create(root + "/sealed", acl=NO_READ).ok
    assert conn.create(root + "/open", acl=[Acl(Perms.READ, "world", "anyone")]).ok
    for version in (-1, 0, 7):
        assert errors(conn, check(root + "/sealed", version)) == [Err.NO_AUTH]
    ok(conn, check(root + "/open", 0), set_data(root + "/sealed"))


# --- Requests that are refused as a whole ---

FORBIDDEN = {
    "getData": lambda path: get_data(path),
    "exists": lambda path: (Op.EXISTS, path_watch_request(path)),
    "getChildren": lambda path: get_children(path),
    "getChildren2": lambda path: (Op.GET_CHILDREN2, path_watch_request(path)),
    "setACL": lambda path: (Op.SET_ACL, set_acl_request(path, OPEN_ACL)),
    "getACL": lambda path: (Op.GET_ACL, path_request(path)),
    "sync": lambda path: (Op.SYNC, path_request(path)),
    "multi": lambda path: (Op.MULTI, multi_request([delete(path)])),
    "multiRead": lambda path: (Op.MULTI_READ, multi_request([get_data(path)])),
    "reconfig": lambda path: (Op.RECONFIG, bytes(20)),
    "deleteContainer": lambda path: (Op.DELETE_CONTAINER, path_request(path)),
    "closeSession": lambda path: (Op.CLOSE_SESSION, b""),
    "0": lambda path: (0, b""),
    "99": lambda path: (99, path_request(path)),
    "-1": lambda path: (-1, struct.pack(">i", 0)),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_cp_8_8_forbidden_elements(conn, root, name):
    """CP-8.8: alone, and behind or before a good element, which is not executed."""
    bad, good = FORBIDDEN[name](root), create(root + "/n")
    for elements in ([bad], [good, bad], [bad, good]):
        assert_rejected(conn, multi_request(elements))
    assert conn.children(root).value == []


def test_cp_8_8_undecodable_requests(conn, root):
    """CP-8.8: every length short of the complete request, the end header included."""
    body = multi_request([create(root + "/n"), delete(root + "/n")])
    for length in range(len(body)):
        assert_rejected(conn, body[:length])
    assert conn.children(root).value == []
    assert conn.multi([create(root + "/n")]).ok


@pytest.mark.parametrize("element", [create, delete, set_data, check])
def test_cp_8_8_null_path(conn, root, element):
    """CP-8.8 (section 8.1): a null path in an element fails the whole request."""
    reply = conn.request(Op.MULTI, multi_request([create(root + "/n"), element(None)]))
    assert reply.err == Err.MARSHALLING  # 3.8 puts an end header into the body, 3.9 nothing
    assert conn.children(root).value == []


_IN_ELEMENT = apache_differs("3.8.0 makes it an error of the element")


@pytest.mark.parametrize(
    "flags", [5, 6, *(pytest.param(flags, marks=_IN_ELEMENT) for flags in (-1, 7, 99))]
)
@pytest.mark.parametrize("op", [Op.CREATE, Op.CREATE2, Op.CREATE_CONTAINER])
def test_cp_8_9_flags_that_fail_the_whole_request(conn, root, op, flags):
    """CP-8.9: outside 0..6, or TTL modes in an element without ttl; extended types are on here."""
    assert_rejected(conn, multi_request([create(root + "/n"), create(root + "/bad", flags, op)]))
    assert conn.children(root).value == []


@pytest.mark.parametrize("op", [Op.CREATE, Op.CREATE2, Op.CREATE_CONTAINER])
@_IN_ELEMENT
def test_cp_8_9_null_acl_fails_the_whole_request(conn, root, op):
    """CP-8.9: a null vector of ACLs."""
    elements = [create(root + "/n"), create(root + "/bad", 0, op, acl=None)]
    assert_rejected(conn, multi_request(elements))
    assert conn.children(root).value == []


@pytest.mark.parametrize("op", CREATE_OPS)
def test_cp_8_9_empty_acl_is_an_error_of_the_element(conn, root, op):
    """CP-8.9: -114 for the element only."""
    flags = Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT
    codes = errors(conn, create(root + "/n"), create(root + "/bad", flags, op, acl=[]))
    assert codes == [0, Err.INVALID_ACL]


@pytest.mark.parametrize("op", [-1, 0, 1, 2, 7, 14, 99])
@pytest.mark.parametrize("done", [1, 7, 255])
def test_cp_8_10_the_end_is_recognised_by_done_alone(conn, root, op, done):
    """CP-8.10: whatever its type and err; what follows is not even read."""
    end = multi_header(op, done, err=op)
    elements = multi_header(Op.CREATE) + create_request(root + "/n")
    behind = multi_header(Op.CREATE) + create_request(root + "/not-executed")
    for rest in (b"", b"\0", b"rubbish" * 10, behind + MULTI_END):
        reply = conn.request(Op.MULTI, elements + end + rest)
        assert reply.value == [MultiResult(Op.CREATE, 0, 0, root + "/n")]
        assert conn.children(root).value == ["n"]
        assert conn.delete(root + "/n").ok


@pytest.mark.parametrize("err", [0, 1, -1, -101, 2**31 - 1])
def test_cp_8_10_err_of_element_headers_is_ignored(conn, root, err):
    """CP-8.10 (section 8.1): clients send -1 there; done 0 makes it an element."""
    element = multi_header(Op.CREATE, False, err) + create_request(root + "/n")
    assert conn.request(Op.MULTI, element + MULTI_END).value[0].value == root + "/n"


def test_cp_8_13_child_and_parent(conn, root):
    """CP-8.13: child before parent works, the other way round is -111; the whole tree goes at
    once.
    """
    tree = [create(root + "/p"), create(root + "/p/c"), create(root + "/p/c/g")]
    ok(conn, *tree)
    codes = errors(conn, delete(root + "/p"), delete(root + "/p/c/g"))
    assert codes == [Err.NOT_EMPTY, Err.RUNTIME_INCONSISTENCY]
    codes = errors(conn, delete(root + "/p/c"), delete(root + "/p"))
    assert codes == [Err.NOT_EMPTY, Err.RUNTIME_INCONSISTENCY]
    ok(conn, delete(root + "/p/c/g"), delete(root + "/p/c"), delete(root + "/p"))
    assert conn.children(root).value == []
    assert conn.exists(root).value.cversion == 2


# --- Normalisation of create elements, table 8.3 ---

_CREATE2 = apache_differs("3.8.0 executes create2 as create")
_CONTAINER = apache_differs("3.8.0 makes a plain node of a container element with other flags")

# Element type, flags: type of the result, sequential, removed with its last child.
NORMALISED = [
    *((Op.CREATE, flags, Op.CREATE, flags in (2, 3), False) for flags in range(4)),
    *(
        pytest.param(Op.CREATE2, flags, Op.CREATE2, flags in (2, 3), False, marks=_CREATE2)
        for flags in range(4)
    ),
    (Op.CREATE, 4, Op.CREATE2, False, True),
    (Op.CREATE2, 4, Op.CREATE2, False, True),
    *(
        pytest.param(Op.CREATE_CONTAINER, f, Op.CREATE2, f in (2, 3), True, marks=_CONTAINER)
        for f in range(4)
    ),
    (Op.CREATE_CONTAINER, 4, Op.CREATE2, False, True),
    (Op.CREATE_TTL, 5, Op.CREATE2, False, False),
    (Op.CREATE_TTL, 6, Op.CREATE2, True, False),
    *((Op.CREATE_TTL, flags, Op.CREATE, flags in (2, 3), False) for flags in range(4)),
    (Op.CREATE_TTL, 4, Op.CREATE2, False, True),
]


@pytest.mark.parametrize("op, flags, result_type, sequential, container", NORMALISED)
def test_cp_8_2_normalisation_of_creates(
    conn, root, op, flags, result_type, sequential, container
):
    """CP-8.2, table 8.3: the type of the result, the suffix, the owner, and who removes the node.
    """
    reply = conn.multi([create(root + "/n", flags, op)])
    result = reply.value[0]
    assert (result.type, result.err) == (result_type, 0)
    path = result.value if result.type == Op.CREATE else result.value[0]
    assert path == root + ("/n0000000000" if sequential else "/n")
    ephemeral = flags in (1, 3) and op != Op.CREATE_CONTAINER
    assert conn.exists(path).value.ephemeral_owner == (conn.session_id if ephemeral else 0)
    if ephemeral:
        return
    ok(conn, create(path + "/child"), delete(path + "/child"))
    let_a_check_pass(conn)
    assert is_missing(conn, path) == container


@pytest.mark.parametrize("ttl_ms", [0, 1, DAY_MS, 2**40, 2**63 - 1])
@pytest.mark.parametrize("flags", range(5))
def test_cp_8_2_ttl_of_other_modes_is_ignored(conn, root, flags, ttl_ms):
    """CP-8.2, table 8.3: type 21 with flags 0 to 4 succeeds whatever the ttl."""
    assert errors(conn, create(root + "/n", flags, Op.CREATE_TTL, ttl_ms=ttl_ms)) == [0]


@pytest.mark.parametrize("flags", [-1, 7, 99])
def test_cp_8_9_bad_flags_of_a_ttl_element(conn, root, flags):
    """CP-8.9, table 8.3: an error -8 of the element."""
    codes = errors(conn, create(root + "/n"), create(root + "/bad", flags, Op.CREATE_TTL))
    assert codes == [0, Err.BAD_ARGUMENTS]


@pytest.mark.parametrize("ttl_ms", [0, -1, 2**40])
def test_cp_8_9_bad_ttl_is_an_error_of_the_element(conn, root, ttl_ms):
    """CP-8.9 (sections 7.1, 8.2): -8, as at the top level."""
    element = create(root + "/bad", Flags.TTL, Op.CREATE_TTL, ttl_ms=ttl_ms)
    assert errors(conn, create(root + "/n"), element) == [0, Err.BAD_ARGUMENTS]


def test_cp_8_9_ttl_elements_without_extended_types(make_server):
    """CP-8.9, table 8.3: an error -6 of the element; the other modes of type 21 work."""
    with open_session(make_server()) as conn:
        for flags in (Flags.TTL, Flags.TTL_SEQUENTIAL):
            element = create("/bad", flags, Op.CREATE_TTL)
            assert errors(conn, create("/n"), element) == [0, Err.UNIMPLEMENTED]
        assert errors(conn, create("/plain", Flags.PERSISTENT, Op.CREATE_TTL)) == [0]
