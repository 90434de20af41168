"""Apache ZooKeeper's C client, unchanged, against the server: a C program with one case per behaviour.

The program is compiled here with gcc against libzookeeper_mt and run once for all ordinary cases; each case
is a test of its own below, and the names there and in the program must be the same. Each case names its checklist
lines in the C source. The steered cases run one by one, since this side has to act in the middle of them.
"""

import os
import selectors
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lib import servers
from lib.tcp_proxy import TcpProxy
from lib.zkwire import Err, open_session

SOURCES = sorted(Path(__file__).parent.glob("*.c"))
PATIENCE_S = 120

CASES = """
create_returns_the_path create_refusals create2_returns_path_and_stat set_raises_the_version
set_checks_the_version null_and_empty_data_are_distinct one_megabyte_survives_the_round_trip
exists_of_a_missing_znode delete_checks_version_and_children get_children_lists_the_names
get_children2_carries_the_stat sequence_numbers_count_creations ephemerals_go_with_their_session
containers_are_created ttl_is_unimplemented_by_default config_of_a_standalone_server_is_empty
reconfig_is_disabled_by_default
set_acl_raises_aversion_only digest_acls_admit_their_user_only delete_needs_permission_on_the_parent
creator_acl_needs_an_identity unknown_scheme_fails_the_handle
multi_applies_all_elements_at_one_zxid failed_multi_changes_nothing failed_multi_returns_its_sequence_numbers
check_guards_a_multi empty_multi_succeeds child_is_deleted_before_its_parent
five_hundred_creates_in_one_multi
data_watch_fires_once exists_watch_sees_the_creation get_of_a_missing_znode_leaves_no_watch
child_watch_sees_children_only deletion_order_is_child_then_parent one_deletion_for_data_and_child_watch
set_acl_fires_nothing session_end_fires_for_its_ephemerals removed_watch_is_silent
all_watches_of_a_path_are_removed chroot_is_invisible
ten_thousand_creates_complete_in_order mixed_pipeline_behaves_as_if_sequential sync_answers_with_the_path
own_event_precedes_the_reply
session_is_carried_on_by_id_and_password wrong_password_is_refused closed_session_is_refused
timeout_is_negotiated silent_session_expires pings_keep_an_idle_session
""".split()


@pytest.fixture(scope="module")
def server():
    """A server with short ticks: the cases of expiry expect sessions of 1 to 10 seconds."""
    with servers.start_server(config={"tickTime": 500}) as process:
        yield process


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled program; compiler warnings are errors."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    if not Path("/usr/include/zookeeper/zookeeper.h").exists():
        pytest.skip("libzookeeper-mt-dev is not installed")
    binary = tmp_path_factory.mktemp("cclient") / "zk_c_client"
    flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-DTHREADED"]
    command = ["gcc", *flags, "-o", str(binary), *map(str, SOURCES), "-lzookeeper_mt", "-lpthread"]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    return binary


@pytest.fixture(scope="module")
def outcomes(program, server):
    """Name of each case -> "" when it passed, otherwise the reason."""
    address = f"{server.host}:{server.port}"
    run = subprocess.run([program, address], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    found = {}
    for line in run.stdout.splitlines():
        verdict, _, rest = line.partition(" ")
        name, _, reason = rest.partition(": ")
        if verdict in ("PASS", "FAIL"):
            found[name] = "" if verdict == "PASS" else reason or "failed"
    found["exit"] = "" if run.returncode in (0, 1) else f"ended with {run.returncode}: {run.stderr[-2000:]}"
    return found


def test_the_program_ends_by_itself_and_runs_every_case(outcomes):
    """No crash, and no case that this file does not know."""
    assert outcomes["exit"] == ""
    assert sorted(set(outcomes) - {"exit"}) == sorted(CASES)


def _parameter(case):
    """An ensemble's configuration is not empty."""
    return pytest.param(case, marks=[pytest.mark.one_server] if "standalone" in case else [])


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES])
def test_c_client(outcomes, case):
    """One case of the C program; its checklist lines (CP-...) stand above it in the C source."""
    assert case in outcomes, "the case was not run"
    assert outcomes[case] == ""


class Steered:
    """One run of a steered case: `step` waits for the program to ask, `go` lets it go on."""

    def __init__(self, program, host, port, case) -> None:
        self._process = subprocess.Popen(
            [program, f"{host}:{port}", case], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._output = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def __enter__(self) -> "Steered":
        return self

    def __exit__(self, *_exc) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._selector.close()

    def line(self) -> str:
        """The next line of the program."""
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self._output:
            assert self._selector.select(deadline - time.monotonic()), "the program says nothing"
            chunk = os.read(self._process.stdout.fileno(), 4096)
            assert chunk, f"the program ended after {self._output!r}"
            self._output += chunk
        line, _, self._output = self._output.partition(b"\n")
        return line.decode()

    def go(self) -> None:
        """Lets the program go on after a STEP."""
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()


def test_session_and_watches_survive_a_restart_of_the_server(program, make_server):
    """CP-2.22, CP-9.17."""
    server = make_server({"tickTime": 500})
    with Steered(program, server.host, server.port, "restart_keeps_session_and_watches") as run:
        assert run.line() == "STEP restart"
        server.kill()
        server.start()
        run.go()
        assert run.line() == "PASS restart_keeps_session_and_watches"


def test_changes_missed_during_a_lost_connection_are_told_afterwards(program, server):
    """CP-9.17, CP-9.18: the catch-up of setWatches, which the C client sends by itself."""
    case = "missed_changes_arrive_after_reconnect"
    with TcpProxy(server) as proxy, open_session(server) as other:
        with Steered(program, proxy.host, proxy.port, case) as run:
            step = run.line().split()
            assert step[:2] == ["STEP", "cut"]
            root = step[2]
            proxy.cut()
            assert other.set(f"{root}/changed", b"x").ok
            assert other.delete(f"{root}/deleted").ok
            assert other.create(f"{root}/parent/child").ok
            assert other.create(f"{root}/created").ok
            proxy.mend()
            run.go()
            assert run.line() == "STEP change"
            assert other.set(f"{root}/same", b"x").ok
            run.go()
            assert run.line() == f"PASS {case}"


def test_a_client_that_comes_back_too_late_is_told_of_its_expiry(program, server):
    """CP-10.1, CP-2.13."""
    case = "late_client_learns_of_its_expiry"
    with TcpProxy(server) as proxy, open_session(server) as other:
        with Steered(program, proxy.host, proxy.port, case) as run:
            step = run.line().split()
            assert step[:2] == ["STEP", "cut-for-long"]
            proxy.cut()
            deadline = time.monotonic() + PATIENCE_S
            while other.exists(f"{step[2]}/e").err != Err.NO_NODE:
                assert time.monotonic() < deadline, "the session of the lost client does not expire"
                time.sleep(0.05)
            proxy.mend()
            run.go()
            assert run.line() == f"PASS {case}"
