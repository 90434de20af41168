"""Clients that ask and do not read: the server must neither keep all answers in memory nor wait for them.

A slow client may be made to wait or be closed; both are right. What it does get must be complete and in order.
"""

import socket
import struct
import time

import pytest

from lib.servers import server_kind
from lib.zkwire import *  # pylint: disable=wildcard-import,unused-wildcard-import
from lib.zkwire import connect_request, frame

pytestmark = pytest.mark.skipif(
    server_kind() == "apache", reason="Apache keeps all answers in its heap until it ends of it"
)

LARGE = bytes(500 * 1000)
EVENT_BACKLOG_MIB = 64  # what one client may leave unread before it is closed


class MuteClient:
    """A session on a socket with a small receive buffer; sends without ever reading, until told to."""

    def __init__(self, server) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self._socket.settimeout(10)
        self._socket.connect((server.host, server.port))
        self._socket.sendall(frame(connect_request(timeout_ms=20000)))
        self._received = b""
        self.next_frame()

    def __enter__(self) -> "MuteClient":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def close(self) -> None:
        """Drops the connection."""
        self._socket.close()

    def push(self, data: bytes, patience_s: float = 1.0) -> int:
        """Sends as much as the server takes, waiting at most patience_s for it to take more; bytes sent."""
        view, sent = memoryview(data), 0
        self._socket.settimeout(patience_s)
        try:
            while sent < len(data):
                sent += self._socket.send(view[sent : sent + 65536])
        except OSError:
            pass  # it takes no more, or has closed
        return sent

    def next_frame(self, timeout: float = 10):
        """The next frame, None when the server has closed. A frame cut off by the close is dropped."""
        self._socket.settimeout(timeout)
        while True:
            if len(self._received) >= 4:
                size = 4 + struct.unpack_from(">i", self._received)[0]
                if len(self._received) >= size:
                    payload, self._received = self._received[4:size], self._received[size:]
                    return payload
            try:
                chunk = self._socket.recv(1 << 20)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                return None
            self._received += chunk


def request(xid: int, op: int, body: bytes) -> bytes:
    """The frame of a request."""
    return frame(struct.pack(">ii", xid, op) + body)


def test_large_answers_that_nobody_reads(server, attack, root):
    """8 clients ask for 500 MB each in pipelined getData and read nothing; then one of them reads."""
    with open_session(server) as conn:
        assert conn.create(f"{root}/large", LARGE).ok
    body = path_watch_request(f"{root}/large")
    pipeline = b"".join(request(xid, Op.GET_DATA, body) for xid in range(1, 1001))
    clients = [MuteClient(server) for _ in range(8)]
    try:
        with attack(grow_mib=128):
            sent = [client.push(pipeline) for client in clients]
            time.sleep(1.0)  # the server has all it needs to fill its memory
            # What the first client is given now is its answers from the first on, until the end or a close.
            answers = 0
            for xid in range(1, sent[0] // (len(pipeline) // 1000) + 1):
                payload = clients[0].next_frame()
                if payload is None:
                    break
                assert struct.unpack_from(">i", payload)[0] == xid
                assert len(payload) == 16 + 4 + len(LARGE) + 68
                answers += 1
            assert answers > 0, "nothing that was asked for ever came"
    finally:
        for client in clients:
            client.close()


def test_endless_writes_whose_answers_nobody_reads(server, attack, root):
    """A client pipelines 200,000 setData and reads none of the answers; afterwards they come in order."""
    with open_session(server) as conn:
        assert conn.create(f"{root}/a").ok
    body = set_data_request(f"{root}/a", b"0123456789" * 4)
    count = 200_000
    one = len(request(1, Op.SET_DATA, body))
    with MuteClient(server) as client, attack(grow_mib=96):
        sent = client.push(b"".join(request(xid, Op.SET_DATA, body) for xid in range(1, count + 1)), patience_s=2)
        complete = sent // one
        assert complete > 0
        version = 0
        for xid in range(1, complete + 1):
            payload = client.next_frame()
            if payload is None:
                break
            got, _, err = struct.unpack_from(">iqi", payload)
            assert (got, err) == (xid, 0)
            version = struct.unpack_from(">i", payload, 16 + 32)[0]
            assert version == xid
    with open_session(server) as conn:
        assert conn.get(f"{root}/a").value[1].version >= version


def test_megabyte_writes_pipelined_without_end(server, attack, root):
    """4 clients push 200 MB of large setData each, as fast as the server takes them, and read nothing."""
    with open_session(server) as conn:
        assert conn.create(f"{root}/a").ok
    large = request(1, Op.SET_DATA, set_data_request(f"{root}/a", bytes(1000 * 1000)))
    with attack(grow_mib=256):
        clients = [MuteClient(server) for _ in range(4)]
        for _ in range(40):
            for client in clients:
                client.push(large * 5, patience_s=0.2)
        for client in clients:
            client.close()


def test_watch_events_that_nobody_reads(server, attack, root):
    """4 clients watch and do not read while 120 MB of events become due to each of them.

    Events cannot be pushed back to anybody, so a server must close such a client at some point.
    """
    path = f"{root}/{'n' * 9900}"
    changes = 12_000
    with open_session(server, timeout=30) as writer:
        assert writer.create(path).ok
        clients = [MuteClient(server) for _ in range(4)]
        try:
            for client in clients:
                client.push(request(1, Op.ADD_WATCH, path_int_request(path, WatchMode.PERSISTENT)))
                assert struct.unpack_from(">iqi", client.next_frame())[2] == 0
            with attack(grow_mib=len(clients) * EVENT_BACKLOG_MIB + 64):
                zxids = pipelined_set(writer, path, changes)
                events = list(events_of(clients[0], path))
                # The first ones and then the end of the connection: nothing in between is missing.
                assert events == zxids[: len(events)]
                assert 0 < len(events) < changes, f"{len(events)} events for a client that did not read"
        finally:
            for client in clients:
                client.close()


def pipelined_set(conn, path: str, count: int) -> list[int]:
    """`count` setData of one path with 100 in flight; their zxids."""
    zxids = []
    body = set_data_request(path, b"x")
    for start in range(0, count, 100):
        conn.send_raw(b"".join(conn.encode(Op.SET_DATA, body) for _ in range(min(100, count - start))))
        for _ in range(min(100, count - start)):
            reply = conn.next_reply()
            assert reply.ok
            zxids.append(reply.zxid)
    return zxids


def events_of(client: MuteClient, path: str):
    """Zxids of the events that the client is given until a ping is answered or the connection ends."""
    client.push(request(-2, Op.PING, b""))
    while True:
        payload = client.next_frame(timeout=30)
        if payload is None:
            return
        xid, zxid, err = struct.unpack_from(">iqi", payload)
        if xid == -2:
            return
        assert (xid, err) == (-1, 0)
        assert payload[16 + 12 :] == path.encode()
        yield zxid


def test_long_listings_that_nobody_reads(server, attack, root):
    """20,000 children, listed 200 times by each of 8 clients that do not read: 500 MB of answers."""
    with open_session(server, timeout=30) as conn:
        names = [f"child-number-{number:07d}" for number in range(20_000)]
        for start in range(0, len(names), 1000):
            elements = [(Op.CREATE, create_request(f"{root}/{name}")) for name in names[start : start + 1000]]
            assert conn.multi(elements).ok
    body = path_watch_request(root)
    pipeline = b"".join(request(xid, Op.GET_CHILDREN2, body) for xid in range(1, 201))
    clients = [MuteClient(server) for _ in range(8)]
    try:
        with attack(grow_mib=128):
            for client in clients:
                assert client.push(pipeline) > 0
            time.sleep(1.0)  # the server has all it needs to fill its memory
            payload = clients[0].next_frame()
            assert payload is None or struct.unpack_from(">i", payload)[0] == 1
    finally:
        for client in clients:
            client.close()
