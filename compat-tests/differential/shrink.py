"""A shorter script that still shows a difference: drops steps, then requests, greedily."""

from __future__ import annotations

import time
from typing import Callable

from differential.sequence import Script, Step


def shrink(script: Script, differs: Callable[[Script], bool], budget_s: float = 60.0) -> Script:
    """The smallest script found within `budget_s` for which `differs` holds."""
    deadline = time.monotonic() + budget_s
    size = max(len(script.steps) // 2, 1)
    while size >= 1:
        before = script
        script = _without_steps(script, size, differs, deadline)
        if size == 1:
            script = _without_requests(script, differs, deadline)
        if time.monotonic() > deadline:
            break
        if size > 1 or script == before:
            size //= 2
    return script


def _without_steps(script: Script, size: int, differs: Callable, deadline: float) -> Script:
    """Tries to leave out each group of `size` neighbouring steps, from the end."""
    ids = [step.id for step in script.steps]
    for start in reversed(range(0, len(ids), size)):
        if time.monotonic() > deadline:
            break
        candidate = script.without(ids[start : start + size])
        if candidate.steps and differs(candidate):
            script = candidate
    return script


def _without_requests(script: Script, differs: Callable, deadline: float) -> Script:
    """Tries to leave out each request of a burst and each element of a multi."""
    for step_id in [step.id for step in script.steps]:
        for path in reversed(_removable(script.step(step_id))):
            if time.monotonic() > deadline:
                return script
            steps = [_pruned(step, path) if step.id == step_id else step for step in script.steps]
            candidate = Script(script.name, tuple(steps))
            if differs(candidate):
                script = candidate
    return script


def _removable(step: Step) -> list:
    """Positions of requests, and of elements in them, that a smaller step could do without."""
    requests = step.requests() if step.do != "close" else []
    paths: list = [(number,) for number in range(len(requests)) if len(requests) > 1]
    for number, request in enumerate(requests):
        elements = request.get("elements", [])
        paths += [(number, part) for part in range(len(elements)) if len(elements) > 1]
    return paths


def _pruned(step: Step, path: tuple) -> Step:
    """The step without the request, or the element of a request, at `path`; unchanged if gone."""
    key = "requests" if "requests" in step.args else "with"
    requests = [dict(request) for request in step.args.get(key, [])]
    if path[0] >= len(requests):
        return step
    if len(path) == 1:
        del requests[path[0]]
    else:
        elements = list(requests[path[0]].get("elements", []))
        del elements[path[1] : path[1] + 1]
        requests[path[0]]["elements"] = elements
    return Step(step.id, step.do, step.session, {**step.args, key: requests})
