"""Elections across the border (QP-11.1): who leads is decided by epoch, zxid and number, whichever kind a server is."""

import pytest

from lib.records import Flags
from lib.zkwire import open_session, reconnect
from mixed import complaints, compositions, trees
from mixed.compositions import START_S, Composition

SESSION_MS = 60_000


def _by_kinds(*pairs, marks=()):
    return [pytest.param(*pair, id="-".join(pair), marks=list(marks)) for pair in pairs]


def write(ensemble, number: int, path: str) -> None:
    """One node through a member, in a session of its own."""
    with open_session(ensemble.members[number], timeout=START_S) as conn:
        assert conn.create(path).ok
        assert conn.close_session().ok


@pytest.mark.parametrize(
    "ahead, behind",
    _by_kinds(("ours", "apache"), ("apache", "ours"))
    + _by_kinds(("ours", "apache39"), ("apache39", "ours"), marks=[pytest.mark.long]),
)
def test_qp_1_17_the_one_with_more_history_leads(ensembles, ahead, behind):
    """QP-1.17, QP-3.2: the lower number leads because it has what the higher one missed, and brings that up to date."""
    ensemble = ensembles(Composition((ahead, "ours", behind), 3))
    compositions.start_led_by(ensemble, 3)
    write(ensemble, 3, "/first")
    trees.wait_level(ensemble)
    ensemble.members[3].kill()
    ensemble.wait_serving([1, 2], START_S)
    assert ensemble.leader() == 2
    for number in range(10):
        write(ensemble, 1 + number % 2, f"/missed{number}")
    ensemble.members[2].kill()
    ensemble.members[1].kill()
    for number in (1, 3):
        ensemble.members[number].launch()
    ensemble.wait_serving([1, 3], START_S)
    assert ensemble.mode(1) == "leader"
    ensemble.members[2].launch()
    ensemble.wait_serving(timeout=START_S)
    with open_session(ensemble.members[3]) as conn:
        assert conn.sync("/").ok
        assert {f"missed{number}" for number in range(10)} < set(conn.children("/").value)
    trees.wait_level(ensemble)
    trees.expect_equal(ensemble)
    complaints.expect_none(ensemble, servers_die=True)


@pytest.mark.parametrize(
    "members",
    [("ours", "ours", "apache"), pytest.param(("apache", "ours", "apache39"), marks=pytest.mark.long)],
    ids="+".join,
)
def test_qp_1_22_killed_leaders_are_followed_by_those_of_the_other_kind(ensembles, members):
    """QP-1.22, QP-5.9, QP-5.10, QP-11.1: the one with the highest number that lives leads; a session and its ephemeral
    live through all of it, at whichever member its client comes back.
    """
    ensemble = ensembles(Composition(members, 3))
    compositions.start_led_by(ensemble, 3)
    conn = open_session(ensemble.members[1], timeout_ms=SESSION_MS, timeout=START_S)
    assert conn.create("/alive", flags=Flags.EPHEMERAL).ok
    for round_number, (killed, follows) in enumerate([(3, 2), (2, 3)] * 2):
        conn.close()
        trees.wait_level(ensemble)
        ensemble.members[killed].kill()
        rest = [number for number in ensemble.members if number != killed]
        ensemble.wait_serving(rest, START_S)
        assert ensemble.leader() == follows
        conn = reconnect(ensemble.members[rest[round_number % 2]], conn, START_S, timeout_ms=SESSION_MS)
        assert conn.get_ephemerals("/").value == ["/alive"]
        assert conn.create(f"/round{round_number}").ok
        ensemble.members[killed].launch()
        ensemble.wait_serving(timeout=START_S)
    assert conn.close_session().ok
    trees.wait_level(ensemble)
    trees.expect_equal(ensemble)
    trees.expect_equal_digests(ensemble)
    complaints.expect_none(ensemble, servers_die=True)
