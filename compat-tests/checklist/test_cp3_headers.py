"""Reply headers: xid, zxid and err, CP-3.1 to CP-3.9."""

import struct

import pytest

from lib.marks import apache_differs, open_in_lockkeeper
from lib.zkwire import (
    OPEN_ACL,
    Err,
    Event,
    Flags,
    Op,
    WatcherType,
    WatchMode,
    Xid,
    auth_request,
    create_request,
    multi_request,
    open_session,
    path_int_request,
    path_request,
    path_version_request,
    path_watch_request,
    reconnect,
    set_acl_request,
    set_data_request,
    set_watches2_request,
    set_watches_request,
)

ODD_XIDS = [0, -1, -2, -3, -4, -8, 1, 2**31 - 1, -(2**31)]


# --- xid ---


@pytest.mark.parametrize("xid", ODD_XIDS)
def test_cp_3_1_xid_is_echoed(conn, root, xid):
    """CP-3.1: for writes, reads and failures; the requests are executed like any other."""
    path = root + "/n"
    requests = [
        (Op.CREATE, create_request(path), 0),
        (Op.EXISTS, path_watch_request(path), 0),
        (Op.SET_DATA, set_data_request(path, b"x"), 0),
        (Op.SYNC, path_request(path), 0),
        (Op.MULTI, multi_request([(Op.SET_DATA, set_data_request(path, b"y"))]), 0),
        (Op.GET_DATA, path_watch_request(root + "/missing"), Err.NO_NODE),
        (Op.CREATE, create_request(path), Err.NODE_EXISTS),
        (Op.GET_DATA, b"", Err.MARSHALLING),
        (Op.DELETE, path_version_request(path), 0),
    ]
    for op, body, err in requests:
        reply = conn.request(op, body, xid)
        assert (reply.xid, reply.err) == (xid, err), f"op {op}"


def test_cp_3_1_xids_need_not_be_unique_or_ordered(conn, root):
    """CP-3.1: replies come in the order of the requests whatever their xids."""
    xids = [5, 5, 3, 5, 0, 1000000, -7, 5]
    stream = [
        conn.encode(Op.SET_DATA, set_data_request(root, b"%d" % number), xid)
        for number, xid in enumerate(xids)
    ]
    conn.send_raw(b"".join(stream))
    replies = [conn.next_reply() for _ in xids]
    assert [reply.xid for reply in replies] == xids
    assert [reply.value.version for reply in replies] == list(range(1, len(xids) + 1))


@pytest.mark.parametrize("xid", ODD_XIDS)
@pytest.mark.parametrize("body", [b"", b"ignored"])
def test_cp_3_2_ping_is_answered_with_xid_minus_two(conn, xid, body):
    """CP-3.2: for any request xid; zxid is z, no body, and z does not move."""
    z = conn.last_zxid()
    reply = conn.request(Op.PING, body, xid)
    assert (reply.xid, reply.zxid, reply.err, reply.body) == (Xid.PING, z, 0, b"")
    assert conn.last_zxid() == z


# --- zxid of writes ---


def test_cp_3_3_successful_write_carries_its_zxid(conn, root):
    """CP-3.3: the reply's zxid is the czxid, mzxid or pzxid that the write left."""
    z = conn.last_zxid()
    path = root + "/n"
    assert conn.create(path).zxid == z + 1
    assert conn.exists(path).value.czxid == z + 1
    reply = conn.set(path, b"x")
    assert reply.zxid == reply.value.mzxid == z + 2
    assert conn.set_acl(path, OPEN_ACL).zxid == z + 3
    assert conn.delete(path).zxid == z + 4
    assert conn.exists(root).value.pzxid == z + 4
    reply = conn.create2(path)
    assert reply.zxid == reply.value[1].czxid == reply.value[1].mzxid == z + 5
    reply = conn.create_container(root + "/c")
    assert reply.zxid == reply.value[1].czxid == z + 6
    reply = conn.multi([(Op.SET_DATA, set_data_request(path, b"y"))])
    assert reply.zxid == reply.value[0].value.mzxid == z + 7


def test_cp_3_3_pipelined_writes_carry_their_own_zxids(conn, root):
    """CP-3.3: each reply of a pipeline has the zxid of its write, not that of the last one."""
    z = conn.last_zxid()
    stream = [conn.encode(Op.SET_DATA, set_data_request(root, b"x")) for _ in range(50)]
    conn.send_raw(b"".join(stream))
    replies = [conn.next_reply() for _ in stream]
    assert [reply.value.mzxid for reply in replies] == list(range(z + 1, z + 51))
    assert all(reply.zxid >= reply.value.mzxid for reply in replies)


def test_cp_3_3_zxids_stay_with_the_node_over_a_restart(make_server):
    """CP-3.3: and z goes on from there."""
    server = make_server()
    with open_session(server) as conn:
        zxid = conn.create("/n").zxid
        conn.close_session()
    server.restart()
    with open_session(server) as conn:
        assert conn.exists("/n").value.czxid == zxid
        assert conn.last_zxid() == zxid + 2  # the end of one session, the start of the other


def failing_writes(root):
    """(op, body, code) of writes that fail, with `root` existing, `root`/full having a child."""
    missing, full = root + "/missing", root + "/full"
    return [
        (Op.CREATE, create_request(root), Err.NODE_EXISTS),
        (Op.CREATE, create_request(missing + "/child"), Err.NO_NODE),
        (Op.CREATE, create_request("no-slash"), Err.BAD_ARGUMENTS),
        (Op.CREATE, create_request(root + "/f", flags=99), Err.BAD_ARGUMENTS),
        (Op.CREATE, create_request(root + "/f", flags=Flags.TTL), Err.UNIMPLEMENTED),
        (Op.CREATE, create_request(root + "/f", acls=[]), Err.INVALID_ACL),
        (Op.CREATE2, create_request(root), Err.NODE_EXISTS),
        (Op.CREATE_CONTAINER, create_request(root, flags=Flags.CONTAINER), Err.NODE_EXISTS),
        (Op.DELETE, path_version_request(missing), Err.NO_NODE),
        (Op.DELETE, path_version_request(root, 7), Err.BAD_VERSION),
        (Op.DELETE, path_version_request(full), Err.NOT_EMPTY),
        (Op.DELETE, path_version_request("/zookeeper"), Err.BAD_ARGUMENTS),
        (Op.SET_DATA, set_data_request(missing, b""), Err.NO_NODE),
        (Op.SET_DATA, set_data_request(root, b"", 7), Err.BAD_VERSION),
        (Op.SET_DATA, set_data_request("/zookeeper/config", b""), Err.NO_AUTH),
        (Op.SET_DATA, set_data_request("no-slash", b""), Err.BAD_ARGUMENTS),
        (Op.SET_ACL, set_acl_request(missing, OPEN_ACL), Err.NO_NODE),
        (Op.SET_ACL, set_acl_request(root, OPEN_ACL, 7), Err.BAD_VERSION),
        (Op.SET_ACL, set_acl_request(root, []), Err.INVALID_ACL),
    ]


def test_cp_3_4_failed_write_raises_z_by_one_and_carries_it(conn, root):
    """CP-3.4: every kind of write and of failure is an error transaction."""
    conn.create(root + "/full")
    conn.create(root + "/full/child")
    z = conn.last_zxid()
    for op, body, code in failing_writes(root):
        reply = conn.request(op, body)
        z += 1
        assert (reply.err, reply.zxid, reply.body) == (code, z, b""), f"op {op}, code {code}"
        assert conn.last_zxid() == z


def test_cp_3_4_failed_multi_raises_z_by_one_and_carries_it(conn, root):
    """CP-3.4: one zxid for the whole multi; header err is 0."""
    z = conn.last_zxid()
    create = (Op.CREATE, create_request(root + "/a"))
    reply = conn.multi([create, (Op.DELETE, path_version_request(root + "/missing")), create])
    assert (reply.err, reply.zxid) == (0, z + 1)
    assert conn.last_zxid() == z + 1
    assert conn.exists(root + "/a").err == Err.NO_NODE


def test_cp_3_4_failed_writes_in_a_pipeline(conn, root):
    """CP-3.4: failures and successes take consecutive zxids."""
    z = conn.last_zxid()
    stream = []
    for _ in range(20):
        stream.append(conn.encode(Op.SET_DATA, set_data_request(root, b"x")))
        stream.append(conn.encode(Op.CREATE, create_request(root)))
    conn.send_raw(b"".join(stream))
    replies = [conn.next_reply() for _ in stream]
    assert [reply.err for reply in replies] == [0, Err.NODE_EXISTS] * 20
    assert [reply.value.mzxid for reply in replies[::2]] == list(range(z + 1, z + 41, 2))
    assert conn.last_zxid() == z + 40


# --- zxid of everything else ---


def requests_without_a_transaction(root):
    """(op, body, code) of reads, failed reads and watch operations."""
    missing = root + "/missing"
    lists = ([root], [missing], [root])
    return [
        (Op.EXISTS, path_watch_request(root), 0),
        (Op.EXISTS, path_watch_request(missing), Err.NO_NODE),
        (Op.EXISTS, path_watch_request("/nul\0"), Err.BAD_ARGUMENTS),
        (Op.GET_DATA, path_watch_request(root), 0),
        (Op.GET_DATA, path_watch_request(missing), Err.NO_NODE),
        (Op.GET_DATA, b"", Err.MARSHALLING),
        (Op.GET_ACL, path_request(root), 0),
        (Op.GET_ACL, path_request(missing), Err.NO_NODE),
        (Op.GET_CHILDREN, path_watch_request(root), 0),
        (Op.GET_CHILDREN, path_watch_request(missing), Err.NO_NODE),
        (Op.GET_CHILDREN2, path_watch_request(root), 0),
        (Op.GET_CHILDREN2, path_watch_request(missing), Err.NO_NODE),
        (Op.SYNC, path_request(root), 0),
        (Op.PING, b"", 0),
        (Op.SET_WATCHES, set_watches_request(2**40, *lists), 0),
        (Op.SET_WATCHES2, set_watches2_request(2**40, *lists, [root], [root]), 0),
        (Op.SET_WATCHES, set_watches_request(0, None), Err.MARSHALLING),
        (Op.ADD_WATCH, path_int_request(root, WatchMode.PERSISTENT), 0),
        (Op.ADD_WATCH, path_int_request(root, 9), Err.MARSHALLING),
        (Op.CHECK_WATCHES, path_int_request(root, WatcherType.ANY), 0),
        (Op.REMOVE_WATCHES, path_int_request(root, WatcherType.ANY), 0),
        (Op.REMOVE_WATCHES, path_int_request(root, WatcherType.ANY), Err.NO_WATCHER),
        (Op.GET_EPHEMERALS, path_request("/"), 0),
        (Op.GET_ALL_CHILDREN_NUMBER, path_request("/"), 0),
        (Op.GET_ALL_CHILDREN_NUMBER, path_request(missing), Err.NO_NODE),
        (Op.WHO_AM_I, b"", 0),
        (Op.MULTI_READ, multi_request([(Op.GET_DATA, path_watch_request(missing))]), 0),
    ]


def test_cp_3_5_reads_and_watch_operations_carry_z_and_leave_it(conn, root):
    """CP-3.5: also failed ones."""
    z = conn.last_zxid()
    for op, body, code in requests_without_a_transaction(root):
        reply = conn.request(op, body)
        assert (reply.err, reply.zxid) == (code, z), f"op {op}"
    assert conn.create(root + "/next").zxid == z + 1


LATER_REQUESTS = {
    "ping": (Op.PING, b""),
    "sync": (Op.SYNC, path_request("/")),
    "exists": (Op.EXISTS, path_watch_request("/")),
    "getData of a missing node": (Op.GET_DATA, path_watch_request("/missing")),
    "undecodable getData": (Op.GET_DATA, b""),
    "multiRead": (Op.MULTI_READ, multi_request([])),
    "setWatches": (Op.SET_WATCHES, set_watches_request(0)),
    "addWatch": (Op.ADD_WATCH, path_int_request("/nowhere", WatchMode.PERSISTENT)),
    "checkWatches": (Op.CHECK_WATCHES, path_int_request("/missing", WatcherType.ANY)),
    "removeWatches": (Op.REMOVE_WATCHES, path_int_request("/missing", WatcherType.ANY)),
    "getEphemerals": (Op.GET_EPHEMERALS, path_request("/")),
    "whoAmI": (Op.WHO_AM_I, b""),
}


@pytest.mark.parametrize("name", LATER_REQUESTS)
def test_cp_3_5_replies_show_every_write_acknowledged_before(new_session, root, name):
    """CP-3.5 and CP-3.2: z is the server's, not that of the connection or of a thread behind it.

    What one session was told is done shows in the next reply to any other session of a standalone
    server. Many rounds over several connections, because a lag between threads is a race.
    """
    writer, others = new_session(), [new_session() for _ in range(4)]
    for _ in range(25):
        for other in others:
            zxid = writer.set(root, b"x").zxid
            assert other.request(*LATER_REQUESTS[name]).zxid == zxid


@pytest.mark.parametrize("name", LATER_REQUESTS)
def test_cp_3_5_events_precede_later_replies(new_session, root, name):
    """CP-3.5 (rule 9.9): events of acknowledged writes come before later replies."""
    writer, others = new_session(), [new_session() for _ in range(4)]
    for _ in range(25):
        for other in others:
            assert other.get(root, watch=True).ok
            assert writer.set(root, b"x").ok
            events = other.request(*LATER_REQUESTS[name]).events_before
            assert [(event.type, event.path) for event in events] == [(Event.DATA_CHANGED, root)]


@pytest.mark.parametrize(
    "scheme, credentials, code",
    [("digest", b"bob:pw", 0), ("ip", b"", 0), ("nonsense", b"", Err.AUTH_FAILED)],
)
def test_cp_3_6_auth_replies_carry_zxid_zero(conn, new_session, scheme, credentials, code):
    """CP-3.6: accepted and refused; no transaction."""
    observer = new_session()
    z = observer.last_zxid()
    reply = conn.auth(scheme, credentials)
    assert (reply.xid, reply.zxid, reply.err, reply.body) == (Xid.AUTH, 0, code, b"")
    assert observer.last_zxid() == z


@pytest.mark.parametrize("xid", [1, 0, -4, 2**31 - 1, -(2**31)])
def test_cp_3_6_auth_echoes_any_xid(conn, xid):
    """CP-3.6 (rule 11.2): -4 is a habit of clients, not a rule."""
    reply = conn.request(Op.AUTH, auth_request("digest", b"bob:pw"), xid)
    assert (reply.xid, reply.zxid, reply.err) == (xid, 0, 0)


def test_cp_3_6_unknown_op_replies_carry_zxid_minus_one(conn, new_session):
    """CP-3.6: no transaction either."""
    observer = new_session()
    z = observer.last_zxid()
    reply = conn.request(50, b"", 17)
    assert (reply.xid, reply.zxid, reply.err) == (17, -1, Err.UNIMPLEMENTED)
    assert observer.last_zxid() == z


def test_cp_3_7_error_replies_are_sixteen_bytes(conn, root):
    """CP-3.7: the header alone, for failed writes, failed reads and undecodable bodies."""
    conn.create(root + "/full")
    conn.create(root + "/full/child")
    failing_reads = [entry for entry in requests_without_a_transaction(root) if entry[2] != 0]
    undecodable = [(Op.CREATE, b"", Err.MARSHALLING), (Op.MULTI, b"", Err.MARSHALLING)]
    requests = failing_writes(root) + failing_reads + undecodable
    for op, body, _ in requests:
        conn.submit(op, body, 1)
    for op, _, code in requests:
        payload = conn.recv_frame()
        assert len(payload) == 16, f"op {op}"
        assert struct.unpack(">iqi", payload)[2] == code, f"op {op}"


# --- sasl and closeSession ---


@pytest.mark.parametrize("token", [b"", b"anything"])
@pytest.mark.parametrize("xid", [1, 0, -5])
def test_cp_3_8_sasl_without_configuration_gives_a_null_token(conn, token, xid):
    """CP-3.8 (rule 13.15): nothing fails; err 0, zxid 0 and body ffffffff; the connection goes on.
    """
    for _ in range(2):
        conn.submit(Op.SASL, struct.pack(">i", len(token)) + token, xid)
        assert conn.recv_frame().hex() == struct.pack(">iqi", xid, 0, 0).hex() + "ffffffff"
    conn.send_frame(struct.pack(">ii", 7, Op.EXISTS) + path_watch_request("/"))
    assert struct.unpack(">iqi", conn.recv_frame()[:16])[::2] == (7, 0)


def test_cp_3_8_sasl_null_token_is_closed(conn):
    """CP-3.8 (rule 13.16)."""
    conn.submit(Op.SASL, struct.pack(">i", -1))
    conn.expect_closed()


JAAS = """\
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_bob="bobsecret";
};
"""


@open_in_lockkeeper("SASL is not available yet")
def test_cp_3_8_sasl_failure_carries_a_null_token(make_server, tmp_path):
    """CP-3.8: with DIGEST-MD5 configured, a wrong response gives err -115, body ffffffff, closed.
    """
    jaas = tmp_path / "jaas.conf"
    jaas.write_text(JAAS, encoding="utf-8")
    provider = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"
    config = {"java.security.auth.login.config": jaas, "authProvider.1": provider}
    server = make_server(config)
    with open_session(server) as conn:
        challenge = conn.sasl(b"")
        assert (challenge.err, challenge.zxid) == (0, 0)
        assert b'realm="zk-sasl-md5"' in challenge.value
        assert b"algorithm=md5-sess" in challenge.value
        failure = conn.sasl(b'username="bob",realm="zk-sasl-md5",response=0')
        assert (failure.err, failure.zxid) == (Err.AUTH_FAILED, 0)
        assert failure.body.hex() == "ffffffff"
        conn.expect_closed()
        with reconnect(server, conn) as again:
            assert again.exists("/").ok


@pytest.mark.parametrize("xid", [1, 0, -1, -11])
@pytest.mark.parametrize("body", [b"", b"ignored"])
def test_cp_3_9_close_session_reply_then_eof(conn, new_session, root, xid, body):
    """CP-3.9: header only, err 0, zxid of the close transaction; it is the one that ends
    ephemerals.
    """
    observer = new_session()
    assert conn.create(root + "/e", flags=Flags.EPHEMERAL).ok
    z = observer.last_zxid()
    conn.submit(Op.CLOSE_SESSION, body, xid)
    assert conn.recv_frame() == struct.pack(">iqi", xid, z + 1, 0)
    conn.expect_closed()
    assert observer.exists(root + "/e").err == Err.NO_NODE
    assert observer.exists(root).value.pzxid == z + 1
    assert observer.last_zxid() == z + 1


@apache_differs("3.8 sends watch events with zxid -1")
def test_cp_3_9_own_events_come_before_the_close_reply(conn, root):
    """CP-3.9 (rule 9.9): the removal of a watched ephemeral of one's own is reported first."""
    path = root + "/e"
    conn.create(path, flags=Flags.EPHEMERAL)
    conn.exists(path, watch=True)
    reply = conn.close_session()
    assert [(event.path, event.zxid) for event in reply.events_before] == [(path, reply.zxid)]
    conn.expect_closed()
