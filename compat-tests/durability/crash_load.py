"""Write load with a memory: what was asked, what was acknowledged, and whether a restarted server agrees.

A workload makes requests for one connection and keeps a model of its own part of the tree. `drive` keeps many of
its requests in flight until the server is gone. After the restart `check` compares the tree with the model
and yields a sentence for every promise that was broken:

- acknowledged before the crash: it must be there;
- never asked for: it must not be there;
- asked for but not acknowledged: either, but completely or not at all, and as it was found it must stay.

No two workloads share a znode, so every model is exact.
"""

import collections
import random
from typing import Callable, Iterator

from lib.zkwire import (
    Connection,
    ConnectionClosed,
    Err,
    Flags,
    Op,
    ProtocolError,
    create_request,
    multi_request,
    path_version_request,
    path_watch_request,
    set_data_request,
)

WINDOW = 64  # requests in flight on each connection
READ_BATCH = 200  # getData requests in flight while checking
CROWD = 2000  # znodes of one parent from which on deletes are as frequent as creates

Request = tuple[int, bytes, Callable]  # op, body, function called with the reply


class Workload:
    """Requests for one connection, below `root`, and the model of what they did."""

    def __init__(self, name: str, rng: random.Random) -> None:
        self.root = f"/load-{name}"
        self.rng = rng
        self.acknowledged = 0  # replies since the beginning
        self.last_zxid = 0  # the highest zxid that a reply carried
        self.broken: list[str] = []  # promises broken while the server was running

    def prepare(self, conn: Connection) -> None:
        """Creates what the workload starts from."""
        require(conn.create(self.root))

    def next_request(self) -> Request:
        """The next thing to ask for; the model already knows that it was asked."""
        raise NotImplementedError

    def check(self, conn: Connection) -> Iterator[str]:
        """Broken promises; adopts the state that it finds."""
        raise NotImplementedError

    def answered(self, reply) -> None:
        """Bookkeeping common to all replies."""
        self.acknowledged += 1
        if reply.zxid <= self.last_zxid:
            self.broken.append(f"{self.root}: zxid {reply.zxid:#x} of a write after {self.last_zxid:#x}")
        self.last_zxid = max(self.last_zxid, reply.zxid)

    def must_succeed(self, reply, what: str) -> bool:
        """Bookkeeping for a write that nothing can refuse."""
        self.answered(reply)
        if not reply.ok:
            self.broken.append(f"{self.root}: {what} was refused with {reply.err}")
        return reply.ok


def require(reply):
    """The reply of a request that must succeed outside the load."""
    assert reply.ok, f"op {reply.op} was refused with {reply.err}"
    return reply


def drive(workload: Workload, conn: Connection) -> None:
    """Keeps WINDOW requests in flight until the server closes; a silent server is a broken promise."""
    in_flight: collections.deque = collections.deque()
    try:
        while True:
            frames = []
            while len(in_flight) < WINDOW:
                op, body, on_reply = workload.next_request()
                frames.append(conn.encode(op, body))
                in_flight.append(on_reply)
            conn.send_raw(b"".join(frames))
            for _ in range(WINDOW // 2):
                reply = conn.next()
                if reply is None:
                    return
                in_flight.popleft()(reply)
    except TimeoutError:
        workload.broken.append(f"{workload.root}: no reply within {conn.timeout} s")
    except (ProtocolError, ConnectionClosed, OSError):
        return


def read_all(conn: Connection, paths: list) -> dict:
    """(data, Stat) of each path, None for those that do not exist; pipelined."""
    found = {}
    for start in range(0, len(paths), READ_BATCH):
        batch = paths[start : start + READ_BATCH]
        conn.send_raw(b"".join(conn.encode(Op.GET_DATA, path_watch_request(path)) for path in batch))
        for path in batch:
            reply = conn.next_reply()
            assert reply.err in (Err.OK, Err.NO_NODE), f"getData of {path} gives {reply.err}"
            found[path] = reply.value if reply.ok else None
    return found


class RegisterLoad(Workload):
    """setData of a few znodes; each value is the number of times that its znode was set."""

    KEYS = 8

    def __init__(self, name: str, rng: random.Random) -> None:
        super().__init__(name, rng)
        self._asked = [0] * self.KEYS
        self._done = [0] * self.KEYS

    def _path(self, key: int) -> str:
        return f"{self.root}/r{key}"

    def prepare(self, conn: Connection) -> None:
        super().prepare(conn)
        for key in range(self.KEYS):
            require(conn.create(self._path(key), b"0"))

    def next_request(self) -> Request:
        key = self.rng.randrange(self.KEYS)
        self._asked[key] += 1
        value = self._asked[key]

        def on_reply(reply) -> None:
            if self.must_succeed(reply, f"setData of {self._path(key)} to {value}"):
                self._done[key] = value
                if reply.value.version != value:
                    self.broken.append(f"{self._path(key)}: version {reply.value.version} for value {value}")

        return Op.SET_DATA, set_data_request(self._path(key), str(value).encode()), on_reply

    def check(self, conn: Connection) -> Iterator[str]:
        found = read_all(conn, [self._path(key) for key in range(self.KEYS)])
        for key in range(self.KEYS):
            path = self._path(key)
            if found[path] is None:
                yield f"{path} is gone"
                continue
            value, version = int(found[path][0]), found[path][1].version
            if not self._done[key] <= value <= self._asked[key]:
                yield f"{path} is {value}, acknowledged {self._done[key]}, asked for {self._asked[key]}"
            if version != value:
                yield f"{path} has version {version} and value {value}: a write was lost or done twice"
            self._asked[key] = self._done[key] = value


class CreateDeleteLoad(Workload):
    """Creates znodes with new names and deletes about half of them."""

    def __init__(self, name: str, rng: random.Random) -> None:
        super().__init__(name, rng)
        self._count = 0
        self._present: list[str] = []  # acknowledged creates with no delete asked for
        self._unsettled: set[str] = set()  # asked for, not acknowledged: may be there or not
        self._deleted: set[str] = set()  # acknowledged deletes

    def next_request(self) -> Request:
        if self._present and self.rng.random() < (0.5 if len(self._present) > CROWD else 0.33):
            at = self.rng.randrange(len(self._present))
            self._present[at], self._present[-1] = self._present[-1], self._present[at]
            name = self._present.pop()
            self._unsettled.add(name)
            return Op.DELETE, path_version_request(f"{self.root}/{name}"), self._on_deleted(name)
        name = f"n{self._count}"
        self._count += 1
        self._unsettled.add(name)
        return Op.CREATE, create_request(f"{self.root}/{name}", name.encode()), self._on_created(name)

    def _on_created(self, name: str) -> Callable:
        def on_reply(reply) -> None:
            if self.must_succeed(reply, f"create of {name}"):
                self._unsettled.discard(name)
                self._present.append(name)

        return on_reply

    def _on_deleted(self, name: str) -> Callable:
        def on_reply(reply) -> None:
            if self.must_succeed(reply, f"delete of {name}"):
                self._unsettled.discard(name)
                self._deleted.add(name)

        return on_reply

    def check(self, conn: Connection) -> Iterator[str]:
        found = set(require(conn.children(self.root)).value)
        for name in set(self._present) - found:
            yield f"{self.root}/{name} was created and is lost"
        for name in self._deleted & found:
            yield f"{self.root}/{name} was deleted and is back"
        for name in found - self._unsettled - set(self._present) - self._deleted:
            yield f"{self.root}/{name} appeared from nowhere"
        recent = [f"{self.root}/{name}" for name in self._present[-2 * READ_BATCH :] if name in found]
        for path, content in read_all(conn, recent).items():
            if content is None or content[0] != path.rpartition("/")[2].encode():
                yield f"{path} has the content {content}"
        self._present = list(found)
        self._unsettled.clear()


class SequenceLoad(Workload):
    """Sequential creates, each with its own mark as data, and deletes; numbers must always rise."""

    def __init__(self, name: str, rng: random.Random) -> None:
        super().__init__(name, rng)
        self._count = 0
        self._highest = -1  # highest number that was acknowledged or found
        self._marks: dict[str, bytes] = {}  # name -> mark, acknowledged and not asked to be deleted
        self._asked_marks: set[bytes] = set()  # creates asked for, not acknowledged
        self._deleting: dict[str, bytes] = {}  # name -> mark, deletes asked for, not acknowledged
        self._deleted: set[str] = set()

    def next_request(self) -> Request:
        if self._marks and self.rng.random() < (0.5 if len(self._marks) > CROWD else 0.33):
            # The newest or the oldest: a number given out again would show, and so would a lost old znode.
            name = next(reversed(self._marks) if self.rng.random() < 0.5 else iter(self._marks))
            self._deleting[name] = self._marks.pop(name)
            return Op.DELETE, path_version_request(f"{self.root}/{name}"), self._on_deleted(name)
        mark = str(self._count).encode()
        self._count += 1
        self._asked_marks.add(mark)
        body = create_request(f"{self.root}/s-", mark, flags=Flags.SEQUENTIAL)
        return Op.CREATE, body, self._on_created(mark)

    def _on_created(self, mark: bytes) -> Callable:
        def on_reply(reply) -> None:
            if not self.must_succeed(reply, "a sequential create"):
                return
            name = reply.value.rpartition("/")[2]
            number = int(name.rpartition("-")[2])
            if number <= self._highest:
                self.broken.append(f"{reply.value} was given out after number {self._highest}")
            self._highest = max(self._highest, number)
            self._asked_marks.discard(mark)
            self._marks[name] = mark

        return on_reply

    def _on_deleted(self, name: str) -> Callable:
        def on_reply(reply) -> None:
            if self.must_succeed(reply, f"delete of {name}"):
                del self._deleting[name]
                self._deleted.add(name)

        return on_reply

    def check(self, conn: Connection) -> Iterator[str]:
        found = set(require(conn.children(self.root)).value)
        for name in set(self._marks) - found:
            yield f"{self.root}/{name} was created and is lost"
        for name in self._deleted & found:
            yield f"{self.root}/{name} was deleted and is back, or its number was given out again"
        self._marks.update(self._deleting)
        self._marks = {name: mark for name, mark in self._marks.items() if name in found}
        recent = list(self._marks)[-2 * READ_BATCH :]
        unknown = sorted(found - set(self._marks) - self._deleted)
        contents = read_all(conn, [f"{self.root}/{name}" for name in recent + unknown])
        for name in recent:
            content = contents[f"{self.root}/{name}"]
            if content is None or content[0] != self._marks[name]:
                yield f"{self.root}/{name} has the content {content}, not {self._marks[name]!r}"
        for name in unknown:
            mark = contents[f"{self.root}/{name}"][0]
            if mark not in self._asked_marks:
                yield f"{self.root}/{name} with the mark {mark!r} appeared from nowhere or twice"
            self._asked_marks.discard(mark)
            self._marks[name] = mark
            self._highest = max(self._highest, int(name.rpartition("-")[2]))
        self._asked_marks.clear()
        self._deleting.clear()


class MultiLoad(Workload):
    """Transactions that move two values and one marker together, and some that must fail as a whole."""

    def __init__(self, name: str, rng: random.Random) -> None:
        super().__init__(name, rng)
        self._asked = 0
        self._done = 0

    def prepare(self, conn: Connection) -> None:
        super().prepare(conn)
        for name in ("left", "right", "m0"):
            require(conn.create(f"{self.root}/{name}", b"0"))

    def next_request(self) -> Request:
        if self.rng.random() < 0.1:
            return self._doomed()
        self._asked += 1
        value = self._asked
        data = str(value).encode()
        body = multi_request(
            [
                (Op.SET_DATA, set_data_request(f"{self.root}/left", data)),
                (Op.CREATE, create_request(f"{self.root}/m{value}", data)),
                (Op.DELETE, path_version_request(f"{self.root}/m{value - 1}")),
                (Op.SET_DATA, set_data_request(f"{self.root}/right", data)),
            ]
        )

        def on_reply(reply) -> None:
            if self.must_succeed(reply, f"multi {value}"):
                if any(result.err for result in reply.value):
                    self.broken.append(f"{self.root}: multi {value} gives {reply.value}")
                self._done = value

        return Op.MULTI, body, on_reply

    def _doomed(self) -> Request:
        body = multi_request(
            [
                (Op.SET_DATA, set_data_request(f"{self.root}/left", b"-1")),
                (Op.DELETE, path_version_request(f"{self.root}/missing")),
            ]
        )

        def on_reply(reply) -> None:
            self.answered(reply)
            if [result.err for result in reply.value or []] != [0, Err.NO_NODE]:
                self.broken.append(f"{self.root}: a multi that must fail gives {reply}")

        return Op.MULTI, body, on_reply

    def check(self, conn: Connection) -> Iterator[str]:
        left = int(require(conn.get(f"{self.root}/left")).value[0])
        right = int(require(conn.get(f"{self.root}/right")).value[0])
        names = sorted(require(conn.children(self.root)).value)
        if left != right or names != sorted(["left", "right", f"m{left}"]):
            yield f"{self.root}: a multi was done in part: left {left}, right {right}, {names}"
        if not self._done <= left <= self._asked:
            yield f"{self.root}: value {left}, acknowledged {self._done}, asked for {self._asked}"
        self._asked = self._done = left


def standard_workloads(rng: random.Random) -> list:
    """One of each kind."""
    kinds = {"register": RegisterLoad, "nodes": CreateDeleteLoad, "sequence": SequenceLoad, "multi": MultiLoad}
    return [kind(name, random.Random(rng.random())) for name, kind in kinds.items()]
