"""A data directory with a known history, to be damaged, and what a server makes of it.

The history: three servers, each killed after COUNT / 3 acknowledged creates. Each wrote a checkpoint after its
start, so the last checkpoint holds two thirds of the znodes and the log after it the rest.
"""

import random
import re
import shutil
from pathlib import Path
from typing import NamedTuple, Optional

from checkpoint_files import store_dir

from lib import servers
from lib.txn_log import records_of
from lib.waiting import wait_until
from lib.zkwire import OPEN_ACL, Acl, Flags, Perms, open_session

COUNT = 60
SESSION_TIMEOUT_MS = 40000
CONFIG = {"preAllocSize": 64, "maxSessionTimeout": SESSION_TIMEOUT_MS}
EXIT_DAMAGED, EXIT_DIRECTORY, EXIT_CHECKPOINT = 1, 3, 10


def value_of(number: int) -> bytes:
    """The data of znode `number`; so much that tables have several blocks."""
    return random.Random(number).randbytes(2000)


def acl_of(number: int) -> list:
    """The ACL of znode `number`: a few have one of their own."""
    return OPEN_ACL if number % 7 else [Acl(Perms.ALL, "world", "anyone"), Acl(Perms.READ, "ip", f"10.0.0.{number}")]


def path_of(number: int) -> str:
    """The path of znode `number`."""
    return f"/n{number}"


def wait_for_checkpoint(server, count: int = 1) -> None:
    """Until the server's output tells of `count` checkpoints since it was launched first."""
    pattern = r"checkpoint at zxid \S+: "
    wait_until(lambda: len(re.findall(pattern, server.log_path.read_text("utf-8"))) >= count, "a checkpoint")


def make_history(data_dir: Path) -> None:
    """Fills an empty directory with the history of this module."""
    with servers.make_server(config=CONFIG, data_dir=data_dir) as server:
        for third in range(3):
            if third > 0:
                server.start()
            wait_for_checkpoint(server, third + 1)
            with open_session(server, timeout_ms=SESSION_TIMEOUT_MS) as conn:
                assert conn.create(f"/e{third}", flags=Flags.EPHEMERAL).ok
                for number in range(third * COUNT // 3, (third + 1) * COUNT // 3):
                    assert conn.create(path_of(number), value_of(number), acl_of(number)).ok
                server.kill()


def logs_of(data_dir) -> list:
    """The log files, oldest first."""
    return sorted(Path(data_dir, "version-2").glob("log.*"), key=lambda path: int(path.suffix[1:], 16))


def purge(data_dir) -> None:
    """Takes away what only reaches back before the checkpoint: ZooKeeper's snapshot and the first log."""
    Path(data_dir, "version-2", "snapshot.0").unlink()
    logs_of(data_dir)[0].unlink()


def copy_of(data_dir: Path, target: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(data_dir, target))


class Outcome(NamedTuple):
    """What a start came to: the numbers of the znodes that are served, or status and last words."""

    served: Optional[set]
    status: Optional[int]
    message: str


def outcome_of(server) -> Outcome:
    """Starts a server on a damaged directory, and ends it again; AssertionError if it hangs or serves nonsense."""
    server.launch()
    wait_until(lambda: not server.running or server.serving(), "the server serves or refuses")
    if not server.running:
        return Outcome(None, server.wait(), server.log_tail())
    try:
        return Outcome(served_by(server), None, server.log_tail())
    finally:
        server.kill()


def served_by(server) -> set:
    """The numbers of the znodes that are there; each must be as it was written."""
    found = set()
    with open_session(server) as conn:
        names = [name for name in conn.children("/").value if name[0] == "n"]
        for number in (int(name[1:]) for name in names):
            assert conn.get(path_of(number)).value[0] == value_of(number), f"{path_of(number)} has other data"
            acls = [tuple(entry) for entry in conn.get_acl(path_of(number)).value[0]]
            assert acls == [tuple(entry) for entry in acl_of(number)], f"{path_of(number)} has the ACL {acls}"
            found.add(number)
        conn.close_session()
    return found


def assert_serves_all(outcome: Outcome) -> None:
    """Everything that was acknowledged is there."""
    assert outcome.served is not None, f"refused with {outcome.status}:\n{outcome.message}"
    lost = set(range(COUNT)) - outcome.served
    assert not lost, f"served without {sorted(lost)}:\n{outcome.message}"


def assert_refused(outcome: Outcome, status: int, *words: str) -> None:
    """The server ended with that exit status, and its last line has all the words."""
    assert outcome.served is None, f"served {len(outcome.served)} of {COUNT} znodes:\n{outcome.message}"
    assert outcome.status == status, f"status {outcome.status}:\n{outcome.message}"
    last_line = outcome.message.splitlines()[-1]
    for word in words:
        assert word in last_line, f"{word!r} is not in: {last_line}"


def acknowledged_records(data_dir) -> list:
    """(log file, record) of all transactions, oldest first."""
    return [(log, record) for log in logs_of(data_dir) for record in records_of(log)]


def move_away(data_dir, target: Path) -> Path:
    """Moves the checkpoint out of the directory, as the messages advise."""
    return Path(shutil.move(store_dir(data_dir), target))
