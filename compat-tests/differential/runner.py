"""Runs a script against one server and records what every connection received.

Each step ends with a barrier: a ping on every connection. Whatever a server sends because of a step
is in front of the answer of that ping, so that every message belongs to one step, whatever the
timing. The order of the messages of one connection is kept; there is none between connections.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Optional

from differential import operations
from differential.normalise import Normaliser, Zxids
from differential.sequence import Script, Step
from differential.tracing import Message, TracedConnection
from lib.records import (
    Op,
    Xid,
    connect_request,
    decode_connect_response,
    decode_response,
    digest_id,
    multi_request,
    password_for,
    path_request,
    path_version_request,
    path_watch_request,
)
from lib.waiting import wait_until
from lib.zkwire import Connection, end_session, open_session

SUPER_PASSWORD = "super:differential"
SUPER_DIGEST = digest_id(SUPER_PASSWORD)
CONTROL_TIMEOUT_MS = 60000
SESSION_TIMEOUT_MS = 30000
_MULTIS = (Op.MULTI, Op.MULTI_READ)
ROOT_LENGTH = len("/diff-000000000-000000")


@dataclass
class StepTrace:
    """What one step did: zxids consumed, and the entries of each connection by its label.

    `unordered` says that several ephemerals may have been removed, whose order is unspecified.
    """

    id: int
    consumed: int = 0
    unordered: bool = False
    entries: dict = field(default_factory=dict)


@dataclass
class Trace:
    """One run: its steps, and the nodes that were left at the end."""

    steps: list
    tree: list

    def step(self, step_id: int) -> StepTrace:
        """The trace of one step."""
        return next(step for step in self.steps if step.id == step_id)

    def entries(self, session: str) -> list:
        """Everything a session received, over all its connections, in order."""
        found = []
        for step in self.steps:
            for label, entries in step.entries.items():
                if label.split("#")[0] == session:
                    found += entries
        return found

    def errors(self, session: str) -> list:
        """The error codes of all replies that a session received, in order."""
        return [entry["err"] for entry in self.entries(session) if entry["kind"] == "reply"]

    def events(self, session: str) -> list:
        """(type, path) of all events that a session received, in order."""
        events = [entry for entry in self.entries(session) if entry["kind"] == "event"]
        return [(event["type"], event["path"]) for event in events]

    def multi_errors(self, session: str) -> list:
        """For every multi and multiRead of a session: the codes of its elements."""
        multis = [entry for entry in self.entries(session) if entry.get("op") in _MULTIS]
        return [[part["err"] for part in entry["value"]] for entry in multis if not entry["err"]]

    def ends(self, session: str) -> list:
        """What ended the connections of a session: "closed" for each that the server closed."""
        kinds = ("closed", "cut", "open", "silence")
        return [entry["kind"] for entry in self.entries(session) if entry["kind"] in kinds]


@dataclass
class _Session:
    """A session of the script. `connection` is the one on which the next step goes."""

    id: int = 0
    connection: Optional[TracedConnection] = None
    connections: int = 0


class Runner:
    """Runs scripts against one server, one after another."""

    def __init__(self, server) -> None:
        self.server = server
        self._control: Optional[Connection] = None

    def close(self) -> None:
        """Ends the runner's own session."""
        if self._control is not None:
            self._control.close_session()
            self._control.close()

    def run(self, script: Script, root: str) -> Trace:
        """The trace of a script; `root` must be a new name such as "/diff-1"."""
        if self._control is None:
            self._control = open_session(self.server, timeout_ms=CONTROL_TIMEOUT_MS)
            assert self._control.auth("digest", SUPER_PASSWORD.encode()).ok
        created = self._control.create(root)
        assert created.ok, f"cannot create {root}: {created}"
        run = _Run(self.server, self._control, script, root, created.zxid)
        try:
            for step in script.steps:
                run.perform(step)
            return run.trace()
        finally:
            run.clean_up()


class _Run:
    """One run of one script."""

    def __init__(self, server, control: Connection, script: Script, root: str, base: int) -> None:
        self._server = server
        self._control = control
        self._script = script
        self._zxids = Zxids(base)
        self._normaliser = Normaliser(root, self._zxids, script.uses_auth_scheme())
        self._context = operations.Context(root, self._resolve_zxid)
        self._sessions: dict = {}
        self._connections: list = []
        self._steps: list = []
        self._roots = [root]
        if script.mentions("/zookeeper/quota~"):
            self._roots.append("/zookeeper/quota" + root)

    def perform(self, step: Step) -> None:
        """Executes one step, waits for everything that it causes and appends it to the trace."""
        trace = StepTrace(step.id, unordered=self._removes_unordered(step))
        began_ms = time.time_ns() // 1_000_000
        before = self._zxids.last
        getattr(self, "_do_" + step.do)(step)
        last = self._barrier(before + step.args.get("zxids", 0))
        ended_ms = time.time_ns() // 1_000_000
        counted = not step.consumes_unspecified_zxids()
        trace.consumed = self._zxids.finish_step(step.id, last, counted, began_ms, ended_ms)
        for connection in self._connections:
            entries = [self._normaliser.entry(message) for message in connection.take()]
            if entries:
                trace.entries[connection.label] = entries
        self._connections = [connection for connection in self._connections if connection.open]
        self._steps.append(trace)

    def trace(self) -> Trace:
        """The finished trace, with the nodes that are left under the root."""
        return Trace(self._steps, [node for root in self._roots for node in self._nodes(root)])

    def clean_up(self) -> None:
        """Closes what is still open and removes the nodes, so that the next run is not disturbed.
        """
        for connection in self._connections:
            connection.drop(False)
        for session in self._sessions.values():
            if session.id:
                end_session(self._server, session.id)
        for root in self._roots:
            paths = [path for path, _ in self._walk(root)]
            deletes = [(Op.DELETE, path_version_request(path)) for path in reversed(paths)]
            self._control.request(Op.MULTI, multi_request(deletes))

    # --- steps ---

    def _do_open(self, step: Step) -> None:
        passwd = {"zeros": bytes(16), "null": None, "empty": b""}[step.args.get("passwd", "zeros")]
        self._sessions[step.session] = _Session()
        self._handshake(step, 0, passwd)

    def _do_reconnect(self, step: Step) -> None:
        session = self._sessions.setdefault(step.session, _Session())
        own = password_for(session.id)
        choices = {"own": own, "wrong": bytes(16), "short": own[:15], "null": None}
        self._handshake(step, session.id, choices[step.args.get("passwd", "own")])

    def _do_connect(self, step: Step) -> None:
        """A TCP connection without handshake."""
        session = self._sessions.setdefault(step.session, _Session())
        session.connection = self._connect(step.session, session)

    def _do_send(self, step: Step) -> None:
        connection = self._live(step)
        if connection is not None:
            connection.send(self._encode(connection, step.requests()))
            connection.collect()
            if any(_announces_close(message) for message in connection.messages):
                connection.collect_until_closed()

    _do_close = _do_send

    def _do_raw(self, step: Step) -> None:
        connection = self._live(step)
        if connection is None:
            return
        for xid, op in step.args.get("replies", []):
            connection.expect(xid, op)
        connection.send(bytes.fromhex(step.args["hex"]))
        connection.inside_frame = step.args.get("partial", False)
        if not connection.established:
            connection.collect_unframed()
            return
        connection.collect()
        if step.args.get("closes", True):
            connection.collect_until_closed()

    def _do_drop(self, step: Step) -> None:
        connection = self._live(step)
        if connection is not None:
            connection.drop(step.args.get("abort", False))

    def _do_settle(self, _step: Step) -> None:
        pass

    # --- parts of steps ---

    def _handshake(self, step: Step, session_id: int, passwd: Optional[bytes]) -> None:
        session = self._sessions[step.session]
        old = session.connection
        request = connect_request(
            step.args.get("timeout", SESSION_TIMEOUT_MS),
            session_id,
            passwd,
            self._resolve_zxid(step.args.get("last_zxid", 0)),
            step.args.get("read_only", False),
            step.args.get("protocol", 0),
        )
        connection = self._connect(step.session, session)
        followers = self._encode(connection, step.requests())
        connection.handshake(request, followers)
        connection.collect()
        if not connection.established:
            connection.collect_until_closed()
            return
        session.connection = connection
        if session_id == 0:
            session.id = _session_id(connection)
            self._normaliser.name_session(session.id, step.session)
        if old is not None:
            old.collect_until_closed()

    def _connect(self, name: str, session: _Session) -> TracedConnection:
        session.connections += 1
        label = f"{name}#{session.connections}"
        connection = TracedConnection(label, self._server.host, self._server.port)
        self._connections.append(connection)
        return connection

    def _live(self, step: Step) -> Optional[TracedConnection]:
        """The open connection of the step's session; without one the step does nothing."""
        session = self._sessions.get(step.session)
        connection = session.connection if session else None
        return connection if connection is not None and connection.open else None

    def _encode(self, connection: TracedConnection, requests: list) -> bytes:
        frames = []
        for request in requests:
            body = operations.body(self._context, request)
            frames.append(connection.encode(operations.number(request), request.get("xid"), body))
        return b"".join(frames)

    def _resolve_zxid(self, spec: object) -> int:
        """A zxid of the script: a number as it is, "last", ["after", step id], ["ahead", n]."""
        if isinstance(spec, int):
            return spec
        if spec == "last":
            return self._zxids.last
        kind, argument = spec
        return {"after": self._zxids.after, "ahead": lambda n: self._zxids.last + n}[kind](argument)

    def _removes_unordered(self, step: Step) -> bool:
        """True when the step closes a session that may have several ephemerals."""
        if not step.closes_session():
            return False
        connection = self._live(step)
        if connection is None:
            return True
        reply = connection.request(Op.GET_EPHEMERALS, path_request(""))
        known = decode_response(Op.GET_EPHEMERALS, reply.body) if reply and not reply.err else []
        created = sum(operations.creates_ephemerals(request) for request in step.requests())
        return len(known) + created > 1

    def _barrier(self, least_zxid: int) -> int:
        """Waits until every connection has received what is under way; returns the last zxid, which
        must reach `least_zxid`.
        """
        if least_zxid > self._zxids.last:
            wait_until(lambda: self._control.ping().zxid >= least_zxid, "the server's own zxids")
        self._control.submit(Op.PING)
        pinged = [item for item in self._connections if item.can_be_pinged()]
        for connection in pinged:
            connection.send(connection.encode(Op.PING, Xid.PING, b""))
        last = self._control.next_reply().zxid
        for connection in pinged:
            connection.collect()
            pong = connection.messages[-1]
            if pong.kind == "reply" and pong.zxid == last and pong.err == 0 and not pong.body:
                connection.messages.pop()  # anything else about it stays in the trace
        return last

    # --- the tree at the end ---

    def _nodes(self, root: str) -> list:
        """Every node under `root` with data, ACL, children and stat, sorted by path."""
        nodes = []
        for path, (data, acl, children) in self._walk(root):
            stats = [reply.value[1] for reply in (data, acl, children)]
            node = {"path": path, "data": data.value[0], "acl": acl.value[0], "stat": stats[0]}
            node["children"] = children.value[0]
            nodes.append({key: self._normaliser.value(value) for key, value in node.items()})
            if stats[0] != stats[1] or stats[0] != stats[2]:
                nodes[-1]["other stats"] = [self._normaliser.stat(stat) for stat in stats[1:]]
        return sorted(nodes, key=lambda node: node["path"])

    def _walk(self, root: str):
        """(path, replies of getData, getACL and getChildren2), parents before children."""
        level = [root]
        while level:
            below = []
            for path, replies in zip(level, self._read_level(level)):
                if not all(reply.ok for reply in replies):
                    continue
                yield path, replies
                below += [f"{path}/{name}" for name in replies[2].value[0]]
            level = below

    def _read_level(self, paths: list) -> list:
        frames = []
        for path in paths:
            frames.append(self._control.encode(Op.GET_DATA, path_watch_request(path)))
            frames.append(self._control.encode(Op.GET_ACL, path_request(path)))
            frames.append(self._control.encode(Op.GET_CHILDREN2, path_watch_request(path)))
        self._control.send_raw(b"".join(frames))
        replies = iter([self._control.next_reply() for _ in frames])
        return list(zip(replies, replies, replies))


def _announces_close(message: Message) -> bool:
    """True for a reply behind which the server closes the connection."""
    if message.kind != "reply":
        return False
    refused = message.err != 0 and message.op in (Op.AUTH, Op.SASL)
    return refused or message.op == Op.CLOSE_SESSION or message.op in operations.UNKNOWN_TYPES


def _session_id(connection: TracedConnection) -> int:
    """The id that the handshake on this connection gave."""
    bodies = [message.body for message in connection.messages if message.kind == "handshake"]
    return decode_connect_response(bodies[0]).session_id


class RootNames:
    """Names for root nodes: `/diff-<run>-<number>`, of equal length, so that lengths compare."""

    def __init__(self) -> None:
        self._run = f"{time.time_ns() // 1000 % 10**9:09d}"
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """A name that was not used before."""
        return f"/diff-{self._run}-{next(self._numbers):06d}"
