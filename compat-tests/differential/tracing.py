"""A connection that keeps everything the server sent, in order, for the trace of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Optional

from lib.jute import DecodeError, Reader, Writer
from lib.records import Op, Xid, decode_connect_response
from lib.zkwire import Connection, ProtocolError, frame

REPLY_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Message:
    """Something that happened on a connection.

    kind is one of: handshake, reply, event, unexpected (a reply nobody asked for), bytes (not
    framed), closed (by the server), cut (closed inside a frame), open (still, although a close was
    due), silence (no reply within REPLY_TIMEOUT_S). For replies `op` is the type of the request.
    """

    kind: str
    xid: int = 0
    zxid: int = 0
    err: int = 0
    op: int = 0
    body: bytes = b""


class TracedConnection:
    """One TCP connection of a session. `open` until either side closes it, `established` after an
    accepted handshake, `inside_frame` while the server waits for the rest of a frame.
    """

    def __init__(self, label: str, host: str, port: int) -> None:
        self.label = label
        self.open = True
        self.established = False
        self.inside_frame = False
        self.messages: list = []
        self.next_xid = 1
        self._awaits_handshake = False
        self._pending: list = []  # (xid, op) of the replies that are due
        self._wire = Connection(host, port, REPLY_TIMEOUT_S)

    def handshake(self, request: bytes, followers: bytes = b"") -> None:
        """Sends a ConnectRequest and, in the same segment, `followers`."""
        self._awaits_handshake = True
        self._wire.send_raw(frame(request) + followers)

    def can_be_pinged(self) -> bool:
        """True when a ping would be understood as one."""
        return self.open and self.established and not self.inside_frame

    def encode(self, op: int, xid: Optional[int], body: bytes) -> bytes:
        """The frame of a request whose reply is now due; None = the next running xid."""
        if xid is None:
            xid = self.next_xid
            self.next_xid += 1
        self.expect(xid, op)
        return frame(Writer().int(xid).int(op).encoded() + body)

    def expect(self, xid: int, op: int) -> None:
        """Notes that a reply is due."""
        self._pending.append((Xid.PING if op == Op.PING else xid, op))

    def send(self, data: bytes) -> None:
        """Sends bytes."""
        self._wire.send_raw(data)

    def drop(self, abort: bool) -> None:
        """Closes the connection from our side."""
        self.open = False
        if abort:
            self._wire.abort()
        else:
            self._wire.close()

    def collect(self) -> None:
        """Reads until nothing is due any more or the connection is closed."""
        while self.open and (self._awaits_handshake or self._pending):
            self._read_one(REPLY_TIMEOUT_S)

    def collect_until_closed(self) -> None:
        """Reads until the server closes; the message "open" says that it did not."""
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        while self.open and (left := deadline - time.monotonic()) > 0:
            self._read_one(left, "open")
            if self.messages and self.messages[-1].kind == "open":
                return

    def collect_unframed(self) -> None:
        """Everything up to the server's close, as one message: the answer of a four-letter word."""
        try:
            data = self._wire.recv_until_closed(REPLY_TIMEOUT_S)
        except TimeoutError:
            self.messages.append(Message("silence"))
        else:
            self.messages += [Message("bytes", body=data), Message("closed")]
        self.drop(False)

    def request(self, op: int, body: bytes) -> Optional[Message]:
        """A request outside the trace: its reply is returned, not kept; None when closed."""
        self.send(self.encode(op, -1000, body))
        self.collect()
        for message in reversed(self.messages):
            if message.kind == "reply" and message.xid == -1000:
                self.messages.remove(message)
                return message
        return None

    def take(self) -> list:
        """The messages since the last call."""
        messages, self.messages = self.messages, []
        return messages

    def _read_one(self, timeout: float, when_late: str = "silence") -> None:
        try:
            payload = self._wire.recv_frame(timeout)
        except TimeoutError:
            self.messages.append(Message(when_late))
            if when_late == "silence":
                self.drop(False)
            return
        except ProtocolError as error:
            self.messages.append(Message("cut", body=str(error).encode()))
            self.drop(False)
            return
        if payload is None:
            self.messages.append(Message("closed"))
            self.drop(False)
        else:
            self.messages.append(self._understand(payload))

    def _understand(self, payload: bytes) -> Message:
        if self._awaits_handshake:
            self._awaits_handshake = False
            return self._understand_handshake(payload)
        try:
            reader = Reader(payload)
            xid, zxid, err = reader.int(), reader.long(), reader.int()
        except DecodeError:
            return Message("unexpected", body=payload)
        due = next((item for item in self._pending if item[0] == xid), None)
        if due is not None:
            self._pending.remove(due)
            return Message("reply", xid, zxid, err, due[1], payload[16:])
        kind = "event" if xid == Xid.EVENT else "unexpected"
        return Message(kind, xid, zxid, err, 0, payload[16:])

    def _understand_handshake(self, payload: bytes) -> Message:
        try:
            self.established = not decode_connect_response(payload).refused
        except DecodeError:
            return Message("unexpected", body=payload)
        return Message("handshake", body=payload)
