"""Many sessions over several servers in one thread, kept alive by pings, moving to another server when theirs is gone."""

import heapq
import random
import selectors
import socket
import struct
import time
from typing import Optional, Sequence

from jepsen.clients import Address
from lib.records import connect_request
from lib.zkwire import frame

_PING = struct.pack(">iii", 8, -2, 11)
_LENGTH = struct.Struct(">i")
_CONNECT_ANSWER = struct.Struct(">iiqi16s")


class Member:  # pylint: disable=too-many-instance-attributes
    """One session. `lost`: a server said that it has expired."""

    def __init__(self) -> None:
        self.sock: Optional[socket.socket] = None
        self.session, self.passwd, self.zxid = 0, bytes(16), 0
        self.ready = False  # the handshake is done
        self.lost = False
        self.heard = 0.0  # when the latest answered message was sent
        self.sent = 0.0
        self.received = b""
        self.moves = 0


class Crowd:
    """Sessions of `timeout_ms`, each on a server at random."""

    def __init__(self, addresses: Sequence[Address], count: int, timeout_ms: int, seed: int = 1) -> None:
        self._addresses = list(addresses)
        self._timeout_ms = timeout_ms
        self._random = random.Random(seed)
        self._selector = selectors.DefaultSelector()
        self._due: list = []  # heap of (when, number): the next thing to do for a member
        self.members = [Member() for _ in range(count)]
        for number in range(count):
            self._later(number, 0.0)

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_exc) -> None:
        for member in self.members:
            if member.sock is not None:
                member.sock.close()
        self._selector.close()

    def run(self, seconds: float) -> None:
        """Pings and reconnects for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._step()

    def run_until_all_are_ready(self, timeout: float) -> None:
        """Until each has a session on a living connection; AssertionError after `timeout` seconds."""
        end = time.monotonic() + timeout
        while not all(member.ready for member in self.members):
            ready = sum(member.ready for member in self.members)
            assert time.monotonic() < end, f"{ready} of {len(self.members)} sessions in {timeout} s"
            self._step()

    def longest_silence(self) -> float:
        """Seconds since the oldest of the latest answers: more than the timeout would make the test itself late."""
        return time.monotonic() - min(member.heard for member in self.members)

    def _later(self, number: int, seconds: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, number))

    def _step(self) -> None:
        for key, _ in self._selector.select(0.01):
            self._read(key.data)
        while self._due and self._due[0][0] <= time.monotonic():
            _, number = heapq.heappop(self._due)
            self._act(number)

    def _act(self, number: int) -> None:
        """Connects who has no connection, pings with who has."""
        member = self.members[number]
        if member.lost:
            return
        if member.sock is None:
            self._connect(number)
            return
        now = time.monotonic()
        if now - member.sent > 2.0 and member.heard < member.sent:
            self._drop(number)  # no answer: try another server
            return
        if member.ready:
            self._send(number, _PING)
        self._later(number, self._timeout_ms / 1000 / 6 * self._random.uniform(0.5, 1.0))

    def _connect(self, number: int) -> None:
        member = self.members[number]
        address = self._random.choice(self._addresses)
        try:
            member.sock = socket.create_connection(address, 1.0)
        except OSError:
            self._later(number, self._random.uniform(0.05, 0.3))
            return
        member.sock.setblocking(False)
        member.moves += 1
        self._selector.register(member.sock, selectors.EVENT_READ, number)
        self._send(number, frame(connect_request(self._timeout_ms, member.session, member.passwd, member.zxid)))
        self._later(number, 2.5)

    def _send(self, number: int, data: bytes) -> None:
        member = self.members[number]
        try:
            member.sock.sendall(data)
            member.sent = time.monotonic()
        except OSError:
            self._drop(number)

    def _drop(self, number: int) -> None:
        member = self.members[number]
        if member.sock is not None:
            self._selector.unregister(member.sock)
            member.sock.close()
        member.sock, member.ready, member.received = None, False, b""
        self._later(number, self._random.uniform(0.0, 0.2))

    def _read(self, number: int) -> None:
        member = self.members[number]
        try:
            data = member.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(number)
            return
        member.received += data
        while len(member.received) >= 4:
            size = 4 + _LENGTH.unpack_from(member.received)[0]
            if len(member.received) < size:
                return
            payload, member.received = member.received[4:size], member.received[size:]
            self._answered(member, payload)

    def _answered(self, member: Member, payload: bytes) -> None:
        if member.ready:
            member.zxid = max(member.zxid, struct.unpack_from(">q", payload, 4)[0])
            member.heard = member.sent
            return
        _, _, session, _, passwd = _CONNECT_ANSWER.unpack_from(payload)
        if session == 0:
            member.lost = True
            return
        member.session, member.passwd, member.ready, member.heard = session, passwd, True, member.sent
