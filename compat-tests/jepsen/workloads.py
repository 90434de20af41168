"""The workloads: register, set, queue. Locks and sessions are in workloads_sessions.py."""

import itertools

from jepsen import checkers
from jepsen.clients import SessionClient
from jepsen.history import OK, REFUSED, UNKNOWN
from jepsen.workload import Workload, until_stopped
from lib.records import Err, Flags, Op, path_request, path_watch_request, set_data_request


class Register(Workload):
    """Reads, writes and compare-and-set on several znodes at once.

    Reads are of two kinds: behind a sync (linearizable, kind "read") and plain (kind "plain": may be old, never
    older than what the session saw). The keys change every few seconds, so that histories stay short enough to search.
    """

    name = "register"
    threads = 5
    keys = 3
    key_life_s = 4.0

    def work(self, number: int) -> None:
        values = itertools.count()
        with self.client(str(number)) as client:
            for _ in until_stopped(self.stopping, lambda: client.random.uniform(0.0, 0.03)):
                self._one(client, self._key(client), f"{number}.{next(values)}")

    def _key(self, client: SessionClient) -> str:
        generation = int(self.history.now() / self.key_life_s)
        return f"{self.root}/{generation}-{client.random.randrange(self.keys)}"

    def _several(self, client: SessionClient, value: str) -> None:
        """Writes, reads and syncs in one segment: answered in order, each read behind the writes before it."""
        requests = []
        for number in range(client.random.randint(2, 6)):
            path = self._key(client)
            choice = client.random.random()
            if choice < 0.4:
                data = f"{value}.{number}"
                requests.append(("write", path, Op.SET_DATA, set_data_request(path, data.encode()), data))
            elif choice < 0.8:
                requests.append(("plain", path, Op.GET_DATA, path_watch_request(path), None))
            else:
                requests.append(("sync", path, Op.SYNC, path_request(path), None))
        client.ask_at_once(requests)

    def _one(self, client: SessionClient, path: str, value: str) -> None:
        choice = client.random.random()
        if choice < 0.1:
            self._several(client, value)
            return
        if choice < 0.35:
            done = client.set(path, value)
        elif choice < 0.5:
            done = client.get(path, synced=True)
        elif choice < 0.7:
            done = client.get(path, kind="plain")
        else:
            seen = client.get(path, kind="plain")
            version = seen.version if seen.outcome == OK else 0
            done = client.set(path, value, version, kind="cas")
        if done.outcome == REFUSED and done.err == Err.NO_NODE:
            client.create(path, value.encode())

    def check(self) -> list[str]:
        history = self.history
        writes = [item for item in history.of("create", "write", "cas") if not item.rejected]
        reads = [item for item in history.of("read") if not item.rejected]
        plain = history.of("plain")
        allowed = {
            "create": (Err.NODE_EXISTS,),
            "write": (Err.NO_NODE,),
            "cas": (Err.NO_NODE, Err.BAD_VERSION),
            "read": (Err.NO_NODE,),
            "plain": (Err.NO_NODE,),
        }
        found = checkers.registers(writes + reads, plain)
        found += checkers.zxids_follow_time(writes, reads)
        return found + checkers.unexpected_errors(history.operations, allowed)


class Set(Workload):
    """Creates of different znodes; at the end all that were acknowledged are there."""

    name = "set"
    threads = 3

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.present: list[str] = []

    def work(self, number: int) -> None:
        with self.client(str(number)) as client:
            names = itertools.count()
            for _ in until_stopped(self.stopping, lambda: client.random.uniform(0.0, 0.03)):
                client.create(f"{self.root}/{number}-{next(names)}", kind="add")

    def collect(self, client: SessionClient) -> None:
        self.present = [f"{self.root}/{name}" for name in children_of(client, self.root)]

    def check(self) -> list[str]:
        creates = [item for item in self.history.of("add") if not item.rejected]
        return checkers.final_set(creates, self.present) + checkers.zxids_follow_time(creates)


class Queue(Workload):
    """Producers create sequential znodes, consumers delete the first: each item is taken once."""

    name = "queue"
    threads = 4
    producers = 2
    backlog = 60  # producers wait while so many items are left

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.left: list[str] = []

    def work(self, number: int) -> None:
        with self.client(str(number)) as client:
            for _ in until_stopped(self.stopping, lambda: client.random.uniform(0.0, 0.03)):
                if number < self.producers:
                    self._produce(client)
                else:
                    self._consume(client)

    def _produce(self, client: SessionClient) -> None:
        if client.random.random() < 0.05:
            seen = client.children(self.root)
            while seen.outcome == OK and len(seen.value) > self.backlog:
                if self.stopping.wait(0.05):
                    return
                seen = client.children(self.root)
        client.create(self.root + "/item-", flags=Flags.SEQUENTIAL, kind="put")

    def _consume(self, client: SessionClient) -> None:
        seen = client.children(self.root)
        if seen.outcome == OK and seen.value:
            # The same few items are wanted by all consumers.
            name = client.random.choice(sorted(seen.value)[:2])
            client.delete(f"{self.root}/{name}", kind="take")

    def collect(self, client: SessionClient) -> None:
        self.left = [f"{self.root}/{name}" for name in children_of(client, self.root)]

    def check(self) -> list[str]:
        puts, takes = self.history.of("put"), self.history.of("take")
        found = checkers.queue(puts, takes, self.left)
        found += checkers.zxids_follow_time(item for item in puts + takes if not item.rejected)
        return found + checkers.unexpected_errors(puts + takes, {"take": (Err.NO_NODE,)})


def children_of(client: SessionClient, path: str) -> list[str]:
    """The children of `path` as of now; insists."""
    while True:
        seen = client.children(path, kind="prepare", synced=True)
        if seen.outcome != UNKNOWN and seen.err == 0:
            return seen.value
