"""The transaction log is the one of Apache ZooKeeper: its tools dump ours, each server loads the
other's.

SO-2.22, and with it SO-2.1, SO-2.2, SO-2.4, SO-2.5 and SO-2.7 as seen by code that we did not
write. With COMPAT_SERVER=apache the tests show that they judge the original as correct.
"""

import functools
import re
import shutil
import subprocess

from lib.zkwire import Acl, Flags, Op, Perms, OPEN_ACL, READ_ACL, create_request, open_session
from lib.zkwire import path_version_request, set_data_request

_JARS = ("zookeeper", "slf4j-log4j12", "slf4j-api", "log4j-1.2", "commons-cli")
_CLASS_PATH = ":".join(f"/usr/share/java/{jar}.jar" for jar in _JARS)
_TOOLKIT = "org.apache.zookeeper.server.persistence.TxnLogToolkit"
_RECORD = re.compile(r"^.* session (0x[0-9a-f]+) cxid 0x[0-9a-f]+ zxid 0x([0-9a-f]+) (\S+)", re.M)

# What the log must hold after `write_every_kind`, in this order.
_EXPECTED = [
    "createSession", "create", "create2", "setData", "error", "create", "create",
    "createContainer", "setACL", "create", "multi", "multi", "delete", "error", "create",
    "closeSession",
]  # fmt: skip


def write_every_kind(server):
    """One session that causes each kind of transaction that a standalone server logs."""
    with open_session(server) as conn:
        assert conn.create("/a", b"first").ok
        assert conn.create2("/a/b", bytes(700)).ok
        assert conn.set("/a", b"second").ok
        assert not conn.set("/a", b"never", version=77).ok
        assert conn.create("/e", b"", flags=Flags.EPHEMERAL).ok
        assert conn.create("/a/s-", b"", flags=Flags.SEQUENTIAL).ok
        assert conn.create_container("/box").ok
        assert conn.set_acl("/a/b", READ_ACL).ok
        acls = [Acl(Perms.ALL, "world", "anyone"), Acl(Perms.READ, "ip", "127.0.0.1")]
        assert conn.create("/grüße", "日本".encode(), acls).ok
        multi = [(Op.CREATE, create_request("/m", b"1", OPEN_ACL, 0)),
                 (Op.SET_DATA, set_data_request("/m", b"2", -1))]
        assert conn.multi(multi).ok
        conn.multi([*multi, (Op.DELETE, path_version_request("/nope"))])  # aborted as a whole
        assert conn.delete("/a/b").ok
        assert not conn.delete("/nope").ok
        assert conn.create("/big", bytes(range(256)) * 2000).ok
        assert conn.close_session().ok


def log_files(directory):
    """The log files of a server's data directory, oldest first."""
    files = (directory / "version-2").glob("log.*")
    return sorted(files, key=lambda path: int(path.suffix[1:], 16))


def dump(path):
    """(zxid, kind) of each record, as the Java toolkit prints them; fails if it complains."""
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8",
               "-cp", _CLASS_PATH, _TOOLKIT, str(path)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-2000:] + done.stderr.decode("utf-8", "replace")[-2000:]
    assert "CRC ERROR" not in text
    assert "txnlog format version 2" in text.splitlines()[0]
    records = [(int(zxid, 16), kind) for _, zxid, kind in _RECORD.findall(text)]
    assert f"EOF reached after {len(records)} txns." in text
    return records


def stored(server):
    """What a client sees of the nodes that `write_every_kind` leaves."""
    with open_session(server) as conn:
        paths = ["/a", "/a/s-0000000001", "/box", "/grüße", "/m", "/big"]
        nodes = {path: conn.get(path).value for path in paths}
        acls = {path: conn.get_acl(path).value for path in paths}
        children = sorted(conn.children("/").value)
        conn.close_session()
    return nodes, acls, children


def test_the_java_toolkit_dumps_the_log_without_error(make_server):
    """SO-2.22, SO-2.5: each transaction is there once, zxids without a gap, failures as `error`."""
    server = make_server()
    write_every_kind(server)
    server.kill()
    (path,) = log_files(server.data_dir)
    records = dump(path)
    assert [kind for _, kind in records] == _EXPECTED
    assert [zxid for zxid, _ in records] == list(range(1, len(_EXPECTED) + 1))


def test_the_java_toolkit_dumps_the_logs_of_several_starts(make_server):
    """SO-2.22, SO-2.7: a start goes on in a new file named after its first record."""
    server = make_server()
    zxids = []
    for generation in range(3):
        with open_session(server) as conn:
            assert conn.create(f"/g{generation}").ok
            assert conn.close_session().ok
        server.kill()
        if generation < 2:
            server.start()
    for path in log_files(server.data_dir):
        records = dump(path)
        assert int(path.suffix[1:], 16) == records[0][0]
        zxids += [zxid for zxid, _ in records]
    assert len(log_files(server.data_dir)) == 3
    assert zxids == list(range(1, 10))


def test_a_default_log_has_the_size_of_zookeepers(make_server):
    """SO-2.6: 16 bytes and 64 MiB."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create("/a").ok
    server.kill()
    (path,) = log_files(server.data_dir)
    assert path.stat().st_size == 67108880


def expect_that_the_log_alone_carries_everything(writer, make_reader, directory):
    """Writes with `writer`, gives its log files and nothing else to a reader, compares."""
    write_every_kind(writer)
    seen = stored(writer)
    writer.kill()
    (directory / "version-2").mkdir(parents=True)
    for path in log_files(writer.data_dir):
        shutil.copy(path, directory / "version-2")
    # Apache wants a snapshot with every log unless it is told that there never was one.
    reader = make_reader(data_dir=directory, config={"snapshot.trust.empty": "true"})
    assert stored(reader) == seen


def test_apache_loads_the_log_of_the_server_under_test(make_server, tmp_path):
    """SO-2.22: the original builds the same nodes, stats and ACLs from our log."""
    expect_that_the_log_alone_carries_everything(
        make_server(), functools.partial(make_server, kind="apache"), tmp_path / "data"
    )


def test_the_server_under_test_loads_the_log_of_apache(make_server, tmp_path):
    """SO-2.3: the other way round."""
    expect_that_the_log_alone_carries_everything(
        make_server(kind="apache"), make_server, tmp_path / "data"
    )
