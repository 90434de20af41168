"""Scripts: what is done to a server, step by step, on named sessions.

Steps (`do`) and their arguments; the defaults are in `runner.py`:

    open       session [timeout, last_zxid, passwd, read_only, protocol, with]   a new session
    reconnect  session [the same]             the same session on a new TCP connection
    send       session requests               the requests, pipelined in one segment
    raw        session hex [closes, replies, partial]
                                              bytes; unless `closes` is false they make the server
                                              close; `replies` are (xid, type) of expected replies;
                                              `partial` when they end inside a frame
    connect    session                        a TCP connection without handshake, for `raw`
    close      session                        closeSession
    drop       session [abort]                closes the TCP connection, with a reset when `abort`
    settle     -                              nothing; late events and closes would show up here

Every step may have `zxids`: it lasts until that many transactions were made, by the requests or by
the server itself (expiry of a session, removal of a container).
`with` are requests that follow the handshake in the same segment. Requests: see `operations.py`.
Every step has an id that stays the same when other steps are taken out, so that a reference to
"the zxid after step 7" keeps its meaning in a shrunk script.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Optional

from differential import operations

_DEFAULT_ACL = [list(entry) for entry in operations.OPEN_ACL]


@dataclass(frozen=True)
class Step:
    """One step; `args` holds everything but its id, kind and session."""

    id: int
    do: str
    session: Optional[str] = None
    args: dict = field(default_factory=dict)

    def requests(self) -> list:
        """The requests of this step, in the order in which they are sent."""
        if self.do == "close":
            return [{"op": "closeSession"}]
        return self.args.get("requests", self.args.get("with", []))

    def closes_session(self) -> bool:
        """True when the step may end a session, and with it an unordered set of ephemerals."""
        ops = [request["op"] for request in self.requests()]
        return "closeSession" in ops or "zxids" in self.args

    def consumes_unspecified_zxids(self) -> bool:
        """True for an undecodable write: see `known_differences.UNDECODABLE_WRITE`."""
        return any(operations.is_undecodable_write(request) for request in self.requests())

    def text(self) -> str:
        """One line for people."""
        rest = {key: value for key, value in self.args.items() if key not in ("requests", "with")}
        parts = [f"{self.id:>3}", self.do, self.session or "-"]
        parts += [f"{key}={_short(value)}" for key, value in rest.items()]
        described = [describe(request) for request in self.requests() if self.do != "close"]
        return " ".join(parts) + (" " if described else "") + "; ".join(described)

    def to_json(self) -> dict:
        """The step as a dict of JSON values."""
        return {"id": self.id, "do": self.do, "session": self.session, **self.args}


@dataclass(frozen=True)
class Script:
    """Steps in order; `name` says where they come from, e.g. "seed 17"."""

    name: str
    steps: tuple

    def text(self) -> str:
        """The script for people, one line a step."""
        return "\n".join([f"# {self.name}", *(step.text() for step in self.steps)])

    def to_json(self) -> str:
        """One line a step, so that a person can take steps out of a saved script."""
        steps = ",\n".join("  " + json.dumps(step.to_json()) for step in self.steps)
        return f'{{"name": {json.dumps(self.name)}, "steps": [\n{steps}\n]}}\n'

    def without(self, ids: Iterable[int]) -> "Script":
        """The script without the steps of these ids."""
        ids = set(ids)
        return Script(self.name, tuple(step for step in self.steps if step.id not in ids))

    def step(self, step_id: int) -> Step:
        """The step with this id."""
        return next(step for step in self.steps if step.id == step_id)

    def mentions(self, text: str) -> bool:
        """True when the text occurs anywhere in the script."""
        return text in self.to_json()

    def uses_auth_scheme(self) -> bool:
        """True when an ACL with the scheme "auth" is set somewhere."""
        requests = [request for step in self.steps for request in step.requests()]
        lists = [acl for request in requests for acl in operations.acls(request)]
        return any(entry[1] == "auth" for acl in lists for entry in acl)


def from_json(text: str) -> Script:
    """The script that `Script.to_json` wrote."""
    document = json.loads(text)
    steps = []
    for entry in document["steps"]:
        args = {key: value for key, value in entry.items() if key not in ("id", "do", "session")}
        steps.append(Step(entry["id"], entry["do"], entry.get("session"), args))
    return Script(document["name"], tuple(steps))


def load(path) -> Script:
    """Reads a script from a file."""
    return from_json(Path(path).read_text(encoding="utf-8"))


def describe(request: dict) -> str:
    """A request for people, e.g. `create ~/a data='' flags=1`."""
    words = [request["op"]]
    if "path" in request:
        path = request["path"]
        words.append(path if path and path.isascii() and path.isprintable() else repr(path))
    for key, value in request.items():
        if key in ("op", "path") or (key == "acl" and value == _DEFAULT_ACL):
            continue
        if key == "elements":
            words.append("[" + ", ".join(describe(element) for element in value) + "]")
        else:
            words.append(f"{key}={_short(value)}")
    return " ".join(words)


def _short(value: object) -> str:
    """A value for people; long texts are cut."""
    if isinstance(value, str) and len(value) > 40:
        return f"{value[:20]!r}...({len(value)} characters)"
    return repr(value)


def request(op: str, *path: Optional[str], **fields) -> dict:
    """A request of a script: `request("create", "~/a", flags=1)`."""
    return {"op": op, **({"path": path[0]} if path else {}), **fields}


class Builder:
    """Writes scripts by hand: `b.open("s1"); b.send("s1", request("create", "~/a"))`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._steps: list = []

    def script(self) -> Script:
        """Everything added so far."""
        return Script(self._name, tuple(self._steps))

    def add(self, do: str, session: Optional[str] = None, **args) -> int:
        """Appends a step; returns its id."""
        step_id = len(self._steps) + 1
        self._steps.append(Step(step_id, do, session, args))
        return step_id

    def open(self, *sessions: str, **args) -> None:
        """Opens new sessions, one step each; `with_` are requests behind the handshake."""
        for session in sessions:
            self.add("open", session, **_handshake(args))

    def reconnect(self, session: str, **args) -> int:
        """The session on a new connection; `with_` are requests behind the handshake."""
        return self.add("reconnect", session, **_handshake(args))

    def send(self, session: str, *requests: dict, **args) -> int:
        """Sends requests in one segment."""
        return self.add("send", session, requests=list(requests), **args)

    def each(self, session: str, *requests: dict) -> int:
        """Sends requests one by one: a step for each. Returns the id of the last."""
        return [self.send(session, request) for request in requests][-1]

    def raw(self, session: str, data: bytes, **args) -> int:
        """Sends bytes."""
        return self.add("raw", session, hex=data.hex(), **args)


def _handshake(args: dict) -> dict:
    return {("with" if key == "with_" else key): value for key, value in args.items()}
