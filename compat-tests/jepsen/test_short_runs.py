"""Short runs of the suite itself, for every change: one command each, as people start it (run.py).

The seeds are fixed, which fixes the choice of faults, not the timing. Where the machine cannot make network
namespaces, those runs are skipped by name.
"""

import subprocess
import sys
from pathlib import Path

import pytest

_RUN = Path(__file__).with_name("run.py")
_SKIPPED = 77


def _passes(out: Path, *words: str) -> None:
    command = [sys.executable, str(_RUN), "--out", str(out), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=550)
    if done.returncode == _SKIPPED:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert (out / "timeline.svg").read_text(encoding="utf-8").startswith("<svg")


def test_qp_5_2_three_servers_whose_leader_is_killed_and_paused(tmp_path):
    """QP-5.2, QP-4.6, QP-5.9: all workloads."""
    _passes(tmp_path, "--nemesis", "kill-leader,pause-leader", "--seconds", "12", "--seed", "1")


def test_qp_5_3_three_servers_that_lose_everything_but_their_disks(tmp_path):
    """QP-5.3: what a quorum acknowledged outlives the death of all; a lost directory comes back by SNAP."""
    nemesis = "kill-all,kill-majority,lost-directory"
    _passes(tmp_path, "--workload", "register,set,queue", "--nemesis", nemesis, "--seconds", "12", "--seed", "2")


def test_qp_5_5_five_servers_in_a_network_that_breaks(tmp_path):
    """QP-5.4, QP-5.5: cuts in both directions and in one, in namespaces."""
    nemesis = "partition-minority,partition-leader,partition-one-way,partition-bridge"
    words = ("--servers", "5", "--workload", "register,locks,sessions")
    _passes(tmp_path, *words, "--nemesis", nemesis, "--seconds", "15", "--seed", "3")
