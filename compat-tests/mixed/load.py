"""Clients that write while servers come and go, and what they were promised.

Each client is kazoo's, unchanged, connected to all servers in turn. It creates nodes, raises a counter that all share by
compare-and-set, reads what it wrote, and holds an ephemeral node. A write whose answer was lost is made again (a create)
or counted as open (the counter).
"""

import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, ConnectionLoss, NodeExistsError, OperationTimeoutError
from kazoo.protocol.states import KazooState

from lib.waiting import wait_until

ROOT = "/load"
COUNTER = f"{ROOT}/counter"
SESSION_S = 60
_LOST_ANSWER = (ConnectionLoss, OperationTimeoutError)
_PACE_S = 0.005


class _Client:
    def __init__(self, hosts: str, number: int) -> None:
        self.root = f"{ROOT}/c{number}"
        self.acknowledged: list = []
        self.increments: list = []  # versions of the counter that this client made
        self.open_increments = 0
        self.sessions: set = set()
        self.lost = False
        self.error = ""
        retry = {"max_tries": -1, "delay": 0.05, "backoff": 1.5, "max_delay": 0.5}
        self.client = KazooClient(hosts, timeout=SESSION_S, randomize_hosts=True, connection_retry=retry)
        self.client.add_listener(self._state)
        self.client.start(timeout=SESSION_S)
        self.client.ensure_path(self.root)
        self.client.create(f"{self.root}/alive", ephemeral=True)

    def _state(self, state) -> None:
        if state == KazooState.LOST:
            self.lost = True
        elif state == KazooState.CONNECTED:
            self.sessions.add(self.client.client_id[0])

    def until(self, stop: threading.Event) -> None:
        """Works until told to stop."""
        try:
            while not stop.is_set():
                self._create()
                self._increment()
                time.sleep(_PACE_S)
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.error = repr(error)

    def _create(self) -> None:
        path = f"{self.root}/n{len(self.acknowledged):06}"
        while True:
            try:
                self.client.create(path, path.encode())
                break
            except NodeExistsError:
                break
            except _LOST_ANSWER:
                continue
        self.acknowledged.append(path)
        while True:
            try:
                assert self.client.get(path)[0] == path.encode(), f"{path} was read back wrong"
                return
            except _LOST_ANSWER:
                continue

    def _increment(self) -> None:
        try:
            value, stat = self.client.get(COUNTER)
        except _LOST_ANSWER:
            return
        try:
            changed = self.client.set(COUNTER, b"%d" % (int(value) + 1), version=stat.version)
            self.increments.append(changed.version)
        except BadVersionError:
            pass
        except _LOST_ANSWER:
            self.open_increments += 1


class Load:
    """Some clients at work: `with Load(hosts) as load`; `verify` in the end, while it still works or after."""

    def __init__(self, hosts: str, clients: int = 3) -> None:
        self._stop = threading.Event()
        first = KazooClient(hosts)
        first.start(timeout=SESSION_S)
        first.ensure_path(ROOT)
        first.create(COUNTER, b"0")
        first.stop()
        first.close()
        self._clients = [_Client(hosts, number) for number in range(clients)]
        self._threads = [threading.Thread(target=c.until, args=(self._stop,), daemon=True) for c in self._clients]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc) -> None:
        self.finish()
        for client in self._clients:
            client.client.stop()
            client.client.close()

    def acknowledged(self) -> int:
        """Writes that were answered so far."""
        return sum(len(client.acknowledged) + len(client.increments) for client in self._clients)

    def goes_on(self, timeout: float) -> None:
        """Every client gets some more answers."""
        goals = [(client, len(client.acknowledged) + 10) for client in self._clients]
        wait_until(
            lambda: all(len(client.acknowledged) >= goal or client.error for client, goal in goals),
            "every client is served",
            timeout,
        )
        self._expect_no_errors()

    def finish(self) -> None:
        """Ends the work; the sessions stay."""
        self._stop.set()
        for thread in self._threads:
            thread.join(SESSION_S)
            assert not thread.is_alive(), "a client hangs"

    def _expect_no_errors(self) -> None:
        assert not [client.error for client in self._clients if client.error]
        assert not any(client.lost for client in self._clients), "a session was lost"

    def verify(self, read_children, read_node) -> None:
        """Everything that was promised is there. `read_children(path)` gives names, `read_node(path)` (data, stat)."""
        self._expect_no_errors()
        for client in self._clients:
            assert len(client.sessions) == 1, f"sessions {client.sessions}"
            names = set(read_children(client.root))
            lost = [path for path in client.acknowledged if path.rpartition("/")[2] not in names]
            assert not lost, f"{len(lost)} acknowledged creates are lost: {lost[:5]}"
            extra = names - {path.rpartition("/")[2] for path in client.acknowledged} - {"alive"}
            assert len(extra) <= 1, f"created twice or by nobody: {extra}"
            owner = read_node(f"{client.root}/alive")[1].ephemeral_owner
            assert {owner} == client.sessions, "the ephemeral node is not the session's"
        versions = [version for client in self._clients for version in client.increments]
        assert len(set(versions)) == len(versions), "one version of the counter was given to two clients"
        value, stat = read_node(COUNTER)
        assert int(value) == stat.version
        open_increments = sum(client.open_increments for client in self._clients)
        assert len(versions) <= stat.version <= len(versions) + open_increments
        assert max(versions) <= stat.version
