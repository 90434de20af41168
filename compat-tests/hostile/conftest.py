"""Fixtures of the hostile tests."""

import os
import random

import pytest
from bystander import DEADLINE_S, Bystander, resident_mib

from lib import servers
from lib.servers import server_kind

SEED = int(os.environ.get("HOSTILE_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture(scope="module")
def server():
    """A server that drops silent strangers after a second, shared by the tests of one module."""
    with servers.start_server(config={"tickTime": 1000, "nio.sessionlessCnxnTimeout": 1000}) as process:
        yield process


@pytest.fixture
def rng():
    """Random choices of the attack; HOSTILE_SEED repeats them."""
    print(f"HOSTILE_SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def attack(server):
    """`with attack(): ...` has an honest client beside the body, `attack(grow_mib=N)` limits the memory.

    The limit is on resident memory of Lockkeeper. A Java heap grows up to its maximum whatever happens, so
    for Apache only the service is looked at.
    """

    class Attack(Bystander):
        """A bystander that asserts when the attack is over."""

        def __init__(self, grow_mib: float = 64, deadline_s: float = DEADLINE_S) -> None:
            super().__init__(server, deadline_s)
            self._limit_mib = grow_mib

        def __exit__(self, *exc) -> None:
            super().__exit__(*exc)
            if exc[0] is None:
                self.assert_served()
                grown, size = self.growth_mib, resident_mib(server.pid)
                print(f"grew by {grown:.1f} MiB to {size:.1f} MiB, longest request {self.worst_s:.3f} s")
                if server_kind() == "lockkeeper":
                    assert self.growth_mib < self._limit_mib

    return Attack
