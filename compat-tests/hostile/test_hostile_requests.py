"""Requests that are well-formed and unreasonable: huge paths, lists, transactions, watches."""

import struct

from lib.servers import server_kind
from lib.zkwire import *  # pylint: disable=wildcard-import,unused-wildcard-import

LONG = 900 * 1000  # characters; still inside one frame


def test_paths_of_nearly_a_megabyte(server, attack, root):
    """CP-6, CP-7.1: one long name, and a path of half a million components; looked up and created."""
    deep = root + "/a" * (LONG // 2)
    long = root + "/" + "n" * LONG
    with attack(), open_session(server) as conn:
        assert conn.exists(deep).err == Err.NO_NODE
        assert conn.get(deep).err == Err.NO_NODE
        assert conn.create(deep).err == Err.NO_NODE
        assert conn.delete(deep).err == Err.NO_NODE
        assert conn.create(long).ok
        assert conn.exists(long).ok
        assert conn.children(root).value == ["n" * LONG]
        assert conn.delete(long).ok


def test_deep_tree_is_built_used_and_removed(server, attack, root):
    """2,000 levels, each watched: no recursion runs out of stack."""
    paths = [root + "/d" * level for level in range(1, 2001)]
    with attack(), open_session(server) as conn:
        assert conn.add_watch(root, WatchMode.PERSISTENT_RECURSIVE).ok
        for start in range(0, len(paths), 100):
            elements = [(Op.CREATE, create_request(path)) for path in paths[start : start + 100]]
            assert not any(result.err for result in conn.multi(elements).value)
        assert conn.set(paths[-1], b"deep").ok
        assert conn.all_children_number(root).value == 2000
        for start in range(0, len(paths), 100):
            elements = [(Op.DELETE, path_version_request(path)) for path in paths[::-1][start : start + 100]]
            assert not any(result.err for result in conn.multi(elements).value)


def test_counts_that_promise_billions(server, attack, root):
    """CP-1 table 1.2: vector counts far beyond the frame in ACLs and watch lists are decode errors, not memory."""
    huge = struct.pack(">i", 0x7FFFFFFF)
    with attack(grow_mib=32), open_session(server) as conn:
        for _ in range(200):
            body = path_request(f"{root}/a") + struct.pack(">i", 0) + huge + struct.pack(">i", 0)
            assert conn.request(Op.CREATE, body).err == Err.MARSHALLING
            body = path_request(root) + huge + struct.pack(">i", -1)
            assert conn.request(Op.SET_ACL, body).err == Err.MARSHALLING
            body = struct.pack(">q", 0) + huge
            assert conn.request(Op.SET_WATCHES, body).err == Err.MARSHALLING
        assert conn.exists(f"{root}/a").err == Err.NO_NODE


def test_access_lists_of_thousands_of_entries(server, attack, root):
    """CP-7.14, CP-7.15: every entry is compared with those before it, and still nobody waits for that.

    The longest list nearly fills its frame. Apache compares one by one: a short list must do for it.
    """
    counts = (10_000, 36_000, 36_000) if server_kind() == "lockkeeper" else (2_000,)
    with attack(grow_mib=64, deadline_s=3), open_session(server, timeout=60) as conn:
        for number, count in enumerate(counts):
            entries = [acl(Perms.READ, "ip", f"10.{number}.{i // 256}.{i % 256}") for i in range(count)]
            entries.append(acl(Perms.ALL, "world", "anyone"))
            assert conn.create(f"{root}/a{number}", acl=entries + entries[:10]).ok
            assert conn.get(f"{root}/a{number}").ok
            assert len(conn.get_acl(f"{root}/a{number}").value[0]) == count + 1
            assert conn.delete(f"{root}/a{number}").ok


def test_transactions_of_forty_thousand_elements(server, attack, root):
    """CP-8.3, CP-8.4: checks without number, of which the last fails, and creates that succeed."""
    elements = [(Op.CHECK, path_version_request(root, -1))] * 20_000
    with attack(grow_mib=128), open_session(server, timeout=60) as conn:
        reply = conn.multi(elements + [(Op.CHECK, path_version_request(f"{root}/missing"))])
        assert reply.ok
        assert [result.err for result in reply.value] == [0] * 20_000 + [Err.NO_NODE]
        creates = [(Op.CREATE, create_request(f"{root}/n{number}")) for number in range(10_000)]
        assert not any(result.err for result in conn.multi(creates).value)
        assert conn.exists(root).value.num_children == 10_000
        deletes = [(Op.DELETE, path_version_request(f"{root}/n{number}")) for number in range(10_000)]
        assert not any(result.err for result in conn.multi(deletes).value)


def test_multi_whose_end_never_comes(server, attack, root):
    """CP-8.8: multis nested in each other, headers without a record, elements without an end."""
    with attack(grow_mib=32), open_session(server) as conn:
        for body in (
            multi_header(Op.MULTI) * 50_000 + MULTI_END,
            multi_header(Op.CHECK),
            b"",
            (multi_header(Op.CREATE) + create_request(f"{root}/a")) * 100,
        ):
            for _ in range(5):
                assert conn.request(Op.MULTI, body).err == Err.MARSHALLING
        assert conn.exists(f"{root}/a").err == Err.NO_NODE


def test_hundreds_of_thousands_of_watches_go_with_their_connections(server, attack, root):
    """CP-9.25: 10 connections with 50,000 watches each, three times over; they leave nothing behind."""
    paths = [f"{root}/watched-{number:05d}" for number in range(50_000)]

    def register_on_ten_connections() -> None:
        conns = [open_session(server, timeout=60) for _ in range(10)]
        for conn in conns:
            for start in range(0, len(paths), 25_000):
                assert conn.set_watches(1 << 60, exist=paths[start : start + 25_000]).ok
        for conn in conns:
            conn.close_session()
            conn.close()

    register_on_ten_connections()
    with attack(grow_mib=64):
        register_on_ten_connections()
        register_on_ten_connections()


def test_removed_watches_that_were_never_there(server, attack, root):
    """CP-9.15: 50,000 removals and checks of nothing."""
    with attack(grow_mib=32), open_session(server) as conn:
        for op in (Op.REMOVE_WATCHES, Op.CHECK_WATCHES):
            for start in range(0, 5000, 500):
                body = [path_int_request(f"{root}/{start + i}", WatcherType.ANY) for i in range(500)]
                conn.send_raw(b"".join(conn.encode(op, one) for one in body))
                assert all(conn.next_reply().err == Err.NO_WATCHER for _ in body)


def test_authentications_without_end(server, attack):
    """CP-11.1: a thousand digest identities on one connection; each request after them is checked against all."""
    with attack(grow_mib=32), open_session(server) as conn:
        for number in range(1000):
            assert conn.auth("digest", f"user{number}:pw".encode()).ok
        assert len(conn.whoami().value) == 1001
        assert conn.exists("/").ok
