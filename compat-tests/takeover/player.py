"""Plays the random scripts of the differential tests on one server after another.

Only what becomes of the state matters here, so replies are read and forgotten; a session that a
script uses goes on from server to server.
"""

from differential import operations
from differential.sequence import Script, Step
from lib.records import Flags
from lib.servers import ApacheServer
from lib.zkwire import Connection, ConnectionClosed, ProtocolError, open_connection
from takeover import rich

_NOT_PLAYED = ("raw", "settle", "connect")


class Player:
    """One script, part by part; `root` exists on the first server. `apache_replays`: Apache is
    given a log of Lockkeeper's.
    """

    def __init__(self, script: Script, root: str, apache_replays: bool) -> None:
        self._steps = [step for step in script.steps if step.do not in _NOT_PLAYED]
        self._root = root
        self._apache_replays = apache_replays
        self._sessions: dict = {}  # name -> the last connection of the session
        self._open: set = set()  # names whose connection is used
        self._last_zxid = 0
        self.replies = 0
        self.refused = 0

    def play(self, server, part: int, parts: int) -> None:
        """Plays part `part` of `parts` equal ones, after bringing back the connected sessions."""
        for name in sorted(self._open):
            self._handshake(server, name, True)
        size = -(-len(self._steps) // parts)
        for step in self._steps[part * size : (part + 1) * size]:
            self._perform(server, step)
        for name in self._open:
            self._sessions[name].close()

    def _perform(self, server, step: Step) -> None:
        if step.do in ("open", "reconnect"):
            if step.args.get("passwd", "own") != "own" or "last_zxid" in step.args:
                return  # handshakes that are refused leave no trace in the state
            if not self._handshake(server, step.session, step.do == "reconnect"):
                return
        elif step.session not in self._open:
            return
        elif step.do == "drop":
            self._sessions[step.session].close()
            self._open.discard(step.session)
            return
        requests = step.requests()
        if isinstance(server, ApacheServer):
            requests = [request for request in requests if not _spoils_apaches_digest(request)]
        elif self._apache_replays:
            requests = [_without_create2_in_multi(request) for request in requests]
        self._send(step.session, requests)

    def _handshake(self, server, name: str, again: bool) -> bool:
        old = self._sessions.get(name)
        conn = open_connection(server)
        ids = {}
        if again and old is not None:
            old.close()
            ids = {"session_id": old.session_id, "passwd": old.passwd}
        response = conn.connect_session(timeout_ms=rich.SESSION_MS, **ids)
        if response is None or response.refused:
            conn.close()
            self._open.discard(name)
            return False
        self._sessions[name] = conn
        self._open.add(name)
        return True

    def _send(self, name: str, requests: list) -> None:
        conn: Connection = self._sessions[name]
        context = operations.Context(self._root, lambda spec: self._last_zxid)
        for request in requests:
            try:
                body = operations.body(context, request)
                conn.submit(operations.number(request), body, request.get("xid"))
                while (message := conn.next()) is not None and not hasattr(message, "op"):
                    pass  # a watch event
            except (ConnectionClosed, ProtocolError, OSError):
                message = None
            if message is None or request["op"] == "closeSession":
                conn.close()
                self._open.discard(name)
                return
            self.replies += 1
            self.refused += message.err != 0
            self._last_zxid = max(self._last_zxid, message.zxid)


def _spoils_apaches_digest(request: dict) -> bool:
    """True for create with the flags of a container and createContainer with others: Apache logs
    the digest of a tree with one kind of node, makes the other, and counts a mismatch.
    """
    flags = request.get("flags", 0)
    if request["op"] in ("create", "create2"):
        return flags == Flags.CONTAINER
    return request["op"] == "createContainer" and flags != Flags.CONTAINER


def _without_create2_in_multi(request: dict) -> dict:
    """The request with create for create2 in a multi: in a log that is not its own, Apache 3.8.0
    cannot read that element (disk-format.md); what it makes is the same.
    """
    if request["op"] != "multi":
        return request
    elements = [
        {**part, "op": "create"} if part["op"] == "create2" else part
        for part in request["elements"]
    ]
    return {**request, "elements": elements}
