"""A database with one of everything, and the sessions that hold its ephemerals.

`fill` makes it on an empty server, `go_on` changes it once more after a hand-over: what B writes
must travel back to A as well.
"""

import itertools

from lib import elements
from lib.records import (
    Acl, CREATOR_ACL, Err, Flags, OPEN_ACL, Op, Perms, READ_ACL, digest_id, create_request,
)  # fmt: skip
from lib.scenery import DAY_MS, SUPER_CONFIG, create_quota
from lib.zkwire import Connection, open_session, reconnect

SESSION_MS = 120_000  # longer than a JVM needs to start on the slowest machine
MAX_TTL_MS = 0xFFFFFFFFFF
BIG = 1_048_000  # bytes of data: a request of nearly jute.maxbuffer

# Nothing disappears by itself: containers and TTLs are looked at once an hour.
CONFIG = {
    **SUPER_CONFIG,
    "maxSessionTimeout": SESSION_MS,
    "extendedTypesEnabled": "true",
    "enforceQuota": "true",
    "znode.container.checkIntervalMs": 3600_000,
    "preAllocSize": 64,
}

ANN = digest_id("ann:secret")
ACLS = {
    "world-read": READ_ACL,
    "world-part": [Acl(Perms.READ | Perms.WRITE, "world", "anyone")],
    "digest": [Acl(Perms.ALL, "digest", ANN)],
    "ip": [Acl(Perms.ALL, "ip", "127.0.0.1"), Acl(Perms.READ, "ip", "10.1.0.0/16")],
    "auth": CREATOR_ACL,
    "several": [
        Acl(Perms.READ, "world", "anyone"),
        Acl(Perms.ALL, "digest", ANN),
        Acl(Perms.ADMIN | Perms.DELETE, "ip", "192.168.7.0/24"),
        Acl(Perms.CREATE, "digest", digest_id("bob:pw")),
    ],
    "nothing": [Acl(0, "world", "anyone")],
    "unicode": [Acl(Perms.ALL, "digest", "grüße:日本語"), Acl(Perms.ALL, "world", "anyone")],
}
START_S = 90  # for a JVM on a machine that does other things too
_STEPS = itertools.count(1)


def ok(reply):
    """The reply of a request that must succeed."""
    assert reply.ok, f"op {reply.op} was refused with {reply.err}"
    return reply


def fill(server) -> list:
    """Makes the database; returns the two live sessions, whose owner is "ann:secret"."""
    with open_session(server, timeout_ms=SESSION_MS) as writer:
        ok(writer.auth("digest", b"ann:secret"))
        ok(writer.auth("digest", "jörg:pässword".encode()))
        _plain_nodes(writer)
        _many_children(writer)
        _changed_and_deleted(writer)
        _acls(writer)
        _containers_and_ttls(writer)
        _quotas(writer)
        _multis_and_errors(writer)
        _system_nodes(writer)
        sessions = [_live_session(server, name) for name in ("one", "two")]
        _closed_sessions(server)
        ok(writer.close_session())
    return sessions


def _plain_nodes(conn: Connection) -> None:
    values = {"null": None, "empty": b"", "text": b"x", "bytes": bytes(range(256))}
    values["big"] = b"\xa5" * BIG
    ok(conn.create("/plain", None))
    for name, value in values.items():
        ok(conn.create2(f"/plain/{name}", value))
    path = "/deep"
    for depth in range(60):
        ok(conn.create(path, str(depth).encode()))
        path += "/" + "d" * (1 + depth % 7)
    ok(conn.create("/grüße", "日本".encode()))
    ok(conn.create("/grüße/日本語 mit Leerzeichen", "\U0001f600".encode()))
    ok(conn.create("/" + "long" * 60, b""))
    ok(conn.create("/seq"))
    for flags in (Flags.SEQUENTIAL,) * 5:
        ok(conn.create("/seq/n-", b"s", flags=flags))
    ok(conn.create2("/seq/", b"only a number", flags=Flags.SEQUENTIAL))
    ok(conn.delete("/seq/n-0000000002"))
    ok(conn.delete("/seq/n-0000000004"))


def _many_children(conn: Connection) -> None:
    ok(conn.create("/many"))
    for start in range(0, 1200, 200):
        numbers = range(start, start + 200)
        ok(conn.multi([elements.create(f"/many/c{n:05}", data=b"%d" % n) for n in numbers]))


def _changed_and_deleted(conn: Connection) -> None:
    ok(conn.create("/changed", b"0"))
    for number in range(5):
        ok(conn.set("/changed", b"%d" % number, number))
    ok(conn.create("/to-null", b"data"))
    ok(conn.set("/to-null", None))
    for _ in range(3):  # created again and again: the stats are those of the last time
        ok(conn.create("/again", b"a"))
        ok(conn.create("/again/child", b"c"))
        ok(conn.delete("/again/child"))
        ok(conn.delete("/again"))
    ok(conn.create("/again", b"at last"))
    ok(conn.create("/emptied"))
    ok(conn.create("/emptied/child"))
    ok(conn.delete("/emptied/child"))


def _acls(conn: Connection) -> None:
    ok(conn.create("/acl"))
    for name, acl in ACLS.items():
        ok(conn.create(f"/acl/{name}", name.encode(), acl))
        ok(conn.create(f"/acl/{name}-set"))
        ok(conn.set_acl(f"/acl/{name}-set", acl))
    for number in range(100):  # one list for many, and some that nobody uses any more
        ok(conn.create(f"/acl/shared{number}", b"", ACLS["several"]))
        ok(conn.create("/acl/passing", b"", [Acl(Perms.ALL, "digest", f"passing{number}:x")]))
        ok(conn.delete("/acl/passing"))
    ok(conn.set_acl("/acl/several-set", OPEN_ACL))
    assert conn.set_acl("/acl/world-read", OPEN_ACL).err == Err.NO_AUTH


def _containers_and_ttls(conn: Connection) -> None:
    ok(conn.create_container("/box"))
    ok(conn.create_container("/box/inner", b"in a box"))
    ok(conn.create("/box/child"))
    ok(conn.create_container("/box-emptied"))
    ok(conn.create("/box-emptied/child"))
    ok(conn.delete("/box-emptied/child"))
    ok(conn.create_ttl("/ttl", DAY_MS, b"a day"))
    ok(conn.create_ttl("/ttl/one-more", DAY_MS + 1))
    ok(conn.create_ttl("/ttl/longest", MAX_TTL_MS))
    ok(conn.create_ttl("/ttl/seq-", DAY_MS, flags=Flags.TTL_SEQUENTIAL))
    ok(conn.set("/ttl", b"another day"))


def _quotas(conn: Connection) -> None:
    ok(conn.create("/quota"))
    for name, limits in {
        "soft": "count=3,bytes=10",
        "hard": "count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=3",
        "count": "count=100,bytes=-1",
    }.items():
        ok(conn.create(f"/quota/{name}", b"1234"))
        create_quota(conn, f"/quota/{name}", limits)
        ok(conn.create(f"/quota/{name}/a", b"56789"))
    for number in range(5):
        ok(conn.create(f"/quota/soft/more{number}", b"too many"))
    ok(conn.create("/quota/hard/b", None))
    assert conn.create("/quota/hard/c").err == Err.QUOTA_EXCEEDED
    assert conn.set("/quota/hard/b", b"x" * 12).err == Err.QUOTA_EXCEEDED
    create_quota(conn, "/quota-later/below", "count=5,bytes=5")  # of a node that comes afterwards
    ok(conn.create("/quota-later"))
    ok(conn.create("/quota-later/below", b"12"))


def _multis_and_errors(conn: Connection) -> None:
    ok(conn.create("/multi"))
    parts = [
        elements.create("/multi/a", data=b"1"),
        elements.create("/multi/s-", flags=Flags.SEQUENTIAL),
        # Not create2: in a log that is not its own, Apache 3.8.0 cannot read it (disk-format.md).
        (Op.CREATE, create_request("/multi/b", b"2", ACLS["several"], 0)),
        elements.set_data("/multi/a", b"3"),
        elements.check("/multi/a", 1),
        elements.create("/multi/c"),
        elements.delete("/multi/c"),
    ]
    ok(conn.multi(parts))
    doomed = [parts[3], elements.delete("/multi/missing"), elements.create("/multi/d")]
    failed = conn.multi(doomed)
    assert [part.err for part in failed.value] == [0, Err.NO_NODE, Err.RUNTIME_INCONSISTENCY]
    assert conn.create("/multi").err == Err.NODE_EXISTS
    assert conn.set("/multi", b"", 77).err == Err.BAD_VERSION
    assert conn.delete("/plain").err == Err.NOT_EMPTY


def _system_nodes(conn: Connection) -> None:
    ok(conn.set("/", b"the root has data"))
    ok(conn.set_acl("/", [Acl(Perms.ALL, "world", "anyone"), Acl(Perms.READ, "ip", "10.9.8.7")]))
    ok(conn.set("/zookeeper", b"and so has this"))


def _live_session(server, name: str) -> Connection:
    conn = open_session(server, timeout_ms=SESSION_MS)
    ok(conn.auth("digest", b"ann:secret"))
    for number in range(20):
        ok(conn.create(f"/plain/e-{name}-{number}", name.encode(), flags=Flags.EPHEMERAL))
    ok(conn.create("/seq/e-", b"", ACLS["several"], Flags.EPHEMERAL_SEQUENTIAL))
    ok(conn.create2(f"/box/inner/{name}", None, flags=Flags.EPHEMERAL))
    ok(conn.create(f"/grüße/ephemer-{name}", "é".encode(), CREATOR_ACL, Flags.EPHEMERAL))
    ok(conn.multi([elements.create(f"/multi/e-{name}", flags=Flags.EPHEMERAL)]))
    ok(conn.set(f"/plain/e-{name}-3", b"changed"))
    ok(conn.delete(f"/plain/e-{name}-4"))
    return conn


def _closed_sessions(server) -> None:
    for number in range(3):
        with open_session(server) as conn:
            ok(conn.create("/plain/gone", b"", flags=Flags.EPHEMERAL))
            ok(conn.create(f"/seq/gone{number}-", b"", flags=Flags.EPHEMERAL_SEQUENTIAL))
            ok(conn.close_session())


def go_on(server, sessions: list) -> list:
    """The sessions claim what is theirs and go on writing; returns them on their new connections.
    """
    step = next(_STEPS)
    carried = [carry_on(server, old) for old in sessions]
    for conn in carried:
        ok(conn.auth("digest", b"ann:secret"))
    first, second = carried
    ok(first.create(f"/step{step}", b"s"))
    ok(first.create(f"/step{step}/e", b"", flags=Flags.EPHEMERAL))
    ok(second.create(f"/step{step}/e-", b"", CREATOR_ACL, Flags.EPHEMERAL_SEQUENTIAL))
    ok(first.create("/seq/n-", b"later", flags=Flags.SEQUENTIAL))
    ok(second.create_ttl(f"/step{step}/ttl", DAY_MS + step))
    ok(second.create_container(f"/step{step}/box"))
    ok(first.set("/changed", b"step %d" % step))
    ok(first.set_acl("/acl/several-set", [Acl(Perms.ALL, "digest", f"step{step}:x"), *OPEN_ACL]))
    ok(second.multi([elements.set_data("/changed", b"m"), elements.create(f"/step{step}/m")]))
    assert second.create("/changed").err == Err.NODE_EXISTS
    assert first.create("/quota/hard/too-many").err == Err.QUOTA_EXCEEDED
    ok(first.create(f"/quota/soft/step{step}", b"abc"))
    ok(second.delete(f"/many/c{step:05}"))
    with open_session(server) as passing:
        ok(passing.create(f"/step{step}/gone", b"", flags=Flags.EPHEMERAL))
        ok(passing.close_session())
    return carried


def carry_on(server, old: Connection) -> Connection:
    """The session of `old` on a new connection, with its id, password and timeout."""
    old.close()
    conn = reconnect(server, old, timeout_ms=old.timeout_ms)
    assert (conn.session_id, conn.timeout_ms) == (old.session_id, old.timeout_ms)
    return conn
