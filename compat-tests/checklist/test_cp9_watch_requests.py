"""checkWatches, removeWatches, setWatches and setWatches2, CP-9.15 to CP-9.20."""

import pytest

from lib.marks import apache_differs
from lib.scenery import kinds
from lib.zkwire import (
    Acl,
    Err,
    Event,
    Flags,
    Op,
    WatcherType,
    WatchMode,
    Writer,
    open_session,
    set_watches2_request,
    set_watches_request,
)

CREATED, DELETED = Event.CREATED, Event.DELETED
DATA_CHANGED, CHILDREN_CHANGED = Event.DATA_CHANGED, Event.CHILDREN_CHANGED
TYPES = range(1, 6)


@pytest.fixture
def watcher(new_session):
    """A second session, whose watches are looked at while `conn` changes nodes."""
    return new_session()


def events_of(watcher):
    """(type, path) of all events sent to the watcher so far; the writer must have its replies."""
    return kinds(watcher.drain_events())


# --- checkWatches and removeWatches ---

# How a watch comes to be, and the watcher types under which it is found.
REGISTRATIONS = {
    "data": (lambda c, p: c.get(p, watch=True), {2, 3}),
    "exists": (lambda c, p: c.exists(p, watch=True), {2, 3}),
    "child": (lambda c, p: c.children(p, watch=True), {1, 3}),
    "child2": (lambda c, p: c.children2(p, watch=True), {1, 3}),
    "persistent": (lambda c, p: c.add_watch(p, WatchMode.PERSISTENT), {3, 4}),
    "recursive": (lambda c, p: c.add_watch(p, WatchMode.PERSISTENT_RECURSIVE), {3, 5}),
}
_NO_TYPES_4_5 = apache_differs("3.8 knows no watcher types 4 and 5")
_IGNORES_MODES = apache_differs("3.8 ignores modes in watcher types 1 and 2")


def differs(name, watcher_type):
    """The mark for a cell of table 9.8 in which 3.8 differs, as a list."""
    if watcher_type in (4, 5):
        return [_NO_TYPES_4_5]
    if name in ("persistent", "recursive") and watcher_type in (1, 2):
        return [_IGNORES_MODES]
    return []


CELLS = [
    pytest.param(name, watcher_type, marks=differs(name, watcher_type))
    for name in REGISTRATIONS
    for watcher_type in TYPES
]


@pytest.mark.parametrize("name, watcher_type", CELLS)
def test_cp_9_15_check_watches_finds_what_is_of_its_type(watcher, root, name, watcher_type):
    """CP-9.15, table 9.8: 0 or -121, no body, and the watch stays."""
    register, found_by = REGISTRATIONS[name]
    assert register(watcher, root).ok
    for _ in range(2):
        reply = watcher.check_watches(root, watcher_type)
        expected = 0 if watcher_type in found_by else Err.NO_WATCHER
        assert (reply.err, reply.body) == (expected, b"")


@pytest.mark.parametrize("name, watcher_type", CELLS)
def test_cp_9_15_remove_watches_removes_what_is_of_its_type(
    conn, watcher, root, name, watcher_type
):
    """CP-9.15, table 9.8: once; what is not of the type stays and fires. No event is sent."""
    register, found_by = REGISTRATIONS[name]
    assert register(watcher, root).ok
    reply = watcher.remove_watches(root, watcher_type)
    expected = 0 if watcher_type in found_by else Err.NO_WATCHER
    assert (reply.err, reply.body, reply.events_before) == (expected, b"", [])
    assert watcher.remove_watches(root, watcher_type).err == Err.NO_WATCHER
    assert conn.set(root, b"x").ok
    assert conn.create(root + "/c").ok
    events = {
        "data": [(DATA_CHANGED, root)],
        "exists": [(DATA_CHANGED, root)],
        "child": [(CHILDREN_CHANGED, root)],
        "child2": [(CHILDREN_CHANGED, root)],
        "persistent": [(DATA_CHANGED, root), (CHILDREN_CHANGED, root)],
        "recursive": [(DATA_CHANGED, root), (CREATED, root + "/c")],
    }
    assert events_of(watcher) == ([] if expected == 0 else events[name])


_ONE_MODE = apache_differs("3.8 keeps but one mode for each path")


@pytest.mark.parametrize(
    "watcher_type",
    [WatcherType.ANY, *(pytest.param(t, marks=_ONE_MODE) for t in (None, 1, 2, 4, 5))],
)
def test_cp_9_15_one_type_leaves_the_others(watcher, root, watcher_type):
    """CP-9.15, table 9.8: with all four kinds on one path, each type removes its own, 3 all."""
    for register, _ in REGISTRATIONS.values():
        assert register(watcher, root).ok
    left = {1, 2, 3, 4, 5} - {watcher_type}
    if watcher_type is not None:
        assert watcher.remove_watches(root, watcher_type).ok
        left = set() if watcher_type == WatcherType.ANY else left
    assert {t for t in TYPES if watcher.check_watches(root, t).ok} == left


@pytest.mark.parametrize("watcher_type", [0, 6, -1, 99, 2**31 - 1])
def test_cp_9_15_unknown_watcher_types(watcher, root, watcher_type):
    """CP-9.15: -5, with and without a watch at the path; it stays."""
    for _ in range(2):
        assert watcher.check_watches(root, watcher_type).err == Err.MARSHALLING
        assert watcher.remove_watches(root, watcher_type).err == Err.MARSHALLING
        assert watcher.get(root, watch=True).ok
    assert watcher.check_watches(root, WatcherType.DATA).ok


@pytest.mark.parametrize("watcher_type", [1, 2, 3])
def test_cp_9_15_absent_watches(conn, watcher, root, watcher_type):
    """CP-9.15: -121 without a watch; one of another connection cannot be removed."""
    for path in (root, root + "/n", "/missing"):
        assert watcher.check_watches(path, watcher_type).err == Err.NO_WATCHER
        assert watcher.remove_watches(path, watcher_type).err == Err.NO_WATCHER
    assert conn.get(root, watch=True).ok
    assert conn.children(root, watch=True).ok
    assert watcher.remove_watches(root, watcher_type).err == Err.NO_WATCHER
    assert conn.check_watches(root, watcher_type).ok


@pytest.mark.parametrize("watcher_type", [1, 2, 3])
@apache_differs("3.8 finds the watches of all connections")
def test_cp_9_15_check_watches_looks_at_its_own_connection(conn, watcher, root, watcher_type):
    """CP-9.15 (section 9.8): another connection's watch at the same path does not count."""
    assert conn.get(root, watch=True).ok
    assert conn.children(root, watch=True).ok
    assert watcher.check_watches(root, watcher_type).err == Err.NO_WATCHER


@pytest.mark.parametrize("watcher_type", [1, 2, 3])
def test_cp_9_15_watches_at_other_paths_do_not_match(conn, root, watcher_type):
    """CP-9.15 (section 9.8): exact paths only, for one-shot and persistent watches."""
    for path in ("/", root + "/n/c"):
        conn.exists(path, watch=True)
        assert conn.add_watch(path, WatchMode.PERSISTENT).ok
    assert conn.children("/", watch=True).ok
    for path in (root, root + "/n", root + "/n/c/d"):
        assert conn.check_watches(path, watcher_type).err == Err.NO_WATCHER


@_NO_TYPES_4_5
def test_cp_9_15_types_4_and_5_when_absent(watcher, root):
    """CP-9.15: -121 as well."""
    assert watcher.get(root, watch=True).ok
    for watcher_type in (WatcherType.PERSISTENT, WatcherType.PERSISTENT_RECURSIVE):
        assert watcher.check_watches(root, watcher_type).err == Err.NO_WATCHER
        assert watcher.remove_watches(root, watcher_type).err == Err.NO_WATCHER


@_NO_TYPES_4_5
def test_cp_9_15_paths_below_a_recursive_watch_do_not_match(conn, watcher, root):
    """CP-9.15 (section 9.8): exact paths only; the watch is untouched by the attempt."""
    assert watcher.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
    for watcher_type in TYPES:
        assert watcher.check_watches(root + "/n", watcher_type).err == Err.NO_WATCHER
        assert watcher.remove_watches(root + "/n", watcher_type).err == Err.NO_WATCHER
    assert conn.create(root + "/n").ok
    assert events_of(watcher) == [(CREATED, root + "/n")]


def test_cp_9_15_persistent_watches_of_old_clients_go_with_type_3(conn, watcher, root):
    """CP-9.15 (section 14): clients before 3.9 remove them that way, from both tables."""
    for mode in (WatchMode.PERSISTENT, WatchMode.PERSISTENT_RECURSIVE):
        assert watcher.add_watch(root, mode).ok
        assert watcher.remove_watches(root, WatcherType.ANY).ok
        assert watcher.check_watches(root, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.set(root, b"x").ok
    assert conn.create(root + "/n").ok
    assert events_of(watcher) == []


@apache_differs("3.8 ignores modes in watcher type 2 and keeps one mode for each path")
def test_cp_9_16_removing_the_data_watch_leaves_the_persistent_one(conn, watcher, root):
    """CP-9.16: type 2 takes the one-shot watch only."""
    assert watcher.add_watch(root, WatchMode.PERSISTENT).ok
    assert watcher.get(root, watch=True).ok
    assert watcher.remove_watches(root, WatcherType.DATA).ok
    assert watcher.remove_watches(root, WatcherType.DATA).err == Err.NO_WATCHER
    for _ in range(2):
        assert conn.set(root, b"x").ok
        assert events_of(watcher) == [(DATA_CHANGED, root)]


# --- setWatches ---


@pytest.fixture
def nodes(conn, root):
    """Paths by name: `old` and `oldparent` last changed at `zxid`, `new` and `newparent` later,
    `missing` does not exist.
    """
    names = ("old", "oldparent", "new", "newparent", "missing")
    paths = {name: f"{root}/{name}" for name in names}
    for name in names[:4]:
        assert conn.create(paths[name]).ok
    zxid = conn.create(paths["oldparent"] + "/c").zxid
    assert conn.set(paths["new"], b"x").ok
    assert conn.create(paths["newparent"] + "/c").ok
    return {**paths, "zxid": zxid}


# List, node, event that is due at once or None when a watch is registered.
SET_WATCHES_TABLE = [
    ("data", "missing", DELETED),
    ("data", "new", DATA_CHANGED),
    ("data", "old", None),
    ("data", "newparent", None),
    ("exist", "old", CREATED),
    ("exist", "new", CREATED),
    ("exist", "missing", None),
    ("child", "missing", DELETED),
    ("child", "newparent", CHILDREN_CHANGED),
    ("child", "oldparent", None),
    ("child", "new", None),
]


def set_watches(client, number, zxid, **lists):
    """setWatches (101) or setWatches2 (105)."""
    return (client.set_watches if number == 101 else client.set_watches2)(zxid, **lists)


@pytest.mark.parametrize("number", [101, 105])
@pytest.mark.parametrize("kind, name, event", SET_WATCHES_TABLE)
def test_cp_9_17_each_row_of_the_table(watcher, nodes, kind, name, event, number):
    """CP-9.17, table 9.6: an event at once (zxid -1, before the reply) and no watch, or a watch
    and no event.
    """
    path = nodes[name]
    reply = set_watches(watcher, number, nodes["zxid"], **{kind: [path]})
    assert (reply.err, reply.body, reply.xid) == (0, b"", -8)
    sent = [(e.type, e.path, e.zxid, e.state, e.err) for e in reply.events_before]
    assert sent == ([] if event is None else [(event, path, -1, 3, 0)])
    own_type = WatcherType.CHILDREN if kind == "child" else WatcherType.DATA
    for watcher_type in (WatcherType.CHILDREN, WatcherType.DATA):
        registered = event is None and watcher_type == own_type
        expected = 0 if registered else Err.NO_WATCHER
        assert watcher.check_watches(path, watcher_type).err == expected


@pytest.mark.parametrize("number", [101, 105])
def test_cp_9_17_registered_watches_fire_once(conn, watcher, nodes, number):
    """CP-9.17: like those set by reads."""
    reply = set_watches(
        watcher,
        number,
        nodes["zxid"],
        data=[nodes["old"]],
        exist=[nodes["missing"]],
        child=[nodes["oldparent"]],
    )
    assert reply.events_before == []
    for _ in range(2):
        assert conn.set(nodes["old"], b"x").ok
        assert conn.create(nodes["missing"]).ok
        assert conn.delete(nodes["missing"]).ok
        assert conn.create(nodes["oldparent"] + "/n").ok
        assert conn.delete(nodes["oldparent"] + "/n").ok
    assert events_of(watcher) == [
        (DATA_CHANGED, nodes["old"]),
        (CREATED, nodes["missing"]),
        (CHILDREN_CHANGED, nodes["oldparent"]),
    ]


@pytest.mark.parametrize("number", [101, 105])
def test_cp_9_17_events_come_in_the_order_of_the_lists(watcher, nodes, number):
    """CP-9.17: in list order, data, exist, child; all of them before the reply."""
    paths = [nodes["new"], nodes["missing"], nodes["newparent"], nodes["old"]]
    reply = set_watches(watcher, number, 0, data=paths, exist=paths, child=paths)
    expected = [(DELETED if "missing" in path else DATA_CHANGED, path) for path in paths]
    expected += [(CREATED, path) for path in paths if "missing" not in path]
    expected += [(DELETED if "missing" in path else CHILDREN_CHANGED, path) for path in paths]
    assert kinds(reply.events_before) == expected


@pytest.mark.parametrize("xid", [-8, 0, 1, 77])
def test_cp_9_17_xid_is_echoed(conn, nodes, xid):
    """CP-9.17: clients use -8, but any will do."""
    for op in (Op.SET_WATCHES, Op.SET_WATCHES2):
        encode = set_watches_request if op == Op.SET_WATCHES else set_watches2_request
        reply = conn.request(op, encode(0, [nodes["new"]]), xid)
        assert (reply.xid, reply.err, reply.body) == (xid, 0, b"")
        assert kinds(reply.events_before) == [(DATA_CHANGED, nodes["new"])]


def test_cp_9_17_a_recreated_node_counts_as_changed(conn, watcher, root):
    """CP-9.17 (section 9.6): data changed, not deleted; its children changed too."""
    assert conn.create(root + "/n").ok
    zxid = conn.last_zxid()
    assert conn.delete(root + "/n").ok
    assert conn.create(root + "/n").ok
    reply = watcher.set_watches(zxid, data=[root + "/n"], child=[root + "/n"])
    events = [(DATA_CHANGED, root + "/n"), (CHILDREN_CHANGED, root + "/n")]
    assert kinds(reply.events_before) == events


def test_cp_9_17_no_permission_is_needed_to_register(conn, watcher, root):
    """CP-9.17 (section 9.6): there is no ACL check."""
    path = root + "/sealed"
    assert conn.create(path, acl=[Acl(0, "world", "anyone")]).ok
    assert watcher.set_watches(conn.last_zxid(), data=[path], child=[path]).ok
    assert watcher.check_watches(path, WatcherType.DATA).ok
    assert watcher.check_watches(path, WatcherType.CHILDREN).ok


def test_cp_9_17_empty_and_repeated_lists(conn, watcher, root):
    """CP-9.17: nothing to do is done, twice the same is one watch."""
    assert watcher.set_watches(conn.last_zxid()).ok
    assert watcher.set_watches2(conn.last_zxid()).ok
    for _ in range(2):
        assert watcher.set_watches(conn.last_zxid(), data=[root, root], child=[root, root]).ok
    assert conn.set(root, b"x").ok
    assert conn.create(root + "/n").ok
    assert events_of(watcher) == [(DATA_CHANGED, root), (CHILDREN_CHANGED, root)]


def test_cp_9_17_many_paths_in_one_request(conn, watcher, root):
    """CP-9.17: about 128 KiB, as clients send them; each path is answered or watched."""
    paths = [f"{root}/{number:050d}" for number in range(1500)]
    assert conn.create(paths[0]).ok
    reply = watcher.set_watches(conn.last_zxid(), exist=paths)
    assert kinds(reply.events_before) == [(CREATED, paths[0])]
    assert conn.create(paths[-1]).ok
    assert events_of(watcher) == [(CREATED, paths[-1])]


def test_cp_9_18_boundary_of_the_data_list(conn, watcher, root):
    """CP-9.18: mzxid = relativeZxid registers, mzxid > relativeZxid fires NodeDataChanged."""
    mzxid = conn.set(root, b"x").zxid
    assert conn.exists(root).value.mzxid == mzxid
    for relative in (mzxid - 1, 0, -1, -(2**63)):
        reply = watcher.set_watches(relative, data=[root])
        assert kinds(reply.events_before) == [(DATA_CHANGED, root)]
        assert watcher.check_watches(root, WatcherType.DATA).err == Err.NO_WATCHER
    for relative in (mzxid, mzxid + 1, 2**63 - 1):
        assert watcher.set_watches(relative, data=[root]).events_before == []
        assert watcher.remove_watches(root, WatcherType.DATA).ok


def test_cp_9_18_boundary_of_the_child_list(conn, watcher, root):
    """CP-9.18 (table 9.6): pzxid decides here, and mzxid does not, nor the other way round."""
    pzxid = conn.create(root + "/n").zxid
    mzxid = conn.set(root, b"x").zxid
    assert mzxid > pzxid
    reply = watcher.set_watches(pzxid - 1, child=[root])
    assert kinds(reply.events_before) == [(CHILDREN_CHANGED, root)]
    assert watcher.check_watches(root, WatcherType.CHILDREN).err == Err.NO_WATCHER
    assert watcher.set_watches(pzxid, child=[root]).events_before == []
    assert watcher.remove_watches(root, WatcherType.CHILDREN).ok
    assert conn.create(root + "/m").zxid > mzxid
    assert watcher.set_watches(mzxid, data=[root]).events_before == []


# --- setWatches2 ---


def test_cp_9_19_persistent_lists_register_silently(conn, watcher, root):
    """CP-9.19: whatever relativeZxid and the node; then they behave like addWatch."""
    persistent, recursive, missing = root + "/p", root + "/r", root + "/missing"
    for path in (persistent, recursive):
        assert conn.create(path).ok
    reply = watcher.set_watches2(0, persistent=[persistent, missing], recursive=[recursive])
    assert (reply.err, reply.events_before) == (0, [])
    for _ in range(2):
        assert conn.set(persistent, b"x").ok
        assert conn.create(persistent + "/c", flags=Flags.SEQUENTIAL).ok
        assert conn.create(recursive + "/c").ok
        assert conn.delete(recursive + "/c").ok
        assert conn.create(missing).ok
        assert conn.delete(missing).ok
        assert events_of(watcher) == [
            *((DATA_CHANGED, persistent), (CHILDREN_CHANGED, persistent)),
            *((CREATED, recursive + "/c"), (DELETED, recursive + "/c")),
            *((CREATED, missing), (DELETED, missing)),
        ]


@_NO_TYPES_4_5
def test_cp_9_19_persistent_lists_have_the_modes_of_add_watch(watcher, root):
    """CP-9.19: as checkWatches sees them."""
    assert watcher.set_watches2(0, persistent=[root + "/p"], recursive=[root + "/r"]).ok
    found = {
        name: {t for t in TYPES if watcher.check_watches(root + name, t).ok}
        for name in ("/p", "/r")
    }
    assert found == {"/p": {3, 4}, "/r": {3, 5}}


@pytest.mark.parametrize("mode", ["persistent", "recursive"])
def test_cp_9_19_all_lists_may_name_the_same_path(conn, watcher, root, mode):
    """CP-9.19 (section 9.1): one event for each change, and the persistent watch stays."""
    zxid = conn.last_zxid()
    assert watcher.set_watches2(zxid, data=[root], child=[root], **{mode: [root]}).ok
    for _ in range(2):
        assert conn.set(root, b"x").ok
        assert events_of(watcher) == [(DATA_CHANGED, root)]


# --- Null lists and short bodies ---


@pytest.mark.parametrize("number", [101, 105])
def test_cp_9_20_null_lists(server, root, number):
    """CP-9.20: each list in turn null: -5; lists before it may have taken effect, no other does;
    the connection goes on.
    """
    names = ["data", "exist", "child"] + (["persistent", "recursive"] if number == 105 else [])
    for index, name in enumerate(names):
        with open_session(server) as client:
            lists = {other: [f"{root}/{other}"] for other in names}
            reply = set_watches(client, number, 0, **{**lists, name: None})
            assert (reply.err, reply.body) == (Err.MARSHALLING, b"")
            for later in names[index:]:
                path = f"{root}/{later}"
                assert client.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
                assert path not in [event.path for event in reply.events_before]
            client.close_session()


@pytest.mark.parametrize("number", [101, 105])
def test_cp_9_20_short_bodies(conn, root, number):
    """CP-9.20: every length short of the complete record: -5 without effect."""
    path = root + "/missing"
    encode = set_watches_request if number == 101 else set_watches2_request
    body = encode(0, [path], [path], [path])
    for length in range(len(body)):
        reply = conn.request(number, body[:length])
        assert (reply.err, reply.body, reply.events_before) == (Err.MARSHALLING, b"", [])
    assert conn.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER


def test_cp_9_20_bad_lengths(conn, root):
    """CP-9.20: a count or a string beyond the frame."""
    for tail in (Writer().int(1000000), Writer().int(1).int(1000000), Writer().int(1).int(-2)):
        body = Writer().long(0).raw(tail.encoded()).encoded()
        assert conn.request(Op.SET_WATCHES, body).err == Err.MARSHALLING
    assert conn.exists(root).ok
