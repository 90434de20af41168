"""Is a history of one object linearizable? Wing and Gong's search with Lowe's memory of what was tried.

The search puts operations into an order one by one. An operation may come next if no other that is still
missing had ended before it began. What has no answer may take effect at any moment after it began, or not at all.
"""

from dataclasses import dataclass, field
from typing import Callable, Hashable, Optional, Sequence

from jepsen.history import NEVER, OK, REFUSED, UNKNOWN, Operation
from lib.records import Err

IMPOSSIBLE = object()  # what a model's step returns when the operation cannot have had its answer in this state
DEFAULT_LIMIT = 3_000_000


@dataclass
class Answer:
    """`linearizable` is None when the search gave up: neither proved nor refuted."""

    linearizable: Optional[bool]
    tried: int
    order: list = field(default_factory=list)  # the longest order that was found
    stuck: list = field(default_factory=list)  # what could not follow it


class _Entry:
    """A call or a return in a doubly linked list in the order of time."""

    __slots__ = ("operation", "bit", "is_call", "match", "before", "after")

    def __init__(self, operation, bit: int, is_call: bool) -> None:
        self.operation, self.bit, self.is_call = operation, bit, is_call
        self.match = self.before = self.after = None

    def lift(self) -> None:
        """Takes a call and its return out of the list."""
        for entry in (self, self.match):
            entry.before.after = entry.after
            if entry.after is not None:
                entry.after.before = entry.before

    def put_back(self) -> None:
        """Undoes the latest `lift`."""
        for entry in (self.match, self):
            entry.before.after = entry
            if entry.after is not None:
                entry.after.before = entry


def _linked(operations: Sequence[Operation]) -> _Entry:
    events = []
    for number, operation in enumerate(operations):
        call, back = (_Entry(operation, 1 << number, is_call) for is_call in (True, False))
        call.match, back.match = back, call
        # At equal times calls come first: such operations overlap, which allows more, never less.
        events += [(operation.begin, 0, number, call), (operation.end, 1, number, back)]
    head = last = _Entry(None, 0, True)
    for *_, entry in sorted(events, key=lambda event: event[:3]):
        last.after, entry.before = entry, last
        last = entry
    return head


def check(
    operations: Sequence[Operation],
    step: Callable[[Hashable, Operation], Hashable],
    initial: Hashable,
    limit: int = DEFAULT_LIMIT,
) -> Answer:
    """Searches an order of `operations` that `step` allows; gives up after `limit` steps.

    `step(state, operation)` is the next state or IMPOSSIBLE; an UNKNOWN operation must be possible in every state.
    """
    head = _linked(operations)
    missing = sum(operation.end != NEVER for operation in operations)
    state, done, tried = initial, 0, 0
    seen: set = set()
    path: list = []  # (entry, state before it)
    answer = Answer(None, 0)
    entry = head.after
    while missing:
        tried += 1
        if tried > limit:
            answer.tried = tried
            return answer
        if entry.is_call:
            following = step(state, entry.operation)
            if following is not IMPOSSIBLE and (done | entry.bit, following) not in seen:
                done |= entry.bit
                seen.add((done, following))
                path.append((entry, state))
                state = following
                missing -= entry.operation.end != NEVER
                entry.lift()
                entry = head.after
            else:
                entry = entry.after
            continue
        # A return whose call found no place: the latest decision was wrong.
        if len(path) >= len(answer.order):
            answer.order = [item.operation for item, _ in path]
            answer.stuck = _candidates(head, entry)
        if not path:
            answer.linearizable, answer.tried = False, tried
            return answer
        entry, state = path.pop()
        done &= ~entry.bit
        missing += entry.operation.end != NEVER
        entry.put_back()
        entry = entry.after
    return Answer(True, tried, [item.operation for item, _ in path])


def _candidates(head: _Entry, end: _Entry) -> list:
    found, entry = [], head.after
    while entry is not end:
        found.append(entry.operation)
        entry = entry.after
    return found


# --- A znode as a register: its state is None while it does not exist, else (data, version) ---


def register_step(state, operation: Operation):
    """create, write (any version), cas (argument: data, expected version) and read of one znode."""
    if operation.kind == "read":
        return state if _saw(state, operation) else IMPOSSIBLE
    after, err = _write(state, operation)
    if operation.outcome == UNKNOWN:
        return after
    if operation.err != err or (err == 0 and operation.version != after[1]):
        return IMPOSSIBLE
    return after


def _saw(state, operation: Operation) -> bool:
    if operation.outcome == OK:
        return state == (operation.value, operation.version)
    return operation.outcome == REFUSED and operation.err == Err.NO_NODE and state is None


def _write(state, operation: Operation) -> tuple:
    """(state after it, error code) of a write that takes effect in `state`."""
    if operation.kind == "create":
        return (state, Err.NODE_EXISTS) if state is not None else ((operation.argument, 0), 0)
    if state is None:
        return None, Err.NO_NODE
    if operation.kind == "write":
        return (operation.argument, state[1] + 1), 0
    data, expected = operation.argument
    if state[1] != expected:
        return state, Err.BAD_VERSION
    return (data, state[1] + 1), 0


def describe(answer: Answer) -> str:
    """Why no order was found, for people."""
    lines = ["the longest order that explains the answers ends with"]
    lines += [f"    {operation}" for operation in answer.order[-6:]]
    lines += ["and none of these can follow:"] + [f"    {operation}" for operation in answer.stuck[:8]]
    return "\n".join(lines)
