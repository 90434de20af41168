"""Where the records of a transaction log are (storage-and-operations 2.1, 2.2), for tests that damage it."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

HEADER_SIZE = 16
RECORD_HEAD_SIZE = 12  # checksum and length in front of the payload
END_MARK = b"B"


@dataclass(frozen=True)
class Record:
    """One record: its bytes are [start, end) of the file, its payload [start + 12, end - 1)."""

    start: int
    end: int
    zxid: int


def newest_log(data_dir) -> Path:
    """The log file with the highest zxid in its name that holds a record."""
    logs = sorted(Path(data_dir, "version-2").glob("log.*"), key=lambda path: int(path.suffix[1:], 16))
    return next(path for path in reversed(logs) if records_of(path))


def records_of(path: Path) -> list[Record]:
    """The intact records of a log file, up to its zero fill or its end."""
    data = path.read_bytes()
    assert data[:4] == b"ZKLG", f"{path} is no transaction log"
    records = []
    at = HEADER_SIZE
    while at + RECORD_HEAD_SIZE <= len(data):
        checksum, length = struct.unpack_from(">qi", data, at)
        end = at + RECORD_HEAD_SIZE + length + 1
        if length <= 0 or end > len(data) or data[end - 1 : end] != END_MARK:
            break
        payload = data[at + RECORD_HEAD_SIZE : end - 1]
        assert checksum == zlib.adler32(payload), f"checksum of the record at {at} of {path}"
        records.append(Record(at, end, struct.unpack_from(">q", payload, 12)[0]))
        at = end
    return records
