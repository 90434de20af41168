"""From Lockkeeper back to Apache ZooKeeper: `lockkeeper export`, or the directory as it is."""

import os
import re
import subprocess

import pytest

from lib import elements
from lib.records import Err, Flags, Op
from lib.scenery import DAY_MS, open_super
from lib.servers import make_server
from lib.waiting import wait_until
from lib.zkwire import open_session
from takeover import files, rich
from takeover.snapshot_file import (
    CONTAINER_OWNER, OPEN_ACL_KEY, plain_bytes, read_snapshot, zxid_of,
)  # fmt: skip
from takeover.state import (
    expect_state, last_zxid, live_sessions, whole_state,
)  # fmt: skip

FRESH_SNAPSHOT_SIZE = 478


def exported(server, tmp_path, how: str = "SIGTERM"):
    """Ends the server and exports its state; (data directory, its only snapshot file)."""
    if how == "SIGTERM":
        assert server.stop() == 0
    else:
        server.kill()
    directory = files.export(server, tmp_path / "exported")
    (path,) = files.snapshots(directory)
    return directory, path


@pytest.mark.parametrize(
    "method, how", [("", "SIGTERM"), ("", "SIGKILL"), ("gz", "SIGTERM"), ("snappy", "SIGKILL")]
)
def test_so_3_19_apache_carries_on_with_an_export(apache, lockkeeper, tmp_path, method, how):
    """SO-3.19, SO-3.8, SO-12.7: and from its own files once more."""
    source = lockkeeper(snapshot_compression_method=method)
    sessions = rich.fill(source)
    before = whole_state(source)
    directory, path = exported(source, tmp_path, how)
    assert zxid_of(path) == before.zxid
    assert path.suffix == {"": path.suffix, "gz": ".gz", "snappy": ".snappy"}[method]
    assert not files.logs(directory)
    target = apache(directory)
    expect_state(target, before)
    sessions = rich.go_on(target, sessions)
    after = whole_state(target)
    target.kill()
    expect_state(target.start(), after)
    rich.go_on(target, sessions)


def test_so_3_4_an_export_without_digest(apache, lockkeeper, tmp_path):
    """SO-3.4: digest.enabled=false on both servers; the other way Apache would refuse the file."""
    source = lockkeeper(digest_enabled="false")
    sessions = rich.fill(source)
    before = whole_state(source)
    directory, path = exported(source, tmp_path)
    assert read_snapshot(path).digest is None
    target = apache(directory, digest_enabled="false")
    expect_state(target, before)
    rich.go_on(target, sessions)


@pytest.mark.parametrize("digest", ["true", "false"])
@pytest.mark.parametrize("last", ["true", "false"])
def test_so_3_4_each_switch_removes_its_tail(lockkeeper, tmp_path, digest, last):
    source = lockkeeper(
        digest_enabled=digest, **{"serializeLastProcessedZxid.enabled": last}
    )
    with open_session(source) as conn:
        rich.ok(conn.create("/a", b"x"))
    zxid = last_zxid(source)
    _, path = exported(source, tmp_path)
    snapshot = read_snapshot(path)
    assert snapshot.name_zxid == zxid
    assert snapshot.last_zxid == (zxid if last == "true" else None)
    expected = (zxid, 2, snapshot.tree_digest()) if digest == "true" else None
    assert snapshot.digest == expected


def test_so_3_2_the_exported_file(lockkeeper, apache, tmp_path):
    """SO-3.2, SO-3.5, SO-3.6: seals and node records as read by code that belongs to neither
    server.
    """
    source = lockkeeper()
    sessions = rich.fill(source)
    before = whole_state(source)
    directory, path = exported(source, tmp_path)
    snapshot = read_snapshot(path)
    assert snapshot.sessions == {conn.session_id: conn.timeout_ms for conn in sessions}
    assert {name or "/" for name in snapshot.nodes} == before.nodes.keys()
    for name, node in snapshot.nodes.items():
        seen = before.nodes[name or "/"]
        assert node.data == seen.data, name
        assert 2 * node.cversion - seen.stat.num_children == seen.stat.cversion, name
        for field in ("czxid", "mzxid", "pzxid", "ctime", "mtime", "version", "aversion"):
            assert getattr(node, field) == getattr(seen.stat, field), f"{field} of {name}"
    assert snapshot.nodes["/box"].owner == CONTAINER_OWNER
    assert snapshot.nodes["/ttl"].owner == (0xFF << 56 | DAY_MS) - (1 << 64)
    assert snapshot.nodes["/ttl/longest"].owner == (0xFF << 56 | rich.MAX_TTL_MS) - (1 << 64)
    # What Apache writes after it has loaded the file is the same.
    apache(directory)
    own = read_snapshot(files.snapshots(directory)[-1])
    assert own.nodes.keys() == snapshot.nodes.keys()
    for name, node in own.nodes.items():
        assert node.__dict__ | {"acl_key": 0} == snapshot.nodes[name].__dict__ | {"acl_key": 0}


def test_so_3_7_every_acl_of_an_export_is_in_its_map(lockkeeper, tmp_path):
    """SO-3.7: each list once under a positive key, none that nobody uses, the open one not at all.
    """
    source = lockkeeper(snapCount=10)
    rich.fill(source)
    before = whole_state(source)
    snapshot = read_snapshot(exported(source, tmp_path)[1])
    used = {node.acl_key for node in snapshot.nodes.values()} - {OPEN_ACL_KEY}
    assert used == snapshot.acls.keys()
    assert all(key > 0 for key in used)
    lists = [tuple(acl) for acl in snapshot.acls.values()]
    assert len(set(lists)) == len(lists)
    assert tuple(rich.OPEN_ACL) not in lists
    for name, node in snapshot.nodes.items():
        acl = snapshot.acls.get(node.acl_key, rich.OPEN_ACL)
        assert tuple(acl) == before.nodes[name or "/"].acl, name


def test_so_3_19_the_java_formatter_prints_an_export(lockkeeper, tmp_path):
    """SO-3.19: SnapshotFormatter reads the file to its end."""
    source = lockkeeper()
    rich.fill(source)
    nodes = whole_state(source).nodes
    _, path = exported(source, tmp_path)
    names = ("zookeeper", "slf4j-log4j12", "log4j-1.2")
    jars = ":".join(f"/usr/share/java/{name}.jar" for name in names)
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"]
    command += ["-Xmx512m", "-cp", jars, "org.apache.zookeeper.server.SnapshotFormatter", str(path)]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, capture_output=True, timeout=60, check=False, env=environment
    )
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-1000:] + done.stderr.decode()[-1000:]
    printed = set(re.findall(r"^(/.*)$\n  cZxid = ", text, re.M))
    assert printed == nodes.keys() or printed | {"/"} == nodes.keys()


@pytest.mark.parametrize("method", ["", "gz"])
def test_so_3_1_the_snapshot_of_an_empty_server(apache, lockkeeper, method):
    """SO-3.1, SO-2.19: written at once; what Apache writes, and the last section of 3.9."""
    server = lockkeeper(snapshot_compression_method=method)
    (path,) = files.snapshots(server.data_dir)
    assert path.name == "snapshot.0" + (f".{method}" if method else "")
    assert len(plain_bytes(path)) == FRESH_SNAPSHOT_SIZE
    ours = read_snapshot(path)
    theirs = read_snapshot(files.snapshots(apache().data_dir)[0])
    assert ours.nodes == theirs.nodes
    assert ours.acls == theirs.acls
    assert ours.last_zxid == 0
    assert ours.digest == theirs.digest


def test_so_2_19_an_empty_directory_without_autocreate(apache, lockkeeper):
    """SO-2.19, SO-1.4: db.autocreate=false: nothing is served or written until the operator says
    `initialize`; then there is a snapshot.0 from which Apache can go on.
    """
    server = lockkeeper(start=False, db_autocreate="false")
    server.launch()
    assert server.wait() == 3
    assert not files.snapshots(server.data_dir) and not files.logs(server.data_dir)
    (server.data_dir / "initialize").touch()
    sessions = rich.fill(server.start())
    assert not (server.data_dir / "initialize").exists()
    assert [path.name for path in files.snapshots(server.data_dir)] == ["snapshot.0"]
    before = live_sessions(server)
    server.kill()
    target = apache(server.data_dir, db_autocreate="false")
    assert live_sessions(target) == before
    for conn in sessions:
        rich.carry_on(target, conn).close()


def test_so_3_13_no_other_snapshot_is_written(lockkeeper):
    """SO-3.13: neither at the end nor at a later start nor while checkpoints are written."""
    server = lockkeeper(snapCount=10, snapshot_compression_method="snappy")
    (path,) = files.snapshots(server.data_dir)
    assert path.name == "snapshot.0.snappy"
    rich.fill(server)
    for _ in range(2):
        server.stop()
        server.start()
        assert files.snapshots(server.data_dir) == [path]


@pytest.mark.parametrize(
    "how, config",
    [("SIGTERM", {}), ("SIGKILL", {"snapCount": 10}), ("SIGKILL", {"preAllocSize": 4})],
    ids=str,
)
def test_so_12_7_apache_carries_on_in_the_same_directory(apache, lockkeeper, how, config):
    """SO-12.7, SO-2.22, SO-2.4: a directory that began empty under Lockkeeper has snapshot.0 and
    all logs, whatever checkpoints there are. Apache compares the digest of every record.
    """
    source = lockkeeper(**config)
    sessions = rich.fill(source)
    sessions = rich.go_on(source.restart(), sessions)
    before = whole_state(source)
    if how == "SIGTERM":
        source.stop()
    else:
        source.kill()
    target = apache(source.data_dir, **config)
    expect_state(target, before)
    sessions = rich.go_on(target, sessions)
    after = whole_state(target)
    target.kill()
    source.start()  # its checkpoint is older than Apache's snapshots now
    expect_state(source, after)
    rich.go_on(source, sessions)


def test_so_12_7_a_directory_of_apache_can_go_back_as_it_is(apache, lockkeeper):
    """Apache's last snapshot, its logs and Lockkeeper's make one sequence."""
    first = apache()
    sessions = rich.fill(first)
    sessions = rich.go_on(first.restart(), sessions)
    first.kill()
    second = lockkeeper(first.data_dir, snapCount=10)
    sessions = rich.go_on(second, sessions)
    before = whole_state(second)
    second.kill()
    expect_state(first.start(), before)
    rich.go_on(first, sessions)


def test_so_3_18_apache_never_serves_a_part_of_what_was_purged(apache, lockkeeper, tmp_path):
    """SO-3.18: with autopurge the first snapshot goes before the first log does, so that Apache
    refuses the directory itself; an export holds everything.
    """
    config = {"snapCount": 10, "autopurge.purgeInterval": 1, "autopurge.snapRetainCount": 3}
    source = lockkeeper(**config)
    sessions = rich.fill(source)
    for _ in range(4):
        sessions = rich.go_on(source.restart(), sessions)
    wait_until(
        lambda: not (source.data_dir / "version-2" / "log.1").exists(), "the purge is done"
    )
    before = whole_state(source)
    source.kill()
    refused = make_server("apache", rich.CONFIG, files.copy(source.data_dir, tmp_path / "copy"))
    try:
        refused.launch()
        wait_until(lambda: not refused.running or refused.serving(), "it refuses or starts")
        assert not refused.running
        assert "No snapshot found, but there are log entries" in refused.log_tail()
    finally:
        refused.close()
    expect_state(apache(files.export(source, tmp_path / "exported")), before)


def test_so_1_6_an_export_has_the_servers_small_files(apache, lockkeeper, tmp_path):
    """SO-1.6: myid and the epoch files are copied, the own directory stays as it is (LevelDB may
    tidy up its files when it is opened).
    """
    source = lockkeeper()
    rich.fill(source)
    before = whole_state(source)
    source.stop()
    small = {"myid": b"7\n", "version-2/currentEpoch": b"0", "version-2/acceptedEpoch": b"2"}
    for name, content in small.items():
        (source.data_dir / name).write_bytes(content)
    own = files.contents(source.data_dir, but="checkpoint")
    directory = files.export(source, tmp_path / "exported")
    assert files.contents(source.data_dir, but="checkpoint") == own
    found = files.contents(directory)
    assert {name: found.get(name) for name in small} == small
    names = {*small, f"version-2/snapshot.{before.zxid:x}"}
    assert found.keys() == names
    expect_state(apache(directory), before)
    assert (directory / "version-2" / "acceptedEpoch").read_bytes() == b"2"


def test_so_1_1_an_export_reads_a_log_directory(apache, lockkeeper, tmp_path):
    """SO-1.1: dataLogDir as in the configuration of the server."""
    source = lockkeeper(dataLogDir=tmp_path / "logs")
    sessions = rich.fill(source)
    before = whole_state(source)
    directory, _ = exported(source, tmp_path, "SIGKILL")
    target = apache(directory)
    expect_state(target, before)
    rich.go_on(target, sessions)


def test_so_12_1_refused_exports(lockkeeper, tmp_path):
    """SO-12.1: exit codes 2 and 3; nothing is written."""
    server = lockkeeper()
    with open_session(server) as conn:
        rich.ok(conn.create("/a"))
    out = tmp_path / "out"
    done = files.run_tool("export", server.config_path, out)
    assert done.returncode == 3, done.stderr  # the server runs
    assert str(server.data_dir) in done.stderr
    assert not out.exists()
    server.stop()
    out.mkdir()
    (out / "something").write_bytes(b"mine")
    done = files.run_tool("export", server.config_path, out)
    assert done.returncode == 3, done.stderr
    assert str(out) in done.stderr
    assert files.contents(out) == {"something": b"mine"}
    assert files.run_tool("export", server.config_path).returncode == 2
    assert files.run_tool("export").returncode == 2
    assert files.run_tool("export", tmp_path / "no-such.cfg", tmp_path / "new").returncode == 2


def test_so_12_1_an_export_of_a_broken_database_is_refused(lockkeeper, tmp_path):
    """SO-12.1: exit code 1, as of the server itself."""
    server = lockkeeper()
    rich.fill(server)
    server.kill()
    files.flip_byte(files.logs(server.data_dir)[0], 40)
    done = files.run_tool("export", server.config_path, tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert "log.1" in done.stderr


def test_so_12_2_an_export_of_a_torn_log(apache, lockkeeper, tmp_path):
    """SO-2.11: what was never acknowledged is not in the export, all else is; the own directory
    stays as it is.
    """
    server = lockkeeper()
    rich.fill(server)
    before = whole_state(server)
    with open_session(server):
        server.kill()
    log = files.logs(server.data_dir)[-1]
    log.write_bytes(log.read_bytes().rstrip(b"\0")[:-3])
    own = files.contents(server.data_dir, but="checkpoint")
    directory = files.export(server, tmp_path / "exported")
    assert files.contents(server.data_dir, but="checkpoint") == own
    expect_state(apache(directory), before)


def test_so_12_7_create2_in_a_multi_travels_in_an_export(apache, lockkeeper, tmp_path):
    """SO-12.7: as 3.9 does, Lockkeeper logs such an element in a way that 3.8.0 cannot replay; its
    own start and an export do not depend on that (disk-format.md).
    """
    server = lockkeeper()
    with open_session(server) as conn:
        rich.ok(conn.create("/parent"))
        parts = [
            elements.create("/parent/first", op=Op.CREATE2, data=b"1"),
            elements.create("/parent/s-", Flags.SEQUENTIAL, op=Op.CREATE2),
            elements.set_data("/parent/first", b"2"),
        ]
        assert [part.err for part in rich.ok(conn.multi(parts)).value] == [0] * 3
        rich.ok(conn.close_session())
    before = whole_state(server)
    assert {"/parent/first", "/parent/s-0000000001"} < before.nodes.keys()
    server.kill()
    expect_state(server.start(), before)
    before = whole_state(server)
    directory, _ = exported(server, tmp_path, "SIGKILL")
    expect_state(apache(directory), before)


def test_so_12_7_exports_of_one_state_are_the_same(lockkeeper, tmp_path):
    """Twice the same state gives the same nodes, digest and sessions, also after a restart that
    loads the checkpoint.
    """
    server = lockkeeper()
    rich.fill(server)
    server.stop()
    first = read_snapshot(files.snapshots(files.export(server, tmp_path / "one"))[0])
    server.start()
    server.stop()
    second = read_snapshot(files.snapshots(files.export(server, tmp_path / "two"))[0])
    assert first.nodes.keys() == second.nodes.keys()
    assert first.digest == second.digest
    assert first.digest[2] == first.tree_digest() == second.tree_digest()
    assert first.sessions == second.sessions


def test_so_12_7_quotas_are_enforced_after_both_changes(apache, lockkeeper, give_back):
    """Limits and usage travel: the third node of two is refused everywhere."""
    server = lockkeeper()
    rich.fill(server)
    for change in (give_back, None):
        with open_super(server) as conn:
            stats = "/zookeeper/quota/quota/hard/zookeeper_stats"
            assert conn.get(stats).value[0] == b"count=3,bytes=9"
            assert conn.create("/quota/hard/c").err == Err.QUOTA_EXCEEDED
            rich.ok(conn.delete("/quota/hard/b"))
            assert conn.get(stats).value[0] == b"count=2,bytes=9"
            assert conn.create("/quota/hard/b", b"x" * 12).err == Err.QUOTA_EXCEEDED
            rich.ok(conn.create("/quota/hard/b", None))
        if change:
            server = change(server)
