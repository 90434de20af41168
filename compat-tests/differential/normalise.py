"""What makes the traces of two servers comparable, without losing what must be equal.

- A zxid becomes "the n-th transaction of step s". So it is compared exactly, as a difference.
- A time becomes the zxid whose time it is. All records of one zxid must show one time, and that
  time must lie within the wall-clock time of the step in which the transaction was made.
- A session id becomes the session's name in the script.
- The root node of the run becomes `~`.
- Children, ephemerals and identities are sets: they are sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from differential.tracing import Message
from lib.jute import DecodeError, Reader
from lib.records import (
    Acl,
    MultiResult,
    Stat,
    decode_connect_response,
    decode_response,
    password_for,
)

# A server may read a coarse clock, which lags by a scheduler tick.
CLOCK_SLACK_MS = 10


@dataclass(frozen=True)
class _Window:
    """A finished step: its zxids (first exclusive, last inclusive) and wall-clock time in ms."""

    step_id: int
    before: int
    last: int
    counted: bool
    began_ms: int
    ended_ms: int


class Zxids:
    """Which step each zxid of the run belongs to, and the time of each zxid."""

    def __init__(self, base: int) -> None:
        self.base = base
        self._windows: list = []
        self._times: dict = {0: 0}

    @property
    def last(self) -> int:
        """The last zxid at the end of the last finished step."""
        return self._windows[-1].last if self._windows else self.base

    def finish_step(
        self, step_id: int, last: int, counted: bool, began_ms: int, ended_ms: int
    ) -> int:
        """Notes the last zxid after a step; returns how many zxids the step consumed.

        When not `counted`, the zxids of the step are shown as the last one before it.
        """
        window = _Window(step_id, self.last, last, counted, began_ms, ended_ms)
        self._windows.append(window)
        return window.last - window.before

    def after(self, step_id: int) -> int:
        """The last zxid after that step, or after the nearest earlier one that was executed."""
        earlier = [window.last for window in self._windows if window.step_id <= step_id]
        return earlier[-1] if earlier else self.base

    def name(self, zxid: int) -> str:
        """The zxid as text: `12.1`, `base` (the creation of the root node), or what else it is."""
        if zxid <= 0:
            return str(zxid)
        if zxid <= self.base:
            return "base" if zxid == self.base else "before base"
        window = self._window(zxid)
        if window is None:
            return f"{zxid - self.last} after the last"
        if not window.counted:
            return self.name(window.before)
        return f"{window.step_id}.{zxid - window.before}"

    def time_of(self, zxid: int, time_ms: int) -> str:
        """`ok` when `time_ms` can be, and always was, the time of the transaction `zxid`."""
        known = self._times.setdefault(zxid, time_ms)
        if known != time_ms:
            return f"{time_ms - known:+} ms off the time that {self.name(zxid)} had before"
        window = self._window(zxid)
        if window is not None and not (
            window.began_ms - CLOCK_SLACK_MS <= time_ms <= window.ended_ms + CLOCK_SLACK_MS
        ):
            return f"{time_ms - window.began_ms:+} ms from the begin of step {window.step_id}"
        return "ok"

    def _window(self, zxid: int) -> Optional[_Window]:
        for window in reversed(self._windows):
            if window.before < zxid <= window.last:
                return window
        return None


class Normaliser:
    """Turns messages into entries of a trace: dicts of plain values that can be compared."""

    def __init__(self, root: str, zxids: Zxids, sorts_identities: bool) -> None:
        self._root = root
        self._zxids = zxids
        self._sorts_identities = sorts_identities
        self._sessions: dict = {0: "nobody"}

    def name_session(self, session_id: int, name: str) -> None:
        """From now on this id is shown as `name`."""
        self._sessions.setdefault(session_id, name)

    def entry(self, message: Message) -> dict:
        """One entry of the trace."""
        if message.kind == "handshake":
            return self._handshake(message.body)
        if message.kind == "event":
            return self._event(message)
        if message.kind == "reply":
            return self._reply(message)
        entry = {"kind": message.kind}
        if message.body:
            entry["text"] = message.body.decode("latin-1")
        return entry

    def value(self, value: object) -> object:
        """A decoded record, or a part of one."""
        if isinstance(value, Stat):
            return self.stat(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return value.decode("latin-1")
        if isinstance(value, MultiResult):
            return {
                "type": value.type,
                "err": value.err,
                "header_err": value.header_err,
                "value": self.value(value.value),
            }
        if isinstance(value, Acl):
            return [value.perms, value.scheme, value.id]
        if isinstance(value, tuple):
            return [self.value(part) for part in value]
        if isinstance(value, list):
            return self._list(value)
        return value

    def text(self, value: Optional[str]) -> Optional[str]:
        """A path, with the root node as `~`."""
        return None if value is None else value.replace(self._root, "~")

    def stat(self, stat: Stat) -> dict:
        """A Stat."""
        return {
            "czxid": self._zxids.name(stat.czxid),
            "mzxid": self._zxids.name(stat.mzxid),
            "pzxid": self._zxids.name(stat.pzxid),
            "ctime": self._zxids.time_of(stat.czxid, stat.ctime),
            "mtime": self._zxids.time_of(stat.mzxid, stat.mtime),
            "version": stat.version,
            "cversion": stat.cversion,
            "aversion": stat.aversion,
            "owner": self._sessions.get(stat.ephemeral_owner, "a stranger"),
            "length": stat.data_length,
            "children": stat.num_children,
        }

    def _list(self, values: list) -> list:
        plain = [self.value(part) for part in values]
        if values and isinstance(values[0], Acl):
            return self._acl(plain)
        if values and isinstance(values[0], MultiResult):
            return plain
        return sorted(plain, key=repr)  # children, ephemerals, identities of whoAmI

    def _acl(self, entries: list) -> list:
        """Neighbouring digest entries of equal perms sorted, where "auth" may have made them: it
        expands to the identities of the connection, which have no order (client-protocol 7.5).
        """
        if not self._sorts_identities:
            return entries
        runs: list = []
        for entry in entries:
            if runs and entry[1] == "digest" and runs[-1][-1][:2] == entry[:2]:
                runs[-1].append(entry)
            else:
                runs.append([entry])
        return [entry for run in runs for entry in sorted(run, key=repr)]

    def _handshake(self, payload: bytes) -> dict:
        response = decode_connect_response(payload)
        if response.refused:
            password = "zeros" if response.passwd == bytes(16) else "other"
        else:
            password = "ok" if response.passwd == password_for(response.session_id) else "other"
        return {
            "kind": "handshake",
            "protocol": response.protocol_version,
            "timeout": response.timeout_ms,
            "session": self._sessions.get(response.session_id, "a stranger"),
            "password": password,
            "read_only": response.read_only,
        }

    def _event(self, message: Message) -> dict:
        try:
            reader = Reader(message.body)
            event = {"type": reader.int(), "state": reader.int(), "path": reader.string()}
            reader.expect_end()
        except DecodeError as error:
            return {"kind": "event", "undecodable": str(error), "body": message.body.hex()}
        event["path"] = self.text(event["path"])
        zxid = self._zxids.name(message.zxid)
        return {"kind": "event", **event, "zxid": zxid, "err": message.err}

    def _reply(self, message: Message) -> dict:
        entry = {
            "kind": "reply",
            "op": message.op,
            "xid": message.xid,
            "zxid": self._zxids.name(message.zxid),
            "err": message.err,
        }
        if message.err != 0:
            if message.body:
                entry["body"] = message.body.hex()
            return entry
        try:
            entry["value"] = self.value(decode_response(message.op, message.body))
        except DecodeError as error:
            entry.update(undecodable=str(error), body=message.body.hex())
        return entry
