"""kazoo's locks and semaphores: exclusion under contention, fairness, time-outs, release by death."""

import threading
import time

import pytest
from kazoo.exceptions import CancelledError, LockTimeout
from kazoo.recipe.lock import Lock, ReadLock, Semaphore, WriteLock

from lib.tcp_proxy import TcpProxy
from lib.waiting import wait_until

CONTENDERS = 8
ROUNDS = 6
SHORT_SESSION_S = 1.5
SOON_S = 0.3  # long enough for a wrong grant to show, short enough to wait for in a test

pytestmark = pytest.mark.survives_reconnect


class Occupancy:
    """Counts how many are inside, and remembers the most there ever were."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._inside = 0
        self.most = 0
        self.entered = 0

    def __enter__(self) -> "Occupancy":
        with self._mutex:
            self._inside += 1
            self.entered += 1
            self.most = max(self.most, self._inside)
        time.sleep(0.002)  # stay inside for a while: others get the chance to intrude
        return self

    def __exit__(self, *_exc) -> None:
        with self._mutex:
            self._inside -= 1


def increment_unprotected(client, path):
    """Read, wait, write: loses counts unless somebody keeps others out."""
    value = int(client.get(path)[0])
    time.sleep(0.001)
    client.set(path, str(value + 1).encode())


def test_unprotected_counter_does_lose_counts(connect, root, in_thread):
    """The yardstick of the next test: without the lock the same work does lose counts."""
    clients = [connect() for _ in range(CONTENDERS)]
    clients[0].create(f"{root}/counter", b"0")
    start = threading.Barrier(CONTENDERS)

    def work(client):
        start.wait(timeout=30)
        for _ in range(ROUNDS):
            increment_unprotected(client, f"{root}/counter")

    for running in [in_thread(work, client) for client in clients]:
        running.result()
    assert int(clients[0].get(f"{root}/counter")[0]) < CONTENDERS * ROUNDS


def test_lock_protects_a_counter_from_many_clients(connect, root, in_thread):
    """L1: mutual exclusion under contention; no count is lost, nobody is inside with another."""
    clients = [connect() for _ in range(CONTENDERS)]
    clients[0].create(f"{root}/counter", b"0")
    inside = Occupancy()

    def work(client):
        lock = client.Lock(f"{root}/lock")
        for _ in range(ROUNDS):
            with lock, inside:
                increment_unprotected(client, f"{root}/counter")

    for running in [in_thread(work, client) for client in clients]:
        running.result(timeout=120)
    assert int(clients[0].get(f"{root}/counter")[0]) == CONTENDERS * ROUNDS
    assert inside.most == 1
    assert clients[0].get_children(f"{root}/lock") == []


def test_czxid_of_the_lock_node_is_a_fencing_token(connect, root, in_thread):
    """L7: it rises from holder to holder."""
    clients = [connect() for _ in range(4)]
    tokens = []

    def work(client):
        lock = client.Lock(f"{root}/lock")
        for _ in range(ROUNDS):
            with lock:
                tokens.append(client.exists(f"{root}/lock/{lock.node}").czxid)

    for running in [in_thread(work, client) for client in clients]:
        running.result()
    assert len(tokens) == 4 * ROUNDS
    assert all(earlier < later for earlier, later in zip(tokens, tokens[1:]))


def test_lock_is_granted_in_the_order_of_arrival(connect, root, in_thread):
    """L4: FIFO, and contenders() shows holder and waiters in that order."""
    clients = [connect() for _ in range(4)]
    holder = clients[0].Lock(f"{root}/lock", "c0")
    holder.acquire()
    order = []

    def wait_for_it(client, name):
        lock = client.Lock(f"{root}/lock", name)
        with lock:
            order.append(name)

    waiting = []
    for number, client in enumerate(clients[1:], start=1):
        waiting.append(in_thread(wait_for_it, client, f"c{number}"))
        wait_until(lambda count=number + 1: len(holder.contenders()) == count, "the contender has queued")
    assert holder.contenders() == ["c0", "c1", "c2", "c3"]
    assert order == []
    holder.release()
    for running in waiting:
        running.result()
    assert order == ["c1", "c2", "c3"]


def test_lock_without_blocking_returns_at_once(connect, zk, root):
    """L1: try."""
    lock, other = zk.Lock(f"{root}/lock"), connect().Lock(f"{root}/lock")
    assert lock.acquire() is True
    assert other.acquire(blocking=False) is False
    assert len(lock.contenders()) == 1, "the failed try leaves nothing in the queue"
    lock.release()
    assert other.acquire(blocking=False) is True


def test_lock_with_timeout_gives_up_and_leaves_the_queue(connect, zk, root):
    """L1: time-out."""
    lock, other = zk.Lock(f"{root}/lock"), connect().Lock(f"{root}/lock")
    lock.acquire()
    with pytest.raises(LockTimeout):
        other.acquire(timeout=SOON_S)
    assert len(lock.contenders()) == 1
    lock.release()
    assert other.acquire(timeout=30) is True


def test_waiting_for_a_lock_can_be_cancelled(connect, zk, root, in_thread):
    """cancel() ends the wait with CancelledError and takes the contender out of the queue."""
    lock, other = zk.Lock(f"{root}/lock"), connect().Lock(f"{root}/lock")
    lock.acquire()
    waiting = in_thread(lambda: pytest.raises(CancelledError, other.acquire))
    wait_until(lambda: len(lock.contenders()) == 2, "the other one waits")
    other.cancel()
    waiting.result()
    wait_until(lambda: len(lock.contenders()) == 1, "the queue is short again")


def test_double_release_is_harmless(zk, root):
    """The second one says False."""
    lock = zk.Lock(f"{root}/lock")
    lock.acquire()
    assert lock.release() is True
    assert lock.release() is False


def test_closed_client_releases_its_lock(connect, zk, root, in_thread):
    """L6: the end of the session is the end of the lock."""
    owner = connect()
    owner.Lock(f"{root}/lock").acquire()
    waiting = in_thread(zk.Lock(f"{root}/lock").acquire)
    wait_until(lambda: len(zk.get_children(f"{root}/lock")) == 2, "the other one waits")
    assert not waiting.done
    owner.stop()
    assert waiting.result() is True


def test_lost_client_releases_its_lock_by_expiry(server, connect, zk, root, in_thread):
    """L6, CP-10.1: not before the session expires, and then at once."""
    with TcpProxy(server) as proxy:
        owner = connect(at=proxy, timeout=SHORT_SESSION_S)
        owner.Lock(f"{root}/lock").acquire()
        waiting = in_thread(zk.Lock(f"{root}/lock").acquire)
        wait_until(lambda: len(zk.get_children(f"{root}/lock")) == 2, "the other one waits")
        lost_at = time.monotonic()
        proxy.cut()
        assert waiting.result() is True
        # The last ping may be a third of the timeout old when the connection is cut.
        assert time.monotonic() - lost_at > SHORT_SESSION_S / 2
        proxy.mend()
        owner.stop()


def test_lock_not_ephemeral_outlives_its_client(connect, zk, root):
    """ephemeral=False: the node stays, and excludes."""
    owner = connect()
    lock = owner.Lock(f"{root}/lock")
    lock.acquire(ephemeral=False)
    owner.stop()
    other = zk.Lock(f"{root}/lock")
    assert other.acquire(blocking=False) is False
    zk.delete(f"{root}/lock/{zk.get_children(f'{root}/lock')[0]}")
    assert other.acquire(blocking=False) is True


def test_locks_of_other_makers_are_respected(connect, zk, root):
    """L8: extra_lock_patterns, the names another implementation uses on the same path."""
    zk.ensure_path(f"{root}/lock")
    foreign = zk.create(f"{root}/lock/x-lock-", ephemeral=True, sequence=True)
    lock = Lock(connect(), f"{root}/lock", extra_lock_patterns=("-lock-",))
    assert lock.acquire(blocking=False) is False
    zk.delete(foreign)
    assert lock.acquire(blocking=False) is True


def test_readers_share_and_exclude_writers(connect, zk, root, in_thread):
    """L2."""
    path = f"{root}/lock"
    reader, second_reader = ReadLock(connect(), path), ReadLock(connect(), path)
    writer = WriteLock(connect(), path)
    assert reader.acquire() and second_reader.acquire(timeout=30)
    assert writer.acquire(blocking=False) is False
    waiting = in_thread(writer.acquire)
    wait_until(lambda: len(zk.get_children(path)) == 3, "the writer waits")
    reader.release()
    with pytest.raises(LockTimeout):
        WriteLock(zk, path).acquire(timeout=SOON_S)
    assert not waiting.done, "a writer entered beside a reader"
    second_reader.release()
    assert waiting.result() is True


def test_writer_excludes_readers_and_those_behind_it_wait(connect, zk, root, in_thread):
    """L2, L4: a waiting writer is not overtaken by later readers."""
    path = f"{root}/lock"
    early_reader, writer = ReadLock(connect(), path), WriteLock(connect(), path)
    late_reader = ReadLock(connect(), path)
    order = []
    early_reader.acquire()
    writing = in_thread(lambda: (writer.acquire(), order.append("writer")))
    wait_until(lambda: len(zk.get_children(path)) == 2, "the writer waits")
    reading = in_thread(lambda: (late_reader.acquire(), order.append("reader")))
    wait_until(lambda: len(zk.get_children(path)) == 3, "the late reader waits")
    early_reader.release()
    writing.result()
    assert order == ["writer"]
    with pytest.raises(LockTimeout):
        ReadLock(zk, path).acquire(timeout=SOON_S)
    writer.release()
    reading.result()
    assert order == ["writer", "reader"]


def test_read_write_lock_keeps_a_pair_consistent(connect, root, in_thread):
    """L2 under load: writers change two nodes one after the other, readers never see them differ.

    The readers give up and try again: kazoo 2.8 can take a writer that stands behind a reader for its
    predecessor, and then both would wait for ever.
    """
    path = f"{root}/lock"
    clients = [connect() for _ in range(6)]
    for name in ("left", "right"):
        clients[0].create(f"{root}/{name}", b"0")
    pairs = []

    def write(client, start):
        lock = WriteLock(client, path)
        for value in range(start, start + ROUNDS):
            with lock:
                client.set(f"{root}/left", str(value).encode())
                client.set(f"{root}/right", str(value).encode())

    def read(client):
        lock = ReadLock(client, path)
        while len(pairs) < 4 * ROUNDS:
            try:
                lock.acquire(timeout=SOON_S)
            except LockTimeout:
                continue
            try:
                left, right = client.get(f"{root}/left")[0], client.get(f"{root}/right")[0]
                pairs.append((left, right))
            finally:
                lock.release()

    threads = [in_thread(write, client, 100 * number) for number, client in enumerate(clients[:2])]
    threads += [in_thread(read, client) for client in clients[2:]]
    for running in threads:
        running.result(timeout=120)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert len(pairs) >= 4 * ROUNDS


def test_semaphore_admits_its_number_and_no_more(connect, root, in_thread):
    """C2: three meet inside; under contention there are never more."""
    clients = [connect() for _ in range(6)]
    together = threading.Barrier(3)
    inside = Occupancy()

    def meet(client):
        with client.Semaphore(f"{root}/semaphore", max_leases=3):
            together.wait(timeout=30)

    def work(client):
        semaphore = client.Semaphore(f"{root}/semaphore", max_leases=3)
        for _ in range(5):
            with semaphore, inside:
                pass

    for running in [in_thread(meet, client) for client in clients[:3]]:
        running.result()
    for running in [in_thread(work, client) for client in clients]:
        running.result(timeout=120)
    assert inside.entered == 30
    assert inside.most <= 3


def test_semaphore_without_blocking_and_with_timeout(connect, zk, root):
    """C2: try and time-out; lease_holders shows who is inside."""
    path = f"{root}/semaphore"
    first, second = (Semaphore(connect(), path, name, max_leases=2) for name in ("one", "two"))
    third = Semaphore(zk, path, "three", max_leases=2)
    assert first.acquire() and second.acquire()
    assert third.acquire(blocking=False) is False
    with pytest.raises(LockTimeout):
        third.acquire(timeout=SOON_S)
    assert sorted(third.lease_holders()) == ["one", "two"]
    first.release()
    assert third.acquire(blocking=False) is True
    assert sorted(third.lease_holders()) == ["three", "two"]


def test_semaphore_waiter_gets_a_lease_when_one_is_given_back(connect, zk, root, in_thread):
    """C2: the waiter is woken."""
    path = f"{root}/semaphore"
    first, second = Semaphore(connect(), path), Semaphore(zk, path)
    first.acquire()
    waiting = in_thread(second.acquire)
    wait_until(lambda: zk.exists(f"{path}-__lock__") and zk.get_children(f"{path}-__lock__"), "it waits")
    assert not waiting.done
    first.release()
    assert waiting.result() is True


def test_semaphore_waiter_gets_the_lease_of_a_closed_client(connect, zk, root, in_thread):
    """C2: leases are ephemeral."""
    path = f"{root}/semaphore"
    owner = connect()
    Semaphore(owner, path).acquire()
    waiting = in_thread(Semaphore(zk, path).acquire)
    wait_until(lambda: zk.exists(f"{path}-__lock__") and zk.get_children(f"{path}-__lock__"), "it waits")
    owner.stop()
    assert waiting.result() is True


def test_semaphore_refuses_another_number_of_leases(connect, zk, root):
    """C2: the number is stored on the node."""
    Semaphore(zk, f"{root}/semaphore", max_leases=2).acquire()
    with pytest.raises(ValueError):
        Semaphore(connect(), f"{root}/semaphore", max_leases=3).acquire()
