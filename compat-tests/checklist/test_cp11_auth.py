"""auth packets, identities, super user and enforced authentication, CP-11.1 to CP-11.6, CP-11.9."""

import base64
import hashlib
import struct

import pytest

from lib import servers
from lib.elements import delete
from lib.scenery import SUPER_CONFIG, SUPER_CREDENTIALS, open_super
from lib.zkwire import (
    CREATOR_ACL,
    OPEN_ACL,
    Acl,
    ConnectionClosed,
    Err,
    Flags,
    Op,
    Reply,
    Writer,
    Xid,
    auth_request,
    create_request,
    digest_id,
    multi_request,
    open_session,
    path_request,
    path_version_request,
    path_watch_request,
    reconnect,
    set_acl_request,
    set_data_request,
    set_watches_request,
)

ADDRESS = ("ip", "127.0.0.1")
SEALED = [Acl(0, "world", "anyone")]


@pytest.fixture(scope="module")
def server():
    """A server with a super user."""
    with servers.start_server(config=SUPER_CONFIG) as process:
        yield process


# --- Accepted packets ---


@pytest.mark.parametrize("xid", [Xid.AUTH, 0, 1, 77, -8, 2**31 - 1, -(2**31)])
def test_cp_11_1_reply_to_an_auth_packet(conn, xid):
    """CP-11.1: err 0, zxid 0, xid echoed, no body, no transaction; the connection goes on."""
    z = conn.last_zxid()
    reply = conn.request(Op.AUTH, auth_request("digest", b"bob:pw"), xid)
    assert (reply.xid, reply.zxid, reply.err, reply.body) == (xid, 0, 0, b"")
    assert conn.exists("/").zxid == z


CREDENTIALS = [
    *(b"bob:pw", b"", b":", b"::", b"nocolon", b"user:", b":password", b"a:b:c:d", b" : "),
    *(b"\0\x01\x02", b"\xff\xfe:\x80", "\u00e9:\u20ac".encode(), b"x" * 100000),
]


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=lambda c: repr(c[:12]))
def test_cp_11_1_digest_accepts_any_bytes(conn, credentials):
    """CP-11.1: nothing is verified; again and again, and with any value of the type field."""
    for auth_type in (0, 0, 1, -1, 2**31 - 1):
        reply = conn.request(Op.AUTH, auth_request("digest", credentials, auth_type), Xid.AUTH)
        assert (reply.err, reply.zxid, reply.body) == (0, 0, b"")
    assert conn.ping().ok


@pytest.mark.parametrize("data", [b"", b"127.0.0.1", b"10.0.0.1", b"\xff"], ids=repr)
def test_cp_11_1_ip_adds_nothing_new(conn, data):
    """CP-11.1 (section 11.3, ip): any bytes are accepted, the address stays what it is."""
    assert conn.auth("ip", data).ok
    assert conn.whoami().value == [ADDRESS]


def test_cp_11_1_identities_are_a_set(conn):
    """CP-11.1 (section 11.1): the same credentials twice are one identity, others come in
    addition.
    """
    for credentials in (b"bob:pw", b"eve:pw", b"bob:pw", b"bob:other"):
        assert conn.auth("digest", credentials).ok
    expected = [("digest", "bob"), ("digest", "bob"), ("digest", "eve"), ADDRESS]
    assert sorted(conn.whoami().value) == expected


# --- The digest identity ---


VECTORS = [
    (b"bob:pw", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="),
    (SUPER_CREDENTIALS, "super:D/InIHSb7yEEbrWz8b9l71RjZJU="),
    (b"nocolon", "nocolon:Ra+cHr2ZoHvBjtNArFGNGlVie4g="),
    (b"", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
    (b"a:b:c", digest_id("a:b:c")),
    ("\u00e9:\u20ac".encode(), digest_id("\u00e9:\u20ac")),
]


def stored_identity(conn, path):
    """The identity that the server writes for the creator of a node into its ACL."""
    assert conn.create(path, acl=CREATOR_ACL).ok
    entries = conn.get_acl(path).value[0]
    assert len(entries) == 1
    return entries[0]


@pytest.mark.parametrize("credentials, identity", VECTORS)
def test_cp_11_2_digest_identity(conn, root, credentials, identity):
    """CP-11.2: user, colon, base64 of SHA-1 of the whole packet; whoAmI shows the user."""
    assert conn.auth("digest", credentials).ok
    assert stored_identity(conn, root + "/n") == Acl(31, "digest", identity)
    user = identity.split(":")[0]
    assert ("digest", user) in conn.whoami().value


def test_cp_11_2_an_acl_written_by_hand_matches(conn, new_session, root):
    """CP-11.2: clients compute the same digest for ACLs; all of it must be equal."""
    assert conn.create(root + "/n", acl=[Acl(31, "digest", digest_id("bob:pw"))]).ok
    for credentials, err in (
        (b"bob:pw", 0),
        (b"bob:PW", Err.NO_AUTH),
        (b"Bob:pw", Err.NO_AUTH),
        (b"bob:", Err.NO_AUTH),
        (b"bob", Err.NO_AUTH),
        (digest_id("bob:pw").encode(), Err.NO_AUTH),
    ):
        client = new_session()
        assert client.auth("digest", credentials).ok
        assert client.get(root + "/n").err == err


# What the server takes the bytes for: UTF-8, each malformed part one U+FFFD.
MALFORMED = [
    *((b"u:\xff", "u:\ufffd"), (b"u:\xc3", "u:\ufffd"), (b"u:\xf0\x90\x80", "u:\ufffd")),
    *((b"u:\xc0\x80", "u:\ufffd\ufffd"), (b"u:\xe0\x9f\xbf", "u:\ufffd\ufffd\ufffd")),
    *((b"u:\xed\xa0\x80", "u:\ufffd"), (b"u:\xf4\x90\x80\x80", "u:" + 4 * "\ufffd")),
    *((b"u:\xf0\x9f\x98A", "u:\ufffdA"), (b"u\xe1\x80:p", "u\ufffd:p")),
    (b"\xff\xfe:\x80", "\ufffd\ufffd:\ufffd"),
]


@pytest.mark.parametrize("credentials, text", MALFORMED, ids=repr)
def test_cp_11_2_credentials_are_text(conn, root, credentials, text):
    """CP-11.2: they are decoded as UTF-8 before they are hashed, also those that are none."""
    assert conn.auth("digest", credentials).ok
    assert stored_identity(conn, root + "/n") == Acl(31, "digest", digest_id(text))
    assert ("digest", text.split(":")[0]) in conn.whoami().value


def test_cp_11_2_credentials_that_decode_alike_are_the_same(new_session, root):
    """CP-11.2: who wrote other malformed bytes, or U+FFFD itself, has the same identity."""
    creator = new_session()
    assert creator.auth("digest", b"u:\xff").ok
    assert creator.create(root + "/n", acl=CREATOR_ACL).ok
    for credentials, err in (
        (b"u:\xfe", 0),
        ("u:\ufffd".encode(), 0),
        (b"u:\xff\xff", Err.NO_AUTH),
        (b"u:?", Err.NO_AUTH),
    ):
        client = new_session()
        assert client.auth("digest", credentials).ok
        assert client.get(root + "/n").err == err


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-512"])
def test_cp_11_2_other_digest_algorithms(make_server, algorithm):
    """CP-11.2 (section 11.3): DigestAuthenticationProvider.digestAlg."""
    server = make_server({"DigestAuthenticationProvider.digestAlg": algorithm})
    with open_session(server) as conn:
        assert conn.auth("digest", b"bob:pw").ok
        digest = hashlib.new(algorithm.replace("-", ""), b"bob:pw").digest()
        expected = "bob:" + base64.b64encode(digest).decode()
        assert stored_identity(conn, "/n") == Acl(31, "digest", expected)


# --- Refused packets ---


REFUSED = {
    "unknown scheme": ("nobody", b"bob:pw"),
    "empty scheme": ("", b"bob:pw"),
    "null scheme": (None, b"bob:pw"),
    "capitals": ("Digest", b"bob:pw"),
    "world": ("world", b"anyone"),
    "auth": ("auth", b""),
    "super": ("super", SUPER_CREDENTIALS),
    "sasl": ("sasl", b"bob"),
    "x509": ("x509", b""),
    "ensemble": ("ensemble", b""),
    "digest with null data": ("digest", None),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("xid", [Xid.AUTH, 5])
def test_cp_11_3_refused_packets(server, root, name, xid):
    """CP-11.3: -115 with zxid 0 and no body, then closed; the session survives with its
    ephemerals.
    """
    with open_session(server) as conn:
        assert conn.create(root + "/e", flags=Flags.EPHEMERAL).ok
        reply = conn.request(Op.AUTH, auth_request(*REFUSED[name]), xid)
        assert (reply.xid, reply.zxid, reply.err, reply.body) == (xid, 0, Err.AUTH_FAILED, b"")
        conn.expect_closed()
        with reconnect(server, conn) as again:
            assert again.children(root).value == ["e"]
            assert again.exists(root + "/e").value.ephemeral_owner == again.session_id
            again.close_session()


def test_cp_11_3_replies_to_earlier_requests_are_not_lost(server, root):
    """CP-11.3: requests that were answered before stay done; the identities die with the
    connection.
    """
    with open_session(server) as conn:
        assert conn.auth("digest", b"bob:pw").ok
        assert conn.create(root + "/n").ok
        assert conn.auth("nobody", b"").err == Err.AUTH_FAILED
        conn.expect_closed()
        with reconnect(server, conn) as again:
            assert again.exists(root + "/n").ok
            assert again.whoami().value == [ADDRESS]
            again.close_session()


def test_cp_11_3_digest_may_be_switched_off(make_server):
    """CP-11.3 (table 11.3): then it is an unknown scheme for packets and ACLs."""
    server = make_server({"DigestAuthenticationProvider.enabled": "false"})
    with open_session(server) as conn:
        assert conn.create("/n", acl=[Acl(31, "digest", "a:b")]).err == Err.INVALID_ACL
        assert conn.auth("digest", b"bob:pw").err == Err.AUTH_FAILED
        conn.expect_closed()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\0\0\0", Writer().int(0).encoded(), Writer().int(0).string("digest").encoded()),
        Writer().int(0).string("digest").int(100).encoded(),
        Writer().int(0).int(-2).encoded(),
        Writer().int(0).string("digest").int(-2).encoded(),
    ],
    ids=bytes.hex,
)
def test_cp_11_3_undecodable_packet(server, body):
    """CP-11.3 (section 11.2): closed without a reply; the session survives."""
    with open_session(server) as conn:
        conn.submit(Op.AUTH, body, Xid.AUTH)
        conn.expect_closed()
        with reconnect(server, conn) as again:
            assert again.close_session().ok


# --- When it takes effect ---


def replies_by_xid(conn, count):
    """`count` replies; auth replies may overtake others."""
    replies = [conn.next() for _ in range(count)]
    assert all(isinstance(reply, Reply) for reply in replies)
    return {reply.xid: reply for reply in replies}


@pytest.fixture
def secret(new_session, root):
    """A node that only bob may use."""
    bob = new_session()
    assert bob.auth("digest", b"bob:pw").ok
    assert bob.create(root + "/secret", b"data", CREATOR_ACL).ok
    return root + "/secret"


def test_cp_11_4_auth_holds_for_requests_after_it_in_the_segment(conn, secret):
    """CP-11.4: for those read after it, and not for those read before it."""
    requests = [
        (Op.GET_DATA, path_watch_request(secret), 1),
        (Op.SET_DATA, set_data_request(secret, b"no"), 2),
        (Op.AUTH, auth_request("digest", b"eve:pw"), Xid.AUTH),
        (Op.GET_DATA, path_watch_request(secret), 3),
        (Op.AUTH, auth_request("digest", b"bob:pw"), Xid.AUTH),
        (Op.GET_DATA, path_watch_request(secret), 4),
        (Op.SET_DATA, set_data_request(secret, b"yes"), 5),
        (Op.CREATE, create_request(secret + "/child", acls=CREATOR_ACL), 6),
    ]
    conn.send_raw(b"".join(conn.encode(*request) for request in requests))
    replies = replies_by_xid(conn, len(requests))
    errors = {xid: replies[xid].err for xid in range(1, 7)}
    assert errors == {1: Err.NO_AUTH, 2: Err.NO_AUTH, 3: Err.NO_AUTH, 4: 0, 5: 0, 6: 0}
    assert replies[Xid.AUTH].err == 0
    assert conn.get(secret).value[0] == b"yes"
    assert len(conn.get_acl(secret + "/child").value[0]) == 2  # eve and bob


def test_cp_11_4_auth_behind_many_requests(conn, secret):
    """CP-11.4: the same when the requests before it are still waiting to be executed."""
    rounds = 200
    before = [conn.encode(Op.GET_DATA, path_watch_request(secret)) for _ in range(rounds)]
    auth = conn.encode(Op.AUTH, auth_request("digest", b"bob:pw"), Xid.AUTH)
    after = [conn.encode(Op.GET_DATA, path_watch_request(secret)) for _ in range(rounds)]
    conn.send_raw(b"".join([*before, auth, *after]))
    replies = [conn.next_reply() for _ in range(2 * rounds + 1)]
    errors = [reply.err for reply in replies if reply.op == Op.GET_DATA]
    assert errors == [Err.NO_AUTH] * rounds + [0] * rounds


def test_cp_11_4_identities_belong_to_the_connection(server, new_session, secret):
    """CP-11.4 (section 11.1): another connection, also of the same session, must ask again."""
    conn = new_session()
    assert conn.auth("digest", b"bob:pw").ok
    assert new_session().get(secret).err == Err.NO_AUTH
    with reconnect(server, conn) as again:
        assert again.get(secret).err == Err.NO_AUTH
        assert again.auth("digest", b"bob:pw").ok
        assert again.get(secret).ok


# --- Super ---


def test_cp_11_5_super_digest_adds_the_super_identity(server, root):
    """CP-11.5: besides the digest identity; its user is empty."""
    with open_super(server) as admin:
        identities = sorted([ADDRESS, ("digest", "super"), ("super", "")])
        assert sorted(admin.whoami().value) == identities
        assert admin.create(root + "/sealed", acl=SEALED).ok
        assert admin.set(root + "/sealed", b"x").ok
        expected = Acl(31, "digest", digest_id("super:test"))
        assert stored_identity(admin, root + "/n") == expected
        admin.close_session()


@pytest.mark.parametrize(
    "credentials", [b"super:wrong", b"super", b"super:", b"test", b"super:test ", b"Super:test"]
)
def test_cp_11_5_other_credentials_are_no_super_user(conn, root, credentials):
    """CP-11.5: accepted like any others, without the power."""
    assert conn.create(root + "/sealed", acl=SEALED).ok
    assert conn.auth("digest", credentials).ok
    assert ("super", "") not in conn.whoami().value
    assert conn.get(root + "/sealed").err == Err.NO_AUTH


def test_cp_11_5_without_configuration_there_is_no_super_user(make_server):
    """CP-11.5: not by these credentials and not by an empty digest."""
    with open_session(make_server()) as conn:
        assert conn.create("/sealed", acl=SEALED).ok
        for credentials in (SUPER_CREDENTIALS, b"super:", b""):
            assert conn.auth("digest", credentials).ok
        assert ("super", "") not in conn.whoami().value
        assert conn.get("/sealed").err == Err.NO_AUTH


def test_cp_11_5_super_holds_from_the_next_request_on(conn, root):
    """CP-11.5: in the same segment too."""
    assert conn.create(root + "/sealed", b"data", SEALED).ok
    stream = conn.encode(Op.GET_DATA, path_watch_request(root + "/sealed"), 101)
    stream += conn.encode(Op.AUTH, auth_request("digest", SUPER_CREDENTIALS), Xid.AUTH)
    stream += conn.encode(Op.GET_DATA, path_watch_request(root + "/sealed"), 102)
    conn.send_raw(stream)
    replies = replies_by_xid(conn, 3)
    assert [replies[xid].err for xid in (101, 102)] == [Err.NO_AUTH, 0]


# --- Enforced authentication ---


@pytest.fixture(scope="module")
def strict_server():
    """A server that wants every connection to authenticate by digest."""
    config = {"enforce.auth.enabled": "true", "enforce.auth.schemes": "digest"}
    with servers.start_server(config=config) as process:
        yield process


UNAUTHENTICATED = {
    "ping": (Op.PING, b""),
    "getData": (Op.GET_DATA, path_watch_request("/")),
    "exists": (Op.EXISTS, path_watch_request("/missing", True)),
    "create": (Op.CREATE, create_request("/not-executed")),
    "delete": (Op.DELETE, path_version_request("/kept")),
    "setData": (Op.SET_DATA, set_data_request("/kept", b"not executed")),
    "setACL": (Op.SET_ACL, set_acl_request("/kept", OPEN_ACL)),
    "multi": (Op.MULTI, multi_request([delete("/kept")])),
    "sync": (Op.SYNC, path_request("/")),
    "setWatches": (Op.SET_WATCHES, set_watches_request(0, ["/missing"])),
    "whoAmI": (Op.WHO_AM_I, b""),
    "undecodable": (Op.CREATE, b"\0"),
    "closeSession": (Op.CLOSE_SESSION, b""),
}


@pytest.mark.parametrize("name", UNAUTHENTICATED)
def test_cp_11_6_requests_before_authentication(strict_server, name):
    """CP-11.6: the handshake is accepted; a request gets -124 with its xid (ping too), zxid 0 and
    no body, is not executed, and the connection is closed; the session survives.
    """
    op, body = UNAUTHENTICATED[name]
    with open_session(strict_server) as witness:
        assert witness.auth("digest", b"witness:pw").ok
        assert witness.create("/kept").err in (0, Err.NODE_EXISTS)
        before = witness.get("/kept").value
        with open_session(strict_server) as conn:
            conn.send_frame(struct.pack(">ii", 7, op) + body)
            expected = struct.pack(">iqi", 7, 0, Err.SESSION_CLOSED_REQUIRE_SASL)
            assert conn.recv_frame() == expected
            conn.expect_closed()
            with reconnect(strict_server, conn) as again:
                assert again.auth("digest", b"bob:pw").ok
                assert again.exists("/not-executed").err == Err.NO_NODE
                assert again.get("/kept").value == before
                assert again.close_session().ok
        assert witness.close_session().ok


def test_cp_11_6_after_authentication_all_is_normal(strict_server):
    """CP-11.6: also in one segment with the auth packet; by any digest credentials."""
    with open_session(strict_server) as conn:
        stream = conn.encode(Op.AUTH, auth_request("digest", b"anything"), Xid.AUTH)
        stream += conn.encode(Op.PING)
        stream += conn.encode(Op.GET_DATA, path_watch_request("/"), 1)
        conn.send_raw(stream)
        replies = replies_by_xid(conn, 3)
        assert [replies[xid].err for xid in (Xid.AUTH, Xid.PING, 1)] == [0, 0, 0]
        assert conn.create("/n", flags=Flags.EPHEMERAL).ok
        assert conn.close_session().ok
        conn.expect_closed()


def test_cp_11_6_another_scheme_is_not_enough(strict_server):
    """CP-11.6: ip, which every connection has; and a reconnect must authenticate again."""
    with open_session(strict_server) as conn:
        assert conn.auth("ip", b"").ok
        assert conn.ping().err == Err.SESSION_CLOSED_REQUIRE_SASL
        conn.expect_closed()
    with open_session(strict_server) as conn:
        assert conn.auth("digest", b"bob:pw").ok
        with reconnect(strict_server, conn) as again:
            assert again.exists("/").err == Err.SESSION_CLOSED_REQUIRE_SASL
            again.expect_closed()


def test_cp_11_6_any_of_several_schemes_is_enough(make_server):
    """CP-11.6 (section 11.6): ip in the list lets everybody in."""
    config = {"enforce.auth.enabled": "true", "enforce.auth.schemes": "digest,ip"}
    with open_session(make_server(config)) as conn:
        assert conn.create("/n").ok
        assert conn.auth("digest", b"bob:pw").ok
        assert conn.close_session().ok


def test_cp_11_6_schemes_alone_enforce_nothing(make_server):
    """CP-11.6 (section 11.6): enforce.auth.enabled is false by default."""
    with open_session(make_server({"enforce.auth.schemes": "digest"})) as conn:
        assert conn.ping().ok
        assert conn.create("/n").ok


@pytest.mark.parametrize("schemes", [None, "nobody", "digest,nobody"])
def test_cp_11_6_unusable_schemes_are_a_startup_error(make_server, schemes):
    """CP-11.6 (section 11.6): no schemes at all, or one that no provider serves."""
    config = {"enforce.auth.enabled": "true", "enforce.auth.schemes": schemes}
    server = make_server(config, start=False)
    server.launch()
    assert server.wait() != 0


# --- sasl packets without SASL ---


@pytest.mark.parametrize("token", [b"", b"token", b"\0" * 1000], ids=["empty", "text", "zeros"])
def test_cp_11_9_sasl_packet_without_sasl(conn, token):
    """CP-11.9: err 0 and a null token, zxid 0, xid echoed; the connection goes on as before."""
    for xid in (1, 0, -4, 99):
        reply = conn.request(Op.SASL, Writer().buffer(token).encoded(), xid)
        assert (reply.xid, reply.zxid, reply.err) == (xid, 0, 0)
        assert reply.body == b"\xff\xff\xff\xff"
        assert reply.value is None
    assert conn.whoami().value == [ADDRESS]


def test_cp_11_9_null_sasl_token(server, root):
    """CP-11.9: closed without a reply; the session survives."""
    with open_session(server) as conn:
        assert conn.create(root + "/e", flags=Flags.EPHEMERAL).ok
        with pytest.raises(ConnectionClosed):
            conn.sasl(None)
        with reconnect(server, conn) as again:
            assert again.get_ephemerals("/").value == [root + "/e"]
            assert again.close_session().ok
