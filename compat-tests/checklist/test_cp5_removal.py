"""Removal of TTL nodes and containers by the server, CP-5.9 to CP-5.11."""

import time

import pytest

from lib import servers
from lib.marks import apache_differs
from lib.scenery import (
    DAY_MS,
    QUICK_REMOVAL_CONFIG,
    is_missing,
    kinds,
    let_a_check_pass,
    wait_until_gone,
)
from lib.zkwire import Err, Event, Flags, open_session


@pytest.fixture(scope="module")
def server():
    """A server with TTL nodes that looks every 200 ms for containers and TTL nodes to remove."""
    with servers.start_server(config=QUICK_REMOVAL_CONFIG) as process:
        yield process


def sleep_until(moment):
    """Waits for a moment of the monotonic clock: for time that must pass, not for an effect."""
    time.sleep(max(0.0, moment - time.monotonic()))


# --- TTL nodes ---


def test_cp_5_9_ttl_node_is_removed_after_its_ttl(conn, root):
    """CP-5.9: not before; the removal is a transaction of its own."""
    began = time.monotonic()
    path, stat = conn.create_ttl(root + "/t", 700).value
    wait_until_gone(conn, path)
    assert time.monotonic() - began >= 0.7
    parent = conn.exists(root).value
    assert parent.pzxid > stat.czxid
    assert (parent.cversion, parent.num_children) == (2, 0)


def test_cp_5_9_set_data_postpones_the_removal(conn, root):
    """CP-5.9: the ttl runs from the last setData, however often it was already postponed."""
    ttl_s = 1.5
    assert conn.create_ttl(root + "/t", int(ttl_s * 1000)).ok
    end = time.monotonic() + 2.5 * ttl_s
    while time.monotonic() < end:
        last = time.monotonic()
        assert conn.set(root + "/t", b"x").ok
        time.sleep(0.1)
    wait_until_gone(conn, root + "/t")
    assert time.monotonic() - last >= ttl_s


@pytest.mark.parametrize("child_flags", [Flags.PERSISTENT, Flags.EPHEMERAL])
def test_cp_5_9_ttl_node_with_children_stays(conn, root, child_flags):
    """CP-5.9: while it has any child; the last one gone, it goes without another ttl."""
    ttl_s = 1.0
    path = root + "/t"
    began = time.monotonic()
    _, stat = conn.create_ttl(path, int(ttl_s * 1000)).value
    assert conn.create(path + "/child", flags=child_flags).ok
    sleep_until(began + ttl_s + 0.2)
    let_a_check_pass(conn)
    assert conn.exists(path).value.mtime == stat.mtime
    assert conn.delete(path + "/child").ok
    let_a_check_pass(conn)
    assert is_missing(conn, path)


def test_cp_5_9_children_do_not_postpone_the_removal(conn, root):
    """CP-5.9: a node whose children come and go has no later mtime for it."""
    ttl_s = 1.0
    path = root + "/t"
    began = time.monotonic()
    _, stat = conn.create_ttl(path, int(ttl_s * 1000)).value
    assert conn.create(path + "/stays").ok
    while time.monotonic() < began + ttl_s + 0.2:
        assert conn.create(path + "/child").ok
        assert conn.delete(path + "/child").ok
        time.sleep(0.02)
    assert conn.exists(path).value.mtime == stat.mtime
    assert conn.delete(path + "/stays").ok
    let_a_check_pass(conn)
    assert is_missing(conn, path)


def test_cp_5_9_and_5_10_removal_goes_on_after_a_restart(make_server):
    """CP-5.9, CP-5.10: TTL and container nodes are still such nodes after a kill."""
    server = make_server(QUICK_REMOVAL_CONFIG)
    with open_session(server) as conn:
        assert conn.create_ttl("/ttl", 500).ok
        assert conn.create_container("/container").ok
        for path in ("/ttl", "/container"):
            assert conn.create(path + "/child").ok
        assert conn.create_ttl("/long", DAY_MS).ok
        assert conn.create_container("/never-used").ok
    server.kill()
    server.start()
    with open_session(server) as conn:
        assert conn.exists("/ttl").value.ephemeral_owner == 0
        for path in ("/ttl", "/container"):
            assert conn.delete(path + "/child").ok
            wait_until_gone(conn, path)
        let_a_check_pass(conn)
        assert conn.exists("/long").ok
        assert conn.exists("/never-used").ok


# --- Containers ---


def test_cp_5_10_container_is_removed_with_its_last_child(conn, root):
    """CP-5.10: while one child is left it stays."""
    path = root + "/c"
    assert conn.create_container(path).ok
    for name in ("/a", "/b"):
        assert conn.create(path + name).ok
    assert conn.delete(path + "/a").ok
    let_a_check_pass(conn)
    assert conn.exists(path).value.num_children == 1
    assert conn.delete(path + "/b").ok
    wait_until_gone(conn, path)


def test_cp_5_10_never_used_container_is_kept(conn, root):
    """CP-5.10: a failed create of a child is no use of it; writing to the container is none."""
    path = root + "/c"
    assert conn.create_container(path).ok
    assert conn.create(path + "/.").err == Err.BAD_ARGUMENTS
    assert conn.set(path, b"x").ok
    let_a_check_pass(conn)
    assert conn.exists(path).ok


def test_cp_5_10_never_used_container_with_a_time_limit(make_server):
    """CP-5.10 (rule 5.5): znode.container.maxNeverUsedIntervalMs removes those too, after mtime.
    """
    server = make_server({**QUICK_REMOVAL_CONFIG, "znode.container.maxNeverUsedIntervalMs": 1000})
    with open_session(server) as conn:
        began = time.monotonic()
        assert conn.create_container("/c").ok
        assert conn.create("/plain").ok
        wait_until_gone(conn, "/c")
        assert time.monotonic() - began >= 1
        assert conn.exists("/plain").ok


def test_cp_5_10_container_goes_when_its_ephemeral_children_do(conn, new_session, root):
    """CP-5.10: the end of the session that owned the last child is enough."""
    path = root + "/c"
    member = new_session()
    assert conn.create_container(path).ok
    assert member.create(path + "/e", flags=Flags.EPHEMERAL).ok
    let_a_check_pass(conn)
    assert conn.exists(path).ok
    assert member.close_session().ok
    wait_until_gone(conn, path)


def test_cp_5_10_nested_containers_go_one_after_the_other(conn, root):
    """CP-5.10: a removed container is a lost child of the container above it."""
    assert conn.create_container(root + "/c").ok
    assert conn.create_container(root + "/c/c").ok
    assert conn.create(root + "/c/c/child").ok
    assert conn.delete(root + "/c/c/child").ok
    wait_until_gone(conn, root + "/c/c")
    wait_until_gone(conn, root + "/c")


def make_removable(conn, path, kind):
    """Creates a node that the server will remove soon; the watch must be set before it does."""
    if kind == "ttl":
        return conn.create_ttl(path, 800)
    reply = conn.create_container(path)
    assert conn.create(path + "/child").ok
    return reply


@pytest.mark.parametrize("kind", ["container", "ttl"])
def test_cp_5_11_removal_fires_watches(conn, new_session, root, kind):
    """CP-5.11: at other sessions: NodeDeleted, then the parent's NodeChildrenChanged; once."""
    path = root + "/n"
    watcher, both = new_session(), new_session()
    assert make_removable(conn, path, kind).ok
    assert watcher.get(path, watch=True).ok
    assert watcher.children(root, watch=True).ok
    assert both.exists(path, watch=True).ok
    if kind == "container":
        assert conn.delete(path + "/child").ok
    expected = [(Event.DELETED, path), (Event.CHILDREN_CHANGED, root)]
    assert kinds([watcher.next_event(), watcher.next_event()]) == expected
    assert kinds([both.next_event()]) == expected[:1]
    assert watcher.drain_events() == both.drain_events() == []
    stat = conn.exists(root).value
    assert (stat.num_children, stat.cversion) == (0, 2)


@pytest.mark.parametrize("kind", ["container", "ttl"])
@apache_differs("3.8 puts -1 into the header of events")
def test_cp_5_11_events_of_a_removal_carry_its_zxid(conn, new_session, root, kind):
    """CP-5.11: the same that the parent has as pzxid afterwards."""
    path = root + "/n"
    watcher = new_session()
    assert make_removable(conn, path, kind).ok
    assert watcher.get(path, watch=True).ok
    assert watcher.children(root, watch=True).ok
    if kind == "container":
        assert conn.delete(path + "/child").ok
    events = [watcher.next_event(), watcher.next_event()]
    assert {event.zxid for event in events} == {conn.exists(root).value.pzxid}
