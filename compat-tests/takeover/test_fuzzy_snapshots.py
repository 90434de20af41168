"""Snapshots that Apache wrote while clients wrote: each of them, with the log behind it, leads to
the state that the log alone leads to.

    TAKEOVER_FUZZY_ROUNDS   rounds of load, kill -9 and comparison (default 2)
    TAKEOVER_SEED           seed of the load; printed
"""

import os
import random
import threading

import pytest

from durability.crash_load import drive, standard_workloads
from lib.jute import DecodeError
from lib.scenery import open_super
from lib.waiting import wait_until
from lib.zkwire import open_session, reconnect
from takeover import files, rich
from takeover.churn import Churn
from takeover.snapshot_file import read_snapshot
from takeover.state import (
    State, digest_mismatches, expect_no_digest_mismatch, expect_state, expect_tree, last_zxid,
    live_sessions, read_tree,
)  # fmt: skip

ROUNDS = int(os.environ.get("TAKEOVER_FUZZY_ROUNDS", "2"))
SEED = int(os.environ.get("TAKEOVER_SEED", random.SystemRandom().randrange(1 << 32)))
CONFIG = {"snapCount": 10}
BALLAST = 1000  # znodes before those that change: the longer a snapshot takes, the fuzzier it is
LOAD = 3000  # acknowledged writes
LOOKED_AT = 40  # snapshots among which the fuzziest are chosen
CHOSEN = 6  # snapshots to start from


def add_ballast(server) -> None:
    """Nodes that take time to write."""
    with open_session(server) as conn:
        rich.ok(conn.create("/ballast"))
        for number in range(BALLAST):
            rich.ok(conn.create(f"/ballast/{number}", b"b" * 200))
        conn.close_session()


def state_of(server) -> State:
    """The state right after a start, its zxid and sessions read before the observer came."""
    zxid, sessions = last_zxid(server), live_sessions(server)
    with open_super(server) as conn:
        nodes = read_tree(conn)
        conn.close_session()
    return State(zxid, nodes, *sessions)


def fuzzy_ones(directory) -> list:
    """Snapshots that hold changes from behind their own zxid, the fuzziest last, of a sample."""
    counted = []
    found = files.snapshots(directory)
    for path in random.Random(SEED).sample(found, min(len(found), LOOKED_AT)):
        try:
            changed = read_snapshot(path).changed_meanwhile()
        except (AssertionError, DecodeError, EOFError):
            continue  # the one that was being written when the server was killed
        if changed:
            counted.append((changed, path))
    return [path for _, path in sorted(counted)]


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_so_3_12_every_snapshot_under_load_leads_to_the_same_state(
    apache, lockkeeper, tmp_path, round_number
):
    """SO-3.12, SO-3.7: create on what is there, delete of what is not, parents that are missing,
    sessions that end in between. The log from zxid 1 on, replayed onto the empty snapshot.0, is
    the yardstick; Apache itself gives its own.
    """
    print(f"TAKEOVER_SEED={SEED}")
    source = apache(**CONFIG)
    add_ballast(source)
    churn = Churn(source, SEED + round_number).start()
    wait_until(lambda: churn.acknowledged > LOAD or churn.errors, "enough was written")
    source.kill()
    churn.join()
    chosen = fuzzy_ones(source.data_dir)[-CHOSEN:]
    assert chosen, "no snapshot was caught in the middle"

    exact = files.copy_with_snapshot(source.data_dir, tmp_path / "exact", "snapshot.0")
    judged = files.copy(exact, tmp_path / "judge")
    if files.logs(judged)[-1].stat().st_size == 0:
        files.logs(judged)[-1].unlink()  # SO-2.14: 3.8 does not start with what it left itself
    judge = apache(judged)
    expected = state_of(lockkeeper(exact))
    assert last_zxid(judge) == expected.zxid
    assert digest_mismatches(judge) == 0
    with open_super(judge) as conn:
        expect_tree(read_tree(conn), expected.nodes)
    judge.close()
    for number, path in enumerate(chosen):
        target = tmp_path / f"fuzzy-{number}"
        server = lockkeeper(files.copy_with_snapshot(source.data_dir, target, path.name))
        expect_state(server, expected)
        server.close()
    expect_state(lockkeeper(source.data_dir), expected)


@pytest.mark.parametrize("first, second", [("apache", "lockkeeper"), ("lockkeeper", "apache")])
def test_so_12_2_nothing_acknowledged_is_lost_in_the_change(
    apache, lockkeeper, first, second
):
    """SO-12.2, SO-12.7: kill -9 under load with snapshots or checkpoints all the time, then the
    other server; the clients' own books are compared with what it has.
    """
    print(f"TAKEOVER_SEED={SEED}")
    factories = {"apache": apache, "lockkeeper": lockkeeper}
    source = factories[first](**CONFIG)
    loads = standard_workloads(random.Random(SEED))
    connections = {load: open_session(source, timeout_ms=rich.SESSION_MS) for load in loads}
    for load, conn in connections.items():
        load.prepare(conn)
    threads = [
        threading.Thread(target=drive, args=item, daemon=True) for item in connections.items()
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(load.acknowledged > 500 for load in loads), "load")
    source.kill()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    if second == "apache":
        directory = files.export(source, source.home / "exported")
        target = apache(directory, **CONFIG)
    else:
        target = lockkeeper(source.data_dir, **CONFIG)
    broken = []
    for load, old in connections.items():
        old.close()
        conn = reconnect(target, old, timeout_ms=old.timeout_ms, last_zxid=load.last_zxid)
        broken += [*load.check(conn), *load.broken]
        conn.close_session()
    assert not broken, "\n".join(broken)
    expect_no_digest_mismatch(target)
