"""Fixtures of the take-over tests: servers of both kinds, one after the other on one state."""

import pytest

from lib.servers import server_kind
from takeover import files, rich


def pytest_collection_modifyitems(items):
    """Both servers take part in every test: there is nothing to run against Apache alone."""
    if server_kind() == "apache":
        mark = pytest.mark.skip(reason="both servers take part; run without COMPAT_SERVER=apache")
        for item in items:
            if "takeover" in item.path.parts:
                item.add_marker(mark)


@pytest.fixture
def apache(make_server):
    """Factory `apache(data_dir=None, **config)` of started Apache servers with rich.CONFIG."""

    def make(data_dir=None, **config):
        server = make_server({**rich.CONFIG, **_keys(config)}, data_dir, "apache", start=False)
        return server.start(rich.START_S)

    return make


@pytest.fixture
def lockkeeper(make_server):
    """Factory `lockkeeper(data_dir=None, start=True, **config)` of Lockkeeper servers."""

    def make(data_dir=None, start=True, **config):
        return make_server({**rich.CONFIG, **_keys(config)}, data_dir, "lockkeeper", start)

    return make


def _keys(config: dict) -> dict:
    """Configuration keys as they may be written as arguments: `snapshot_compression_method`."""
    return {key.replace("_", "."): value for key, value in config.items()}


@pytest.fixture
def give_back(apache, tmp_path):
    """Factory `give_back(server, **config)`: stops a Lockkeeper server, exports its state and
    starts Apache on that.
    """
    numbers = iter(range(100))

    def give(server, **config):
        assert server.stop() == 0
        return apache(files.export(server, tmp_path / f"export-{next(numbers)}"), **config)

    return give
