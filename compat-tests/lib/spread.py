"""An ensemble that looks like one server: one address whose connections go to all members in turn.

COMPAT_ENSEMBLE=3 makes `make_server` give this instead of a single server, so that every suite of clients runs
unchanged against an ensemble, with its connections spread over all members. COMPAT_CHAOS=1 kills one member after
another meanwhile, and starts it again: for clients that try again by themselves. COMPAT_CHAOS=follower does that to
one follower that has no connections: nobody may notice.

Members of an ensemble show a write a moment apart, and clients that tell each other what they wrote must call sync. The
suites were written for one server and do not. So a reply or event with a zxid that not all members have applied is
delivered only when they have: to a client that is an answer that took longer, and no order changes.
"""

import itertools
import os
import random
import socket
import struct
import threading
import time
from typing import Optional

from lib import servers
from lib.ensemble import Ensemble
from lib.records import Xid
from lib.waiting import wait_until
from lib.zkwire import Connection, open_session

_PATIENCE_S = 120
_INIT_MS, _SYNC_MS = 40_000, 20_000
_CHAOS_DOWN_S, _CHAOS_UP_S = 0.5, 2.0
_SESSION_MS = 600_000  # bounded by the server


class Level:
    """Knows which zxid each member has applied."""

    def __init__(self, members) -> None:
        self._probes = {number: _Probe(server) for number, server in members.items()}

    def reach(self, zxid: int) -> None:
        """Waits until every member that can be asked has applied `zxid`; gives up when a member falls behind for long."""
        deadline = time.monotonic() + 5
        for probe in self._probes.values():
            while probe.behind(zxid) and time.monotonic() < deadline:
                time.sleep(0.0005)

    def of(self, number: int) -> int:
        """What that member has applied; 0 when it cannot be asked."""
        return self._probes[number].ask()

    def close(self) -> None:
        """Ends the sessions that ask."""
        for probe in self._probes.values():
            probe.close()


class _Probe:
    def __init__(self, server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._conn: Optional[Connection] = None
        self._zxid = 0
        self._not_before = 0.0

    def behind(self, zxid: int) -> bool:
        """True when the member can be asked and has not applied `zxid`."""
        if self._zxid >= zxid:
            return False
        return 0 < self.ask() < zxid

    def ask(self) -> int:
        """The member's last zxid, 0 when it does not serve. Any session's ping tells."""
        with self._lock:
            if self._conn is None and time.monotonic() < self._not_before:
                return 0
            try:
                if self._conn is None:
                    self._conn = open_session(self._server, timeout=5, timeout_ms=_SESSION_MS)
                self._zxid = self._conn.ping().zxid
                return self._zxid
            except Exception:  # pylint: disable=broad-exception-caught
                self._drop()
                self._not_before = time.monotonic() + 0.5
                return 0

    def _drop(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def close(self) -> None:
        """Leaves the session to expire, or to end with the server."""
        with self._lock:
            self._drop()


class Front:
    """The common address."""

    def __init__(self, members, level_of) -> None:
        self._members = members
        self._level_of = level_of
        self.avoided: set = set()  # numbers of members that get no new connection
        self._turn = itertools.count()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.host, self.port = self._listener.getsockname()
        self._sockets: set = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Ends every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._sockets):
            _shut(sock)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client) -> None:
        number, member = self._connect()
        if member is None:
            client.close()
            return
        for sock in (client, member):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.add(sock)
        threading.Thread(target=_copy, args=(client, member), daemon=True).start()
        try:
            self._answers(number, member, client)
        finally:
            for sock in (client, member):
                _shut(sock)
                sock.close()
                self._sockets.discard(sock)

    def _connect(self) -> tuple:
        """(number, socket) of the next member that accepts."""
        numbers = [number for number in self._members if number not in self.avoided]
        first = next(self._turn)
        for offset in range(len(numbers)):
            number = numbers[(first + offset) % len(numbers)]
            server = self._members[number]
            try:
                return number, socket.create_connection((server.host, server.port), 5)
            except OSError:
                continue
        return 0, None

    def _answers(self, number: int, member, client) -> None:
        """Server to client: frame by frame, held back until all members are that far."""
        member.settimeout(None)
        pending = b""
        handshake = True
        while True:
            try:
                chunk = member.recv(1 << 18)
            except OSError:
                return
            if not chunk:
                _send(client, pending)
                return
            pending += chunk
            if handshake and not pending.startswith(b"\0\0\0"):  # a four-letter word's answer
                _send(client, pending)
                pending = b""
                continue
            end, newest, handshake = _whole_frames(pending, handshake)
            if not end:
                continue
            if newest == Xid.EVENT:
                newest = self._level_of().of(number)
            if newest > 0:
                self._level_of().reach(newest)
            if not _send(client, pending[:end]):
                return
            pending = pending[end:]


def _whole_frames(data: bytes, handshake: bool) -> tuple:
    """(end of the last whole frame, highest zxid in them or -1 for an event that tells none, still no handshake)."""
    position, newest = 0, 0
    untold = False
    while len(data) - position >= 4:
        (length,) = struct.unpack_from(">i", data, position)
        if len(data) - position - 4 < length:
            break
        if not handshake and length >= 16:
            xid, zxid = struct.unpack_from(">iq", data, position + 4)
            newest = max(newest, zxid)
            untold = untold or (xid == Xid.EVENT and zxid <= 0)
        handshake = False
        position += 4 + length
    return position, Xid.EVENT if untold and newest <= 0 else newest, handshake


def _copy(source, target) -> None:
    while True:
        try:
            chunk = source.recv(1 << 18)
        except OSError:
            chunk = b""
        if not chunk or not _send(target, chunk):
            break
    try:
        target.shutdown(socket.SHUT_WR)  # a client may half-close and still read
    except OSError:
        pass


def _send(sock, data: bytes) -> bool:
    try:
        sock.sendall(data)
        return True
    except OSError:
        return False


def _shut(sock) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class SpreadServer:
    """What a test may do with a server, done with an ensemble of one kind."""

    def __init__(self, kind: str, config: Optional[dict], size: int) -> None:
        tick_ms = int((config or {}).get("tickTime", servers.DEFAULT_CONFIG["tickTime"]))
        timing = {"tickTime": tick_ms, "initLimit": -(-_INIT_MS // tick_ms), "syncLimit": -(-_SYNC_MS // tick_ms)}
        self._ensemble = Ensemble([kind] * size, config={**timing, **(config or {})})
        self._members = self._ensemble.members
        self._level: Optional[Level] = None
        self._front = Front(self._members, lambda: self._level)
        self.host, self.port = self._front.host, self._front.port
        self.data_dir = self._members[1].data_dir
        self._chaos: Optional[threading.Thread] = None
        self._calm = threading.Event()
        self.kills = 0

    def __enter__(self) -> "SpreadServer":
        return self if self.running else self.start()

    def __exit__(self, *_exc) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """True while no member has ended by itself."""
        if self._chaos is not None:
            return True
        return all(server.running for server in self._members.values())

    def start(self, timeout: float = _PATIENCE_S) -> "SpreadServer":
        """Starts all members."""
        self._ensemble.start(timeout)
        self._level = Level(self._members)
        for number in self._members:
            wait_until(lambda number=number: self._level.of(number), "a member takes a session", timeout)
        if os.environ.get("COMPAT_CHAOS"):
            numbers = list(self._members)
            if os.environ["COMPAT_CHAOS"] == "follower":
                numbers = [next(number for number in numbers if number != self._ensemble.leader())]
                self._front.avoided = set(numbers)
            self._calm.clear()
            self._chaos = threading.Thread(target=self._make_chaos, args=(numbers,), daemon=True)
            self._chaos.start()
        return self

    def kill(self) -> None:
        """SIGKILL to all members."""
        self._end_chaos()
        for server in self._members.values():
            server.kill()

    def stop(self) -> int:
        """SIGTERM to all members; 0, or the status of one that did not end well."""
        self._end_chaos()
        return max((server.stop() for server in self._members.values()), key=abs)

    def restart(self) -> "SpreadServer":
        """stop, then start."""
        self.stop()
        return self.start()

    def four_letter(self, word: str, timeout: float = 10) -> bytes:
        """The answer of one of the members."""
        return servers.four_letter(self.host, self.port, word, timeout)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of every member."""
        return "\n".join(f"-- {n}\n{server.log_tail(lines)}" for n, server in self._members.items())

    def close(self) -> None:
        """Ends everything."""
        self._end_chaos()
        if self._level is not None:
            self._level.close()
        self._ensemble.close()
        self._front.close()

    def _end_chaos(self) -> None:
        if self._chaos is not None:
            self._calm.set()
            self._chaos.join(_PATIENCE_S)
            self._chaos = None

    def _make_chaos(self, numbers: list) -> None:
        """Kills one member of these and starts it again, over and over; the others are a quorum."""
        rng = random.Random(self.port)
        while not self._calm.wait(_CHAOS_UP_S):
            server = self._members[rng.choice(numbers)]
            server.kill()
            self.kills += 1
            self._calm.wait(_CHAOS_DOWN_S)
            server.launch()
            deadline = time.monotonic() + _PATIENCE_S
            while not server.serving() and time.monotonic() < deadline:
                time.sleep(0.05)
