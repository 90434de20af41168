"""Durability while checkpoints, changes of the log file and purges run: kill -9 in the middle of each of them.

    KILL9_ROUNDS  number of rounds (default 30; more follow, up to three times as many, until enough kills hit each
                  of these moments)
    KILL9_SEED    seed of the random choices; printed by every run

Where the kill fell is read from what the server said last and from the files that it left. In a part of the starts
some syncs take a little longer (disk_faults.c), which only makes short moments easier to hit.
"""

import os
import random
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from crash_load import standard_workloads
from crash_run import WORKER_TIMEOUT_MS, CrashRun
from crash_tree import TreeLoad

from lib.servers import lockkeeper_binary, server_kind
from lib.txn_log import records_of

pytestmark = pytest.mark.skipif(server_kind() != "lockkeeper", reason="checkpoints are Lockkeeper's")

ROUNDS = int(os.environ.get("KILL9_ROUNDS", 30))
SEED = int(os.environ.get("KILL9_SEED", random.SystemRandom().randrange(1 << 32)))
PATIENCE_S = 2.0  # for an event to come, before the server is killed without it
SLOW_SYNC_S = 0.01
UNFINISHED_LOG = ".lockkeeper.newlog"  # the name of a new log file until its header is durable
# Where a sync may be slowed down: a new log's header, the log directory after its naming, and parts of the store.
STORE_FILES = ("*.log", "*.ldb", "MANIFEST*")
SLOW_FILES = (f"*/{UNFINISHED_LOG}", "*/version-2", *(f"*/checkpoint/{name}" for name in STORE_FILES))
# What must be hit, each in at least a tenth of the rounds.
TARGETS = ("checkpoint", "store", "log roll", "purge")

CONFIG = {
    "tickTime": 2000,
    "maxSessionTimeout": WORKER_TIMEOUT_MS,
    "lockkeeper.checkpointDirtyMb": 1,
    "autopurge.purgeInterval": 1,
    "autopurge.snapRetainCount": 3,
}
# What the server says, by the name of what is going on: the first lines that announce it, the last that ends it.
BEGIN_AND_END = {
    "checkpoint": (r"checkpoint at zxid \S+ begins", r"checkpoint at zxid \S+: .* written in"),
    "store": (
        r"LevelDB: (?:Level-0 table #\d+: started|Compacting)",
        r"LevelDB: (?:Level-0 table #\d+: \d+|compacted to)",
    ),
    "purge": (r"purge removed /", r"purge removed \d+ snapshots"),
}


class ServerLog:
    """What a server prints, from a place on."""

    def __init__(self, path) -> None:
        self._path = path
        self._begin = 0

    def mark(self) -> None:
        """Forgets what was printed so far."""
        self._begin = self._path.stat().st_size if self._path.exists() else 0

    def text(self) -> str:
        """Everything since the mark."""
        with open(self._path, "rb") as file:
            file.seek(self._begin)
            return file.read().decode("utf-8", "replace")

    def wait_for(self, pattern: str) -> bool:
        """Until a line with `pattern` is printed from now on; False if none came in time."""
        with open(self._path, "rb") as file:
            file.seek(0, os.SEEK_END)
            tail = ""
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                tail = tail[-300:] + file.read().decode("utf-8", "replace")
                if re.search(pattern, tail):
                    return True
                time.sleep(0.0005)
        return False

    def going_on(self) -> list:
        """The names of what had begun and not ended when the printing stopped."""
        names = []
        for name, (begin, end) in BEGIN_AND_END.items():
            events = re.findall(f"({begin})|({end})", self.text())
            if events and events[-1][0]:
                names.append(name)
        return names


class CheckpointCrashRun(CrashRun):
    """Kills at the moments that the server's own messages announce, and counts what each kill interrupted."""

    def __init__(self, server, disk, seed: int) -> None:
        self.disk = disk
        self.log = ServerLog(server.log_path)
        self.interrupted: Counter = Counter()
        self.kills = 0
        self.mismatches = 0
        self._starts = 0
        self.made_anew = 0  # starts that removed the store and began another one
        super().__init__(server, seed, checkpoint_workloads)

    def kill(self) -> None:
        """kill -9, and a look at what it interrupted."""
        self.server.kill()
        self.kills += 1
        self.interrupted.update(self.log.going_on())
        self.made_anew += len(re.findall("is older than snapshot", self.log.text()))
        if is_rolling(self.server.data_dir):
            self.interrupted["log roll"] += 1
        if "digest mismatch" in self.log.text():
            self.mismatches += 1
            self.broken.append("the server's log speaks of a digest mismatch")
        self.log.mark()

    def wait_for_moment(self) -> None:
        moment = self.rng.choice(["any", "checkpoint", "checkpoint", "store", "roll"])
        time.sleep(self.rng.uniform(0, 0.25))  # the random moment, not a wait for something
        if moment == "roll":
            wait_for_new_log(self.server.data_dir)
            time.sleep(self.rng.choice((0, self.rng.uniform(0, SLOW_SYNC_S))))
        elif moment != "any" and self.log.wait_for(BEGIN_AND_END[moment][0]):
            time.sleep(self.rng.choice((0, self.rng.uniform(0, 0.004), self.rng.uniform(0, 0.02))))

    def configure(self) -> None:
        self.server.config["snapCount"] = str(self.rng.choice((200, 500, 1000)))
        self.server.config["preAllocSize"] = str(self.rng.choice((64, 256)))
        if self.rng.random() < 0.7:
            self.disk.slow_down(SLOW_SYNC_S, self.rng.choice(SLOW_FILES))
        else:
            self.disk.heal()

    def start_in_vain(self) -> None:
        self._starts += 1
        if self._starts % 5 == 0:
            self.put_snapshot_beside()
        while self.rng.random() < 0.5:
            moment = self.rng.choice(["any", "purge", "purge", "store", "checkpoint"])
            self.server.launch()
            if moment == "any":
                time.sleep(self.rng.uniform(0, min(2 * self.longest_start_s, 0.5)))
            else:
                self.log.wait_for(BEGIN_AND_END[moment][0])
            assert self.server.running, f"a start failed:\n{self.server.log_tail()}"
            self.kill()

    def put_snapshot_beside(self) -> None:
        """Gives the directory a ZooKeeper snapshot that is newer than the checkpoint, which is made anew then."""
        exported = self.server.home / "exported"
        command = [str(lockkeeper_binary()), "export", str(self.server.config_path), str(exported)]
        subprocess.run(command, check=True, capture_output=True)
        for snapshot in Path(exported, "version-2").glob("snapshot.*"):
            shutil.move(snapshot, self.server.data_dir / "version-2" / snapshot.name)
        shutil.rmtree(exported)

    def check(self) -> None:
        super().check()
        metrics = dict(line.split("\t", 1) for line in self.server.four_letter("mntr").decode().splitlines())
        if metrics["zk_digest_mismatches_count"] != "0":
            self.mismatches += 1
            self.broken.append(f"{metrics['zk_digest_mismatches_count']} digest mismatches")

    def too_few(self, rounds: int) -> list:
        """The targets that were not hit often enough for so many rounds."""
        return [name for name in TARGETS if self.interrupted[name] < rounds // 10]


def checkpoint_workloads(rng: random.Random) -> list:
    """One of each small kind, and two large trees, so that there is always something to checkpoint."""
    trees = [TreeLoad(name, random.Random(rng.random())) for name in ("tree-a", "tree-b")]
    return standard_workloads(rng) + trees


def log_names(data_dir) -> set:
    """The names of the log files."""
    return {name for name in os.listdir(data_dir / "version-2") if name.startswith("log.")}


def wait_for_new_log(data_dir) -> None:
    """Until there is a log file that was not there before, or one in the making."""
    before = log_names(data_dir)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (data_dir / "version-2" / UNFINISHED_LOG).exists() or log_names(data_dir) - before:
            return
        time.sleep(0.0002)


def is_rolling(data_dir) -> bool:
    """A new log file was begun, and nothing is in it yet."""
    if (data_dir / "version-2" / UNFINISHED_LOG).exists():
        return True
    names = sorted(log_names(data_dir), key=lambda name: int(name[4:], 16))
    if not names:
        return False
    path = data_dir / "version-2" / names[-1]
    return path.stat().st_size == 0 or not records_of(path)


def test_so_3_18_kill9_during_checkpoints_rolls_and_purges_loses_nothing(
    make_server, disk, record_property, monkeypatch
):
    """SO-3.18, SO-12.2, R3: 0 acknowledged writes lost, 0 failed starts, 0 digest mismatches."""
    print(f"KILL9_SEED={SEED}")
    monkeypatch.setenv("GLOG_v", "1")  # the server says when a checkpoint begins, and what LevelDB does
    run = CheckpointCrashRun(make_server({**CONFIG, "snapCount": 500, "preAllocSize": 64}), disk, SEED)
    begin = time.monotonic()
    rounds = 0
    try:
        while rounds < ROUNDS or (run.too_few(ROUNDS) and rounds < 3 * ROUNDS):
            run.load_until(run.kill)
            run.start()
            run.check()
            assert not run.broken, f"round {rounds} of seed {SEED}: " + "\n".join(run.broken)
            rounds += 1
    finally:
        run.close()
        summary = {
            "rounds": rounds,
            "acknowledged": run.acknowledged,
            "broken promises": len(run.broken),
            "digest mismatches": run.mismatches,
            "kills": run.kills,
            "stores made anew": run.made_anew,
            "seconds": round(time.monotonic() - begin, 1),
            "longest_start_s": round(run.longest_start_s, 3),
            **{f"interrupted {name}": count for name, count in sorted(run.interrupted.items())},
        }
        print(summary)
        for key, value in summary.items():
            record_property(key, value)
    assert run.made_anew > 0 or ROUNDS < 20
    assert not run.too_few(ROUNDS), f"too few kills hit {run.too_few(ROUNDS)}: {run.interrupted}"
