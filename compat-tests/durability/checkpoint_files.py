"""The files of a checkpoint store, from outside: which there are, and a change made without the server.

The formats are LevelDB's (doc/log_format.md of its source) and that of server/storage/synced_mark.h.
"""

import struct
import zlib
from pathlib import Path

# A pattern for each kind of file in <dataDir>/version-2/checkpoint; LOCK is not one: it has no content.
KINDS = {
    "table": "*.ldb",
    "log": "*.log",
    "manifest": "MANIFEST-??????",
    "current": "CURRENT",
    "mark of the log": "*.log.synced",
    "mark of the manifest": "MANIFEST-*.synced",
}
_MARK_BLOCK_BYTES = 4096
_MARK_COPIES = 4
_MARK = struct.Struct(">iqqI")
_LOG_BLOCK_BYTES = 32768
_FULL_RECORD = 1
_PUT = 1


def store_dir(data_dir) -> Path:
    """The directory of the checkpoint."""
    return Path(data_dir, "version-2", "checkpoint")


def file_of(data_dir, kind: str) -> Path:
    """The largest file of a kind."""
    files = list(store_dir(data_dir).glob(KINDS[kind]))
    assert files, f"{store_dir(data_dir)} has no {kind}"
    return max(files, key=lambda path: path.stat().st_size)


def put(data_dir, key: bytes, value: bytes) -> None:
    """Adds a durable write to the store of a stopped server."""
    log = max(store_dir(data_dir).glob("*.log"), key=lambda path: path.name)
    mark = log.with_name(log.name + ".synced")
    generation, size = _read_mark(mark)
    written = log.read_bytes()[:size]
    payload = struct.pack("<QI", 1 << 48, 1) + bytes([_PUT])
    payload += bytes([len(key)]) + key + bytes([len(value)]) + value
    assert max(len(key), len(value)) < 128, "lengths of one byte only"
    assert size % _LOG_BLOCK_BYTES + len(payload) + 7 <= _LOG_BLOCK_BYTES, "the record needs a new block"
    kind = bytes([_FULL_RECORD])
    written += struct.pack("<IH", _masked_crc32c(kind + payload), len(payload)) + kind + payload
    log.write_bytes(written)
    _write_mark(mark, generation + 1, written)


def _read_mark(path: Path) -> tuple:
    """(generation, size) of the newest copy."""
    data = path.read_bytes()
    copies = []
    for number in range(_MARK_COPIES):
        magic, generation, size, _ = _MARK.unpack_from(data, number * _MARK_BLOCK_BYTES)
        if magic == int.from_bytes(b"LKSM", "big"):
            copies.append((generation, size))
    return max(copies)


def _write_mark(path: Path, generation: int, content: bytes) -> None:
    copy = _MARK.pack(int.from_bytes(b"LKSM", "big"), generation, len(content), zlib.crc32(content))
    copy += struct.pack(">I", zlib.crc32(copy))
    data = bytearray(path.read_bytes())
    for number in range(_MARK_COPIES):
        data[number * _MARK_BLOCK_BYTES : number * _MARK_BLOCK_BYTES + len(copy)] = copy
    path.write_bytes(data)


def _crc32c_table() -> list:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC32C = _crc32c_table()


def _masked_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC32C[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
