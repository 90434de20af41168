"""ACL lists on create and setACL, and what they grant, CP-7.14 to CP-7.20."""

import pytest

from lib import servers
from lib.marks import apache_differs
from lib.scenery import (
    CREATE_OPS,
    SUPER_CONFIG,
    SUPER_CREDENTIALS,
    create_body,
    create_by,
    create_quota,
    open_super,
)
from lib.zkwire import (
    CREATOR_ACL,
    OPEN_ACL,
    Acl,
    Err,
    Flags,
    Op,
    Perms,
    digest_id,
    open_session,
)

ANYONE = OPEN_ACL[0]
BOB, EVE = digest_id("bob:pw"), digest_id("eve:pw")


@pytest.fixture(scope="module")
def server():
    """A server with a super user and TTL nodes."""
    config = {**SUPER_CONFIG, "extendedTypesEnabled": "true"}
    with servers.start_server(config=config) as process:
        yield process


@pytest.fixture
def super_conn(server):
    """A session that passes every ACL check and sees ACLs as they are."""
    with open_super(server) as connection:
        yield connection
        connection.close_session()


def acl_writes(conn, path, acl):
    """Error of each write that takes an ACL list, by name; `path` and its children are removed
    first.
    """
    errors = {}
    for op in CREATE_OPS:
        flags = Flags.TTL if op == Op.CREATE_TTL else Flags.PERSISTENT
        conn.delete(path)
        errors[op] = create_by(conn, op, path, flags, acl=acl).err
    conn.delete(path)
    assert conn.create(path).ok
    errors[Op.SET_ACL] = conn.set_acl(path, acl).err
    if acl is not None:  # a null vector in an element fails the whole request, see CP-8.9
        conn.delete(path)
        body = create_body(Op.CREATE, path, Flags.PERSISTENT, acl=acl)
        errors[Op.MULTI] = conn.multi([(Op.CREATE, body)]).value[0].err
    return errors


def assert_valid(conn, path, acl):
    """Every write takes the list."""
    errors = acl_writes(conn, path, acl)
    assert set(errors.values()) == {0}, errors


def assert_invalid(conn, path, acl):
    """Every write refuses the list with -114."""
    errors = acl_writes(conn, path, acl)
    assert set(errors.values()) == {Err.INVALID_ACL}, errors


# --- Lists ---


def test_cp_7_14_exact_duplicates_collapse(conn, super_conn, root):
    """CP-7.14: the first stays where it is, the order is kept, by create and setACL."""
    ip, digest = Acl(1, "ip", "10.0.0.1"), Acl(1, "digest", "a:b")
    sent = [digest, ANYONE, digest, ip, ANYONE, ip, digest]
    assert conn.create(root + "/n", acl=sent).ok
    assert super_conn.get_acl(root + "/n").value[0] == [digest, ANYONE, ip]
    sent.reverse()
    assert conn.set_acl(root + "/n", sent).ok
    assert super_conn.get_acl(root + "/n").value[0] == [digest, ip, ANYONE]


def test_cp_7_14_same_id_with_other_perms_stays(conn, super_conn, root):
    """CP-7.14: these entries add up."""
    acl = [Acl(perms, "world", "anyone") for perms in (Perms.READ, Perms.WRITE, 0, Perms.READ | 2)]
    assert conn.create(root + "/n", acl=acl).ok
    assert super_conn.get_acl(root + "/n").value[0] == acl
    assert conn.set(root + "/n", b"x").ok
    assert conn.get(root + "/n").ok
    assert conn.set_acl(root + "/n", OPEN_ACL).err == Err.NO_AUTH


INVALID_LISTS = {
    "null": None,
    "empty": [],
    "null scheme": [Acl(31, None, "anyone")],
    "empty scheme": [Acl(31, "", "anyone")],
    "unknown scheme": [Acl(31, "nobody", "anyone")],
    "scheme in capitals": [Acl(31, "World", "anyone")],
    "super": [Acl(31, "super", "")],
    "world with another id": [Acl(31, "world", "someone")],
    "world with an empty id": [Acl(31, "world", "")],
    "auth without identities": [Acl(31, "auth", "")],
    "one bad entry among good ones": [ANYONE, Acl(31, "digest", "a:b"), Acl(1, "no", "x")],
}


@pytest.mark.parametrize("name", INVALID_LISTS)
def test_cp_7_15_invalid_lists(conn, root, name):
    """CP-7.15: -114 by every create op, in multi, and by setACL, which leaves the ACL alone."""
    assert_invalid(conn, root + "/n", INVALID_LISTS[name])
    assert conn.delete(root + "/n").err in (0, Err.NO_NODE)
    assert conn.create(root + "/kept").ok
    assert conn.set_acl(root + "/kept", INVALID_LISTS[name]).err == Err.INVALID_ACL
    acl, stat = conn.get_acl(root + "/kept").value
    assert (acl, stat.aversion) == (OPEN_ACL, 0)


def test_cp_7_15_super_may_not_store_invalid_lists_either(super_conn, root):
    """CP-7.15 (section 11.3, super): validity of schemes binds super too."""
    for name in ("empty", "super", "unknown scheme", "world with another id"):
        assert_invalid(super_conn, root + "/n", INVALID_LISTS[name])


@pytest.mark.parametrize("scheme", ["world", "digest", "ip"])
def test_cp_7_15_null_id_text(conn, root, scheme):
    """CP-7.15 (section 7.5): -5, and the connection goes on; with auth the id does not matter."""
    assert conn.create(root + "/n", acl=[Acl(31, scheme, None)]).err == Err.MARSHALLING
    assert conn.exists(root + "/n").err == Err.NO_NODE
    assert conn.auth("digest", b"bob:pw").ok
    assert conn.create(root + "/n", acl=[Acl(31, "auth", None)]).ok


def test_cp_7_15_an_ip_identity_is_not_enough_for_auth(conn, root):
    """CP-7.15: neither the one every connection has nor one asked for; digest is."""
    assert conn.auth("ip", b"").ok
    assert_invalid(conn, root + "/n", CREATOR_ACL)
    assert conn.auth("digest", b"bob:pw").ok
    assert_valid(conn, root + "/n", CREATOR_ACL)


# --- auth ---


@pytest.mark.parametrize("text", ["", "anyone", "x:y", "\u00e9", None], ids=repr)
def test_cp_7_16_auth_expands_to_all_digest_identities(conn, super_conn, root, text):
    """CP-7.16: one entry for each with the perms of the entry, whatever its id text says."""
    for credentials in (b"bob:pw", b"eve:pw", b"bob:pw"):
        assert conn.auth("digest", credentials).ok
    perms = Perms.READ | Perms.ADMIN
    assert conn.create(root + "/n", acl=[Acl(perms, "auth", text)]).ok
    stored = super_conn.get_acl(root + "/n").value[0]
    assert sorted(stored) == sorted(Acl(perms, "digest", user) for user in (BOB, EVE))
    assert conn.set_acl(root + "/n", [Acl(31, "auth", text)]).ok
    stored = super_conn.get_acl(root + "/n").value[0]
    assert sorted(stored) == sorted(Acl(31, "digest", user) for user in (BOB, EVE))


def test_cp_7_16_auth_expands_in_its_place(conn, super_conn, root):
    """CP-7.16: between its neighbours; what expansion doubles is not removed."""
    assert conn.auth("digest", b"bob:pw").ok
    bob = Acl(31, "digest", BOB)
    sent = [Acl(1, "ip", "10.0.0.1"), Acl(31, "auth", ""), bob, ANYONE, Acl(31, "auth", "other")]
    assert conn.create(root + "/n", acl=sent).ok
    assert super_conn.get_acl(root + "/n").value[0] == [sent[0], bob, bob, ANYONE, bob]


def test_cp_7_16_auth_leaves_out_super_and_ip(super_conn, root):
    """CP-7.16: a super user's digest identity is stored, its super identity is not."""
    assert super_conn.create(root + "/n", acl=CREATOR_ACL).ok
    stored = super_conn.get_acl(root + "/n").value[0]
    assert stored == [Acl(31, "digest", digest_id(SUPER_CREDENTIALS.decode()))]


def test_cp_7_16_creator_acl_opens_for_the_same_user_only(conn, new_session, root):
    """CP-7.16: to another connection with the same credentials, and to no other."""
    assert conn.auth("digest", b"bob:pw").ok
    assert conn.create(root + "/n", b"data", CREATOR_ACL).ok
    bob, eve = new_session(), new_session()
    assert bob.get(root + "/n").err == Err.NO_AUTH
    assert bob.auth("digest", b"bob:pw").ok
    for credentials in (b"eve:pw", b"bob:other", b"bob", b"bob:pw "):
        assert eve.auth("digest", credentials).ok
    assert bob.get(root + "/n").value[0] == b"data"
    assert eve.get(root + "/n").err == Err.NO_AUTH
    assert eve.set_acl(root + "/n", OPEN_ACL).err == Err.NO_AUTH


# --- Ids ---


@pytest.mark.parametrize("text", ["a:b", ":b", "a:b:", "a:b::", " : ", BOB, "\u00e9:\u00e9"])
def test_cp_7_17_valid_digest_ids(conn, super_conn, root, text):
    """CP-7.17: two pieces after dropping trailing empty ones; stored as sent."""
    assert_valid(conn, root + "/n", [ANYONE, Acl(1, "digest", text)])
    assert super_conn.get_acl(root + "/n").value[0] == [ANYONE, Acl(1, "digest", text)]


@pytest.mark.parametrize("text", ["abc", "a:", "a::", "a:b:c", "", ":", "::", "::b", "a::b"])
def test_cp_7_17_invalid_digest_ids(conn, root, text):
    """CP-7.17: any other number of pieces."""
    assert_invalid(conn, root + "/n", [Acl(31, "digest", text)])


VALID_IPV4 = [
    *("10.0.0.1", "0.0.0.0", "255.255.255.255", "10.0.0.0/8", "10.1.2.3/0", "10.1.2.3/32"),
    *("010.000.001.1", "+1.2.3.4"),
]


@pytest.mark.parametrize("text", VALID_IPV4)
def test_cp_7_18_valid_ipv4_ids(conn, super_conn, root, text):
    """CP-7.18: addresses and prefixes, stored as sent; leading zeros and a plus are tolerated."""
    assert_valid(conn, root + "/n", [ANYONE, Acl(31, "ip", text)])
    assert super_conn.get_acl(root + "/n").value[0] == [ANYONE, Acl(31, "ip", text)]


INVALID_IPS = [
    *("", "/", "/8", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/x", "10.0.0"),
    *("10.0.0.0.1", "10.0.0.256", "10.0.0.-1", "10.0.0.", "10..0.1", "10.0.0.a", "10", "10.0.0.1 "),
    *("localhost", "host.example.org", "10.0.0.1:2181", "0x0a.0.0.1", "anyone"),
]


@pytest.mark.parametrize("text", INVALID_IPS)
def test_cp_7_18_invalid_ip_ids(conn, root, text):
    """CP-7.18: -114."""
    assert_invalid(conn, root + "/n", [Acl(31, "ip", text)])


VALID_IPV6 = [
    *("::1", "2001:db8::1", "2001:db8::/32", "1:2:3:4:5:6:7:8", "0:0:0:0:0:0:0:1", "1::8"),
    *("::1/128", "::1/0", "FE80::ABCD", "1:2:3:4:5:6:7::", "2001:0db8::0001/64"),
]


@pytest.mark.parametrize("text", VALID_IPV6)
@apache_differs("3.8 takes no IPv6 ids")
def test_cp_7_18_valid_ipv6_ids(conn, super_conn, root, text):
    """CP-7.18: addresses and prefixes up to /128, stored as sent."""
    assert_valid(conn, root + "/n", [ANYONE, Acl(31, "ip", text)])
    assert super_conn.get_acl(root + "/n").value[0] == [ANYONE, Acl(31, "ip", text)]


INVALID_IPV6 = [
    *("::1/129", "::1/-1", "::1/", "::1/x", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9"),
    *("12345::1", "g::1", "::ffff:1.2.3.4", "fe80::1%eth0", ":1", "1:", ":::", "[::1]"),
    "1:2:3:4:5:6:7::8",  # "::" must stand for at least one group
]


@pytest.mark.parametrize("text", INVALID_IPV6)
def test_cp_7_18_invalid_ipv6_ids(conn, root, text):
    """CP-7.18: -114."""
    assert_invalid(conn, root + "/n", [Acl(31, "ip", text)])


@pytest.mark.parametrize(
    "text, granted",
    [
        *(("127.0.0.1", True), ("127.0.0.1/32", True), ("127.0.0.0/8", True), ("1.2.3.4/0", True)),
        *(("127.255.255.255/8", True), ("126.0.0.1/7", True), ("127.0.0.0/31", True)),
        *(("127.0.0.2", False), ("127.0.0.2/31", False), ("127.0.0.0/32", False)),
        *(("126.0.0.1/8", False), ("128.0.0.1/1", False), ("10.0.0.0/8", False)),
    ],
)
def test_cp_7_18_an_ip_entry_grants_to_its_prefix(conn, root, text, granted):
    """CP-7.18 (section 11.3, ip): compared after masking both; this connection is 127.0.0.1."""
    assert conn.create(root + "/n", b"data", [Acl(Perms.READ, "ip", text)]).ok
    assert conn.get(root + "/n").err == (0 if granted else Err.NO_AUTH)
    assert conn.set(root + "/n", b"x").err == Err.NO_AUTH


@pytest.mark.parametrize("text", ["::1", "::1/0", "7f00:1::/32"])
@apache_differs("3.8 takes no IPv6 ids")
def test_cp_7_18_an_ipv6_entry_grants_nothing_to_an_ipv4_client(conn, root, text):
    """CP-7.18 (section 11.3, ip): both must be of one family."""
    assert conn.create(root + "/n", acl=[Acl(Perms.READ, "ip", text)]).ok
    assert conn.get(root + "/n").err == Err.NO_AUTH


# --- Perms, super ---


@pytest.mark.parametrize("perms", [0, 1, 31, 32, 255, -1, -(2**31), 2**31 - 1])
def test_cp_7_19_perms_are_stored_as_sent(conn, super_conn, root, perms):
    """CP-7.19: unknown bits too; for world, digest and expanded entries."""
    assert conn.auth("digest", b"bob:pw").ok
    sent = [Acl(perms, "world", "anyone"), Acl(perms, "ip", "10.0.0.1"), Acl(perms, "auth", "")]
    assert conn.create(root + "/n", acl=sent).ok
    stored = sent[:2] + [Acl(perms, "digest", BOB)]
    assert super_conn.get_acl(root + "/n").value[0] == stored


def refused_operations(conn, path):
    """Errors of one operation for each permission on `path`, which has no children."""
    return [
        conn.get(path).err,
        conn.set(path, b"x").err,
        conn.create(path + "/child").err,
        conn.delete(path + "/child").err,
        conn.set_acl(path, OPEN_ACL).err,
        conn.get_acl(path).err,
    ]


def test_cp_7_19_perms_zero_deny_everybody_but_super(conn, super_conn, root):
    """CP-7.19: the creator too; bits beyond the five grant nothing either."""
    for number, perms in enumerate((0, 32, 2**30)):
        path = f"{root}/{number}"
        assert conn.create(path, acl=[Acl(perms, "world", "anyone")]).ok
        assert refused_operations(conn, path) == [Err.NO_AUTH] * 6
        assert refused_operations(super_conn, path) == [0] * 6


def test_cp_7_19_all_bits_set_grant_everything(conn, root):
    """CP-7.19: 255 and -1 include the five."""
    for number, perms in enumerate((255, -1)):
        path = f"{root}/{number}"
        assert conn.create(path, acl=[Acl(perms, "world", "anyone")]).ok
        assert refused_operations(conn, path) == [0] * 6


def test_cp_7_20_super_bypasses_acls_and_sees_digests(conn, super_conn, root):
    """CP-7.20: on a node and below a parent that grant the caller nothing."""
    path, acl = root + "/n", [Acl(31, "digest", BOB)]
    assert conn.create(path, acl=acl).ok
    assert refused_operations(conn, path) == [Err.NO_AUTH] * 6
    assert super_conn.get_acl(path).value[0] == acl
    assert refused_operations(super_conn, path) == [0] * 6
    assert conn.get(path).ok  # the last of those operations but one opened it


def test_cp_7_20_super_is_bound_by_everything_but_acls(super_conn, root):
    """CP-7.20 (section 11.3, super): versions, existence and children count for super too."""
    assert super_conn.create(root + "/n", acl=[Acl(0, "world", "anyone")]).ok
    assert super_conn.create(root + "/n/child").ok
    assert super_conn.set(root + "/n", b"x", 7).err == Err.BAD_VERSION
    assert super_conn.delete(root + "/n").err == Err.NOT_EMPTY
    assert super_conn.get(root + "/missing").err == Err.NO_NODE
    assert super_conn.create(root + "/n").err == Err.NODE_EXISTS


def test_cp_7_20_skip_acl_lets_everybody_pass(make_server):
    """CP-7.20 (section 7.6): skipACL=yes allows all, stores lists all the same, and still refuses
    invalid ones; quotas are no ACLs.
    """
    server = make_server({"skipACL": "yes", "enforceQuota": "true"})
    acl = [Acl(0, "digest", BOB)]
    with open_session(server) as conn:
        assert conn.create("/n", acl=acl).ok
        assert conn.get_acl("/n").value[0] == acl
        assert refused_operations(conn, "/n") == [0] * 6
        for invalid in (None, [], [Acl(31, "nobody", "x")], CREATOR_ACL):
            assert conn.create("/invalid", acl=invalid).err == Err.INVALID_ACL
        assert conn.set("/zookeeper/config", b"x").ok
        assert conn.delete("/zookeeper/config").err == Err.BAD_ARGUMENTS
        create_quota(conn, "/n", "count=-1,bytes=-1=;countHardLimit=1")
        assert conn.create("/n/x").err == Err.QUOTA_EXCEEDED


@pytest.mark.parametrize("value", ["no", "true", "YES"])
def test_cp_7_20_skip_acl_is_exactly_yes(make_server, value):
    """CP-7.20 (section 7.6): any other value leaves the checks on."""
    with open_session(make_server({"skipACL": value})) as conn:
        assert conn.create("/n", acl=[Acl(0, "world", "anyone")]).ok
        assert conn.get("/n").err == Err.NO_AUTH
