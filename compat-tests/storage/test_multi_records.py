"""A multi in the log, byte for byte as Apache ZooKeeper writes it, above all one that was aborted.

Both servers are given the same requests; what they log is compared without the header (times and
session ids differ) and without the digest (it covers times).
"""

import struct
from dataclasses import dataclass

import pytest

from lib import elements
from lib.records import CREATOR_ACL, READ_ACL, Err, Flags, Op
from lib.servers import start_server
from lib.txn_log import RECORD_HEAD_SIZE, records_of
from lib.zkwire import open_session

CONFIG = {"extendedTypesEnabled": "true", "preAllocSize": 64}
HEADER = struct.Struct(">qiqqi")  # session, cxid, zxid, time, type
DIGEST = struct.Struct(">iq")  # version, digest of the tree
ERROR = -1

_NO_NODE = elements.delete("/nope")
_NOT_EMPTY = elements.delete("/a")
_BAD_VERSION = elements.set_data("/a", b"never", 77)
_CHECK_FAILS = elements.check("/a", 77)
_CHECK_HOLDS = elements.check("/a", 0)
_MORE = [
    elements.create("/x", data=b"data", acl=READ_ACL),
    elements.create("/a/s-", flags=Flags.SEQUENTIAL),
    elements.create("/e", flags=Flags.EPHEMERAL, acl=CREATOR_ACL),
    elements.set_data("/a", b"changed"),
    elements.delete("/a/child"),
]
_KINDS = [
    elements.create("/box", Flags.CONTAINER, Op.CREATE_CONTAINER),
    elements.create("/ttl", Flags.TTL, Op.CREATE_TTL),
    elements.set_data("/a", None),
]

# What is asked for, and the result of each element.
_SKIPPED = Err.RUNTIME_INCONSISTENCY
ABORTED = {
    "first": ([_NO_NODE, *_MORE], [Err.NO_NODE] + [_SKIPPED] * 5),
    "middle": (
        [*_MORE[:3], _BAD_VERSION, *_MORE[3:]],
        [0] * 3 + [Err.BAD_VERSION] + [_SKIPPED] * 2,
    ),
    "last": ([*_MORE[:4], _NOT_EMPTY], [0] * 4 + [Err.NOT_EMPTY]),
    "only": ([_NOT_EMPTY], [Err.NOT_EMPTY]),
    "check first": ([_CHECK_FAILS, *_MORE[:2]], [Err.BAD_VERSION] + [_SKIPPED] * 2),
    "check middle": ([_MORE[0], _CHECK_FAILS, _MORE[3]], [0, Err.BAD_VERSION, _SKIPPED]),
    "check last": ([_CHECK_HOLDS, *_MORE, _CHECK_FAILS], [0] * 6 + [Err.BAD_VERSION]),
    "check of nothing": ([_MORE[0], elements.check("/nope")], [0, Err.NO_NODE]),
    "two that fail": ([_CHECK_HOLDS, _NO_NODE, _NOT_EMPTY], [0, Err.NO_NODE, _SKIPPED]),
    "several kinds": ([*_KINDS, _NO_NODE, _CHECK_HOLDS], [0] * 3 + [Err.NO_NODE, _SKIPPED]),
}
CARRIED_OUT = {
    "everything": ([_CHECK_HOLDS, *_MORE, *_KINDS], [0] * 9),
    "nothing": ([], []),
}


@dataclass(frozen=True)
class Txn:
    """A logged transaction; `digest` is None for an error."""

    type: int
    body: bytes
    digest: object


def transactions(data_dir) -> list:
    """All of the only log file of a data directory."""
    (path,) = (data_dir / "version-2").glob("log.*")
    data = path.read_bytes()
    found = []
    for record in records_of(path):
        payload = data[record.start + RECORD_HEAD_SIZE : record.end - 1]
        kind = HEADER.unpack_from(payload)[-1]
        body = payload[HEADER.size :]
        if kind == ERROR:
            found.append(Txn(kind, body, None))
        else:
            digest = DIGEST.unpack(body[-DIGEST.size :])
            found.append(Txn(kind, body[: -DIGEST.size], digest))
    return found


def elements_of(body: bytes) -> list:
    """(type, bytes) of each element of a multi's body, which must hold nothing else."""
    (count,) = struct.unpack_from(">i", body)
    at, found = 4, []
    for _ in range(count):
        kind, size = struct.unpack_from(">ii", body, at)
        at += 8
        found.append((kind, body[at : at + size]))
        at += size
    assert at == len(body)
    return found


def logged(server) -> list:
    """Asks for every multi, kills the server, and gives the transactions: three that prepare, and
    one for each multi.
    """
    with open_session(server) as conn:
        assert conn.auth("digest", b"ann:secret").ok
        assert conn.create("/a").ok
        assert conn.create("/a/child", b"c").ok
        for name, (parts, expected) in {**ABORTED, **CARRIED_OUT}.items():
            reply = conn.multi(parts)
            assert reply.ok, name
            assert [part.err for part in reply.value] == expected, name
        server.kill()
    return transactions(server.data_dir)


@pytest.fixture(name="logs", scope="module")
def both_logs():
    """(transactions of the server under test, those of Apache)."""
    with start_server(None, CONFIG) as ours, start_server("apache", CONFIG) as apaches:
        return logged(ours), logged(apaches)


def by_name(txns: list) -> dict:
    """Name of each multi -> its transaction."""
    names = [*ABORTED, *CARRIED_OUT]
    assert [txn.type for txn in txns[-len(names) :]] == [Op.MULTI] * len(names)
    return dict(zip(names, txns[-len(names) :]))


@pytest.mark.parametrize("name", [*ABORTED, *CARRIED_OUT])
def test_so_2_3_a_multi_has_the_bytes_of_apaches(logs, name):
    """SO-2.3, SO-2.22: types, lengths and bodies of all elements."""
    ours, apaches = (by_name(txns)[name] for txns in logs)
    assert elements_of(ours.body) == elements_of(apaches.body)
    assert ours.body == apaches.body


@pytest.mark.parametrize("name", ABORTED)
def test_so_2_5_an_aborted_multi_keeps_the_elements_before_the_failure(logs, name):
    """SO-2.5: they stay as they are; errors stand in place of the failing one and of those behind.
    """
    parts, errors = ABORTED[name]
    failing = next(number for number, err in enumerate(errors) if err)
    for txns in logs:
        found = elements_of(by_name(txns)[name].body)
        assert len(found) == len(parts)
        for (kind, body), err in zip(found[failing:], errors[failing:]):
            assert (kind, body) == (ERROR, struct.pack(">i", err))
        assert ERROR not in [kind for kind, _ in found[:failing]]


def test_so_2_4_an_aborted_multi_carries_the_digest_of_the_unchanged_tree(logs):
    """SO-2.4: the one of the transaction before it; a multi that is carried out has another."""
    for txns in logs:
        before = txns[-len(CARRIED_OUT) - len(ABORTED) - 1]
        assert before.digest[0] == 2
        named = by_name(txns)
        assert {named[name].digest for name in ABORTED} == {before.digest}
        assert named["everything"].digest != before.digest
