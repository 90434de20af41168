"""Jute, the serialization of the ZooKeeper wire: primitives only, written from client-protocol 1.1.

All integers are big-endian. Strings and buffers carry a 4-byte length, vectors a 4-byte count; -1
means null. The reader is strict: it never tolerates what a correct server must not send.
"""

from __future__ import annotations

import struct
from typing import Callable, Iterable, Optional, Union

Text = Union[str, bytes, None]


class DecodeError(Exception):
    """The bytes are not the record they are supposed to be (too short, too long, bad length)."""


class Writer:
    """Collects encoded fields; every method returns the writer, so that calls can be chained."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def encoded(self) -> bytes:
        """Everything written so far."""
        return b"".join(self._parts)

    def raw(self, data: bytes) -> "Writer":
        """Appends bytes as they are: for records that are already encoded, or broken on purpose."""
        self._parts.append(data)
        return self

    def bool(self, value: Union[bool, int]) -> "Writer":
        """One byte. An int is written as that byte value, since any non-zero byte means true."""
        return self.raw(struct.pack(">B", int(value)))

    def int(self, value: int) -> "Writer":
        return self.raw(struct.pack(">i", value))

    def long(self, value: int) -> "Writer":
        return self.raw(struct.pack(">q", value))

    def buffer(self, value: Optional[bytes]) -> "Writer":
        if value is None:
            return self.int(-1)
        return self.int(len(value)).raw(value)

    def string(self, value: Text) -> "Writer":
        """A ustring; `bytes` are sent unchanged, so that malformed UTF-8 can be sent too."""
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogatepass")
        return self.buffer(value)

    def vector(
        self, items: Optional[Iterable], write_item: Callable[["Writer", object], object]
    ) -> "Writer":
        """A counted vector; `write_item(writer, item)` encodes one element."""
        if items is None:
            return self.int(-1)
        items = list(items)
        self.int(len(items))
        for item in items:
            write_item(self, item)
        return self

    def strings(self, items: Optional[Iterable[Text]]) -> "Writer":
        """vector<ustring>."""
        return self.vector(items, Writer.string)


class Reader:
    """Takes fields off the front of a byte string; raises DecodeError when they are not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def remaining(self) -> int:
        """Number of bytes not read yet."""
        return len(self._data) - self._at

    def raw(self, count: int) -> bytes:
        if count < 0 or count > self.remaining():
            raise DecodeError(f"{count} bytes wanted at {self._at}, {self.remaining()} left")
        self._at += count
        return self._data[self._at - count : self._at]

    def expect_end(self) -> None:
        """Raises when bytes are left: a server must not send more than the record."""
        if self.remaining():
            rest = self._data[self._at :].hex()
            raise DecodeError(f"{self.remaining()} bytes after the record: {rest}")

    def bool(self) -> bool:
        """A boolean as servers write it: 0 or 1, anything else is an error."""
        value = self.raw(1)[0]
        if value > 1:
            raise DecodeError(f"boolean byte {value}")
        return value == 1

    def int(self) -> int:
        return struct.unpack(">i", self.raw(4))[0]

    def long(self) -> int:
        return struct.unpack(">q", self.raw(8))[0]

    def buffer(self) -> Optional[bytes]:
        length = self.int()
        return None if length == -1 else self.raw(length)

    def string(self) -> Optional[str]:
        """A ustring; bytes that are not UTF-8 come back as lone surrogates (surrogateescape)."""
        value = self.buffer()
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def vector(self, read_item: Callable[["Reader"], object]) -> Optional[list]:
        count = self.int()
        if count == -1:
            return None
        if count < 0:
            raise DecodeError(f"vector count {count}")
        return [read_item(self) for _ in range(count)]

    def strings(self) -> Optional[list]:
        """vector<ustring>."""
        return self.vector(Reader.string)
