"""A large tree of mixed znodes under a load whose outcome is known exactly.

All requests go through one connection, so the server must have applied a prefix of what was asked, at least as
long as what was acknowledged. `check` reads the whole tree back and looks for that prefix.
"""

import collections
import random
from typing import Callable, Iterator, NamedTuple, Optional

from crash_load import READ_BATCH, Request, Workload, read_all

from lib.zkwire import (
    OPEN_ACL,
    Acl,
    Connection,
    Op,
    Perms,
    create_request,
    multi_request,
    path_request,
    path_version_request,
    set_acl_request,
    set_data_request,
)

BRANCHES = 16
NAMES = 80  # per branch; so few that names come back after a delete
CROWD = 1000  # znodes from which on deletes are more frequent than creates
ACL_KINDS = 40  # 0 is the open one; so many that lists come into use and go out of it
# (share of the znodes, smallest and largest number of data bytes)
SIZES = ((0.60, 0, 200), (0.30, 200, 2000), (0.09, 2000, 8000), (0.01, 30000, 100000))


class Node(NamedTuple):
    """What a znode must be: its data follow from `stamp` and `size`."""

    stamp: int
    size: int
    version: int = 0
    acl_kind: int = 0
    aversion: int = 0


class Change(NamedTuple):
    """`path` becomes `node`; None: it is deleted."""

    path: str
    node: Optional[Node]


def data_of(stamp: int, size: int) -> bytes:
    """Data that differ from those of every other stamp, unless there is no room for the difference."""
    mark = b"%d," % stamp
    return (mark * (size // len(mark) + 1))[:size]


def acl_of(kind: int) -> list:
    """Everybody may do everything; the kinds differ in a further entry."""
    if kind == 0:
        return OPEN_ACL
    return [Acl(Perms.ALL, "world", "anyone"), Acl(Perms.READ, "ip", f"10.0.0.{kind}")]


class TreeLoad(Workload):
    """Creates, setData, setACL, deletes and multis of them, in a tree about CROWD znodes large, two levels deep."""

    def __init__(self, name: str, rng: random.Random) -> None:
        super().__init__(name, rng)
        self._stamp = 0
        self._acknowledged_state: dict[str, Node] = {}
        self._asked_state: dict[str, Node] = {}
        self._children: collections.Counter = collections.Counter()  # of _asked_state
        self._pending: collections.deque = collections.deque()  # lists of Change: asked for, not acknowledged

    def prepare(self, conn: Connection) -> None:
        super().prepare(conn)
        branches = [(Op.CREATE, create_request(f"{self.root}/b{number}")) for number in range(BRANCHES)]
        assert conn.multi(branches).ok
        for _ in range(NAMES // 2):
            batch = [self._create() for _ in range(BRANCHES)]
            creates = [request for request, _ in filter(None, batch)]
            conn.send_raw(b"".join(conn.encode(*request) for request in creates))
            for _ in creates:
                assert conn.next_reply().ok
        self._acknowledged_state = dict(self._asked_state)

    def next_request(self) -> Request:
        if self.rng.random() < 0.15:
            parts = [self._one(in_multi=True) for _ in range(self.rng.randint(2, 5))]
            changes = [change for _, change in parts]
            return Op.MULTI, multi_request([request for request, _ in parts]), self._on_reply(changes)
        (op, body), change = self._one()
        return op, body, self._on_reply([change])

    def _on_reply(self, changes: list) -> Callable:
        self._pending.append(changes)

        def on_reply(reply) -> None:
            if self.must_succeed(reply, str(changes)):
                _apply(self._acknowledged_state, self._pending.popleft())

        return on_reply

    def _one(self, in_multi: bool = False) -> tuple:
        """((op, body), Change) of one request that nothing can refuse; the asked state has it already.

        A multi cannot hold a setACL.
        """
        choice = self.rng.random()
        part = None
        if choice < 0.50:
            part = self._create() if self.rng.random() < self._growth() else self._delete()
        elif choice < 0.60 and not in_multi:
            part = self._set_acl()
        return part or self._set_data()

    def _growth(self) -> float:
        """The share of creates among creates and deletes."""
        return 0.6 if len(self._asked_state) < CROWD else 0.35

    def _create(self) -> Optional[tuple]:
        path = f"{self.root}/b{self.rng.randrange(BRANCHES)}/n{self.rng.randrange(NAMES)}"
        if path in self._asked_state:
            path += f"/c{self.rng.randrange(3)}"
        if path in self._asked_state:
            return None
        kind = self.rng.randrange(ACL_KINDS) if self.rng.random() < 0.2 else 0
        node = self._new_data()._replace(acl_kind=kind)
        self._children[path.rpartition("/")[0]] += 1
        body = create_request(path, data_of(node.stamp, node.size), acl_of(kind))
        return (Op.CREATE, body), self._ask(path, node)

    def _delete(self) -> Optional[tuple]:
        path = self._any_path()
        if path is None or self._children[path]:
            return None
        self._children[path.rpartition("/")[0]] -= 1
        return (Op.DELETE, path_version_request(path)), self._ask(path, None)

    def _set_acl(self) -> Optional[tuple]:
        path = self._any_path()
        if path is None:
            return None
        old = self._asked_state[path]
        kind = self.rng.randrange(ACL_KINDS)
        node = old._replace(acl_kind=kind, aversion=old.aversion + 1)
        return (Op.SET_ACL, set_acl_request(path, acl_of(kind))), self._ask(path, node)

    def _set_data(self) -> tuple:
        path = self._any_path() or next(iter(self._asked_state))
        old = self._asked_state[path]
        new = self._new_data()
        node = old._replace(stamp=new.stamp, size=new.size, version=old.version + 1)
        return (Op.SET_DATA, set_data_request(path, data_of(node.stamp, node.size))), self._ask(path, node)

    def _any_path(self) -> Optional[str]:
        for _ in range(8):
            path = f"{self.root}/b{self.rng.randrange(BRANCHES)}/n{self.rng.randrange(NAMES)}"
            if self._children[path]:
                path += f"/c{self.rng.randrange(3)}"
            if path in self._asked_state:
                return path
        return None

    def _new_data(self) -> Node:
        self._stamp += 1
        shares = [share for share, _, _ in SIZES]
        _, low, high = self.rng.choices(SIZES, shares)[0]
        return Node(self._stamp, self.rng.randint(low, high))

    def _ask(self, path: str, node: Optional[Node]) -> Change:
        change = Change(path, node)
        _apply(self._asked_state, [change])
        return change

    def check(self, conn: Connection) -> Iterator[str]:
        found = self._read_tree(conn)
        done = dict(self._acknowledged_state)
        wrong = {path for path in set(found) | set(done) if not _agrees(found.get(path), done.get(path))}
        wrong_at_first = {path: done.get(path) for path in sorted(wrong)[:5]}
        for changes in self._pending:
            if not wrong:
                break
            _apply(done, changes)
            for path in {change.path for change in changes}:
                wrong.discard(path)
                if not _agrees(found.get(path), done.get(path)):
                    wrong.add(path)
        if wrong:
            more = len(self._pending)
            yield f"{self.root} is in no state between the last acknowledged request and the last of {more} more"
            for path, node in wrong_at_first.items():
                yield f"{path}: found {_brief(found.get(path))}, acknowledged {node}"
        else:
            yield from self._check_acls(conn, done)
        self._acknowledged_state = done
        self._asked_state = dict(done)
        self._children = collections.Counter(path.rpartition("/")[0] for path in done)
        self._pending.clear()

    def _read_tree(self, conn: Connection) -> dict:
        """(data, Stat) of every znode below the branches."""
        found: dict = {}
        level = [f"{self.root}/b{number}" for number in range(BRANCHES)]
        while level:
            below: list = []
            for path in level:
                below += [f"{path}/{name}" for name in conn.children(path).value]
            contents = read_all(conn, below)
            found.update(contents)
            level = [path for path in below if contents[path][1].num_children]
        return found

    def _check_acls(self, conn: Connection, state: dict) -> Iterator[str]:
        """Compares the ACLs of all znodes that have an unusual one, and of some others."""
        paths = [path for path, node in state.items() if node.acl_kind]
        paths += self.rng.sample(sorted(state), min(50, len(state)))
        for start in range(0, len(paths), READ_BATCH):
            batch = paths[start : start + READ_BATCH]
            conn.send_raw(b"".join(conn.encode(Op.GET_ACL, path_request(path)) for path in batch))
            for path in batch:
                acls = conn.next_reply().value[0]
                if [tuple(entry) for entry in acls] != [tuple(entry) for entry in acl_of(state[path].acl_kind)]:
                    yield f"{path} has the ACL {acls}, expected {acl_of(state[path].acl_kind)}"


def _apply(state: dict, changes: list) -> None:
    for path, node in changes:
        if node is None:
            del state[path]
        else:
            state[path] = node


def _agrees(found, node: Optional[Node]) -> bool:
    """Whether what a read gave is what the model says."""
    if found is None or node is None:
        return found is None and node is None
    data, stat = found
    return (stat.version, stat.aversion) == (node.version, node.aversion) and data == data_of(node.stamp, node.size)


def _brief(found) -> str:
    return "nothing" if found is None else f"{len(found[0])} bytes {found[0][:12]!r}, {found[1]}"
