"""Which events a watch brings, and when, CP-9.1 to CP-9.8 and CP-9.23 to CP-9.25.

Persistent watches (CP-9.9 to CP-9.14) are in test_cp9_persistent_watches.py, checkWatches,
removeWatches and setWatches (CP-9.15 to CP-9.20) in test_cp9_watch_requests.py, the ACL filter
(CP-9.21, CP-9.22) in test_cp9_event_acl.py.
"""

import struct

import pytest

from lib import servers
from lib.elements import create, delete, set_data
from lib.marks import apache_differs
from lib.scenery import kinds
from lib.waiting import wait_until
from lib.zkwire import (
    OPEN_ACL,
    Err,
    Event,
    Flags,
    Op,
    Reply,
    WatcherType,
    WatchEvent,
    WatchMode,
    path_watch_request,
    reconnect,
    set_data_request,
)

CREATED, DELETED = Event.CREATED, Event.DELETED
DATA_CHANGED, CHILDREN_CHANGED = Event.DATA_CHANGED, Event.CHILDREN_CHANGED
EVENT_ZXID = apache_differs("3.8 puts -1 into the header of events")


@pytest.fixture(scope="module")
def server():
    """A server with short ticks, where sessions may expire after one second."""
    with servers.start_server(config={"tickTime": 500}) as process:
        yield process


@pytest.fixture
def watcher(new_session):
    """A second session, whose watches are looked at while `conn` changes nodes."""
    return new_session()


def events_of(watcher):
    """(type, path) of all events sent to the watcher so far; the writer must have its replies."""
    return kinds(watcher.drain_events())


# --- Frame and zxid ---


@pytest.mark.parametrize("kind", [CREATED, DELETED, DATA_CHANGED, CHILDREN_CHANGED])
def test_cp_9_1_event_frame(conn, watcher, root, kind):
    """CP-9.1: xid -1, zxid, err 0, type, state 3, path; nothing behind it."""
    path = root + "/n"
    if kind != CREATED:
        assert conn.create(path).ok
    watcher.exists(path, watch=True)
    watcher.children(path, watch=True)
    change = {
        CREATED: lambda: conn.create(path),
        DELETED: lambda: conn.delete(path),
        DATA_CHANGED: lambda: conn.set(path, b"x"),
        CHILDREN_CHANGED: lambda: conn.create(path + "/child"),
    }[kind]
    assert change().ok
    payload = watcher.recv_frame()
    expected = struct.pack(">iqiiii", -1, 0, 0, kind, 3, len(path)) + path.encode()
    assert payload[:4] + bytes(8) + payload[12:] == expected


def watch_all(client, parent):
    """Persistent watches for all that happens below `parent` and to its list of children.

    On two paths, because 3.8 keeps but one mode for each path.
    """
    assert client.add_watch(parent.rsplit("/", 1)[0], WatchMode.PERSISTENT_RECURSIVE).ok
    assert client.add_watch(parent, WatchMode.PERSISTENT).ok


def changes_with_events(conn, parent):
    """(change, types of the events it fires at a connection with `watch_all(parent)`), to be made
    in this order.
    """
    path = parent + "/n"
    multi = [set_data(path, b"y"), create(parent + "/m"), delete(parent + "/m")]
    return [
        (lambda: conn.create(path), [CREATED, CHILDREN_CHANGED]),
        (lambda: conn.set(path, b"x"), [DATA_CHANGED]),
        (
            lambda: conn.multi(multi),
            [DATA_CHANGED, CREATED, CHILDREN_CHANGED, DELETED, CHILDREN_CHANGED],
        ),
        (lambda: conn.delete(path), [DELETED, CHILDREN_CHANGED]),
        (lambda: conn.create(path, flags=Flags.EPHEMERAL), [CREATED, CHILDREN_CHANGED]),
        (conn.close_session, [DELETED, CHILDREN_CHANGED]),
    ]


@EVENT_ZXID
def test_cp_9_1_events_carry_the_zxid_of_the_transaction(conn, watcher, root):
    """CP-9.1: every event of create, setData, multi, delete and closeSession."""
    assert conn.create(root + "/p").ok
    watch_all(watcher, root + "/p")
    for change, types in changes_with_events(conn, root + "/p"):
        zxid = change().zxid
        events = watcher.drain_events()
        assert [event.type for event in events] == types
        assert {event.zxid for event in events} == {zxid}


# --- Standard watches ---


@pytest.mark.parametrize("read", ["get", "exists"])
def test_cp_9_2_data_watch_fires_once(conn, watcher, root, read):
    """CP-9.2: on the first setData, also with the same data, and not again; a new one may be set.
    """
    for _ in range(2):
        assert getattr(watcher, read)(root, watch=True).ok
        assert conn.set(root, b"same").ok
        assert events_of(watcher) == [(DATA_CHANGED, root)]
        assert conn.set(root, b"other").ok
        assert events_of(watcher) == []


def test_cp_9_2_registrations_of_one_connection_are_one_watch(conn, watcher, root):
    """CP-9.2 (section 9.1): getData and exists share it; setting it twice is setting it once."""
    for _ in range(2):
        assert watcher.get(root, watch=True).ok
        assert watcher.exists(root, watch=True).ok
    assert conn.set(root, b"1").ok
    assert conn.set(root, b"2").ok
    assert events_of(watcher) == [(DATA_CHANGED, root)]


def test_cp_9_2_each_connection_has_its_own_watches(conn, watcher, new_session, root):
    """CP-9.2: all that watch get the event, those that do not watch get none."""
    others = [new_session() for _ in range(4)]
    for client in others[:3] + [watcher]:
        assert client.get(root, watch=True).ok
    assert watcher.remove_watches(root, WatcherType.DATA).ok
    assert conn.set(root, b"x").ok
    assert [events_of(client) for client in others] == [[(DATA_CHANGED, root)]] * 3 + [[]]
    assert events_of(watcher) == []


def test_cp_9_2_reads_without_a_watch_register_nothing(conn, watcher, root):
    """CP-9.2: and a read without watch does not take a watch away."""
    assert watcher.get(root).ok
    assert conn.set(root, b"1").ok
    assert events_of(watcher) == []
    assert watcher.get(root, watch=True).ok
    assert watcher.get(root, watch=False).ok
    assert conn.set(root, b"2").ok
    assert events_of(watcher) == [(DATA_CHANGED, root)]


@pytest.mark.parametrize("flags", range(5))
def test_cp_9_3_exists_watch_on_a_missing_node(conn, watcher, root, flags):
    """CP-9.3: fires NodeCreated for every kind of node, once."""
    path = root + "/n" + ("0000000000" if flags in (2, 3) else "")
    assert watcher.exists(path, watch=True).err == Err.NO_NODE
    assert conn.create(root + "/n", flags=flags).value == path
    assert events_of(watcher) == [(CREATED, path)]
    assert conn.set(path, b"x").ok
    assert conn.delete(path).ok
    assert events_of(watcher) == []


def test_cp_9_3_exists_watch_below_a_missing_parent(conn, watcher, root):
    """CP-9.3: the parent's creation does not fire it."""
    assert watcher.exists(root + "/a/b", watch=True).err == Err.NO_NODE
    assert conn.create(root + "/a").ok
    assert events_of(watcher) == []
    assert conn.create(root + "/a/b").ok
    assert events_of(watcher) == [(CREATED, root + "/a/b")]


@pytest.mark.parametrize("read", ["get", "children", "children2"])
def test_cp_9_3_other_reads_of_a_missing_node_register_nothing(conn, watcher, root, read):
    """CP-9.3: no event when the node comes to be."""
    path = root + "/n"
    assert getattr(watcher, read)(path, watch=True).err == Err.NO_NODE
    assert watcher.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.create(path).ok
    assert conn.create(path + "/child").ok
    assert conn.set(path, b"x").ok
    assert events_of(watcher) == []


def test_cp_9_3_exists_watch_on_an_existing_node(conn, watcher, root):
    """CP-9.3 (section 9.4): fires at setData or at delete, whichever comes first."""
    path = root + "/n"
    assert conn.create(path).ok
    assert watcher.exists(path, watch=True).ok
    assert conn.set(path, b"x").ok
    assert events_of(watcher) == [(DATA_CHANGED, path)]
    assert watcher.exists(path, watch=True).ok
    assert conn.delete(path).ok
    assert events_of(watcher) == [(DELETED, path)]
    assert conn.create(path).ok
    assert events_of(watcher) == []


def test_cp_9_4_delete_yields_one_event(conn, watcher, root):
    """CP-9.4: for data, exists and child watches of one connection on the node; all are used up."""
    path = root + "/n"
    assert conn.create(path).ok
    assert watcher.get(path, watch=True).ok
    assert watcher.exists(path, watch=True).ok
    assert watcher.children(path, watch=True).ok
    assert watcher.children2(path, watch=True).ok
    assert conn.delete(path).ok
    assert events_of(watcher) == [(DELETED, path)]
    assert watcher.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.create(path).ok
    assert conn.create(path + "/child").ok
    assert events_of(watcher) == []


def test_cp_9_4_delete_reaches_data_and_child_watchers_alike(conn, new_session, root):
    """CP-9.4 (table 9.4): one NodeDeleted each, whichever of the two they have."""
    path = root + "/n"
    assert conn.create(path).ok
    data, child, both = new_session(), new_session(), new_session()
    for client in (data, both):
        assert client.get(path, watch=True).ok
    for client in (child, both):
        assert client.children(path, watch=True).ok
    assert conn.delete(path).ok
    for client in (data, child, both):
        assert events_of(client) == [(DELETED, path)]


def test_cp_9_4_skipped_child_watch_is_used_up(conn, watcher, root):
    """CP-9.4 (section 9.4): a recursive watch gets the event, the child watch goes all the same."""
    path = root + "/n"
    assert conn.create(path).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert watcher.children(path, watch=True).ok
    assert conn.delete(path).ok
    assert events_of(watcher) == [(DELETED, path)]
    assert watcher.check_watches(path, WatcherType.CHILDREN).err == Err.NO_WATCHER


@pytest.mark.parametrize("read", ["children", "children2"])
def test_cp_9_5_child_watch(conn, watcher, root, read):
    """CP-9.5: 4 for create and delete of a child, 2 for the own end, nothing for setData and for
    deeper nodes; once each.
    """
    path = root + "/n"
    assert conn.create(path).ok
    changes = [
        (lambda: conn.create(path + "/a"), CHILDREN_CHANGED),
        (lambda: conn.delete(path + "/a"), CHILDREN_CHANGED),
        (lambda: conn.delete(path), DELETED),
    ]
    for change, kind in changes:
        assert getattr(watcher, read)(path, watch=True).ok
        assert conn.set(path, b"x").ok
        assert events_of(watcher) == []
        assert change().ok
        assert events_of(watcher) == [(kind, path)]
    assert conn.create(path).ok
    assert conn.create(path + "/a").ok
    assert events_of(watcher) == []
    assert getattr(watcher, read)(path, watch=True).ok
    assert conn.set(path + "/a", b"x").ok
    assert conn.create(path + "/a/deeper").ok
    assert events_of(watcher) == []


# --- Order ---


def watch_child_and_parent(client, parent, child):
    """A data (or exists) watch on the child, a child watch on the parent."""
    client.exists(child, watch=True)
    assert client.children(parent, watch=True).ok


@pytest.mark.parametrize("own", [False, True], ids=["others", "own"])
def test_cp_9_6_child_before_parent(conn, watcher, root, own):
    """CP-9.6: NodeCreated and NodeDeleted of the child precede the parent's NodeChildrenChanged."""
    path, client = root + "/n", conn if own else watcher
    for change, kind in ((conn.create, CREATED), (conn.delete, DELETED)):
        watch_child_and_parent(client, root, path)
        reply = change(path)
        events = reply.events_before if own else client.drain_events()
        assert kinds(events) == [(kind, path), (CHILDREN_CHANGED, root)]


def test_cp_9_6_the_parent_of_a_first_level_node_is_the_root(conn, watcher, root):
    """CP-9.6 (section 9.4): its child watch is on "/"."""
    path = root + "-first-level"
    watch_child_and_parent(watcher, "/", path)
    assert conn.create(path).ok
    assert events_of(watcher) == [(CREATED, path), (CHILDREN_CHANGED, "/")]
    watch_child_and_parent(watcher, "/", path)
    assert conn.delete(path).ok
    assert events_of(watcher) == [(DELETED, path), (CHILDREN_CHANGED, "/")]


def test_cp_9_7_own_write_event_precedes_the_reply(conn, root):
    """CP-9.7: for setData, create, delete, and when the watch is set in the same segment."""
    path = root + "/n"
    conn.exists(path, watch=True)
    assert kinds(conn.create(path).events_before) == [(CREATED, path)]
    assert conn.get(path, watch=True).ok
    assert kinds(conn.set(path, b"x").events_before) == [(DATA_CHANGED, path)]
    assert conn.get(path, watch=True).ok
    assert kinds(conn.delete(path).events_before) == [(DELETED, path)]
    stream = conn.encode(Op.EXISTS, path_watch_request(root, True))
    stream += conn.encode(Op.SET_DATA, set_data_request(root, b"y"))
    stream += conn.encode(Op.EXISTS, path_watch_request(root))
    conn.send_raw(stream)
    messages = [conn.next() for _ in range(4)]
    assert [type(message) for message in messages] == [Reply, WatchEvent, Reply, Reply]
    assert messages[3].value.version == 1


def test_cp_9_7_the_watch_that_a_reply_announced_is_in_place(conn, watcher, root):
    """CP-9.7 (section 9.9): from the stat of a watching read on, no change is missed."""
    rounds = 200
    body = set_data_request(root, b"x")
    conn.send_raw(b"".join(conn.encode(Op.SET_DATA, body) for _ in range(rounds)))
    version = -1
    while version < rounds:
        seen = watcher.exists(root, watch=True).value.version
        assert seen > version
        version = seen
        if version < rounds:
            assert kinds([watcher.next_event()]) == [(DATA_CHANGED, root)]
    assert all(conn.next_reply().ok for _ in range(rounds))
    assert events_of(watcher) == []


def test_cp_9_7_the_event_precedes_any_reply_that_shows_the_change(conn, watcher, root):
    """CP-9.7 (section 9.9): while another session writes, a reader has got just as many events of
    its persistent watch as the version that it reads says.
    """
    rounds = 300
    assert watcher.add_watch(root, WatchMode.PERSISTENT).ok
    body = set_data_request(root, b"x")
    conn.send_raw(b"".join(conn.encode(Op.SET_DATA, body) for _ in range(rounds)))
    read = path_watch_request(root)
    watcher.send_raw(b"".join(watcher.encode(Op.EXISTS, read) for _ in range(rounds)))
    events = replies = 0
    while replies < rounds:
        message = watcher.next()
        if isinstance(message, WatchEvent):
            events += 1
        else:
            replies += 1
            assert message.value.version == events
    assert all(conn.next_reply().ok for _ in range(rounds))
    events += len(watcher.drain_events())
    assert events == watcher.exists(root).value.version == rounds


def test_cp_9_8_set_acl_fires_nothing(conn, watcher, root):
    """CP-9.8: neither do failed writes, reads, sync and failed multis; the watches stay."""
    assert conn.create(root + "/n").ok
    assert watcher.get(root, watch=True).ok
    assert watcher.children(root, watch=True).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    assert conn.set_acl(root, OPEN_ACL).ok
    assert conn.set_acl(root + "/n", OPEN_ACL).ok
    assert conn.set(root, b"x", 7).err == Err.BAD_VERSION
    assert conn.delete(root).err == Err.NOT_EMPTY
    assert conn.create(root + "/n").err == Err.NODE_EXISTS
    assert conn.get(root).ok
    assert conn.sync(root).ok
    assert conn.multi([set_data(root), delete(root)]).value[1].err == Err.NOT_EMPTY
    assert events_of(watcher) == []
    assert watcher.check_watches(root, WatcherType.DATA).ok
    assert watcher.check_watches(root, WatcherType.CHILDREN).ok


# --- Multi, sessions, connections ---


def test_cp_9_23_events_of_a_multi_come_in_the_order_of_its_elements(conn, watcher, root):
    """CP-9.23: with all triggers of an element before the next; own events before the reply."""
    parent = root + "/p"
    elements = [
        create(parent + "/b"),
        create(parent + "/a"),
        set_data(parent + "/b", b"x"),
        create(parent + "/a/c"),
        delete(parent + "/a/c"),
        delete(parent + "/b"),
        set_data(parent, b"x"),
    ]
    assert conn.create(parent).ok
    for client in (conn, watcher):
        watch_all(client, parent)
    expected = [
        *((CREATED, parent + "/b"), (CHILDREN_CHANGED, parent)),
        *((CREATED, parent + "/a"), (CHILDREN_CHANGED, parent)),
        (DATA_CHANGED, parent + "/b"),
        (CREATED, parent + "/a/c"),
        (DELETED, parent + "/a/c"),
        *((DELETED, parent + "/b"), (CHILDREN_CHANGED, parent)),
        (DATA_CHANGED, parent),
    ]
    assert kinds(conn.multi(elements).events_before) == expected
    assert events_of(watcher) == expected


@EVENT_ZXID
def test_cp_9_23_all_events_of_a_multi_carry_its_zxid(conn, watcher, root):
    """CP-9.23: one zxid for all."""
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    reply = conn.multi([create(f"{root}/{number}") for number in range(10)])
    assert [event.zxid for event in watcher.drain_events()] == [reply.zxid] * 10


def test_cp_9_23_one_shots_fire_at_the_first_element_that_reaches_them(conn, watcher, root):
    """CP-9.23: and only there."""
    path = root + "/n"
    watch_child_and_parent(watcher, root, path)
    assert conn.multi([create(root + "/m"), create(path), set_data(path), delete(path)]).ok
    assert events_of(watcher) == [(CHILDREN_CHANGED, root), (CREATED, path)]


def ephemerals_with_watches(owner, watcher, root):
    """Three ephemerals of `owner` in one directory, watched in all ways; returns their paths."""
    paths = [f"{root}/{number}" for number in range(3)]
    for path in paths:
        assert owner.create(path, flags=Flags.EPHEMERAL).ok
    assert watcher.add_watch(root, WatchMode.PERSISTENT).ok
    for path in paths:
        assert watcher.get(path, watch=True).ok
    return paths


def assert_delete_events(events, paths, root):
    """Each node's NodeDeleted is followed by its parent's event; the order of nodes is free."""
    pairs = [tuple(kinds(events)[index : index + 2]) for index in range(0, len(events), 2)]
    assert sorted(pairs) == [((DELETED, path), (CHILDREN_CHANGED, root)) for path in sorted(paths)]


def test_cp_9_24_closing_a_session_fires_for_its_ephemerals(conn, watcher, root):
    """CP-9.24: at other connections; all triggers of a node before the next node."""
    paths = ephemerals_with_watches(conn, watcher, root)
    assert conn.close_session().ok
    assert_delete_events(watcher.drain_events(), paths, root)


def test_cp_9_24_own_events_come_before_the_reply_to_close(conn, root):
    """CP-9.24 (section 9.9): first the events, then the reply, then EOF."""
    paths = ephemerals_with_watches(conn, conn, root)
    reply = conn.close_session()
    assert_delete_events(reply.events_before, paths, root)
    conn.expect_closed()


def test_cp_9_24_expiry_fires_for_the_ephemerals(new_session, watcher, root):
    """CP-9.24: the same when a session dies in silence."""
    owner = new_session(timeout_ms=1000)
    paths = ephemerals_with_watches(owner, watcher, root)
    owner.close()
    events = [watcher.next_event() for _ in range(6)]
    assert_delete_events(events, paths, root)
    assert events_of(watcher) == []


@pytest.mark.parametrize("how", ["close", "abort"])
def test_cp_9_25_watches_end_with_their_connection(server, conn, new_session, root, how):
    """CP-9.25: the session goes on at a new connection without any of them; changes made in
    between bring no event.
    """
    old = new_session()
    assert old.get(root, watch=True).ok
    assert old.children(root, watch=True).ok
    assert old.exists(root + "/n", watch=True).err == Err.NO_NODE
    assert old.add_watch(root, WatchMode.PERSISTENT).ok
    assert old.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    getattr(old, how)()
    assert conn.set(root, b"in between").ok
    with reconnect(server, old) as new:
        assert new.check_watches(root, WatcherType.ANY).err == Err.NO_WATCHER
        assert new.check_watches(root + "/n", WatcherType.ANY).err == Err.NO_WATCHER
        assert conn.set(root, b"x").ok
        assert conn.create(root + "/n").ok
        assert conn.delete(root + "/n").ok
        assert events_of(new) == []


def watch_count(server):
    """Number of watches that the server knows of, as `mntr` reports it."""
    lines = server.four_letter("mntr").decode().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("zk_watch_count")))


def test_cp_9_25_the_server_forgets_watches_of_closed_connections(server, new_session, root):
    """CP-9.25: they take no memory any more."""
    before = watch_count(server)
    clients = [new_session() for _ in range(5)]
    for client in clients:
        assert client.get(root, watch=True).ok
        assert client.add_watch(root + "/n", WatchMode.PERSISTENT_RECURSIVE).ok
    assert watch_count(server) >= before + 10
    for client in clients:
        client.close()
    wait_until(lambda: watch_count(server) <= before, "the watches are gone")
