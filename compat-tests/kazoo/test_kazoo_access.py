"""Authentication and access control lists through kazoo."""

import pytest
from kazoo.exceptions import AuthFailedError, BadVersionError, InvalidACLError, NoAuthError, NoNodeError
from kazoo.security import (
    ACL,
    CREATOR_ALL_ACL,
    OPEN_ACL_UNSAFE,
    READ_ACL_UNSAFE,
    Id,
    Permissions,
    make_acl,
    make_digest_acl,
    make_digest_acl_credential,
)

BOB = make_digest_acl("bob", "pw", all=True)


def test_digest_credentials_open_what_they_protect(connect, zk, root):
    """CP-11.1, CP-11.2, CP-11.4."""
    zk.create(f"{root}/secret", b"s", acl=[BOB])
    with pytest.raises(NoAuthError):
        zk.get(f"{root}/secret")
    zk.add_auth("digest", "bob:wrong")
    with pytest.raises(NoAuthError):
        zk.get(f"{root}/secret")
    zk.add_auth("digest", "bob:pw")
    assert zk.get(f"{root}/secret")[0] == b"s"
    other = connect()
    with pytest.raises(NoAuthError):
        other.set(f"{root}/secret", b"x")


def test_credentials_given_to_the_client_are_sent_at_connect(connect, zk, root):
    """CP-2.15: auth packets right behind the handshake."""
    zk.create(f"{root}/secret", b"s", acl=[BOB])
    bob = connect(auth_data=[("digest", "bob:pw")])
    assert bob.get(f"{root}/secret")[0] == b"s"


def test_default_acl_of_a_client_is_used_for_its_nodes(connect, zk, root):
    """CP-7.14: the ACL arrives as given."""
    bob = connect(default_acl=(BOB,), auth_data=[("digest", "bob:pw")])
    bob.create(f"{root}/mine")
    assert bob.get_acls(f"{root}/mine")[0] == [BOB]
    with pytest.raises(NoAuthError):
        zk.get(f"{root}/mine")


def test_creator_acl_becomes_the_creators_identity(connect, root):
    """CP-7.16."""
    bob = connect(auth_data=[("digest", "bob:pw")])
    bob.create(f"{root}/mine", acl=CREATOR_ALL_ACL)
    acls, stat = bob.get_acls(f"{root}/mine")
    assert acls == [ACL(Permissions.ALL, Id("digest", make_digest_acl_credential("bob", "pw")))]
    assert stat.aversion == 0


def test_creator_acl_without_identity_is_refused(zk, root):
    """CP-7.15."""
    with pytest.raises(InvalidACLError):
        zk.create(f"{root}/mine", acl=CREATOR_ALL_ACL)


def test_each_permission_allows_its_operation_only(connect, zk, root):
    """CP-7.2, CP-7.3, CP-7.6, CP-7.8: read, write, create, delete and admin are checked one by one."""
    admin = connect(auth_data=[("digest", "bob:pw")])
    operations = {
        "read": lambda path: zk.get(path),
        "write": lambda path: zk.set(path, b"x"),
        "create": lambda path: zk.create(f"{path}/new"),
        "delete": lambda path: zk.delete(f"{path}/child"),
        "admin": lambda path: zk.set_acls(path, OPEN_ACL_UNSAFE),
    }
    for allowed in operations:
        path = f"{root}/only-{allowed}"
        admin.create(path)
        admin.create(f"{path}/child")
        admin.set_acls(path, [BOB, make_acl("world", "anyone", **{allowed: True})])
        for name, operation in operations.items():
            if name != allowed:
                with pytest.raises(NoAuthError):
                    operation(path)
        operations[allowed](path)


def test_set_acls_raises_aversion_and_checks_it(zk, root):
    """CP-7.12, CP-7.4."""
    zk.create(f"{root}/a")
    stat = zk.set_acls(f"{root}/a", READ_ACL_UNSAFE + [make_acl("ip", "127.0.0.1", all=True)], version=0)
    assert (stat.aversion, stat.version) == (1, 0)
    with pytest.raises(BadVersionError):
        zk.set_acls(f"{root}/a", OPEN_ACL_UNSAFE, version=0)
    assert zk.get_acls(f"{root}/a")[1].aversion == 1


def test_acls_of_a_missing_node(zk, root):
    """CP-7.4."""
    with pytest.raises(NoNodeError):
        zk.get_acls(f"{root}/missing")
    with pytest.raises(NoNodeError):
        zk.set_acls(f"{root}/missing", OPEN_ACL_UNSAFE)


def test_address_acls_match_the_client(zk, root):
    """CP-7.18, CP-11.1: ip ids with prefix."""
    zk.create(f"{root}/here", acl=[make_acl("ip", "127.0.0.0/8", all=True)])
    zk.create(f"{root}/elsewhere", acl=[make_acl("ip", "10.0.0.0/8", all=True)])
    assert zk.get(f"{root}/here")[0] == b""
    with pytest.raises(NoAuthError):
        zk.get(f"{root}/elsewhere")


def test_hashes_are_hidden_from_those_who_may_not_change_them(zk, root):
    """CP-7.8: without ADMIN the digest reads "bob:x"."""
    zk.create(f"{root}/a", acl=[BOB, make_acl("world", "anyone", read=True)])
    assert zk.get_acls(f"{root}/a")[0][0].id.id == "bob:x"
    zk.add_auth("digest", "bob:pw")
    assert zk.get_acls(f"{root}/a")[0][0] == BOB


def test_unknown_scheme_fails_authentication(connect):
    """CP-11.3."""
    client = connect()
    with pytest.raises(AuthFailedError):
        client.add_auth("nosuchscheme", "x")


def test_transaction_without_permission_applies_nothing(connect, zk, root):
    """CP-8.3 with CP-7.2."""
    bob = connect(auth_data=[("digest", "bob:pw")])
    bob.create(f"{root}/closed", acl=[BOB])
    transaction = zk.transaction()
    transaction.create(f"{root}/a")
    transaction.set_data(f"{root}/closed", b"x")
    results = transaction.commit()
    assert isinstance(results[1], NoAuthError)
    assert zk.exists(f"{root}/a") is None
