"""The disk is full, the directory is taken: what was acknowledged stays, and nothing is promised in vain."""

import itertools

from lib.marks import apache_differs
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Op, ProtocolError, create_request, open_session

DISK_KIB = 4096
VALUE = bytes(10000)


def fill_until_closed(server) -> tuple[int, int]:
    """Pipelines creates until the server goes; (acknowledged, asked). Replies must come in order, all good."""
    acknowledged = 0
    with open_session(server) as conn:
        try:
            for asked in itertools.count():
                conn.submit(Op.CREATE, create_request(f"/n{asked}", VALUE))
                if asked - acknowledged < 16:
                    continue
                reply = conn.next()
                if reply is None:
                    return acknowledged, asked + 1
                assert reply.ok, f"a create on a full disk is answered with {reply.err}"
                acknowledged += 1
        except ProtocolError:  # the connection was cut in the middle of a reply
            return acknowledged, asked + 1


def test_so_12_3_full_disk_under_the_log_ends_the_server_and_loses_nothing(mounts, tmp_path, make_server):
    """SO-12.3: no acknowledgement after the error, the process ends with an error, and comes back with space."""
    small_disk = mounts.tmpfs(tmp_path / "small-disk", DISK_KIB)
    server = make_server({"dataLogDir": small_disk, "preAllocSize": 64})
    acknowledged, asked = fill_until_closed(server)
    status = server.wait(timeout=30)
    if server_kind() == "lockkeeper":
        assert status > 0, f"exit status {status} after an error of the disk"
    assert acknowledged * len(VALUE) < DISK_KIB * 1024, "more was acknowledged than fits on the disk"
    assert acknowledged > 100, "the disk was full too early for this test"

    mounts.resize(small_disk, 65536)
    server.start()
    with open_session(server) as conn:
        for number in range(acknowledged):
            reply = conn.get(f"/n{number}")
            assert reply.ok, f"/n{number} of {acknowledged} acknowledged is lost"
            assert reply.value[0] == VALUE
        found = sorted(int(name[1:]) for name in conn.children("/").value if name != "zookeeper")
        assert found == list(range(len(found))), "creates were applied with gaps"
        assert acknowledged <= len(found) <= asked
        assert conn.create("/after").ok


@apache_differs("3.8 starts a second server on the same directory, and both write to it")
def test_so_12_1_second_server_on_the_same_directory_is_refused(make_server):
    """12.4 of storage-and-operations, made safe: exit status 1 or 3, and the first server is not disturbed."""
    first = make_server()
    with open_session(first) as conn:
        assert conn.create("/a", b"first").ok
        second = make_server(data_dir=first.data_dir, start=False)
        second.launch()
        wait_until(lambda: second.serving() or not second.running, "the second server starts or refuses")
        assert not second.running, "two servers write to one directory"
        assert second.wait() in (1, 3)
        assert str(first.data_dir) in second.log_tail(), "the message does not name the directory"
        assert conn.create("/b", b"still there").ok


def test_directory_of_a_killed_server_is_free_again(make_server):
    """R9: no lock is left behind that only an operator could remove."""
    first = make_server()
    with open_session(first) as conn:
        assert conn.create("/a", b"first").ok
    first.kill()
    second = make_server(data_dir=first.data_dir)
    with open_session(second) as conn:
        assert conn.get("/a").value[0] == b"first"
