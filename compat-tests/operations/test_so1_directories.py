"""SO-1: data directories as an operator sees them: where files go, what is refused and left alone.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from programs import BASE, WORDS, conf_of, refused, run_refused, with_text

from lib.marks import apache_differs
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import open_session

LOCKKEEPER = server_kind() == "lockkeeper"
lockkeeper_only = pytest.mark.skipif(not LOCKKEEPER, reason="what only Lockkeeper promises")
SEPARATE = BASE + WORDS + "dataLogDir={home}/logs\n"


def write_node(server, path: str) -> None:
    """A node and a closed session: three transactions."""
    with open_session(server) as session:
        assert session.create(path).ok
        session.close_session()


def node_exists(server, path: str) -> bool:
    with open_session(server) as session:
        found = session.exists(path).ok
        session.close_session()
    return found


def files_of(directory: Path) -> dict:
    """Path -> (content, time of the last change) of every file below."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def data_files(version: Path) -> list:
    """Names of logs and snapshots in a version-2 directory."""
    names = (path.name for path in version.iterdir())
    return sorted(name for name in names if name.startswith(("log.", "snapshot.")))


def test_so_1_1_logs_go_to_the_log_directory():
    with with_text(SEPARATE) as server:
        write_node(server, "/a")
        logs = server.home / "logs" / "version-2"
        data = server.data_dir / "version-2"
        assert data_files(logs) == ["log.1"]
        assert not [name for name in data_files(data) if name.startswith("log.")]
        conf = conf_of(server)
        assert (conf["dataDir"], conf["dataLogDir"]) == (str(data), str(logs))
        assert node_exists(server.restart(), "/a")


@apache_differs("3.8 swaps the two sizes, here and in the word dirs")
def test_so_5_8_each_directory_is_shown_with_its_own_size():
    with with_text(SEPARATE) as server:
        write_node(server, "/a")
        conf = conf_of(server)
        assert int(conf["dataLogSize"]) == 67108880
        assert 0 < int(conf["dataDirSize"]) < 10_000_000
        assert wait_until(lambda: dirs_text(server) == sizes_text(conf_of(server)), "equal sizes")


def dirs_text(server) -> str:
    return server.four_letter("dirs").decode()


def sizes_text(conf: dict) -> str:
    """What the word dirs says of the sizes in the word conf; the store's own files may grow between the two."""
    return f"datadir_size: {conf['dataDirSize']}\nlogdir_size: {conf['dataLogSize']}\n"


def test_so_1_1_without_a_log_directory_both_are_one():
    with with_text(BASE + WORDS) as server:
        write_node(server, "/a")
        assert "log.1" in data_files(server.data_dir / "version-2")
        conf = conf_of(server)
        assert conf["dataDir"] == conf["dataLogDir"]
        assert conf["dataDirSize"] == conf["dataLogSize"]


@pytest.mark.parametrize(
    "place, name", [("logs", "snapshot.0"), ("data", "log.1"), ("data", "log.zz")]
)
def test_so_1_2_mixed_directories_exit_with_3(place, name):
    """Any name that starts so is enough."""
    server = with_text(SEPARATE)
    try:
        version = server.home / place / "version-2"
        version.mkdir(parents=True)
        (version / name).write_bytes(b"")
        before = files_of(version)
        end = run_refused(server)
        assert end.code == 3, end.said
        if LOCKKEEPER:
            assert f"{version}/{name}" in end.stderr
        assert files_of(version) == before
    finally:
        server.close()


@pytest.mark.parametrize("parent_exists", [False, True])
def test_so_1_3_without_autocreate_a_missing_directory_exits_with_3(tmp_path, parent_exists):
    data = tmp_path / "data"
    end = refused(
        BASE.replace("{data}", str(data)) + "datadir.autocreate=false\n",
        data_dir=data if parent_exists else None,
    )
    assert end.code == 3, end.said
    assert f"{data}/version-2" in end.said
    assert data.exists() == parent_exists
    assert not (data / "version-2").exists()


def test_so_1_3_without_autocreate_an_existing_directory_is_served():
    server = with_text(BASE + "datadir.autocreate=false\n")
    (server.data_dir / "version-2").mkdir()
    with server:
        write_node(server, "/a")


def test_so_1_3_missing_parents_are_made():
    with with_text(BASE.replace("{data}", "{data}/x/y")) as server:
        write_node(server, "/a")
        assert (server.data_dir / "x" / "y" / "version-2" / "log.1").exists()


def test_so_1_3_a_directory_that_cannot_be_made_exits_with_3():
    end = refused("dataDir=/proc/no-such\nclientPort={port}\nadmin.enableServer=false\n")
    assert end.code == 3, end.said
    assert "/proc/no-such" in end.said


@apache_differs("3.8 notices only when it writes the first snapshot: exit 1")
def test_so_1_3_a_file_in_place_of_the_directory_exits_with_3(tmp_path):
    (tmp_path / "version-2").write_bytes(b"a file")
    end = refused(BASE, data_dir=tmp_path)
    assert end.code == 3, end.said
    assert (tmp_path / "version-2").read_bytes() == b"a file"


@pytest.fixture
def directory_for_all():
    """A directory that every user may enter: pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="compat-data-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_so_1_3_a_directory_without_the_right_to_write_exits_with_3(directory_for_all):
    """Run without superuser rights."""
    version = directory_for_all / "version-2"
    version.mkdir(mode=0o755)
    server = with_text(BASE, data_dir=directory_for_all)
    try:
        server.home.chmod(0o755)
        if os.geteuid() != 0:
            version.chmod(0o555)
        end = run_refused(server, as_nobody=True)
        assert end.code == 3, end.said
        assert str(version) in end.said
        assert not list(version.iterdir())
    finally:
        server.close()


def test_so_1_4_the_initialize_marker_is_deleted():
    server = with_text(SEPARATE)
    marker = server.home / "logs" / "initialize"
    marker.parent.mkdir()
    marker.write_bytes(b"")
    with server:
        assert not marker.exists()


@lockkeeper_only
def test_so_1_4_the_marker_is_looked_for_in_the_data_directory_too():
    """Where zkServer-initialize.sh puts it, and where ZooKeeper never sees it."""
    server = with_text(SEPARATE)
    marker = server.data_dir / "initialize"
    marker.write_bytes(b"")
    with server:
        assert not marker.exists()


@lockkeeper_only
def test_so_1_4_without_the_marker_an_empty_database_is_not_trusted_on_demand():
    """db.autocreate=false: an empty disk is no reason to serve an empty tree."""
    server = with_text(BASE + "db.autocreate=false\n")
    try:
        end = run_refused(server)
        assert end.code == 3, end.said
        assert "initialize" in end.stderr
        (server.data_dir / "initialize").write_bytes(b"")
        write_node(server.start(), "/a")
        assert node_exists(server.restart(), "/a")
    finally:
        server.close()


def test_so_1_5_names_that_are_no_data_files_are_left_alone():
    names = ("log.zz", "logfile", "log.", "snapshot.foo", "notes.txt", "log")
    server = with_text(BASE)
    version = server.data_dir / "version-2"
    version.mkdir()
    for name in names:
        (version / name).write_bytes(b"nothing of interest")
    with server:
        write_node(server, "/a")
        assert node_exists(server.restart(), "/a")
        for name in names:
            assert (version / name).read_bytes() == b"nothing of interest"


def test_so_1_5_third_and_later_parts_of_a_name_are_ignored():
    """log.1.bak is a log that begins with zxid 1."""
    with with_text(BASE) as server:
        write_node(server, "/a")
        server.stop()
        version = server.data_dir / "version-2"
        (version / "log.1").rename(version / "log.1.bak")
        assert node_exists(server.start(), "/a")


def test_so_1_7_another_myid_is_accepted():
    server = with_text(BASE)
    (server.data_dir / "myid").write_text("1\n", encoding="ascii")
    with server:
        write_node(server, "/a")
        server.stop()
        (server.data_dir / "myid").write_text("2\n", encoding="ascii")
        assert node_exists(server.start(), "/a")


# --- what is not in ZooKeeper: two servers on one directory; a directory with its snapshots ---


@lockkeeper_only
def test_so_1_1_a_second_server_on_a_directory_is_refused():
    """Exit 3, naming the process that has it; the first goes on and the files stay."""
    with with_text(BASE) as first:
        write_node(first, "/a")
        before = data_files(first.data_dir / "version-2")
        end = refused(BASE, data_dir=first.data_dir)
        assert end.code == 3, end.said
        assert str(first.data_dir / "version-2") in end.stderr
        assert f"process {first.pid}" in end.stderr
        assert data_files(first.data_dir / "version-2") == before
        write_node(first, "/b")
        first.kill()
        with with_text(BASE, data_dir=first.data_dir) as second:  # the lock dies with its process
            assert node_exists(second, "/b")


@lockkeeper_only
def test_so_1_1_a_second_server_on_a_log_directory_is_refused():
    with with_text(SEPARATE) as first:
        end = refused(BASE + f"dataLogDir={first.home}/logs\n")
        assert end.code == 3, end.said
        assert f"{first.home}/logs/version-2" in end.stderr


@lockkeeper_only
@pytest.mark.parametrize("name", ["snapshot.5", "snapshot.1f.gz", "snapshot.2.old"])
def test_so_3_10_a_directory_with_only_incomplete_snapshots_is_refused_and_untouched(tmp_path, name):
    """ZooKeeper starts with an empty tree here: better no server than one that forgets."""
    version = tmp_path / "version-2"
    version.mkdir()
    (version / name).write_bytes(b"ZKSN" + bytes(100))
    (version / "currentEpoch").write_bytes(b"0")
    (tmp_path / "initialize").write_bytes(b"")
    before = files_of(tmp_path)
    end = refused(BASE, data_dir=tmp_path)
    assert end.code == 1, end.said
    assert f"{version}" in end.stderr and name in end.stderr
    after = files_of(tmp_path)
    after.pop(version / ".lockkeeper.lock", None)
    assert after == before
