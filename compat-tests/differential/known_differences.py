"""Where Lockkeeper (ZooKeeper 3.9) and the installed Apache ZooKeeper 3.8 differ on purpose.

Two lists. AVOIDED are inputs that random scripts do not contain, because a difference there changes
everything that follows. RULES are differences without consequences: each looks at one step of both
traces and rewrites, in Lockkeeper's, only what is as the reason says; the rest is compared.
No rule is applied when both servers are of the same kind.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Callable, Iterator, NamedTuple

from differential import operations
from differential.runner import StepTrace
from differential.sequence import Script, Step
from lib.records import Err, Op

# (what is avoided, reason); the section is that of the client protocol reference.
AVOIDED = [
    ("exists on a node whose ACL denies READ", "3.9 checks READ, 3.8.0 does not (14)"),
    (
        "a one-shot and a persistent watch of one connection on one path, or two persistent modes",
        "3.8 keeps one mode a path and connection, 3.9 keeps them apart (14)",
    ),
    (
        "checkWatches and removeWatches of types 1 and 2 on a path with a persistent watch",
        "3.8 ignores modes there and keeps recursive watches in both tables (14)",
    ),
    (
        "checkWatches and removeWatches on a path without a slash",
        "3.8: -5 while any connection has a recursive watch; 3.9 compares the text only (9.8)",
    ),
    (
        "sync of a path with malformed UTF-8 or characters beyond U+FFFF",
        "Apache encodes it anew, here bytes stay as they are: defect D7 (1.3, 15)",
    ),
    ("checkWatches and removeWatches of types 4 and 5", "unknown to 3.8: -5 (14)"),
    (
        "multi with flags outside 0..4 in types 1, 15, 19, or with a null ACL",
        "an element error in 3.8, -5 for the whole request in 3.9 (14)",
    ),
    ("multi with a type 19 element of flags other than 4", "3.8 makes a plain node of it (14)"),
    (
        "a write behind a setACL in the same segment",
        "Apache prepares it with the old or the new ACL, whichever: not repeatable even there",
    ),
    (
        "requests behind closeSession in the same segment",
        "Apache drops them or answers -112 with a new zxid, whichever: not repeatable even there",
    ),
    (
        "an auth packet, an unknown type or a refusal behind other requests in one segment",
        "its answer overtakes theirs or not (10.4), and the close may come before them",
    ),
    ("check at top level", "3.8 does not answer when it succeeds; 3.9.3: -6 and closed (14)"),
    (
        'reads of "" and "/"',
        "their stats and counts depend on everything that was done before on that server",
    ),
    ("IPv6 in ip ACLs", "invalid before 3.9.4 (14)"),
    ("deleteContainer from a client", "3.8: -8; 3.9: defect D3 (14, 15)"),
    ("digest credentials that are not UTF-8", "Apache hashes them encoded anew (11.3)"),
    ("createSession as a request", "defect D4 (15)"),
    ("createTTL with flags 0..4 and a negative ttl", "defect D1 ends the Apache server (15)"),
    ("a wrong password while the session has a connection", "defect D5 cuts that one (15)"),
    ("setWatches on nodes whose ACL denies READ", "defect D8; filtering is left open (15)"),
    ("multiRead with writes or exists", "3.8: -5 without body, 3.9: with one (3.3)"),
]


class Place(NamedTuple):
    """The step that is compared, in its script."""

    script: Script
    step: Step


@dataclass(frozen=True)
class Rule:
    """`apply(place, apache, lockkeeper)` rewrites the third argument; True when it had to."""

    name: str
    reason: str
    apply: Callable[[Place, StepTrace, StepTrace], bool]


def _events(trace: StepTrace) -> Iterator[tuple]:
    for label, entries in trace.entries.items():
        for position, entry in enumerate(entries):
            if entry["kind"] == "event":
                yield label, position, entry


def _event_zxid(place: Place, apache: StepTrace, lockkeeper: StepTrace) -> bool:
    """Only where 3.8 says -1, and only to a zxid that the event can have: of this step, never
    decreasing, higher than those of the replies before it on the connection and not higher than
    that of the next write's reply. An event of setWatches must be -1 in 3.9 too.
    """
    if any(event["zxid"] != "-1" for _, _, event in _events(apache)):
        return False
    catches_up = any(request["op"].startswith("setWatches") for request in place.step.requests())
    changed = False
    lowest: dict = {}
    for label, position, event in _events(lockkeeper):
        if event["zxid"] == "-1" and catches_up:
            continue
        number = _number_in_step(place.step, event["zxid"])
        entries = lockkeeper.entries[label]
        earlier = _numbers_of_replies(place.step, entries[:position])
        later = _numbers_of_replies(place.step, entries[position + 1 :])
        least = max(lowest.get(label, 1), 1 + max(earlier, default=0))
        if least <= number <= min(later, default=lockkeeper.consumed):
            lowest[label] = number
            event["zxid"] = "-1"
            changed = True
        elif event["zxid"] == "-1":
            event["zxid"] = "-1 without setWatches"
            changed = True
    return changed


def _numbers_of_replies(step: Step, entries: list) -> list:
    """The numbers in this step of the zxids that replies carry; older zxids are left out."""
    zxids = [entry["zxid"] for entry in entries if entry["kind"] == "reply"]
    return [number for number in (_number_in_step(step, zxid) for zxid in zxids) if number]


def _number_in_step(step: Step, zxid: str) -> int:
    """n when the zxid is "<this step>.n", else 0."""
    step_id, _, number = zxid.partition(".")
    return int(number) if number and step_id == str(step.id) else 0


def _create2_in_multi(place: Place, apache: StepTrace, lockkeeper: StepTrace) -> bool:
    """Only for a create2 element, only type 15 against type 1, and only when the extra stat is that
    of a node created by this multi.
    """
    changed = False
    for request, expected, actual in _replies(place, apache, lockkeeper):
        if request["op"] != "multi" or not expected.get("value") or not actual.get("value"):
            continue
        parts = zip(request["elements"], expected["value"], actual["value"])
        for element, wanted, got in parts:
            types = (wanted["type"], got["type"])
            if element["op"] == "create2" and types == (Op.CREATE, Op.CREATE2):
                path, stat = got["value"]
                if stat["czxid"] == stat["mzxid"] == actual["zxid"] and stat["version"] == 0:
                    got.update(type=Op.CREATE, value=path)
                    changed = True
    return changed


def _replies(place: Place, apache: StepTrace, lockkeeper: StepTrace) -> Iterator[tuple]:
    """(request, Apache's reply, Lockkeeper's reply) for the requests of a step, as far as both
    servers answered one request after the other.
    """
    if not place.step.requests():
        return
    for label in apache.entries.keys() & lockkeeper.entries.keys():
        if label.split("#")[0] != place.step.session:
            continue
        both = [
            [entry for entry in trace.entries[label] if entry["kind"] == "reply"]
            for trace in (apache, lockkeeper)
        ]
        for request, *pair in zip(place.step.requests(), *both):
            if any(reply["op"] != operations.number(request) for reply in pair):
                break
            yield request, *pair


def _undecodable_write(place: Place, apache: StepTrace, lockkeeper: StepTrace) -> bool:
    """Only the number of zxids, and only up to the number of undecodable writes in the step."""
    undecodable = sum(operations.is_undecodable_write(request) for request in place.step.requests())
    if 0 < apache.consumed - lockkeeper.consumed <= undecodable:
        lockkeeper.consumed = apache.consumed
        return True
    return False


def _others_watches(place: Place, apache: StepTrace, lockkeeper: StepTrace) -> bool:
    """Only where Apache finds a watch and Lockkeeper does not, and only on paths where another
    session may have one.
    """
    changed = False
    for request, expected, actual in _replies(place, apache, lockkeeper):
        if request["op"] == "checkWatches" and (expected["err"], actual["err"]) == (
            Err.OK,
            Err.NO_WATCHER,
        ):
            if _watched_by_others(place, request["path"]):
                actual.update(err=Err.OK, value=None)
                changed = True
    return changed


def _watched_by_others(place: Place, path: str) -> bool:
    for step in place.script.steps:
        if step.id >= place.step.id:
            return False
        if step.session == place.step.session:
            continue
        for request in step.requests():
            if request.get("path") == path and (request.get("watch") or "mode" in request):
                return True
            if request["op"].startswith("setWatches") and path in _listed(request):
                return True
    return False


def _listed(request: dict) -> list:
    """Every path of a setWatches request."""
    lists = [value for value in request.values() if isinstance(value, list)]
    return [path for paths in lists for path in paths]


RULES = [
    Rule("event zxid", "the header of an event carries -1 in 3.8, the zxid in 3.9", _event_zxid),
    Rule("create2 in multi", "executed as create in 3.8.0, with a stat in 3.9", _create2_in_multi),
    Rule("undecodable write", "consumes a zxid in 3.8, none in 3.9", _undecodable_write),
    Rule(
        "watches of others",
        "checkWatches of 3.8 finds the watches of every connection, 3.9 those of the calling one",
        _others_watches,
    ),
]


def reconcile(place: Place, apache: StepTrace, lockkeeper: StepTrace) -> tuple:
    """(Lockkeeper's step as it would be with the differences of 3.8, names of the rules used)."""
    rewritten = copy.deepcopy(lockkeeper)
    used = [rule.name for rule in RULES if rule.apply(place, apache, rewritten)]
    return rewritten, used
