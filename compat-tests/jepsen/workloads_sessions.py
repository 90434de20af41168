"""Workloads about sessions: ephemeral znodes that live exactly as long, and locks made of them."""

import itertools
import logging
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

from jepsen import checkers
from jepsen.checkers import Hold
from jepsen.clients import SessionClient, insist
from jepsen.history import OK, REFUSED, UNKNOWN
from jepsen.workload import Workload, until_stopped
from jepsen.workloads import children_of
from lib.records import Err, Flags


class Sessions(Workload):
    """Keepers ping, and their ephemeral is there while their session is. Mortals close their session, whose ephemeral
    is then gone at once, or abandon it: then its ephemeral stays until the timeout and is gone at the end.
    """

    name = "sessions"
    keepers = 4
    mortals = 3
    threads = keepers + mortals

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self._numbers = itertools.count()
        self.left_behind: list[str] = []

    def work(self, number: int) -> None:
        (self._keep if number < self.keepers else self._live_and_die)(number)

    def _ephemeral(self, client: SessionClient) -> str:
        """A new ephemeral of the client's session; returns its path once it is certain to belong to it."""
        while True:
            path = f"{self.root}/{client.name}-{next(self._numbers)}"
            made = client.create(path, flags=Flags.EPHEMERAL, kind="ephemeral")
            if made.outcome == OK and client.session == made.session:
                return path

    # --- keepers ---

    def _keep(self, number: int) -> None:
        with self.client(f"keeper-{number}") as client:
            while not self.stopping.is_set():
                path = self._ephemeral(client)
                self._watch_over(client, path)

    def _watch_over(self, client: SessionClient, path: str) -> None:
        session = client.session
        for _ in until_stopped(self.stopping, lambda: client.random.uniform(0.05, 0.4)):
            if client.random.random() < 0.7:
                client.ping()
            elif client.random.random() < 0.1:
                client.leave()  # the session moves to another server
            else:
                self._expect_there(client, session, path)
            if client.session not in (0, session):
                return
            if client.session == 0:
                client.connect()
                return

    def _expect_there(self, client: SessionClient, session: int, path: str) -> None:
        seen = client.exists(path, kind="own", synced=client.random.random() < 0.5)
        if seen.outcome != REFUSED or seen.err != Err.NO_NODE or seen.session != session:
            return
        # It is gone: then so is the session, or something is wrong.
        again = client.exists(path, kind="own", synced=True)
        if again.outcome != UNKNOWN and again.session == session and again.err == Err.NO_NODE:
            self.history.violation(f"an ephemeral of a living session is gone:\n    {seen}\n    {again}")

    # --- mortals ---

    def _live_and_die(self, number: int) -> None:
        with self.client(f"observer-{number}") as observer:
            mortal = self.client(f"mortal-{number}")
            try:
                for _ in until_stopped(self.stopping, lambda: mortal.random.uniform(0.1, 0.5)):
                    path = self._ephemeral(mortal)
                    if mortal.random.random() < 0.7:
                        self._die_in_order(mortal, observer, path)
                    else:
                        self._vanish(mortal, observer, path)
            finally:
                mortal.close()

    def _die_in_order(self, mortal: SessionClient, observer: SessionClient, path: str) -> None:
        closing = mortal.close_recorded()
        if closing.outcome != OK:
            return
        seen = observer.exists(path, kind="observe", synced=True)
        if seen.outcome == OK:
            self.history.violation(f"an ephemeral outlived its closed session:\n    {closing}\n    {seen}")

    def _vanish(self, mortal: SessionClient, observer: SessionClient, path: str) -> None:
        session, heard = mortal.session, mortal.heard
        mortal.abandon()
        seen = observer.exists(path, kind="observe", synced=True)
        lived = seen.end - heard
        if seen.err == Err.NO_NODE and lived < self.rules.timeout_ms / 1000 - self.rules.unheard_s:
            text = f"the ephemeral of session {session:#x} vanished {lived:.3f} s after its latest answer"
            self.history.violation(f"{text}: {seen}")

    def collect(self, client: SessionClient) -> None:
        # All sessions are closed or abandoned: what they leave behind goes with the last timeout.
        deadline = time.monotonic() + 3 * self.rules.timeout_ms / 1000 + 30
        while (left := children_of(client, self.root)) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.left_behind = left

    def check(self) -> list[str]:
        found = [f"an ephemeral is there although its session has ended: {name}" for name in self.left_behind]
        allowed = {kind: (Err.NO_NODE,) for kind in ("own", "observe")}
        found += checkers.unexpected_errors(self.history.operations, allowed)
        writes = [item for item in self.history.of("ephemeral", "close") if not item.rejected]
        reads = [item for item in self.history.operations if item.kind == "observe"]
        return found + checkers.zxids_follow_time(writes, reads)


class Locks(Workload):
    """Two locks: the recipe over ephemeral sequential znodes written out here, and kazoo's Lock.

    A holder writes to its own lock znode before and after its work. While that succeeds its session lived, so nobody
    else may have held the lock from its acquisition to the sending of its last such write.
    """

    name = "locks"
    raw = 3
    kazoo = 3
    threads = raw + kazoo

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.holds: dict[str, list[Hold]] = {"raw": [], "kazoo": []}
        logging.getLogger("kazoo").setLevel(logging.CRITICAL)

    def prepare(self, client: SessionClient) -> None:
        super().prepare(client)
        for name in self.holds:
            insist(lambda path=f"{self.root}/{name}": client.create(path, kind="prepare"), (0, Err.NODE_EXISTS))

    def work(self, number: int) -> None:
        if number < self.raw:
            with self.client(f"raw-{number}") as client:
                while not self.stopping.is_set():
                    self._raw_round(client)
        else:
            while not self.stopping.is_set():
                self._kazoo_session(f"kazoo-{number}")

    # --- the recipe ---

    def _raw_round(self, client: SessionClient) -> None:
        made = client.create(self.root + "/raw/n-", flags=Flags.EPHEMERAL_SEQUENTIAL, kind="enter")
        if made.outcome != OK:
            if made.outcome == UNKNOWN:
                # With its session goes a node that nobody knows of and all would wait for.
                client.connect()
                client.close_recorded()
            return
        path = made.value
        if self._wait_for_turn(client, made.session, path):
            self._hold_raw(client, made.session, path, made.zxid)
        while client.session == made.session and not self.stopping.is_set():
            gone = client.delete(path, kind="leave")
            if gone.outcome != UNKNOWN:
                return

    def _wait_for_turn(self, client: SessionClient, session: int, path: str) -> bool:
        own = path.rpartition("/")[2]
        while not self.stopping.is_set():
            seen = client.children(self.root + "/raw", kind="look")
            if client.session != session:
                return False
            if seen.outcome != OK:
                continue
            names = sorted(seen.value)
            if own not in names:
                return False
            place = names.index(own)
            if place == 0:
                return True
            client.await_deletion(f"{self.root}/raw/{names[place - 1]}", 2.0)
            if client.session not in (0, session):
                return False
        return False

    def _hold_raw(self, client: SessionClient, session: int, path: str, token: int) -> None:
        begin = end = self.history.now()
        for _ in range(client.random.randrange(1, 4)):
            time.sleep(client.random.uniform(0.0, 0.03))
            proof = client.set(path, "held", kind="hold")
            if proof.session != session or proof.outcome != OK:
                break
            end = proof.begin
        self.holds["raw"].append(Hold(client.name, token, begin, end))

    # --- kazoo ---

    def _kazoo_session(self, name: str) -> None:
        """Locks and unlocks with one kazoo client until anything fails: then a new client, a new session."""
        hosts = ",".join(f"{address.host}:{address.port}" for address in self.addresses)
        client = KazooClient(hosts=hosts, timeout=self.rules.timeout_ms / 1000, randomize_hosts=True)
        try:
            client.start(timeout=10)
            lock = client.Lock(self.root + "/kazoo", name)
            while not self.stopping.is_set():
                if lock.acquire(timeout=5):
                    self._hold_kazoo(client, lock, name)
                    lock.release()
        except (KazooException, KazooTimeoutError, OSError):
            pass
        finally:
            client.stop()
            client.close()

    def _hold_kazoo(self, client: KazooClient, lock, name: str) -> None:
        begin = end = self.history.now()
        path = f"{lock.path}/{lock.node}"
        session = client.client_id[0]
        token = client.get(path)[1].czxid
        try:
            for _ in range(2):
                time.sleep(0.01)
                operation = self.history.begin(name, session, "hold-kazoo", path)
                stat = client.set(path, b"held")
                self.history.finish(operation, 0, stat.mzxid, None, stat.version)
                end = operation.begin
        finally:
            self.holds["kazoo"].append(Hold(name, token, begin, end))

    def remarks(self) -> list[str]:
        return [f"{name} lock held {len(holds)} times" for name, holds in self.holds.items()]

    def check(self) -> list[str]:
        found = []
        for name, holds in self.holds.items():
            found += [f"{name} lock: {text}" for text in checkers.mutual_exclusion(holds)]
        allowed = {kind: (Err.NO_NODE,) for kind in ("hold", "leave")}
        found += checkers.unexpected_errors(self.history.operations, allowed)
        writes = [item for item in self.history.of("enter", "hold", "leave", "close") if not item.rejected]
        return found + checkers.zxids_follow_time(writes)
