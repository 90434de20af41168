"""The client that records: one session over many servers, every request noted with its outcome.

It reconnects to any server after a lost connection and carries its session on, as a real client does; it never
sends a request twice. Each client belongs to one thread.
"""

import contextlib
import random
import threading
import time
from typing import Callable, NamedTuple, Optional, Sequence

from jepsen.history import OK, UNKNOWN, History, Operation
from lib.jute import DecodeError
from lib.records import OPEN_ACL, Err, Op, create_request, path_request, path_version_request, path_watch_request
from lib.records import WatchEvent, set_data_request
from lib.zkwire import Connection, ConnectionClosed, ProtocolError, Reply

ANSWER_S = 4.0  # how long a request may wait for its answer
CONNECT_S = 1.5


class Address(NamedTuple):
    """Where a server serves clients."""

    host: str
    port: int


class Stopped(Exception):
    """The run is over, or the client could not connect within its patience."""


class SessionRules(NamedTuple):
    """What sessions ask for, and from which silence on a server may expire them.

    A server that lost the leader answers pings until it notices, at most syncLimit ticks later; what it heard may be
    lost with it. So a session may end that many seconds earlier than its timeout says.
    """

    timeout_ms: int
    unheard_s: float


class SessionClient:  # pylint: disable=too-many-instance-attributes
    """A session. `session` is 0 while there is none; `lost_sessions` counts those that expired."""

    def __init__(
        self,
        name: str,
        addresses: Sequence[Address],
        history: History,
        rules: SessionRules,
        stop: threading.Event,
        seed: object = 0,
    ) -> None:
        self.name = name
        self.random = random.Random(f"{seed}/{name}")
        self.history = history
        self.rules = rules
        self.stop = stop
        self.session = 0
        self.lost_sessions = 0
        self._addresses = list(addresses)
        self.random.shuffle(self._addresses)
        self._connection: Optional[Connection] = None
        self._passwd = bytes(16)
        self._last_zxid = 0
        self._heard = 0.0  # when the latest answered request of this session was sent

    def __enter__(self) -> "SessionClient":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    # --- the session ---

    def connect(self, patience_s: Optional[float] = None) -> Connection:
        """The connection, made when there is none; raises Stopped when the run ends or patience does."""
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while self._connection is None:
            if self.stop.is_set() or (deadline is not None and time.monotonic() > deadline):
                raise Stopped
            if not self._try_next_server():
                self.stop.wait(0.02 + self.random.random() * 0.1)
        return self._connection

    def leave(self) -> None:
        """Drops the connection; the next request connects to another server."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    def abandon(self) -> None:
        """Leaves and forgets the session, which then must expire."""
        self.leave()
        self._forget_session()

    def close(self) -> None:
        """Closes the session if it is connected, with one attempt."""
        if self._connection is not None:
            with contextlib.suppress(ConnectionClosed, OSError):
                self._connection.close_session()
        self.abandon()

    def close_recorded(self) -> Operation:
        """Closes the session and records the outcome; the session is forgotten in any case."""
        operation = self.ask("close", "", Op.CLOSE_SESSION, b"")
        self.abandon()
        return operation

    @property
    def heard(self) -> float:
        """When the latest request was sent that was answered in this session (history's clock)."""
        return self._heard

    def _forget_session(self) -> None:
        self.session, self._passwd, self._last_zxid = 0, bytes(16), 0

    def _try_next_server(self) -> bool:
        address = self._addresses.pop(0)
        self._addresses.append(address)
        began = self.history.now()
        try:
            connection = Connection(address.host, address.port, CONNECT_S)
        except OSError:
            return False
        try:
            answer = connection.connect_session(
                self.rules.timeout_ms, self.session, self._passwd, self._last_zxid
            )
        except (OSError, ProtocolError):
            answer = None
        if answer is None or answer.refused:
            connection.close()
            if answer is not None:
                self._expired(address)
            return False
        self._accept(connection, answer, began)
        return True

    def _accept(self, connection: Connection, answer, began: float) -> None:
        if self.session not in (0, answer.session_id):
            self.history.violation(f"{self.name}: session {self.session:#x} became {answer.session_id:#x}")
        connection.timeout = ANSWER_S
        self._connection, self._heard = connection, began
        self.session, self._passwd = answer.session_id, answer.passwd

    def _expired(self, address: Address) -> None:
        silence = self.history.now() - self._heard
        allowed = self.rules.timeout_ms / 1000 - self.rules.unheard_s
        if silence < allowed:
            self.history.violation(
                f"{self.name}: session {self.session:#x} of {self.rules.timeout_ms} ms was refused by {address} as"
                f" expired {silence:.3f} s after its latest answered request"
            )
        self.lost_sessions += 1
        self._forget_session()

    # --- requests ---

    def ask(self, kind: str, path: str, op: int, body: bytes, argument=None, synced: bool = False) -> Operation:
        """Sends one request, behind a sync of its path if `synced`, and records what became of it."""
        connection = self.connect()
        operation = self.history.begin(self.name, self.session, kind, path, argument)
        frames = [connection.encode(Op.SYNC, path_request(path))] if synced else []
        frames.append(connection.encode(op, body))
        with self._recording():
            connection.send_raw(b"".join(frames))
            replies = [self._reply(connection) for _ in frames]
            # A sync that failed is the answer.
            self._note(operation, next((reply for reply in replies if not reply.ok), replies[-1]))
        return operation

    def ask_at_once(self, requests: Sequence[tuple]) -> list[Operation]:
        """Sends several requests in one segment and records each; (kind, path, op, body, argument)."""
        connection = self.connect()
        operations, frames = [], []
        for kind, path, op, body, argument in requests:
            operations.append(self.history.begin(self.name, self.session, kind, path, argument))
            frames.append(connection.encode(op, body))
        with self._recording():
            connection.send_raw(b"".join(frames))
            for operation in operations:
                self._note(operation, self._reply(connection))
        return operations

    @staticmethod
    def _reply(connection: Connection) -> Reply:
        message = connection.next()
        while isinstance(message, WatchEvent):  # of a watch that nobody waits for any more
            message = connection.next()
        if message is None:
            raise ConnectionClosed("closed without a reply")
        return message

    @contextlib.contextmanager
    def _recording(self):
        """A lost connection leaves without an answer what has none; bytes that cannot be are a violation."""
        try:
            yield
        except (ProtocolError, DecodeError) as error:
            self.history.violation(f"{self.name}: bytes that no server may send: {error!r}")
            self.leave()
        except (ConnectionClosed, OSError):
            self.leave()

    def _note(self, operation: Operation, reply: Reply) -> None:
        value, version = _seen(reply)
        self.history.finish(operation, reply.err, reply.zxid, value, version)
        if operation.rejected:
            self.leave()  # the handshake tells whether it is true
            return
        self._last_zxid = max(self._last_zxid, reply.zxid)
        self._heard = operation.begin

    def create(self, path: str, data: bytes = b"", flags: int = 0, kind: str = "create", argument=None) -> Operation:
        """`value` of the operation is the path that the server gave the znode, `version` is 0."""
        body = create_request(path, data, OPEN_ACL, flags)
        operation = self.ask(kind, path, Op.CREATE, body, data.decode() if argument is None else argument)
        if operation.outcome == OK:
            operation.version = 0
        return operation

    def delete(self, path: str, kind: str = "delete") -> Operation:
        """Deletes any version."""
        return self.ask(kind, path, Op.DELETE, path_version_request(path, -1))

    def set(self, path: str, data: str, version: int = -1, kind: str = "write") -> Operation:
        """Writes; with a version the argument is (data, version)."""
        argument = data if version == -1 else (data, version)
        return self.ask(kind, path, Op.SET_DATA, set_data_request(path, data.encode(), version), argument)

    def get(self, path: str, kind: str = "read", synced: bool = False) -> Operation:
        """`value` is the data as text."""
        return self.ask(kind, path, Op.GET_DATA, path_watch_request(path), synced=synced)

    def exists(self, path: str, kind: str = "exists", synced: bool = False) -> Operation:
        """`value` is the Stat."""
        return self.ask(kind, path, Op.EXISTS, path_watch_request(path), synced=synced)

    def children(self, path: str, kind: str = "children", synced: bool = False) -> Operation:
        """`value` is the list of names."""
        return self.ask(kind, path, Op.GET_CHILDREN, path_watch_request(path), synced=synced)

    def ping(self) -> bool:
        """Keeps the session alive; False when the connection was lost, which the next request mends."""
        connection = self.connect()
        began = self.history.now()
        try:
            connection.ping()
        except (ConnectionClosed, OSError):
            self.leave()
            return False
        self._heard = began
        return True

    def await_deletion(self, path: str, patience_s: float) -> bool:
        """Sets a watch on `path` and waits for the event that it is gone; pings meanwhile.

        True when it is gone or was not there; False when patience ended or the connection was lost.
        """
        connection = self.connect()
        deadline = time.monotonic() + patience_s
        try:
            reply = connection.exists(path, watch=True)
            self._last_zxid = max(self._last_zxid, reply.zxid)
            if not reply.ok or reply.events_before:
                return reply.err == Err.NO_NODE
            while time.monotonic() < deadline and not self.stop.is_set():
                began = self.history.now()
                if connection.drain_events():
                    return True
                self._heard = began
                time.sleep(0.02)
        except (ConnectionClosed, OSError):
            self.leave()
        return False


def _seen(reply: Reply) -> tuple:
    """(value, version) of an answer for the history."""
    value = reply.value
    if isinstance(value, tuple):  # data and Stat
        return (value[0] or b"").decode(), value[1].version
    if hasattr(value, "version"):
        return value, value.version
    return value, -1


def insist(attempt: Callable[[], Operation], accepted: Sequence[int] = (0,)) -> Operation:
    """Repeats a request that may be repeated until it is answered with an accepted code."""
    while True:
        operation = attempt()
        if operation.outcome != UNKNOWN and operation.err in accepted:
            return operation
