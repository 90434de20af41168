"""Fixtures for kazoo, the Python client, as Debian packages it (2.8, unchanged)."""

import threading

import pytest
from kazoo.client import KazooClient

from lib import servers

# Short ticks, so that sessions of one second are possible and expire quickly.
TICK_MS = 500
SHORT_SESSION_S = 1.5


@pytest.fixture(scope="module")
def server():
    """A server whose shortest session is one second, shared by the tests of one module."""
    with servers.start_server(config={"tickTime": TICK_MS}) as process:
        yield process


@pytest.fixture
def connect(server):
    """Factory of started clients: `connect(at=server, chroot="", **arguments of KazooClient)`."""
    clients = []

    def make(at=None, chroot="", **arguments):
        at = at or server
        retry = {"max_tries": -1, "delay": 0.05, "backoff": 1.5, "max_delay": 0.3}
        client = KazooClient(
            hosts=f"{at.host}:{at.port}{chroot}", **{"timeout": 10.0, "connection_retry": retry, **arguments}
        )
        clients.append(client)
        client.start(timeout=30)
        return client

    yield make
    for client in clients:
        client.stop()
        client.close()


@pytest.fixture
def zk(connect):
    """A connected client."""
    return connect()


@pytest.fixture
def in_thread():
    """Runs functions in threads: `in_thread(f, *args)` returns a handle with `done` and `result()`.

    Threads still running at the end of the test are an error, unless the test failed anyway.
    """
    started = []

    class Running:
        """One function in its thread."""

        def __init__(self, function, *args, **kwargs) -> None:
            self._outcome = None
            self._error = None
            self._thread = threading.Thread(target=self._run, args=(function, args, kwargs), daemon=True)
            self._thread.start()

        def _run(self, function, args, kwargs) -> None:
            try:
                self._outcome = function(*args, **kwargs)
            except BaseException as error:  # pylint: disable=broad-exception-caught
                self._error = error

        @property
        def done(self) -> bool:
            """True once the function has returned or raised."""
            return not self._thread.is_alive()

        def result(self, timeout: float = 60):
            """What the function returned; raises what it raised, AssertionError when it takes too long."""
            self._thread.join(timeout)
            assert self.done, f"the thread is still running after {timeout} s"
            if self._error is not None:
                raise self._error
            return self._outcome

    def run(function, *args, **kwargs):
        started.append(Running(function, *args, **kwargs))
        return started[-1]

    yield run
    for running in started:
        running.result()
