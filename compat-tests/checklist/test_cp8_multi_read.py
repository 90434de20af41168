"""multiRead, CP-8.11 and CP-8.12."""

import pytest

from lib.elements import check, create, delete, get_children, get_data, set_data
from lib.zkwire import (
    MULTI_END,
    Acl,
    Err,
    Op,
    Perms,
    WatcherType,
    multi_request,
    path_request,
    path_watch_request,
)

NO_READ = [Acl(Perms.ALL & ~Perms.READ, "world", "anyone")]


def test_cp_8_11_multi_read(conn, root):
    """CP-8.11: results in order, an error for the element it concerns only, z unchanged."""
    assert conn.create(root + "/n", b"data").ok
    assert conn.create(root + "/null", None).ok
    assert conn.create(root + "/sealed", acl=NO_READ).ok
    z = conn.last_zxid()
    elements = [
        get_data(root + "/n"),
        get_data(root + "/missing"),
        get_children(root),
        get_children(root + "/sealed"),
        get_data(root + "/sealed"),
        get_data(root + "/null"),
        get_children(root + "/n"),
        get_children(root + "/missing"),
    ]
    reply = conn.multi_read(elements)
    assert (reply.err, reply.zxid) == (0, z)
    results = reply.value
    assert [result.type for result in results] == [4, -1, 8, -1, -1, 4, 8, -1]
    codes = [0, Err.NO_NODE, 0, Err.NO_AUTH, Err.NO_AUTH, 0, 0, Err.NO_NODE]
    assert [result.err for result in results] == codes
    assert [result.header_err for result in results] == codes
    assert results[0].value == conn.get(root + "/n").value
    assert results[5].value == conn.get(root + "/null").value
    assert sorted(results[2].value) == ["n", "null", "sealed"]
    assert results[6].value == []
    assert conn.last_zxid() == z


def test_cp_8_11_multi_read_of_nothing(conn):
    """CP-8.11: an empty list is answered by the end header."""
    reply = conn.multi_read([])
    assert (reply.err, reply.body) == (0, MULTI_END)


@pytest.mark.parametrize("watch", [1, 7])
def test_cp_8_11_multi_read_sets_no_watch(conn, root, watch):
    """CP-8.11: its watch flags are ignored, for existing and missing nodes."""
    paths = [root, root + "/missing"]
    elements = [read(path, watch) for path in paths for read in (get_data, get_children)]
    assert conn.multi_read(elements).ok
    for path in paths:
        assert conn.check_watches(path, WatcherType.ANY).err == Err.NO_WATCHER
    assert conn.create(root + "/missing").ok
    assert conn.set(root, b"x").ok
    assert conn.drain_events() == []


def test_cp_8_11_multi_read_waits_for_own_writes(conn, root):
    """CP-8.11 (section 10.4): in a pipeline it reads what the multi before it wrote."""
    stream = conn.encode(Op.MULTI, multi_request([create(root + "/n", data=b"1")]))
    stream += conn.encode(Op.MULTI_READ, multi_request([get_data(root + "/n"), get_children(root)]))
    stream += conn.encode(Op.MULTI, multi_request([delete(root + "/n")]))
    stream += conn.encode(Op.MULTI_READ, multi_request([get_data(root + "/n"), get_children(root)]))
    conn.send_raw(stream)
    replies = [conn.next_reply() for _ in range(4)]
    assert replies[1].value[0].value[0] == b"1"
    assert replies[1].value[1].value == ["n"]
    assert replies[3].value[0].err == Err.NO_NODE
    assert replies[3].value[1].value == []


def forbidden_elements(path):
    """Elements that multiRead does not take, by name."""
    return {
        "exists": (Op.EXISTS, path_watch_request(path)),
        "getChildren2": (Op.GET_CHILDREN2, path_watch_request(path)),
        "getACL": (Op.GET_ACL, path_request(path)),
        "create": create(path + "/n"),
        "delete": delete(path),
        "setData": set_data(path, b"new"),
        "check": check(path),
        "99": (99, path_request(path)),
    }


@pytest.mark.parametrize("name", forbidden_elements("/"))
def test_cp_8_12_other_ops_in_multi_read(conn, root, name):
    """CP-8.12: -5, nothing is written, and the connection goes on."""
    element = forbidden_elements(root)[name]
    before = conn.get(root).value
    for elements in ([element], [get_data(root), element], [element, get_data(root)]):
        assert conn.multi_read(elements).err == Err.MARSHALLING
        assert conn.get(root).value == before


@pytest.mark.parametrize("name", ["exists", "getChildren2", "99"])
def test_cp_8_12_unknown_elements_leave_the_body_empty(conn, root, name):
    """CP-8.12 (section 8.6): so do requests that cannot be decoded."""
    body = multi_request([get_data(root)])
    requests = [body[:length] for length in (0, 5, 9, 12, len(body) - 9, len(body) - 1)]
    requests.append(multi_request([get_data(root), forbidden_elements(root)[name]]))
    for request in requests:
        reply = conn.request(Op.MULTI_READ, request)
        assert (reply.err, reply.body) == (Err.MARSHALLING, b"")
    assert conn.multi_read([get_data(root)]).value[0].err == 0
