"""Session handshake, CP-2.1 to CP-2.19, CP-2.22 and CP-2.23, against a standalone server.

The shared server is configured with tickTime=2000, so that timeouts lie between 4000 and 40000 ms.
"""

import os
import struct

import pytest

from lib.jute import Writer
from lib.marks import apache_differs
from lib.waiting import wait_until
from lib.zkwire import (
    CREATOR_ACL,
    Err,
    Event,
    Flags,
    Op,
    Reply,
    WatchEvent,
    WatcherType,
    WatchMode,
    Xid,
    auth_request,
    connect_request,
    frame,
    open_connection,
    open_session,
    password_for,
    path_request,
    path_watch_request,
    reconnect,
    set_watches_request,
)

REFUSED = bytes.fromhex("00000000" + "00000000" + "00" * 8 + "00000010" + "00" * 16 + "00")

KNOWN_PASSWORDS = {
    0x01000010CD460000: "58b0e4e0055783e5f656b7ef56539bdd",
    0x01000010CDDC0000: "66e0fea3fb60beefb49895d83c057612",
    0x0100001A505B0000: "077038d8882eb7e9bdcb2d9411d6698a",
}


def handshake(server, **arguments):
    """The answer to one handshake on a connection of its own; None when closed. Ends a new session.
    """
    with open_connection(server) as conn:
        response = conn.connect_session(**arguments)
        if response is not None and not response.refused and "session_id" not in arguments:
            assert conn.close_session().ok
        return response


def assert_refused(server, session_id, passwd):
    """The server answers with the refused response, byte for byte, and closes."""
    with open_connection(server) as conn:
        conn.send_frame(connect_request(session_id=session_id, passwd=passwd))
        assert conn.recv_frame() == REFUSED
        conn.expect_closed()


# --- New sessions ---


def test_cp_2_1_new_session_response(server):
    """CP-2.1: 37-byte payload, protocolVersion 0, non-zero id, 16-byte password, readOnly 0."""
    with open_session(server, timeout_ms=10000) as conn:
        conn.close_session()
    with open_connection(server) as conn:
        conn.send_raw(bytes.fromhex("0000002d" + "00000000" + "00" * 8 + "00002710" + "00" * 8))
        conn.send_raw(bytes.fromhex("00000010" + "00" * 16 + "00"))
        payload = conn.recv_frame()
        assert len(payload) == 37
        protocol, timeout, session_id, length = struct.unpack(">iiqi", payload[:20])
        assert (protocol, timeout, length, payload[36]) == (0, 10000, 16, 0)
        assert session_id != 0
        assert payload[20:36] == password_for(session_id)
        conn.close_session()


def test_cp_2_1_read_only_wish_is_answered_with_zero_by_a_normal_server(server):
    """CP-2.1 (section 12): a client that allows read-only gets readOnly 0 from a read-write server.
    """
    with open_session(server, read_only=True) as conn:
        assert conn.create("/writable-for-a-read-only-client").ok
        conn.close_session()
    response = handshake(server, read_only=True)
    assert response.read_only is False


def test_cp_2_2_request_without_read_only_byte(server):
    """CP-2.2: clients older than 3.4 get 36 bytes, for new sessions, reconnects and refusals."""
    with open_connection(server) as conn:
        created = conn.connect_session(read_only=None)
        assert (len(created.payload), created.read_only) == (36, None)
        assert conn.exists("/").ok
        with open_connection(server) as again:
            response = again.connect_session(
                session_id=conn.session_id, passwd=conn.passwd, read_only=None
            )
            assert (len(response.payload), response.session_id) == (36, created.session_id)
            again.close_session()
    refused = handshake(
        server, session_id=created.session_id, passwd=created.passwd, read_only=None
    )
    assert refused.payload == REFUSED[:36]


@pytest.mark.parametrize("version", [77, -1, 2**31 - 1])
def test_cp_2_3_protocol_version_is_ignored(server, version):
    """CP-2.3: any version is accepted and answered with 0."""
    with open_connection(server) as conn:
        assert conn.connect_session(protocol=version).protocol_version == 0
        assert conn.exists("/").ok
        conn.close_session()


TIMEOUTS_WITH_BOUNDS_4000_40000 = [
    (1, 4000),
    (-5, 4000),
    (0, 4000),
    (-(2**31), 4000),
    (3999, 4000),
    (4000, 4000),
    (4001, 4001),
    (39999, 39999),
    (40000, 40000),
    (40001, 40000),
    (10**9, 40000),
    (2**31 - 1, 40000),
]


@pytest.mark.parametrize("wished, granted", TIMEOUTS_WITH_BOUNDS_4000_40000)
def test_cp_2_4_timeout_negotiation(server, wished, granted):
    """CP-2.4: between 2 and 20 times tickTime (2000 here), on both sides of both bounds."""
    with open_session(server, timeout_ms=wished) as conn:
        assert conn.timeout_ms == granted
        conn.close_session()


def test_cp_2_4_default_tick_time(make_server):
    """CP-2.4: without tickTime in the configuration it is 3000."""
    server = make_server({"tickTime": None})
    assert handshake(server, timeout_ms=1).timeout_ms == 6000
    assert handshake(server, timeout_ms=10**9).timeout_ms == 60000


def test_cp_2_4_configured_bounds(make_server):
    """CP-2.4: minSessionTimeout and maxSessionTimeout replace the multiples of tickTime."""
    server = make_server({"minSessionTimeout": 1500, "maxSessionTimeout": 7000})
    assert handshake(server, timeout_ms=1).timeout_ms == 1500
    assert handshake(server, timeout_ms=1501).timeout_ms == 1501
    assert handshake(server, timeout_ms=10**9).timeout_ms == 7000


@pytest.mark.parametrize("passwd", [None, b"", b"x", b"p" * 16, b"long" * 100])
def test_cp_2_5_password_of_a_new_session_is_ignored(server, passwd):
    """CP-2.5: null, empty or any other password with id 0."""
    with open_session(server, passwd=passwd) as conn:
        assert conn.passwd == password_for(conn.session_id)
        conn.close_session()


def test_cp_2_6_trailing_bytes_in_the_connect_request(server):
    """CP-2.6: ignored behind the readOnly byte, and not taken for a request."""
    with open_connection(server) as conn:
        conn.send_frame(connect_request() + b"trailing bytes")
        assert len(conn.recv_connect_response().payload) == 37
        assert conn.exists("/").ok
        conn.close_session()


@pytest.mark.parametrize("ahead", [1, 2, 2**40])
def test_cp_2_7_last_zxid_ahead_is_closed(server, conn, ahead):
    """CP-2.7: a client that has seen more than this server gets no byte, and no session."""
    z = conn.last_zxid()
    assert handshake(server, last_zxid=z + ahead) is None
    assert handshake(server, last_zxid=2**63 - 1) is None
    assert conn.last_zxid() == z


def test_cp_2_7_last_zxid_equal_or_negative_is_accepted(server, conn):
    """CP-2.7: equal is fine; the comparison is signed."""
    for last_zxid in (conn.last_zxid(), -1, -(2**63)):
        with open_session(server, last_zxid=last_zxid) as other:
            other.close_session()


def test_cp_2_7_last_zxid_is_checked_before_the_session(server, conn):
    """CP-2.7 (order of 2.2): closed, not refused, and the live connection of the session goes on.
    """
    z = conn.last_zxid()
    assert handshake(server, session_id=conn.session_id, passwd=b"wrong", last_zxid=z + 1) is None
    arguments = {"session_id": conn.session_id, "passwd": conn.passwd, "last_zxid": z + 1}
    assert handshake(server, **arguments) is None
    assert conn.exists("/").ok


def test_cp_2_8_password_is_the_generator_of_the_session_id(new_session):
    """CP-2.8: the test vectors, and every session of the server."""
    for session_id, password in KNOWN_PASSWORDS.items():
        assert password_for(session_id).hex() == password
    for _ in range(5):
        conn = new_session()
        assert conn.passwd == password_for(conn.session_id)


# --- Reconnects ---


def test_cp_2_9_reconnect_keeps_id_and_password_and_renegotiates(server, new_session):
    """CP-2.9: the timeout is the newly wished one, within the bounds."""
    old = new_session(timeout_ms=10000)
    for wished, granted in [(20000, 20000), (1, 4000), (10**9, 40000)]:
        with open_connection(server) as again:
            arguments = {"session_id": old.session_id, "passwd": old.passwd, "timeout_ms": wished}
            response = again.connect_session(**arguments)
            assert (response.session_id, response.passwd) == (old.session_id, old.passwd)
            assert (response.timeout_ms, response.read_only) == (granted, False)
            assert again.exists("/").ok


def test_cp_2_9_reconnect_after_an_abrupt_disconnect(server, conn, root):
    """CP-2.9: a reset of the old connection does not hurt the session or its ephemerals."""
    conn.create(root + "/e", flags=Flags.EPHEMERAL)
    conn.abort()
    with reconnect(server, conn) as again:
        assert again.exists(root + "/e").value.ephemeral_owner == conn.session_id


def test_cp_2_10_reconnect_closes_the_previous_connection_silently(server, conn, root):
    """CP-2.10: no message, not even for its watches; the new connection works."""
    assert conn.get(root, watch=True).ok
    with reconnect(server, conn) as again:
        conn.expect_closed()
        assert again.set(root, b"x").ok
        assert again.drain_events() == []


def test_cp_2_10_a_chain_of_reconnects_leaves_one_connection(server, conn):
    """CP-2.10: each of several reconnects closes exactly its predecessor."""
    connections = [conn]
    for _ in range(4):
        connections.append(reconnect(server, conn))
        connections[-2].expect_closed()
    assert connections[-1].exists("/").ok
    for connection in connections:
        connection.close()


def wrong_passwords(right):
    """Passwords that are nearly right."""
    return [
        None,
        b"",
        bytes(16),
        right[:15],
        right + b"\0",
        right[:-1] + bytes([right[-1] ^ 1]),
        bytes([right[0] ^ 0x80]) + right[1:],
    ]


def test_cp_2_11_wrong_password_is_refused_and_the_session_lives(server, new_session, root):
    """CP-2.11: any other length, or other bytes; the right password is still accepted afterwards.
    """
    conn = new_session()
    conn.create(root + "/e", flags=Flags.EPHEMERAL)
    conn.close()
    for passwd in wrong_passwords(conn.passwd):
        assert_refused(server, conn.session_id, passwd)
    with reconnect(server, conn) as again:
        assert again.exists(root + "/e").value.ephemeral_owner == conn.session_id


@apache_differs("D5: Apache closes the live connection before it checks the password")
def test_cp_2_11_wrong_password_does_not_cut_the_live_connection(server, conn):
    """CP-2.11 with D5: who knows only the id cannot disturb the session."""
    for passwd in wrong_passwords(conn.passwd):
        assert_refused(server, conn.session_id, passwd)
    assert conn.exists("/").ok


@pytest.mark.parametrize("session_id", [1, -1, 0x0100000000000001, 2**63 - 1, -(2**63)])
def test_cp_2_12_unknown_session_with_its_password_is_refused(server, session_id):
    """CP-2.12: the password of an id can be computed by anybody, it does not make a session."""
    assert_refused(server, session_id, password_for(session_id))


def test_cp_2_12_session_ids_of_the_future_are_unknown(server, conn):
    """CP-2.12: the id that the server will give out next."""
    session_id = conn.session_id + 1
    assert_refused(server, session_id, password_for(session_id))


def test_cp_2_13_closed_session_is_refused(server, conn):
    """CP-2.13: after closeSession."""
    assert conn.close_session().ok
    assert_refused(server, conn.session_id, conn.passwd)
    assert_refused(server, conn.session_id, conn.passwd)  # and stays so


def test_cp_2_13_expired_session_is_refused(make_server):
    """CP-2.13: after the timeout (1 s here) ran out; the end shows in its ephemeral."""
    server = make_server({"tickTime": 500})
    with open_session(server) as observer, open_session(server, timeout_ms=1000) as conn:
        assert conn.create("/e", flags=Flags.EPHEMERAL).ok
        conn.close()
        wait_until(lambda: observer.exists("/e").err == Err.NO_NODE, "the session expires")
    assert_refused(server, conn.session_id, conn.passwd)


def test_cp_2_14_refused_response(server):
    """CP-2.14: timeout 0, id 0, password of 16 zero bytes, readOnly 0; asserted byte for byte."""
    with open_connection(server) as conn:
        response = conn.connect_session(session_id=12345, passwd=password_for(12345))
        assert response.payload == REFUSED
        assert (response.timeout_ms, response.session_id, response.passwd) == (0, 0, bytes(16))
        conn.expect_closed()


def test_cp_2_14_requests_behind_a_refused_handshake_are_not_executed(server, new_session, root):
    """CP-2.14: what a client pipelined behind the ConnectRequest dies with the connection."""
    with open_connection(server) as conn:
        stream = frame(connect_request(session_id=12345, passwd=password_for(12345)))
        stream += conn.encode(Op.DELETE, Writer().string(root).int(-1).encoded())
        conn.send_raw(stream)
        assert conn.recv_until_closed() in (b"", frame(REFUSED))  # a reset may overtake the answer
    assert new_session().exists(root).ok


# --- Pipelining behind the handshake ---


def messages_behind_handshake(conn, count):
    """The ConnectResponse, then `count` messages, by kind: (replies by xid, events)."""
    replies, events = {}, []
    for _ in range(count):
        message = conn.next()
        if isinstance(message, Reply):
            replies[message.xid] = message
        else:
            assert isinstance(message, WatchEvent)
            events.append(message)
    return replies, events


def test_cp_2_15_connect_auth_set_watches_and_request_in_one_segment(server, conn, root):
    """CP-2.15: ConnectResponse first; the others are processed, auth in time for the request."""
    assert conn.auth("digest", b"bob:pw").ok
    secret = root + "/secret"
    assert conn.create(secret, b"data", CREATOR_ACL).ok
    with open_connection(server) as client:
        stream = [
            frame(connect_request()),
            client.encode(Op.AUTH, auth_request("digest", b"bob:pw"), Xid.AUTH),
            client.encode(Op.SET_WATCHES, set_watches_request(0, [root]), Xid.SET_WATCHES),
            client.encode(Op.GET_DATA, path_watch_request(secret), 1),
        ]
        client.send_raw(b"".join(stream))
        assert not client.recv_connect_response().refused
        replies, events = messages_behind_handshake(client, 4)
        assert [(event.type, event.path) for event in events] == [(Event.DATA_CHANGED, root)]
        assert replies[Xid.AUTH].err == replies[Xid.SET_WATCHES].err == 0
        assert replies[1].value[0] == b"data"
        client.close_session()


def test_cp_2_15_reconnect_with_requests_in_one_segment(server, conn, root):
    """CP-2.15 for a reconnect: revalidation too comes before the requests."""
    conn.create(root + "/e", flags=Flags.EPHEMERAL)
    with open_connection(server) as client:
        request = connect_request(session_id=conn.session_id, passwd=conn.passwd)
        stream = [frame(request)]
        stream.append(client.encode(Op.GET_EPHEMERALS, path_request(root), 7))
        stream += [client.encode(Op.EXISTS, path_watch_request("/")) for _ in range(100)]
        client.send_raw(b"".join(stream))
        assert client.recv_connect_response().session_id == conn.session_id
        assert client.next_reply().value == [root + "/e"]
        assert all(client.next_reply().ok for _ in range(100))


def test_cp_2_15_close_session_right_behind_the_handshake(server):
    """CP-2.15: a session that is opened and closed in one segment."""
    with open_connection(server) as client:
        client.send_raw(frame(connect_request()) + client.encode(Op.CLOSE_SESSION))
        response = client.recv_connect_response()
        assert client.next_reply().ok
        client.expect_closed()
    assert_refused(server, response.session_id, response.passwd)


# --- Malformed handshakes ---


def test_cp_2_16_truncated_connect_request_is_closed(server, conn):
    """CP-2.16: every length short of the complete request without readOnly (44 bytes); no session.
    """
    z = conn.last_zxid()
    request = connect_request(read_only=None)
    assert len(request) == 44
    for length in range(44):
        with open_connection(server) as client:
            client.send_frame(request[:length])
            client.expect_closed()
    assert conn.last_zxid() == z


@pytest.mark.parametrize("length", [-2, -(2**31), 17, 18, 2**20, 2**31 - 1])
def test_cp_2_16_bad_password_length_is_closed(server, length):
    """CP-2.16: negative, or beyond the frame."""
    request = Writer().int(0).long(0).int(10000).long(0).int(length).raw(bytes(16)).encoded()
    with open_connection(server) as client:
        client.send_frame(request)
        client.expect_closed()


def test_cp_2_16_eof_inside_the_connect_request(server, conn):
    """CP-2.16: the client goes away in the middle of its handshake; no session comes of it."""
    z = conn.last_zxid()
    with open_connection(server) as client:
        client.send_raw(frame(connect_request())[:-1])
        client.shutdown_write()
        client.expect_closed()
    assert conn.last_zxid() == z


# --- Session ids, zxids, and what a connection owns ---


def test_cp_2_17_top_byte_is_one_and_ids_count_up(new_session):
    """CP-2.17: server id 1 when standalone; consecutive sessions differ by 1."""
    ids = [new_session().session_id for _ in range(5)]
    assert [session_id >> 56 for session_id in ids] == [1] * 5
    assert ids == list(range(ids[0], ids[0] + 5))


def test_cp_2_17_ids_are_not_reused_after_a_restart(make_server):
    """CP-2.17: ids of the next incarnation are new and, like the clock they come from, larger."""
    server = make_server()
    with open_session(server) as conn:
        before = conn.session_id
    server.restart()
    with open_session(server) as conn:
        assert conn.session_id >> 56 == 1
        assert conn.session_id > before


def test_cp_2_18_watches_do_not_carry_over(server, conn, new_session, root):
    """CP-2.18: data, child and persistent watches of the old connection are gone."""
    conn.get(root, watch=True)
    conn.children(root, watch=True)
    conn.exists(root + "/missing", watch=True)
    assert conn.add_watch(root, WatchMode.PERSISTENT).ok
    assert conn.add_watch("/", WatchMode.PERSISTENT_RECURSIVE).ok
    with reconnect(server, conn) as again:
        for path in (root, root + "/missing", "/"):
            assert again.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
        other = new_session()
        assert other.set(root, b"x").ok and other.create(root + "/missing").ok
        assert again.drain_events() == []


def test_cp_2_18_authentication_does_not_carry_over(server, conn, root):
    """CP-2.18: the new connection has nothing but its address."""
    conn.auth("digest", b"bob:pw")
    assert conn.create(root + "/secret", b"data", CREATOR_ACL).ok
    with reconnect(server, conn) as again:
        assert again.whoami().value == [("ip", "127.0.0.1")]
        assert again.get(root + "/secret").err == Err.NO_AUTH
        assert again.auth("digest", b"bob:pw").ok
        assert again.get(root + "/secret").value[0] == b"data"


def test_cp_2_19_new_session_consumes_one_zxid(conn, new_session):
    """CP-2.19: each of them, and the first reply on it shows that zxid."""
    z = conn.last_zxid()
    for count in range(1, 4):
        assert new_session().last_zxid() == z + count
    assert conn.last_zxid() == z + 3


def test_cp_2_19_reconnect_and_refusal_consume_none(server, conn, new_session):
    """CP-2.19: reconnects, refused handshakes and closed handshakes leave z alone."""
    other = new_session()
    z = conn.last_zxid()
    for _ in range(3):
        reconnect(server, other).close()
    assert_refused(server, 12345, password_for(12345))
    assert handshake(server, last_zxid=z + 1) is None
    assert conn.last_zxid() == z


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_cp_2_22_session_password_and_ephemerals_survive_a_restart(make_server, end):
    """CP-2.22: after SIGTERM and after SIGKILL; closing the session then removes the ephemerals."""
    server = make_server()
    with open_session(server, timeout_ms=30000) as conn:
        assert conn.create("/e", b"data", flags=Flags.EPHEMERAL).ok
        stat = conn.exists("/e").value
        getattr(server, end)()
        conn.expect_closed()
    server.start()
    with reconnect(server, conn, timeout_ms=20000) as again:
        assert (again.session_id, again.passwd) == (conn.session_id, conn.passwd)
        assert again.timeout_ms == 20000
        assert again.get("/e").value == (b"data", stat)
        assert again.get_ephemerals("/").value == ["/e"]
        assert again.close_session().ok
    with open_session(server) as observer:
        assert observer.exists("/e").err == Err.NO_NODE
    assert_refused(server, conn.session_id, conn.passwd)


def test_cp_2_22_closed_session_stays_closed_over_a_restart(make_server):
    """CP-2.22, the other half: a restart does not raise the dead."""
    server = make_server()
    with open_session(server) as conn:
        conn.create("/e", flags=Flags.EPHEMERAL)
        assert conn.close_session().ok
    server.kill()
    server.start()
    assert_refused(server, conn.session_id, conn.passwd)
    with open_session(server) as observer:
        assert observer.exists("/e").err == Err.NO_NODE


def test_cp_2_22_orphaned_session_expires_after_a_restart(make_server):
    """CP-2.22: a session whose client never returns is tracked by the new server and ends."""
    server = make_server({"tickTime": 500})
    with open_session(server, timeout_ms=1000) as conn:
        assert conn.create("/e", flags=Flags.EPHEMERAL).ok
        server.kill()
    server.start()
    with open_session(server) as observer:
        wait_until(lambda: observer.exists("/e").err == Err.NO_NODE, "the session expires")
    assert_refused(server, conn.session_id, conn.passwd)


def test_cp_2_23_second_connect_request_is_an_unknown_op(server, conn):
    """CP-2.23: xid 0, zxid -1, err -6, closed; the session survives it."""
    conn.send_frame(connect_request())
    payload = conn.recv_frame()
    assert struct.unpack(">iqi", payload) == (0, -1, Err.UNIMPLEMENTED)
    conn.expect_closed()
    with reconnect(server, conn) as again:
        assert again.exists("/").ok


def test_many_handshakes_at_once(server):
    """Rule 2.2: 200 connections that all send before any answer is read; ids and passwords are
    distinct.
    """
    clients = [open_connection(server) for _ in range(200)]
    try:
        for client in clients:
            client.send_frame(connect_request(passwd=os.urandom(16)))
        responses = [client.recv_connect_response() for client in clients]
        assert len({response.session_id for response in responses}) == 200
        assert all(response.passwd == password_for(response.session_id) for response in responses)
        assert all(client.close_session().ok for client in clients)
    finally:
        for client in clients:
            client.close()
