"""`lockkeeper import CONF IN_DIR`: the state of another directory into an empty one of ours."""

import pytest

from lib.servers import make_server
from lib.zkwire import open_session
from takeover import files, rich
from takeover.state import expect_state, whole_state


pytestmark = pytest.mark.xdist_group("takeover-import")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """(data directory, sessions, state) that an Apache server left."""
    directory = tmp_path_factory.mktemp("original")
    server = make_server("apache", rich.CONFIG, directory)
    try:
        sessions = rich.fill(server.start(rich.START_S))
        sessions = rich.go_on(server.restart(rich.START_S), sessions)
        return directory, sessions, whole_state(server)
    finally:
        server.close()


@pytest.fixture
def from_apache(original, tmp_path):
    """The same with a copy of the directory."""
    directory, sessions, state = original
    return files.copy(directory, tmp_path / "apache"), sessions, state


def configured(lockkeeper, **config):
    """A server that is not started and whose configuration file exists."""
    server = lockkeeper(start=False, **config)
    server.config_path.write_text("".join(f"{k}={v}\n" for k, v in server.config.items()))
    return server


def test_so_12_7_the_state_of_apache(from_apache, lockkeeper, give_back):
    """SO-12.7: everything is there, the source stays byte for byte, and it goes back to Apache."""
    directory, sessions, state = from_apache
    (directory / "myid").write_bytes(b"3\n")
    (directory / "version-2" / "currentEpoch").write_bytes(b"0")
    (directory / "version-2" / "acceptedEpoch").write_bytes(b"1")
    before = files.contents(directory)
    server = configured(lockkeeper)
    done = files.run_tool("import", server.config_path, directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert files.contents(directory) == before
    assert (server.data_dir / "myid").read_bytes() == b"3\n"
    assert (server.data_dir / "version-2" / "acceptedEpoch").read_bytes() == b"1"
    expect_state(server.start(), state)
    sessions = rich.go_on(server, sessions)
    state = whole_state(server)
    server.kill()
    expect_state(server.start(), state)
    state = whole_state(server)
    target = give_back(server)
    expect_state(target, state)
    rich.go_on(target, sessions)


def test_so_12_7_the_state_of_lockkeeper(lockkeeper):
    """SO-12.7: a directory of our own can be imported too."""
    source = lockkeeper(snapCount=10)
    sessions = rich.fill(source)
    state = whole_state(source)
    source.kill()
    server = configured(lockkeeper)
    done = files.run_tool("import", server.config_path, source.data_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    expect_state(server.start(), state)
    rich.go_on(server, sessions)


def test_so_12_7_an_export_can_be_imported(from_apache, lockkeeper, tmp_path):
    """SO-12.7: the export is a ZooKeeper data directory like any other."""
    directory, _, state = from_apache
    source = lockkeeper(directory)
    source.kill()
    exported = files.export(source, tmp_path / "exported")
    server = configured(lockkeeper)
    done = files.run_tool("import", server.config_path, exported)
    assert done.returncode == 0, done.stdout + done.stderr
    expect_state(server.start(), state)


def test_so_12_1_an_import_needs_an_empty_directory(from_apache, lockkeeper):
    """SO-12.1: exit code 3 with the directory in the message; nothing changes."""
    directory, _, _ = from_apache
    server = lockkeeper()
    with open_session(server) as conn:
        rich.ok(conn.create("/mine"))
    done = files.run_tool("import", server.config_path, directory)
    assert done.returncode == 3, done.stderr  # it runs
    server.stop()
    before = files.contents(server.data_dir)
    done = files.run_tool("import", server.config_path, directory)
    assert done.returncode == 3, done.stderr
    assert str(server.data_dir) in done.stderr
    assert files.contents(server.data_dir) == before
    with open_session(server.start()) as conn:
        assert conn.exists("/mine").ok


def test_so_12_1_an_import_twice_is_refused(from_apache, lockkeeper):
    """SO-12.1: the first one made the directory one that is not empty."""
    directory, _, state = from_apache
    server = configured(lockkeeper)
    assert files.run_tool("import", server.config_path, directory).returncode == 0
    done = files.run_tool("import", server.config_path, directory)
    assert done.returncode == 3, done.stderr
    expect_state(server.start(), state)


def test_so_12_1_a_state_that_a_member_was_receiving_is_no_empty_directory(from_apache, lockkeeper):
    """SO-12.1: version-2/received holds the whole state of a member that crashed at that moment."""
    directory, _, _ = from_apache
    server = configured(lockkeeper)
    received = server.data_dir / "version-2" / "received"
    received.mkdir(parents=True)
    (received / "snapshot.100000005").write_bytes(b"whole")
    before = files.contents(server.data_dir)
    done = files.run_tool("import", server.config_path, directory)
    assert done.returncode == 3 and "already holds a database" in done.stderr, done.stderr
    assert files.contents(server.data_dir) == before


def test_so_12_1_nothing_to_import(lockkeeper, tmp_path):
    """SO-12.1: exit code 3 for a directory without a database, 2 for missing arguments."""
    server = configured(lockkeeper)
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "missing"):
        done = files.run_tool("import", server.config_path, source)
        assert done.returncode == 3, done.stderr
        assert str(source) in done.stderr
    assert files.run_tool("import", server.config_path).returncode == 2
    assert list((tmp_path / "empty").iterdir()) == []


def test_so_12_1_a_broken_database_is_not_imported(from_apache, lockkeeper):
    """SO-12.1: exit code 1, and the target can still be used for a better one."""
    directory, _, state = from_apache
    intact = files.copy(directory, directory.parent / "intact")
    files.flip_byte(files.logs(directory)[-1], 40)
    server = configured(lockkeeper)
    done = files.run_tool("import", server.config_path, directory)
    assert done.returncode == 1, done.stderr
    assert files.logs(directory)[-1].name in done.stderr
    done = files.run_tool("import", server.config_path, intact)
    assert done.returncode == 0, done.stderr
    expect_state(server.start(), state)
