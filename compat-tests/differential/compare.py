"""The first difference between two traces of one script, and how it is shown to people."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Optional

from differential.known_differences import Place, reconcile
from differential.runner import StepTrace, Trace
from differential.sequence import Script
from lib.records import Event, Op

_CONTEXT_STEPS = 6
_CONTEXT_ENTRIES = 8
_OP_NAMES = {number: name.lower() for name, number in vars(Op).items() if isinstance(number, int)}
_EVENT_NAMES = {1: "created", 2: "deleted", 3: "data changed", 4: "children changed"}


@dataclass
class Difference:
    """Where two traces part. `step_id` is None when only the nodes left at the end differ."""

    script: Script
    step_id: Optional[int]
    where: str
    expected: object
    actual: object
    position: int = 0
    expected_step: Optional[StepTrace] = None
    actual_step: Optional[StepTrace] = None

    def text(self, names: tuple = ("apache", "subject")) -> str:
        """The difference with the steps before it and both traces of its step."""
        at = "nodes at the end" if self.step_id is None else f"step {self.step_id}"
        lines = [f"{self.script.name}: difference at {at}, {self.where}"]
        lines += ["steps up to there:"]
        earlier = [s for s in self.script.steps if self.step_id is None or s.id <= self.step_id]
        lines += ["  " + step.text() for step in earlier[-_CONTEXT_STEPS:]]
        for name, value in zip(names, (self.expected, self.actual)):
            lines.append(f"{name:>10}: {show(value)}")
        for name, step in zip(names, (self.expected_step, self.actual_step)):
            if step is not None:
                lines.append(f"{name}, {self.where}, the step consumed {step.consumed} zxids:")
                lines += [f"  {line}" for line in self._around(step)]
        return "\n".join(lines)

    def _around(self, step: StepTrace) -> list:
        """The entries of the connection, some before and after the difference."""
        first = max(self.position - _CONTEXT_ENTRIES, 0)
        entries = step.entries.get(self.where, [])[first : self.position + _CONTEXT_ENTRIES]
        return [f"{first + number}: {show(entry)}" for number, entry in enumerate(entries)]


@dataclass
class Comparison:
    """Outcome: the difference or None, and how often each rule was used."""

    difference: Optional[Difference]
    rules: dict = field(default_factory=dict)


def compare(script: Script, expected: Trace, actual: Trace, same_kind: bool = False) -> Comparison:
    """Compares the traces of the reference (Apache) and of the server under test.

    With `same_kind` no known difference is tolerated.
    """
    outcome = Comparison(None)
    for step, wanted, got in zip(script.steps, expected.steps, actual.steps):
        used = []
        shown = got
        if not same_kind:
            got, used = reconcile(Place(script, step), wanted, got)
        for name in used:
            outcome.rules[name] = outcome.rules.get(name, 0) + 1
        found = _step_difference(wanted, got)
        if found is not None:
            outcome.difference = Difference(script, step.id, *found, wanted, shown)
            return outcome
    found = _tree_difference(expected.tree, actual.tree)
    if found is not None:
        outcome.difference = Difference(script, None, *found)
    return outcome


def _step_difference(wanted: StepTrace, got: StepTrace) -> Optional[tuple]:
    """(where, expected, actual, position) of the first difference in a step, or None."""
    if wanted.unordered != got.unordered:
        return "several ephemerals before the step", wanted.unordered, got.unordered, 0
    for label in sorted(wanted.entries.keys() | got.entries.keys()):
        pair = [
            _in_canonical_order(trace.entries.get(label, []), wanted.unordered)
            for trace in (wanted, got)
        ]
        if pair[0] != pair[1]:
            return label, *_first_of(*pair)
    if wanted.consumed != got.consumed:
        return "zxids consumed", wanted.consumed, got.consumed, 0
    return None


def _in_canonical_order(entries: list, unordered: bool) -> list:
    """Runs of events of removed nodes sorted, if they come from several ephemerals of a closed
    session: those go in an unspecified order (client-protocol 9.4).
    """
    if not unordered:
        return entries
    removal = (Event.DELETED, Event.CHILDREN_CHANGED)
    ordered: list = []
    run: list = []
    for entry in [*entries, {"kind": "end"}]:
        if entry["kind"] == "event" and entry.get("type") in removal:
            run.append(entry)
        else:
            ordered += sorted(run, key=lambda event: (event["type"], event["path"]))
            ordered.append(entry)
            run = []
    return ordered[:-1]


def _first_of(wanted: list, got: list) -> tuple:
    """(expected, actual, position) of the first entries that differ; None where a list ended."""
    pairs = itertools.zip_longest(wanted, got)
    return next((*pair, position) for position, pair in enumerate(pairs) if pair[0] != pair[1])


def _tree_difference(wanted: list, got: list) -> Optional[tuple]:
    trees = [{node["path"]: node for node in nodes} for nodes in (wanted, got)]
    for path in sorted(trees[0].keys() | trees[1].keys()):
        pair = [tree.get(path) for tree in trees]
        if pair[0] != pair[1]:
            return path, *pair, 0
    return None


def show(entry: object) -> str:
    """An entry of a trace in one line."""
    if entry is None:
        return "(nothing)"
    if not isinstance(entry, dict) or "kind" not in entry:
        return _short(entry)
    if entry["kind"] == "event" and "type" in entry:
        name = _EVENT_NAMES.get(entry["type"], entry["type"])
        usual = {"state": Event.SYNC_CONNECTED, "err": 0}
        odd = {key: entry[key] for key, value in usual.items() if entry[key] != value}
        return f"event {name} {entry['path']} zxid {entry['zxid']}" + (f" {odd}" if odd else "")
    if entry["kind"] == "reply":
        rest = {key: value for key, value in entry.items() if key in ("body", "undecodable")}
        text = f"reply to {_OP_NAMES.get(entry['op'], entry['op'])} xid {entry['xid']}"
        text += f" zxid {entry['zxid']} err {entry['err']}"
        if entry.get("value") is not None:
            text += " " + _short(entry["value"])
        return text + (f" {rest}" if rest else "")
    return _short(entry)


def show_step(step: StepTrace) -> list:
    """A step of a trace, one line an entry."""
    return [
        f"{label}: {show(entry)}"
        for label, entries in sorted(step.entries.items())
        for entry in entries
    ]


def _short(value: object) -> str:
    """Plain values; a stat as `stat(c=1.1 m=2.1 p=1.1 v=1/0/0 ...)`."""
    if isinstance(value, dict) and "czxid" in value:
        zxids = " ".join(f"{name[0]}={value[name]}" for name in ("czxid", "mzxid", "pzxid"))
        versions = "/".join(str(value[name]) for name in ("version", "cversion", "aversion"))
        rest = f"owner={value['owner']} length={value['length']} children={value['children']}"
        times = [f" {name}: {value[name]}" for name in ("ctime", "mtime") if value[name] != "ok"]
        return f"stat({zxids} v={versions} {rest}{''.join(times)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_short(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_short(part) for part in value) + "]"
    return repr(value)
