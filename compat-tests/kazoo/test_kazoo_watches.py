"""Watches through kazoo: one-shot watches and the recipes that keep watching."""

import queue
import threading

import pytest
from kazoo.protocol.states import EventType
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.watchers import PatientChildrenWatch

from lib.tcp_proxy import TcpProxy
from lib.waiting import PATIENCE_S, wait_until


@pytest.fixture
def seen():
    """A queue for what watchers report."""
    return queue.Queue()


def take(seen):
    """The next thing a watcher reported."""
    return seen.get(timeout=PATIENCE_S)


def assert_silent(zk, seen, root):
    """Nothing more was reported before a later watch on the same connection fired."""
    mark = queue.Queue()
    zk.exists(f"{root}/mark", watch=mark.put)
    zk.create(f"{root}/mark")
    take(mark)
    assert seen.empty(), f"unexpected: {seen.queue}"


def test_data_watch_fires_once(zk, root, seen):
    """CP-9.2."""
    zk.create(f"{root}/a")
    zk.get(f"{root}/a", watch=seen.put)
    zk.set(f"{root}/a", b"1")
    zk.set(f"{root}/a", b"2")
    event = take(seen)
    assert (event.type, event.path) == (EventType.CHANGED, f"{root}/a")
    assert_silent(zk, seen, root)


def test_exists_watch_reports_creation_and_deletion(zk, root, seen):
    """CP-9.3."""
    assert zk.exists(f"{root}/a", watch=seen.put) is None
    zk.create(f"{root}/a")
    assert take(seen).type == EventType.CREATED
    assert zk.exists(f"{root}/a", watch=seen.put) is not None
    zk.delete(f"{root}/a")
    assert take(seen).type == EventType.DELETED


def test_child_watch_reports_children_not_data(zk, root, seen):
    """CP-9.5."""
    zk.create(f"{root}/p")
    zk.get_children(f"{root}/p", watch=seen.put)
    zk.set(f"{root}/p", b"x")
    zk.create(f"{root}/p/c")
    event = take(seen)
    assert (event.type, event.path) == (EventType.CHILD, f"{root}/p")
    zk.get_children(f"{root}/p", watch=seen.put)
    zk.delete(f"{root}/p/c")
    assert take(seen).type == EventType.CHILD


def test_other_clients_changes_are_reported(connect, zk, root, seen):
    """CP-9.1, CP-9.24: also the end of another client's session."""
    other = connect()
    other.create(f"{root}/e", ephemeral=True)
    zk.exists(f"{root}/e", watch=seen.put)
    other.stop()
    assert take(seen).type == EventType.DELETED


def test_data_watch_recipe_follows_a_node_through_its_life(connect, zk, root, seen):
    """DataWatch: missing, created, changed, deleted, created again (CP-9.2, CP-9.3)."""
    other = connect()

    @zk.DataWatch(f"{root}/a")
    def watch(data, stat, event):  # pylint: disable=unused-variable
        seen.put((data, stat and stat.version, event and event.type))

    assert take(seen) == (None, None, None)
    other.create(f"{root}/a", b"one")
    assert take(seen) == (b"one", 0, EventType.CREATED)
    other.set(f"{root}/a", b"two")
    assert take(seen) == (b"two", 1, EventType.CHANGED)
    other.delete(f"{root}/a")
    assert take(seen) == (None, None, EventType.DELETED)
    other.create(f"{root}/a", b"again")
    assert take(seen) == (b"again", 0, EventType.CREATED)


def test_data_watch_recipe_ends_when_told(zk, root, seen):
    """DataWatch: a function that returns False is not called again."""
    zk.create(f"{root}/a", b"0")

    @zk.DataWatch(f"{root}/a")
    def watch(data, _stat):  # pylint: disable=unused-variable
        seen.put(data)
        return data != b"1"

    assert take(seen) == b"0"
    zk.set(f"{root}/a", b"1")
    assert take(seen) == b"1"
    zk.set(f"{root}/a", b"2")
    assert_silent(zk, seen, root)


def test_data_watch_recipe_always_ends_at_the_last_value(connect, zk, root):
    """DataWatch under rapid changes may skip values, but never the last (CP-9.7, S5)."""
    other = connect()
    zk.create(f"{root}/a", b"start")
    values = []

    @zk.DataWatch(f"{root}/a")
    def watch(data, _stat):  # pylint: disable=unused-variable
        values.append(data)

    for result in [other.set_async(f"{root}/a", str(i).encode()) for i in range(500)]:
        result.get(timeout=60)
    wait_until(lambda: values[-1] == b"499", "the last value arrives")
    numbers = [int(value) for value in values[1:]]
    assert numbers == sorted(numbers)


def test_children_watch_recipe_follows_the_children(connect, zk, root, seen):
    """ChildrenWatch (CP-9.5)."""
    other = connect()

    @zk.ChildrenWatch(root, send_event=True)
    def watch(children, event):  # pylint: disable=unused-variable
        seen.put((sorted(children), event and event.type))

    assert take(seen) == ([], None)
    other.create(f"{root}/a")
    assert take(seen) == (["a"], EventType.CHILD)
    other.create(f"{root}/b")
    assert take(seen) == (["a", "b"], EventType.CHILD)
    other.delete(f"{root}/a")
    assert take(seen) == (["b"], EventType.CHILD)


def test_children_watch_recipe_ends_when_told(zk, root, seen):
    """ChildrenWatch: a function that returns False is not called again."""
    zk.create(f"{root}/p")

    @zk.ChildrenWatch(f"{root}/p")
    def watch(children):  # pylint: disable=unused-variable
        seen.put(children)
        return not children

    assert take(seen) == []
    zk.create(f"{root}/p/a")
    assert take(seen) == ["a"]
    zk.create(f"{root}/p/b")
    assert_silent(zk, seen, root)


def test_patient_children_watch_waits_for_calm(zk, root):
    """PatientChildrenWatch returns once nothing changes, then tells of the next change."""
    zk.create(f"{root}/a")
    watch = PatientChildrenWatch(zk, root, time_boundary=0.2)
    children, changed = watch.start().get(timeout=PATIENCE_S)
    assert children == ["a"]
    assert not changed.ready()
    zk.create(f"{root}/b")
    assert changed.get(timeout=PATIENCE_S) > 0


def test_watch_recipes_come_back_after_a_lost_connection(connect, server, zk, root):
    """kazoo reads again after reconnecting and misses nothing (S5)."""
    zk.create(f"{root}/a", b"before")
    data, children = [], []
    with TcpProxy(server) as proxy:
        watcher = connect(at=proxy)
        watcher.DataWatch(f"{root}/a", lambda value, stat: data.append(value))
        watcher.ChildrenWatch(root, lambda names: children.append(sorted(names)))
        session = watcher.client_id[0]
        proxy.cut()
        wait_until(lambda: not watcher.connected, "the client notices the cut")
        zk.set(f"{root}/a", b"meanwhile")
        zk.create(f"{root}/b")
        proxy.mend()
        wait_until(lambda: data[-1] == b"meanwhile", "the data that changed during the cut")
        wait_until(lambda: children[-1] == ["a", "b"], "the child that came during the cut")
        assert watcher.client_id[0] == session
        zk.set(f"{root}/a", b"after")
        wait_until(lambda: data[-1] == b"after", "a change after the cut")
        watcher.stop()


def test_hundreds_of_watchers_hear_of_one_change(connect, root):
    """C5: every watcher is told, on several connections with many watches each."""
    clients = [connect() for _ in range(4)]
    clients[0].create(f"{root}/config", b"1")
    heard = threading.Semaphore(0)
    for client in clients:
        for _ in range(100):
            client.get(f"{root}/config", watch=lambda event: heard.release())
    clients[0].set(f"{root}/config", b"2")
    # One watch for each function of kazoo's: the same lambda object would be registered once.
    for _ in range(400):
        assert heard.acquire(timeout=PATIENCE_S)


@pytest.fixture
def cache(zk, root, seen):
    """A started TreeCache of `root`; its events go to `seen`."""
    zk.ensure_path(f"{root}/tree/a/b")
    zk.set(f"{root}/tree/a", b"data of a")
    tree = TreeCache(zk, f"{root}/tree")
    tree.listen(lambda event: seen.put((event.event_type, event.event_data and event.event_data.path)))
    tree.start()
    yield tree
    tree.close()


def wait_for_event(seen, event_type, path=None):
    """Takes events until the wanted one."""
    while True:
        found = take(seen)
        if found[0] == event_type and path in (None, found[1]):
            return


def test_tree_cache_loads_the_subtree(cache, root, seen):
    """TreeCache: INITIALIZED after everything is there."""
    wait_for_event(seen, TreeEvent.INITIALIZED)
    assert cache.get_data(f"{root}/tree/a").data == b"data of a"
    assert cache.get_children(f"{root}/tree") == frozenset(["a"])
    assert cache.get_children(f"{root}/tree/a") == frozenset(["b"])
    assert cache.get_data(f"{root}/tree/missing") is None


def test_tree_cache_follows_changes_at_every_depth(connect, cache, root, seen):
    """TreeCache: additions, updates and removals made by others (CP-9.2, CP-9.5)."""
    other = connect()
    wait_for_event(seen, TreeEvent.INITIALIZED)
    other.create(f"{root}/tree/a/b/c", b"new")
    wait_for_event(seen, TreeEvent.NODE_ADDED, f"{root}/tree/a/b/c")
    assert cache.get_data(f"{root}/tree/a/b/c").data == b"new"
    other.set(f"{root}/tree/a/b/c", b"newer")
    wait_for_event(seen, TreeEvent.NODE_UPDATED, f"{root}/tree/a/b/c")
    assert cache.get_data(f"{root}/tree/a/b/c").data == b"newer"
    other.delete(f"{root}/tree/a", recursive=True)
    wait_for_event(seen, TreeEvent.NODE_REMOVED, f"{root}/tree/a")
    assert cache.get_data(f"{root}/tree/a") is None
    assert cache.get_children(f"{root}/tree") == frozenset()
