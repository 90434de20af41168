"""QP-6.9, P3: create2 inside a multi, in ensembles with ZooKeeper 3.8.0, which cannot apply one.

A leader of ours proposes a create with the same record instead; who asked gets the stat all the same,
on whichever of our servers. And what such members show as /zookeeper/config, also after SNAP (QP-8.8).
"""

import pytest

from lib import elements
from lib.ensemble import Ensemble
from lib.records import Flags, Op
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import open_session

pytestmark = [
    pytest.mark.skipif(server_kind() != "lockkeeper", reason="ensembles of both kinds"),
    pytest.mark.xdist_group("mixed-create2"),
]


def start_with_leader(kinds: list) -> Ensemble:
    """A started ensemble that is led by the last server: with equal histories the higher number wins,
    and no two others are there before it.
    """
    ensemble = Ensemble(kinds)
    try:
        for number in (len(kinds), 1):
            ensemble.members[number].launch()
        ensemble.wait_serving([len(kinds), 1], timeout=90)
        ensemble.start(90)
        assert ensemble.leader() == len(kinds)
    except BaseException:
        ensemble.close()
        raise
    return ensemble


def numbers_of(kinds: list, kind: str) -> list:
    return [number for number, its in enumerate(kinds, 1) if its == kind]


def digest_mismatches(server) -> int:
    for line in server.four_letter("mntr").decode().splitlines():
        if line.startswith("zk_digest_mismatches_count\t"):
            return int(line.split("\t")[1])
    raise AssertionError("no such metric")


@pytest.fixture(scope="module", name="ours_leads")
def led_by_ours():
    """Apache's server and two of ours, one of which leads."""
    kinds = ["apache", "lockkeeper", "lockkeeper"]
    with start_with_leader(kinds) as ensemble:
        yield ensemble, kinds


def everything(server, path: str) -> list:
    """The znodes below `path` with data and the stat that is equal everywhere."""
    with open_session(server) as session:
        assert session.sync("/").ok
        found = []
        for name in sorted(session.children(path).value):
            data, stat = session.get(f"{path}/{name}").value
            found.append((name, data, stat))
        return found


@pytest.mark.parametrize("at", ["leader", "follower"])
def test_qp_6_9_every_member_applies_create2_of_a_multi_and_the_reply_has_its_stat(ours_leads, at):
    ensemble, kinds = ours_leads
    leader = ensemble.leader()
    follower = next(n for n in numbers_of(kinds, "lockkeeper") if n != leader)
    root = f"/of-{at}"
    with open_session(ensemble.members[leader if at == "leader" else follower]) as session:
        assert session.create(root).ok
        reply = session.multi(
            [
                elements.create(f"{root}/a", op=Op.CREATE2, data=b"A"),
                elements.create(f"{root}/b", data=b"B"),
                elements.create(f"{root}/c", flags=Flags.CONTAINER, op=Op.CREATE_CONTAINER),
                elements.create(f"{root}/s-", flags=Flags.SEQUENTIAL, op=Op.CREATE2),
                elements.set_data(f"{root}/a", b"AA"),
            ]
        )
        assert reply.ok and all(result.err == 0 for result in reply.value), reply.value
        first, second, third, fourth, _fifth = reply.value
        assert [result.type for result in reply.value] == [
            Op.CREATE2, Op.CREATE, Op.CREATE2, Op.CREATE2, Op.SET_DATA
        ]  # fmt: skip
        path, stat = first.value
        assert path == f"{root}/a" and stat.czxid == reply.zxid and stat.data_length == 1
        assert second.value == f"{root}/b"
        assert third.value[0] == f"{root}/c"
        assert fourth.value[0] == f"{root}/s-0000000003" and fourth.value[1].czxid == reply.zxid
        refused = session.multi([elements.create(f"{root}/x", op=Op.CREATE2), elements.check("/none")])
        assert refused.ok and [result.err for result in refused.value] == [0, -101]
    states = [everything(server, root) for server in ensemble.members.values()]
    assert len(states[0]) == 4
    assert states.count(states[0]) == 3
    for server in ensemble.members.values():
        assert digest_mismatches(server) == 0


def test_qp_6_9_a_leader_of_3_8_0_refuses_nothing_that_ours_forwards():
    """The other way round: ours follow. A 3.8.0 leader answers a multi with create2 in its own way;
    it must be the same on every member, and the connection must stay.
    """
    with start_with_leader(["lockkeeper", "lockkeeper", "apache"]) as ensemble:
        with open_session(ensemble.members[1]) as session:
            assert session.create("/m").ok
            session.multi([elements.create("/m/a", op=Op.CREATE2), elements.create("/m/b")])
            assert session.create("/m/after").ok
        states = [everything(server, "/m") for server in ensemble.members.values()]
        assert states.count(states[0]) == 3


def test_qp_8_8_config_znode_is_the_own_one_also_behind_a_snapshot(ours_leads):
    """SNAP in both directions: an Apache server that lost its directory learns from ours, then one of
    ours from Apache's. Digests agree, as the znode is outside of them.
    """
    ensemble, kinds = ours_leads

    def config_of(number):
        with open_session(ensemble.members[number]) as session:
            data, stat = session.get("/zookeeper/config").value
        assert (stat.mzxid, stat.version) == (0, -1) and stat.mtime > 0
        return data

    def comes_back_empty(number):
        ensemble.members[number].close()
        ensemble.replace(number, kinds[number - 1]).launch()
        ensemble.wait_serving(timeout=90)

    text = config_of(1)
    apache = numbers_of(kinds, "apache")[0]
    comes_back_empty(apache)
    assert config_of(apache) == text
    ours = numbers_of(kinds, "lockkeeper")
    for number in ours:  # only Apache's and the one that is behind are left: Apache's must lead
        ensemble.members[number].stop()
    ensemble.replace(ours[0], "lockkeeper").launch()
    wait_until(lambda: ensemble.mode(apache) == "leader", "Apache's server leads", timeout=90)
    ensemble.wait_serving([apache, ours[0]], timeout=90)
    assert config_of(ours[0]) == config_of(apache) == text
    with open_session(ensemble.members[ours[0]]) as session:
        assert session.create("/behind").ok
    assert digest_mismatches(ensemble.members[ours[0]]) == 0
    assert digest_mismatches(ensemble.members[apache]) == 0

