"""DIFF, SNAP and TRUNC between a leader of one kind and a learner of the other (QP-3.1 to QP-3.23, QP-11.1).

The Apache server of the two tells in its log which of them it was.
"""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from lib import elements
from lib.records import Op, create_request
from lib.scenery import SUPER_CONFIG
from lib.waiting import wait_until
from lib.zkwire import open_session
from mixed import complaints, compositions, trees
from mixed.compositions import START_S, Composition
from takeover import rich

# No DIFF from the log files, so that a long lag means SNAP.
CONFIG = {
    **{key: value for key, value in rich.CONFIG.items() if key not in SUPER_CONFIG},
    "snapshotSizeFactor": -1,
}
LEARNER, LEADER = 1, 3
MORE_THAN_THE_LEADER_REMEMBERS = 600
# An Apache leader says nothing of TRUNC: there our own word has to do.
_METHOD = re.compile(r"Sending (DIFF|snapshot)|Getting a (diff|snapshot) from|(Truncating|cutting)\b")
_NAMES = {"diff": "DIFF", "snapshot": "SNAP", "truncating": "TRUNC", "cutting": "TRUNC"}


def _directions(*pairs, marks=()):
    return [
        pytest.param(*pair, id="-from-".join(pair), marks=[pytest.mark.xdist_group("-".join(pair)), *marks])
        for pair in pairs
    ]


DIRECTIONS = _directions(("ours", "apache"), ("apache", "ours")) + _directions(
    ("ours", "apache39"), ("apache39", "ours"), marks=[pytest.mark.long]
)


class Witness:
    """The logs of two members, one of them Apache's, from now on."""

    def __init__(self, ensemble, *numbers) -> None:
        self._logs = [ensemble.members[number].log_path for number in numbers]
        self._sizes = [log.stat().st_size for log in self._logs]

    def methods(self) -> set:
        """How synchronizations went since then."""
        text = "".join(log.read_text("utf-8")[size:] for log, size in zip(self._logs, self._sizes))
        words = ["".join(match.groups(default="")).lower() for match in _METHOD.finditer(text)]
        return {_NAMES[word] for word in words}


def come_back(ensemble, number: int, *witnesses) -> set:
    """Starts a member that was stopped; how it was synchronized."""
    witness = Witness(ensemble, *witnesses)
    ensemble.members[number].launch()
    ensemble.wait_serving([number], START_S)
    return witness.methods()


def write_many(server, path: str, count: int) -> None:
    """Sets a node again and again, in a pipeline."""
    with open_session(server, timeout=START_S) as conn:
        assert conn.create(path).ok
        for number in range(count):
            conn.submit(Op.SET_DATA, rich_set(path, number))
        for _ in range(count):
            assert conn.next_reply(START_S).ok
        assert conn.close_session().ok


def rich_set(path: str, number: int) -> bytes:
    """Body of one of many setData."""
    return elements.set_data(path, b"%d" % number)[1]


@pytest.mark.parametrize("learner, leader", DIRECTIONS)
def test_qp_3_2_diff_and_qp_3_6_snapshots_bring_everything(ensembles, learner, leader):
    """QP-3.2, QP-3.6, QP-3.13, QP-3.16, QP-3.18: a short absence, one longer than the leader remembers, and an empty
    directory. There is one of everything: ACLs, quotas, containers, TTLs, sessions that go on at the learner.
    """
    ensemble = ensembles(Composition((learner, "ours", leader), LEADER), CONFIG)
    compositions.start_led_by(ensemble, LEADER)
    behind, source = ensemble.members[LEARNER], ensemble.members[LEADER]
    sessions = rich.fill(source)
    trees.wait_level(ensemble)

    behind.kill()
    sessions = rich.go_on(source, sessions)
    assert come_back(ensemble, LEARNER, LEARNER, LEADER) == {"DIFF"}
    trees.wait_level(ensemble)
    sessions = rich.go_on(behind, sessions)

    behind.kill()
    sessions = rich.go_on(source, sessions)
    write_many(source, "/lag", MORE_THAN_THE_LEADER_REMEMBERS)
    assert come_back(ensemble, LEARNER, LEARNER, LEADER) == {"SNAP"}
    trees.wait_level(ensemble)
    trees.expect_equal(ensemble)
    sessions = rich.go_on(behind, sessions)

    behind.kill()
    shutil.rmtree(behind.data_dir / "version-2")
    sessions = rich.go_on(source, sessions)
    assert come_back(ensemble, LEARNER, LEARNER, LEADER) == {"SNAP"}
    sessions = rich.go_on(behind, sessions)
    trees.wait_level(ensemble)
    trees.expect_equal(ensemble)

    # What a snapshot brought is there also from the learner's own disk.
    behind.kill()
    assert come_back(ensemble, LEARNER, LEARNER, LEADER) == {"DIFF"}
    rich.go_on(behind, sessions)
    trees.wait_level(ensemble)
    trees.expect_equal(ensemble)
    trees.expect_equal_digests(ensemble)
    complaints.expect_none(ensemble, servers_die=True)


def pause(pid: int) -> None:
    """SIGSTOP, and waits until every thread has stopped."""
    os.kill(pid, signal.SIGSTOP)

    def stopped() -> bool:
        stats = [(task / "stat").read_text("ascii") for task in Path(f"/proc/{pid}/task").iterdir()]
        return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)

    wait_until(stopped, f"process {pid} stops", START_S)


def lead_without_followers(ensemble, leader: int, others: list) -> list:
    """The leader logs transactions that nobody else gets to see; all servers end. Returns the paths."""
    log_directory = ensemble.members[leader].data_dir / "version-2"
    paths = [f"/uncommitted{number}" for number in range(5)]
    with open_session(ensemble.members[leader], timeout=START_S) as conn:
        assert conn.create("/committed").ok
        trees.wait_level(ensemble)
        for number in others:
            pause(ensemble.members[number].pid)
        for path in paths:
            conn.submit(Op.CREATE, create_request(path))
        last = paths[-1].encode()
        wait_until(
            lambda: any(last in log.read_bytes() for log in log_directory.glob("log.*")),
            "the leader logs what it proposes",
            START_S,
        )
        for number in (leader, *others):
            ensemble.members[number].kill()
    return paths


@pytest.mark.parametrize("forked", [False, True], ids=["nothing-new", "forked"])
@pytest.mark.parametrize("loser, winner", DIRECTIONS)
def test_qp_3_17_what_no_quorum_had_is_gone_everywhere(ensembles, loser, winner, forked):
    """QP-3.3, QP-3.4, QP-3.17, QP-3.23: a leader that was alone with its proposals comes back as a follower of the other
    kind: TRUNC; or SNAP when the others have begun a new history meanwhile. Also from its disk it never comes back.
    """
    ensemble = ensembles(Composition(("ours", loser, winner), 2))
    compositions.start_led_by(ensemble, 2, [2, 1])
    ensemble.members[3].launch()
    ensemble.wait_serving([3], START_S)
    paths = lead_without_followers(ensemble, 2, [1, 3])
    compositions.start_led_by(ensemble, 3, [3, 1])
    if forked:
        write_many(ensemble.members[1], "/new-history", 3)
    assert come_back(ensemble, 2, 2, 3) == {"SNAP" if forked else "TRUNC"}
    for again in (True, False):
        for server in ensemble.members.values():
            with open_session(server, timeout=START_S) as conn:
                assert conn.sync("/").ok
                names = set(conn.children("/").value)
                assert "committed" in names and ("new-history" in names) == forked
                assert not names & {path[1:] for path in paths}
                assert conn.close_session().ok
        if again:
            ensemble.members[2].kill()
            ensemble.members[2].launch()
            ensemble.wait_serving([2], START_S)
    trees.wait_level(ensemble)
    trees.expect_equal(ensemble)
    trees.expect_equal_digests(ensemble)
    complaints.expect_none(ensemble, servers_die=True)
