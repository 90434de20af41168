"""Every operation through a member of a mixed ensemble answers as through a follower of Apache's own (QP-11.1).

The scripts are those of the differential tests, once more: here through an Apache follower of our leader, and through our
follower of an Apache leader; the reference is a follower in an ensemble of three Apache 3.8.0. So forwarded requests,
the identities that go with them, the leader's transactions and the follower's answers are compared.
"""

import os

import pytest

from differential.conftest import same  # noqa: F401  pylint: disable=unused-import
from differential.pair import Pair
from differential.random_sequences import script_of
from differential.runner import RootNames, Runner
from differential.test_handwritten import (  # noqa: F401  pylint: disable=unused-import
    test_cp_1_encoding,
    test_cp_2_handshake,
    test_cp_2_reconnect,
    test_cp_3_headers,
    test_cp_4_operations,
    test_cp_5_create_modes,
    test_cp_6_null_paths,
    test_cp_6_paths,
    test_cp_7_acls,
    test_cp_7_precedence,
    test_cp_7_stats,
    test_cp_8_multi,
    test_cp_8_refused_multi,
)
from differential.test_handwritten_watches import (  # noqa: F401  pylint: disable=unused-import
    test_cp_9_multi_and_close,
    test_cp_9_one_shot,
    test_cp_9_persistent,
    test_cp_9_set_watches,
    test_cp_10_pipelines,
    test_cp_11_authentication,
)
from lib.ensemble import ReleasedApacheMember
from lib.servers import ApacheServer
from mixed import complaints, trees
from mixed.compositions import Composition

JAVA_LEADS = Composition(("ours", "ours", "apache", "ours"), leader=3, observers=(4,))
RELEASE_LEADS = Composition(("ours", "apache", "apache39", "ours"), leader=3, observers=(4,))
OURS_LEADS = Composition(("apache", "apache39", "ours", "apache"), leader=3, observers=(4,))
# (composition, the member that the scripts use)
PLACES = [(JAVA_LEADS, 1), (OURS_LEADS, 1)]
LONG = [(JAVA_LEADS, 4), (RELEASE_LEADS, 1), (RELEASE_LEADS, 2), (RELEASE_LEADS, 4), (OURS_LEADS, 3), (OURS_LEADS, 4)]
SEEDS = range(400 if os.environ.get("COMPAT_LONG") else 25)


def _parameters() -> list:
    found = []
    for places, marks in ((PLACES, []), (LONG, [pytest.mark.long])):
        for composition, member in places:
            marks_of_this = [pytest.mark.xdist_group(composition.name), *marks]
            name = f"{composition.members[member - 1]}{member}-in-{composition.name}"
            found.append(pytest.param(composition, member, id=name, marks=marks_of_this))
    return found


pytestmark = pytest.mark.parametrize("mixed, member", _parameters(), indirect=True, scope="session")


class Silence(Exception):
    """An Apache server gave no answer in time."""


def _labels(trace) -> set:
    return {label for step in trace.steps for label in step.entries}


class MemberPair(Pair):
    """A follower of Apache's ensemble, and a member of a mixed one."""

    def __init__(self, reference, subject) -> None:  # pylint: disable=super-init-not-called
        self.kinds = ("apache", "apache" if isinstance(subject, ApacheServer) else "lockkeeper")
        self._roots = RootNames()
        self._servers = [reference, subject]
        self._runners = [Runner(server) for server in self._servers]

    @property
    def same_kind(self) -> bool:
        """What a member of 3.8.0 answers must be the same, whoever leads."""
        return isinstance(self._servers[1], ApacheServer) and not isinstance(self._servers[1], ReleasedApacheMember)

    def traces(self, script) -> tuple:
        """As `Pair` does; tells at which of the two a script could not be finished."""
        root = self._roots.next()
        found = []
        for name, runner in zip(("the reference", "the member of the mixed ensemble"), self._runners):
            try:
                found.append(runner.run(script, root))
            except TimeoutError as error:
                if isinstance(runner.server, ApacheServer):
                    raise Silence(name) from error
                raise
            except Exception as error:
                raise AssertionError(f"{script.name} ended at {name}: {error!r}") from error
        return tuple(found)

    def compare_traces(self, script) -> tuple:
        """Once more where an Apache follower stalls: 3.8.0 does so now and then, also among its own kind."""
        for _ in range(3):
            try:
                outcome, traces = super().compare_traces(script)
            except Silence:
                continue
            silent = [trace for trace, kind in zip(traces, self._servers) if isinstance(kind, ApacheServer)]
            if not any("silence" in trace.ends(label.split("#")[0]) for trace in silent for label in _labels(trace)):
                return outcome, traces
        raise AssertionError(f"{script.name}: an Apache server stalled three times")

    def close(self) -> None:
        """The servers belong to their ensembles."""
        for runner in self._runners:
            runner.close()


@pytest.fixture(name="member", scope="session")
def _member(request):
    return request.param


@pytest.fixture(name="pair", scope="session")
def _pair(pure, mixed, member):
    pair = MemberPair(pure.members[1], mixed.members[member])
    yield pair
    pair.close()
    complaints.expect_none(mixed, like=pure)


def without_undecodable_writes(script):
    """Apache's followers send them on, and its leaders may stop committing then (quorum-protocol P2)."""
    return script.without(step.id for step in script.steps if step.consumes_unspecified_zxids())


def test_random_scripts(pair, mixed):
    """Any sequence of operations of several sessions; afterwards all members hold the same."""
    for seed in SEEDS:
        outcome = pair.compare(without_undecodable_writes(script_of(seed)))
        if outcome.difference is not None:
            pytest.fail(pair.report(outcome.difference, 30) + "\n" + pair.logs(), False)
    trees.expect_equal(mixed)
