"""Many raw connections in one process: non-blocking sockets, one selector, as little Python per message as possible.

lib/zkwire.py explains and checks every message; this module is for tens of thousands of connections and
millions of requests, and looks only at lengths and error codes.
"""

import resource
import selectors
import socket
import struct
import time
from typing import Callable, Optional

from lib.records import connect_request

PING = struct.pack(">iii", 8, -2, 11)
_HANDSHAKE_ANSWER = 41  # bytes, with the length
_LENGTH = struct.Struct(">i")
_HEADER = struct.Struct(">iqi")


def raise_descriptor_limit() -> int:
    """Allows as many descriptors as the system lets us; the number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Client:
    """One connection: writes what it is given when the socket takes it, counts replies and errors."""

    def __init__(self, server, timeout_ms: int, source: Optional[str] = None) -> None:
        self.sock = socket.socket()
        if source:
            self.sock.bind((source, 0))
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex((server.host, server.port))  # failures show at the first send
        self.session_id = 0
        self.negotiated_ms = 0
        self.replies = 0
        self.errors: dict[int, int] = {}  # code -> how often
        self.closed = False
        self._in = b""
        self._out = _LENGTH.pack(45) + connect_request(timeout_ms)

    @property
    def connected(self) -> bool:
        """True once the session is there."""
        return self.session_id != 0

    @property
    def wants_to_write(self) -> bool:
        """True while something waits to be sent."""
        return bool(self._out)

    def send(self, data: bytes) -> None:
        """Queues bytes."""
        self._out += data

    def flush(self) -> None:
        """Writes what the socket takes."""
        try:
            while self._out:
                sent = self.sock.send(self._out[:262144])
                self._out = self._out[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def receive(self) -> int:
        """Reads what there is; the number of complete messages, handshake included."""
        try:
            data = self.sock.recv(262144)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if not data:
            self.close()
            return 0
        self._in += data
        return self._take_messages()

    def _take_messages(self) -> int:
        at, count, size = 0, 0, len(self._in)
        if not self.connected and size >= _HANDSHAKE_ANSWER:
            self.negotiated_ms, self.session_id = struct.unpack_from(">iq", self._in, 8)
            at, count = _HANDSHAKE_ANSWER, 1
            if self.session_id == 0:
                self.close()
                return count
        while self.connected and size - at >= 4:
            length = _LENGTH.unpack_from(self._in, at)[0]
            if size - at < 4 + length:
                break
            err = _HEADER.unpack_from(self._in, at + 4)[2]
            if err:
                self.errors[err] = self.errors.get(err, 0) + 1
            at += 4 + length
            count += 1
            self.replies += 1
        self._in = self._in[at:]
        return count

    def close(self) -> None:
        """Closes the connection; the session stays."""
        self.closed = True
        self.sock.close()


class Pool:
    """Clients under one selector."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.lost = 0  # connections that the server has closed
        self._selector = selectors.DefaultSelector()
        self._interest: dict[Client, int] = {}

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_exc) -> None:
        for client in self.clients:
            client.close()
        self._selector.close()

    def add(self, client: Client) -> None:
        """Takes a client over and starts its handshake."""
        self.clients.append(client)
        self._selector.register(client.sock, selectors.EVENT_READ, client)
        self._interest[client] = selectors.EVENT_READ
        self.flush(client)

    def flush(self, client: Client) -> None:
        """Writes now what can be written, the rest when the socket is ready."""
        client.flush()
        self._update(client)

    def _update(self, client: Client) -> None:
        if client.closed:
            if self._interest.pop(client, None) is not None:
                self.lost += 1
                self._forget_closed(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.wants_to_write else 0)
        if self._interest[client] != wanted:
            self._selector.modify(client.sock, wanted, client)
            self._interest[client] = wanted

    def _forget_closed(self, client: Client) -> None:
        # The descriptor is gone from epoll by its close; the selector's own table knows the object.
        for key in [key for key in self._selector.get_map().values() if key.data is client]:
            self._selector.unregister(key.fileobj)

    def step(self, timeout: float, on_messages: Callable[[Client, int], None]) -> None:
        """Waits at most `timeout` s and handles what is ready; `on_messages(client, number of messages)`."""
        for key, mask in self._selector.select(timeout):
            client = key.data
            if mask & selectors.EVENT_WRITE:
                client.flush()
            if mask & selectors.EVENT_READ:
                count = client.receive()
                if count:
                    on_messages(client, count)
            self._update(client)

    def run_until(self, done: Callable[[], bool], timeout: float, on_messages=lambda client, count: None) -> bool:
        """Steps until `done()`; False when that took longer than `timeout` s."""
        deadline = time.monotonic() + timeout
        while not done():
            if time.monotonic() > deadline:
                return False
            self.step(0.1, on_messages)
        return True
