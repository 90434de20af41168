"""Fixtures of the differential test."""

import pytest

from differential.pair import Pair


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
def same():
    """`same(pair, builder)`: fails on a difference; returns Apache's trace."""

    def check(servers: Pair, builder):
        script = builder.script()
        outcome, traces = servers.compare_traces(script)
        if outcome.difference is not None:
            pytest.fail(servers.report(outcome.difference, 15) + "\n" + servers.logs(), False)
        return traces[0]

    return check
