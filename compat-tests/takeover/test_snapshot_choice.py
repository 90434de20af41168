"""Which of Apache's files Lockkeeper starts from, and which it refuses: damage, leftovers, gaps.

Every test works on a copy of one directory of several generations: snapshot.0 and a snapshot of
each later start of Apache, each with its log behind it.
"""

import gzip

import pytest

from lib.records import Flags
from lib.scenery import open_super
from lib.servers import make_server
from lib.waiting import wait_until
from lib.zkwire import open_session
from takeover import files, rich
from takeover.snapshot_file import plain_bytes, read_snapshot, sealed, with_tails, zxid_of
from takeover.state import (
    digest_mismatches, expect_state, expect_tree, last_zxid, live_sessions, read_tree,
    whole_state,
)  # fmt: skip

pytestmark = pytest.mark.xdist_group("takeover-snapshot-choice")
GENERATIONS = 4


def _left_by_apache(directory, **config):
    """Data directory and state of an Apache server that was killed after several starts."""
    server = make_server("apache", {**rich.CONFIG, **config}, directory)
    try:
        sessions = rich.fill(server.start(rich.START_S))
        for _ in range(GENERATIONS):
            sessions = rich.go_on(server.restart(rich.START_S), sessions)
        return whole_state(server)
    finally:
        server.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """(data directory, state), not to be changed."""
    directory = tmp_path_factory.mktemp("original")
    return directory, _left_by_apache(directory)


@pytest.fixture
def directory(original, tmp_path):
    """A copy of the original."""
    return files.copy(original[0], tmp_path / "data")


@pytest.fixture
def expected(original):
    """The state that the original holds."""
    return original[1]


def expect_refusal(server, status: int, *said: str) -> None:
    """The server does not start, says why, and leaves the files as they were."""
    before = files.contents(server.data_dir)
    server.launch()
    wait_until(lambda: not server.running or server.serving(), "the server refuses or starts")
    assert not server.running, "the server started"
    assert server.wait() == status, server.log_tail()
    for text in said:
        assert text in server.log_tail(), text
    after = files.contents(server.data_dir)
    assert {name: after.get(name) for name in before} == before


def test_so_3_9_the_yardstick(directory, expected, apache, lockkeeper):
    """Both servers have the expected state of an undamaged copy; there are the files that the tests
    below count on.
    """
    assert len(files.snapshots(directory)) == GENERATIONS + 1
    assert len(files.logs(directory)) == GENERATIONS + 1
    assert zxid_of(files.snapshots(directory)[-1]) < expected.zxid
    again = files.copy(directory, directory.parent / "again")
    expect_state(apache(again), expected)
    expect_state(lockkeeper(directory), expected)


DAMAGE = {
    "magic": 1,
    "session count": 16,
    "first nodes": 2000,
    "in the middle": 600_000,
    "before the digest": -60,
    "digest": -15,
    "second checksum": -7,
}


@pytest.mark.parametrize("place", DAMAGE)
def test_so_3_9_a_damaged_newest_snapshot_is_passed_over(directory, expected, lockkeeper, place):
    newest = files.snapshots(directory)[-1]
    files.flip_byte(newest, DAMAGE[place])
    server = lockkeeper(directory)
    assert newest.name in server.log_tail(100)  # said why
    expect_state(server, expected)


@pytest.mark.parametrize("bad", range(2, GENERATIONS + 1))
def test_so_3_9_several_damaged_snapshots_are_passed_over(directory, expected, lockkeeper, bad):
    for path in files.snapshots(directory)[-bad:]:
        files.flip_byte(path, 300)
    expect_state(lockkeeper(directory), expected)


def test_so_3_9_nothing_but_damaged_snapshots_exit_with_1(directory, lockkeeper):
    for path in files.snapshots(directory):
        files.flip_byte(path, 100)
    server = lockkeeper(directory, start=False)
    expect_refusal(server, 1, "Not able to find valid snapshots in", str(directory / "version-2"))


@pytest.mark.parametrize("method", ["gz", "snappy"])
def test_so_3_9_a_damaged_compressed_snapshot_is_passed_over(tmp_path, lockkeeper, method):
    """SO-3.8: the checksums are over the uncompressed bytes, the damage is in the compressed."""
    directory = tmp_path / "data"
    expected = _left_by_apache(directory, **{"snapshot.compression.method": method})
    newest = files.snapshots(directory)[-1]
    assert newest.name.endswith("." + method)
    files.flip_byte(newest, newest.stat().st_size // 2)
    expect_state(lockkeeper(directory), expected)


def test_so_3_9_a_compressed_snapshot_that_was_cut_is_passed_over(directory, expected, lockkeeper):
    newest = files.snapshots(directory)[-1]
    newest.with_suffix(newest.suffix + ".gz").write_bytes(gzip.compress(newest.read_bytes())[:-100])
    newest.unlink()
    expect_state(lockkeeper(directory), expected)


@pytest.mark.parametrize("count", [1, 5, 13, 20, 33, 1000])
def test_so_3_10_a_snapshot_with_a_cut_tail_is_not_used(directory, expected, lockkeeper, count):
    """Without its last bytes; 33 leave just the first checksum, which is a whole file of a server
    without digests.
    """
    files.cut(files.snapshots(directory)[-1], count)
    expect_state(lockkeeper(directory), expected)


@pytest.mark.parametrize("size", [0, 9])
def test_so_3_10_a_snapshot_that_was_only_begun_is_not_used(directory, expected, lockkeeper, size):
    newest = files.snapshots(directory)[-1]
    newest.write_bytes(newest.read_bytes()[:size])
    expect_state(lockkeeper(directory), expected)


def test_so_3_10_only_cut_snapshots_exit_with_1(directory, lockkeeper):
    """SO-3.9, SO-2.18: nothing to start from; the newest is named."""
    for path in files.snapshots(directory):
        files.cut(path, 3)
    server = lockkeeper(directory, start=False)
    expect_refusal(server, 1, files.snapshots(directory)[-1].name, "Restore")


def test_so_2_18_logs_without_a_snapshot_are_refused(directory, lockkeeper):
    """SO-2.18: `initialize` changes nothing about it."""
    files.keep_only_snapshot(directory, None)
    server = lockkeeper(directory, start=False)
    expect_refusal(server, 1, "No snapshot found, but there are log entries")
    (directory / "initialize").touch()
    server.launch()
    wait_until(lambda: not server.running or server.serving(), "the server refuses or starts")
    assert not server.running
    assert server.wait() == 1


def test_so_2_18_logs_without_a_snapshot_are_loaded_on_demand(directory, expected, lockkeeper):
    """SO-2.18: snapshot.trust.empty=true."""
    files.keep_only_snapshot(directory, None)
    server = lockkeeper(directory, snapshot_trust_empty="true")
    expect_state(server, expected)
    server.kill()
    del server.config["snapshot.trust.empty"]
    with open_session(server.start(rich.START_S)) as conn:  # once taken over it needs that no more
        assert conn.exists("/changed").ok


@pytest.mark.parametrize("kept", range(GENERATIONS + 1))
def test_so_2_17_every_snapshot_with_the_logs_behind_it(directory, expected, lockkeeper, kept):
    """SO-2.17: from each generation the logs lead to the same state."""
    files.keep_only_snapshot(directory, files.snapshots(directory)[kept].name)
    expect_state(lockkeeper(directory), expected)


def test_so_1_5_third_parts_of_names_do_not_matter(directory, expected, lockkeeper):
    """SO-1.5: snapshot.19.old is a snapshot, log.21.bak a log, snapshot.foo nothing."""
    newest = files.snapshots(directory)[-1]
    for path in files.snapshots(directory)[:-1]:
        path.unlink()
    newest.rename(newest.with_name(newest.name + ".old"))
    last = files.logs(directory)[-1]
    last.rename(last.with_name(last.name + ".bak"))
    for name in ("snapshot.", "snapshot.foo", "snapshot", "snapshotx.ffff"):
        (directory / "version-2" / name).write_bytes(b"nothing")
    expect_state(lockkeeper(directory), expected)


def test_so_3_11_a_name_below_the_content(directory, expected, lockkeeper):
    """SO-3.11: what is in the file already is replayed once more and changes nothing."""
    newest = files.snapshots(directory)[-1]
    newest.rename(newest.with_name(f"snapshot.{zxid_of(newest) - 10:x}"))
    files.keep_only_snapshot(directory, f"snapshot.{zxid_of(newest) - 10:x}")
    expect_state(lockkeeper(directory), expected)


def test_so_3_11_a_name_above_the_content(directory, expected, apache, lockkeeper):
    """SO-3.11, SO-3.17: the transactions up to that zxid are missing, as in Apache; the digests
    tell, and the server serves.
    """
    newest = files.snapshots(directory)[-1]
    newest.rename(newest.with_name(f"snapshot.{zxid_of(newest) + 5:x}"))
    judge = apache(files.copy(directory, directory.parent / "judge"))
    server = lockkeeper(directory)
    assert last_zxid(server) == last_zxid(judge) == expected.zxid
    with open_super(judge) as theirs, open_super(server) as ours:
        expect_tree(read_tree(theirs), read_tree(ours))
    assert digest_mismatches(server) > 0
    assert digest_mismatches(judge) > 0
    assert "digest mismatch" in server.log_path.read_text("utf-8", "replace")


@pytest.mark.parametrize("ours", ["true", "false"])
@pytest.mark.parametrize(
    "digest, last", [(True, True), (True, False), (False, True), (False, False)]
)
def test_so_3_3_every_tail_is_read(directory, expected, lockkeeper, digest, last, ours):
    """SO-3.3: with and without digest, as of 3.8 and of 3.9, whatever our own setting."""
    newest = files.snapshots(directory)[-1]
    zxid = zxid_of(newest)
    newest.write_bytes(with_tails(plain_bytes(newest), digest, zxid if last else None))
    read = read_snapshot(newest)
    assert (read.digest is not None, read.last_zxid is not None) == (digest, last)
    files.keep_only_snapshot(directory, newest.name)
    expect_state(lockkeeper(directory, digest_enabled=ours), expected)


@pytest.mark.parametrize("later", [0, 3])
def test_so_3_17_a_wrong_digest_in_a_snapshot_is_counted(
    directory, expected, apache, lockkeeper, later
):
    """SO-3.17: the seals are right, the digest is not; it is compared at its own zxid, be it that
    of the snapshot or a later one; the servers serve.
    """
    newest = files.snapshots(directory)[-1]
    zxid = zxid_of(newest) + later
    stream = plain_bytes(newest)
    wrong = bytes([stream[-14] ^ 1])
    section = zxid.to_bytes(8, "big") + stream[-25:-14] + wrong
    newest.write_bytes(sealed(stream[:-33] + section))
    snapshot = read_snapshot(newest)
    assert snapshot.digest[0] == zxid
    assert snapshot.digest[2] != snapshot.tree_digest()
    judge = apache(files.copy(directory, directory.parent / "judge"))
    server = lockkeeper(directory)
    assert digest_mismatches(server) == digest_mismatches(judge) == 1
    with open_super(server) as conn:
        expect_tree(expected.nodes, read_tree(conn))


def without_sessions(stream: bytes) -> bytes:
    """An uncompressed snapshot with digest section whose session table is empty."""
    count = int.from_bytes(stream[16:20], "big")
    body = stream[:16] + bytes(4) + stream[20 + 12 * count : -46]
    return sealed(sealed(body) + stream[-33:-13])


def test_so_2_20_ephemerals_without_their_session_go(directory, expected, apache, lockkeeper):
    """storage-and-operations 2.9, 7: what belongs to a session that is not in the table is removed
    after the start, as in Apache; here by a transaction for each such session.
    """
    assert expected.ephemerals
    newest = files.snapshots(directory)[-1]
    newest.write_bytes(without_sessions(plain_bytes(newest)))
    assert read_snapshot(newest).sessions == {}
    files.keep_only_snapshot(directory, newest.name)
    for path in files.logs(directory):
        path.unlink()
    judge = apache(files.copy(directory, directory.parent / "judge"))
    assert live_sessions(judge) == (frozenset(), {})
    server = lockkeeper(directory)
    wait_until(lambda: live_sessions(server) == (frozenset(), {}), "they are removed")
    assert last_zxid(server) == last_zxid(judge) + len(expected.ephemerals)
    with open_super(judge) as theirs, open_super(server) as ours:
        assert read_tree(ours).keys() == read_tree(theirs).keys()


def test_so_12_7_zxids_of_an_ensemble(directory, lockkeeper, give_back):
    """storage-and-operations 12.8: a member's directory run alone goes on within its epoch."""
    newest = files.snapshots(directory)[-1]
    for path in [*files.snapshots(directory)[:-1], *files.logs(directory)]:
        path.unlink()
    zxid = 5 << 32 | zxid_of(newest)
    newest.rename(newest.with_name(f"snapshot.{zxid:x}"))
    for name in ("currentEpoch", "acceptedEpoch"):
        (directory / "version-2" / name).write_bytes(b"5")
    server = lockkeeper(directory)
    for factory in (give_back, lambda old: lockkeeper(old.data_dir)):
        assert last_zxid(server) == zxid
        with open_session(server) as conn:
            reply = conn.create("/epoch-", flags=Flags.SEQUENTIAL)
            assert reply.zxid == zxid + 2
            rich.ok(conn.close_session())
        state = whole_state(server)
        zxid = state.zxid
        server.stop()
        server = factory(server)
        expect_state(server, state)
        zxid = last_zxid(server)
    assert zxid >> 32 == 5
    assert files.logs(server.data_dir)[-1].name.startswith("log.5")
    assert (server.data_dir / "version-2" / "currentEpoch").read_bytes() == b"5"


@pytest.mark.parametrize("which", range(1, GENERATIONS))
def test_so_2_16_a_missing_log_is_refused(directory, lockkeeper, which):
    """SO-2.16: between other logs."""
    files.keep_only_snapshot(directory, "snapshot.0")
    files.logs(directory)[which].unlink()
    expect_refusal(lockkeeper(directory, start=False), 1, "log.")


def test_so_2_16_missing_logs_right_after_the_snapshot_are_refused(directory, apache, lockkeeper):
    """SO-2.16: the known difference. Apache serves, without what the missing log held."""
    kept = files.snapshots(directory)[1]
    files.keep_only_snapshot(directory, kept.name)
    for path in files.logs(directory):
        if zxid_of(path) <= zxid_of(files.snapshots(directory)[0]) + 1:
            path.unlink()
    with open_session(apache(files.copy(directory, directory.parent / "judge"))) as conn:
        assert conn.exists("/changed").ok
    expect_refusal(lockkeeper(directory, start=False), 1, "log.")


@pytest.mark.parametrize("keep", [3, 4])
def test_so_3_18_what_zkcleanup_leaves(directory, expected, lockkeeper, keep):
    """SO-3.18: Apache's own tool has removed old snapshots and logs."""
    files.purge_like_the_operator(directory, keep)
    assert len(files.snapshots(directory)) == keep
    if keep == 3:
        assert not (directory / "version-2" / "log.1").exists()
    expect_state(lockkeeper(directory), expected)


@pytest.mark.parametrize("count", [1, 2, 20, 40])
def test_so_2_11_a_torn_tail_of_apache(directory, expected, lockkeeper, count):
    """SO-2.11: the record of a transaction that was never acknowledged, cut within."""
    server = make_server("apache", rich.CONFIG, directory)
    try:
        last = open_session(server.start(rich.START_S))
        assert last.last_zxid() == expected.zxid + 1
    finally:
        server.close()
    log = files.logs(directory)[-1]
    stream = log.read_bytes().rstrip(b"\0")
    assert stream.endswith(b"B")
    log.write_bytes(stream[:-count])
    expect_state(lockkeeper(directory), expected)


def test_so_2_12_a_damaged_record_of_apache_is_refused(directory, lockkeeper):
    """SO-2.12: before the end nothing may be left out."""
    log = files.logs(directory)[-1]
    files.flip_byte(log, 40)
    server = lockkeeper(directory, start=False)
    expect_refusal(server, 1, log.name)


def test_so_3_9_a_directory_in_place_of_a_snapshot(
    directory, expected, apache, lockkeeper
):
    """SO-3.9: a directory holds nothing that could be lost, whatever its name; Apache passes it
    over, too.
    """
    (directory / "version-2" / f"snapshot.{expected.zxid + 7:x}").mkdir()
    expect_state(apache(files.copy(directory, directory.parent / "judge")), expected)
    expect_state(lockkeeper(directory), expected)
