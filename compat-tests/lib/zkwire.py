"""A raw client of the ZooKeeper protocol: sends just what a test says, hides nothing of the answer.

Typical use (run with compat-tests/ on the module path; pytest's conftest.py does that):

    from lib.zkwire import *
    conn = open_session(server)                     # connected, session created
    reply = conn.create("/a", b"data")              # reply.err, reply.zxid, reply.body, reply.value
    assert reply.ok and reply.value == "/a"
    reply = conn.request(Op.GET_DATA, path_watch_request("/a", watch=True))
    data, stat = reply.value                        # decoded record when err is 0

Rules of the library
- An error code in a reply is a result, not an exception. `ConnectionClosed` is raised by `request`
  (and the convenience methods) when the server closes instead of answering; `next` returns None for
  that.
- Waiting longer than the connection's timeout raises `TimeoutError`.
- Watch events that arrive while a request waits for its reply are in `reply.events_before`, in
  order; `next` returns events and replies as they come. Events and replies come in one order on one
  connection, so `drain_events()` (a ping) proves which events were, and were not, sent.
- Records are decoded strictly: surplus bytes behind a record raise DecodeError.
"""

from __future__ import annotations

import collections
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Optional, Sequence, Union

from lib.jute import DecodeError, Reader, Text, Writer
from lib.records import *  # pylint: disable=wildcard-import,unused-wildcard-import
from lib.records import decode_connect_response, decode_response

MAX_FRAME = 0xFFFFF  # default jute.maxbuffer: the largest payload a server accepts


class ConnectionClosed(Exception):
    """The server closed the connection although a reply was due."""


class ProtocolError(Exception):
    """The server sent something that the protocol does not allow at this place."""


@dataclass
class Reply:
    """One reply frame. `value` is the decoded record if err is 0 and the op is known, else None."""

    xid: int
    zxid: int
    err: int
    body: bytes
    events_before: list = field(default_factory=list)
    value: object = None
    op: Optional[int] = None

    @property
    def ok(self) -> bool:
        """True when err is 0."""
        return self.err == 0


class Connection:
    """One TCP connection. Not thread-safe. `timeout` (seconds) bounds every wait."""

    def __init__(self, host: str, port: int, timeout: float = 10) -> None:
        self.timeout = timeout
        self.session_id = 0
        self.passwd = bytes(16)
        self.timeout_ms = 0
        self._next_xid = 1
        self._received = b""
        self._pending: list = []  # (xid of the reply, op, serial number), in order of sending
        self._serial = 0
        self._early: collections.deque = collections.deque()  # read while waiting for another reply
        self._socket = socket.create_connection((host, port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def close(self) -> None:
        """Drops the TCP connection without closing the session."""
        self._socket.close()

    def abort(self) -> None:
        """Drops the TCP connection with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def shutdown_write(self) -> None:
        """Half-closes: the server sees EOF, answers can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    # --- bytes and frames ---

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are. A connection closed by the server shows up at the next read."""
        try:
            self._socket.settimeout(self.timeout)
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send_frame(self, payload: bytes) -> None:
        """Sends one length-prefixed frame."""
        self.send_raw(frame(payload))

    def recv_raw(self, count: int, timeout: Optional[float] = None) -> bytes:
        """Exactly `count` bytes, or what arrived before EOF or reset (see `recv_frame` for frames).
        """
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while len(self._received) < count:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = self._socket.recv(65536)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                break
            self._received += chunk
        data, self._received = self._received[:count], self._received[count:]
        return data

    def recv_frame(self, timeout: Optional[float] = None) -> Optional[bytes]:
        """Payload of the next frame; None on EOF or reset. A frame cut off by EOF is a
        ProtocolError.
        """
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        header = self.recv_raw(4, max(deadline - time.monotonic(), 0.001))
        if not header:
            return None
        if len(header) < 4:
            raise ProtocolError(f"EOF inside a frame length: {header.hex()}")
        length = struct.unpack(">i", header)[0]
        if length < 0:
            raise ProtocolError(f"frame of length {length}")
        try:
            payload = self.recv_raw(length, max(deadline - time.monotonic(), 0.001))
        except TimeoutError:
            self._received = header + self._received  # a later call can still get the frame
            raise
        if len(payload) < length:
            raise ProtocolError(f"EOF inside a frame of {length} bytes: {payload.hex()}")
        return payload

    def recv_until_closed(self, timeout: Optional[float] = None) -> bytes:
        """Every byte up to EOF or reset: the answer of a four-letter word."""
        return self.recv_raw(1 << 40, timeout)

    def expect_closed(self, timeout: Optional[float] = None) -> None:
        """Asserts that the server closes the connection without sending another byte."""
        try:
            data = self.recv_raw(1, timeout)
        except TimeoutError:
            raise AssertionError("the server keeps the connection open") from None
        assert not data, f"expected EOF, got {(data + self._received).hex()}"

    # --- session ---

    def connect_session(
        self,
        timeout_ms: int = 10000,
        session_id: int = 0,
        passwd: Optional[bytes] = bytes(16),
        last_zxid: int = 0,
        read_only: Optional[bool] = False,
        protocol: int = 0,
    ) -> Optional[ConnectResponse]:
        """Handshake. `read_only` None leaves the byte out as old clients do. None = closed, no
        answer.
        """
        request = connect_request(timeout_ms, session_id, passwd, last_zxid, read_only, protocol)
        self.send_frame(request)
        return self.recv_connect_response()

    def recv_connect_response(self) -> Optional[ConnectResponse]:
        """Reads the answer of a handshake that was sent by hand; None when the server closed."""
        payload = self.recv_frame()
        if payload is None:
            return None
        response = decode_connect_response(payload)
        self.session_id, self.passwd = response.session_id, response.passwd
        self.timeout_ms = response.timeout_ms
        return response

    # --- requests and replies ---

    def encode(self, op: int, body: bytes = b"", xid: Optional[int] = None) -> bytes:
        """The frame of a request, noted as outstanding: for sending several in one segment.

        The caller must send the frames in the order in which they were encoded.
        """
        if xid is None:
            xid = self._next_xid
            self._next_xid += 1
        self._serial += 1
        self._pending.append((Xid.PING if op == Op.PING else xid, op, self._serial))
        return frame(Writer().int(xid).int(op).encoded() + body)

    def submit(self, op: int, body: bytes = b"", xid: Optional[int] = None) -> int:
        """Sends a request without waiting; returns its xid. Replies come from `next`."""
        self.send_raw(self.encode(op, body, xid))
        return self._next_xid - 1 if xid is None else xid

    def next(self, timeout: Optional[float] = None) -> Union[Reply, WatchEvent, None]:
        """The next reply or watch event in the order of the wire; None when the connection is
        closed.
        """
        if self._early:
            return self._early.popleft()[0]
        message, _ = self._read_message(timeout)
        return message

    def next_event(self, timeout: Optional[float] = None) -> WatchEvent:
        """The next message, which must be a watch event."""
        message = self.next(timeout)
        assert isinstance(message, WatchEvent), f"expected a watch event, got {message}"
        return message

    def next_reply(self, timeout: Optional[float] = None) -> Reply:
        """The next message, which must be a reply."""
        message = self.next(timeout)
        assert isinstance(message, Reply), f"expected a reply, got {message}"
        return message

    def request(self, op: int, body: bytes = b"", xid: Optional[int] = None) -> Reply:
        """Sends a request and waits for its reply; replies to other outstanding requests stay for
        `next`.
        """
        self.submit(op, body, xid)
        serial = self._serial
        events: list = []
        while True:
            message, found = self._read_message(None)
            if message is None:
                raise ConnectionClosed(f"closed without a reply to op {op}; events: {events}")
            if isinstance(message, WatchEvent):
                events.append(message)
            elif found == serial:
                message.events_before = events
                return message
            else:
                self._early.append((message, found))

    def _read_message(self, timeout: Optional[float]) -> tuple:
        """(message, serial number of the request it answers); the message is None at EOF."""
        payload = self.recv_frame(timeout)
        if payload is None:
            return None, None
        reader = Reader(payload)
        xid, zxid, err = reader.int(), reader.long(), reader.int()
        body = payload[16:]
        found = next((item for item in self._pending if item[0] == xid), None)
        # An ordinary request may carry xid -1 too: then its reply cannot be told from an event by
        # the header, and such a connection must not have watches.
        if xid == Xid.EVENT and found is None:
            event = WatchEvent(reader.int(), reader.int(), reader.string(), zxid, err)
            reader.expect_end()
            return event, None
        if found is None:
            raise ProtocolError(f"reply with xid {xid} that nothing waits for: {payload.hex()}")
        self._pending.remove(found)
        _, op, serial = found
        reply = Reply(xid, zxid, err, body, op=op)
        if err == 0 and op != Op.CREATE_SESSION:
            reply.value = decode_response(op, body)
        return reply, serial

    # --- one method per operation; each returns the Reply, `value` is what the comment says ---

    def create(self, path, data=b"", acl=OPEN_ACL, flags=0) -> Reply:
        """value: path."""
        return self.request(Op.CREATE, create_request(path, data, acl, flags))

    def create2(self, path, data=b"", acl=OPEN_ACL, flags=0) -> Reply:
        """value: (path, Stat)."""
        return self.request(Op.CREATE2, create_request(path, data, acl, flags))

    def create_container(self, path, data=b"", acl=OPEN_ACL, flags=Flags.CONTAINER) -> Reply:
        """value: (path, Stat)."""
        return self.request(Op.CREATE_CONTAINER, create_request(path, data, acl, flags))

    def create_ttl(self, path, ttl_ms, data=b"", acl=OPEN_ACL, flags=Flags.TTL) -> Reply:
        """value: (path, Stat)."""
        return self.request(Op.CREATE_TTL, create_ttl_request(path, data, acl, flags, ttl_ms))

    def delete(self, path, version=-1) -> Reply:
        """value: None."""
        return self.request(Op.DELETE, path_version_request(path, version))

    def exists(self, path, watch=False) -> Reply:
        """value: Stat."""
        return self.request(Op.EXISTS, path_watch_request(path, watch))

    def get(self, path, watch=False) -> Reply:
        """value: (data, Stat)."""
        return self.request(Op.GET_DATA, path_watch_request(path, watch))

    def set(self, path, data, version=-1) -> Reply:
        """value: Stat."""
        return self.request(Op.SET_DATA, set_data_request(path, data, version))

    def get_acl(self, path) -> Reply:
        """value: (list of Acl, Stat)."""
        return self.request(Op.GET_ACL, path_request(path))

    def set_acl(self, path, acl, version=-1) -> Reply:
        """value: Stat."""
        return self.request(Op.SET_ACL, set_acl_request(path, acl, version))

    def children(self, path, watch=False) -> Reply:
        """value: list of names."""
        return self.request(Op.GET_CHILDREN, path_watch_request(path, watch))

    def children2(self, path, watch=False) -> Reply:
        """value: (list of names, Stat)."""
        return self.request(Op.GET_CHILDREN2, path_watch_request(path, watch))

    def sync(self, path) -> Reply:
        """value: the path."""
        return self.request(Op.SYNC, path_request(path))

    def multi(self, elements: Sequence[tuple]) -> Reply:
        """`elements` are (op, body) pairs; value: list of MultiResult."""
        return self.request(Op.MULTI, multi_request(elements))

    def multi_read(self, elements: Sequence[tuple]) -> Reply:
        """`elements` are (op, body) pairs of getData and getChildren; value: list of MultiResult.
        """
        return self.request(Op.MULTI_READ, multi_request(elements))

    def add_watch(self, path, mode) -> Reply:
        """value: 0."""
        return self.request(Op.ADD_WATCH, path_int_request(path, mode))

    def remove_watches(self, path, watcher_type) -> Reply:
        """value: None."""
        return self.request(Op.REMOVE_WATCHES, path_int_request(path, watcher_type))

    def check_watches(self, path, watcher_type) -> Reply:
        """value: None."""
        return self.request(Op.CHECK_WATCHES, path_int_request(path, watcher_type))

    def set_watches(self, relative_zxid, data=(), exist=(), child=()) -> Reply:
        """value: None; catch-up events are in events_before."""
        body = set_watches_request(relative_zxid, data, exist, child)
        return self.request(Op.SET_WATCHES, body, Xid.SET_WATCHES)

    def set_watches2(
        self, relative_zxid, data=(), exist=(), child=(), persistent=(), recursive=()
    ) -> Reply:
        """value: None; catch-up events are in events_before."""
        body = set_watches2_request(relative_zxid, data, exist, child, persistent, recursive)
        return self.request(Op.SET_WATCHES2, body, Xid.SET_WATCHES)

    def auth(self, scheme, credentials) -> Reply:
        """value: None. `credentials` are bytes, e.g. b"bob:pw" for digest."""
        return self.request(Op.AUTH, auth_request(scheme, credentials), Xid.AUTH)

    def sasl(self, token) -> Reply:
        """value: the server's token, which may be None."""
        return self.request(Op.SASL, sasl_request(token))

    def ping(self) -> Reply:
        """value: None."""
        return self.request(Op.PING, b"", Xid.PING)

    def drain_events(self) -> list:
        """Every watch event that the server had sent to this connection before it answers a ping.
        """
        return self.ping().events_before

    def close_session(self) -> Reply:
        """value: None; the server closes the connection after the reply."""
        return self.request(Op.CLOSE_SESSION)

    def whoami(self) -> Reply:
        """value: list of (scheme, user)."""
        return self.request(Op.WHO_AM_I)

    def get_ephemerals(self, prefix) -> Reply:
        """value: list of paths."""
        return self.request(Op.GET_EPHEMERALS, path_request(prefix))

    def all_children_number(self, path) -> Reply:
        """value: number of descendants."""
        return self.request(Op.GET_ALL_CHILDREN_NUMBER, path_request(path))

    def reconfig(self, joining=None, leaving=None, members=None, config_id=-1) -> Reply:
        """value: (data, Stat) of the new configuration."""
        return self.request(Op.RECONFIG, reconfig_request(joining, leaving, members, config_id))

    def last_zxid(self) -> int:
        """The last zxid applied on the server, as a read reports it."""
        return self.exists("/").zxid


def frame(payload: bytes) -> bytes:
    """Puts the 4-byte length in front of a payload."""
    return struct.pack(">i", len(payload)) + payload


def open_connection(server, timeout: float = 10) -> Connection:
    """A TCP connection to a server object (anything with .host and .port), no handshake yet."""
    return Connection(server.host, server.port, timeout)


def open_session(server, timeout: float = 10, **handshake) -> Connection:
    """A connection with an accepted session; `handshake` are the arguments of `connect_session`."""
    conn = open_connection(server, timeout)
    response = conn.connect_session(**handshake)
    if response is None or response.refused:
        conn.close()
        raise ConnectionClosed(f"the session was not accepted: {response}")
    return conn


def reconnect(server, old: Connection, timeout: float = 10, **handshake) -> Connection:
    """A new connection that carries on the session of `old`."""
    return open_session(server, timeout, session_id=old.session_id, passwd=old.passwd, **handshake)


def end_session(server, session_id: int) -> None:
    """Closes a session whatever became of its connection; does nothing if it is gone already."""
    with open_connection(server) as conn:
        response = conn.connect_session(session_id=session_id, passwd=password_for(session_id))
        if response is not None and not response.refused:
            conn.close_session()
