"""Sessions under a crash: opened, given ephemerals, closed; and what a restarted server must know of them."""

from dataclasses import dataclass, field
from typing import Iterator, Optional

from lib.zkwire import Connection, ConnectionClosed, Flags, ProtocolError, open_connection, open_session

ROOT = "/load-sessions"
TIMEOUT_MS = 30000


@dataclass
class Session:
    """What is known of one session; None means asked for and not acknowledged."""

    session_id: int
    passwd: bytes
    path: str
    conn: Connection = field(repr=False)
    ephemeral_created: Optional[bool] = False
    closed: Optional[bool] = False


class SessionLoad:
    """Opens sessions one after the other, gives each an ephemeral, and closes every second one."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.acknowledged = 0
        self._count = 0
        self._sessions: list[Session] = []

    def prepare(self, conn: Connection) -> None:
        """Creates the parent of the ephemerals."""
        assert conn.create(ROOT).ok

    def run(self, server) -> None:
        """Goes on until the server is gone."""
        try:
            while True:
                self._one_session(server)
        except TimeoutError:
            self.broken.append("a session request had no reply in time")
        except (ConnectionClosed, ProtocolError, OSError):
            return

    def _one_session(self, server) -> None:
        conn = open_session(server, timeout_ms=TIMEOUT_MS)
        self._count += 1
        session = Session(conn.session_id, conn.passwd, f"{ROOT}/e{self._count}", conn)
        self._sessions.append(session)
        self.acknowledged += 1
        session.ephemeral_created = None
        reply = conn.create(session.path, flags=Flags.EPHEMERAL)
        if not reply.ok:
            self.broken.append(f"create of {session.path} was refused with {reply.err}")
        session.ephemeral_created = reply.ok
        self.acknowledged += 1
        if self._count % 2 == 0:
            session.closed = None
            session.closed = conn.close_session().ok
            self.acknowledged += 1

    def check(self, server, conn: Connection) -> Iterator[str]:
        """Broken promises about the sessions since the last check; closes those still open."""
        found = set(conn.children(ROOT).value)
        for session in self._sessions:
            session.conn.close()
            exists = session.path.rpartition("/")[2] in found
            alive = self._reclaim(server, session)
            if session.closed is True and (alive or exists):
                yield f"closed and back: {session}, alive {alive}, ephemeral {exists}"
            if session.closed is False and not alive:
                yield f"opened and lost: {session}"
            if session.closed is False and session.ephemeral_created is True and not exists:
                yield f"ephemeral lost: {session}"
            if exists and not alive:
                yield f"ephemeral without its session: {session}"
            if session.closed is None and session.ephemeral_created and exists != alive:
                yield f"half closed: {session}, alive {alive}, ephemeral {exists}"
        self._sessions.clear()
        left = conn.children(ROOT).value
        if left:
            yield f"ephemerals outlived the close of their sessions: {left}"

    def _reclaim(self, server, session: Session) -> bool:
        """Tries to carry the session on and closes it; False when it was refused."""
        with open_connection(server) as conn:
            response = conn.connect_session(TIMEOUT_MS, session.session_id, session.passwd)
            if response is None or response.refused:
                return False
            if response.session_id != session.session_id or response.passwd != session.passwd:
                self.broken.append(f"another session was given for {session}: {response}")
            reply = conn.exists(session.path)
            if reply.ok and reply.value.ephemeral_owner != session.session_id:
                self.broken.append(f"{session.path} belongs to {reply.value.ephemeral_owner:#x}, {session}")
            conn.close_session()
            return True
