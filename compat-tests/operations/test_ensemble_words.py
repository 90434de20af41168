"""SO-5 and QP-8.8 on members of an ensemble: words, metrics and /zookeeper/config of every role.

One ensemble of three voters and an observer for all of it. With COMPAT_SERVER=apache it is made of
Apache's servers.
"""

import re

import pytest

from lib.ensemble import TIMING, Ensemble
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Flags, open_session

pytestmark = pytest.mark.xdist_group("ensemble-words")

OBSERVER = 4
ALL = (1, 2, 3, OBSERVER)
NOT_SERVING = b"This ZooKeeper instance is not currently serving requests"
REFUSING = "conf cons crst dump srst srvr stat wchs wchc wchp dirs mntr".split()
_STATISTICS = (
    r"Latency min/avg/max: \d+/\d+\.\d{1,4}/\d+\nReceived: \d+\nSent: \d+\nConnections: \d+\n"
    r"Outstanding: \d+\nZxid: 0x([0-9a-f]+)\nMode: (\w+)\nNode count: (\d+)\n"
)
_SIZES = r"Proposal sizes last/min/max: (-?\d+)/(-?\d+)/(-?\d+)\n"
_VERSION = r"Zookeeper version: [^\n]+\n"
LEADER_METRICS = {
    "learners",
    "synced_followers",
    "synced_non_voting_followers",
    "synced_observers",
    "pending_syncs",
    "leader_uptime",
    "last_proposal_size",
    "max_proposal_size",
    "min_proposal_size",
}


@pytest.fixture(scope="module", name="ensemble")
def started_ensemble():
    """Three voters and an observer, and a session on each with an ephemeral znode in turn."""
    with Ensemble([server_kind()] * 4, observers=[OBSERVER]) as ensemble:
        yield ensemble


@pytest.fixture(scope="module", name="roles")
def roles_of(ensemble):
    """The number of a server in each role."""
    leader = ensemble.leader()
    follower = next(number for number in (1, 2, 3) if number != leader)
    return {"leader": leader, "follower": follower, "observer": OBSERVER}


def word(ensemble, number: int, name: str) -> str:
    return ensemble.members[number].four_letter(name).decode()


def mntr(ensemble, number: int) -> dict:
    lines = word(ensemble, number, "mntr").splitlines()
    return dict(line.removeprefix("zk_").split("\t", 1) for line in lines)


def membership(ensemble, number: int = 1) -> str:
    """The text that is expected of every member, from what the configuration files say."""
    config = ensemble.members[number].config
    servers = [f"server.{n}={config[f'server.{n}']}" for n in ALL]
    return "\n".join([*servers, "version=0"])


# --- QP-8.8: /zookeeper/config ---


@pytest.mark.parametrize("number", ALL)
def test_qp_8_8_every_member_shows_the_membership_as_config_znode(ensemble, number):
    """A static configuration has version 0; the stat is that of a change without a transaction."""
    with open_session(ensemble.members[number]) as session:
        data, stat = session.get("/zookeeper/config").value
    assert data.decode() == membership(ensemble)
    assert stat.mtime > 0
    assert (stat.czxid, stat.mzxid, stat.pzxid, stat.ctime) == (0, 0, 0, 0)
    assert (stat.version, stat.cversion, stat.aversion) == (-1, 0, -1)


# --- SO-5.5 to SO-5.12: the words of each role ---


@pytest.mark.parametrize("role", ["leader", "follower", "observer"])
def test_so_5_6_srvr_and_stat_name_the_role(ensemble, roles, role):
    """Only a leader prints sizes of proposals: the bytes of the newest, smallest and largest."""
    leader = roles["leader"]
    with open_session(ensemble.members[leader]) as session:
        assert session.create("/sizes", bytes(5000)).ok
        assert session.delete("/sizes").ok
        zxid = session.sync("/").zxid
    number = roles[role]
    sizes = _SIZES if role == "leader" else ""

    def caught_up():
        return mntr(ensemble, number) and int(found_in("srvr").group(1), 16) >= zxid

    def found_in(name, between=""):
        text = word(ensemble, number, name)
        found = re.fullmatch(_VERSION + between + _STATISTICS + sizes, text)
        assert found, text
        return found

    wait_until(caught_up, "the member has the writes")
    found = found_in("srvr")
    assert found.group(2) == role
    clients = r"Clients:\n( /[0-9.]+:\d+\[[0-9a-f]+\]\(queued=\d+,recved=\d+,sent=\d+\)\n)+\n"
    assert found_in("stat", clients)
    if role == "leader":
        last, least, most = map(int, found.groups()[3:])
        assert 0 < least <= last < 5000 < most


@pytest.mark.parametrize("number", ALL)
def test_so_5_8_conf_ends_with_the_part_of_the_ensemble(ensemble, number):
    server = ensemble.members[number]
    _host, quorum, election, role = server.config[f"server.{number}"].split(":")
    text = word(ensemble, number, "conf")
    expected = (
        f"serverId={number}\ninitLimit={TIMING['initLimit']}\nsyncLimit={TIMING['syncLimit']}\n"
        f"electionAlg=3\nelectionPort={election}\nquorumPort={quorum}\n"
        f"peerType={int(role == 'observer')}\nmembership: \n{membership(ensemble)}"
    )
    assert text[text.index("serverId=") :] == expected
    assert f"clientPort={server.port}\n" in text


def test_so_5_9_dump_lists_sessions_where_they_expire_and_knows_them_elsewhere(ensemble, roles):
    """The leader prints when they expire, everybody else their time-outs; ephemerals are the same."""
    with open_session(ensemble.members[roles["follower"]], timeout_ms=8000) as session:
        assert session.create("/of-dump", flags=Flags.EPHEMERAL).ok
        sid = f"0x{session.session_id & (1 << 64) - 1:x}"
        for role, number in roles.items():
            wait_until(lambda n=number: "/of-dump" in word(ensemble, n, "dump"), "it has the ephemeral")
            text = word(ensemble, number, "dump")
            assert text.startswith("SessionTracker dump:\n")
            assert f"{sid}:\n\t/of-dump\n" in text
            assert "ephemeral nodes dump:\nSessions with Ephemerals (" in text
            if role == "leader":
                assert re.search(r"Session Sets \(\d+\)/\(\d+\):\n", text)
                assert f"\t{sid}\n" in text.partition("ephemeral nodes")[0]
            else:
                assert re.search(r"\nGlobal Sessions\(\d+\):\n", text)
                assert f"\n{sid}\t8000ms\n" in text
        assert session.close_session().ok


def test_so_5_12_mntr_of_each_role(ensemble, roles):
    """The gauges of the role are there, and no others; the counters tell of one election."""
    states = {"leader": "leading", "follower": "following", "observer": "observing"}
    for role, number in roles.items():
        values = mntr(ensemble, number)
        names = list(values)
        assert names[:3] == ["version", "server_state", "peer_state"]
        assert values["server_state"] == role
        assert values["peer_state"] == f"{states[role]} - broadcast"
        assert values["quorum_size"] == "3"
        assert ("observer_master_id" in values) == (role == "observer")
        assert LEADER_METRICS & set(names) == (LEADER_METRICS if role == "leader" else set())
        assert values["cnt_election_time"] == str(int(role != "observer"))
        assert values["looking_count"] == "1"
    assert mntr(ensemble, OBSERVER)["observer_master_id"] == str(roles["leader"])
    leading = mntr(ensemble, roles["leader"])
    assert int(leading["learners"]) == 3
    assert int(leading["synced_followers"]) == 2
    assert int(leading["synced_observers"]) == 1
    assert int(leading["synced_non_voting_followers"]) == int(leading["pending_syncs"]) == 0
    assert 0 < int(leading["leader_uptime"])
    assert int(leading["proposal_count"]) == int(leading["commit_count"]) > 0
    for number in (1, 2, 3, OBSERVER):
        if number != roles["leader"]:
            assert f"cnt_{number}_learner_handler_qp_size" in leading


def test_so_5_11_srst_forgets_the_sizes_of_proposals(ensemble, roles):
    leader = roles["leader"]
    assert word(ensemble, leader, "srst") == "Server stats reset.\n"
    assert word(ensemble, leader, "srvr").endswith("Proposal sizes last/min/max: -1/-1/-1\n")
    assert mntr(ensemble, leader)["max_proposal_size"] == "-1"


def test_so_5_5_short_answers_of_every_role(ensemble, roles):
    for number in roles.values():
        answers = {name: word(ensemble, number, name) for name in ("ruok", "isro", "crst", "wchs")}
        assert answers == {
            "ruok": "imok",
            "isro": "rw",
            "crst": "Connection stats reset.\n",
            "wchs": "0 connections watching 0 paths\nTotal watches:0\n",
        }
        assert re.fullmatch(r"datadir_size: \d+\nlogdir_size: \d+\n", word(ensemble, number, "dirs"))


# --- SO-5.4: members that serve nobody; last, because it stops servers ---


def test_so_5_4_members_without_a_quorum_say_that_they_do_not_serve(ensemble, roles):
    """A voter that looks for a leader, and an observer that has none."""
    alone = roles["follower"]
    stopped = [number for number in (1, 2, 3) if number != alone]
    for number in stopped:
        ensemble.members[number].kill()
    for number in (alone, OBSERVER):
        server = ensemble.members[number]
        wait_until(lambda s=server: not s.serving(), f"server {number} has left its leader")
        for name in REFUSING:
            assert server.four_letter(name) == NOT_SERVING + b"\n", name
        assert server.four_letter("hash") == NOT_SERVING
        assert server.four_letter("isro") == b"null"
        assert server.four_letter("ruok") == b"imok"
        assert server.four_letter("gtmk") == b"306"
        assert server.four_letter("envi").startswith(b"Environment:\nzookeeper.version=")
    for number in stopped:
        ensemble.members[number].launch()
    ensemble.wait_serving()
    assert int(mntr(ensemble, alone)["looking_count"]) >= 2
