"""The differential test itself: one server twice gives no difference, planted ones are found."""

import copy
import itertools

import pytest

from differential.compare import compare
from differential.known_differences import RULES, Place, reconcile
from differential.random_sequences import script_of
from differential.runner import StepTrace
from differential.sequence import Script, Step, request
from differential.shrink import shrink
from lib.records import Op

SEEDS = range(7000, 7012)


@pytest.fixture(scope="module")
def runs(pair):
    """(script, Apache's trace, Apache's trace of a second run) for some seeds."""
    found = []
    for seed in SEEDS:
        script = script_of(seed)
        found.append((script, pair.reference_trace(script), pair.reference_trace(script)))
    return found


def test_the_same_server_twice_does_not_differ(runs):
    """Traces hold nothing that depends on timing, absolute zxids, times or session ids."""
    for script, first, second in runs:
        outcome = compare(script, first, second, same_kind=True)
        assert outcome.difference is None, outcome.difference.text()


# --- planted differences: each takes a trace and returns True when it could change something ---


def _entries(trace, kind, **fields):
    """Entries of that kind and with those fields, as (list, position, entry)."""
    for step in trace.steps:
        for entries in step.entries.values():
            for position, entry in enumerate(entries):
                if entry["kind"] == kind and all(entry.get(k) == v for k, v in fields.items()):
                    yield entries, position, entry


def _stats(value):
    """Every stat inside a value."""
    if isinstance(value, dict) and "czxid" in value:
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _stats(part)
    elif isinstance(value, list):
        for part in value:
            yield from _stats(part)


def _in_first_stat(field, value):
    def plant(trace):
        for _, _, entry in _entries(trace, "reply"):
            for stat in _stats(entry.get("value")):
                if stat[field] != value:
                    stat[field] = value
                    return True
        return False

    return plant


def _in_first_reply(field, value, **fields):
    def plant(trace):
        for _, _, entry in _entries(trace, "reply", **fields):
            entry[field] = value
            return True
        return False

    return plant


def _in_first_event(field, value):
    def plant(trace):
        for _, _, entry in _entries(trace, "event"):
            if entry[field] != value:
                entry[field] = value
                return True
        return False

    return plant


def _drop_event(trace):
    for entries, position, _ in _entries(trace, "event"):
        del entries[position]
        return True
    return False


def _repeat_event(trace):
    for entries, position, entry in _entries(trace, "event"):
        entries.insert(position, copy.deepcopy(entry))
        return True
    return False


def _event_behind_reply(trace):
    for entries, position, _ in _entries(trace, "event"):
        if position + 1 < len(entries) and entries[position + 1]["kind"] == "reply":
            entries[position], entries[position + 1] = entries[position + 1], entries[position]
            return True
    return False


def _swap_replies(trace):
    for step in trace.steps:
        for entries in step.entries.values():
            for position, (one, other) in enumerate(itertools.pairwise(entries)):
                if one["kind"] == other["kind"] == "reply":
                    entries[position : position + 2] = [other, one]
                    return True
    return False


def _event_one_step_later(trace):
    for step, later in itertools.pairwise(trace.steps):
        for label, entries in step.entries.items():
            if entries and entries[-1]["kind"] == "event":
                later.entries.setdefault(label, []).insert(0, entries.pop())
                return True
    return False


def _lose_close(trace):
    for entries, position, _ in _entries(trace, "closed"):
        del entries[position]
        return True
    return False


def _lose_reply(trace):
    for entries, position, _ in _entries(trace, "reply"):
        del entries[position]
        return True
    return False


def _additional_reply(trace):
    for entries, position, entry in _entries(trace, "reply"):
        entries.insert(position, copy.deepcopy(entry))
        return True
    return False


def _lose_child(trace):
    for _, _, entry in _entries(trace, "reply", op=Op.GET_CHILDREN, err=0):
        if entry["value"]:
            entry["value"].pop()
            return True
    return False


def _consume_one_more(trace):
    trace.steps[len(trace.steps) // 2].consumed += 1
    return True


def _consume_one_less_for_a_write(trace):
    for step in trace.steps:
        if step.consumed:
            step.consumed -= 1
            return True
    return False


def _change_tree(field, value):
    def plant(trace):
        trace.tree[-1][field] = value
        return True

    return plant


def _lose_node(trace):
    trace.tree.pop()
    return True


PLANTS = {
    "err": _in_first_reply("err", -101, err=0),
    "other err": _in_first_reply("err", -8, err=-101),
    "xid": _in_first_reply("xid", 12345),
    "reply zxid": _in_first_reply("zxid", "1.7"),
    "body of an error": _in_first_reply("body", "ffffffff", err=-101),
    **{
        f"stat {field}": _in_first_stat(field, value)
        for field, value in {
            "czxid": "base",
            "mzxid": "1.5",
            "pzxid": "2.5",
            "ctime": "+3 ms off the time that 3.1 had before",
            "mtime": "+3 ms off the time that 3.1 had before",
            "version": 77,
            "cversion": 77,
            "aversion": 77,
            "owner": "a stranger",
            "length": 77,
            "children": 77,
        }.items()
    },
    "event type": _in_first_event("type", 3),
    "event state": _in_first_event("state", 0),
    "event path": _in_first_event("path", "~/elsewhere"),
    "event zxid": _in_first_event("zxid", "1.9"),
    "event lost": _drop_event,
    "event twice": _repeat_event,
    "event behind the reply": _event_behind_reply,
    "event one step later": _event_one_step_later,
    "replies swapped": _swap_replies,
    "reply lost": _lose_reply,
    "reply twice": _additional_reply,
    "connection left open": _lose_close,
    "child lost": _lose_child,
    "zxid more": _consume_one_more,
    "zxid less": _consume_one_less_for_a_write,
    "data at the end": _change_tree("data", "else"),
    "acl at the end": _change_tree("acl", [[1, "world", "anyone"], [2, "world", "anyone"]]),
    "children at the end": _change_tree("children", ["ghost"]),
    "node lost at the end": _lose_node,
}


@pytest.mark.parametrize("same_kind", [True, False], ids=["strict", "with rules"])
@pytest.mark.parametrize("name", PLANTS)
def test_planted_differences_are_found(runs, name, same_kind):
    """Every kind of deviation is found, also while the known differences are tolerated."""
    planted = 0
    for script, trace, _ in runs:
        changed = copy.deepcopy(trace)
        if PLANTS[name](changed) and changed != trace:
            planted += 1
            outcome = compare(script, trace, changed, same_kind=same_kind)
            assert outcome.difference is not None
            assert script.name in outcome.difference.text()
    assert planted, "no script has what this changes"


# --- the rules for known differences ---


def _event(zxid, kind=3, path="~/a"):
    return {"kind": "event", "type": kind, "state": 3, "path": path, "zxid": zxid, "err": 0}


def _reply(op, zxid, err=0, **fields):
    return {"kind": "reply", "op": op, "xid": 1, "zxid": zxid, "err": err, **fields}


def _tolerated(step, apache, lockkeeper, earlier=()):
    """Whether Lockkeeper's step equals Apache's after the rules."""
    place = Place(Script("hand", (*earlier, step)), step)
    rewritten, used = reconcile(place, apache, lockkeeper)
    assert bool(used) == (rewritten != lockkeeper)
    return rewritten == apache


@pytest.mark.parametrize(
    "zxids, tolerated",
    [
        (["4.1"], True),
        (["4.1", "4.2"], True),
        (["4.2", "4.1"], False),
        (["4.3"], False),
        (["3.1"], False),
        (["-1"], False),
        (["0"], False),
        (["base"], False),
    ],
)
def test_rule_event_zxid(zxids, tolerated):
    """Only a zxid of the step itself, in order, passes for Apache's -1."""
    step = Step(4, "send", "s1", {"requests": [request("setData", "~/a")] * 2})
    apache = StepTrace(4, 2, False, {"s2#1": [_event("-1") for _ in zxids]})
    lockkeeper = StepTrace(4, 2, False, {"s2#1": [_event(zxid) for zxid in zxids]})
    assert _tolerated(step, apache, lockkeeper) == tolerated


def test_rule_event_zxid_before_the_reply():
    """An event in front of a write's reply cannot carry a later zxid than that reply."""
    step = Step(4, "send", "s1", {"requests": [request("setData", "~/a")] * 2})
    replies = [_reply(Op.SET_DATA, "4.1"), _reply(Op.SET_DATA, "4.2")]
    apache = StepTrace(4, 2, False, {"s1#1": [_event("-1"), *replies]})
    for zxid, tolerated in (("4.1", True), ("4.2", False)):
        lockkeeper = StepTrace(4, 2, False, {"s1#1": [_event(zxid), *replies]})
        assert _tolerated(step, apache, lockkeeper) == tolerated


def test_rule_event_zxid_behind_a_reply():
    """An event behind a write's reply is that of a later transaction."""
    step = Step(4, "send", "s1", {"requests": [request("setData", "~/a")] * 2})
    first, second = _reply(Op.SET_DATA, "4.1"), _reply(Op.SET_DATA, "4.2")
    apache = StepTrace(4, 2, False, {"s1#1": [first, _event("-1"), second]})
    for zxid, tolerated in (("4.1", False), ("4.2", True)):
        lockkeeper = StepTrace(4, 2, False, {"s1#1": [first, _event(zxid), second]})
        assert _tolerated(step, apache, lockkeeper) == tolerated


def test_rule_event_zxid_of_set_watches():
    """Events of setWatches carry -1 in both versions."""
    step = Step(4, "send", "s1", {"requests": [request("setWatches", zxid=0, data=["~/a"])]})
    apache = StepTrace(4, 0, False, {"s1#1": [_event("-1")]})
    for zxid, tolerated in (("-1", True), ("3.1", False), ("4.1", False)):
        lockkeeper = StepTrace(4, 0, False, {"s1#1": [_event(zxid)]})
        assert _tolerated(step, apache, lockkeeper) == tolerated


def test_rule_create2_in_multi():
    """Type 15 with the stat of a new node for type 1, for create2 elements only."""
    stat = {"czxid": "4.1", "mzxid": "4.1", "version": 0}
    old = {"czxid": "3.1", "mzxid": "4.1", "version": 0}
    for op, path, shown, tolerated in (
        ("create2", "~/a", stat, True),
        ("create2", "~/b", stat, False),
        ("create2", "~/a", old, False),
        ("create", "~/a", stat, False),
    ):
        multi = request("multi", elements=[request(op, "~/a")])
        step = Step(4, "send", "s1", {"requests": [multi]})
        part = {"type": Op.CREATE, "err": 0, "header_err": 0, "value": "~/a"}
        apache = StepTrace(4, 1, False, {"s1#1": [_reply(Op.MULTI, "4.1", value=[part])]})
        part = {"type": Op.CREATE2, "err": 0, "header_err": 0, "value": [path, shown]}
        lockkeeper = StepTrace(4, 1, False, {"s1#1": [_reply(Op.MULTI, "4.1", value=[part])]})
        assert _tolerated(step, apache, lockkeeper) == tolerated


def test_rule_undecodable_write():
    """One zxid less for one undecodable write, never more, never for other requests."""
    for cut, consumed, tolerated in ((1, 0, True), (0, 0, False), (1, 2, False)):
        step = Step(4, "send", "s1", {"requests": [request("create", "~/a", cut=cut)]})
        apache, lockkeeper = StepTrace(4, 1), StepTrace(4, consumed)
        assert _tolerated(step, apache, lockkeeper) == tolerated


def test_rule_watches_of_others():
    """-121 for 0, for checkWatches only, and only where another session may watch that path."""
    watching = Step(1, "send", "s2", {"requests": [request("exists", "~/a", watch=1)]})
    listing = Step(1, "send", "s2", {"requests": [request("setWatches", zxid=0, child=["~/a"])]})
    own = Step(1, "send", "s1", {"requests": [request("exists", "~/a", watch=1)]})
    elsewhere = Step(1, "send", "s2", {"requests": [request("exists", "~/b", watch=1)]})
    for op, earlier, errors, tolerated in (
        ("checkWatches", watching, (0, -121), True),
        ("checkWatches", listing, (0, -121), True),
        ("checkWatches", watching, (-121, 0), False),
        ("checkWatches", watching, (0, -5), False),
        ("checkWatches", own, (0, -121), False),
        ("checkWatches", elsewhere, (0, -121), False),
        ("removeWatches", watching, (0, -121), False),
    ):
        step = Step(4, "send", "s1", {"requests": [request(op, "~/a", type=3)]})
        number = Op.CHECK_WATCHES if op == "checkWatches" else Op.REMOVE_WATCHES
        value: dict = {"value": None}
        apache, lockkeeper = [
            StepTrace(4, 0, False, {"s1#1": [_reply(number, "1.1", err, **({} if err else value))]})
            for err in errors
        ]
        assert _tolerated(step, apache, lockkeeper, [earlier]) == tolerated


def test_every_rule_has_a_reason():
    """The list is explicit: each rule says what differs and why."""
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all("3.8" in rule.reason for rule in RULES)


# --- shrinking ---


def test_shrink_keeps_what_matters():
    """Of a long script the two steps remain that a difference needs."""
    script = script_of(7100)
    needed = {script.steps[10].id, script.steps[40].id}

    def differs(candidate):
        return needed <= {step.id for step in candidate.steps}

    assert {step.id for step in shrink(script, differs).steps} == needed


def test_shrink_prunes_requests_and_elements():
    """Bursts and multis are reduced too."""
    elements = [request("create", f"~/{name}") for name in "abc"]
    burst = [request("ping"), request("multi", elements=elements), request("sync", "/")]
    script = Script("burst", (Step(1, "send", "s1", {"requests": burst}),))

    def differs(candidate):
        return '"~/b"' in candidate.to_json()

    expected = [request("multi", elements=[request("create", "~/b")])]
    assert shrink(script, differs).steps[0].requests() == expected
