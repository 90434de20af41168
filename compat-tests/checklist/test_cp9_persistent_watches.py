"""Persistent and recursive watches, alone and with others, CP-9.9 to CP-9.14."""

import pytest

from lib.marks import apache_differs
from lib.scenery import kinds
from lib.zkwire import Acl, Err, Event, WatcherType, WatchMode

CREATED, DELETED = Event.CREATED, Event.DELETED
DATA_CHANGED, CHILDREN_CHANGED = Event.DATA_CHANGED, Event.CHILDREN_CHANGED


@pytest.fixture
def watcher(new_session):
    """A second session, whose watches are looked at while `conn` changes nodes."""
    return new_session()


def events_of(watcher):
    """(type, path) of all events sent to the watcher so far; the writer must have its replies."""
    return kinds(watcher.drain_events())


# --- Persistent watches ---


def test_cp_9_9_persistent_watch(conn, watcher, root):
    """CP-9.9: 1, 2, 3, 4 again and again at its path only; it survives delete and create."""
    path = root + "/p"
    assert watcher.add_watch(path, WatchMode.PERSISTENT).ok
    for _ in range(2):
        assert conn.create(path).ok
        assert events_of(watcher) == [(CREATED, path)]
        for _ in range(2):
            assert conn.set(path, b"x").ok
            assert conn.create(path + "/child").ok
            assert conn.delete(path + "/child").ok
        assert events_of(watcher) == [
            *((DATA_CHANGED, path), (CHILDREN_CHANGED, path), (CHILDREN_CHANGED, path)),
            *((DATA_CHANGED, path), (CHILDREN_CHANGED, path), (CHILDREN_CHANGED, path)),
        ]
        assert conn.delete(path).ok
        assert events_of(watcher) == [(DELETED, path)]


def test_cp_9_9_nothing_from_other_paths(conn, watcher, root):
    """CP-9.9: not from children and deeper nodes themselves, neighbours or the parent."""
    path = root + "/p"
    assert conn.create(path).ok
    assert conn.create(path + "/c").ok
    assert watcher.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.set(path + "/c", b"x").ok
    assert conn.create(path + "/c/g").ok
    assert conn.delete(path + "/c/g").ok
    assert conn.create(path + "-neighbour").ok
    assert conn.set(root, b"x").ok
    assert events_of(watcher) == []


def test_cp_9_10_recursive_watch(conn, watcher, root):
    """CP-9.10: 1, 2, 3 for its path and every descendant, never 4; for nodes that do not exist yet
    when it is set; nothing from neighbours and from above.
    """
    path = root + "/r"
    assert watcher.add_watch(path, WatchMode.PERSISTENT_RECURSIVE).ok
    for _ in range(2):
        nodes = [path, path + "/c", path + "/c/g", path + "/c/g/d"]
        for node in nodes:
            assert conn.create(node).ok
            assert conn.set(node, b"x").ok
        expected = [event for node in nodes for event in ((CREATED, node), (DATA_CHANGED, node))]
        assert events_of(watcher) == expected
        for node in reversed(nodes):
            assert conn.delete(node).ok
        assert events_of(watcher) == [(DELETED, node) for node in reversed(nodes)]
    for node in (root + "/r-neighbour", root + "/other"):
        assert conn.create(node).ok
    assert conn.set(root, b"x").ok
    assert events_of(watcher) == []


def test_cp_9_10_recursive_watch_on_the_root(conn, watcher, root):
    """CP-9.10: "/" covers everything, itself included."""
    assert watcher.add_watch("/", WatchMode.PERSISTENT_RECURSIVE).ok
    assert conn.create(root + "/a").ok
    assert conn.set("/", b"").ok
    assert conn.set(root, b"x").ok
    assert conn.delete(root + "/a").ok
    expected = [(CREATED, root + "/a"), (DATA_CHANGED, "/"), (DATA_CHANGED, root)]
    assert events_of(watcher) == expected + [(DELETED, root + "/a")]


def test_cp_9_10_recursive_watches_at_several_levels_give_one_event(conn, watcher, root):
    """CP-9.10 (section 9.3): each trigger reaches a connection once."""
    for path in ("/", root, root + "/a", root + "/a/b"):
        assert watcher.add_watch(path, WatchMode.PERSISTENT_RECURSIVE).ok
    assert conn.create(root + "/a").ok
    assert conn.create(root + "/a/b").ok
    assert conn.delete(root + "/a/b").ok
    b = root + "/a/b"
    assert events_of(watcher) == [(CREATED, root + "/a"), (CREATED, b), (DELETED, b)]


# --- Several watches of one connection ---


_REPLACED = apache_differs("3.8 replaces a persistent watch by the one-shot one that follows")


@pytest.mark.parametrize("first", [pytest.param("persistent", marks=_REPLACED), "one-shot"])
@pytest.mark.parametrize("read", ["get", "exists", "children"])
def test_cp_9_11_persistent_plus_one_shot_gives_one_event(conn, watcher, root, read, first):
    """CP-9.11: and afterwards the persistent one goes on; the order of setting does not matter."""
    steps = [
        lambda: watcher.add_watch(root, WatchMode.PERSISTENT).ok,
        lambda: getattr(watcher, read)(root, watch=True).ok,
    ]
    for step in steps if first == "persistent" else reversed(steps):
        assert step()
    event = (CHILDREN_CHANGED if read == "children" else DATA_CHANGED, root)
    for number in range(3):
        assert (conn.create(f"{root}/{number}") if read == "children" else conn.set(root, b"")).ok
        assert events_of(watcher) == [event]


@pytest.mark.parametrize("read", ["get", "exists"])
def test_cp_9_12_recursive_ancestor_plus_one_shot_gives_one_event(conn, watcher, root, read):
    """CP-9.12: the one-shot is consumed, the recursive one goes on."""
    path = root + "/n"
    assert conn.create(path).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert getattr(watcher, read)(path, watch=True).ok
    assert watcher.check_watches(path, WatcherType.DATA).ok
    assert conn.set(path, b"x").ok
    assert events_of(watcher) == [(DATA_CHANGED, path)]
    assert watcher.remove_watches(root, WatcherType.ANY).ok
    assert conn.set(path, b"y").ok
    assert events_of(watcher) == []


def test_cp_9_12_recursive_ancestor_plus_persistent_gives_one_event(conn, watcher, root):
    """CP-9.12 (section 9.5): for data events; both stay."""
    path = root + "/n"
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert watcher.add_watch(path, WatchMode.PERSISTENT).ok
    for _ in range(2):
        assert conn.create(path).ok
        assert conn.set(path, b"x").ok
        assert conn.delete(path).ok
        assert events_of(watcher) == [(CREATED, path), (DATA_CHANGED, path), (DELETED, path)]


def test_cp_9_12_recursive_plus_one_shot_on_the_same_path(conn, watcher, root):
    """CP-9.12 (section 9.1): modes of one path are independent of each other."""
    assert watcher.get(root, watch=True).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    for _ in range(2):
        assert conn.set(root, b"x").ok
        assert events_of(watcher) == [(DATA_CHANGED, root)]


def test_cp_9_13_recursive_plus_child_watch(conn, watcher, root):
    """CP-9.13: NodeCreated(child), then NodeChildrenChanged(parent), which is used up."""
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert watcher.children(root, watch=True).ok
    assert conn.create(root + "/a").ok
    assert events_of(watcher) == [(CREATED, root + "/a"), (CHILDREN_CHANGED, root)]
    assert conn.create(root + "/b").ok
    assert events_of(watcher) == [(CREATED, root + "/b")]


def test_cp_9_13_recursive_ancestor_plus_persistent_on_the_parent(conn, watcher, root):
    """CP-9.13 (section 9.5): the same two, every time, for create and delete."""
    parent, child = root + "/p", root + "/p/c"
    assert conn.create(parent).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert watcher.add_watch(parent, WatchMode.PERSISTENT).ok
    for _ in range(2):
        assert conn.create(child).ok
        assert conn.delete(child).ok
        assert events_of(watcher) == [
            *((CREATED, child), (CHILDREN_CHANGED, parent)),
            *((DELETED, child), (CHILDREN_CHANGED, parent)),
        ]


@pytest.mark.parametrize("mode", [2, -1, 3, 2**31 - 1, -(2**31)])
def test_cp_9_14_unknown_add_watch_modes(conn, watcher, root, mode):
    """CP-9.14: -5, nothing registered, and the connection goes on."""
    reply = watcher.add_watch(root, mode)
    assert (reply.err, reply.body) == (Err.MARSHALLING, b"")
    assert watcher.check_watches(root, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.set(root, b"x").ok
    assert events_of(watcher) == []


@pytest.mark.parametrize("mode", [WatchMode.PERSISTENT, WatchMode.PERSISTENT_RECURSIVE])
def test_cp_9_14_any_path_string_is_accepted(conn, root, mode):
    """CP-9.14: missing, malformed, empty, unreadable: no check at all; the bytes are compared."""
    assert conn.create(root + "/sealed", acl=[Acl(0, "world", "anyone")]).ok
    for path in (root + "/sealed", "/missing/node", "", "nonsense", "//", "/a\0b", "/a/", "/../x"):
        reply = conn.add_watch(path, mode)
        assert (reply.err, reply.body) == (0, bytes(4))
    for path in ("/missing", "/a", "/a/b"):
        assert conn.check_watches(path, WatcherType.PERSISTENT).err != 0


@pytest.mark.parametrize("mode", [WatchMode.PERSISTENT, WatchMode.PERSISTENT_RECURSIVE])
def test_cp_9_14_a_trailing_slash_is_another_path(conn, watcher, root, mode):
    """CP-9.14: paths are not normalised, so this watch never fires."""
    assert watcher.add_watch(root + "/", mode).ok
    assert conn.set(root, b"x").ok
    assert events_of(watcher) == []
