"""The requests of a script as bytes: one row an operation.

A request is a dict, so that scripts are plain JSON:

    {"op": "create", "path": "~/a", "data": "x", "acl": [[31, "world", "anyone"]], "flags": 1}

- `~` in any text stands for the root node of the run; bytes that are not UTF-8 are written as lone
  surrogates (`\\udcff` is the byte ff); null is null.
- `data` and other byte strings are Latin-1 text or null.
- `xid` replaces the running number; `body` is the whole record in hex (with
  `undecodable` when it is not one); `cut` drops that many bytes from the end of the body, `extra`
  appends bytes behind it.
- `zxid` of setWatches is what `runner.resolve_zxid` understands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, Optional

from lib import records
from lib.records import OPEN_ACL, Op

ZxidResolver = Callable[[object], int]


@dataclass(frozen=True)
class Context:
    """What the text of a script stands for in one run."""

    root: str
    resolve_zxid: ZxidResolver

    def text(self, value: Optional[str]) -> Optional[bytes]:
        """A ustring of the script as bytes."""
        if value is None:
            return None
        return value.replace("~", self.root).encode("utf-8", "surrogateescape")

    def texts(self, values: Optional[list]) -> Optional[list]:
        """A vector of ustrings."""
        return None if values is None else [self.text(value) for value in values]

    def acl(self, entries: Optional[list]) -> Optional[list]:
        """An ACL: [[perms, scheme, id], ...] or null."""
        if entries is None:
            return None
        return [(perms, self.text(scheme), self.text(id_)) for perms, scheme, id_ in entries]


def octets(value: Optional[str]) -> Optional[bytes]:
    """A byte string of the script as bytes."""
    return None if value is None else value.encode("latin-1")


def _create(context: Context, request: dict) -> bytes:
    return records.create_request(
        context.text(request["path"]),
        octets(request.get("data", "")),
        context.acl(request.get("acl", OPEN_ACL)),
        request.get("flags", 0),
    )


def _create_ttl(context: Context, request: dict) -> bytes:
    return _create(context, request) + request["ttl"].to_bytes(8, "big", signed=True)


def _path(context: Context, request: dict) -> bytes:
    return records.path_request(context.text(request["path"]))


def _path_version(context: Context, request: dict) -> bytes:
    return records.path_version_request(context.text(request["path"]), request.get("version", -1))


def _path_watch(context: Context, request: dict) -> bytes:
    return records.path_watch_request(context.text(request["path"]), request.get("watch", 0))


def _set_data(context: Context, request: dict) -> bytes:
    path, version = context.text(request["path"]), request.get("version", -1)
    return records.set_data_request(path, octets(request.get("data", "")), version)


def _set_acl(context: Context, request: dict) -> bytes:
    acl = context.acl(request.get("acl", OPEN_ACL))
    return records.set_acl_request(context.text(request["path"]), acl, request.get("version", -1))


def _path_number(field: str) -> Callable[[Context, dict], bytes]:
    def encode(context: Context, request: dict) -> bytes:
        return records.path_int_request(context.text(request["path"]), request[field])

    return encode


def _multi(context: Context, request: dict) -> bytes:
    elements = [(number(part), body(context, part)) for part in request["elements"]]
    return records.multi_request(elements)


def _set_watches(context: Context, request: dict) -> bytes:
    lists = [context.texts(request.get(name, [])) for name in ("data", "exist", "child")]
    return records.set_watches_request(context.resolve_zxid(request["zxid"]), *lists)


def _set_watches2(context: Context, request: dict) -> bytes:
    names = ("data", "exist", "child", "persistent", "recursive")
    lists = [context.texts(request.get(name, [])) for name in names]
    return records.set_watches2_request(context.resolve_zxid(request["zxid"]), *lists)


def _auth(context: Context, request: dict) -> bytes:
    return records.auth_request(context.text(request["scheme"]), octets(request.get("auth", "")))


def _reconfig(context: Context, request: dict) -> bytes:
    parts = [context.text(request.get(name)) for name in ("joining", "leaving", "members")]
    return records.reconfig_request(*parts, request.get("config_id", -1))


def _nothing(_context: Context, _request: dict) -> bytes:
    return b""


_OPERATIONS = {
    "create": (Op.CREATE, _create),
    "create2": (Op.CREATE2, _create),
    "createContainer": (Op.CREATE_CONTAINER, _create),
    "createTTL": (Op.CREATE_TTL, _create_ttl),
    "delete": (Op.DELETE, _path_version),
    "deleteContainer": (Op.DELETE_CONTAINER, _path),
    "exists": (Op.EXISTS, _path_watch),
    "getData": (Op.GET_DATA, _path_watch),
    "setData": (Op.SET_DATA, _set_data),
    "getACL": (Op.GET_ACL, _path),
    "setACL": (Op.SET_ACL, _set_acl),
    "getChildren": (Op.GET_CHILDREN, _path_watch),
    "getChildren2": (Op.GET_CHILDREN2, _path_watch),
    "sync": (Op.SYNC, _path),
    "ping": (Op.PING, _nothing),
    "check": (Op.CHECK, _path_version),
    "multi": (Op.MULTI, _multi),
    "multiRead": (Op.MULTI_READ, _multi),
    "reconfig": (Op.RECONFIG, _reconfig),
    "checkWatches": (Op.CHECK_WATCHES, _path_number("type")),
    "removeWatches": (Op.REMOVE_WATCHES, _path_number("type")),
    "auth": (Op.AUTH, _auth),
    "sasl": (Op.SASL, lambda _context, request: records.sasl_request(octets(request["token"]))),
    "setWatches": (Op.SET_WATCHES, _set_watches),
    "setWatches2": (Op.SET_WATCHES2, _set_watches2),
    "getEphemerals": (Op.GET_EPHEMERALS, _path),
    "getAllChildrenNumber": (Op.GET_ALL_CHILDREN_NUMBER, _path),
    "addWatch": (Op.ADD_WATCH, _path_number("mode")),
    "whoAmI": (Op.WHO_AM_I, _nothing),
    "closeSession": (Op.CLOSE_SESSION, _nothing),
}

WRITES = frozenset(
    "create create2 createContainer createTTL delete deleteContainer setData setACL multi "
    "reconfig closeSession".split()
)


MULTI_ELEMENTS = frozenset(
    "create create2 createContainer createTTL delete setData check".split()
)

# Types that no server knows, for {"op": "unknown", "type": ...}.
UNKNOWN_TYPES = (0, 10, 23, 50, 99, 108, 999, -1, -12)


def number(request: dict) -> int:
    """The request type on the wire; `unknown` stands for any of UNKNOWN_TYPES."""
    return request["type"] if request["op"] == "unknown" else _OPERATIONS[request["op"]][0]


def body(context: Context, request: dict) -> bytes:
    """The record behind the request header, cut and extended as the request says."""
    encode = _nothing if request["op"] == "unknown" else _OPERATIONS[request["op"]][1]
    encoded = bytes.fromhex(request["body"]) if "body" in request else encode(context, request)
    return encoded[: len(encoded) - request.get("cut", 0)] + octets(request.get("extra", ""))


def is_undecodable_write(request: dict) -> bool:
    """True when no server accepts the record of this write: it was cut off, or it is a multi with
    elements that are not allowed in one. `undecodable` marks records written by hand.
    """
    if request["op"] not in WRITES:
        return False
    refused = any(part["op"] not in MULTI_ELEMENTS for part in request.get("elements", []))
    return refused or request.get("cut", 0) > 0 or request.get("undecodable", False)


def creates_ephemerals(request: dict) -> int:
    """How many ephemeral nodes the request may create."""
    if request["op"] == "multi":
        return sum(creates_ephemerals(element) for element in request["elements"])
    return int(request["op"].startswith("create") and request.get("flags", 0) in (1, 3))


def acls(request: dict) -> Iterator[list]:
    """Every ACL that is written out in the request."""
    if request.get("acl"):
        yield request["acl"]
    for element in request.get("elements", []):
        yield from acls(element)
