"""What several checklist files set up or look at: super user, creates of every kind, removal of
containers and TTL nodes, quotas.
"""

import itertools
from typing import Optional, Sequence

from lib.records import OPEN_ACL, Err, Flags, Op, create_request, create_ttl_request
from lib.waiting import wait_until
from lib.zkwire import Connection, Reply, open_session

SUPER_CREDENTIALS = b"super:test"
SUPER_CONFIG = {
    "DigestAuthenticationProvider.superDigest": "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
}

# TTL nodes exist, and what is due is removed at once: a check every 200 ms instead of every minute.
QUICK_REMOVAL_CONFIG = {
    "tickTime": 500,
    "extendedTypesEnabled": "true",
    "znode.container.checkIntervalMs": 200,
}

CREATE_OPS = (Op.CREATE, Op.CREATE2, Op.CREATE_CONTAINER, Op.CREATE_TTL)
DAY_MS = 24 * 3600 * 1000

_CANARIES = itertools.count(1)


def kinds(events: Sequence) -> list:
    """(type, path) of each watch event, in order."""
    return [(event.type, event.path) for event in events]


def open_super(server) -> Connection:
    """A session that passes every ACL check; the server has SUPER_CONFIG."""
    conn = open_session(server)
    assert conn.auth("digest", SUPER_CREDENTIALS).ok
    return conn


def create_body(
    op: int, path, flags: int, ttl_ms: int = DAY_MS, acl: Optional[Sequence] = OPEN_ACL, data=b""
) -> bytes:
    """Body of any of CREATE_OPS; `ttl_ms` is used by createTTL only."""
    if op == Op.CREATE_TTL:
        return create_ttl_request(path, data, acl, flags, ttl_ms)
    return create_request(path, data, acl, flags)


def create_by(conn: Connection, op: int, path, flags: int = Flags.PERSISTENT, **fields) -> Reply:
    """Creates a node by one of CREATE_OPS; `fields` as for `create_body`."""
    return conn.request(op, create_body(op, path, flags, **fields))


def created_path(reply: Reply) -> str:
    """The path in the answer of any create; asserts success."""
    assert reply.ok, reply
    return reply.value if reply.op == Op.CREATE else reply.value[0]


def is_missing(conn: Connection, path: str) -> bool:
    """True when the node does not exist; any other failure is an error."""
    reply = conn.exists(path)
    assert reply.err in (0, Err.NO_NODE), reply
    return not reply.ok


def wait_until_gone(conn: Connection, path: str) -> None:
    """Waits for the server to remove a node."""
    wait_until(lambda: is_missing(conn, path), f"{path} is removed")


def let_a_check_pass(conn: Connection) -> None:
    """Returns when all that was due for removal at the time of the call is gone.

    Two containers become empty one after the other. The removal of the first shows that a check
    began after the call, the removal of the second that this check is over.
    """
    for _ in range(2):
        canary = f"/canary-{next(_CANARIES)}"
        assert conn.create_container(canary).ok
        assert conn.create(canary + "/child").ok
        assert conn.delete(canary + "/child").ok
        wait_until_gone(conn, canary)


def create_quota(conn: Connection, path: str, limits: str) -> str:
    """Puts a quota on `path`: limits, then statistics. Returns the path of the statistics node."""
    quota = "/zookeeper/quota"
    for name in path.strip("/").split("/"):
        quota += "/" + name
        assert conn.create(quota).err in (0, Err.NODE_EXISTS)
    assert conn.create(quota + "/zookeeper_limits", limits.encode()).ok
    assert conn.create(quota + "/zookeeper_stats", b"count=0,bytes=0").ok
    return quota + "/zookeeper_stats"
