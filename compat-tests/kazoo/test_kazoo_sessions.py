"""Sessions through kazoo: chroot, lost connections, restarted servers, expiry."""

import time

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss, NoNodeError, SessionExpiredError
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry

from lib.tcp_proxy import TcpProxy
from lib.waiting import wait_until

SHORT_SESSION_S = 1.5  # at least two ticks of the server in conftest.py


@pytest.fixture
def proxy(server):
    """A connection to the server that can be cut."""
    with TcpProxy(server) as tcp_proxy:
        yield tcp_proxy


def record_states(client):
    """A list that grows with each state of the client."""
    states = []
    client.add_listener(states.append)
    return states


def test_chroot_hides_the_rest_of_the_tree(connect, zk, root, server):
    """The chroot is put before every path and cut off every answer."""
    zk.create(f"{root}/jail")
    inside = connect(chroot=f"{root}/jail")
    seen = []
    assert inside.exists("/a", watch=lambda event: seen.append(event.path)) is None
    assert inside.create("/a", b"x") == "/a"
    assert zk.get(f"{root}/jail/a")[0] == b"x"
    wait_until(lambda: seen, "the watch inside the chroot")
    assert seen == ["/a"]
    assert inside.get_children("/") == ["a"]
    with inside.transaction() as transaction:
        transaction.set_data("/a", b"y")
    assert inside.get("/a")[0] == b"y"
    assert zk.get(f"{root}/jail/a")[0] == b"y"


def test_chroot_that_does_not_exist_is_made_by_ensure_path(connect, zk, root):
    """kazoo's documented way to create its chroot: the client is warned, then creates "/"."""
    with pytest.warns(UserWarning, match="chroot"):
        inside = connect(chroot=f"{root}/jail")
    with pytest.raises(NoNodeError):
        inside.create("/a")
    inside.ensure_path("/")
    inside.create("/a")
    assert zk.exists(f"{root}/jail/a")


def test_session_survives_a_lost_connection(connect, proxy, zk, root):
    """CP-2.9, CP-5.14: same session, ephemerals still there; what was pending is reported lost."""
    client = connect(at=proxy)
    states = record_states(client)
    client.create(f"{root}/e", ephemeral=True)
    session = client.client_id[0]
    proxy.cut()
    wait_until(lambda: states == [KazooState.SUSPENDED], "the client is suspended")
    assert zk.exists(f"{root}/e").ephemeralOwner == session
    proxy.mend()
    wait_until(lambda: states == [KazooState.SUSPENDED, KazooState.CONNECTED], "the client is back")
    assert client.client_id[0] == session
    assert client.get(f"{root}/e")[1].ephemeralOwner == session
    client.stop()


def test_retry_carries_an_operation_over_a_lost_connection(connect, proxy, zk, root, in_thread):
    """client.retry repeats what failed with connection loss until it is done."""
    client = connect(at=proxy, command_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=0.3))
    proxy.cut()
    pending = in_thread(client.retry, client.create, f"{root}/a", b"x")
    wait_until(lambda: client.state == KazooState.SUSPENDED, "the client is suspended")
    assert zk.exists(f"{root}/a") is None
    proxy.mend()
    assert pending.result() == f"{root}/a"
    client.stop()


def test_session_and_ephemerals_survive_a_restart_of_the_server(make_server, connect):
    """CP-2.22, SO-12.2: a killed server knows everything again, the client notices a short suspension."""
    server = make_server({"tickTime": 500})
    client = connect(at=server)
    states = record_states(client)
    client.create("/kept", b"value")
    client.create("/e", ephemeral=True)
    client.create("/kept/s-", sequence=True)
    session, passwd = client.client_id
    server.kill()
    wait_until(lambda: client.state == KazooState.SUSPENDED, "the client notices the dead server")
    server.start()
    wait_until(lambda: client.connected, "the client is back")
    assert states == [KazooState.SUSPENDED, KazooState.CONNECTED]
    assert client.client_id == (session, passwd)
    assert client.get("/kept")[0] == b"value"
    assert client.exists("/e").ephemeralOwner == session
    assert client.create("/kept/s-", sequence=True) == "/kept/s-0000000001"
    client.stop()


def test_another_process_carries_a_session_on(connect, proxy, root):
    """CP-2.9: client_id handed to a new KazooClient."""
    first = connect(at=proxy)
    first.create(f"{root}/e", ephemeral=True)
    client_id = first.client_id
    proxy.cut()
    second = connect(client_id=client_id)
    assert second.client_id == client_id
    assert second.exists(f"{root}/e").ephemeralOwner == client_id[0]
    second.stop()
    proxy.mend()
    # The first client comes back to a session that was closed: it is told, and opens a new one.
    wait_until(lambda: first.connected and first.client_id[0] != client_id[0], "a new session of the first")
    assert first.exists(f"{root}/e") is None


def test_expired_session_loses_its_ephemerals_and_its_client_learns_it(connect, proxy, zk, root):
    """CP-10.1, CP-2.13: LOST, ephemerals gone, and a new session afterwards."""
    client = connect(at=proxy, timeout=SHORT_SESSION_S)
    states = record_states(client)
    client.create(f"{root}/e", ephemeral=True)
    client.create(f"{root}/p")
    session = client.client_id[0]
    cut_at = time.monotonic()
    proxy.cut()
    wait_until(lambda: zk.exists(f"{root}/e") is None, "the ephemeral is removed")
    # Pings go out every third of the timeout at the latest, so the server heard of us since.
    assert time.monotonic() - cut_at > SHORT_SESSION_S / 2
    proxy.mend()
    wait_until(lambda: states[-1] == KazooState.CONNECTED, "a new session")
    assert states == [KazooState.SUSPENDED, KazooState.LOST, KazooState.CONNECTED]
    assert client.client_id[0] != session
    assert client.exists(f"{root}/p")
    assert client.exists(f"{root}/e") is None


def test_operations_pending_at_expiry_fail(connect, proxy, zk, root):
    """What was under way when the session died raises, and was not done."""
    client = connect(at=proxy, timeout=SHORT_SESSION_S)
    client.create(f"{root}/e", ephemeral=True)
    proxy.cut()
    pending = client.create_async(f"{root}/a")
    wait_until(lambda: zk.exists(f"{root}/e") is None, "the session expires")
    proxy.mend()
    with pytest.raises((ConnectionLoss, SessionExpiredError)):
        pending.get(timeout=30)
    wait_until(lambda: client.connected, "a new session")
    assert zk.exists(f"{root}/a") is None


def test_idle_client_keeps_its_session_by_pings(connect, zk, root):
    """CP-10.3: idle for several timeouts."""
    idle = connect(timeout=SHORT_SESSION_S)
    states = record_states(idle)
    idle.create(f"{root}/e", ephemeral=True)
    end = time.monotonic() + 3 * SHORT_SESSION_S
    while time.monotonic() < end:
        assert zk.exists(f"{root}/e"), "the session expired although its client is idle, not dead"
        time.sleep(0.05)
    assert states == []


def test_start_gives_up_when_nobody_answers(proxy):
    """start() raises after its timeout and can be tried again later."""
    proxy.cut()
    client = KazooClient(hosts=f"{proxy.host}:{proxy.port}")
    with pytest.raises(client.handler.timeout_exception):
        client.start(timeout=0.5)
    proxy.mend()
    client.start(timeout=30)
    assert client.exists("/") is not None
    client.stop()
    client.close()


def test_client_finds_the_living_one_of_several_hosts(connect, server, proxy):
    """A list of hosts of which one is dead."""
    proxy.cut()

    class Hosts:  # what `connect` puts before the colon and after it
        host, port = f"{proxy.host}:{proxy.port},{server.host}", server.port

    for _ in range(3):
        assert connect(at=Hosts).exists("/") is not None
