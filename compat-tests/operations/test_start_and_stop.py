"""What the program does with bad and good configurations, and how it ends (SO-4, SO-12)."""

import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from lib.servers import LockkeeperServer, free_port, server_kind
from lib.zkwire import open_session

pytestmark = pytest.mark.skipif(server_kind() != "lockkeeper", reason="about our own program")

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LOCKKEEPER_BINARY", str(_REPOSITORY / "build/release/lockkeeper"))
SECONDS = 20


def run(*arguments):
    """Exit code and everything the program said."""
    done = subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.returncode, done.stdout + done.stderr


def run_config(directory, text, name="zoo.cfg"):
    path = directory / name
    path.write_text(text)
    return run("server", str(path))


GOOD = "dataDir={data}\nclientPort={port}\n"
REFUSALS = [
    ("clientPort=2181\n", 2, "dataDir is not set"),
    (GOOD + "tickTime=0\n", 2, "tickTime is not set"),
    (GOOD + "tickTime=soon\n", 2, "soon"),
    (GOOD + "clientPort=99999\n", 2, "port out of range:99999"),
    (GOOD + "clientPort=abc\n", 2, "abc"),
    (GOOD + "minSessionTimeout=9000\nmaxSessionTimeout=8000\n", 2, "minSessionTimeout must not"),
    (GOOD + "standaloneEnabled=maybe\n", 2, "Choose 'true' or 'false"),
    (GOOD + "electionAlg=1\n", 2, "Only 3 is supported"),
    (GOOD + "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ninitLimit=5\nsyncLimit=2\n", 2, "myid"),
    (GOOD + "secureClientPort=2281\n", 2, "secureClientPort"),
    (GOOD + "enforce.auth.enabled=true\n", 2, "must be"),
    (GOOD + "metricsProvider.className=no.such.Provider\n", 2, "metrics provider class"),
]


@pytest.mark.parametrize("text, code, message", REFUSALS)
def test_so_4_5_a_bad_configuration_is_refused_with_its_code_and_reason(
    tmp_path, text, code, message
):
    """SO-4.5: the message names the file; nothing is served and nothing is created."""
    data = tmp_path / "data"
    returned, said = run_config(tmp_path, text.format(data=data, port=free_port()))
    assert returned == code, said
    assert message in said
    assert not (data / "version-2").exists()


def test_so_4_12_no_argument_and_a_missing_file_exit_with_2(tmp_path):
    """SO-4.12."""
    assert run("server")[0] == 2
    code, said = run("server", str(tmp_path / "missing.cfg"))
    assert code == 2
    assert "file is missing" in said
    assert run("no-such-command")[0] == 2


def test_so_4_12_port_and_directory_start_a_standalone_server(tmp_path):
    """SO-4.12: two to four arguments instead of a file."""
    port = free_port()
    process = subprocess.Popen(
        [PROGRAM, "server", str(port), str(tmp_path), "500"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = _Address(port)
        session = _open_when_serving(server, process)
        assert session.exists("/zookeeper").ok
        session.close_session()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


class _Address:
    """What lib.zkwire needs of a server."""

    def __init__(self, port):
        self.host, self.port = "127.0.0.1", port


def _open_when_serving(server, process):
    deadline = time.monotonic() + SECONDS
    while True:
        assert process.poll() is None, "the server ended"
        try:
            return open_session(server)
        except OSError:
            assert time.monotonic() < deadline, "the server does not serve"
            time.sleep(0.05)


def test_so_12_1_a_port_in_use_exits_with_1(tmp_path):
    """SO-12.1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f"dataDir={tmp_path}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        code, said = run_config(tmp_path, text)
    assert code == 1, said
    assert str(port) in said


def test_so_1_3_a_missing_directory_is_refused_without_autocreate(tmp_path):
    """SO-1.3: exit code 3, and the directory is not made."""
    text = GOOD.format(data=tmp_path / "none", port=free_port()) + "datadir.autocreate=false\n"
    code, said = run_config(tmp_path, text)
    assert code == 3, said
    assert not (tmp_path / "none").exists()


def test_so_4_yaml_means_the_same_as_zoo_cfg(tmp_path):
    """The same keys from a YAML file: seen in `conf` and in the handshake."""
    port = free_port()
    path = tmp_path / "lockkeeper.yaml"
    path.write_text(
        f"dataDir: {tmp_path}/data\nclientPort: {port}\ntickTime: 700\n"
        "4lw:\n  commands:\n    whitelist: ['conf', 'srvr']\n"
    )
    process = subprocess.Popen(
        [PROGRAM, "server", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        server = _Address(port)
        _open_when_serving(server, process).close_session()
        with socket.create_connection(("127.0.0.1", port)) as word:
            word.sendall(b"conf")
            text = word.makefile("rb").read().decode()
        assert "tickTime=700\n" in text
        assert "minSessionTimeout=1400\n" in text
        assert "maxSessionTimeout=14000\n" in text
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_so_12_2_the_log_has_zookeepers_name_and_size():
    """SO-2.6, SO-2.7: log.<hex of the first zxid>, 67108880 bytes."""
    with LockkeeperServer() as server:
        open_session(server).close_session()
        logs = sorted(pathlib.Path(server.data_dir).glob("version-2/log.*"))
        assert [log.name for log in logs] == ["log.1"]
        assert logs[0].stat().st_size == 67108880


def test_version_says_what_it_is_compatible_with():
    """Tools and people ask before they upgrade."""
    code, said = run("version")
    assert code == 0
    assert "compatible with ZooKeeper 3.9.5" in said
