"""Fixtures of the differential test."""

from pathlib import Path

import pytest

from differential.pair import Pair


_HERE = Path(__file__).parent


def pytest_configure(config):
    """The group keeps these tests in one worker of a parallel run, with one pair of servers."""
    config.addinivalue_line("markers", "xdist_group(name): the worker that runs the test")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Puts the tests of this directory into one group."""
    for item in items:
        if item.path.parent == _HERE:
            item.add_marker(pytest.mark.xdist_group("differential"))


@pytest.fixture(scope="session")
def pair():
    """Apache and the server under test, shared by all scripts with the usual configuration."""
    with Pair() as servers:
        yield servers


@pytest.fixture(scope="module")
def pair_with_removal():
    """Servers that remove containers and expired TTL nodes every second."""
    config = {"znode.container.checkIntervalMs": 1000, "extendedTypesEnabled": "true"}
    with Pair(config=config) as servers:
        yield servers


@pytest.fixture
def fresh_pair():
    """Servers with empty databases, for one test."""
    with Pair() as servers:
        yield servers


@pytest.fixture
def same():
    """`same(pair, builder)`: fails on a difference; returns Apache's trace."""

    def check(servers: Pair, builder):
        script = builder.script()
        outcome, traces = servers.compare_traces(script)
        if outcome.difference is not None:
            pytest.fail(servers.report(outcome.difference, 15) + "\n" + servers.logs(), False)
        return traces[0]

    return check
