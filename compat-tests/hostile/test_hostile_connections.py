"""Connections without measure: opened and dropped in turn, flooded, and four-letter words without end.

    HOSTILE_CONNECTIONS  connections opened and dropped in turn (default 20000; a long run is 1000000, which
                         takes a few minutes)
"""

import os
import socket
import struct

from bystander import open_sockets, resident_mib

from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import connect_request, frame, open_session

CONNECTIONS = int(os.environ.get("HOSTILE_CONNECTIONS", 20000))
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, and no TIME_WAIT that would use up the ports


def connect_from(server, source: str = "127.0.0.1") -> socket.socket:
    """A TCP connection from an address of the loopback network."""
    sock = socket.create_connection((server.host, server.port), timeout=10, source_address=(source, 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    return sock


def test_connections_opened_and_dropped_in_turn(server, attack):
    """F6: silent ones, ones with part of a handshake, ones with a session; nothing of them may stay.

    Sessions that were opened stay until they expire, that is their right; sockets do not.
    """
    handshake = frame(connect_request(timeout_ms=2000))
    before = open_sockets(server.pid)
    with attack(grow_mib=64):
        for number in range(CONNECTIONS):
            # Several addresses: one has not enough ports for a long run.
            sock = connect_from(server, f"127.0.0.{2 + number % 60}")
            if number % 10 == 7:
                sock.sendall(handshake[: number % len(handshake)])
            if number % 20 == 9:
                sock.sendall(handshake)
                if number % 40 == 9:
                    sock.recv(41, socket.MSG_WAITALL)
            sock.close()
    with open_session(server) as conn:
        # One more than before, which is this connection.
        wait_until(lambda: conn.ping().ok and open_sockets(server.pid) <= before + 1, "the server closes its ends")


def flood(server, count: int, source: str) -> tuple[list, int]:
    """`count` connections from one address, one after the other; (sockets, how many got a session)."""
    socks, answered = [], 0
    for _ in range(count):
        try:
            sock = connect_from(server, source)
        except OSError:
            continue  # a reset during connect is as good as a close
        socks.append(sock)
        try:
            sock.sendall(frame(connect_request(timeout_ms=20000)))
            answer = sock.recv(41, socket.MSG_WAITALL)
        except OSError:
            continue
        assert len(answer) in (0, 41), f"a surplus connection was told {answer!r}"
        answered += len(answer) == 41
    return socks, answered


def close_flood(server, socks: list, honest, sockets: int) -> None:
    """Ends a flood and waits until the server has at most `sockets` open; `honest` keeps working meanwhile."""
    for sock in socks:
        sock.close()
    wait_until(lambda: honest.ping().ok and open_sockets(server.pid) <= sockets, "the flood is forgotten")


def test_flood_over_the_limit_of_one_address(make_server):
    """CP-10.8, SO-10.1: the surplus is closed without a byte, other addresses are served, room comes back."""
    limit = 50
    server = make_server({"maxClientCnxns": limit, "tickTime": 1000})
    with open_session(server) as honest:
        before = open_sockets(server.pid)
        for _ in range(3):
            socks, answered = flood(server, 10 * limit, "127.0.0.2")
            assert answered == limit
            assert honest.exists("/").ok
            with open_session(server) as late:
                assert late.exists("/").ok
            close_flood(server, socks, honest, before)


def test_flood_over_the_limit_of_all_connections(make_server):
    """CP-10 table 10.5, SO-10.1: maxCnxns counts all addresses; sessions that are there go on, room comes back."""
    limit = 40
    server = make_server({"maxCnxns": limit, "maxClientCnxns": 0, "tickTime": 1000})
    with open_session(server) as honest:
        before = open_sockets(server.pid)
        for _ in range(3):
            first, some = flood(server, limit // 2, "127.0.0.2")
            second, rest = flood(server, 10 * limit, "127.0.0.3")
            assert some == limit // 2
            assert some + rest == limit - 1
            assert honest.exists("/").ok
            close_flood(server, first + second, honest, before)


def test_four_letter_words_in_quantity(server, attack, root):
    """CP-1.10 to CP-1.12, SO-5.1, SO-5.13: known, unknown, cut, with a megabyte behind them."""
    words = ["ruok", "srvr", "stat", "mntr", "conf", "cons", "dump", "envi", "wchs", "wchc", "wchp", "dirs", "isro"]
    if server_kind() == "lockkeeper":
        words.append("hash")
    strange = [b"ruo", b"RUOK", b"quit", b"GET / HTTP/1.1\r\n\r\n", b"stmk", b"stmk\x00", b"ruok" + bytes(100_000)]
    with open_session(server) as watcher:
        for number in range(500):
            watcher.exists(f"{root}/{number}", watch=True)
        with attack(grow_mib=48):
            for round_number in range(100):
                for word in words:
                    answer = server.four_letter(word)
                    # hash has nothing to say before the 128th transaction.
                    assert answer or word == "hash", f"{word}: no answer in round {round_number}"
                for data in strange:
                    with connect_from(server) as sock:
                        sock.sendall(data)
            # Long answers that nobody reads.
            unread = []
            for _ in range(200):
                sock = connect_from(server)
                sock.sendall(b"wchp")
                unread.append(sock)
            for sock in unread:
                sock.close()


def test_memory_after_the_attacks_is_that_of_a_server(server):
    """After all tests of this module the server is small again, or at least not large (Lockkeeper only)."""
    if server_kind() == "lockkeeper":
        assert resident_mib(server.pid) < 200
