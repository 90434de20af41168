"""What a history must fulfil besides linearizability. Each function returns sentences, one for each violation."""

import collections
from typing import Iterable, Sequence

from jepsen import linearizability
from jepsen.history import NEVER, OK, REFUSED, UNKNOWN, Operation

SHOWN = 5  # of the same kind of violation in one list


def zxids_follow_time(writes: Iterable[Operation], sync_reads: Iterable[Operation] = ()) -> list[str]:
    """A write that began after another had ended has the larger zxid, on whatever servers; and a read behind a
    sync comes from a server that has every write which had ended before the sync began.
    """
    answered = sorted((item for item in writes if item.end != NEVER), key=lambda item: item.zxid)
    found = []
    latest = None  # of the writes with smaller zxids, the one that began last
    for earlier, item in zip([None, *answered], answered):
        if earlier is not None and earlier.zxid == item.zxid:
            found.append(f"two writes have one zxid:\n    {earlier}\n    {item}")
        if latest is not None and item.end < latest.begin:
            found.append(f"the later write has the smaller zxid:\n    {item}\n    {latest}")
        if latest is None or item.begin > latest.begin:
            latest = item
    return found[:SHOWN] + _stale(answered, sync_reads)[:SHOWN]


def _stale(writes: list, reads: Iterable[Operation]) -> list[str]:
    ended = sorted(writes, key=lambda item: item.end)
    found, position, newest = [], 0, None
    for read in sorted((item for item in reads if item.end != NEVER), key=lambda item: item.begin):
        while position < len(ended) and ended[position].end < read.begin:
            if newest is None or ended[position].zxid > newest.zxid:
                newest = ended[position]
            position += 1
        if newest is not None and read.zxid < newest.zxid:
            found.append(f"a read behind a sync does not see an earlier write:\n    {newest}\n    {read}")
    return found


def sessions_never_go_back(operations: Iterable[Operation]) -> list[str]:
    """Within a session the zxids of the answers never decrease, whatever server gives them, and a znode never
    returns to an older version.
    """
    found = []
    newest: dict = {}
    versions: dict = {}
    for item in operations:  # in the order in which each client began them, one at a time
        if item.end == NEVER or item.session == 0 or item.rejected:
            continue
        before = newest.get(item.session)
        if before is not None and item.zxid < before.zxid:
            found.append(f"a session went back:\n    {before}\n    {item}")
        newest[item.session] = item
        if item.outcome == OK and item.version >= 0:
            seen = versions.get((item.session, item.path))
            if seen is not None and item.version < seen.version:
                found.append(f"a session saw an older version:\n    {seen}\n    {item}")
            versions[(item.session, item.path)] = item
    return found[:SHOWN]


def sessions_have_one_client(histories: Iterable[Iterable[Operation]]) -> list[str]:
    """No session id is given to two clients, whatever servers they connect to."""
    owner: dict = {}
    found = []
    for operations in histories:
        for item in operations:
            first = owner.setdefault(item.session, item)
            if item.session and first.client != item.client:
                found.append(f"two clients have one session:\n    {first}\n    {item}")
                owner[item.session] = item
    return found[:SHOWN]


def registers(operations: Sequence[Operation], plain_reads: Sequence[Operation]) -> list[str]:
    """Each znode is a linearizable register, and plain reads show a (data, version) that it really had."""
    found = []
    by_path = collections.defaultdict(list)
    for item in operations:
        if item.kind == "read" and item.outcome == UNKNOWN:
            continue  # an unanswered read says nothing
        by_path[item.path].append(item)
    for path, items in by_path.items():
        answer = linearizability.check(items, linearizability.register_step, None)
        if answer.linearizable is False:
            found.append(f"{path} is not linearizable: {linearizability.describe(answer)}")
        elif answer.linearizable is None:
            found.append(f"{path}: the checker gave up on {len(items)} operations, nothing is proved")
    return found + _versions_are_unique(list(operations) + list(plain_reads))[:SHOWN]


def _versions_are_unique(operations: Iterable[Operation]) -> list[str]:
    first: dict = {}
    found = []
    for item in operations:
        if item.outcome != OK or item.version < 0:
            continue
        data = item.value if item.kind in ("read", "plain") else item.argument
        data = data[0] if item.kind == "cas" else data
        seen, _ = first.setdefault((item.path, item.version), (data, item))
        if seen != data:
            found.append(f"one version with two contents:\n    {first[(item.path, item.version)][1]}\n    {item}")
    return found


def final_set(creates: Sequence[Operation], present: Iterable[str]) -> list[str]:
    """Every acknowledged create is there at the end, and nothing that was refused or never asked for."""
    there = collections.Counter(present)
    found = [f"{path} is there {count} times" for path, count in there.items() if count > 1]
    outcomes = {item.path: item for item in creates}
    if len(outcomes) < len(creates):
        raise ValueError("a path was created twice: the workload is wrong")
    for item in creates:
        if item.outcome == OK and item.path not in there:
            found.append(f"an acknowledged create is lost: {item}")
        elif item.outcome == REFUSED:
            found.append(f"a create that nobody else asked for was refused: {item}")
    found += [f"{path} is there, but nobody created it" for path in there if path not in outcomes]
    return found


def queue(creates: Sequence[Operation], deletes: Sequence[Operation], left: Iterable[str]) -> list[str]:
    """Each item is taken once or still there. `value` of a create is the path that the server gave it."""
    found = []
    left = set(left)
    made: dict = {}
    for item in (item for item in creates if item.outcome == OK):
        if item.value in made:
            found.append(f"one name for two items:\n    {made[item.value]}\n    {item}")
        made[item.value] = item
    taken, maybe = collections.defaultdict(list), set()
    for item in deletes:
        if item.outcome == OK:
            taken[item.path].append(item)
        elif item.outcome == UNKNOWN:
            maybe.add(item.path)
    for path, items in taken.items():
        if len(items) > 1:
            found.append(f"{path} was taken {len(items)} times:\n    {items[0]}\n    {items[1]}")
        if path in left:
            found.append(f"{path} was taken and is still there: {items[0]}")
    found += [
        f"an acknowledged item is lost: {item}"
        for path, item in made.items()
        if path not in left and path not in taken and path not in maybe
    ]
    strangers = (set(taken) | left) - set(made)
    unanswered = sum(item.outcome == UNKNOWN for item in creates)
    if len(strangers) > unanswered:
        found.append(f"{len(strangers)} items that nobody was told of, but only {unanswered} unanswered creates")
    return found + _sequence_follows_zxid(list(made.values()))


def _sequence_follows_zxid(creates: list) -> list[str]:
    ordered = sorted(creates, key=lambda item: item.zxid)
    numbers = [int(item.value[-10:]) for item in ordered]
    pairs = zip(ordered, ordered[1:], numbers, numbers[1:])
    return [f"sequence numbers go back:\n    {a}\n    {b}" for a, b, first, second in pairs if second <= first][:SHOWN]


class Hold:  # pylint: disable=too-few-public-methods
    """A lock was certainly held from `begin` to `end`: between its acquisition and the sending of the last write
    to the holder's own lock node that succeeded. `token` is the czxid of that node.
    """

    def __init__(self, client: str, token: int, begin: float, end: float) -> None:
        self.client, self.token, self.begin, self.end = client, token, begin, end

    def __str__(self) -> str:
        return f"{self.client} from {self.begin:.3f} to {self.end:.3f}, token {self.token:#x}"


def mutual_exclusion(holds: Iterable[Hold]) -> list[str]:
    """No two holders at one time; later holders have larger tokens, no token is given twice."""
    ordered = sorted(holds, key=lambda item: item.begin)
    found = []
    longest = None
    tokens: dict = {}
    for item in ordered:
        if longest is not None and item.begin < longest.end:
            found.append(f"the lock had two holders:\n    {longest}\n    {item}")
        if longest is not None and item.token < longest.token:
            found.append(f"a later holder has the smaller token:\n    {longest}\n    {item}")
        if item.token in tokens:
            found.append(f"one token for two holders:\n    {tokens[item.token]}\n    {item}")
        tokens[item.token] = item
        if longest is None or item.end > longest.end:
            longest = item
    return found[:SHOWN]


def unexpected_errors(operations: Iterable[Operation], allowed: dict) -> list[str]:
    """Refusals with a code that the kind of operation (key of `allowed`) cannot give."""
    return [
        f"an error that cannot be: {item}"
        for item in operations
        if item.outcome == REFUSED and not item.rejected and item.err not in allowed.get(item.kind, ())
    ][:SHOWN]
