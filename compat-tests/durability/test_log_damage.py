"""Damaged transaction logs: a torn tail is cut off, damage before it stops the start.

Every test works on copies of one data directory that a killed server left behind: COUNT acknowledged creates,
the last record of the newest log being the last create.
"""

import re
import shlex
import shutil
import subprocess

import pytest

from lib import servers
from lib.marks import apache_differs
from lib.servers import lockkeeper_binary, server_kind
from lib.txn_log import RECORD_HEAD_SIZE, newest_log, records_of
from lib.waiting import wait_until
from lib.zkwire import open_session

COUNT = 20
SECTOR_SIZE = 512
# Where in the last record (0 = its first byte) the file is cut: inside the checksum, the length, the payload,
# before the end mark. Negative numbers count from the record's end.
CUTS = [0, 1, 7, 8, 9, 11, 12, 13, 30, 48, -20, -2, -1]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """A data directory with COUNT creates in its newest log, left by kill -9, and the zxid of the last create."""
    data_dir = tmp_path_factory.mktemp("crashed")
    with servers.start_server(data_dir=data_dir, config={"preAllocSize": 64}) as server:
        with open_session(server) as conn:
            for number in range(COUNT):
                reply = conn.create(f"/n{number}", f"value {number}".encode())
                assert reply.ok
            server.kill()
    assert records_of(newest_log(data_dir))[-1].zxid == reply.zxid
    return data_dir


@pytest.fixture
def copy(crashed, tmp_path):
    """A copy that the test may damage: (data directory, newest log, its records)."""
    data_dir = tmp_path / "data"
    shutil.copytree(crashed, data_dir)
    log = newest_log(data_dir)
    return data_dir, log, records_of(log)


def assert_holds(server, count: int) -> None:
    """The first `count` of the creates are there, with their values, and no more."""
    with open_session(server) as conn:
        for number in range(COUNT):
            reply = conn.get(f"/n{number}")
            if number < count:
                assert reply.ok, f"/n{number} is lost: {reply}"
                assert reply.value[0] == f"value {number}".encode()
            else:
                assert not reply.ok, f"/n{number} should be lost with its record"


def assert_writes_and_survives_another_restart(server, count: int) -> None:
    """A cut tail must not get in the way of what is written after it."""
    with open_session(server) as conn:
        assert conn.create("/later", b"x").ok
        conn.close_session()
    server.kill()
    server.start()
    assert_holds(server, count)
    with open_session(server) as conn:
        assert conn.get("/later").value[0] == b"x"


def exit_status(server) -> int:
    """Starts a server that must refuse; its exit status, AssertionError when it serves instead."""
    server.launch()
    wait_until(lambda: not server.running or server.serving(), "the server refuses or starts")
    assert not server.running, "the server started on damaged data"
    return server.wait()


def carry_out_the_remedy(message: str) -> None:
    """Runs the command that the message of a refused start names."""
    program, *arguments = shlex.split(re.findall("`(lockkeeper log check --cut [^`]*)`", message)[-1])
    assert program == "lockkeeper"
    done = subprocess.run([str(lockkeeper_binary()), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def overwrite(path, offset: int, data: bytes) -> None:
    """Replaces bytes of a file in place."""
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def test_cp_2_22_undamaged_log_loads_completely(copy, make_server):
    """CP-2.22: the yardstick of the tests below."""
    server = make_server(data_dir=copy[0])
    assert_holds(server, COUNT)


@pytest.mark.parametrize("cut", CUTS)
def test_so_2_11_file_cut_in_its_last_record_loads_up_to_the_one_before(copy, make_server, cut):
    """SO-2.11: the file ends inside the record."""
    data_dir, log, records = copy
    last = records[-1]
    with open(log, "r+b") as file:
        file.truncate((last.start if cut >= 0 else last.end) + cut)
    server = make_server(data_dir=data_dir)
    assert_holds(server, COUNT - 1)
    assert_writes_and_survives_another_restart(server, COUNT - 1)


@pytest.mark.parametrize("cut", CUTS)
def test_so_2_11_last_record_written_in_part_into_zeroed_space_is_dropped(copy, make_server, cut):
    """SO-2.11: as before, but the file keeps its size and the rest of the record is zero."""
    data_dir, log, records = copy
    last = records[-1]
    begin = (last.start if cut >= 0 else last.end) + cut
    overwrite(log, begin, bytes(last.end - begin))
    server = make_server(data_dir=data_dir)
    assert_holds(server, COUNT - 1)
    assert_writes_and_survives_another_restart(server, COUNT - 1)


@pytest.mark.parametrize("from_the_end", [1, 2, COUNT // 2])
def test_so_2_12_wrong_checksum_refuses_to_start_and_names_the_place(copy, make_server, from_the_end):
    """SO-2.12: exit status 1; Lockkeeper's message names file and offset, and the file is left as it was."""
    data_dir, log, records = copy
    bad = records[-from_the_end]
    position = bad.end - 8  # inside the payload, before the end mark
    byte = log.read_bytes()[position]
    overwrite(log, position, bytes([byte ^ 0x10]))
    damaged = log.read_bytes()
    server = make_server(data_dir=data_dir, start=False)
    assert exit_status(server) == 1
    assert log.read_bytes() == damaged, "the evidence was changed"
    if server_kind() == "lockkeeper":
        message = server.log_tail()
        assert log.name in message
        assert str(bad.start) in message or str(bad.start + RECORD_HEAD_SIZE) in message
        carry_out_the_remedy(message)
        server.start()
        assert_holds(server, COUNT - from_the_end)
        assert_writes_and_survives_another_restart(server, COUNT - from_the_end)


@pytest.mark.skipif(server_kind() != "lockkeeper", reason="the message and its remedy are Lockkeeper's")
@pytest.mark.parametrize("sector", [1, 2, 3])
def test_so_2_12_record_with_a_hole_and_its_end_mark_is_refused_and_its_remedy_works(copy, make_server, sector):
    """SO-2.12: what a power failure in the middle of an unacknowledged write can leave; only that write is given up."""
    data_dir, _, _ = copy
    server = make_server(data_dir=data_dir)
    with open_session(server) as conn:
        assert conn.create("/large", b"x" * 4 * SECTOR_SIZE).ok
        server.kill()
    log = newest_log(data_dir)
    large = next(record for record in records_of(log) if record.end - record.start > 4 * SECTOR_SIZE)
    first_sector = large.start // SECTOR_SIZE
    overwrite(log, (first_sector + sector) * SECTOR_SIZE, bytes(SECTOR_SIZE))
    assert exit_status(server) == 1
    message = server.log_tail()
    assert f"offset {large.start} of transaction log {log}" in message
    assert "power fails" in message
    carry_out_the_remedy(message)
    server.start()
    with open_session(server) as conn:
        assert not conn.exists("/large").ok
    assert_writes_and_survives_another_restart(server, COUNT)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\x7f\xff\xff\xff", b"\x00\x20\x00\x01"])
def test_so_2_13_unreasonable_length_refuses_to_start(copy, make_server, length):
    """SO-2.13: negative, or more than twice jute.maxbuffer."""
    data_dir, log, records = copy
    overwrite(log, records[-1].start + 8, length)
    server = make_server(data_dir=data_dir, start=False)
    assert exit_status(server) == 1


def test_so_2_14_wrong_magic_refuses_to_start(copy, make_server):
    """SO-2.14."""
    data_dir, log, _ = copy
    overwrite(log, 0, b"XXXX")
    server = make_server(data_dir=data_dir, start=False)
    assert exit_status(server) == 1


@apache_differs("3.8 does not start then")
def test_so_2_14_empty_last_log_is_no_obstacle(copy, make_server):
    """SO-2.14: a crash right after the file was created."""
    data_dir, log, records = copy
    (log.parent / f"log.{records[-1].zxid + 1:x}").touch()
    server = make_server(data_dir=data_dir)
    assert_holds(server, COUNT)
    assert_writes_and_survives_another_restart(server, COUNT)


@pytest.mark.parametrize("size", [1, 15])
def test_so_2_14_short_header_refuses_to_start(copy, make_server, size):
    """SO-2.14: neither empty nor a header."""
    data_dir, log, records = copy
    (log.parent / f"log.{records[-1].zxid + 1:x}").write_bytes(log.read_bytes()[:size])
    server = make_server(data_dir=data_dir, start=False)
    assert exit_status(server) == 1


@apache_differs("3.8 replays past the gap and only warns of the digest")
def test_so_2_16_gap_inside_the_log_refuses_to_start(copy, make_server):
    """SO-2.16: a record missing in the middle; nothing must be served without it."""
    data_dir, log, records = copy
    data = log.read_bytes()
    gone = records[COUNT // 2]
    log.write_bytes(data[: gone.start] + data[gone.end :])
    server = make_server(data_dir=data_dir, start=False)
    assert exit_status(server) == 1
