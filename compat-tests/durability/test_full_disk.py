"""A disk that fills up under the checkpoint, under the log, or under both: what was acknowledged stays.

See also test_disk_and_directory.py.
"""

import itertools
import random
import shutil

import pytest
from checkpoint_files import store_dir
from stored_directory import EXIT_CHECKPOINT, EXIT_DAMAGED, EXIT_DIRECTORY

from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Op, ProtocolError, create_request, open_session, set_data_request

pytestmark = pytest.mark.skipif(server_kind() != "lockkeeper", reason="checkpoints are Lockkeeper's")

DISK_KIB = 8192
FILLER_KIB = 2048
VALUE_BYTES = 8000
NAMES = 200  # znodes; written again and again, so that the tree stays small and the files grow
WINDOW = 16
CONFIG = {"preAllocSize": 64, "lockkeeper.checkpointDirtyMb": 1}
NO_SPACE = "No space left on device"


def value_of(stamp: int) -> bytes:
    """Data that say their stamp. LevelDB's tables, not its logs, hold them in few bytes."""
    head = b"%012d" % stamp
    return head + bytes((stamp * 7919 + at * at) % 251 for at in range(64)) * (VALUE_BYTES // 64)


def random_value_of(stamp: int) -> bytes:
    """The same, of which nothing can be made smaller."""
    return b"%012d" % stamp + random.Random(stamp).randbytes(VALUE_BYTES)


class Fill:
    """Writes to NAMES znodes in turn until the server is gone; remembers what was asked and acknowledged."""

    def __init__(self, value=value_of) -> None:
        self._value = value
        self.asked = 0
        self.acknowledged = 0

    def run(self, server) -> None:
        """Replies must come in order, and all good."""
        with open_session(server, timeout=60) as conn:
            try:
                for self.asked in itertools.count(1):
                    conn.submit(*self._request(self.asked - 1))
                    if self.asked - self.acknowledged < WINDOW:
                        continue
                    reply = conn.next()
                    if reply is None:
                        return
                    assert reply.ok, f"a write on a full disk is answered with {reply.err}"
                    self.acknowledged += 1
            except ProtocolError:  # the connection was cut in the middle of a reply
                return

    def write_some(self, conn, count: int) -> None:
        """The first `count` writes, on a disk with room for them."""
        for self.asked in range(1, count + 1):
            assert conn.request(*self._request(self.asked - 1)).ok
            self.acknowledged += 1

    def _request(self, number: int) -> tuple:
        path = f"/n{number % NAMES}"
        if number < NAMES:
            return Op.CREATE, create_request(path, self._value(number))
        return Op.SET_DATA, set_data_request(path, self._value(number))

    def check(self, server) -> None:
        """The server has applied a prefix of what was asked, not shorter than what was acknowledged."""
        newest = -1
        found = {}
        with open_session(server) as conn:
            for name in range(NAMES):
                data = conn.get(f"/n{name}").value[0]
                found[name] = int(data[:12])
                assert data == self._value(found[name]), f"/n{name} has mixed data"
                newest = max(newest, found[name])
            assert conn.set("/", b"there is space").ok
        assert self.acknowledged <= newest + 1 <= self.asked
        for name, stamp in found.items():
            last = newest - (newest - name) % NAMES
            assert stamp == last, f"/n{name} is at write {stamp}, the server at {newest}: {last} is lost"


def end_of_start_on_full_disk(server) -> None:
    """A start without space: it refuses in words, or serves and is killed; a signal or a hang is a failure."""
    server.launch()
    wait_until(lambda: not server.running or server.serving(), "the server serves or refuses")
    if server.running:
        server.kill()
        return
    assert server.wait() in (EXIT_DAMAGED, EXIT_DIRECTORY, EXIT_CHECKPOINT)
    assert NO_SPACE in server.log_tail(5)


# What lies on the small disk, and how the server may end.
CASES = {
    "checkpoint": {EXIT_CHECKPOINT},
    "log": {EXIT_DAMAGED},
    "checkpoint and log": {EXIT_DAMAGED, EXIT_CHECKPOINT},
}


@pytest.mark.parametrize("case", CASES)
def test_so_12_3_full_disk_ends_the_server_and_loses_nothing(mounts, tmp_path, make_server, case):
    """SO-12.1, SO-12.3, SO-12.4, R3: no acknowledgement after the error; starts without space make nothing worse."""
    disk = mounts.tmpfs(tmp_path / "small", DISK_KIB)
    filler = disk / "filler"
    filler.write_bytes(bytes(FILLER_KIB * 1024))
    elsewhere = tmp_path / "large"
    server = make_server(
        {**CONFIG, "dataLogDir": elsewhere if case == "checkpoint" else disk},
        data_dir=elsewhere if case == "log" else disk / "data",
    )
    fill = Fill()
    fill.run(server)
    status = server.wait(timeout=30)
    assert status in CASES[case], f"status {status}"
    message = server.log_tail()
    assert NO_SPACE in message and str(disk) in message
    assert fill.acknowledged > NAMES, "the disk was full too early for this test"
    for _ in range(2):
        end_of_start_on_full_disk(server)
    filler.unlink()
    for _ in range(2):
        server.start()
        fill.check(server)
        server.kill()


def test_so_12_4_full_disk_while_a_store_is_made_loses_nothing(mounts, tmp_path, make_server):
    """SO-12.4: the first checkpoint of a large tree that the disk has no room for, and that is made again later."""
    disk = mounts.tmpfs(tmp_path / "small", DISK_KIB)
    logs = tmp_path / "large"
    server = make_server({**CONFIG, "dataLogDir": logs}, data_dir=disk / "data")
    fill = Fill(random_value_of)
    with open_session(server) as conn:
        fill.write_some(conn, 2 * NAMES)
    server.kill()
    shutil.rmtree(store_dir(server.data_dir))
    filler = disk / "filler"
    filler.write_bytes(bytes((DISK_KIB - 512) * 1024))
    server.launch()
    assert server.wait(timeout=30) == EXIT_CHECKPOINT
    assert NO_SPACE in server.log_tail()
    filler.unlink()
    for _ in range(2):
        server.start()
        fill.check(server)
        server.kill()
