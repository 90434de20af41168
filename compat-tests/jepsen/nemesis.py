"""What goes wrong: each fault is injected into a healthy ensemble, held for a while, and healed.

A fault is a generator function: it injects, yields a sentence about what it did, and heals when it is resumed. The
engine (`Nemesis`) decides how long, and demands after each that all servers serve again within a deadline.
"""

import collections
import contextlib
import random
import time
from dataclasses import dataclass
from typing import Callable, Iterator

from jepsen.cluster import Cluster
from jepsen.network import CLIENTS, CannotMakeNamespaces

Fault = Callable[[Cluster, random.Random], Iterator[str]]


def _some(cluster: Cluster, rng: random.Random, count: int) -> list[int]:
    return sorted(rng.sample(cluster.numbers, count))


def _minority(cluster: Cluster, rng: random.Random) -> list[int]:
    return _some(cluster, rng, rng.randint(1, len(cluster.numbers) - cluster.majority))


def _leader(cluster: Cluster) -> int:
    """The leader of a healthy ensemble; any server when it loses it just now."""
    return cluster.leader() or cluster.numbers[0]


# --- processes ---


def _kill(cluster: Cluster, numbers: list[int]) -> Iterator[str]:
    for number in numbers:
        cluster.kill(number)
    yield f"kill -9 {numbers}"
    for number in numbers:
        cluster.launch(number)


def kill_random(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """kill -9 of a minority."""
    return _kill(cluster, _minority(cluster, rng))


def kill_leader(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """kill -9 of the leader."""
    del rng
    return _kill(cluster, [_leader(cluster)])


def kill_majority(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """kill -9 of a majority."""
    return _kill(cluster, _some(cluster, rng, cluster.majority))


def kill_all(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """kill -9 of all."""
    del rng
    return _kill(cluster, cluster.numbers)


def _pause(cluster: Cluster, numbers: list[int]) -> Iterator[str]:
    cluster.pause(numbers)
    try:
        yield f"SIGSTOP {numbers}"
    finally:
        cluster.resume(numbers)


def pause_random(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """SIGSTOP and SIGCONT of any number of servers."""
    return _pause(cluster, _some(cluster, rng, rng.randint(1, len(cluster.numbers))))


def pause_leader(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """SIGSTOP and SIGCONT of the leader."""
    del rng
    return _pause(cluster, [_leader(cluster)])


def rolling_restart(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """Each server is stopped in order, the leader included, and started; the next one when all serve again."""
    order = rng.sample(cluster.numbers, len(cluster.numbers))
    for number in order:
        cluster.stop(number)
        cluster.launch(number)
        cluster.wait_serving()
    yield f"restarted {order} one by one"


def lost_directory(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """A minority loses its data directories. What was acknowledged is then on a majority without them only if the
    others have it, so these must have caught up first.
    """
    victims = _minority(cluster, rng)
    others = [number for number in cluster.numbers if number not in victims]
    for number in victims:
        cluster.kill(number)
    cluster.wait_serving(others)
    cluster.wait_equal(others)
    for number in victims:
        cluster.wipe(number)
    yield f"lost the directories of {victims}"
    for number in victims:
        cluster.launch(number)
    cluster.wait_serving()


# --- the network ---


def _clients_too(cluster: Cluster, rng: random.Random, cut_off: list[int]) -> str:
    """Half of the time the clients are cut off from those servers too."""
    if rng.random() < 0.5:
        cluster.network.separate(cut_off, [CLIENTS])
        return "clients on the other side"
    return "clients on both sides"


def _isolate(cluster: Cluster, rng: random.Random, numbers: list[int]) -> Iterator[str]:
    others = [number for number in cluster.numbers if number not in numbers]
    cluster.network.separate(numbers, others)
    clients = _clients_too(cluster, rng, numbers)
    try:
        yield f"cut {numbers} from {others}, {clients}"
    finally:
        cluster.network.mend()


def partition_minority(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """A minority is cut off."""
    return _isolate(cluster, rng, _minority(cluster, rng))


def partition_leader(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """The leader is cut off alone."""
    return _isolate(cluster, rng, [_leader(cluster)])


def partition_all(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """Nobody reaches anybody; clients reach all."""
    del rng
    cluster.network.separate(cluster.numbers, cluster.numbers)
    try:
        yield "cut every server from every other"
    finally:
        cluster.network.mend()


def partition_bridge(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """Two halves that see each other only through one server."""
    order = rng.sample(cluster.numbers, len(cluster.numbers))
    bridge, rest = order[0], order[1:]
    half = len(rest) // 2
    cluster.network.separate(rest[:half], rest[half:])
    try:
        yield f"cut {rest[:half]} from {rest[half:]}, both see {bridge}"
    finally:
        cluster.network.mend()


def partition_one_way(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """What one server sends, or what is sent to it, does not arrive at some of the others (or at none)."""
    victim = _leader(cluster) if rng.random() < 0.5 else rng.choice(cluster.numbers)
    others = [number for number in cluster.numbers if number != victim]
    others = rng.sample(others, rng.randint(1, len(others)))
    deaf = rng.random() < 0.5
    for other in others:
        cluster.network.cut(*((other, victim) if deaf else (victim, other)))
    try:
        yield f"{victim} does not {'hear' if deaf else 'reach'} {sorted(others)}"
    finally:
        cluster.network.mend()


def flapping_network(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """Every server is cut off for moments again and again: TCP's repetitions make the network slow and uneven.

    This is what a slow network is where the kernel has no netem (`slow_network` is the other).
    """
    bursts = rng.randint(8, 20)
    for _ in range(bursts):
        victim = rng.choice(cluster.numbers)
        cluster.network.separate([victim], [number for number in [*cluster.numbers, CLIENTS] if number != victim])
        time.sleep(rng.uniform(0.02, 0.25))
        cluster.network.mend()
        time.sleep(rng.uniform(0.02, 0.3))
    yield f"cut off single servers {bursts} times for up to 250 ms"


def slow_network(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """Delays of 20 to 300 ms to some servers, by netem."""
    numbers = _some(cluster, rng, rng.randint(1, len(cluster.numbers)))
    delay = rng.randint(20, 300)
    cluster.network.delay(numbers, delay, delay // 3)
    try:
        yield f"packets to {numbers} take {delay} ms longer"
    finally:
        cluster.network.undelay(numbers)


# --- disks ---


def slow_disk(cluster: Cluster, rng: random.Random) -> Iterator[str]:
    """Each fsync of some servers takes 20 to 700 ms longer (a library between the server and libc)."""
    numbers = _some(cluster, rng, rng.randint(1, len(cluster.numbers)))
    delay = rng.choice([20, 100, 300, 700])
    for number in numbers:
        cluster.slow_disk(number, delay)
    try:
        yield f"syncs of {numbers} take {delay} ms longer"
    finally:
        for number in numbers:
            cluster.slow_disk(number, 0)


# --- several at once ---


def _overlapping(*choices: Fault) -> Fault:
    """Two faults, the second while the ensemble still deals with the first."""

    def fault(cluster: Cluster, rng: random.Random) -> Iterator[str]:
        """Two faults that overlap."""
        first, second = (rng.choice(choices)(cluster, rng) for _ in range(2))
        with contextlib.closing(first), contextlib.closing(second):
            done = [next(first)]
            time.sleep(rng.uniform(0.0, 1.5))
            done.append(next(second))
            yield "; then ".join(done)
            order = rng.sample([first, second], 2)
            for part in order:
                next(part, None)
                time.sleep(rng.uniform(0.0, 0.5))

    return fault


PROCESS_FAULTS: dict[str, Fault] = {
    "kill-random": kill_random,
    "kill-leader": kill_leader,
    "kill-majority": kill_majority,
    "kill-all": kill_all,
    "pause-random": pause_random,
    "pause-leader": pause_leader,
    "rolling-restart": rolling_restart,
    "lost-directory": lost_directory,
    "slow-disk": slow_disk,
    "double": _overlapping(kill_random, kill_leader, pause_random, pause_leader, slow_disk),
}
NETWORK_FAULTS: dict[str, Fault] = {
    "partition-minority": partition_minority,
    "partition-leader": partition_leader,
    "partition-all": partition_all,
    "partition-bridge": partition_bridge,
    "partition-one-way": partition_one_way,
    "flapping-network": flapping_network,
    "slow-network": slow_network,
    "double-with-cuts": _overlapping(kill_leader, pause_leader, partition_minority, partition_one_way, slow_disk),
}
FAULTS = {**PROCESS_FAULTS, **NETWORK_FAULTS}
MIXES = {"none": [], "mixed": list(FAULTS), "processes": list(PROCESS_FAULTS), "network": list(NETWORK_FAULTS)}


def names_of(nemesis: str) -> list[str]:
    """The faults of a comma-separated list of faults and mixes."""
    chosen = [name for word in nemesis.split(",") for name in MIXES.get(word, [word])]
    unknown = [name for name in chosen if name not in FAULTS]
    if unknown:
        raise ValueError(f"no such nemesis: {', '.join(unknown)}; there are {', '.join([*FAULTS, *MIXES])}")
    return chosen


@dataclass
class Injected:
    """One fault that happened; times in seconds of the run."""

    kind: str
    text: str
    begin: float
    healed: float = 0.0
    serving: float = 0.0  # when all servers served again


class Nemesis:
    """Injects faults one after the other until its time is over. Runs in the main thread, which starts processes."""

    def __init__(self, cluster: Cluster, names: list[str], seed: int, now: Callable[[], float]) -> None:
        self._cluster = cluster
        self._names = names
        self._random = random.Random(f"{seed}/nemesis")
        self._now = now
        self._bag: list[str] = []
        self.injected: list[Injected] = []
        self.skipped: dict[str, str] = {}

    def run(self, until: float) -> None:
        """Returns at `until` at the earliest, with a healed ensemble that serves; NotLive when it does not."""
        while self._now() < until:
            self._calm(min(self._random.uniform(0.5, 2.5), until - self._now()))
            if self._now() < until and (name := self._next_name()):
                self._inject(name)

    def _calm(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def _next_name(self) -> str:
        """Every kind once, in random order, before any comes again."""
        usable = [name for name in self._names if name not in self.skipped]
        self._bag = [name for name in self._bag if name in usable] or self._random.sample(usable, len(usable))
        return self._bag.pop() if self._bag else ""

    def _inject(self, name: str) -> None:
        entry = Injected(name, "", self._now())
        try:
            with contextlib.closing(FAULTS[name](self._cluster, self._random)) as fault:
                entry.text = next(fault)
                self.injected.append(entry)
                self._calm(self._random.uniform(0.2, 6.0))
                next(fault, None)
        except CannotMakeNamespaces as error:
            self.skipped[name] = str(error)
            return
        entry.healed = self._now()
        self._cluster.wait_serving()
        entry.serving = self._now()

    def counts(self) -> dict[str, int]:
        """How many faults of each kind happened."""
        return dict(collections.Counter(entry.kind for entry in self.injected))
