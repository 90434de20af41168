"""Encoding and framing, CP-1.1 to CP-1.14: the expectations are those of client-protocol 1 and 13.
"""

import struct

import pytest

from lib.jute import Writer
from lib.servers import four_letter
from lib.waiting import wait_until
from lib.zkwire import (
    MAX_FRAME,
    OPEN_ACL,
    Err,
    Event,
    Flags,
    Op,
    Stat,
    connect_request,
    create_request,
    frame,
    multi_request,
    open_connection,
    open_session,
    path_int_request,
    path_request,
    path_version_request,
    path_watch_request,
    set_data_request,
)

# Lengths that cannot be read as "null": below -1, as small as an int can be.
NEGATIVE_LENGTHS = [-2, -5, -(2**31)]


def assert_usable(conn):
    """The connection still answers requests."""
    assert conn.exists("/").ok


def test_cp_1_1_integers_are_big_endian(conn, root):
    """CP-1.1: request and reply of a setData, byte for byte."""
    path = root.encode()
    conn.submit(Op.SET_DATA, set_data_request(root, b"x"), xid=0x01020304)
    header = conn.recv_frame()[:4]
    assert header == bytes([1, 2, 3, 4])

    body = struct.pack(">i", len(path)) + path + bytes([0, 0, 0, 3]) + b"abc" + bytes([0, 0, 0, 1])
    conn.send_raw(struct.pack(">i", 8 + len(body)) + bytes([0, 0, 1, 0, 0, 0, 0, 5]) + body)
    payload = conn.recv_frame()
    xid, zxid, err = struct.unpack(">iqi", payload[:16])
    stat = Stat(*struct.unpack(">qqqqiiiqiiq", payload[16:]))
    assert (xid, err) == (256, 0)
    assert (stat.mzxid, stat.version, stat.data_length) == (zxid, 2, 3)


@pytest.mark.parametrize("byte", [1, 2, 7, 0x80, 0xFF])
def test_cp_1_1_any_non_zero_boolean_byte_is_true(conn, root, byte):
    """CP-1.1: exists with watch byte 7 (and others) registers a watch."""
    assert conn.exists(root, watch=byte).ok
    events = conn.set(root, b"changed").events_before
    assert [(event.type, event.path) for event in events] == [(Event.DATA_CHANGED, root)]


def test_cp_1_1_boolean_byte_zero_is_false(conn, root):
    """CP-1.1: the other half, watch byte 0 registers nothing."""
    assert conn.exists(root, watch=0).ok
    assert conn.set(root, b"changed").events_before == []


@pytest.mark.parametrize(
    "data, encoded",
    [(None, "ffffffff"), (b"", "00000000"), (b"\0", "0000000100")],
    ids=["null", "empty", "one zero byte"],
)
def test_cp_1_2_null_and_empty_data_stay_apart(conn, root, data, encoded):
    """CP-1.2: through create, through setData, and dataLength is the number of bytes."""
    path = root + "/n"
    assert conn.create(path, data).ok
    assert conn.get(path).body[:-68].hex() == encoded
    assert conn.set(root, data).ok
    got = conn.get(root)
    assert got.body[:-68].hex() == encoded
    assert got.value[1].data_length == len(data or b"")


def test_cp_1_2_null_data_survives_in_multi(conn, root):
    """CP-1.2: null and empty stay apart in the elements of a multi and in the answer of multiRead.
    """
    elements = [
        (Op.CREATE, create_request(root + "/null", None)),
        (Op.CREATE, create_request(root + "/empty", b"")),
    ]
    assert conn.multi(elements).ok
    reads = [(Op.GET_DATA, path_watch_request(root + name)) for name in ("/null", "/empty")]
    assert [result.value[0] for result in conn.multi_read(reads).value] == [None, b""]


@pytest.mark.parametrize("length", NEGATIVE_LENGTHS)
def test_cp_1_3_negative_string_length_is_a_marshalling_error(conn, length):
    """CP-1.3: in a getData body; the connection stays usable."""
    reply = conn.request(Op.GET_DATA, Writer().int(length).raw(b"/a\0").encoded())
    assert (reply.err, reply.body) == (Err.MARSHALLING, b"")
    assert_usable(conn)


@pytest.mark.parametrize("length", NEGATIVE_LENGTHS)
def test_cp_1_3_negative_buffer_length_is_a_marshalling_error(conn, root, length):
    """CP-1.3 for a buffer: nothing is written."""
    body = Writer().string(root).int(length).raw(b"abc").int(-1).encoded()
    assert conn.request(Op.SET_DATA, body).err == Err.MARSHALLING
    assert conn.exists(root).value.version == 0


@pytest.mark.parametrize("surplus", [1, 2, 1000, 2**20, 2**31 - 100])
def test_cp_1_4_string_length_beyond_the_frame(conn, root, surplus):
    """CP-1.4: one byte too long (nothing left for the watch flag) up to nearly the largest int."""
    path = root.encode()
    body = Writer().int(len(path) + surplus).raw(path).bool(False).encoded()
    for op in (Op.GET_DATA, Op.EXISTS, Op.GET_CHILDREN):
        assert conn.request(op, body).err == Err.MARSHALLING
    assert_usable(conn)


@pytest.mark.parametrize("length", [5, 2**20, 2**31 - 1])
def test_cp_1_4_buffer_length_beyond_the_frame(conn, root, length):
    """CP-1.4 for a buffer, with all other fields present; nothing is written."""
    body = Writer().string(root).int(length).encoded()
    assert conn.request(Op.SET_DATA, body + Writer().int(-1).encoded()).err == Err.MARSHALLING
    assert conn.exists(root).value.version == 0


@pytest.mark.parametrize("count", [-1, -2, -3, -(2**31), 0])
def test_cp_1_5_null_negative_and_empty_acl_vectors_are_invalid_acls(conn, root, count):
    """CP-1.5: -1 is null, below -1 counts as empty: all decode, and no ACL is not allowed."""
    body = Writer().string(root + "/x").buffer(b"").int(count).int(Flags.PERSISTENT).encoded()
    for op in (Op.CREATE, Op.CREATE2):
        assert conn.request(op, body).err == Err.INVALID_ACL
    body = Writer().string(root).int(count).int(-1).encoded()
    assert conn.request(Op.SET_ACL, body).err == Err.INVALID_ACL
    assert conn.exists(root + "/x").err == Err.NO_NODE


def test_cp_1_5_vector_count_below_minus_one_is_an_empty_vector(conn, root):
    """CP-1.5 (rule 13.20): the fields behind the count are still read, from the right place."""
    body = Writer().long(0).int(-3).int(-2).strings([root]).encoded()
    reply = conn.request(Op.SET_WATCHES, body)
    assert reply.err == 0
    assert [(event.type, event.path) for event in reply.events_before] == [
        (Event.CHILDREN_CHANGED, root)
    ]


@pytest.mark.parametrize("count", [2, 1000, 2**31 - 1])
def test_cp_1_5_vector_count_too_large_for_the_frame(conn, root, count):
    """CP-1.5 (rule 1.2): a decode error when the bytes run out, however large the count."""
    entry = Writer().int(31).string("world").string("anyone").encoded()
    body = Writer().string(root + "/x").buffer(b"").int(count).raw(entry).int(0).encoded()
    assert conn.request(Op.CREATE, body).err == Err.MARSHALLING
    body = Writer().long(0).int(count).encoded()
    assert conn.request(Op.SET_WATCHES, body).err == Err.MARSHALLING
    assert_usable(conn)


def test_cp_1_6_trailing_bytes_after_a_request_record_are_ignored(conn, root):
    """CP-1.6: reads, writes, watch operations, multi behind its end header, and bodiless requests.
    """
    path = root + "/n"
    requests = [
        (Op.CREATE, create_request(path)),
        (Op.EXISTS, path_watch_request(path)),
        (Op.GET_DATA, path_watch_request(path)),
        (Op.SET_DATA, set_data_request(path, b"x")),
        (Op.GET_ACL, path_request(path)),
        (Op.GET_CHILDREN, path_watch_request(path)),
        (Op.GET_CHILDREN2, path_watch_request(path)),
        (Op.SYNC, path_request(path)),
        (Op.ADD_WATCH, path_int_request(path, 0)),
        (Op.REMOVE_WATCHES, path_int_request(path, 3)),
        (Op.MULTI, multi_request([(Op.SET_DATA, set_data_request(path, b"y"))])),
        (Op.MULTI_READ, multi_request([(Op.GET_DATA, path_watch_request(path))])),
        (Op.GET_EPHEMERALS, path_request("/")),
        (Op.GET_ALL_CHILDREN_NUMBER, path_request("/")),
        (Op.WHO_AM_I, b""),
        (Op.PING, b""),
        (Op.DELETE, path_version_request(path)),
    ]
    for tail in (b"\0", b"\xff" * 7, b"tail" * 100):
        for op, body in requests:
            assert conn.request(op, body + tail).err == 0, f"op {op}, {len(tail)} bytes behind it"
    assert conn.request(Op.CLOSE_SESSION, b"tail").err == 0
    conn.expect_closed()


def set_data_frame_of(size, path):
    """A setData request whose frame payload is exactly `size` bytes; also the number of data bytes.
    """
    overhead = 8 + len(set_data_request(path, b""))
    data = b"d" * (size - overhead)
    return set_data_request(path, data), len(data)


def test_cp_1_7_frame_of_exactly_jute_maxbuffer_is_processed(conn, root):
    """CP-1.7: 1048575 bytes, and the data comes back whole."""
    body, length = set_data_frame_of(MAX_FRAME, root)
    assert len(body) + 8 == 1048575
    assert conn.request(Op.SET_DATA, body).value.data_length == length
    assert conn.get(root).value[0] == b"d" * length


def test_cp_1_7_one_byte_more_closes_without_a_reply(conn, new_session, root):
    """CP-1.7: 1048576 bytes; nothing is executed, other connections are not affected."""
    body, _ = set_data_frame_of(MAX_FRAME + 1, root)
    conn.submit(Op.SET_DATA, body)
    conn.expect_closed()
    assert new_session().exists(root).value.version == 0


@pytest.mark.parametrize("length", [MAX_FRAME + 1, 0x7FFFFFFF])
def test_cp_1_7_too_large_a_length_closes_before_the_payload_arrives(conn, length):
    """CP-1.7 (rule 1.4): the length alone is enough, the server does not wait for the bytes."""
    conn.send_raw(struct.pack(">i", length))
    conn.expect_closed()


def test_cp_1_7_handshake_frames_have_the_same_limit(server):
    """CP-1.7 for the first frame of a connection (trailing bytes of the record are legal)."""
    request = connect_request()
    with open_connection(server) as conn:
        conn.send_frame(request + bytes(MAX_FRAME - len(request)))
        assert conn.recv_connect_response().session_id != 0
        conn.close_session()
    with open_connection(server) as conn:
        conn.send_raw(struct.pack(">i", MAX_FRAME + 1) + request)
        conn.expect_closed()


def test_cp_1_7_limit_follows_the_configuration(make_server):
    """CP-1.7 with jute.maxbuffer=5000: the boundary moves with the setting."""
    server = make_server({"jute.maxbuffer": 5000})
    with open_session(server) as conn:
        assert conn.create("/n").ok
        body, length = set_data_frame_of(5000, "/n")
        assert conn.request(Op.SET_DATA, body).value.data_length == length
        body, _ = set_data_frame_of(5001, "/n")
        conn.submit(Op.SET_DATA, body)
        conn.expect_closed()


def test_cp_1_7_replies_are_not_limited(conn, root):
    """CP-1.7 (rules 1.4, 13.22): a getChildren answer beyond 1 MB is sent all the same."""
    names = [f"{number:04d}" + "n" * 996 for number in range(1100)]
    create = [conn.encode(Op.CREATE, create_request(f"{root}/{name}")) for name in names]
    conn.send_raw(b"".join(create))
    assert all(conn.next_reply().ok for _ in names)
    reply = conn.children(root)
    assert len(reply.body) > MAX_FRAME
    assert sorted(reply.value) == names


@pytest.mark.parametrize("length", [-1, -2, -(2**31)])
def test_cp_1_8_negative_frame_length_closes(server, conn, length):
    """CP-1.8: after the handshake and before it."""
    conn.send_raw(struct.pack(">i", length))
    conn.expect_closed()
    with open_connection(server) as fresh:
        fresh.send_raw(struct.pack(">i", length))
        fresh.expect_closed()


@pytest.mark.parametrize("size", range(8))
def test_cp_1_9_frame_too_short_for_a_header_closes(conn, size):
    """CP-1.9: zero-length and 4-byte frames, and every other size below the 8 bytes of a header."""
    conn.send_frame(bytes(size))
    conn.expect_closed()


def test_cp_1_9_zero_length_first_frame_closes(server):
    """CP-1.9 (rule 1.4) for the handshake."""
    with open_connection(server) as conn:
        conn.send_frame(b"")
        conn.expect_closed()


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n", b" trailing bytes" * 50], ids=repr)
def test_cp_1_10_four_letter_word_first_is_answered_and_closed(server, tail):
    """CP-1.10: alone, with a newline as a terminal sends it, and with many bytes behind it."""
    with open_connection(server) as conn:
        conn.send_raw(b"ruok" + tail)
        assert conn.recv_until_closed() == b"imok"


def test_cp_1_10_four_letter_word_may_arrive_byte_by_byte(server):
    """CP-1.10: the four bytes in four segments."""
    with open_connection(server) as conn:
        for letter in b"ruok":
            conn.send_raw(bytes([letter]))
        assert conn.recv_until_closed() == b"imok"


def test_cp_1_10_four_letter_word_from_a_half_closed_connection(server):
    """CP-1.10: the end of the client's direction does not suppress the answer."""
    with open_connection(server) as conn:
        conn.send_raw(b"ruok")
        conn.shutdown_write()
        assert conn.recv_until_closed() == b"imok"


def test_cp_1_11_word_outside_the_whitelist_is_refused_in_words(make_server):
    """CP-1.11: exact text; srvr needs no whitelisting."""
    server = make_server({"4lw.commands.whitelist": "stat, mntr"})
    for word in ("ruok", "conf", "isro", "wchp"):
        text = f"{word} is not executed because it is not in the whitelist.\n"
        assert four_letter(server.host, server.port, word) == text.encode()
    assert b"Mode: standalone" in four_letter(server.host, server.port, "srvr")
    assert b"Mode: standalone" in four_letter(server.host, server.port, "stat")
    assert b"zk_version" in four_letter(server.host, server.port, "mntr")


def test_cp_1_11_default_whitelist_is_srvr_alone(make_server):
    """CP-1.11 (rule 1.5) without the key in the configuration."""
    server = make_server({"4lw.commands.whitelist": None})
    assert b"Mode: standalone" in four_letter(server.host, server.port, "srvr")
    for word in ("ruok", "stat", "isro"):
        assert b"is not executed because" in four_letter(server.host, server.port, word)


@pytest.mark.parametrize("text", [b"abcd", b"RUOK", b"GET / HTTP/1.1\r\n\r\n", b"quit\n", b"lead"])
def test_cp_1_12_unknown_four_letters_are_closed_without_answer(server, text):
    """CP-1.12: unknown, wrong case, HTTP, and a word that exists only in the HTTP interface."""
    with open_connection(server) as conn:
        conn.send_raw(text)
        conn.expect_closed()


def test_cp_1_13_four_letter_word_after_the_handshake_closes(conn):
    """CP-1.13: it is a length out of range by then."""
    conn.send_raw(b"ruok")
    conn.expect_closed()


def test_cp_1_13_four_letter_word_behind_requests_closes_after_their_replies(conn):
    """CP-1.13: complete requests in front of it, in the same segment, do not make it a word either.
    """
    conn.send_raw(conn.encode(Op.EXISTS, path_watch_request("/")) + b"ruok")
    message = conn.next()
    assert message is None or message.ok
    if message is not None:
        conn.expect_closed()


@pytest.mark.parametrize(
    "name",
    [
        b"\xff",
        b"\x80",
        b"\xc3",
        b"a\xc3b",
        b"\xe2\x82",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
    ],
    ids=lambda name: name.hex(),
)
def test_cp_1_14_malformed_utf8_in_a_created_path_is_refused(conn, root, name):
    """CP-1.14: stray, truncated, overlong and surrogate sequences."""
    path = root.encode() + b"/" + name
    assert conn.create(path).err == Err.BAD_ARGUMENTS
    assert conn.create2(path).err == Err.BAD_ARGUMENTS
    assert conn.exists(path).err == Err.NO_NODE
    assert conn.children(root).value == []


def test_cp_1_14_well_formed_utf8_is_kept(conn, root):
    """CP-1.14, the other half: two- and three-byte characters come back as they were sent."""
    path = root + "/\u00e9\u20ac\u65e5"
    assert conn.create(path).value == path
    assert conn.children(root).value == ["\u00e9\u20ac\u65e5"]


def test_framing_byte_by_byte(server, root):
    """Rule 1.4: handshake and requests may arrive in segments of one byte."""
    with open_connection(server) as conn:
        for byte in frame(connect_request()):
            conn.send_raw(bytes([byte]))
        assert conn.recv_connect_response().session_id != 0
        for byte in conn.encode(Op.CREATE, create_request(root + "/slow", b"data", OPEN_ACL)):
            conn.send_raw(bytes([byte]))
        assert conn.next_reply().value == root + "/slow"
        conn.close_session()


def test_framing_segments_that_end_inside_headers(conn, root):
    """Rule 1.4: requests cut at every offset, so that each segment holds a tail and a head."""
    bodies = [set_data_request(root, b"%02d" % number) for number in range(20)]
    stream = b"".join(conn.encode(Op.SET_DATA, body) for body in bodies)
    size = len(stream) // 20
    position = 0
    for step in range(1, size + 8):
        conn.send_raw(stream[position : position + step])
        position += step
    conn.send_raw(stream[position:])
    assert [conn.next_reply().value.version for _ in range(20)] == list(range(1, 21))


def test_framing_thousand_requests_in_one_segment(conn, root):
    """Rule 1.4: a client may pipeline freely; replies keep the order."""
    stream = [conn.encode(Op.EXISTS, path_watch_request(root)) for _ in range(1000)]
    conn.send_raw(b"".join(stream))
    xids = [conn.next_reply().xid for _ in stream]
    assert xids == list(range(xids[0], xids[0] + 1000))


def test_framing_connection_lost_inside_a_frame(new_session, root):
    """Rule 13.27: complete frames in front of the partial one are executed, the partial one is not.
    """
    conn, observer = new_session(), new_session()
    whole = conn.encode(Op.CREATE, create_request(root + "/whole"))
    partial = conn.encode(Op.CREATE, create_request(root + "/partial"))
    conn.send_raw(whole + partial[:-1])
    conn.shutdown_write()
    conn.recv_until_closed()  # the reply may or may not get out before the close
    wait_until(lambda: observer.exists(root + "/whole").ok, "the complete request took effect")
    assert observer.exists(root + "/partial").err == Err.NO_NODE
