"""Bytes that no honest client sends: cut, wrong, random, slow. Others must not notice.

    HOSTILE_SEED     seed of the random choices; printed by every run
    HOSTILE_GARBAGE  number of connections with garbage (default 2000)
    HOSTILE_MUTANTS  number of mutated requests (default 4000)
"""

import os
import select
import socket
import struct
import time

import pytest

from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import *  # pylint: disable=wildcard-import,unused-wildcard-import
from lib.zkwire import connect_request, frame

GARBAGE = int(os.environ.get("HOSTILE_GARBAGE", 2000))
MUTANTS = int(os.environ.get("HOSTILE_MUTANTS", 4000))


def raw_socket(server) -> socket.socket:
    """A plain TCP connection."""
    sock = socket.create_connection((server.host, server.port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def send_quietly(sock: socket.socket, data: bytes) -> None:
    """Sends; that the server hangs up in between is its good right."""
    try:
        sock.sendall(data)
    except OSError:
        pass


def wait_for_eof(sock: socket.socket, timeout: float = 10) -> None:
    """Reads until the server closes; AssertionError when it does not."""
    sock.settimeout(timeout)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        raise AssertionError("the server keeps the connection") from None
    except OSError:
        pass


def hang_up(conn) -> None:
    """Half-closes and waits for the server to close too, which it may have done long ago."""
    try:
        conn.shutdown_write()
    except OSError:
        pass
    try:
        conn.recv_until_closed(timeout=5)
    except TimeoutError:
        raise AssertionError("the server keeps a connection that its client has left") from None


def valid_requests(root: str) -> list[bytes]:
    """One valid payload (header and body) of every kind that a client may send."""
    path, watch = f"{root}/a", path_watch_request(f"{root}/a", True)
    bodies = [
        (Op.CREATE, create_request(path, b"data")),
        (Op.CREATE2, create_request(f"{root}/b", b"data", flags=Flags.SEQUENTIAL)),
        (Op.CREATE_CONTAINER, create_request(f"{root}/c", flags=Flags.CONTAINER)),
        (Op.DELETE, path_version_request(path)),
        (Op.EXISTS, watch),
        (Op.GET_DATA, watch),
        (Op.SET_DATA, set_data_request(path, b"new", 0)),
        (Op.GET_ACL, path_request(path)),
        (Op.SET_ACL, set_acl_request(path, [acl(Perms.ALL, "world", "anyone"), acl(1, "ip", "10.0.0.0/8")])),
        (Op.GET_CHILDREN, watch),
        (Op.GET_CHILDREN2, watch),
        (Op.SYNC, path_request(path)),
        (Op.MULTI, multi_request([(Op.CHECK, path_version_request(path)), (Op.DELETE, path_version_request(path))])),
        (Op.MULTI_READ, multi_request([(Op.GET_DATA, path_watch_request(path))])),
        (Op.SET_WATCHES, set_watches_request(1, [path], [f"{root}/x"], [root])),
        (Op.SET_WATCHES2, set_watches2_request(1, [path], [], [root], [path], [root])),
        (Op.ADD_WATCH, path_int_request(path, WatchMode.PERSISTENT_RECURSIVE)),
        (Op.CHECK_WATCHES, path_int_request(path, WatcherType.ANY)),
        (Op.REMOVE_WATCHES, path_int_request(path, WatcherType.ANY)),
        (Op.AUTH, auth_request("digest", b"bob:pw")),
        (Op.SASL, sasl_request(b"token")),
        (Op.GET_EPHEMERALS, path_request(root)),
        (Op.GET_ALL_CHILDREN_NUMBER, path_request(root)),
        (Op.RECONFIG, reconfig_request("server.1=h:1:2", None, None)),
        (Op.WHO_AM_I, b""),
        (Op.PING, b""),
        (Op.DELETE_CONTAINER, path_request(path)),
        (Op.CREATE_SESSION, struct.pack(">i", 10000)),
        (Op.CLOSE_SESSION, b""),
    ]
    if server_kind() == "lockkeeper":
        # Not to Apache: a createTTL with other flags and a negative ttl ends its process (CP-13.5).
        bodies.append((Op.CREATE_TTL, create_ttl_request(f"{root}/t", ttl_ms=1000)))
    return [struct.pack(">ii", 7, op) + body for op, body in bodies]


def mutate(payload: bytes, rng) -> bytes:
    """A payload with one to three random injuries."""
    data = bytearray(payload)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(data):
                data[at] = rng.choice((0x00, 0x01, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at : at + rng.randint(1, 8)]
            case 3:
                data[at:at] = rng.randbytes(rng.randint(1, 8))
            case 4 if len(data) >= 12:
                at = 8 + rng.randrange(len(data) - 11)
                data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"))
            case 5:
                del data[at:]
            case 6 if len(data) >= 8:
                data[4:8] = struct.pack(">i", rng.choice((rng.randrange(-20, 120), rng.getrandbits(31))))
    return bytes(data)


def test_handshake_cut_at_every_byte(server, attack):
    """CP-2.16, CP-13 row 27: part of a handshake, then EOF or reset."""
    handshake = frame(connect_request())
    with attack():
        for cut in range(len(handshake)):
            with raw_socket(server) as sock:
                sock.sendall(handshake[:cut])
                if cut % 2:
                    sock.shutdown(socket.SHUT_WR)
                    wait_for_eof(sock)


def test_requests_cut_at_every_byte(server, attack, root):
    """CP-13 row 27: a session with part of a request, then EOF; complete frames before it are executed."""
    complete = frame(struct.pack(">ii", 1, Op.CREATE) + create_request(f"{root}/whole"))
    partial = frame(struct.pack(">ii", 2, Op.CREATE) + create_request(f"{root}/partial"))
    with attack():
        for cut in range(len(partial)):
            with open_session(server) as conn:
                conn.send_raw(complete + partial[:cut])
                hang_up(conn)
    with open_session(server) as conn:
        assert conn.exists(f"{root}/whole").ok
        assert conn.exists(f"{root}/partial").err == Err.NO_NODE


def test_short_bodies_of_every_operation(server, attack, root):
    """CP-13.2, CP-13.4: every request cut at every byte of its body, in frames of the right length."""
    with attack():
        for payload in valid_requests(root):
            with open_session(server) as conn:
                for cut in range(8, len(payload)):
                    conn.send_frame(payload[:cut])
                hang_up(conn)


@pytest.mark.parametrize("length", [-1, -(2**31), 2**31 - 1, 2**30, 0x100000, 0x47455420, 0x16030100])
@pytest.mark.parametrize("established", [False, True], ids=["before", "after"])
def test_impossible_lengths_close_the_connection(server, attack, length, established):
    """CP-1.8, CP-1.7: before and after the handshake; among them "GET " and the start of a TLS handshake."""
    with attack():
        for _ in range(50):
            with raw_socket(server) as sock:
                if established:
                    sock.sendall(frame(connect_request()))
                    sock.recv(41, socket.MSG_WAITALL)
                send_quietly(sock, struct.pack(">i", length) + b"x" * 100)
                wait_for_eof(sock)


@pytest.mark.parametrize("established", [False, True], ids=["before", "after"])
def test_announced_but_unsent_megabytes_cost_no_memory(server, attack, established):
    """CP-1.7: 300 connections announce the largest frame and send ten bytes of it."""
    socks = []
    try:
        with attack(grow_mib=64):
            for _ in range(300):
                sock = raw_socket(server)
                socks.append(sock)
                if established:
                    sock.sendall(frame(connect_request()))
                    sock.recv(41, socket.MSG_WAITALL)
                sock.sendall(struct.pack(">i", 0xFFFFF) + b"x" * 10)
    finally:
        for sock in socks:
            sock.close()


def test_garbage_on_many_connections(server, attack, rng):
    """CP-1.12, CP-13.3: random bytes instead of a handshake; some hang up, some wait for the answer."""
    with attack():
        for number in range(GARBAGE):
            with raw_socket(server) as sock:
                send_quietly(sock, rng.randbytes(rng.choice((1, 4, 7, 48, 49, 200, 5000))))
                if number % 4 == 0:
                    sock.settimeout(0.001)
                    try:
                        sock.recv(100)
                    except OSError:
                        pass


def test_garbage_in_established_sessions(server, attack, rng):
    """CP-13.1, CP-13.2: random payloads in frames of the right length, with random operations."""
    with attack():
        for _ in range(GARBAGE // 10):
            with open_session(server) as conn:
                for _ in range(10):
                    op = rng.choice((rng.randrange(0, 25), rng.randrange(100, 110), rng.getrandbits(31)))
                    conn.send_frame(struct.pack(">ii", 5, op) + rng.randbytes(rng.randrange(200)))
                hang_up(conn)


def test_mutated_requests(server, attack, root, rng):
    """CP-13.1 to CP-13.5: valid requests with random injuries, several on each session."""
    corpus = valid_requests(root)
    with attack():
        sent = 0
        while sent < MUTANTS:
            with open_session(server) as conn:
                for _ in range(20):
                    conn.send_frame(mutate(rng.choice(corpus), rng))
                    sent += 1
                hang_up(conn)


def test_mutated_handshakes(server, attack, rng):
    """CP-2.16: handshakes with random injuries."""
    with attack():
        for _ in range(1000):
            with raw_socket(server) as sock:
                payload = connect_request(timeout_ms=2000)
                damaged = mutate(payload, rng)
                send_quietly(sock, frame(damaged))
                sock.shutdown(socket.SHUT_WR)
                wait_for_eof(sock)


def test_handshake_and_requests_byte_by_byte(server, attack, root):
    """CP-1 framing: however slowly the bytes come, they are a request, and nobody else waits for them."""
    handshake = frame(connect_request())
    request = frame(struct.pack(">ii", 9, Op.EXISTS) + path_watch_request(root))
    with attack():
        socks = [raw_socket(server) for _ in range(50)]
        for byte in handshake:
            for sock in socks:
                sock.send(bytes([byte]))
            time.sleep(0.01)  # so that each byte travels alone; shorter than the limit for strangers
        for sock in socks:
            answer = sock.recv(41, socket.MSG_WAITALL)
            assert answer[:8] == struct.pack(">ii", 37, 0)
        for byte in request:
            for sock in socks:
                sock.send(bytes([byte]))
            time.sleep(0.01)
        for sock in socks:
            answer = sock.recv(4 + 16 + 68, socket.MSG_WAITALL)
            assert struct.unpack_from(">i", answer, 4)[0] == 9
            assert struct.unpack_from(">i", answer, 16)[0] == 0
            sock.close()


def test_strangers_who_say_nothing_are_sent_away(server, attack):
    """CP-10.9, SO-10.7: silent before the handshake, or silent in the middle of it."""
    with attack():
        socks = [raw_socket(server) for _ in range(200)]
        for sock in socks[::2]:
            sock.sendall(frame(connect_request())[:20])
        closed = set()

        def all_closed() -> bool:
            readable, _, _ = select.select([s for s in socks if s not in closed], [], [], 0)
            for sock in readable:
                assert sock.recv(100) == b"", "a stranger was answered"
                closed.add(sock)
            return len(closed) == len(socks)

        # The limit of this server is one second, rounded up to a multiple of itself.
        wait_until(all_closed, "silent strangers are sent away", timeout=20)
        for sock in socks:
            sock.close()


def test_half_open_sessions_expire(server, attack, root):
    """CP-10.1, CP-10.2: 100 clients that vanish without a FIN (here: never send again) lose their sessions."""
    with attack():
        gone = [open_session(server, timeout_ms=2000) for _ in range(100)]
        for number, conn in enumerate(gone):
            assert conn.create(f"{root}/e{number}", flags=Flags.EPHEMERAL).ok
        with open_session(server) as watcher:
            wait_until(lambda: watcher.children(root).value == [], "their ephemerals go")
        for conn in gone:
            conn.expect_closed()
            conn.close()
