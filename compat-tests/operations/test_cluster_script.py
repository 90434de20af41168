"""scripts/cluster: the local ensemble for people who try it out."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest
from kazoo.client import KazooClient

from lib.servers import free_port, lockkeeper_binary, server_kind

pytestmark = pytest.mark.skipif(server_kind() != "lockkeeper", reason="about our own script")

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "cluster"
SECONDS = 120


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports() -> int:
    """The first of three times three ports as the script uses them."""
    while True:
        first = free_port()
        if all(is_free(first + n + offset) for n in range(3) for offset in (0, 707, 1707)):
            return first


@pytest.fixture(name="cluster")
def cluster_in(tmp_path):
    """`cluster(command)` -> (exit code, what it said); everything is stopped in the end."""
    port = free_ports()
    environment = {**os.environ, "CLUSTER_PORT": str(port), "LOCKKEEPER_BINARY": str(lockkeeper_binary())}

    def run(command):
        done = subprocess.run(
            [SCRIPT, command, tmp_path / "c"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    run.hosts = ",".join(f"127.0.0.1:{port + n}" for n in range(3))
    yield run
    run("stop")


def modes(text: str) -> list:
    return re.findall(r"^server \d  127\.0\.0\.1:\d+  (leader|follower|not running|not serving)\b", text, re.M)


def pids(text: str) -> set:
    return set(re.findall(r"  pid (\d+)$", text, re.M))


def test_an_ensemble_starts_loses_its_leader_gets_it_back_and_stops(cluster):
    """`start` starts what does not run and leaves the rest alone."""
    code, said = cluster("start")
    assert code == 0 and sorted(modes(said)) == ["follower", "follower", "leader"], said
    first = pids(said)
    code, said = cluster("start")
    assert code == 0 and pids(said) == first, said
    client = KazooClient(cluster.hosts, timeout=20)
    client.start(30)
    client.create("/kept", b"x")
    client.stop()
    client.close()
    code, said = cluster("kill-leader")
    assert code == 0 and "a new leader serves after" in said, said
    assert sorted(modes(said)) == ["follower", "leader", "not running"], said
    code, said = cluster("start")
    assert code == 0 and sorted(modes(said)) == ["follower", "follower", "leader"], said
    assert len(pids(said) & first) == 2
    assert len(set(re.findall(r"znodes (\d+)", said))) == 1
    code, said = cluster("stop")
    assert code == 0, said
    code, said = cluster("status")
    assert code == 1 and modes(said) == ["not running"] * 3, said


def test_only_processes_of_its_own_are_stopped(cluster, tmp_path):
    """A process id that now belongs to somebody else is no reason to end that process."""
    home = tmp_path / "c" / "server1"
    home.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        try:
            (home / "pid").write_text(f"{stranger.pid}\n", encoding="ascii")
            code, said = cluster("stop")
            assert code == 0, said
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_wrong_arguments_are_explained(cluster):
    code, said = cluster("begin")
    assert code == 2 and "scripts/cluster start" in said
