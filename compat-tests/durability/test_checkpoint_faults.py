"""Damage to the files of a data directory with a checkpoint: everything is served, or the start is refused with a
message that names the file and the remedy, and leaves the files as they are.

docs/disk-format.md has the outcomes as a table. See stored_directory.py for the directory that is damaged.
"""

import contextlib
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from checkpoint_files import KINDS, file_of, put, store_dir
from stored_directory import (
    CONFIG,
    COUNT,
    EXIT_DAMAGED,
    EXIT_DIRECTORY,
    acknowledged_records,
    assert_refused,
    assert_serves_all,
    copy_of,
    logs_of,
    make_history,
    move_away,
    outcome_of,
    path_of,
    purge,
    served_by,
    wait_for_checkpoint,
)

from lib import servers
from lib.jute import Writer
from lib.records import OPEN_ACL, Op, create_request
from lib.servers import lockkeeper_binary, server_kind
from lib.waiting import wait_until
from lib.zkwire import open_session

pytestmark = pytest.mark.skipif(server_kind() != "lockkeeper", reason="checkpoints are Lockkeeper's")

CHECKPOINTED = set(range(2 * COUNT // 3))  # the znodes that the last checkpoint holds
MARKS = [kind for kind in KINDS if kind.startswith("mark")]  # each holds what it says more than once
REACHES = {"reaching back": lambda data_dir: None, "purged": purge}


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """The undamaged directory."""
    data_dir = tmp_path_factory.mktemp("history") / "data"
    make_history(data_dir)
    return data_dir


@pytest.fixture
def data_dir(history, tmp_path):
    """A copy to damage."""
    return copy_of(history, tmp_path / "data")


def start_on(data_dir):
    """The outcome of a start on a directory."""
    with contextlib.closing(servers.make_server(config=CONFIG, data_dir=data_dir)) as server:
        return outcome_of(server)


def flip_bit(path: Path, position: int) -> None:
    """Damages one bit; done twice, it is as before."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0x04
    path.write_bytes(data)


def positions_in(path: Path) -> list:
    """The beginning, the end, and some places between."""
    size = path.stat().st_size
    return sorted({0, 5, size // 7, size // 3, size // 2, 2 * size // 3, max(size - 60, 0), size - 8, size - 1})


def contents(data_dir) -> dict:
    """Path -> bytes of every file, but for the locks."""
    files = [path for path in data_dir.rglob("*") if path.is_file() and "lock" not in path.name.lower()]
    return {path: path.read_bytes() for path in files}


def export(data_dir, target) -> Path:
    """ZooKeeper's snapshot of the whole directory; its path."""
    config = target.with_suffix(".cfg")
    config.write_text(f"dataDir={data_dir}\nclientPort=1\n", encoding="utf-8")
    subprocess.run([str(lockkeeper_binary()), "export", str(config), str(target)], check=True, capture_output=True)
    (snapshot,) = Path(target, "version-2").glob("snapshot.*")
    return snapshot


def test_undamaged_directory_is_served(data_dir):
    """The yardstick of the tests below."""
    assert_serves_all(start_on(data_dir))


# --- the checkpoint ---


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in MARKS])
def test_flipped_bit_in_the_checkpoint_is_refused_and_named(data_dir, kind):
    """SO-12.1, R3: exit status 1; and nothing is lost: with the bit turned back all is there."""
    damaged = file_of(data_dir, kind)
    before = damaged.read_bytes()
    # A wrong letter in CURRENT names a manifest that is not there.
    named = "CURRENT" if kind == "current" else damaged.name
    for position in positions_in(damaged):
        flip_bit(damaged, position)
        assert_refused(start_on(data_dir), EXIT_DAMAGED, str(store_dir(data_dir)), named, "move the checkpoint away")
        flip_bit(damaged, position)
        assert damaged.read_bytes() == before, f"the refused start changed it, bit flipped at {position}"
    assert_serves_all(start_on(data_dir))


@pytest.mark.parametrize("kind", MARKS)
def test_flipped_bit_in_a_mark_does_no_harm(history, tmp_path, kind):
    """R3: the files that say how much was synced hold each statement twice."""
    for position in positions_in(file_of(history, kind)):
        data_dir = copy_of(history, tmp_path / f"data-{position}")
        flip_bit(file_of(data_dir, kind), position)
        assert_serves_all(start_on(data_dir))


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("kind", KINDS)
def test_missing_file_of_the_checkpoint_is_refused_and_named(data_dir, tmp_path, kind, reach):
    """SO-12.1, R3: exit status 1, whatever else there is; the file put back, all is there."""
    REACHES[reach](data_dir)
    missing = file_of(data_dir, kind)
    kept = Path(shutil.move(missing, tmp_path / "kept"))
    assert_refused(start_on(data_dir), EXIT_DAMAGED, str(store_dir(data_dir)), missing.name, "move the checkpoint away")
    shutil.move(kept, missing)
    assert_serves_all(start_on(data_dir))


def test_missing_root_of_the_checkpoint_and_missing_logs_are_refused(data_dir):
    """R3: a store without CURRENT must not pass for one that was never finished, and be removed."""
    file_of(data_dir, "current").unlink()
    for log in logs_of(data_dir):
        log.unlink()
    before = contents(data_dir)
    assert_refused(start_on(data_dir), EXIT_DAMAGED, "CURRENT", str(store_dir(data_dir)))
    assert contents(data_dir) == before


def test_damaged_checkpoint_moved_away_leaves_what_the_log_holds(data_dir, tmp_path):
    """R3: the remedy of the message, where the log reaches back to ZooKeeper's snapshot.0."""
    flip_bit(file_of(data_dir, "table"), 1000)
    move_away(data_dir, tmp_path / "damaged")
    assert_serves_all(start_on(data_dir))
    assert_serves_all(start_on(data_dir))  # and again, from the checkpoint made anew


def test_so_2_18_checkpoint_gone_and_logs_purged_is_refused(data_dir, tmp_path):
    """SO-2.18: logs whose beginning is missing are no state; exit status 1."""
    purge(data_dir)
    kept = move_away(data_dir, tmp_path / "kept")
    assert_refused(start_on(data_dir), EXIT_DAMAGED, "No snapshot found", str(data_dir), "snapshot.trust.empty")
    shutil.rmtree(store_dir(data_dir), ignore_errors=True)
    shutil.move(kept, store_dir(data_dir))
    assert_serves_all(start_on(data_dir))


def test_so_2_16_checkpoint_gone_and_first_log_gone_is_refused(data_dir, tmp_path):
    """SO-2.16: snapshot.0 is there, but the log does not follow it."""
    first = logs_of(data_dir)[0]
    move_away(data_dir, tmp_path / "kept")
    first.unlink()
    assert_refused(start_on(data_dir), EXIT_DAMAGED, logs_of(data_dir)[0].name, "missing")


@pytest.mark.parametrize("more", [b"", b"a field of the future"])
def test_checkpoint_of_a_newer_format_is_refused(data_dir, more):
    """SO-12.1: exit status 3, and the message says what to do, even if the rest cannot be understood."""
    version = file_of(data_dir, "log").read_bytes()
    put(data_dir, b"m", struct.pack(">iqbqqqi", 2, 50, 0, 0, 0, 0, 0) + more)
    assert file_of(data_dir, "log").read_bytes() != version
    words = (str(store_dir(data_dir)), "format version 2", "newer server")
    assert_refused(start_on(data_dir), EXIT_DIRECTORY, *words)


# --- the log beside a checkpoint ---


def test_so_2_12_flipped_bit_in_the_log_after_the_checkpoint_is_refused(data_dir):
    """SO-2.12: in the last record and before it; the message names file and offset."""
    for back in (1, 2, 15):
        log, record = acknowledged_records(data_dir)[-back]
        flip_bit(log, record.end - 8)
        assert_refused(start_on(data_dir), EXIT_DAMAGED, str(log), f"offset {record.start}")
        flip_bit(log, record.end - 8)
    assert_serves_all(start_on(data_dir))


def test_so_2_17_flipped_bit_in_a_log_that_the_checkpoint_covers_does_no_harm(data_dir):
    """SO-2.17: files that hold nothing after the checkpoint are not read."""
    log, record = acknowledged_records(data_dir)[3]
    assert log == logs_of(data_dir)[0]
    flip_bit(log, record.end - 8)
    assert_serves_all(start_on(data_dir))


def test_so_2_11_torn_last_record_after_the_checkpoint_is_dropped(data_dir):
    """SO-2.11: as without a checkpoint, and the next start goes on after the cut."""
    log, record = acknowledged_records(data_dir)[-1]
    with open(log, "r+b") as file:
        file.truncate(record.end - 3)
    for _ in range(2):
        assert start_on(data_dir).served == set(range(COUNT - 1))


def test_so_2_17_missing_log_that_the_checkpoint_covers_does_no_harm(data_dir):
    """SO-2.17: it is needed no more."""
    logs_of(data_dir)[0].unlink()
    assert_serves_all(start_on(data_dir))


def test_so_2_16_missing_log_between_the_checkpoint_and_a_later_log_is_refused(data_dir):
    """SO-2.16: exit status 1, and the message names the log behind the gap."""
    with contextlib.closing(servers.make_server(config=CONFIG, data_dir=data_dir)) as server:
        # Another log behind, and no newer checkpoint: a copy from before this start has both.
        earlier = copy_of(store_dir(data_dir), data_dir.parent / "earlier")
        server.start()
        with open_session(server) as conn:
            assert conn.create("/later").ok
        server.kill()
    shutil.rmtree(store_dir(data_dir))
    shutil.move(earlier, store_dir(data_dir))
    *_, between, last = logs_of(data_dir)
    between.unlink()
    assert_refused(start_on(data_dir), EXIT_DAMAGED, str(last), "missing")


@pytest.mark.parametrize("left", ["none", "up to the middle of the first"])
def test_so_2_20_log_that_ends_before_the_checkpoint_is_no_obstacle(data_dir, left):
    """SO-2.20: what the checkpoint holds is served, new writes follow it, and later starts have both."""
    if left != "none":
        log, record = acknowledged_records(data_dir)[5]
        with open(log, "r+b") as file:
            file.truncate(record.start + 20)
    for log in logs_of(data_dir)[0 if left == "none" else 1 :]:
        log.unlink()
    with contextlib.closing(servers.make_server(config=CONFIG, data_dir=data_dir)) as server:
        server.start()
        assert served_by(server) == CHECKPOINTED
        assert ("there is no transaction log in" in server.log_tail()) == (left == "none"), "lost without a word"
        with open_session(server) as conn:
            assert conn.create("/after").ok
        for _ in range(2):
            server.kill()
            server.start()
            assert served_by(server) == CHECKPOINTED
            with open_session(server) as conn:
                assert conn.exists("/after").ok


# --- ZooKeeper's snapshots beside a checkpoint ---


@pytest.fixture
def snapshot_beside(data_dir, tmp_path):
    """A ZooKeeper snapshot of the whole state, newer than the checkpoint in the directory."""
    snapshot = export(data_dir, tmp_path / "exported")
    return Path(shutil.copy(snapshot, data_dir / "version-2"))


def test_so_3_9_damaged_newer_snapshot_is_passed_over_when_checkpoint_and_log_have_it_all(data_dir, snapshot_beside):
    """SO-3.9: any flipped bit; the checkpoint and the log are the base then."""
    for position in positions_in(snapshot_beside):
        trial = copy_of(data_dir, data_dir.parent / f"trial-{position}")
        flip_bit(trial / "version-2" / snapshot_beside.name, position)
        assert_serves_all(start_on(trial))


def test_so_3_9_damaged_newer_snapshot_without_its_log_is_refused(data_dir, snapshot_beside):
    """SO-3.9, R3: nothing else holds what was acknowledged last; to go on from the older checkpoint would lose it."""
    for log in logs_of(data_dir)[-1:]:
        log.unlink()
    flip_bit(snapshot_beside, snapshot_beside.stat().st_size // 2)
    words = (f"Without {snapshot_beside.name} all that can be loaded ends at zxid", "Restore", "move it away")
    assert_refused(start_on(data_dir), EXIT_DAMAGED, *words)


def test_so_3_9_damaged_snapshot_that_the_checkpoint_replaces_is_not_read(data_dir):
    """SO-3.9: an older snapshot is no base."""
    flip_bit(data_dir / "version-2" / "snapshot.0", 200)
    assert_serves_all(start_on(data_dir))


def test_so_3_9_damaged_snapshot_that_is_the_only_base_is_refused(data_dir, snapshot_beside, tmp_path):
    """SO-3.9: exit status 1, and the message names the directory."""
    move_away(data_dir, tmp_path / "kept")
    (data_dir / "version-2" / "snapshot.0").unlink()
    flip_bit(snapshot_beside, snapshot_beside.stat().st_size // 2)
    assert_refused(start_on(data_dir), EXIT_DAMAGED, "Not able to find valid snapshots", snapshot_beside.name)


# --- the directory ---


@pytest.mark.parametrize("part", [".", "version-2", "version-2/checkpoint"])
def test_so_12_1_read_only_directory_is_refused(data_dir, mounts, part):
    """SO-12.1: exit status 3, with the path; writable again, all is there."""
    mounts.read_only(data_dir / part)
    assert_refused(start_on(data_dir), EXIT_DIRECTORY, str(data_dir), "Read-only file system")
    mounts.undo_last()
    assert_serves_all(start_on(data_dir))


def test_so_12_1_second_server_is_refused_while_the_first_writes_checkpoints(data_dir):
    """SO-12.1: exit status 3; the first goes on, and so does its store."""
    config = {**CONFIG, "lockkeeper.checkpointIntervalSeconds": 1}
    with contextlib.closing(servers.make_server(config=config, data_dir=data_dir)) as first:
        first.start()
        wait_for_checkpoint(first)
        assert_refused(start_on(data_dir), EXIT_DIRECTORY, str(data_dir), "in use")
        with open_session(first) as conn:
            assert conn.create("/still").ok
        wait_for_checkpoint(first, 2)
        first.kill()
    assert_serves_all(start_on(data_dir))


# --- epochs ---


def test_so_12_6_epoch_files_of_a_later_epoch_are_no_obstacle(data_dir):
    """SO-12.6: a standalone server needs no epoch, and leaves the files alone."""
    files = [data_dir / "version-2" / name for name in ("acceptedEpoch", "currentEpoch")]
    for file in files:
        file.write_text("9", encoding="ascii")
    assert_serves_all(start_on(data_dir))
    assert [file.read_text("ascii") for file in files] == ["9", "9"]


def record_of(payload: bytes) -> bytes:
    """A record of a transaction log."""
    return struct.pack(">qi", zlib.adler32(payload), len(payload)) + payload + b"B"


def create_transaction(zxid: int, path: str) -> bytes:
    """A transaction header and a create without a digest, as a log holds them."""
    header = Writer().long(1).int(1).long(zxid).long(1_700_000_000_000).int(Op.CREATE).encoded()
    body = create_request(path, b"", OPEN_ACL, 0)[:-4]  # without the flags
    return header + body + Writer().bool(False).int(1).encoded()


def test_so_2_16_log_of_a_later_epoch_is_gone_on_with(data_dir):
    """SO-2.16: a directory that was part of an ensemble; new zxids stay in that epoch."""
    zxid = (5 << 32) + 1
    header = b"ZKLG" + struct.pack(">iq", 2, 0)
    log = data_dir / "version-2" / f"log.{zxid:x}"
    log.write_bytes(header + record_of(create_transaction(zxid, "/of-the-epoch")))
    with contextlib.closing(servers.make_server(config=CONFIG, data_dir=data_dir)) as server:
        for number in range(3):
            server.start()
            wait_for_checkpoint(server, number + 1)
            assert served_by(server) == set(range(COUNT))
            with open_session(server) as conn:
                assert conn.exists("/of-the-epoch").ok
                reply = conn.create(f"/in-epoch-{number}")
                assert reply.ok and reply.zxid >> 32 == 5
            server.kill()


# --- a disk that fails under a running server ---

STORE = "*/version-2/checkpoint"
PARTS_OF_A_CHECKPOINT = {
    "the store's log": f"{STORE}/*.log",
    "its mark": f"{STORE}/*.log.synced",
    "the whole store": f"{STORE}*",
}


@pytest.mark.parametrize("part", PARTS_OF_A_CHECKPOINT)
def test_so_12_1_checkpoint_that_cannot_be_synced_ends_the_server(disk, make_server, part):
    """SO-12.1: exit status 10 with a message; all acknowledged is there when the disk works again."""
    server = make_server({**CONFIG, "lockkeeper.checkpointIntervalSeconds": 1})
    with open_session(server) as conn:
        assert conn.create("/before").ok
        wait_for_checkpoint(server)
        disk.break_down(PARTS_OF_A_CHECKPOINT[part])
        acknowledged = 0
        while (reply := next_create(conn, path_of(acknowledged))) is not None:
            assert reply.ok
            acknowledged += 1
    assert server.wait(timeout=30) == 10
    message = server.log_tail()
    assert "Input/output error" in message and str(store_dir(server.data_dir)) in message
    disk.heal()
    server.start()
    with open_session(server) as conn:
        names = conn.children("/").value
        assert "before" in names
        assert {path_of(number)[1:] for number in range(acknowledged)} <= set(names)
        assert conn.create("/later").ok


def next_create(conn, path):
    """The reply to a create, None when the server is gone."""
    conn.submit(Op.CREATE, create_request(path))
    return conn.next(timeout=30)


@pytest.mark.parametrize("part", ["*.ldb", "MANIFEST-*", "CURRENT*", "*.dbtmp", "*.synced", ""])
def test_store_that_cannot_be_synced_at_the_start_is_refused(data_dir, disk, part):
    """SO-12.1: a status above 0 and a message; what is there stays, and serves when the disk works again."""
    disk.break_down(f"{STORE}/{part}" if part else STORE)
    outcome = start_on(data_dir)
    if outcome.served is None:
        assert_refused(outcome, outcome.status, "Input/output error", str(store_dir(data_dir)))
        assert outcome.status > 0, f"ended by signal {-outcome.status}"
    else:
        assert_serves_all(outcome)  # nothing of that kind is synced at a start
        assert part == "CURRENT*"
    disk.heal()
    assert_serves_all(start_on(data_dir))
