"""SO-12.1, SO-12.2: how the program ends, and what is there after the next start."""

import os
import re
import signal
import threading

import pytest

from lib.marks import apache_differs
from lib.records import OPEN_ACL, Err, Op, create_request
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import (
    ConnectionClosed,
    Flags,
    ProtocolError,
    open_connection,
    open_session,
    reconnect,
)

LOCKKEEPER = server_kind() == "lockkeeper"
PADDED = 67108880  # bytes: header and 64 MiB
STOP_SIGNALS = [signal.SIGTERM, signal.SIGINT]


def stop_by(server, number: int) -> int:
    """Sends the signal, waits, returns the exit code."""
    os.kill(server.pid, number)
    return server.wait()


def logs_of(server) -> list:
    """(name, size) of the logs, oldest first."""
    logs = (server.data_dir / "version-2").glob("log.*")
    return sorted(
        ((log.name, log.stat().st_size) for log in logs), key=lambda item: int(item[0][4:], 16)
    )


# --- SO-12.1: exit codes ---


@apache_differs("the process just dies: 143 and 130")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_so_12_1_a_stop_signal_ends_with_0(make_server, number):
    server = make_server()
    with open_session(server) as session:
        session.create("/a")
        assert stop_by(server, number) == 0


@apache_differs("the process just dies: 143 and 130")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_so_12_1_a_stop_signal_during_the_start_ends_with_0_too(make_server, number):
    """As soon as the program says anything, it obeys."""
    server = make_server(start=False)
    server.launch()
    wait_until(lambda: server.log_tail(1).strip() not in ("", "(no log)"), "the first log line")
    assert stop_by(server, number) == 0


def test_so_12_1_a_second_signal_does_not_break_the_stop(make_server):
    """An impatient operator sends it again; the data is whole."""
    server = make_server()
    with open_session(server) as session:
        assert session.create("/a").ok
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        if server.running:
            os.kill(server.pid, number)
    assert server.wait() in ((0,) if LOCKKEEPER else (143, 130))
    with open_session(server.start()) as session:
        assert session.exists("/a").ok


def test_so_12_1_connections_end_and_the_port_is_free_at_once(make_server):
    """Idle clients, half-open ones and words do not hold up the end."""
    server = make_server()
    idle = [open_session(server) for _ in range(20)]
    silent = [open_connection(server) for _ in range(5)]
    silent[0].send_raw(b"\0\0")
    server.stop(timeout=10)
    for connection in idle + silent:
        connection.expect_closed(5)
        connection.close()
    server.start()
    with open_session(server) as session:
        assert session.exists("/").ok


# --- SO-12.2: nothing acknowledged is lost, sessions go on ---


class Writer(threading.Thread):
    """A session that creates numbered nodes, many at a time, until the connection ends."""

    AHEAD = 50

    def __init__(self, server, name: str) -> None:
        super().__init__(daemon=True)
        self.prefix = f"/{name}-"
        self.acknowledged = 0
        self.failure = None
        self._session = open_session(server, timeout_ms=30000)

    def run(self) -> None:
        try:
            self._write()
        except (ConnectionClosed, ProtocolError, OSError):
            pass  # the server is gone
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
        finally:
            self._session.close()

    def _write(self) -> None:
        sent = 0
        while True:
            while sent < self.acknowledged + self.AHEAD:
                path = f"{self.prefix}{sent}"
                self._session.submit(Op.CREATE, create_request(path, b"data", OPEN_ACL, 0))
                sent += 1
            reply = self._session.next()
            if reply is None:
                return
            assert reply.ok and reply.value == f"{self.prefix}{self.acknowledged}", reply
            self.acknowledged += 1


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_so_12_2_a_stop_under_load_loses_nothing_acknowledged(make_server, number):
    """Three clients with 50 requests on the way each. Nodes of a client are there without gaps."""
    server = make_server()
    writers = [Writer(server, name) for name in "abc"]
    for writer in writers:
        writer.start()
    wait_until(lambda: min(writer.acknowledged for writer in writers) > 200, "all clients write")
    stop_by(server, number)
    for writer in writers:
        writer.join(20)
        assert not writer.is_alive() and writer.failure is None, writer.failure
    with open_session(server.start()) as session:
        names = session.children("/").value
        for writer in writers:
            prefix = writer.prefix[1:]
            numbers = sorted(int(name[2:]) for name in names if name.startswith(prefix))
            assert len(numbers) >= writer.acknowledged
            assert numbers == list(range(len(numbers)))
            assert session.get(f"{writer.prefix}{writer.acknowledged - 1}").value[0] == b"data"


def test_so_12_2_sessions_and_their_ephemerals_outlive_a_restart(make_server):
    """With id and password; what belonged to it still does."""
    server = make_server()
    old = open_session(server, timeout_ms=20000)
    assert old.create("/e", b"mine", flags=Flags.EPHEMERAL).ok
    assert old.create("/s-", flags=Flags.SEQUENTIAL).value == "/s-0000000001"
    server.restart()
    old.expect_closed()
    with reconnect(server, old, timeout_ms=20000) as new:
        assert (new.session_id, new.timeout_ms) == (old.session_id, 20000)
        data, stat = new.get("/e").value
        assert (data, stat.ephemeral_owner) == (b"mine", old.session_id)
        assert new.create("/s-", flags=Flags.SEQUENTIAL).value == "/s-0000000002"
        assert new.close_session().ok
    old.close()
    with open_session(server) as other:
        assert other.exists("/e").err == Err.NO_NODE
        assert other.session_id != old.session_id


def test_so_12_2_a_wrong_password_does_not_claim_a_session_after_a_restart(make_server):
    server = make_server()
    old = open_session(server, timeout_ms=20000)
    server.restart()
    with open_connection(server) as thief:
        response = thief.connect_session(session_id=old.session_id, passwd=b"x" * 16)
        assert response.refused
    with reconnect(server, old, timeout_ms=20000) as new:
        assert new.session_id == old.session_id
    old.close()


def test_so_12_2_a_session_that_nobody_claims_expires_after_the_restart(make_server):
    """Its timeout begins anew with the start, and its ephemerals go when it ends."""
    server = make_server({"tickTime": 500})
    with open_session(server, timeout_ms=2000) as old:
        assert old.create("/e", flags=Flags.EPHEMERAL).ok
        server.stop()
    server.start()
    with open_session(server) as watcher:
        assert watcher.exists("/e", watch=True).ok
        event = watcher.next_event(10)
        assert event.path == "/e"
        assert watcher.exists("/e").err == Err.NO_NODE
    with open_connection(server) as late:
        assert late.connect_session(session_id=old.session_id, passwd=old.passwd).refused


def test_so_12_2_ended_sessions_stay_ended(make_server):
    server = make_server()
    with open_session(server) as session:
        session.close_session()
    server.restart()
    with open_connection(server) as late:
        assert late.connect_session(session_id=session.session_id, passwd=session.passwd).refused


def test_so_12_2_state_is_the_same_after_restarts(make_server):
    """Data, versions, ACLs, times, zxid and the digest; the log shows which zxid was reached."""
    server = make_server()
    with open_session(server) as session:
        for number in range(150):
            session.create(f"/{number}", b"x" * number)
        session.set("/7", b"seven")
        session.set("/7", b"7")
        session.create("/closed", acl=[(1, "world", "anyone")])
        session.create("/7/child")
        session.delete("/7/child")
        session.close_session()
    before = seen_of(server)
    assert server.four_letter("hash").startswith(b"80: ")
    for _ in range(3):
        assert seen_of(server.restart()) == before


def seen_of(server) -> dict:
    """All that a session without writes can see; its own two transactions are taken off."""
    with open_session(server) as session:
        seen = {
            name: (session.get(f"/{name}").value, session.get_acl(f"/{name}").value)
            for name in session.children("/").value
            if name != "zookeeper"
        }
        session.close_session()
    found = re.search(rb"Node count: (\d+)", server.four_letter("srvr"))
    return {"nodes": seen, "count": found[1]}


# --- SO-2.6, SO-2.7 as far as an operator sees them: names and sizes of logs ---


def test_so_12_2_a_log_is_named_after_its_first_zxid_and_padded(make_server):
    """None before the first transaction, one for each start with a write, none without."""
    server = make_server()
    assert logs_of(server) == []
    with open_session(server) as session:  # zxid 1
        assert logs_of(server) == [("log.1", PADDED)]
        for number in range(15):
            session.create(f"/{number}")
        session.close_session()  # zxid 0x11
    assert logs_of(server) == [("log.1", PADDED)]
    server.restart()
    assert logs_of(server) == [("log.1", PADDED)]
    with open_session(server) as session:
        session.close_session()
    assert logs_of(server) == [("log.1", PADDED), ("log.12", PADDED)]
    with open_session(server.restart()) as session:
        assert session.exists("/14").ok
    assert [name for name, _ in logs_of(server)] == ["log.1", "log.12", "log.14"]


@pytest.mark.parametrize("kib, size", [(16, 16400), (64, 65552)])
def test_so_12_2_pre_alloc_size_is_the_unit_of_padding(make_server, kib, size):
    server = make_server({"preAllocSize": kib})
    with open_session(server):
        assert logs_of(server) == [("log.1", size)]


def test_so_12_2_logs_begin_with_the_magic_and_hold_every_transaction(make_server):
    """ZKLG, version 2, database 0; then data and, up to the size, zeros."""
    server = make_server()
    with open_session(server) as session:
        session.create("/needle-in-the-log", b"its data")
        session.close_session()
    server.stop()
    content = (server.data_dir / "version-2" / "log.1").read_bytes()
    assert content[:16] == b"ZKLG\0\0\0\2" + bytes(8)
    assert b"/needle-in-the-log" in content[:4096] and b"its data" in content[:4096]
    assert not any(content[4096:1 << 20])
