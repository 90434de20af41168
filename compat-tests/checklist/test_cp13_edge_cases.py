"""What raw clients can get wrong, CP-13.1 to CP-13.6, and the defects that must not be copied (15).
"""

import struct
import threading

import pytest

from lib.marks import apache_differs
from lib.waiting import wait_until
from lib.zkwire import (
    OPEN_ACL,
    Acl,
    Err,
    Flags,
    Op,
    Perms,
    Reply,
    auth_request,
    create_request,
    create_ttl_request,
    multi_request,
    open_connection,
    open_session,
    path_int_request,
    path_request,
    path_version_request,
    path_watch_request,
    reconfig_request,
    reconnect,
    set_acl_request,
    set_data_request,
    set_watches2_request,
    set_watches_request,
)


def assert_unknown_op(server, conn, op, body, xid=17):
    """Reply with zxid -1 and err -6, then the end of the connection; the session survives."""
    conn.submit(op, body, xid)
    assert conn.recv_frame() == struct.pack(">iqi", xid, -1, Err.UNIMPLEMENTED)
    conn.expect_closed()
    with reconnect(server, conn) as again:
        assert again.exists("/").ok


UNKNOWN_OPS = [0, 10, 23, 50, 99, 108, 999, 2**31 - 1, -1, -2, -9, -12, -(2**31)]


@pytest.mark.parametrize("op", UNKNOWN_OPS)
def test_cp_13_1_unknown_op_is_answered_and_closed(server, conn, op):
    """CP-13.1: with an empty body and with one that would suit a known op."""
    assert_unknown_op(server, conn, op, b"")
    with reconnect(server, conn) as again:
        assert_unknown_op(server, again, op, path_watch_request("/"), xid=-1000)


@apache_differs("3.8 answers op 13 with -5 and keeps the connection")
def test_cp_13_1_check_outside_of_multi_is_unknown(server, conn, root):
    """CP-13.1: op 13 exists only as an element of multi."""
    assert_unknown_op(server, conn, Op.CHECK, path_version_request(root))


@pytest.mark.parametrize("body", [struct.pack(">i", 10000), b""], ids=["timeout", "empty"])
@apache_differs("D4: Apache executes createSession sent by a client")
def test_cp_13_1_create_session_from_a_client_is_unknown(server, conn, body):
    """CP-13.1 with D4 (rule 13.4): op -10 is internal."""
    assert_unknown_op(server, conn, Op.CREATE_SESSION, body)


def test_cp_13_1_requests_before_an_unknown_op_are_executed(conn, new_session, root):
    """CP-13.1: also when all is one segment. What becomes of requests behind it is not defined:
    Apache may execute those that it had read already."""
    stream = [
        conn.encode(Op.SET_DATA, set_data_request(root, b"before")),
        conn.encode(50, b""),
        conn.encode(Op.SET_DATA, set_data_request(root, b"behind")),
    ]
    conn.send_raw(b"".join(stream))
    conn.recv_until_closed()  # the reset for the unread rest may overtake the replies
    observer = new_session()
    wait_until(lambda: observer.exists(root).value.version >= 1, "the first request takes effect")


def valid_bodies(root):
    """A well-formed body for each op whose short body must give -5."""
    path, children = root + "/n", [root, root + "/n"]
    element = (Op.SET_DATA, set_data_request(root, b"data"))
    return {
        Op.CREATE: create_request(path, b"data"),
        Op.CREATE2: create_request(path, b"data"),
        Op.CREATE_CONTAINER: create_request(path, b"data", flags=Flags.CONTAINER),
        Op.CREATE_TTL: create_ttl_request(path, b"data", ttl_ms=1000),
        Op.DELETE: path_version_request(path),
        Op.EXISTS: path_watch_request(path),
        Op.GET_DATA: path_watch_request(path),
        Op.SET_DATA: set_data_request(path, b"data"),
        Op.GET_ACL: path_request(path),
        Op.SET_ACL: set_acl_request(path, OPEN_ACL),
        Op.GET_CHILDREN: path_watch_request(path),
        Op.GET_CHILDREN2: path_watch_request(path),
        Op.SYNC: path_request(path),
        Op.MULTI: multi_request([element, element]),
        Op.MULTI_READ: multi_request([(Op.GET_DATA, path_watch_request(root))]),
        Op.RECONFIG: reconfig_request("a", "b", "c", -1),
        Op.CHECK_WATCHES: path_int_request(path, 3),
        Op.REMOVE_WATCHES: path_int_request(path, 3),
        Op.GET_EPHEMERALS: path_request("/"),
        Op.GET_ALL_CHILDREN_NUMBER: path_request("/"),
        Op.SET_WATCHES: set_watches_request(0, children, children, children),
        Op.SET_WATCHES2: set_watches2_request(0, children, children, children, children, children),
        Op.ADD_WATCH: path_int_request(path, 0),
    }


SHORT_BODY_OPS = sorted(valid_bodies("/r"))


@pytest.mark.parametrize("op", SHORT_BODY_OPS)
def test_cp_13_2_every_proper_prefix_of_a_body_is_a_marshalling_error(conn, root, op):
    """CP-13.2: -5 with no body for each cut, in one pipeline; then a request works; nothing
    happened.
    """
    body = valid_bodies(root)[op]
    for length in range(len(body)):
        conn.submit(op, body[:length])
    for length in range(len(body)):
        reply = conn.next_reply()
        assert (reply.err, reply.body) == (Err.MARSHALLING, b""), f"cut after {length} bytes"
    stat = conn.exists(root).value
    assert (stat.version, stat.aversion, stat.num_children) == (0, 0, 0)
    assert conn.set(root, b"still works").ok


@pytest.mark.parametrize("length", range(len(auth_request("digest", b"bob:pw"))))
def test_cp_13_2_undecodable_auth_packet_is_closed_without_a_reply(conn, length):
    """CP-13.2 (rule 13.14): the exception, every proper prefix."""
    conn.submit(Op.AUTH, auth_request("digest", b"bob:pw")[:length])
    conn.expect_closed()


@apache_differs("D2: 3.8 logs an error transaction for an undecodable write")
@pytest.mark.parametrize("op", [Op.CREATE, Op.CREATE2, Op.DELETE, Op.SET_DATA, Op.SET_ACL])
def test_cp_13_2_undecodable_write_makes_no_transaction(conn, op):
    """CP-13.2 with D2: no zxid is consumed."""
    z = conn.last_zxid()
    reply = conn.request(op, b"\0\0\0\x09/x")
    assert (reply.err, reply.zxid) == (Err.MARSHALLING, z)
    assert conn.last_zxid() == z


FIRST_FRAMES = {
    "exists": struct.pack(">ii", 1, Op.EXISTS) + path_watch_request("/"),
    "getData": struct.pack(">ii", 1, Op.GET_DATA) + path_watch_request("/some/longer/path" * 5),
    "create": struct.pack(">ii", 1, Op.CREATE) + create_request("/must-not-exist", b"x" * 100),
    "ping": struct.pack(">ii", -2, Op.PING),
    "auth": struct.pack(">ii", -4, Op.AUTH) + auth_request("digest", b"bob:pw"),
    "closeSession": struct.pack(">ii", 1, Op.CLOSE_SESSION),
    "setWatches": struct.pack(">ii", -8, Op.SET_WATCHES) + set_watches_request(0, ["/"]),
}


@pytest.mark.parametrize("name", FIRST_FRAMES)
def test_cp_13_3_request_before_the_handshake_is_closed(server, conn, name):
    """CP-13.3: without a reply, and without effect."""
    z = conn.last_zxid()
    with open_connection(server) as client:
        client.send_frame(FIRST_FRAMES[name])
        client.expect_closed()
    assert conn.last_zxid() == z
    assert conn.exists("/must-not-exist").err == Err.NO_NODE


def test_cp_13_4_undecodable_writes_do_not_stop_later_writes(conn, new_session, root):
    """CP-13.4: of the same connection and of others, in one pipeline with good writes."""
    cut = [b"", b"\0\0\0\x09/x", path_request(root) + b"\0\0"]
    bad = {op: cut for op in (Op.CREATE, Op.DELETE, Op.SET_DATA, Op.SET_ACL)}
    bad[Op.MULTI] = [multi_request([(Op.DELETE, body)])[:-1] for body in cut]
    stream, expected = [], []
    for round_number in range(10):
        for op, bodies in bad.items():
            stream.append(conn.encode(op, bodies[round_number % len(bodies)]))
            stream.append(conn.encode(Op.SET_DATA, set_data_request(root, b"good")))
            expected += [Err.MARSHALLING, 0]
    conn.send_raw(b"".join(stream))
    assert [conn.next_reply().err for _ in stream] == expected
    other = new_session()
    assert other.set(root, b"other").value.version == 51
    assert conn.create(root + "/child").ok


def test_cp_13_4_undecodable_writes_leave_a_log_that_can_be_read(make_server):
    """CP-13.4: a restart after them finds the good writes."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create("/n").ok
        for op in (Op.CREATE, Op.SET_DATA, Op.MULTI, Op.DELETE):
            assert conn.request(op, b"\0").err == Err.MARSHALLING
        assert conn.set("/n", b"after").ok
    server.kill()
    server.start()
    with open_session(server) as conn:
        assert conn.get("/n").value[0] == b"after"


@pytest.mark.parametrize("ttl_ms", [-1, -(2**63)])
@pytest.mark.parametrize("flags", [0, 1, 2, 3, 4])
@apache_differs("D1: createTTL with other flags and a negative ttl ends the server")
def test_cp_13_5_create_ttl_with_other_flags_and_negative_ttl(make_server, flags, ttl_ms):
    """CP-13.5 with D1: -8, and the server lives; here with extended types on."""
    server = make_server({"extendedTypesEnabled": "true"})
    with open_session(server) as conn:
        reply = conn.create_ttl("/t", ttl_ms, flags=flags)
        assert reply.err == Err.BAD_ARGUMENTS
        assert conn.exists("/t").err == Err.NO_NODE
        assert conn.create("/n").ok
    assert server.running


@apache_differs("D1: createTTL with other flags and a negative ttl ends the server")
def test_cp_13_5_also_without_extended_types(make_server):
    """CP-13.5 with D1: the flags are no TTL mode, so the switch does not matter."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create_ttl("/t", -1, flags=0).err == Err.BAD_ARGUMENTS
        assert conn.create("/n").ok
    server.kill()
    server.start()
    with open_session(server) as conn:
        assert conn.exists("/n").ok
        assert conn.exists("/t").err == Err.NO_NODE


PROTECTED = [Acl(Perms.ALL & ~Perms.DELETE, "world", "anyone")]


@pytest.mark.parametrize("name", ["/plain", "/container"])
@pytest.mark.parametrize("encode", [path_request, str.encode], ids=["3.9 record", "3.8 record"])
def test_cp_13_6_delete_container_does_not_delete_a_protected_node(
    conn, new_session, root, name, encode
):
    """CP-13.6: no client may delete below this parent; whatever the answer, the node stays."""
    parent = root + "/protected"
    assert conn.create(parent, acl=PROTECTED).ok
    assert conn.create(parent + "/plain").ok
    assert conn.create_container(parent + "/container").ok
    client = new_session()
    client.submit(Op.DELETE_CONTAINER, encode(parent + name), 1)
    xid, _, err = struct.unpack(">iqi", client.recv_frame())
    assert xid == 1 and err < 0
    assert conn.delete(parent + name).err == Err.NO_AUTH
    assert conn.exists(parent + name).ok


@apache_differs("D3: 3.8 answers -8 and keeps the connection, 3.9 deletes the node")
def test_cp_13_6_delete_container_from_a_client_is_unknown(server, conn, root):
    """CP-13.6 with D3: -6 and closed, even where the client might delete the node."""
    assert conn.create_container(root + "/c").ok
    assert_unknown_op(server, conn, Op.DELETE_CONTAINER, path_request(root + "/c"))
    with reconnect(server, conn) as again:
        assert again.exists(root + "/c").ok


def test_a_pipeline_longer_than_one_read_is_answered_in_order_among_events(server, conn, root):
    """800 KB of requests at once, while watch events come for the same connection: all of both, nothing twice."""
    count, changes = 20_000, 200
    assert conn.add_watch(root, 0).ok
    requests = b"".join(conn.encode(Op.EXISTS, path_watch_request(root, False), xid) for xid in range(100, 100 + count))
    sender = threading.Thread(target=conn.send_raw, args=(requests,))
    sender.start()
    with open_session(server) as other:
        changer = threading.Thread(target=lambda: [other.set(root, b"%d" % n) for n in range(changes)])
        changer.start()
        found = [conn.next() for _ in range(count + changes)]
        changer.join()
    sender.join()
    xids = [message.xid for message in found if isinstance(message, Reply)]
    assert xids == list(range(100, 100 + count))
    assert len(found) - len(xids) == changes
