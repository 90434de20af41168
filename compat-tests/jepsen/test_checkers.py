"""The checkers find what they must: histories made by hand, each with one violation, and their lawful twins."""

import random

import pytest

from jepsen import checkers, linearizability
from jepsen.checkers import Hold
from jepsen.history import NEVER, OK, REFUSED, UNKNOWN, History, Operation
from jepsen.linearizability import register_step
from lib.records import Err

PATH = "/r"


def op(kind, begin, end, argument=None, *, value=None, version=-1, err=0, zxid=0, client="a", session=1, path=PATH):
    """An answered operation."""
    outcome = REFUSED if err else OK
    return Operation(client, session, kind, path, argument, begin, end, outcome, err, zxid, value, version)


def lost(kind, begin, argument=None, client="a", path=PATH):
    """An operation without an answer."""
    return Operation(client, 1, kind, path, argument, begin, NEVER, UNKNOWN)


def created(data="x", end=1.0):
    """The znode comes into being."""
    return op("create", 0.0, end, data, version=0)


def verdict(*operations):
    """True or False: linearizable or not."""
    return linearizability.check(operations, register_step, None).linearizable


class TestLinearizability:
    """The search over one register."""

    def test_reads_of_what_was_written(self):
        assert verdict(created(), op("read", 2, 3, value="x", version=0), op("write", 4, 5, "y", version=1))

    def test_a_stale_read(self):
        stale = op("read", 6, 7, value="x", version=0)
        assert not verdict(created(), op("write", 4, 5, "y", version=1), stale)

    def test_a_read_beside_the_write_may_see_either(self):
        for data, version in (("x", 0), ("y", 1)):
            assert verdict(created(), op("write", 4, 8, "y", version=1), op("read", 5, 6, value=data, version=version))

    def test_reads_that_go_back_beside_one_write(self):
        new, old = op("read", 5, 6, value="y", version=1), op("read", 6.5, 7, value="x", version=0)
        assert not verdict(created(), op("write", 4, 8, "y", version=1), new, old)

    def test_a_lost_acknowledged_write(self):
        later = op("write", 6, 7, "z", version=1)
        assert not verdict(created(), op("write", 4, 5, "y", version=1), later)

    def test_two_compare_and_sets_of_one_version(self):
        first, second = op("cas", 2, 5, ("y", 0), version=1), op("cas", 3, 6, ("z", 0), version=1)
        assert not verdict(created(), first, second)

    def test_a_compare_and_set_is_refused_without_reason(self):
        assert not verdict(created(), op("cas", 2, 5, ("y", 0), err=Err.BAD_VERSION))

    def test_a_compare_and_set_is_refused_because_of_a_lost_write(self):
        assert verdict(created(), lost("write", 2, "y"), op("cas", 3, 5, ("z", 0), err=Err.BAD_VERSION))

    def test_what_has_no_answer_may_happen_late(self):
        old, new = op("read", 5, 6, value="x", version=0), op("read", 9, 10, value="y", version=1)
        assert verdict(created(), lost("write", 2, "y"), old, new)

    def test_what_has_no_answer_may_never_happen(self):
        assert verdict(created(), lost("write", 2, "y"), op("read", 9, 10, value="x", version=0))

    def test_what_has_no_answer_happens_at_most_once(self):
        one, two = op("read", 5, 6, value="y", version=1), op("read", 9, 10, value="y", version=2)
        assert not verdict(created(), lost("write", 2, "y"), one, two)

    def test_what_has_no_answer_cannot_happen_before_it_began(self):
        assert not verdict(created(), op("read", 2, 3, value="y", version=1), lost("write", 4, "y"))

    def test_a_lost_compare_and_set_needs_its_version(self):
        write = op("write", 2, 3, "y", version=1)
        assert not verdict(created(), write, lost("cas", 4, ("z", 0)), op("read", 5, 6, value="z", version=2))
        assert verdict(created(), write, lost("cas", 4, ("z", 1)), op("read", 5, 6, value="z", version=2))

    def test_a_value_from_nowhere(self):
        assert not verdict(created(), op("read", 2, 3, value="other", version=0))

    def test_a_znode_that_is_not_there_yet_or_no_longer(self):
        missing = {"err": Err.NO_NODE}
        assert verdict(op("read", 0, 3, **missing), created())
        assert not verdict(created(), op("read", 2, 3, **missing))

    def test_a_second_create(self):
        assert verdict(created(), op("create", 2, 3, "y", err=Err.NODE_EXISTS))
        assert not verdict(created(), op("create", 2, 3, "y", version=0))

    def test_many_lost_writes_do_not_explode(self):
        items = [created()] + [lost("write", 2, f"lost-{number}") for number in range(12)]
        items += [op("read", 10 + n, 10.5 + n, value="lost-7", version=3) for n in range(30)]
        assert linearizability.check(items, register_step, None).linearizable

    def test_giving_up_is_not_passing(self):
        answer = linearizability.check([created(), op("read", 2, 3, value="x", version=0)], register_step, None, limit=1)
        assert answer.linearizable is None

    @pytest.mark.parametrize("seed", range(30))
    def test_random_histories_of_a_true_register(self, seed):
        """Each is lawful, and is not when one read in it is made to show an older version."""
        items = _random_history(random.Random(seed))
        assert verdict(*items)
        read = next(item for item in reversed(items) if item.kind == "read" and item.version > 3)
        read.version -= 3
        assert not verdict(*items)


def _random_history(rng):
    """Five clients; each operation takes effect at one moment between its begin and its end."""
    items, data, version = [created()], "x", 0
    free = dict.fromkeys("abcde", 1.0)
    moment = 2.0
    for number in range(150):
        client = rng.choice(sorted(free))
        moment = max(moment, free[client]) + 1.0
        begin, end = max(free[client], moment - rng.uniform(0, 2)), moment + rng.uniform(0, 2)
        kind = rng.choice(["read", "write", "cas"])
        if kind == "read":
            items.append(op("read", begin, end, value=data, version=version, client=client))
        else:
            argument, data, version = f"v{number}", f"v{number}", version + 1
            argument = (argument, version - 1) if kind == "cas" else argument
            if rng.random() < 0.05:
                items.append(lost(kind, begin, argument, client))
            else:
                items.append(op(kind, begin, end, argument, version=version, client=client))
        free[client] = end
    return items


class TestOrder:
    """zxids, sessions."""

    def test_a_later_write_with_a_smaller_zxid(self):
        first, second = op("write", 0, 1, zxid=5), op("write", 2, 3, zxid=4)
        assert checkers.zxids_follow_time([first, second])
        assert not checkers.zxids_follow_time([first, op("write", 0.5, 3, zxid=4)])

    def test_one_zxid_twice(self):
        assert checkers.zxids_follow_time([op("write", 0, 1, zxid=5), op("write", 0, 1, zxid=5)])

    def test_a_synced_read_from_a_server_that_is_behind(self):
        write = op("write", 0, 1, zxid=5)
        assert checkers.zxids_follow_time([write], [op("read", 2, 3, zxid=4)])
        assert not checkers.zxids_follow_time([write], [op("read", 2, 3, zxid=5), op("read", 0.5, 3, zxid=4)])

    def test_a_session_that_goes_back(self):
        seen = [op("plain", 0, 1, zxid=5), op("plain", 2, 3, zxid=4)]
        assert checkers.sessions_never_go_back(seen)
        seen[1].session = 2
        assert not checkers.sessions_never_go_back(seen)

    def test_a_session_that_sees_an_older_version(self):
        seen = [op("write", 0, 1, version=5, zxid=5), op("plain", 2, 3, version=4, zxid=6)]
        assert checkers.sessions_never_go_back(seen)

    def test_a_session_of_two_clients(self):
        own, others = [op("plain", 0, 1, client="a")], [op("plain", 2, 3, client="b")]
        assert checkers.sessions_have_one_client([own, others])
        others[0].session = 2
        assert not checkers.sessions_have_one_client([own, others])

    def test_one_version_with_two_contents(self):
        write = op("write", 0, 1, "y", version=1)
        assert checkers.registers([created(), write], [op("plain", 5, 6, value="z", version=1)])
        assert not checkers.registers([created(), write], [op("plain", 5, 6, value="x", version=0)])

    def test_errors_that_cannot_be(self):
        refused = op("add", 0, 1, err=Err.NO_AUTH)
        assert checkers.unexpected_errors([refused], {})
        assert not checkers.unexpected_errors([refused], {"add": (Err.NO_AUTH,)})


class TestFinalSet:
    """Acknowledged creates."""

    def test_lost_refused_and_foreign(self):
        assert checkers.final_set([op("add", 0, 1, path="/a")], [])
        assert checkers.final_set([op("add", 0, 1, path="/a", err=Err.NODE_EXISTS)], ["/a"])
        assert checkers.final_set([], ["/a"])
        assert checkers.final_set([op("add", 0, 1, path="/a")], ["/a", "/a"])

    def test_lawful(self):
        creates = [op("add", 0, 1, path="/a"), lost("add", 0, path="/b"), lost("add", 0, path="/c")]
        assert not checkers.final_set(creates, ["/a", "/b"])


def put(path, zxid):
    """An acknowledged item."""
    return op("put", zxid, zxid + 0.5, value=path, zxid=zxid, path="/q/item-")


def take(path, **fields):
    """A delete of an item."""
    return op("take", 10, 11, path=path, **fields)


class TestQueue:
    """Items are taken once."""

    A, B = "/q/item-0000000001", "/q/item-0000000002"

    def test_taken_twice(self):
        assert checkers.queue([put(self.A, 1)], [take(self.A), take(self.A)], [])

    def test_lost(self):
        assert checkers.queue([put(self.A, 1)], [], [])
        assert checkers.queue([put(self.A, 1)], [take(self.A, err=Err.NO_NODE)], [])

    def test_taken_and_still_there(self):
        assert checkers.queue([put(self.A, 1)], [take(self.A)], [self.A])

    def test_one_name_for_two_items(self):
        assert checkers.queue([put(self.A, 1), put(self.A, 2)], [take(self.A)], [])

    def test_an_item_from_nowhere(self):
        assert checkers.queue([], [], [self.A])
        assert not checkers.queue([lost("put", 0)], [], [self.A])

    def test_numbers_that_go_back(self):
        assert checkers.queue([put(self.B, 1), put(self.A, 2)], [], [self.A, self.B])

    def test_lawful(self):
        puts = [put(self.A, 1), put(self.B, 2)]
        assert not checkers.queue(puts, [lost("take", 5, path=self.A), take(self.B)], [])


class TestLocks:
    """Mutual exclusion."""

    def test_two_holders(self):
        assert checkers.mutual_exclusion([Hold("a", 1, 0, 5), Hold("b", 2, 4, 6)])

    def test_a_short_hold_inside_a_long_one(self):
        assert checkers.mutual_exclusion([Hold("a", 1, 0, 9), Hold("b", 2, 1, 1), Hold("c", 3, 8, 9)])

    def test_tokens_that_go_back_or_repeat(self):
        assert checkers.mutual_exclusion([Hold("a", 2, 0, 1), Hold("b", 1, 4, 6)])
        assert checkers.mutual_exclusion([Hold("a", 2, 0, 1), Hold("b", 2, 4, 6)])

    def test_one_after_the_other(self):
        assert not checkers.mutual_exclusion([Hold("a", 1, 0, 5), Hold("b", 2, 5, 6), Hold("c", 4, 7, 7)])


def test_a_history_counts_and_keeps_times():
    """begin and finish; what was never answered stays unknown."""
    moments = iter([0.0, 1.0, 2.0, 3.0])
    history = History(lambda: next(moments))
    done = history.begin("a", 1, "write", PATH)
    history.begin("a", 1, "write", PATH)
    history.finish(done, 0, 7)
    assert (done.begin, done.end) == (1.0, 3.0)
    assert history.counts() == {OK: 1, REFUSED: 0, UNKNOWN: 1}
