"""Fixtures of the tests with mixed ensembles."""

import pytest

from differential.pair import CONFIG as DIFFERENTIAL_CONFIG
from mixed import compositions
from mixed.compositions import Composition

# What the differential scripts want, with ticks that a busy machine can keep.
CONFIG = {
    **DIFFERENTIAL_CONFIG,
    "tickTime": 500,
    "initLimit": 60,
    "syncLimit": 60,
}

PURE = Composition(("apache", "apache", "apache"), 3)


@pytest.fixture(scope="session")
def mixed(request):
    """An ensemble of the composition that is the parameter, shared by the tests with that composition."""
    with_servers = compositions.make(request.param, CONFIG)
    with_servers.composition = request.param
    try:
        compositions.start_led_by(with_servers, request.param.leader)
        yield with_servers
    finally:
        with_servers.close()


@pytest.fixture(scope="session")
def pure():
    """Three of Apache's 3.8.0: what a mixed ensemble must answer like."""
    ensemble = compositions.make(PURE, CONFIG)
    try:
        compositions.start_led_by(ensemble, PURE.leader)
        yield ensemble
    finally:
        ensemble.close()


@pytest.fixture
def ensembles():
    """Factory `ensembles(composition, config=None)` of ensembles that are not started; they end with the test."""
    made = []

    def make(composition: Composition, config=None):
        made.append(compositions.make(composition, {**CONFIG, **(config or {})}))
        return made[-1]

    yield make
    for ensemble in made:
        ensemble.close()


