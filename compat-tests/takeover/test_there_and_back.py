"""Apache, Lockkeeper, Apache, Lockkeeper: the same state goes round and grows at each stop."""

import pytest

from takeover import files, rich
from takeover.state import expect_no_digest_mismatch, expect_state, whole_state


def changed(server, sessions: list) -> tuple:
    """(sessions, state) after more work."""
    sessions = rich.go_on(server, sessions)
    return sessions, whole_state(server)


@pytest.mark.parametrize("snap_count", [100000, 10])
def test_so_12_7_round_with_exports(apache, lockkeeper, tmp_path, snap_count):
    """SO-12.7: A, B, A on an export, B on that directory, A on its export."""
    config = {"snapCount": snap_count}
    server = apache(**config)
    sessions = rich.fill(server)
    state = whole_state(server)
    for number in range(3):
        server.kill()
        server = lockkeeper(server.data_dir, **config)
        expect_state(server, state)
        sessions, state = changed(server, sessions)
        server.kill()
        directory = files.export(server, tmp_path / f"export-{number}")
        server = apache(directory, **config)
        expect_state(server, state)
        sessions, state = changed(server, sessions)


@pytest.mark.parametrize("first", ["apache", "lockkeeper"])
@pytest.mark.parametrize("snap_count", [100000, 10])
def test_so_12_7_round_in_one_directory(apache, lockkeeper, tmp_path, first, snap_count):
    """SO-12.7: without any export, as long as nothing was purged: snapshots, logs and checkpoint of
    both lie side by side, and the newest state counts.
    """
    directory = tmp_path / "data"
    directory.mkdir()
    factories = [apache, lockkeeper] if first == "apache" else [lockkeeper, apache]
    server = factories[0](directory, snapCount=snap_count)
    sessions = rich.fill(server)
    state = whole_state(server)
    for number in range(1, 7):
        server.kill()
        server = factories[number % 2](directory, snapCount=snap_count)
        expect_state(server, state)
        sessions, state = changed(server, sessions)
        expect_no_digest_mismatch(server)


def test_so_12_7_round_with_a_log_directory_and_compression(apache, lockkeeper, tmp_path):
    """SO-12.7, SO-1.1, SO-3.8."""
    config = {"dataLogDir": tmp_path / "logs", "snapshot_compression_method": "snappy"}
    server = apache(**config)
    sessions = rich.fill(server)
    state = whole_state(server)
    for factory in (lockkeeper, apache, lockkeeper):
        server.stop()
        server = factory(server.data_dir, **config)
        expect_state(server, state)
        sessions, state = changed(server, sessions)


def test_so_12_7_orders_that_lose_no_time(apache, lockkeeper, tmp_path):
    """SO-12.7: changing the server without a single transaction in between changes nothing."""
    directory = tmp_path / "data"
    directory.mkdir()
    server = apache(directory)
    rich.fill(server)
    state = whole_state(server)
    for factory in (lockkeeper, lockkeeper, apache, apache, lockkeeper):
        server.kill()
        server = factory(directory)
        server.kill()
    expect_state(lockkeeper(directory), state)
