"""Scripts from a seed: a few sessions on a few nodes, so that they meet often.

What must not be generated, and why, is in `known_differences.AVOIDED`. Three decisions here keep to
it: ACLs without READ are only put on `PRIVATE` nodes, which are never asked with exists nor listed
in setWatches; every session has, for every path, one kind of watch that it uses there; requests
that close the connection, undecodable writes and auth packets go alone.
"""

from __future__ import annotations

import random
from typing import Callable, Optional

from differential.operations import UNKNOWN_TYPES, WRITES
from differential.sequence import Script, Step
from lib.records import digest_id

PUBLIC = ["~/a", "~/b", "~/a/x", "~/a/y", "~/b/x", "~/a/x/m", "~/b/x/m", "~/a/s-0000000001"]
PRIVATE = ["~/p", "~/p/x", "~/a/p", "~/p/x/p"]
ROOT = "~"
INNER = ["~/a", "~/b", "~/a/x", "~/p", "~/p/x"]
MALFORMED = ["~/a/", "~//a", "~/a/.", "~/a/../x", "~/a//x", "~/.", "nonsense", "~/a\x00b"]
MALFORMED += ["~/a/\x01", "~/\udcff\udcfe", "~/a/\ufffd", "~/a/\U0001f600", "~/..x", "~/a /"]
SEQUENTIAL = ["~/a/s-", "~/b/", "~/", "~/a/x/n", "~/p/s-"]
PREFIXES = [None, "", " ", "/", "~", "~/a", "~/p/x", "~/no"]
DATA = [None, "", "x", "yy", "z" * 40, "\x00\xff", "n" * 300]
CREDENTIALS = ["bob:pw", "ann:pw", "super:differential", "nocolon", ""]
BOB, ANN = digest_id("bob:pw"), digest_id("ann:pw")

WORLD = [31, "world", "anyone"]
PUBLIC_ACLS = [
    [WORLD],
    [[1, "world", "anyone"]],
    [[1, "world", "anyone"], [31, "auth", ""]],
    [[31, "digest", BOB], [1, "world", "anyone"]],
    [[15, "world", "anyone"], [16, "digest", ANN]],
    [[5, "world", "anyone"], [31, "ip", "127.0.0.1"]],
    [WORLD, WORLD, [1, "digest", BOB]],
]
PRIVATE_ACLS = [
    [[31, "digest", BOB]],
    [[31, "auth", ""]],
    [[30, "world", "anyone"]],
    [[16, "world", "anyone"], [3, "digest", ANN]],
    [[0, "world", "anyone"]],
    [[31, "ip", "10.0.0.0/8"]],
    [[31, "ip", "127.0.0.0/8"], [1, "digest", ANN]],
]
INVALID_ACLS: list = [
    None,
    [],
    [[31, "world", "somebody"]],
    [[31, "nowhere", "anyone"]],
    [[31, "digest", "nohash"]],
    [[31, "ip", "1.2.3.4/33"]],
    [[31, "super", ""]],
    [[31, None, "anyone"]],
]


def script_of(seed: int, steps: int = 60) -> Script:
    """The script of a seed; the same for the same arguments."""
    return _Generator(seed).script(steps)


class _Guess:
    """Which nodes probably exist, so that most requests find something. It need not be right."""

    def __init__(self) -> None:
        self._owners: dict = {ROOT: None}  # path -> session of an ephemeral, else None

    def existing(self) -> list:
        """Nodes that are there, the root included."""
        return list(self._owners)

    def creatable(self, paths: list) -> list:
        """Those of the paths that are missing under a node that can have children."""
        return [path for path in paths if path not in self._owners and self._can_hold(path)]

    def childless(self) -> list:
        """Nodes that could be deleted."""
        parents = {_parent(path) for path in self._owners}
        return [path for path in self._owners if path not in parents and path != ROOT]

    def note(self, session: str, request: dict) -> None:
        """Follows a request."""
        path = request.get("path")
        if request["op"].startswith("create") and request.get("flags", 0) in (0, 1, 4):
            if path in PUBLIC + PRIVATE and path not in self._owners and self._can_hold(path):
                self._owners[path] = session if request["flags"] == 1 else None
        elif request["op"] == "delete" and path in self.childless():
            del self._owners[path]
        elif request["op"] == "closeSession":
            self._owners = {p: owner for p, owner in self._owners.items() if owner != session}

    def _can_hold(self, path: str) -> bool:
        return self._owners.get(_parent(path), "missing") is None


class _Generator:
    """State of the generation: which sessions there are, and which have a connection."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._guess = _Guess()
        self._random = random.Random(seed)
        self._steps: list = []
        self._connected: list = []
        self._dropped: list = []
        self._names = 0
        self._watch_kinds: dict = {}
        self._watched: list = []  # (session, path) of requests that may have set a watch

    def script(self, length: int) -> Script:
        for _ in range(self._random.randint(2, 4)):
            self._open()
        first = self._random.sample(PUBLIC + PRIVATE, self._random.randint(4, 10))
        nodes = [{"op": "create", "path": path, "flags": 0} for path in sorted(first, key=len)]
        self._add("send", self._connected[0], requests=nodes)
        while len(self._steps) < length:
            self._choose(self._step_kinds())()
        return Script(f"seed {self._seed}", tuple(self._steps))

    # --- steps ---

    def _step_kinds(self) -> list:
        if not self._connected:
            return [(3, self._reconnect), (1, self._open)] if self._dropped else [(1, self._open)]
        kinds = [
            (60, self._single),
            (22, self._burst),
            (4, self._auth),
            (3, self._undecodable_write),
            (3, self._drop),
            (1.5, self._reconnect_while_connected),
            (2.5, self._breach),
            (1.5, self._close),
            (1, self._refused_handshake),
            (0.5, lambda: self._add("settle", None)),
        ]
        if self._dropped:
            kinds.append((8, self._reconnect))
        if len(self._connected) + len(self._dropped) < 4:
            kinds.append((5, self._open))
        return kinds

    def _add(self, do: str, session: Optional[str], **args) -> None:
        step = Step(len(self._steps) + 1, do, session, args)
        self._steps.append(step)
        for request in step.requests():
            for part in request.get("elements", [request]):
                self._guess.note(session or "", part)

    def _open(self) -> None:
        self._names += 1
        name = f"s{self._names}"
        self._add("open", name, **self._handshake(name))
        self._connected.append(name)

    def _handshake(self, session: str) -> dict:
        args: dict = {}
        if self._chance(0.2):
            args["timeout"] = self._one([20000, 45000, 10**9])
        if self._chance(0.1):
            args["read_only"] = self._one([None, True])
        if self._chance(0.2):
            args["last_zxid"] = self._one(["last", -1])
        if self._chance(0.3):
            args["with"] = self._requests(session, self._random.randint(1, 3))
            if self._chance(0.5):
                args["with"].insert(0, _auth(self._one(CREDENTIALS)))
        return args

    def _single(self) -> None:
        session = self._one(self._connected)
        self._add("send", session, requests=[self._request(session)])

    def _burst(self) -> None:
        session = self._one(self._connected)
        requests = self._requests(session, self._random.randint(2, 6))
        if self._chance(0.05):
            requests.append({"op": "closeSession"})
            self._connected.remove(session)
        self._add("send", session, requests=requests)

    def _auth(self) -> None:
        session = self._one(self._connected)
        requests = [_auth(self._one(CREDENTIALS))]
        if self._chance(0.5):
            requests.append(self._request(session))
        self._add("send", session, requests=requests)

    def _undecodable_write(self) -> None:
        session = self._one(self._connected)
        request = self._choose([(4, self._create), (1, self._delete), (2, self._set_data)])(session)
        self._add("send", session, requests=[{**request, "cut": self._random.randint(1, 3)}])

    def _drop(self) -> None:
        session = self._take(self._connected)
        self._add("drop", session, abort=self._chance(0.3))
        self._dropped.append(session)

    def _reconnect(self) -> None:
        session = self._take(self._dropped)
        args = self._handshake(session)
        if self._chance(0.6):
            followers = args.setdefault("with", [])
            behind_auth = int(bool(followers) and followers[0]["op"] == "auth")
            followers.insert(behind_auth, self._set_watches(session))
        self._add("reconnect", session, **args)
        self._connected.append(session)

    def _reconnect_while_connected(self) -> None:
        session = self._one(self._connected)
        self._add("reconnect", session, **self._handshake(session))

    def _close(self) -> None:
        self._add("close", self._take(self._connected))

    def _refused_handshake(self) -> None:
        """Handshakes that fail, of a session without connection."""
        if self._dropped and self._chance(0.5):
            session = self._one(self._dropped)
            refusal = self._one([{"passwd": "wrong"}, {"passwd": "short"}, {"passwd": "null"}])
            self._add("reconnect", session, **refusal)
        elif self._dropped:
            self._add("reconnect", self._one(self._dropped), last_zxid=["ahead", 5])
        else:
            self._names += 1
            self._add("open", f"s{self._names}", last_zxid=["ahead", 1])

    def _breach(self) -> None:
        """What makes a server close the connection; the session stays."""
        session = self._take(self._connected)
        requests: list = [
            {"op": "unknown", "type": self._one(list(UNKNOWN_TYPES))},
            {"op": "auth", "scheme": self._one(["nowhere", "world", "super", None]), "auth": "x"},
            {"op": "auth", "scheme": "digest", "auth": None},
            {"op": "auth", "scheme": "digest", "auth": "bob:pw", "cut": 3},
            {"op": "sasl", "token": None},
        ]
        data = ["00000000", "0000000400000001", "ffffffff", "00100000", "7fffffff", "72756f6b"]
        if self._chance(0.7):
            self._add("send", session, requests=[self._one(requests)])
        else:
            self._add("raw", session, hex=self._one(data))
        self._dropped.append(session)

    # --- requests ---

    def _requests(self, session: str, count: int) -> list:
        """Requests for one segment; setACL is the last write among them."""
        requests = [self._request(session) for _ in range(count)]
        for position, request in enumerate(requests):
            if request["op"] == "setACL":
                later = [item for item in requests[position + 1 :] if item["op"] not in WRITES]
                return requests[: position + 1] + later
        return requests

    def _request(self, session: str) -> dict:
        request = self._choose(
            [
                (16, self._create),
                (8, self._delete),
                (10, self._set_data),
                (4, self._set_acl),
                (3, self._get_acl),
                (7, self._exists),
                (7, self._read("getData")),
                (5, self._read("getChildren")),
                (5, self._read("getChildren2")),
                (8, self._multi),
                (3, self._multi_read),
                (5, self._add_watch),
                (3, self._forget_watches),
                (2, self._set_watches),
                (7, self._small_read),
            ]
        )(session)
        if self._chance(0.02) and request["op"] not in ("multi", "setWatches", "setWatches2"):
            request["xid"] = self._one([0, -3, -5, -8, 2**31 - 1, -(2**31)])
        if self._chance(0.02):
            request["extra"] = "trailing"
        elif self._chance(0.02) and request["op"] in _CUTTABLE_READS:
            request["cut"] = 1
        return request

    def _create(self, _session: str) -> dict:
        op = self._weighted([(10, "create"), (6, "create2"), (1, "createContainer")])
        if self._chance(0.03):
            flags, ttl = self._one([(5, 1000), (6, 0), (5, -1), (0, 5), (3, 0), (9, 1)])
            return {"op": "createTTL", "path": self._path(), "flags": flags, "ttl": ttl}
        request = {"op": op, **self._new_node()}
        if op == "createContainer":
            request["flags"] = self._one([4, 4, 4, 0, 2])
        elif self._chance(0.04):
            request["flags"] = self._one([-1, 4, 5, 6, 7, 99])
        return _below_root(request)

    def _new_node(self) -> dict:
        """Path, data, ACL and flags of a node to create."""
        path = self._path(PUBLIC + PRIVATE, self._guess.creatable(PUBLIC + PRIVATE))
        flags = self._weighted([(10, 0), (2 if path in INNER else 8, 1), (3, 2), (3, 3)])
        if flags & 2 and self._chance(0.8):
            path = self._path(SEQUENTIAL, self._guess.creatable(SEQUENTIAL))
        fields = {"path": path, "data": self._one(DATA), "flags": flags}
        acl = self._acl(path)
        return fields if acl is None else {**fields, "acl": acl[0]}

    def _acl(self, path: str, always: bool = False) -> Optional[tuple]:
        """(acl,) for a node of that path; None = the open one."""
        if self._chance(0.02):
            return (self._one(INVALID_ACLS),)
        if _is_private(path) and (always or self._chance(0.5)):
            return (self._one(PRIVATE_ACLS),)
        if always or self._chance(0.2):
            return (self._one(PUBLIC_ACLS),)
        return None

    def _delete(self, _session: str) -> dict:
        path = self._path(PUBLIC + PRIVATE, self._guess.childless())
        return {"op": "delete", "path": path, "version": self._version()}

    def _set_data(self, _session: str) -> dict:
        data = self._one(DATA)
        path, version = self._path(), self._version()
        return {"op": "setData", "path": path, "data": data, "version": version}

    def _set_acl(self, _session: str) -> dict:
        path = self._path()
        acl = self._acl(path, always=True)
        assert acl is not None
        return {"op": "setACL", "path": path, "acl": acl[0], "version": self._version()}

    def _get_acl(self, _session: str) -> dict:
        return {"op": "getACL", "path": self._path()}

    def _exists(self, session: str) -> dict:
        readable = [path for path in self._guess.existing() if not _is_private(path)]
        path = self._path(PUBLIC, readable)
        return {"op": "exists", "path": path, "watch": self._watch(session, path)}

    def _read(self, op: str) -> Callable[[str], dict]:
        def request(session: str) -> dict:
            path = self._path()
            return {"op": op, "path": path, "watch": self._watch(session, path)}

        return request

    def _multi(self, session: str) -> dict:
        count = self._weighted([(1, 0), (3, 1), (8, 2), (8, 3), (4, 4), (3, 5)])
        return {"op": "multi", "elements": [self._element(session) for _ in range(count)]}

    def _element(self, session: str) -> dict:
        def create(_session: str) -> dict:
            op = self._weighted([(8, "create"), (2, "create2")])
            node = self._new_node()
            if node.get("acl", ()) is None:
                node["acl"] = []
            return _below_root({"op": op, **node})

        def container(_session: str) -> dict:
            return {"op": "createContainer", "path": self._path(), "flags": 4}

        def check(_session: str) -> dict:
            return {"op": "check", "path": self._path(), "version": self._version()}

        kinds = [(8, create), (1, container), (4, self._delete), (5, self._set_data), (3, check)]
        return self._choose(kinds)(session)

    def _multi_read(self, _session: str) -> dict:
        ops = ["getData", "getChildren"]
        elements = [
            {"op": self._one(ops), "path": self._path(), "watch": self._random.randint(0, 1)}
            for _ in range(self._random.randint(1, 4))
        ]
        return {"op": "multiRead", "elements": elements}

    def _add_watch(self, session: str) -> dict:
        if self._chance(0.05):
            return {"op": "addWatch", "path": self._path(), "mode": self._one([2, -1, 7])}
        path = self._path_watched_as(session, ["persistent", "recursive"])
        if "/" in path:
            self._watched.append((session, path))
        mode = int(self._watch_kind(session, path) == "recursive")
        return {"op": "addWatch", "path": path, "mode": mode}

    def _forget_watches(self, session: str) -> dict:
        op = self._one(["removeWatches", "checkWatches"])
        watched = [path for who, path in self._watched if who == session]
        path = self._one([ROOT, *PUBLIC, *PRIVATE, *MALFORMED[:5]])
        if watched and self._chance(0.7):
            path = self._one(watched[-6:])
        types = [1, 2, 3] if self._watch_kind(session, path) == "one-shot" else [3]
        number = self._one([0, 6, -1]) if self._chance(0.1) else self._one(types)
        return {"op": op, "path": path, "type": number}

    def _set_watches(self, session: str) -> dict:
        """Mostly what a client sends after a reconnect: every kind in its own list."""
        step = self._random.randint(1, len(self._steps) + 1)
        zxid = self._one(["last", "last", ["after", step], ["after", step], 0])
        op = self._weighted([(1, "setWatches"), (2, "setWatches2")])
        request: dict = {"op": op, "xid": -8, "zxid": zxid}
        for name in ("data", "exist", "child", "persistent", "recursive"):
            kind = name if name in ("persistent", "recursive") else "one-shot"
            fitting = [p for p in [ROOT, *PUBLIC] if self._watch_kind(session, p) == kind]
            count = min(len(fitting), self._random.randint(0, 3))
            request[name] = self._random.sample(fitting, count)
        if op == "setWatches":
            del request["persistent"], request["recursive"]
        return request

    def _small_read(self, _session: str) -> dict:
        return self._choose(
            [
                (3, lambda: {"op": "sync", "path": self._one([*PUBLIC, *MALFORMED[:8], "", None])}),
                (2, lambda: {"op": "ping"}),
                (2, lambda: {"op": "whoAmI"}),
                (3, lambda: {"op": "getEphemerals", "path": self._one(PREFIXES)}),
                (3, lambda: {"op": "getAllChildrenNumber", "path": self._path()}),
                (1, lambda: {"op": "reconfig"}),
            ]
        )()

    # --- choices ---

    def _path(self, nodes: Optional[list] = None, likely: Optional[list] = None) -> str:
        """One of `likely` (nodes that exist) mostly, else one of `nodes` (all), else malformed."""
        if self._chance(0.03):
            return self._one(MALFORMED)
        likely = self._guess.existing() if likely is None else likely
        if likely and self._chance(0.85):
            return self._one(likely)
        return self._one(nodes or PUBLIC + PRIVATE)

    def _version(self) -> int:
        return self._weighted([(30, -1), (6, 0), (3, 1), (2, 2), (1, -2), (1, 7)])

    def _watch(self, session: str, path: str) -> int:
        """The watch byte of a read: only where the session uses one-shot watches."""
        if self._watch_kind(session, path) != "one-shot":
            return 0
        watch = self._weighted([(3, 0), (6, 1), (1, 7)])
        if watch and "/" in path:
            self._watched.append((session, path))
        return watch

    def _watch_kind(self, session: str, path: str) -> str:
        """The one kind of watch that this session uses on this path."""
        kind = self._weighted([(6, "one-shot"), (2, "persistent"), (2, "recursive")])
        return self._watch_kinds.setdefault((session, path), kind)

    def _path_watched_as(self, session: str, kinds: list) -> str:
        paths = [ROOT, *PUBLIC, *PRIVATE, *MALFORMED]
        fitting = [path for path in paths if self._watch_kind(session, path) in kinds]
        return self._one(fitting)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _one(self, values: list):
        return self._random.choice(values)

    def _take(self, values: list):
        value = self._one(values)
        values.remove(value)
        return value

    def _weighted(self, pairs: list):
        weights, values = zip(*pairs)
        return self._random.choices(values, weights)[0]

    _choose = _weighted


_CUTTABLE_READS = (
    "exists getData getChildren getChildren2 getACL getAllChildrenNumber addWatch removeWatches "
    "checkWatches setWatches setWatches2"
).split()


def _auth(credentials: str) -> dict:
    return {"op": "auth", "scheme": "digest", "auth": credentials, "xid": -4}


def _below_root(request: dict) -> dict:
    """The request, but never a sequential node beside the root node: its number would depend on
    earlier runs.
    """
    sequential = request["path"] == ROOT and request["flags"] in (2, 3)
    return {**request, "path": ROOT + "/"} if sequential else request


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _is_private(path: str) -> bool:
    return path in PRIVATE or path.startswith("~/p/")
