"""kazoo's other recipes: election, barriers, queues, counters, parties, partitioner, leases."""

import datetime
import threading
import time

import pytest
from kazoo.recipe.partitioner import PartitionState

from lib.tcp_proxy import TcpProxy
from lib.waiting import wait_until

SHORT_SESSION_S = 1.5
SOON_S = 0.3

pytestmark = pytest.mark.survives_reconnect


# --- Election --------------------------------------------------------------------------------------


def test_election_has_one_leader_at_a_time_in_order_of_arrival(connect, root, in_thread):
    """E1: each candidate leads once, in the order in which they came, never two together."""
    clients = [connect() for _ in range(4)]
    led, leading, most = [], [], []
    watcher = clients[0].Election(f"{root}/election", "watcher")

    def lead(name, release):
        leading.append(name)
        most.append(len(leading))
        led.append(name)
        assert release.wait(timeout=60)
        leading.remove(name)

    releases = [threading.Event() for _ in clients]
    running = []
    for number, client in enumerate(clients):
        election = client.Election(f"{root}/election", f"c{number}")
        running.append(in_thread(election.run, lead, f"c{number}", releases[number]))
        wait_until(lambda count=number + 1: len(watcher.contenders()) == count, "the candidate has queued")
    assert watcher.contenders() == ["c0", "c1", "c2", "c3"]
    for number, release in enumerate(releases):
        wait_until(lambda count=number + 1: len(led) == count, "the next leader")
        release.set()
    for thread in running:
        thread.result()
    assert led == ["c0", "c1", "c2", "c3"]
    assert max(most) == 1


def test_election_fails_over_when_the_leader_is_lost(server, connect, zk, root, in_thread):
    """E1, CP-10.1: the successor leads after the session of the lost leader has expired."""
    with TcpProxy(server) as proxy:
        doomed = connect(at=proxy, timeout=SHORT_SESSION_S)
        leading, finish = threading.Event(), threading.Event()
        election = doomed.Election(f"{root}/election", "doomed")
        first = in_thread(election.run, lambda: (leading.set(), finish.wait(60)))
        assert leading.wait(timeout=30)
        successor_leads = threading.Event()
        second = in_thread(zk.Election(f"{root}/election", "successor").run, successor_leads.set)
        wait_until(lambda: len(election.contenders()) == 2, "the successor waits")
        assert not successor_leads.is_set()
        proxy.cut()
        second.result()
        assert successor_leads.is_set()
        proxy.mend()
        finish.set()
        first.result()
        doomed.stop()


def test_candidate_can_withdraw(connect, zk, root, in_thread):
    """E1: cancel() ends run() without leading."""
    finish = threading.Event()
    leader = zk.Election(f"{root}/election", "leader")
    first = in_thread(leader.run, finish.wait, 60)
    wait_until(lambda: leader.contenders() == ["leader"], "the leader")
    led = []
    candidate = connect().Election(f"{root}/election", "candidate")
    second = in_thread(candidate.run, led.append, "never")
    wait_until(lambda: len(leader.contenders()) == 2, "the candidate waits")
    candidate.cancel()
    second.result()
    assert led == []
    finish.set()
    first.result()


# --- Barriers --------------------------------------------------------------------------------------


def test_barrier_holds_until_removed(connect, zk, root, in_thread):
    """C1."""
    barrier = zk.Barrier(f"{root}/barrier")
    barrier.create()
    other = connect().Barrier(f"{root}/barrier")
    assert other.wait(timeout=SOON_S) is False
    waiting = in_thread(other.wait, 30)
    assert barrier.remove() is True
    assert waiting.result() is True
    assert other.wait(timeout=SOON_S) is True
    assert barrier.remove() is False


def test_double_barrier_lets_all_in_and_all_out_together(connect, root, in_thread):
    """C1: nobody works before the last has entered, nobody goes before the last has left."""
    members = 4
    clients = [connect() for _ in range(members)]
    entered, leaving = [], []
    mutex = threading.Lock()
    seen_at_entry, seen_at_exit = [], []

    def work(client, number):
        barrier = client.DoubleBarrier(f"{root}/barrier", members)
        with mutex:
            entered.append(number)
        barrier.enter()
        assert barrier.participating
        with mutex:
            seen_at_entry.append(len(entered))
            leaving.append(number)
        barrier.leave()
        with mutex:
            seen_at_exit.append(len(leaving))

    for running in [in_thread(work, client, number) for number, client in enumerate(clients)]:
        running.result()
    assert seen_at_entry == [members] * members
    assert seen_at_exit == [members] * members


def test_double_barrier_waits_for_the_missing_member(connect, zk, root, in_thread):
    """C1: two of three are not enough."""
    barriers = [connect().DoubleBarrier(f"{root}/barrier", 3) for _ in range(3)]
    early = [in_thread(barrier.enter) for barrier in barriers[:2]]
    path = f"{root}/barrier"
    wait_until(lambda: zk.exists(path) and len(zk.get_children(path)) == 2, "two have come")
    time.sleep(SOON_S)
    assert not any(running.done for running in early)
    barriers[2].enter()
    for running in early:
        running.result()
    for running in [in_thread(barrier.leave) for barrier in barriers]:
        running.result()


# --- Queues ----------------------------------------------------------------------------------------


def test_queue_is_first_in_first_out(zk, root):
    """C4."""
    queue = zk.Queue(f"{root}/queue")
    assert queue.get() is None
    for value in (b"one", b"two", b"three"):
        queue.put(value)
    assert len(queue) == 3
    assert [queue.get() for _ in range(4)] == [b"one", b"two", b"three", None]


def test_queue_prefers_low_priorities(zk, root):
    """C4: priority before order."""
    queue = zk.Queue(f"{root}/queue")
    queue.put(b"late", priority=200)
    queue.put(b"normal")
    queue.put(b"urgent", priority=1)
    assert [queue.get() for _ in range(3)] == [b"urgent", b"normal", b"late"]


def test_queue_gives_every_item_to_exactly_one_consumer(connect, root, in_thread):
    """C4: several producers and consumers; nothing twice, nothing lost."""
    clients = [connect() for _ in range(6)]
    items = 20
    done = threading.Event()
    taken, mutex = [], threading.Lock()

    def produce(client, number):
        queue = client.Queue(f"{root}/queue")
        for item in range(items):
            queue.put(f"{number}-{item}".encode())

    def consume(client):
        queue = client.Queue(f"{root}/queue")
        while True:
            finished = done.is_set()  # asked first: what is put before it is in the queue by now
            value = queue.get()
            if value is not None:
                with mutex:
                    taken.append(value.decode())
            elif finished:
                return

    consumers = [in_thread(consume, client) for client in clients[3:]]
    for running in [in_thread(produce, client, number) for number, client in enumerate(clients[:3])]:
        running.result()
    done.set()
    for running in consumers:
        running.result()
    assert sorted(taken) == sorted(f"{number}-{item}" for number in range(3) for item in range(items))


def test_locking_queue_keeps_an_item_until_it_is_consumed(connect, zk, root):
    """C4: get() locks, consume() removes, others see the next one meanwhile."""
    queue, other = zk.LockingQueue(f"{root}/queue"), connect().LockingQueue(f"{root}/queue")
    queue.put_all([b"one", b"two"])
    assert queue.get(timeout=30) == b"one"
    assert queue.holds_lock()
    assert other.get(timeout=30) == b"two"
    assert queue.consume() is True
    assert len(other) == 1
    assert other.consume() is True
    assert len(other) == 0
    assert queue.get(timeout=SOON_S) is None


def test_locking_queue_gives_released_items_back(connect, zk, root):
    """C4: release() puts it back, for anybody."""
    queue, other = zk.LockingQueue(f"{root}/queue"), connect().LockingQueue(f"{root}/queue")
    queue.put(b"one")
    assert queue.get(timeout=30) == b"one"
    assert other.get(timeout=SOON_S) is None
    assert queue.release() is True
    assert other.get(timeout=30) == b"one"


def test_locking_queue_gives_items_of_a_closed_client_back(connect, zk, root, in_thread):
    """C4: the lock is ephemeral; a waiting consumer is woken."""
    owner = connect()
    zk.LockingQueue(f"{root}/queue").put(b"one")
    assert owner.LockingQueue(f"{root}/queue").get(timeout=30) == b"one"
    waiting = in_thread(zk.LockingQueue(f"{root}/queue").get, 60)
    owner.stop()
    assert waiting.result() == b"one"


def test_locking_queue_prefers_low_priorities(zk, root):
    """C4."""
    queue = zk.LockingQueue(f"{root}/queue")
    queue.put(b"late", priority=200)
    queue.put(b"urgent", priority=1)
    assert queue.get(timeout=30) == b"urgent"
    assert queue.consume()
    assert queue.get(timeout=30) == b"late"


# --- Counter ---------------------------------------------------------------------------------------


def test_counter_loses_nothing_under_contention(connect, root, in_thread):
    """C3: versioned setData with retries."""
    clients = [connect() for _ in range(6)]

    def work(client):
        counter = client.Counter(f"{root}/counter")
        for _ in range(10):
            counter += 1

    for running in [in_thread(work, client) for client in clients]:
        running.result()
    assert clients[0].Counter(f"{root}/counter").value == 60


def test_counter_of_integers_floats_and_curators(zk, root):
    """C3: the kinds of counters kazoo knows."""
    counter = zk.Counter(f"{root}/int")
    counter += 5
    counter -= 2
    assert (counter.value, counter.pre_value, counter.post_value) == (3, 5, 3)
    floating = zk.Counter(f"{root}/float", default=0.5)
    floating += 1.0
    assert floating.value == 1.5
    curator = zk.Counter(f"{root}/curator", support_curator=True)
    curator += 258
    assert zk.get(f"{root}/curator")[0] == b"\x00\x00\x01\x02"


# --- Parties ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Party", "ShallowParty"])
def test_party_lists_its_members(connect, zk, root, kind):
    """C7: join, leave, and leaving by closing."""
    clients = [connect() for _ in range(3)]
    parties = [getattr(c, kind)(f"{root}/party", f"m{n}") for n, c in enumerate(clients)]
    observer = getattr(zk, kind)(f"{root}/party")
    assert len(observer) == 0
    for party in parties:
        party.join()
    assert sorted(observer) == ["m0", "m1", "m2"]
    assert len(observer) == 3
    assert parties[0].leave() is True
    assert sorted(observer) == ["m1", "m2"]
    clients[1].stop()
    assert sorted(observer) == ["m2"]
    parties[2].join()
    assert len(observer) == 1


def test_lost_member_leaves_the_party_by_expiry(server, connect, zk, root):
    """C6, C7, CP-10.1: registered, lost, removed; registered again."""
    with TcpProxy(server) as proxy:
        member = connect(at=proxy, timeout=SHORT_SESSION_S)
        party = member.Party(f"{root}/party", "m")
        party.join()
        observer = zk.Party(f"{root}/party")
        assert list(observer) == ["m"]
        proxy.cut()
        wait_until(lambda: list(observer) == [], "the lost member is gone")
        proxy.mend()
        wait_until(lambda: member.connected, "the member is back")
        party.join()
        assert list(observer) == ["m"]
        member.stop()


# --- SetPartitioner --------------------------------------------------------------------------------


def advance(partitioners):
    """One step of the loop that users of SetPartitioner write."""
    for partitioner in partitioners:
        assert not partitioner.failed
        if partitioner.release:
            partitioner.release_set()
        elif partitioner.allocating:
            partitioner.wait_for_acquire(timeout=0.1)


def settle(partitioners, wanted):
    """Runs the loop until every partitioner has acquired and the shares are the wanted ones."""

    def settled():
        advance(partitioners)
        return all(p.acquired for p in partitioners) and [sorted(p) for p in partitioners] == wanted

    wait_until(settled, f"the shares {wanted}", timeout=60)


def test_partitioner_divides_a_set_and_divides_it_again(connect, root):
    """A member alone has everything; a second one halves it; when it goes everything comes back."""
    items = ("a", "b", "c", "d")
    clients = [connect() for _ in range(2)]

    def join(number):
        return clients[number].SetPartitioner(
            f"{root}/work", set=items, identifier=f"m{number}", time_boundary=0.2, max_reaction_time=0.5
        )

    first = join(0)
    settle([first], [["a", "b", "c", "d"]])
    second = join(1)
    settle([first, second], [["a", "c"], ["b", "d"]])
    second.finish()
    settle([first], [["a", "b", "c", "d"]])
    first.finish()
    assert first.state == PartitionState.FAILURE


# --- Leases ----------------------------------------------------------------------------------------


def test_lease_is_exclusive_until_it_ends(connect, zk, root):
    """L6: one holder, renewable by the holder, free after its time. The clock is the test's."""
    now = datetime.datetime(2030, 1, 1)
    hour = datetime.timedelta(hours=1)
    other = connect()

    def lease(client, name, at):
        return bool(client.NonBlockingLease(f"{root}/lease", hour, identifier=name, utcnow=lambda: at))

    assert lease(zk, "one", now)
    assert not lease(other, "two", now + hour / 2)
    assert lease(zk, "one", now + hour / 2), "the holder renews"
    assert not lease(other, "two", now + hour), "renewed until half past one"
    assert lease(other, "two", now + 2 * hour)
    assert not lease(zk, "one", now + 2 * hour)


def test_multi_lease_admits_its_number(connect, zk, root):
    """L6: two of three get one."""
    now = datetime.datetime(2030, 1, 1)
    clients = [zk, connect(), connect()]

    def lease(number, at):
        return bool(
            clients[number].MultiNonBlockingLease(
                2, f"{root}/lease", datetime.timedelta(hours=1), identifier=f"c{number}", utcnow=lambda: at
            )
        )

    assert [lease(number, now) for number in range(3)] == [True, True, False]
    assert lease(2, now + datetime.timedelta(hours=2))
