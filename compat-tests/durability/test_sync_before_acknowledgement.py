"""What is acknowledged was synced: a disk whose sync is slow, and one whose sync fails.

The faults come from disk_faults.c, a library put between the server and libc; see there and conftest.py.
"""

import time

from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Op, create_request, open_session

SLOW_S = 0.25


def seconds_of(request, *arguments) -> float:
    """How long a request takes that must succeed."""
    begin = time.monotonic()
    assert request(*arguments).ok
    return time.monotonic() - begin


def test_so_2_9_acknowledgement_waits_for_the_sync(disk, make_server):
    """SO-2.9: each kind of write, the new session, and the close take at least as long as one sync."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create("/a").ok
        disk.slow_down(SLOW_S)
        assert seconds_of(conn.create, "/b") >= SLOW_S
        assert seconds_of(conn.set, "/a", b"x") >= SLOW_S
        assert seconds_of(conn.multi, [(Op.CREATE, create_request("/c"))]) >= SLOW_S
        assert seconds_of(conn.set_acl, "/a", [(31, "world", "anyone")]) >= SLOW_S
        assert seconds_of(conn.delete, "/b") >= SLOW_S
        begin = time.monotonic()
        with open_session(server) as other:
            assert time.monotonic() - begin >= SLOW_S
            assert seconds_of(other.close_session) >= SLOW_S


def test_so_2_9_what_is_not_synced_is_not_shown_to_others(disk, make_server):
    """R2, SO-2.9: a read before the acknowledgement may give the old value, after it only the new one."""
    server = make_server()
    with open_session(server) as writer, open_session(server) as reader:
        assert writer.create("/a", b"old").ok
        disk.slow_down(SLOW_S)
        begin = time.monotonic()
        writer.submit(Op.CREATE, create_request("/b"))
        shown = wait_until(lambda: reader.exists("/b").ok and time.monotonic(), "the new znode")
        assert shown - begin >= SLOW_S, "a read showed what a crash could still undo"
        assert writer.next_reply().ok


def test_writes_that_wait_share_one_sync(disk, make_server):
    """SO-2 group commit: 400 writes of 4 connections need a few slow syncs, not hundreds."""
    server = make_server()
    conns = [open_session(server, timeout=120) for _ in range(4)]
    disk.slow_down(SLOW_S)
    begin = time.monotonic()
    for number, conn in enumerate(conns):
        frames = [conn.encode(Op.CREATE, create_request(f"/n{number}-{i}")) for i in range(100)]
        conn.send_raw(b"".join(frames))
    for conn in conns:
        assert all(conn.next_reply().ok for _ in range(100))
    assert time.monotonic() - begin < 400 * SLOW_S / 4
    for conn in conns:
        conn.close()


def test_so_2_9_without_force_sync_nobody_waits(disk, make_server):
    """SO-2.9: forceSync=no."""
    server = make_server({"forceSync": "no"})
    with open_session(server, timeout=60) as conn:
        disk.slow_down(20)
        assert seconds_of(conn.create, "/a") < 20
        disk.heal()


def test_so_2_9_failed_sync_is_never_acknowledged_and_ends_the_server(disk, make_server):
    """SO-2.9, R3: no reply after the error, not even to later writes; all acknowledged is there afterwards."""
    server = make_server()
    conns = [open_session(server) for _ in range(3)]
    for number, conn in enumerate(conns):
        assert conn.create(f"/before-{number}", b"kept").ok
    disk.break_down()
    for number, conn in enumerate(conns):
        conn.submit(Op.CREATE, create_request(f"/after-{number}"))
    for conn in conns:
        message = conn.next(timeout=30)
        assert message is None, f"acknowledged after a failed sync: {message}"
        conn.close()
    status = server.wait(timeout=30)
    if server_kind() == "lockkeeper":
        assert status > 0
    disk.heal()
    server.start()
    with open_session(server) as conn:
        for number in range(3):
            assert conn.get(f"/before-{number}").value[0] == b"kept"
        assert conn.create("/later").ok


def test_so_2_9_sync_that_fails_once_is_not_tried_again(disk, make_server):
    """SO-2.9, R3: after a failed sync nobody knows what is on the disk, so a later success means nothing."""
    server = make_server()
    with open_session(server) as conn:
        assert conn.create("/before").ok
        disk.fail_once()
        conn.submit(Op.CREATE, create_request("/doubtful"))
        message = conn.next(timeout=30)
        assert message is None, f"acknowledged by a sync after a failed one: {message}"
    status = server.wait(timeout=30)
    if server_kind() == "lockkeeper":
        assert status > 0
