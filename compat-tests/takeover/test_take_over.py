"""From Apache ZooKeeper to Lockkeeper: the server starts on the other's data directory and has
everything, to the last zxid, stat, ACL, session and digest.
"""

import pytest

from lib.records import Err, Flags, Op, create_request
from lib.scenery import open_super
from lib.waiting import wait_until
from lib.zkwire import ConnectionClosed, open_session, password_for, reconnect
from takeover import files, rich
from takeover.state import (
    digest_history, digest_mismatches, expect_no_digest_mismatch, expect_state, expect_tree,
    last_zxid, live_sessions, read_tree, whole_state,
)  # fmt: skip
from takeover.snapshot_file import read_snapshot

LAYOUTS = {
    "plain": {},
    "gz": {"snapshot_compression_method": "gz"},
    "snappy": {"snapshot_compression_method": "snappy"},
    "no-digest": {"digest_enabled": "false"},
    "many-snapshots": {"snapCount": 10},
    "many-logs": {"txnLogSizeLimitInKb": 16, "preAllocSize": 4},
}


def end(server, how: str) -> None:
    """Ends a server by "SIGTERM" or "SIGKILL"."""
    if how == "SIGTERM":
        server.stop()
    else:
        server.kill()


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_so_12_7_lockkeeper_carries_on_where_apache_was(apache, lockkeeper, layout, how):
    """SO-12.2, SO-2.17, SO-3.8: a log after an empty snapshot, then a log after a full one."""
    config = LAYOUTS[layout]
    source = apache(**config)
    sessions = rich.fill(source)
    if how == "SIGKILL":
        source.restart()  # leaves a snapshot with everything
        sessions = rich.go_on(source, sessions)
    before = whole_state(source)
    end(source, how)
    target = lockkeeper(source.data_dir, **config)
    expect_state(target, before)
    sessions = rich.go_on(target, sessions)
    after = whole_state(target)
    end(target, how)
    expect_state(target.start(), after)
    rich.go_on(target, sessions)


def test_so_1_1_logs_in_a_directory_of_their_own(apache, lockkeeper, tmp_path):
    """SO-1.1: snapshots in dataDir, logs in dataLogDir."""
    source = apache(dataLogDir=tmp_path / "logs")
    sessions = rich.fill(source)
    sessions = rich.go_on(source.restart(), sessions)
    before = whole_state(source)
    source.kill()
    target = lockkeeper(source.data_dir, dataLogDir=tmp_path / "logs")
    expect_state(target, before)
    rich.go_on(target, sessions)
    assert not files.logs(target.data_dir)
    assert files.logs(tmp_path / "logs")


def test_so_2_20_a_snapshot_without_logs(apache, lockkeeper):
    """SO-2.20: the operator removed every log."""
    source = apache()
    sessions = rich.fill(source)
    before = whole_state(source.restart())
    # The observer's session came and went behind the snapshot: a start puts that into one, too.
    source.restart().stop()
    for path in files.logs(source.data_dir):
        path.unlink()
    target = lockkeeper(source.data_dir)
    expect_state(target, before)
    rich.go_on(target, sessions)


def test_so_3_8_generations_in_different_compressions(apache, lockkeeper):
    """SO-3.8: whatever the present configuration says, a file is read by its extension."""
    source = apache(snapshot_compression_method="gz")
    sessions = rich.fill(source)
    for method in ("snappy", "", "gz", "snappy"):
        source.stop()
        source.config["snapshot.compression.method"] = method
        sessions = rich.go_on(source.start(), sessions)
    before = whole_state(source)
    source.kill()
    target = lockkeeper(source.data_dir, snapshot_compression_method="gz")
    expect_state(target, before)
    rich.go_on(target, sessions)


@pytest.mark.parametrize("kinds", [("apache", "lockkeeper"), ("lockkeeper", "apache")])
def test_so_12_2_sessions_after_the_change(apache, lockkeeper, give_back, kinds):
    """SO-12.2: who claims a session in time has it, who has not its password does not get it, and
    what nobody claims expires with its ephemerals.
    """
    config = {"tickTime": 500, "maxSessionTimeout": 60000}
    source = {"apache": apache, "lockkeeper": lockkeeper}[kinds[0]](**config)
    kept = open_session(source, timeout_ms=60000)
    lost = open_session(source, timeout_ms=8000)  # the target has this long to start
    for conn, name in ((kept, "kept"), (lost, "lost")):
        rich.ok(conn.create(f"/{name}", b"", flags=Flags.EPHEMERAL))
    if kinds[0] == "apache":
        source.kill()
        target = lockkeeper(source.data_dir, **config)
    else:
        target = give_back(source, **config)
    sessions, ephemerals = live_sessions(target)
    assert sessions == {kept.session_id, lost.session_id}
    assert ephemerals == {kept.session_id: ["/kept"], lost.session_id: ["/lost"]}
    with pytest.raises(ConnectionClosed):
        open_session(target, session_id=kept.session_id, passwd=password_for(lost.session_id))
    with rich.carry_on(target, kept) as conn:
        zxid = conn.last_zxid()
        wait_until(lambda: conn.exists("/lost").err == Err.NO_NODE, "the session expires")
        assert conn.last_zxid() == zxid + 1  # the closing of that session
        assert conn.get_ephemerals("/").value == ["/kept"]
        assert conn.exists("/kept").value.ephemeral_owner == kept.session_id
        with pytest.raises(ConnectionClosed):
            reconnect(target, lost, timeout_ms=8000)
        rich.ok(conn.close_session())
    with open_session(target) as conn:
        assert conn.exists("/kept").err == Err.NO_NODE


def drive_to(server, zxid: int) -> None:
    """One session changes a node until the server's last zxid is this one."""
    with open_session(server) as conn:
        assert conn.create("/driven", b"").err in (0, Err.NODE_EXISTS)
        while conn.last_zxid() < zxid:
            rich.ok(conn.set("/driven", b"x"))


@pytest.mark.parametrize("kinds", [("apache", "lockkeeper"), ("lockkeeper", "apache")])
def test_so_12_7_digests_are_those_of_the_other(apache, lockkeeper, kinds):
    """SO-12.7, SO-3.16: the digest of the tree at the same zxid on both servers, as `hash` tells
    it: the second builds its tree from the other's log.
    """
    factories = {"apache": apache, "lockkeeper": lockkeeper}
    source = factories[kinds[0]]()
    rich.fill(source)
    zxid = (last_zxid(source) // 128 + 1) * 128
    drive_to(source, zxid)
    history = digest_history(source)
    assert zxid in history
    source.kill()
    target = factories[kinds[1]](source.data_dir)
    assert digest_history(target) == history
    expect_no_digest_mismatch(target)
    drive_to(target, zxid + 256)
    again = digest_history(target)
    assert len(again) == len(history) + 2
    target.kill()
    # Back on the first kind: the records behind the snapshot were written by the second.
    source = factories[kinds[0]](source.data_dir)
    expect_no_digest_mismatch(source)
    common = digest_history(source).keys() & again.keys()
    assert {zxid: again[zxid] for zxid in common} == {
        zxid: digest for zxid, digest in digest_history(source).items() if zxid in common
    }


def test_so_3_16_the_digest_is_the_one_of_the_nodes(apache, lockkeeper):
    """SO-3.16, SO-3.17: `hash` against a digest computed from Apache's own snapshot of that zxid;
    owners of containers and TTL nodes, which no client sees, are part of it.
    """
    source = apache()
    rich.fill(source)
    zxid = (last_zxid(source) // 128 + 1) * 128
    drive_to(source, zxid)
    source.kill()
    copied = files.copy(source.data_dir, source.home / "copy")
    judge = apache(copied)
    snapshot = read_snapshot(files.snapshots(judge.data_dir)[-1])
    assert snapshot.name_zxid == zxid
    target = lockkeeper(source.data_dir)
    assert digest_history(target)[zxid] == snapshot.tree_digest()


@pytest.mark.parametrize("op, flags", [(Op.CREATE, 4), (Op.CREATE2, 4), (Op.CREATE_CONTAINER, 0)])
def test_so_3_17_a_digest_that_apache_itself_got_wrong(apache, lockkeeper, op, flags):
    """SO-3.17: create with the flags of a container, createContainer without. Apache logs the
    digest of another node than it makes; both servers have the same tree and count the mismatch.
    """
    source = apache()
    with open_session(source) as conn:
        rich.ok(conn.create("/parent"))
        rich.ok(conn.request(op, create_request("/parent/odd", b"d", flags=flags)))
        rich.ok(conn.create("/parent/later"))
    expected = whole_state(source).nodes
    assert digest_mismatches(source) == 1
    source.kill()
    judge = apache(files.copy(source.data_dir, source.home / "judge"))
    target = lockkeeper(source.data_dir)
    assert digest_mismatches(target) == digest_mismatches(judge) == 1
    for server in (judge, target):
        with open_super(server) as conn:
            expect_tree(expected, read_tree(conn))


def test_so_1_6_epoch_files_and_myid_stay(apache, lockkeeper):
    """SO-1.6, SO-1.7: a standalone server neither needs nor changes them."""
    source = apache()
    rich.fill(source)
    before = whole_state(source)
    source.kill()
    own = {
        "myid": b"7\n",
        "version-2/currentEpoch": b"3",
        "version-2/acceptedEpoch": b"4",
        "zookeeper_server.pid": b"4711",
    }
    for name, content in own.items():
        (source.data_dir / name).write_bytes(content)
    target = lockkeeper(source.data_dir)
    expect_state(target, before)
    target.stop()
    for name, content in own.items():
        assert (source.data_dir / name).read_bytes() == content


@pytest.mark.parametrize("marker", [True, False])
def test_so_1_4_a_database_needs_no_marker(apache, lockkeeper, marker):
    """SO-1.4: with db.autocreate=false; a marker that lies there is deleted all the same."""
    source = apache()
    rich.fill(source)
    before = whole_state(source)
    source.kill()
    path = source.data_dir / "initialize"
    if marker:
        path.touch()
    target = lockkeeper(source.data_dir, db_autocreate="false")
    expect_state(target, before)
    assert not path.exists()


def test_so_12_7_old_files_of_apache_stay_as_they_are(apache, lockkeeper):
    """SO-3.13: Lockkeeper adds its own files and touches no other; it writes no snapshot, neither
    at the start nor at the end nor between.
    """
    source = apache()
    sessions = rich.fill(source)
    sessions = rich.go_on(source.restart(), sessions)
    source.kill()
    before = files.contents(source.data_dir)
    target = lockkeeper(source.data_dir, snapCount=10)
    rich.go_on(target, sessions)
    target.stop()
    after = files.contents(source.data_dir)
    assert {name: after.get(name) for name in before} == before
    added = [name for name in after.keys() - before.keys() if "/checkpoint/" not in name]
    assert added and all(name.startswith("version-2/log.") for name in added), added


def test_so_12_7_the_take_over_may_be_interrupted(apache, lockkeeper):
    """kill -9 during the first starts, before anything was written: the next one has everything."""
    source = apache()
    sessions = rich.fill(source)
    before = whole_state(source)
    source.kill()
    target = lockkeeper(source.data_dir, start=False)
    for _ in range(5):
        target.launch()
        wait_until(lambda: (target.data_dir / "version-2" / "checkpoint").exists(), "it begins")
        target.kill()
    expect_state(target.start(), before)
    rich.go_on(target, sessions)
    with open_session(target) as conn:
        assert "/changed" in read_tree(conn, "/changed")
