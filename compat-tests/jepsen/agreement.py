"""After a run all servers must hold the same: every znode with its stat and ACL, the zxid, the digests."""

import time
from typing import Optional

from jepsen.cluster import Cluster
from lib.zkwire import Connection, ConnectionClosed, open_session

PATIENCE_S = 90.0


class Disagreement(Exception):
    """Servers at one zxid hold different things; says what."""


def read_tree(connection: Connection) -> dict:
    """Every znode: path -> (data, stat, ACL, number of children)."""
    tree, waiting = {}, ["/"]
    while waiting:
        path = waiting.pop()
        listing, content, acl = connection.children(path), connection.get(path), connection.get_acl(path)
        if not (listing.ok and content.ok and acl.ok):
            continue  # removed meanwhile: the zxids will tell
        data, stat = content.value
        tree[path] = (data, stat, acl.value[0], len(listing.value))
        waiting += [path.rstrip("/") + "/" + name for name in listing.value]
    return tree


def digests(cluster: Cluster, number: int) -> dict[str, str]:
    """What `hash` says: zxid -> digest, for every 128th transaction."""
    lines = (line.partition(": ") for line in cluster.word(number, "hash", 10).splitlines())
    return {zxid: digest for zxid, colon, digest in lines if colon}


def check(cluster: Cluster) -> str:
    """Compares all servers at one zxid; returns a sentence about what was compared, raises Disagreement."""
    deadline = time.monotonic() + PATIENCE_S
    connections = _sessions(cluster, deadline)
    try:
        while True:
            trees = _trees_at_one_zxid(connections)
            if trees is not None:
                break
            if time.monotonic() > deadline:
                zxids = {number: hex(connection.last_zxid()) for number, connection in connections.items()}
                raise Disagreement(f"the servers did not come to one zxid in {PATIENCE_S} s: {zxids}")
    finally:
        for connection in connections.values():
            connection.close()
    zxid, by_number = trees
    _compare(by_number)
    return f"{len(by_number)} servers at zxid {zxid:#x}, {len(by_number[1])} znodes each, {_compare_digests(cluster)} digests"


def _sessions(cluster: Cluster, deadline: float) -> dict[int, Connection]:
    """A session on each server; their creation is behind the state that is compared."""
    connections: dict[int, Connection] = {}
    for number, server in cluster.ensemble.members.items():
        while number not in connections:
            try:
                connections[number] = open_session(server, 20, timeout_ms=40000)
            except (ConnectionClosed, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    return connections


def _trees_at_one_zxid(connections: dict[int, Connection]) -> Optional[tuple]:
    """(zxid, trees) when no transaction came while all were read, else None."""
    for connection in connections.values():
        connection.sync("/")
    before = {connection.last_zxid() for connection in connections.values()}
    trees = {number: read_tree(connection) for number, connection in connections.items()}
    after = {connection.last_zxid() for connection in connections.values()}
    return (after.pop(), trees) if len(before) == 1 and before == after else None


def _compare(trees: dict[int, dict]) -> None:
    first = trees[1]
    for number, tree in trees.items():
        different = [path for path in first.keys() | tree.keys() if first.get(path) != tree.get(path)]
        if different:
            path = min(different)
            text = f"server 1: {first.get(path)}\n    server {number}: {tree.get(path)}"
            raise Disagreement(f"{len(different)} znodes differ, for example {path}\n    {text}")


def _compare_digests(cluster: Cluster) -> int:
    """How many zxids were compared between two servers."""
    known: dict[str, tuple[int, str]] = {}
    compared = 0
    for number in cluster.numbers:
        for zxid, digest in digests(cluster, number).items():
            if zxid not in known:
                known[zxid] = (number, digest)
                continue
            compared += 1
            other, expected = known[zxid]
            if digest != expected:
                raise Disagreement(f"digest at {zxid}: {expected} on server {other}, {digest} on server {number}")
    return compared
