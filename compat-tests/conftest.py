"""Fixtures of the compatibility tests.

COMPAT_SERVER=lockkeeper (default) or apache chooses the server under test, LOCKKEEPER_BINARY the
program; COMPAT_LONG=1 adds the tests that take long.
"""

import itertools
import os
import signal

import pytest

from lib import servers
from lib.spread import SpreadServer
from lib.zkwire import end_session, open_session

_SERVERS_OF_TEST = pytest.StashKey()
_ROOTS = itertools.count(1)


def pytest_configure(config):
    """Lets SIGTERM end the run in an orderly way, so that servers and directories are cleaned up.
    """
    config.addinivalue_line("markers", "long: runs only with COMPAT_LONG=1")
    config.addinivalue_line("markers", "one_server(reason): means nothing with COMPAT_ENSEMBLE")
    config.addinivalue_line(
        "markers", "survives_reconnect: its clients try again by themselves; these run with COMPAT_CHAOS=1"
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Leaves out what takes long, unless COMPAT_LONG asks for it, and with COMPAT_CHAOS what its clients cannot
    survive.
    """
    unwanted = set()
    if not os.environ.get("COMPAT_LONG"):
        unwanted |= {item for item in items if item.get_closest_marker("long")}
    if os.environ.get("COMPAT_CHAOS", "follower") != "follower":
        unwanted |= {item for item in items if not item.get_closest_marker("survives_reconnect")}
    if os.environ.get("COMPAT_ENSEMBLE"):
        unwanted |= {item for item in items if item.get_closest_marker("one_server")}
    if unwanted:
        config.hook.pytest_deselected(items=list(unwanted))
        items[:] = [item for item in items if item not in unwanted]


@pytest.fixture(scope="module")
def server():
    """A server with the default configuration, shared by the tests of one module."""
    with servers.start_server() as process:
        yield process


@pytest.fixture
def make_server(request):
    """Factory `make_server(config=None, data_dir=None, kind=None, start=True)`; servers end with
    the test.
    """
    started = request.node.stash.setdefault(_SERVERS_OF_TEST, [])

    def make(config=None, data_dir=None, kind=None, start=True):
        process = servers.make_server(kind, config, data_dir)
        started.append(process)
        return process.start() if start else process

    yield make
    for process in started:
        process.close()


@pytest.fixture
def new_session(server):
    """Factory of connected sessions on `server`; arguments of `Connection.connect_session`.

    The sessions are closed in the end: one that expires later would take a zxid in the middle of a
    test that counts them.
    """
    opened = []

    def connect(**handshake):
        connection = open_session(server, **handshake)
        opened.append((connection, connection.session_id))
        return connection

    yield connect
    for connection, session_id in opened:
        connection.close()
        end_session(server, session_id)


@pytest.fixture
def conn(new_session):
    """A freshly connected session on `server`."""
    return new_session()


@pytest.fixture
def root(server):
    """Path of a new, empty, open znode that no other test uses."""
    path = f"/test-{next(_ROOTS)}"
    with open_session(server) as connection:
        assert connection.create(path).ok
        connection.close_session()
    return path


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of the servers' logs to the report of a failed test."""
    del call
    report = (yield).get_result()
    if report.failed:
        processes = list(item.stash.get(_SERVERS_OF_TEST, []))
        if "server" in getattr(item, "funcargs", {}):
            processes.append(item.funcargs["server"])
        for process in processes:
            if isinstance(process, (servers.ServerProcess, SpreadServer)):
                title = f"log of the server on port {process.port}"
                report.sections.append((title, process.log_tail()))
