"""All members have the same state: trees, sessions, and the digests that they compute by themselves."""

from differential.runner import SUPER_PASSWORD
from lib.records import Op, set_data_request
from lib.waiting import wait_until
from lib.zkwire import Connection, open_session
from takeover.state import digest_history, digest_mismatches, expect_tree, last_zxid, live_sessions, read_tree

DIGEST_INTERVAL = 128  # zxids between two digests that a server remembers
PATIENCE_S = 120


def wait_level(ensemble, numbers=()) -> int:
    """Waits until all members stand at one zxid; returns it."""
    servers = [ensemble.members[number] for number in numbers or ensemble.members]

    def level():
        zxids = {last_zxid(server) for server in servers}
        return zxids.pop() if len(zxids) == 1 else 0

    return wait_until(level, "all members stand at one zxid", PATIENCE_S)


def open_super(server) -> Connection:
    """A session that no ACL stops."""
    conn = open_session(server, timeout=PATIENCE_S)
    assert conn.auth("digest", SUPER_PASSWORD.encode()).ok
    return conn


def tree_of(server) -> dict:
    """Path -> node of everything, read by a super user."""
    with open_super(server) as conn:
        nodes = read_tree(conn)
        assert conn.close_session().ok
    nodes.pop("/zookeeper/config", None)  # written by each server for itself: its stat is its own
    return nodes


def expect_equal(ensemble, numbers=()) -> None:
    """No writes may be under way. Compares every znode with data, stat, ACL and children, and the table of ephemerals,
    field by field with those of the first member.
    """
    numbers = list(numbers or ensemble.members)
    trees = {number: tree_of(ensemble.members[number]) for number in numbers}
    for number in numbers[1:]:
        expect_tree(trees[numbers[0]], trees[number])
    wait_level(ensemble, numbers)
    tables = {number: live_sessions(ensemble.members[number])[1] for number in numbers}
    assert all(table == tables[numbers[0]] for table in tables.values()), tables


def expect_equal_digests(ensemble, numbers=()) -> None:
    """Makes enough transactions for the members to note a digest, and compares all that several have noted."""
    numbers = list(numbers or ensemble.members)
    servers = {number: ensemble.members[number] for number in numbers}
    before = wait_level(ensemble, numbers)
    with open_super(servers[numbers[0]]) as conn:
        for _ in range(DIGEST_INTERVAL + 2):
            conn.submit(Op.SET_DATA, set_data_request("/", b"x"))
        for _ in range(DIGEST_INTERVAL + 2):
            assert conn.next_reply(60).ok
        assert conn.close_session().ok
    wait_level(ensemble, numbers)
    histories = {number: digest_history(server) for number, server in servers.items()}
    common = set.intersection(*(set(history) for history in histories.values()))
    assert max(common, default=0) > before, f"no digest is known to all: {histories}"
    for zxid in common:
        digests = {number: history[zxid] for number, history in histories.items()}
        assert len(set(digests.values())) == 1, f"digests at {zxid:#x}: {digests}"
    counts = {number: digest_mismatches(server) for number, server in servers.items()}
    assert not any(counts.values()), counts
