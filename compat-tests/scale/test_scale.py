"""The scale tools work, with small numbers; the figures of large ones are made by hand (see the tools).

    SCALE_SESSIONS  sessions of the smoke test (default 1000)
    SCALE_ZNODES    znodes of the smoke test (default 20000)
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.servers import server_kind
from lib.zkwire import open_session
from scale import sessions, znodes
from scale.wire import raise_descriptor_limit

SESSIONS = int(os.environ.get("SCALE_SESSIONS", 1000))
ZNODES = int(os.environ.get("SCALE_ZNODES", 20000))
HERE = Path(__file__).parent


def test_a_thousand_sessions_are_kept_alive_by_pings(make_server, record_property):
    """F3, S1: none is lost over more than the session timeout, and the server stays usable."""
    raise_descriptor_limit()
    server = make_server({**sessions.CONFIG, "tickTime": 1000})
    figures = sessions.measure(server, SESSIONS, hold_s=5, timeout_ms=3000)
    record_property("figures", json.dumps(figures))
    print(figures)
    assert figures["opened"] == SESSIONS
    assert (figures["lost"], figures["errors"]) == (0, 0)
    assert figures["pings"] >= 4 * SESSIONS  # one a second each, in five seconds
    with open_session(server) as conn:
        assert conn.create("/after").ok
    if server_kind() == "lockkeeper":
        assert figures["bytes_per_session"] < 64 * 1024


def test_many_znodes_are_created_by_pipelines(make_server, record_property):
    """F3: all there, none refused; and the memory is of the right order."""
    server = make_server(znodes.CONFIG)
    figures = znodes.measure(server, ZNODES, data_bytes=100)
    record_property("figures", json.dumps(figures))
    print(figures)
    assert (figures["created"], figures["refused"], figures["present"]) == (ZNODES, 0, ZNODES)
    with open_session(server) as conn:
        data, stat = conn.get(f"{znodes.parent_path(0)}/n000000007").value
        assert len(data) == stat.data_length == 100
        assert len(conn.children(znodes.parent_path(0)).value) == min(ZNODES, znodes.CHILDREN)
    if server_kind() == "lockkeeper" and ZNODES >= 20000:
        assert figures["bytes_per_znode"] < 1000


@pytest.mark.parametrize(
    "command",
    [["sessions.py", "--count", "20", "--hold", "0.5"], ["znodes.py", "--count", "2500", "--data", "10"]],
    ids=["sessions", "znodes"],
)
def test_the_tools_run_from_the_command_line(command):
    """A server of their own, one line of JSON, exit status 0."""
    script = [sys.executable, str(HERE / command[0]), *command[1:]]
    run = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["rss_mib"] > 0
