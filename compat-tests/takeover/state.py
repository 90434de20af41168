"""The whole state of a server as its clients can see it, and what differs between two of them.

A state is taken by a super user, so that no ACL hides anything. Looking costs transactions (a
session of the observer is created and closed); `whole_state` therefore reads the zxid last, and
`expect_state` reads it first.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Optional

from lib.records import Op, path_request, path_watch_request
from lib.scenery import open_super
from lib.zkwire import Connection
from takeover.snapshot_file import read_snapshot

_SHOWN = 12  # differences in a message
_BATCH = 300  # znodes read in one segment


@dataclass(frozen=True)
class Node:
    """One znode; the children are sorted names, `ephemeral` its owner's id or 0."""

    data: Optional[bytes]
    stat: object
    acl: tuple
    children: tuple

    @property
    def ephemeral(self) -> int:
        """The session that owns the node, 0 for none."""
        return self.stat.ephemeral_owner


@dataclass(frozen=True)
class State:
    """Everything: last zxid, path -> Node, ids of live sessions, session id -> its ephemerals."""

    zxid: int
    nodes: dict
    sessions: frozenset
    ephemerals: dict


def last_zxid(server) -> int:
    """The last zxid as `srvr` tells it: without a transaction."""
    return int(re.search(rb"^Zxid: 0x([0-9a-f]+)$", server.four_letter("srvr"), re.M).group(1), 16)


def live_sessions(server) -> tuple:
    """(ids of the live sessions, session id -> sorted ephemerals) from `dump`."""
    text = server.four_letter("dump").decode()
    sessions, _, rest = text.partition("ephemeral nodes dump:")
    ids = frozenset(int(found, 16) for found in re.findall(r"^\t0x([0-9a-f]+)$", sessions, re.M))
    ephemerals: dict = {}
    owner = 0
    for line in rest.partition("Connections dump:")[0].splitlines():
        if re.fullmatch(r"0x[0-9a-f]+:", line):
            owner = int(line[:-1], 16)
        elif line.startswith("\t"):
            ephemerals.setdefault(owner, []).append(line[1:])
    return ids, {owner: sorted(paths) for owner, paths in ephemerals.items()}


def read_tree(conn: Connection, root: str = "/") -> dict:
    """Path -> Node of every znode from `root` on; fails if anything cannot be read."""
    nodes: dict = {}
    level = [root]
    while level:
        for path, node in zip(level, _read_nodes(conn, level)):
            nodes[path] = node
        level = [
            f"{path.rstrip('/')}/{name}" for path in level for name in nodes[path].children
        ]
    return nodes


def _read_nodes(conn: Connection, paths: list):
    for start in range(0, len(paths), _BATCH):
        batch = paths[start : start + _BATCH]
        frames = []
        for path in batch:
            frames.append(conn.encode(Op.GET_DATA, path_watch_request(path)))
            frames.append(conn.encode(Op.GET_ACL, path_request(path)))
            frames.append(conn.encode(Op.GET_CHILDREN2, path_watch_request(path)))
        conn.send_raw(b"".join(frames))
        for path in batch:
            data, acl, children = (conn.next_reply() for _ in range(3))
            for reply in (data, acl, children):
                assert reply.ok, f"op {reply.op} of {path} gives {reply.err}"
            stats = {reply.value[1] for reply in (data, acl, children)}
            assert len(stats) == 1, f"{path} has stats that differ: {stats}"
            names = tuple(sorted(children.value[0]))
            yield Node(data.value[0], data.value[1], tuple(acl.value[0]), names)


def whole_state(server) -> State:
    """The state of a server on which nobody writes, after the observer has gone."""
    with open_super(server) as conn:
        nodes = read_tree(conn)
        assert conn.close_session().ok
    return State(last_zxid(server), nodes, *live_sessions(server))


def tree_differences(expected: dict, actual: dict) -> list:
    """One sentence for each znode that is missing, too many or not the same."""
    found = [f"{path} is missing" for path in sorted(expected.keys() - actual.keys())]
    found += [f"{path} is too many" for path in sorted(actual.keys() - expected.keys())]
    for path in sorted(expected.keys() & actual.keys()):
        found += [f"{path}: {what}" for what in _node_differences(expected[path], actual[path])]
    return found


def _node_differences(expected: Node, actual: Node) -> list:
    found = []
    for name in ("data", "acl", "children"):
        pair = getattr(expected, name), getattr(actual, name)
        if pair[0] != pair[1]:
            found.append(f"{name} {_short(pair[1])} instead of {_short(pair[0])}")
    for field in fields(expected.stat):
        pair = getattr(expected.stat, field.name), getattr(actual.stat, field.name)
        if pair[0] != pair[1]:
            found.append(f"{field.name} {pair[1]} instead of {pair[0]}")
    return found


def _short(value) -> str:
    text = repr(value)
    return text if len(text) < 120 else f"{text[:100]}... ({len(value)})"


def expect_tree(expected: dict, actual: dict) -> None:
    """Fails with the first differences."""
    found = tree_differences(expected, actual)
    more = f"\n... and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    assert not found, "the trees differ:\n" + "\n".join(found[:_SHOWN]) + more


def expect_state(server, expected: State) -> None:
    """The server has exactly this state: zxid, sessions, ephemerals, every znode with data, stat,
    ACL and children; its next transaction takes the next zxid; no digest was wrong.
    """
    assert last_zxid(server) == expected.zxid
    sessions, ephemerals = live_sessions(server)
    assert sessions == expected.sessions
    assert ephemerals == expected.ephemerals
    with open_super(server) as conn:
        assert conn.last_zxid() == expected.zxid + 1  # the creation of this very session
        expect_tree(expected.nodes, read_tree(conn))
        assert conn.close_session().ok
    expect_no_digest_mismatch(server)


def digest_mismatches(server) -> int:
    """The count that `mntr` gives."""
    found = re.search(rb"^zk_digest_mismatches_count\t(\d+)", server.four_letter("mntr"), re.M)
    return int(found.group(1))


def expect_no_digest_mismatch(server) -> None:
    """None since the server started, but for one that is in the snapshot it started from."""
    found, allowed = digest_mismatches(server), _mismatches_of_base(server)
    assert found in allowed, f"{found} digest mismatches; the snapshot allows {allowed}"


def _mismatches_of_base(server) -> tuple:
    """How many mismatches the snapshot from which the server started may cause.

    Apache takes the digest of a snapshot while transactions are applied: the nodes may be those of
    a transaction that the digest does not know yet, and every later load reports that.
    """
    path = _base(server)
    if path is None or not path.exists() or path.suffix == ".snappy":
        return (0,)
    snapshot = read_snapshot(path)
    if snapshot.digest is None or snapshot.digest[0] < max(snapshot.name_zxid, 1):
        return (0,)  # it is not compared with anything
    if snapshot.digest[0] == snapshot.name_zxid:
        return (int(snapshot.tree_digest() != snapshot.digest[2]),)
    only_a_replay_tells = snapshot.latest_change() > snapshot.digest[0]
    return (0, 1) if only_a_replay_tells else (0,)


def _base(server) -> Optional[Path]:
    """The snapshot that the last start says it loaded; None for a checkpoint or nothing."""
    said = server.log_path.read_text("utf-8", "replace")
    names = re.findall(r"Reading snapshot \S+/(\S+)$|\] (\S+) at zxid \S+ loaded in", said, re.M)
    name = "".join(names[-1]) if names else "checkpoint"
    return None if name == "checkpoint" else Path(server.data_dir, "version-2", name)


def digest_history(server) -> dict:
    """zxid -> tree digest as `hash` tells them."""
    lines = server.four_letter("hash").decode().split("\n")
    pairs = [line.split(": ") for line in lines if line]
    return {int(zxid, 16): int(digest) for zxid, digest in pairs}
