"""Expiry, end and order of sessions, and limits on connections, CP-10.1 to CP-10.10."""

import socket
import time

import pytest

from lib import servers
from lib.elements import create, delete
from lib.waiting import wait_until
from lib.zkwire import (
    Err,
    Event,
    Flags,
    Op,
    Reply,
    WatchMode,
    auth_request,
    create_request,
    multi_request,
    open_connection,
    open_session,
    path_request,
    path_version_request,
    path_watch_request,
    reconnect,
    sasl_request,
    set_data_request,
)

TICK_S = 0.5
# What a busy machine may add between the moment of an expiry and the test's noticing it.
LATENESS_S = 2.0


@pytest.fixture(scope="module")
def server():
    """A server with ticks of 500 ms, so that sessions may be as short as 1 s."""
    with servers.start_server(config={"tickTime": int(TICK_S * 1000)}) as process:
        yield process


@pytest.fixture(scope="module", autouse=True)
def silent_connections(server):
    """Connections that never open a session, opened before the first test of this file; yields
    (moment of opening, connections). One sends nothing, one half of a length.
    """
    opened = time.monotonic()
    connections = [open_connection(server), open_connection(server)]
    connections[1].send_raw(b"\0\0")
    yield opened, connections
    for connection in connections:
        connection.close()


@pytest.fixture
def observer(new_session):
    """A session that looks on; its connection is kept alive by the test's requests."""
    return new_session(timeout_ms=10000)


class Mortal:
    """A session with an ephemeral at `path`, and the bounds of its last request's arrival."""

    def __init__(self, server, path, timeout_ms):
        self.path = path
        self.conn = open_session(server, timeout_ms=timeout_ms)
        assert self.conn.timeout_ms == timeout_ms
        self.timeout_s = timeout_ms / 1000
        self.touch(lambda: self.conn.create(path, flags=Flags.EPHEMERAL))

    def touch(self, request):
        """Makes a request, and notes when it arrived at the server: after the first moment,
        before the second.
        """
        self.not_before = time.monotonic()
        assert request().ok
        self.not_after = time.monotonic()

    def assert_expired_in_time(self, moment):
        """The session ended at `moment` as seen by the test: not early, and not too late."""
        assert moment >= self.not_before + self.timeout_s
        assert moment <= self.not_after + self.timeout_s + TICK_S + LATENESS_S


# --- Expiry ---


def test_cp_10_1_sessions_expire_between_timeout_and_one_tick_more(server, observer, root):
    """CP-10.1: measured from the last request, for sessions that were last heard of at different
    parts of a tick, with timeouts that are and are not multiples of it.
    """
    assert observer.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    mortals = {}
    for number, timeout_ms in enumerate([2500, 2500, 2750, 2999, 3000, 3500]):
        path = f"{root}/{number}"
        mortals[path] = Mortal(server, path, timeout_ms)
        time.sleep(TICK_S / 5)
    for mortal in mortals.values():
        mortal.touch(mortal.conn.ping)
        mortal.conn.close()
    ended = []
    while len(ended) < len(mortals):
        event = observer.next_event()
        if event.type == Event.DELETED:
            mortals[event.path].assert_expired_in_time(time.monotonic())
            ended.append(event.path)
    assert sorted(ended) == sorted(mortals)


def test_cp_10_1_a_closed_connection_does_not_end_the_session_early(server, observer, root):
    """CP-10.1: neither does a reset; within the timeout the client may come back."""
    for how in ("close", "abort"):
        mortal = Mortal(server, f"{root}/{how}", 2000)
        getattr(mortal.conn, how)()
        assert observer.exists(mortal.path).ok
        with reconnect(server, mortal.conn, timeout_ms=2000) as again:
            assert again.get_ephemerals("/").value == [mortal.path]
            again.close_session()


def test_cp_10_1_a_new_timeout_counts_from_the_reconnect_on(server, observer, root):
    """CP-10.1 (section 10.1): the one negotiated last is used."""
    mortal = Mortal(server, root + "/e", 10000)
    mortal.conn.close()
    mortal.not_before = time.monotonic()
    mortal.conn = reconnect(server, mortal.conn, timeout_ms=1000)
    mortal.timeout_s = 1.0
    mortal.touch(mortal.conn.ping)
    assert observer.exists(mortal.path, watch=True).ok
    observer.next_event()
    mortal.assert_expired_in_time(time.monotonic())
    mortal.conn.close()


def carry_on_as_soon_as_possible(server, old):
    """A connection that carries on the session of `old` at a server that is just starting."""
    deadline = time.monotonic() + 30
    while True:
        assert time.monotonic() < deadline
        try:
            conn = open_connection(server, timeout=2)
            response = conn.connect_session(session_id=old.session_id, passwd=old.passwd)
        except (ConnectionError, TimeoutError):
            response = None
        if response is not None:
            assert not response.refused
            return conn
        time.sleep(0.02)


def test_cp_10_1_time_in_which_the_server_is_down_does_not_count(make_server):
    """CP-10.1 (section 10.2): a restarted server gives every session its full timeout again."""
    timeout_s = 3.0
    server = make_server({"tickTime": 500})
    with open_session(server, timeout_ms=int(timeout_s * 1000)) as conn:
        assert conn.create("/e", flags=Flags.EPHEMERAL).ok
        server.stop()
        time.sleep(timeout_s + TICK_S)
        server.launch()
        with carry_on_as_soon_as_possible(server, conn) as again:
            assert again.get_ephemerals("/").value == ["/e"]
            again.close_session()


def test_cp_10_2_an_idle_connection_is_closed_without_bytes(server, observer, root):
    """CP-10.2: when its session expires, although the connection is open."""
    mortal = Mortal(server, root + "/e", 1000)
    mortal.conn.expect_closed()
    mortal.assert_expired_in_time(time.monotonic())
    assert observer.exists(mortal.path).err == Err.NO_NODE
    with open_connection(server) as again:
        passwd = mortal.conn.passwd
        assert again.connect_session(session_id=mortal.conn.session_id, passwd=passwd).refused


# Requests of a session that does nothing else: name, whether it keeps the session alive.
TOUCHES = {
    "ping": (Op.PING, b"", True),
    "exists": (Op.EXISTS, path_watch_request("/"), True),
    "failing read": (Op.GET_DATA, path_watch_request("/missing/node"), True),
    "failing write": (Op.DELETE, path_version_request("/missing/node"), True),
    "sync": (Op.SYNC, path_request("/"), True),
    "whoAmI": (Op.WHO_AM_I, b"", True),
    "getEphemerals": (Op.GET_EPHEMERALS, path_request("/"), True),
    "empty multi": (Op.MULTI, multi_request([]), True),
    "auth": (Op.AUTH, auth_request("digest", b"bob:pw"), False),
    "sasl": (Op.SASL, sasl_request(b""), False),
    "nothing": (None, b"", False),
}


def test_cp_10_3_requests_keep_a_session_alive_auth_does_not(server, observer, root):
    """CP-10.3: any request does, also one that fails, auth and sasl packets do not. All sessions
    at once, each sending its kind of request for three timeouts.
    """
    timeout_s = 1.0
    clients = {name: open_session(server, timeout_ms=int(timeout_s * 1000)) for name in TOUCHES}
    for name, client in clients.items():
        path = f"{root}/{name}"
        client.send_raw(client.encode(Op.CREATE, create_request(path, flags=Flags.EPHEMERAL)))
    end = time.monotonic() + 3 * timeout_s
    while time.monotonic() < end:
        for name, (op, body, _) in TOUCHES.items():
            if op is not None:
                clients[name].submit(op, body)
        assert observer.ping().ok
        time.sleep(timeout_s / 10)
    alive = {name for name, (_, _, keeps) in TOUCHES.items() if keeps}
    assert set(observer.children(root).value) == alive
    for name in alive:
        assert clients[name].close_session().ok
    for client in clients.values():
        client.close()


# --- closeSession ---


def test_cp_10_4_close_session_deletes_all_ephemerals(conn, observer, root):
    """CP-10.4: those created just before in the same pipeline too, but not what was deleted;
    the parents' pzxid is the zxid of the close; persistent nodes stay.
    """
    for path in ("/a", "/b", "/c"):
        assert conn.create(root + path).ok
    assert conn.create(root + "/a/old", flags=Flags.EPHEMERAL).ok
    ephemeral = Flags.EPHEMERAL
    requests = [
        (Op.CREATE, create_request(root + "/a/new", flags=ephemeral)),
        (Op.CREATE2, create_request(root + "/b/s", flags=Flags.EPHEMERAL_SEQUENTIAL)),
        (Op.CREATE, create_request(root + "/c/gone", flags=ephemeral)),
        (Op.DELETE, path_version_request(root + "/c/gone")),
        (Op.MULTI, multi_request([create(root + "/b/m", ephemeral), create(root + "/b/stays")])),
        (Op.MULTI, multi_request([create(root + "/c/m", ephemeral), delete(root + "/missing")])),
        (Op.CLOSE_SESSION, b""),
    ]
    conn.send_raw(b"".join(conn.encode(op, body) for op, body in requests))
    replies = [conn.next_reply() for _ in requests]
    assert [reply.err for reply in replies] == [0] * len(requests)
    zxid = replies[-1].zxid
    conn.expect_closed()
    assert sorted(observer.children(root).value) == ["a", "b", "c"]
    left = {path: observer.children2(root + path).value for path in ("/a", "/b", "/c")}
    assert {path: names for path, (names, _) in left.items()} == {
        "/a": [],
        "/b": ["stays"],
        "/c": [],
    }
    assert left["/a"][1].pzxid == left["/b"][1].pzxid == zxid
    assert left["/c"][1].pzxid < zxid
    assert observer.last_zxid() == zxid


def test_cp_10_4_nothing_of_a_closed_session_is_left_after_a_restart(make_server):
    """CP-10.4: the log says the same: ephemerals gone, others' ephemerals and the rest kept."""
    server = make_server()
    with open_session(server) as conn, open_session(server) as other:
        assert conn.create("/mine", flags=Flags.EPHEMERAL).ok
        assert other.create("/theirs", flags=Flags.EPHEMERAL).ok
        assert conn.create("/kept").ok
        zxid = conn.close_session().zxid
        server.kill()
        server.start()
        with reconnect(server, other) as again:
            assert sorted(again.children("/").value) == ["kept", "theirs", "zookeeper"]
            assert again.exists("/").value.pzxid == zxid
            assert again.get_ephemerals("/").value == ["/theirs"]


def test_cp_10_5_requests_after_close_session_are_not_executed(conn, observer, root):
    """CP-10.5: writes and reads, in the same segment: no reply, EOF, no effect."""
    close = conn.encode(Op.CLOSE_SESSION)
    rest = [
        conn.encode(Op.CREATE, create_request(root + "/n")),
        conn.encode(Op.SET_DATA, set_data_request(root, b"x")),
        conn.encode(Op.MULTI, multi_request([create(root + "/m")])),
        conn.encode(Op.PING),
        conn.encode(Op.GET_DATA, path_watch_request(root)),
        conn.encode(Op.CLOSE_SESSION),
    ]
    conn.send_raw(close + b"".join(rest))
    reply = conn.next_reply()
    assert (reply.op, reply.err, reply.body) == (Op.CLOSE_SESSION, 0, b"")
    conn.expect_closed()
    assert observer.children(root).value == []
    assert observer.exists(root).value.version == 0


def test_cp_10_5_close_session_ignores_its_body_and_xid(server, root):
    """CP-10.5 (section 10.3): any xid, surplus bytes; the session is gone at once."""
    for xid in (0, -8, 2**31 - 1):
        client = open_session(server)
        assert client.create(f"{root}/{xid}", flags=Flags.EPHEMERAL).ok
        reply = client.request(Op.CLOSE_SESSION, b"surplus", xid)
        assert (reply.xid, reply.err) == (xid, 0)
        client.expect_closed()
        with open_connection(server) as again:
            assert again.connect_session(session_id=client.session_id, passwd=client.passwd).refused


# --- Order ---


def test_cp_10_6_a_pipeline_gives_the_results_of_a_sequence(conn, root):
    """CP-10.6: create, exists, setData, getData, delete, exists, fifty times in one segment."""
    path, rounds = root + "/n", 50
    stream = []
    for number in range(rounds):
        stream += [
            conn.encode(Op.CREATE, create_request(path, b"created")),
            conn.encode(Op.EXISTS, path_watch_request(path)),
            conn.encode(Op.SET_DATA, set_data_request(path, b"%d" % number, 0)),
            conn.encode(Op.GET_DATA, path_watch_request(path)),
            conn.encode(Op.DELETE, path_version_request(path, 1)),
            conn.encode(Op.EXISTS, path_watch_request(path)),
        ]
    conn.send_raw(b"".join(stream))
    for number in range(rounds):
        replies = [conn.next_reply() for _ in range(6)]
        assert [reply.err for reply in replies] == [0, 0, 0, 0, 0, Err.NO_NODE]
        assert [reply.xid for reply in replies] == list(range(6 * number + 1, 6 * number + 7))
        assert (replies[1].value.version, replies[1].value.data_length) == (0, 7)
        assert replies[3].value == (b"%d" % number, replies[2].value)


def test_cp_10_6_every_kind_of_request_keeps_its_place(conn, root):
    """CP-10.6 (section 10.4): reads, writes, sync, watch requests, pings, failures."""
    requests = [
        (Op.CREATE, create_request(root + "/n")),
        (Op.GET_CHILDREN, path_watch_request(root)),
        (Op.SYNC, path_request("/")),
        (Op.DELETE, path_version_request(root + "/missing")),
        (Op.GET_DATA, b""),
        (Op.GET_EPHEMERALS, path_request("/")),
        (Op.MULTI, multi_request([create(root + "/m"), delete(root + "/m")])),
        (Op.WHO_AM_I, b""),
        (Op.SET_DATA, set_data_request(root + "/n", b"x" * 50000)),
        (Op.GET_ALL_CHILDREN_NUMBER, path_request(root)),
        (Op.PING, b""),
        (Op.CREATE, b"\0"),
        (Op.DELETE, path_version_request(root + "/n")),
        (Op.EXISTS, path_watch_request(root + "/n")),
    ]
    rounds = 20
    stream = [conn.encode(op, body) for _ in range(rounds) for op, body in requests]
    conn.send_raw(b"".join(stream))
    for _ in range(rounds):
        replies = [conn.next_reply() for _ in requests]
        assert [reply.op for reply in replies] == [op for op, _ in requests]
        assert replies[1].value == ["n"]
        assert replies[9].value == 1
        assert replies[13].err == Err.NO_NODE


def test_cp_10_6_a_read_of_another_session_sees_every_answered_write(conn, observer, root):
    """CP-10.6 (section 10.4): on a standalone server, without sync."""
    for number in range(100):
        assert conn.set(root, b"%d" % number).ok
        assert observer.get(root).value[0] == b"%d" % number


def test_cp_10_7_a_ping_waits_for_the_write_before_it(conn, root):
    """CP-10.7: in the order sent, and its zxid shows the write."""
    stream = []
    for number in range(50):
        stream.append(conn.encode(Op.CREATE, create_request(f"{root}/{number}", b"x" * 10000)))
        stream.append(conn.encode(Op.PING))
    conn.send_raw(b"".join(stream))
    for _ in range(50):
        write, ping = conn.next_reply(), conn.next_reply()
        assert (write.op, ping.op) == (Op.CREATE, Op.PING)
        assert ping.zxid >= write.zxid > 0


def mixed_requests(path, number):
    """One of several requests, with `number` choosing: reads, writes, failures, sync, ping."""
    return [
        (Op.EXISTS, path_watch_request(path, True)),
        (Op.SET_DATA, set_data_request(path, b"x")),
        (Op.GET_DATA, path_watch_request("/missing")),
        (Op.PING, b""),
        (Op.DELETE, path_version_request("/missing")),
        (Op.SYNC, path_request(path)),
        (Op.MULTI, multi_request([])),
        (Op.GET_CHILDREN, path_watch_request(path)),
    ][number % 8]


def test_cp_10_10_reply_zxids_never_decrease(new_session, root):
    """CP-10.10: on each of four connections that read and write the same node all at once; a
    write's reply is not behind its own stat.
    """
    clients = [new_session() for _ in range(4)]
    rounds = 200
    for offset, client in enumerate(clients):
        requests = [mixed_requests(root, offset + number) for number in range(rounds)]
        client.send_raw(b"".join(client.encode(op, body) for op, body in requests))
    for client in clients:
        replies = []
        while len(replies) < rounds:
            message = client.next()
            if isinstance(message, Reply):
                replies.append(message)
        zxids = [reply.zxid for reply in replies]
        assert zxids == sorted(zxids)
        assert all(r.zxid >= r.value.mzxid for r in replies if r.op == Op.SET_DATA)


# --- Limits on connections ---

# Connections without a session must stay until the test has counted them, however slow it is.
PATIENT = {"nio.sessionlessCnxnTimeout": 120_000}


def is_served(server, source="127.0.0.1"):
    """True when a new connection from this address gets an answer. Waits for the end of that
    connection, so that it is no longer counted.
    """
    try:
        with socket.create_connection(
            (server.host, server.port), timeout=10, source_address=(source, 0)
        ) as sock:
            sock.sendall(b"ruok")
            answer = b""
            while chunk := sock.recv(64):
                answer += chunk
            return answer == b"imok"
    except ConnectionError:
        return False


def assert_handshake_is_closed(server):
    """A new connection is closed before any reply."""
    try:
        client = open_connection(server)
    except ConnectionError:
        return  # it was reset so early that connecting failed
    with client:
        assert client.connect_session() is None


def open_up_to_the_limit(server, count):
    """`count` connections that are all accepted, the last ones without a session; returns when
    the server has noticed all of them, which the original does a moment after accepting.
    """
    wait_until(lambda: is_served(server), "the start of the server is over")
    connections = []
    for number in range(count):
        client = open_connection(server)
        connections.append(client)
        if number < count // 2 + 1:
            assert not client.connect_session(timeout_ms=30000).refused
    wait_until(lambda: not is_served(server), "the limit is reached")
    return connections


@pytest.mark.parametrize("limit", [1, 5, None], ids=["1", "5", "default"])
def test_cp_10_8_connections_of_one_address(make_server, limit):
    """CP-10.8: one more than maxClientCnxns (default 60) is closed before any reply, a four-letter
    word too; when one ends there is room again; other addresses are not concerned.
    """
    server = make_server({**PATIENT, "maxClientCnxns": limit})
    connections = open_up_to_the_limit(server, limit or 60)
    for _ in range(3):
        assert_handshake_is_closed(server)
        assert not is_served(server)
    assert is_served(server, source="127.0.0.2")
    assert connections[0].ping().ok
    connections.pop().close()
    wait_until(lambda: is_served(server), "the closed connection is no longer counted")
    for client in connections:
        client.close()


def test_cp_10_8_zero_is_no_limit(server, new_session):
    """CP-10.8 (section 10.5): the servers of these tests run with maxClientCnxns=0."""
    clients = [new_session() for _ in range(100)]
    assert all(client.ping().ok for client in clients)


def test_cp_10_8_limit_on_all_connections(make_server):
    """CP-10.8 (section 10.5): maxCnxns counts those of all addresses together."""
    server = make_server({**PATIENT, "maxCnxns": 5})
    connections = open_up_to_the_limit(server, 5)
    assert_handshake_is_closed(server)
    assert not is_served(server, source="127.0.0.2")
    assert connections[0].ping().ok
    connections.pop().close()
    wait_until(lambda: is_served(server, source="127.0.0.2"), "there is room again")
    for client in connections:
        client.close()


@pytest.mark.parametrize("first_bytes", [b"", b"\0\0", b"\0\0\0\x2d\0\0\0"], ids=bytes.hex)
def test_cp_10_9_silent_connection_with_a_short_limit(make_server, first_bytes):
    """CP-10.9 (section 10.5): nio.sessionlessCnxnTimeout, rounded up to a multiple of itself;
    sessions and connections that became one stay.
    """
    server = make_server({"nio.sessionlessCnxnTimeout": 1000})
    with open_session(server) as conn, open_connection(server) as silent:
        silent.send_raw(first_bytes)
        began = time.monotonic()
        silent.expect_closed()
        assert 1.0 <= time.monotonic() - began <= 2.0 + LATENESS_S
        assert conn.ping().ok


def test_cp_10_9_silent_connections_are_closed_within_20_s(server, silent_connections):
    """CP-10.9: with the default of 10 s; last in this file, so that little is left to wait."""
    opened, connections = silent_connections
    for connection in connections:
        connection.expect_closed(max(opened + 20 + LATENESS_S - time.monotonic(), 0.1))
    assert servers.four_letter(server.host, server.port, "ruok") == b"imok"
