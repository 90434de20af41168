"""Events reach only those who may read, CP-9.21 and CP-9.22 (section 9.7)."""

import pytest

from lib import servers
from lib.elements import delete, set_data
from lib.scenery import SUPER_CONFIG, kinds, open_super
from lib.zkwire import (
    OPEN_ACL,
    Acl,
    Err,
    Event,
    Flags,
    Perms,
    WatcherType,
    WatchMode,
    digest_id,
)

CREATED, DELETED = Event.CREATED, Event.DELETED
DATA_CHANGED, CHILDREN_CHANGED = Event.DATA_CHANGED, Event.CHILDREN_CHANGED
UNREADABLE = [Acl(Perms.ALL & ~Perms.READ, "world", "anyone")]
FOR_BOB = [*UNREADABLE, Acl(Perms.READ, "digest", digest_id("bob:pw"))]


@pytest.fixture(scope="module")
def server():
    """A server with a super user."""
    with servers.start_server(config=SUPER_CONFIG) as process:
        yield process


@pytest.fixture
def watchers(server, new_session):
    """Sessions whose watches are looked at: nobody in particular, bob, super."""
    bob = new_session()
    assert bob.auth("digest", b"bob:pw").ok
    with open_super(server) as admin:
        yield [new_session(), bob, admin]
        admin.close_session()


def events_of(watcher):
    """(type, path) of all events sent to the watcher so far; the writer must have its replies."""
    return kinds(watcher.drain_events())


def assert_only_readers_got(watchers, events):
    """bob and super got the events, the other one got nothing."""
    assert [events_of(watcher) for watcher in watchers] == [[], events, events]


def assert_used_up(watchers, path, watcher_type):
    """The one-shot watch is gone at all connections."""
    for watcher in watchers:
        assert watcher.check_watches(path, watcher_type).err == Err.NO_WATCHER


# --- One-shot watches on nodes that became unreadable ---


def test_cp_9_21_data_changed(conn, watchers, root):
    """CP-9.21: filtered by the ACL of the node at that time; the watch is consumed all the same."""
    path = root + "/n"
    assert conn.create(path).ok
    for watcher in watchers:
        assert watcher.get(path, watch=True).ok
    assert conn.set_acl(path, FOR_BOB).ok
    assert conn.set(path, b"x").ok
    assert_only_readers_got(watchers, [(DATA_CHANGED, path)])
    assert_used_up(watchers, path, WatcherType.DATA)
    assert conn.set_acl(path, OPEN_ACL).err == 0
    assert conn.set(path, b"y").ok
    assert [events_of(watcher) for watcher in watchers] == [[], [], []]


@pytest.mark.parametrize("read, watcher_type", [("get", 2), ("children", 1)])
def test_cp_9_21_deleted(conn, watchers, root, read, watcher_type):
    """CP-9.21: by the last ACL of the node, in both tables."""
    path = root + "/n"
    assert conn.create(path).ok
    for watcher in watchers:
        assert getattr(watcher, read)(path, watch=True).ok
    assert conn.set_acl(path, FOR_BOB).ok
    assert conn.delete(path).ok
    assert_only_readers_got(watchers, [(DELETED, path)])
    assert_used_up(watchers, path, watcher_type)


@pytest.mark.parametrize("change", ["create", "delete"])
def test_cp_9_21_children_changed(conn, watchers, root, change):
    """CP-9.21: by the ACL of the parent; the child's own does not matter."""
    path = root + "/p"
    assert conn.create(path).ok
    assert conn.create(path + "/old").ok
    for watcher in watchers:
        assert watcher.children(path, watch=True).ok
    assert conn.set_acl(path, FOR_BOB).ok
    assert (conn.create(path + "/new") if change == "create" else conn.delete(path + "/old")).ok
    assert_only_readers_got(watchers, [(CHILDREN_CHANGED, path)])
    assert_used_up(watchers, path, WatcherType.CHILDREN)


def test_cp_9_21_children_changed_by_an_unreadable_child(conn, watchers, root):
    """CP-9.21: the parent is readable, so the event is delivered to all."""
    for watcher in watchers:
        assert watcher.children(root, watch=True).ok
    assert conn.create(root + "/sealed", acl=UNREADABLE).ok
    assert [events_of(watcher) for watcher in watchers] == [[(CHILDREN_CHANGED, root)]] * 3


def test_cp_9_21_ephemerals_of_a_closed_session(conn, watchers, root):
    """CP-9.21: removal by the end of a session is filtered as well."""
    path = root + "/e"
    assert conn.create(path, acl=FOR_BOB, flags=Flags.EPHEMERAL).ok
    for watcher in watchers:
        assert watcher.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.close_session().ok
    assert_only_readers_got(watchers, [(DELETED, path)])


def test_cp_9_21_in_a_multi(conn, watchers, root):
    """CP-9.21: each element's event by itself."""
    sealed, open_path = root + "/sealed", root + "/open"
    assert conn.create(sealed, acl=FOR_BOB).ok
    assert conn.create(open_path).ok
    for watcher in watchers:
        assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert conn.multi([set_data(sealed), set_data(open_path), delete(sealed)]).ok
    public = [(DATA_CHANGED, open_path)]
    everything = [(DATA_CHANGED, sealed), *public, (DELETED, sealed)]
    assert [events_of(watcher) for watcher in watchers] == [public, everything, everything]


# --- Whose identities, and when ---


def test_cp_9_21_identities_are_those_at_the_time_of_the_event(conn, new_session, root):
    """CP-9.21: who authenticates after the watch was set gets the event."""
    watcher = new_session()
    path = root + "/n"
    assert conn.create(path).ok
    assert watcher.get(path, watch=True).ok
    assert conn.set_acl(path, FOR_BOB).ok
    assert watcher.auth("digest", b"bob:pw").ok
    assert conn.set(path, b"x").ok
    assert events_of(watcher) == [(DATA_CHANGED, path)]


def test_cp_9_21_the_writer_itself_is_filtered(conn, root):
    """CP-9.21: it may write and still not read."""
    path = root + "/n"
    assert conn.create(path).ok
    assert conn.get(path, watch=True).ok
    assert conn.set_acl(path, UNREADABLE).ok
    reply = conn.set(path, b"x")
    assert (reply.err, reply.events_before) == (0, [])


def test_cp_9_21_persistent_watches_are_filtered_and_stay(conn, watchers, root):
    """CP-9.21: event by event; readable again, they bring events again."""
    path = root + "/n"
    for watcher in watchers:
        assert watcher.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.create(path, acl=FOR_BOB).ok
    assert conn.set(path, b"x").ok
    assert conn.create(path + "/c").ok
    assert conn.delete(path + "/c").ok
    expected = [(CREATED, path), (DATA_CHANGED, path)] + [(CHILDREN_CHANGED, path)] * 2
    assert_only_readers_got(watchers, expected)
    assert conn.set_acl(path, OPEN_ACL).ok
    assert conn.set(path, b"y").ok
    assert conn.delete(path).ok
    expected = [(DATA_CHANGED, path), (DELETED, path)]
    assert [events_of(watcher) for watcher in watchers] == [expected] * 3


def test_cp_9_21_recursive_watches_look_at_the_changed_node(conn, watchers, root):
    """CP-9.21: not at the watched ancestor: a sealed node in an open tree stays hidden, an open
    one in a sealed tree is seen.
    """
    sealed, inner = root + "/sealed", root + "/sealed/open"
    for watcher in watchers:
        assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert conn.create(sealed, acl=FOR_BOB).ok
    assert conn.create(inner).ok
    assert conn.set(inner, b"x").ok
    assert conn.set(sealed, b"x").ok
    assert conn.delete(inner).ok
    assert conn.delete(sealed).ok
    public = [(CREATED, inner), (DATA_CHANGED, inner), (DELETED, inner)]
    everything = [(CREATED, sealed), *public[:2], (DATA_CHANGED, sealed), public[2]]
    everything.append((DELETED, sealed))
    assert [events_of(watcher) for watcher in watchers] == [public, everything, everything]


def test_cp_9_21_a_filtered_data_event_does_not_hide_the_child_event(conn, new_session, root):
    """CP-9.21 (section 9.3): triggers are filtered one by one."""
    watcher = new_session()
    assert conn.create(root + "/sealed", acl=UNREADABLE).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT).ok
    assert watcher.add_watch(root + "/sealed", WatchMode.PERSISTENT).ok
    assert conn.delete(root + "/sealed").ok
    assert events_of(watcher) == [(CHILDREN_CHANGED, root)]


# --- NodeCreated ---


def test_cp_9_22_creation_of_an_unreadable_node(conn, watchers, root):
    """CP-9.22: not delivered to an exists watcher, whose watch is consumed all the same."""
    path = root + "/n"
    for watcher in watchers:
        assert watcher.exists(path, watch=True).err == Err.NO_NODE
    assert conn.create(path, acl=FOR_BOB).ok
    assert_only_readers_got(watchers, [(CREATED, path)])
    assert_used_up(watchers, path, WatcherType.DATA)
    assert conn.set_acl(path, OPEN_ACL).ok
    assert conn.set(path, b"x").ok
    assert [events_of(watcher) for watcher in watchers] == [[], [], []]


def test_cp_9_22_creation_of_a_readable_node_below_an_unreadable_parent(conn, watchers, root):
    """CP-9.22: the new node's own ACL decides about NodeCreated, the parent's about its event."""
    parent, path = root + "/p", root + "/p/n"
    assert conn.create(parent).ok
    for watcher in watchers:
        assert watcher.children(parent, watch=True).ok
        assert watcher.exists(path, watch=True).err == Err.NO_NODE
    assert conn.set_acl(parent, FOR_BOB).ok
    assert conn.create(path).ok
    everything = [(CREATED, path), (CHILDREN_CHANGED, parent)]
    assert [events_of(watcher) for watcher in watchers] == [everything[:1], everything, everything]
