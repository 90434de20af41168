"""ZooKeeper's snapshot files, read and sealed independently of both servers
(storage-and-operations 3.1, 3.7).
"""

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from lib.jute import Reader
from lib.records import read_acl

OPEN_ACL_KEY = -1
CONTAINER_OWNER = -(1 << 63)
_SEAL_MARK = struct.pack(">i", 1) + b"/"
_DIGESTED = struct.Struct(">qqqqqiiiq")


@dataclass(frozen=True)
class FileNode:
    """A node record; the stat fields as in the file, cversion counts creations."""

    data: Optional[bytes]
    acl_key: int
    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    owner: int
    pzxid: int


@dataclass(frozen=True)
class Snapshot:
    """A whole file. `digest` is (zxid, version, tree digest); None where a section is missing."""

    name_zxid: int
    sessions: dict
    acls: dict
    nodes: dict
    digest: Optional[tuple]
    last_zxid: Optional[int]

    def tree_digest(self) -> int:
        """The digest of the nodes, computed anew."""
        return sum(_node_digest(path, node) for path, node in self.nodes.items()) % (1 << 64)

    def latest_change(self) -> int:
        """The highest zxid in any node: above the name's zxid in a fuzzy snapshot."""
        return max(max(node.czxid, node.mzxid, node.pzxid) for node in self.nodes.values())

    def changed_meanwhile(self) -> int:
        """How many nodes show changes that came after the zxid in the name."""
        zxids = [max(node.czxid, node.mzxid, node.pzxid) for node in self.nodes.values()]
        return sum(zxid > self.name_zxid for zxid in zxids)


def _node_digest(path: str, node: FileNode) -> int:
    if path.startswith("/zookeeper/"):
        return 0
    stat = _DIGESTED.pack(
        node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime,
        node.version, node.cversion, node.aversion, node.owner,
    )  # fmt: skip
    return zlib.crc32(path.encode() + (node.data or b"") + stat)


def zxid_of(path: Path) -> int:
    """The zxid in the name of a snapshot or a log."""
    return int(path.name.split(".")[1], 16)


def plain_bytes(path: Path) -> bytes:
    """The uncompressed stream of a plain or gz snapshot."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def read_snapshot(path: Path) -> Snapshot:
    """Reads a plain or gz snapshot strictly: every seal must verify, nothing may follow."""
    stream = plain_bytes(path)
    reader = _SealedReader(stream)
    assert reader.raw(16) == b"ZKSN" + struct.pack(">iq", 2, -1), "header"
    sessions = {reader.long(): reader.int() for _ in range(reader.int())}
    acls = {}
    for _ in range(reader.int()):
        key = reader.long()
        acls[key] = [read_acl(reader) for _ in range(reader.int())]
    nodes: dict = {}
    while (name := reader.string()) != "/":
        assert name not in nodes, f"{name} twice"
        assert name == "" or name.rpartition("/")[0] in nodes, f"{name} before its parent"
        nodes[name] = FileNode(reader.buffer(), reader.long(), *reader.stat())
    reader.seal()
    digest = last_zxid = None
    if reader.remaining() in (33, 54):
        digest = (reader.long(), reader.int(), reader.long() % (1 << 64))
        reader.seal()
    if reader.remaining() == 21:
        last_zxid = reader.long()
        reader.seal()
    reader.expect_end()
    return Snapshot(zxid_of(path), sessions, acls, nodes, digest, last_zxid)


class _SealedReader(Reader):
    """A reader that checks the running checksum where it is due."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._stream = stream

    def stat(self) -> tuple:
        """czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid."""
        longs = [self.long() for _ in range(4)]
        ints = [self.int() for _ in range(3)]
        return (*longs, *ints, self.long(), self.long())

    def seal(self) -> None:
        """Checks a checksum over everything before it, and the mark behind it."""
        at = len(self._stream) - self.remaining()
        assert self.long() == zlib.adler32(self._stream[:at]), f"seal at byte {at}"
        assert self.string() == "/"


def with_tails(stream: bytes, digest: bool, last_zxid: Optional[int]) -> bytes:
    """An uncompressed snapshot with a digest section (as Apache 3.8 writes it) as another writer
    would leave it: without that section, or with a lastProcessedZxid section as in 3.9.
    """
    assert stream.endswith(_SEAL_MARK)
    if not digest:
        stream = stream[:-33]
    if last_zxid is not None:
        stream = sealed(stream + struct.pack(">q", last_zxid))
    return stream


def sealed(stream: bytes) -> bytes:
    """Bytes with their checksum and the mark behind them."""
    return stream + struct.pack(">q", zlib.adler32(stream)) + _SEAL_MARK
