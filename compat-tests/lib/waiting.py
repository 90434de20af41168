"""Waiting for something to become true: polls with a deadline, never sleeps and hopes."""

import time
from typing import Callable

PATIENCE_S = 30.0


def wait_until(condition: Callable[[], object], what: str, timeout: float = PATIENCE_S) -> object:
    """The first true value of `condition()`; AssertionError naming `what` when none came within `timeout` s."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.01)
    return value
