"""Constants and records of the client protocol: one encoder per request, one decoder per response.

Numbers are those of client-protocol 3.4 (errors), 4.1 and 4.2 (records), 9.2 (events). A request
encoder returns the body that follows the request header, as bytes; paths may be `bytes` to send
malformed UTF-8, and everything that the wire allows to be null may be None.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence

from lib.jute import DecodeError, Reader, Text, Writer


class Op:
    """Request types."""

    NOTIFICATION = 0
    CREATE = 1
    DELETE = 2
    EXISTS = 3
    GET_DATA = 4
    SET_DATA = 5
    GET_ACL = 6
    SET_ACL = 7
    GET_CHILDREN = 8
    SYNC = 9
    PING = 11
    GET_CHILDREN2 = 12
    CHECK = 13
    MULTI = 14
    CREATE2 = 15
    RECONFIG = 16
    CHECK_WATCHES = 17
    REMOVE_WATCHES = 18
    CREATE_CONTAINER = 19
    DELETE_CONTAINER = 20
    CREATE_TTL = 21
    MULTI_READ = 22
    AUTH = 100
    SET_WATCHES = 101
    SASL = 102
    GET_EPHEMERALS = 103
    GET_ALL_CHILDREN_NUMBER = 104
    SET_WATCHES2 = 105
    ADD_WATCH = 106
    WHO_AM_I = 107
    CREATE_SESSION = -10
    CLOSE_SESSION = -11
    ERROR = -1


class Err:
    """Codes in reply headers and multi results."""

    OK = 0
    RUNTIME_INCONSISTENCY = -2
    MARSHALLING = -5
    UNIMPLEMENTED = -6
    BAD_ARGUMENTS = -8
    NEW_CONFIG_NO_QUORUM = -13
    RECONFIG_IN_PROGRESS = -14
    NO_NODE = -101
    NO_AUTH = -102
    BAD_VERSION = -103
    NO_CHILDREN_FOR_EPHEMERALS = -108
    NODE_EXISTS = -110
    NOT_EMPTY = -111
    SESSION_EXPIRED = -112
    INVALID_ACL = -114
    AUTH_FAILED = -115
    SESSION_MOVED = -118
    NOT_READ_ONLY = -119
    EPHEMERAL_ON_LOCAL_SESSION = -120
    NO_WATCHER = -121
    RECONFIG_DISABLED = -123
    SESSION_CLOSED_REQUIRE_SASL = -124
    QUOTA_EXCEEDED = -125
    THROTTLED = -127


class Event:
    """Types of watch events that a server sends; their state is always SYNC_CONNECTED."""

    CREATED = 1
    DELETED = 2
    DATA_CHANGED = 3
    CHILDREN_CHANGED = 4
    SYNC_CONNECTED = 3


class Perms:
    """Permission bits of an ACL entry."""

    READ = 1
    WRITE = 2
    CREATE = 4
    DELETE = 8
    ADMIN = 16
    ALL = 31


class Flags:
    """Create modes."""

    PERSISTENT = 0
    EPHEMERAL = 1
    SEQUENTIAL = 2
    EPHEMERAL_SEQUENTIAL = 3
    CONTAINER = 4
    TTL = 5
    TTL_SEQUENTIAL = 6


class WatchMode:
    """Modes of addWatch."""

    PERSISTENT = 0
    PERSISTENT_RECURSIVE = 1


class WatcherType:
    """Types of checkWatches and removeWatches."""

    CHILDREN = 1
    DATA = 2
    ANY = 3
    PERSISTENT = 4
    PERSISTENT_RECURSIVE = 5


class Xid:
    """Transaction ids with a meaning of their own."""

    EVENT = -1
    PING = -2
    AUTH = -4
    SET_WATCHES = -8


class Acl(NamedTuple):
    """One entry of an access control list."""

    perms: int
    scheme: Text
    id: Text


def acl(perms: int, scheme: Text, id: Text) -> Acl:  # pylint: disable=redefined-builtin
    """One ACL entry, e.g. `acl(Perms.READ, "world", "anyone")`."""
    return Acl(perms, scheme, id)


OPEN_ACL = [Acl(Perms.ALL, "world", "anyone")]
READ_ACL = [Acl(Perms.READ, "world", "anyone")]
# Grants everything to every identity the creating connection has authenticated.
CREATOR_ACL = [Acl(Perms.ALL, "auth", "")]


def digest_id(credentials: str) -> str:
    """The digest identity of "user:password" (client-protocol 11.3): user:base64(sha1(all of it)).
    """
    digest = base64.b64encode(hashlib.sha1(credentials.encode()).digest()).decode()
    return credentials.split(":", 1)[0] + ":" + digest


@dataclass(frozen=True)
class Stat:
    """The 68-byte Stat record. Times are milliseconds since 1970."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    data_length: int
    num_children: int
    pzxid: int


@dataclass(frozen=True)
class ConnectResponse:
    """Answer to the handshake; `read_only` is None when the byte is absent from the payload."""

    protocol_version: int
    timeout_ms: int
    session_id: int
    passwd: Optional[bytes]
    read_only: Optional[bool]
    payload: bytes

    @property
    def refused(self) -> bool:
        """True for the answer to an expired, unknown or wrongly authenticated session."""
        return self.session_id == 0


@dataclass(frozen=True)
class WatchEvent:
    """A notification: `zxid` and `err` are those of its reply header."""

    type: int
    state: int
    path: str
    zxid: int
    err: int = 0


@dataclass(frozen=True)
class MultiResult:
    """One element of a multi or multiRead answer.

    `type` and `header_err` come from the MultiHeader, `err` from the ErrorResponse (0 when the
    element succeeded). `value` is the decoded record: path, (path, Stat), Stat, (data, Stat),
    children or None.
    """

    type: int
    header_err: int
    err: int
    value: object = None


# --- Requests -------------------------------------------------------------------------------------


def connect_request(
    timeout_ms: int = 10000,
    session_id: int = 0,
    passwd: Optional[bytes] = bytes(16),
    last_zxid: int = 0,
    read_only: Optional[bool] = False,
    protocol: int = 0,
) -> bytes:
    """ConnectRequest, the only frame without a header; `read_only` None leaves the byte out."""
    writer = Writer().int(protocol).long(last_zxid).int(timeout_ms).long(session_id).buffer(passwd)
    if read_only is not None:
        writer.bool(read_only)
    return writer.encoded()


def write_acl(writer: Writer, entry: Acl) -> None:
    """Encodes one ACL entry (perms, scheme, id)."""
    writer.int(entry[0]).string(entry[1]).string(entry[2])


def create_request(
    path: Text,
    data: Optional[bytes] = b"",
    acls: Optional[Sequence[Acl]] = tuple(OPEN_ACL),
    flags: int = 0,
) -> bytes:
    """Body of create, create2 and createContainer."""
    return Writer().string(path).buffer(data).vector(acls, write_acl).int(flags).encoded()


def create_ttl_request(
    path: Text,
    data: Optional[bytes] = b"",
    acls: Optional[Sequence[Acl]] = tuple(OPEN_ACL),
    flags: int = Flags.TTL,
    ttl_ms: int = 0,
) -> bytes:
    """Body of createTTL."""
    return create_request(path, data, acls, flags) + Writer().long(ttl_ms).encoded()


def path_request(path: Text) -> bytes:
    """Body of getACL, sync, getEphemerals, getAllChildrenNumber and deleteContainer."""
    return Writer().string(path).encoded()


def path_version_request(path: Text, version: int = -1) -> bytes:
    """Body of delete and check."""
    return Writer().string(path).int(version).encoded()


def path_watch_request(path: Text, watch: object = False) -> bytes:
    """Body of exists, getData, getChildren and getChildren2; an int watch is sent as that byte."""
    return Writer().string(path).bool(watch).encoded()


def set_data_request(path: Text, data: Optional[bytes], version: int = -1) -> bytes:
    """Body of setData."""
    return Writer().string(path).buffer(data).int(version).encoded()


def set_acl_request(path: Text, acls: Optional[Sequence[Acl]], version: int = -1) -> bytes:
    """Body of setACL."""
    return Writer().string(path).vector(acls, write_acl).int(version).encoded()


def reconfig_request(joining: Text, leaving: Text, members: Text, config_id: int = -1) -> bytes:
    """Body of reconfig."""
    return Writer().string(joining).string(leaving).string(members).long(config_id).encoded()


def set_watches_request(
    relative_zxid: int,
    data: Optional[Sequence[Text]] = (),
    exist: Optional[Sequence[Text]] = (),
    child: Optional[Sequence[Text]] = (),
) -> bytes:
    """Body of setWatches."""
    return Writer().long(relative_zxid).strings(data).strings(exist).strings(child).encoded()


def set_watches2_request(
    relative_zxid: int,
    data: Optional[Sequence[Text]] = (),
    exist: Optional[Sequence[Text]] = (),
    child: Optional[Sequence[Text]] = (),
    persistent: Optional[Sequence[Text]] = (),
    persistent_recursive: Optional[Sequence[Text]] = (),
) -> bytes:
    """Body of setWatches2."""
    tail = Writer().strings(persistent).strings(persistent_recursive).encoded()
    return set_watches_request(relative_zxid, data, exist, child) + tail


def path_int_request(path: Text, number: int) -> bytes:
    """Body of addWatch (mode), checkWatches and removeWatches (watcher type)."""
    return Writer().string(path).int(number).encoded()


def auth_request(scheme: Text, auth: Optional[bytes], auth_type: int = 0) -> bytes:
    """Body of auth."""
    return Writer().int(auth_type).string(scheme).buffer(auth).encoded()


def sasl_request(token: Optional[bytes]) -> bytes:
    """Body of sasl."""
    return Writer().buffer(token).encoded()


def multi_header(op: int, done: object = False, err: int = -1) -> bytes:
    """The 9 bytes in front of each element and at the end of a multi."""
    return Writer().int(op).bool(done).int(err).encoded()


MULTI_END = multi_header(-1, True, -1)


def multi_request(elements: Sequence[tuple]) -> bytes:
    """Body of multi and multiRead: elements are (op, body) pairs, e.g. (Op.DELETE,
    path_version_request("/a")).
    """
    return b"".join(multi_header(op) + body for op, body in elements) + MULTI_END


# --- Responses ------------------------------------------------------------------------------------


def read_stat(reader: Reader) -> Stat:
    """Decodes a Stat."""
    zxids_and_times = [reader.long() for _ in range(4)]
    versions = [reader.int() for _ in range(3)]
    owner, data_length, num_children = reader.long(), reader.int(), reader.int()
    return Stat(*zxids_and_times, *versions, owner, data_length, num_children, reader.long())


def read_acl(reader: Reader) -> Acl:
    """Decodes one ACL entry."""
    return Acl(reader.int(), reader.string(), reader.string())


def read_path_and_stat(reader: Reader) -> tuple:
    """(path, Stat): create2, createContainer, createTTL."""
    return reader.string(), read_stat(reader)


def read_data_and_stat(reader: Reader) -> tuple:
    """(data, Stat): getData, reconfig."""
    return reader.buffer(), read_stat(reader)


def read_multi(reader: Reader, records: dict) -> list:
    """Results of a multi; `records` maps result types to the decoder of their record."""
    results = []
    while True:
        op, done, header_err = reader.int(), reader.bool(), reader.int()
        if done:
            if (op, header_err) != (-1, -1):
                raise DecodeError(f"end header with type {op}, err {header_err}")
            return results
        if op == Op.ERROR:
            results.append(MultiResult(op, header_err, reader.int()))
        elif op in records:
            results.append(MultiResult(op, header_err, 0, records[op](reader)))
        else:
            raise DecodeError(f"result of type {op} in a multi answer")


MULTI_RECORDS = {
    Op.CREATE: Reader.string,
    Op.CREATE2: read_path_and_stat,
    Op.DELETE: lambda reader: None,
    Op.SET_DATA: read_stat,
    Op.CHECK: lambda reader: None,
}
MULTI_READ_RECORDS = {Op.GET_DATA: read_data_and_stat, Op.GET_CHILDREN: Reader.strings}

# Decoder of the record that follows a reply header with err 0; absent = no record.
RESPONSES = {
    Op.CREATE: Reader.string,
    Op.CREATE2: read_path_and_stat,
    Op.CREATE_CONTAINER: read_path_and_stat,
    Op.CREATE_TTL: read_path_and_stat,
    Op.EXISTS: read_stat,
    Op.GET_DATA: read_data_and_stat,
    Op.SET_DATA: read_stat,
    Op.GET_ACL: lambda reader: (reader.vector(read_acl), read_stat(reader)),
    Op.SET_ACL: read_stat,
    Op.GET_CHILDREN: Reader.strings,
    Op.GET_CHILDREN2: lambda reader: (reader.strings(), read_stat(reader)),
    Op.SYNC: Reader.string,
    Op.MULTI: lambda reader: read_multi(reader, MULTI_RECORDS),
    Op.MULTI_READ: lambda reader: read_multi(reader, MULTI_READ_RECORDS),
    Op.RECONFIG: read_data_and_stat,
    Op.SASL: Reader.buffer,
    Op.GET_EPHEMERALS: Reader.strings,
    Op.GET_ALL_CHILDREN_NUMBER: Reader.int,
    Op.ADD_WATCH: Reader.int,
    Op.WHO_AM_I: lambda reader: reader.vector(lambda item: (item.string(), item.string())),
}


def decode_response(op: int, body: bytes) -> object:
    """The record of a successful reply to `op`, None when there is none; strict about surplus
    bytes.
    """
    reader = Reader(body)
    value = RESPONSES[op](reader) if op in RESPONSES else None
    reader.expect_end()
    return value


def decode_connect_response(payload: bytes) -> ConnectResponse:
    """Decodes the handshake answer, with or without the readOnly byte."""
    reader = Reader(payload)
    fields = (reader.int(), reader.int(), reader.long(), reader.buffer())
    read_only = reader.bool() if reader.remaining() else None
    reader.expect_end()
    return ConnectResponse(*fields, read_only, payload)


def password_for(session_id: int) -> bytes:
    """The 16-byte password of a session, a pure function of its id (client-protocol 2.6)."""
    mask = (1 << 48) - 1
    state = ((session_id ^ 0xB3415C00) ^ 0x5DEECE66D) & mask
    password = b""
    for _ in range(4):
        state = (state * 0x5DEECE66D + 0xB) & mask
        password += ((state >> 16) & 0xFFFFFFFF).to_bytes(4, "little")
    return password
