"""Strangers on the ports that the servers of an ensemble keep for each other, while it serves.

Whatever they send: no server ends, the leader stays, honest clients are served, and nothing of the
strangers is left when they have gone.
"""

import os
import socket
import struct
import time

import pytest
from bystander import Bystander, open_sockets, resident_mib

from lib.ensemble import Ensemble
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import open_session

pytestmark = [
    pytest.mark.skipif(server_kind() != "lockkeeper", reason="about our own ports"),
    pytest.mark.xdist_group("hostile-peers"),
]

CONFIG = {"quorumCnxnTimeoutMs": 1000, "initLimit": 4, "syncLimit": 20}
GROW_MIB = 96
FOLLOWERINFO, OBSERVERINFO, LEADERINFO, ACKEPOCH, SNAP = 11, 16, 17, 18, 15
STRANGER = 77  # a number that no member has


@pytest.fixture(scope="module", name="ensemble")
def started_ensemble():
    with Ensemble(["lockkeeper"] * 3, config=CONFIG) as ensemble:
        yield ensemble


class Siege(Bystander):
    """An honest client of a follower; asserts afterwards that all is as it was before."""

    def __init__(self, ensemble) -> None:
        self.ensemble = ensemble
        self.leader = ensemble.leader()
        follower = next(number for number in (1, 2, 3) if number != self.leader)
        super().__init__(ensemble.members[follower], deadline_s=20)
        self.before = {number: self.state_of(number) for number in ensemble.members}

    def state_of(self, number: int) -> tuple:
        server = self.ensemble.members[number]
        return server.pid, self.ensemble.mode(number)

    def __enter__(self) -> "Siege":
        super().__enter__()
        self.sockets = {number: open_sockets(s.pid) for number, s in self.ensemble.members.items()}
        self.memory = {number: resident_mib(s.pid) for number, s in self.ensemble.members.items()}
        return self

    def __exit__(self, *exc) -> None:
        super().__exit__(*exc)
        if exc[0] is not None:
            return
        self.assert_served()
        for number, server in self.ensemble.members.items():
            assert self.state_of(number) == self.before[number]
            wait_until(
                lambda s=server, n=number: open_sockets(s.pid) <= self.sockets[n],
                f"server {number} has closed the strangers' connections",
            )
            assert resident_mib(server.pid) - self.memory[number] < GROW_MIB


def ports(ensemble) -> dict:
    """Of the leader's quorum port, and of everybody's election port."""
    leader = ensemble.leader()
    found = {}
    for number, server in ensemble.members.items():
        _host, quorum, election, _role = server.config[f"server.{number}"].split(":")
        found[f"election of {number}"] = int(election)
        if number == leader:
            found["quorum"] = int(quorum)
    return found


def attack(port: int, data: bytes, patience_s: float = 0.05) -> None:
    """Sends until the other side does not want it any more, listens for a moment, and leaves."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.settimeout(patience_s)
        try:
            sock.sendall(data)
            until = time.monotonic() + patience_s
            while sock.recv(65536) and time.monotonic() < until:
                pass
        except OSError:
            pass


def packet(kind: int, zxid: int, data=None, identities=None) -> bytes:
    body = struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data
    ids = struct.pack(">i", -1)
    if identities is not None:
        ids = struct.pack(">i", len(identities))
        for scheme, name in identities:
            ids += struct.pack(">i", len(scheme)) + scheme + struct.pack(">i", len(name)) + name
    return struct.pack(">iq", kind, zxid) + body + ids


def introduction(kind: int = FOLLOWERINFO, sid: int = STRANGER) -> bytes:
    return packet(kind, 0, struct.pack(">qiq", sid, 0x10000, 0))


def notification(rng, state=None) -> bytes:
    chosen = rng.randrange(4) if state is None else state
    numbers = [rng.choice([0, 1, 2, 3, STRANGER, -1, rng.getrandbits(62)]) for _ in range(4)]
    config = bytes(rng.getrandbits(8) for _ in range(rng.randrange(40)))
    body = struct.pack(">iqqqqii", chosen, *numbers, 2, len(config)) + config
    return struct.pack(">i", len(body)) + body


def handshake(sid: int, version: int = -65536, address: bytes = b"127.0.0.1:1") -> bytes:
    return struct.pack(">qqi", version, sid, len(address)) + address


def mutated(data: bytes, rng) -> bytes:
    """A few bytes changed, or the end cut off."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.getrandbits(8)])
    return bytes(changed[: rng.randrange(1, len(changed) + 1)]) if rng.random() < 0.3 else bytes(changed)


def test_garbage_on_every_port(ensemble, rng):
    with Siege(ensemble):
        for port in ports(ensemble).values():
            for size in (1, 4, 8, 12, 20, 100, 5000, 300_000):
                attack(port, rng.randbytes(size))
                attack(port, bytes(size))
                attack(port, b"\xff" * size)


def test_mutated_packets_on_the_quorum_port(ensemble, rng):
    """Whole conversations of a learner with a few wrong bytes."""
    epoch = struct.pack(">i", 1)
    request = struct.pack(">qii", 0x123456789, 1, 1) + rng.randbytes(40)
    conversation = [
        introduction(),
        packet(18, 1 << 32, epoch),
        packet(3, 1 << 32),
        packet(1, -1, request, [(b"world", b"anyone")]),
        packet(6, -1, struct.pack(">qi", 0x123456789, 4000)),
        packet(5, 0, struct.pack(">qi", 0x123456789, 4000)),
    ]
    with Siege(ensemble):
        port = ports(ensemble)["quorum"]
        for _ in range(60):
            at = rng.randrange(len(conversation))
            data = b"".join(conversation[:at]) + mutated(conversation[at], rng)
            attack(port, data)


def test_handshakes_and_notifications_of_nobody_on_the_election_ports(ensemble, rng):
    """Numbers that no member has, negative ones, versions and lengths that cannot be."""
    with Siege(ensemble):
        for name, port in ports(ensemble).items():
            if name == "quorum":
                continue
            for sid in (STRANGER, -1, -(1 << 63), (1 << 63) - 1, 0):
                for version in (-65536, -65535, -65537, -1):
                    attack(port, handshake(sid, version) + notification(rng), 0.02)
            for length in (-1, 0, 513, 1 << 30):
                attack(port, struct.pack(">qqi", -65536, STRANGER, length) + b"x" * 600, 0.02)
            for length in (-1, 0, 1 << 20, (1 << 31) - 1):
                attack(port, handshake(STRANGER) + struct.pack(">i", length) + b"x" * 100, 0.02)


def test_identities_in_thousands_and_lengths_of_gigabytes(ensemble):
    """What is announced costs nothing before it comes."""
    with Siege(ensemble):
        port = ports(ensemble)["quorum"]
        many = [(b"digest", b"user:%d" % n) for n in range(5000)]
        attack(port, introduction() + packet(1, -1, bytes(16), many))
        for length in (-2, (1 << 31) - 1, 1 << 24):
            attack(port, struct.pack(">iqi", 1, 0, length))
            attack(port, introduction() + struct.pack(">iqii", 1, 0, -1, length))
        large = [(b"digest", bytes(1 << 20)) for _ in range(64)]
        attack(port, introduction() + packet(1, -1, None, large), 2)


def test_connections_that_say_nothing_are_closed(ensemble):
    """Two hundred on each port, which stay until they are sent away."""
    with Siege(ensemble):
        silent = []
        try:
            for port in ports(ensemble).values():
                silent += [socket.create_connection(("127.0.0.1", port), 10) for _ in range(200)]
            deadline = time.monotonic() + 60
            for sock in silent:
                sock.settimeout(max(0.1, deadline - time.monotonic()))
                assert sock.recv(1) == b""
        finally:
            for sock in silent:
                sock.close()


def test_learner_that_floods_the_leader(ensemble):
    """Requests of a stranger without end: refused, or taken no faster than they are dealt with."""
    flood = packet(1, -1, struct.pack(">qii", 5, 1, 1) + bytes(1_000_000))
    with Siege(ensemble):
        for _ in range(3):
            attack(ports(ensemble)["quorum"], introduction(OBSERVERINFO) + flood * 40, 3)


def children_of(pid: int) -> list:
    """Processes that a server has started: copies of its state on their way to a learner."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as names:
            found += names.read().split()
    return found


def receive(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        assert more, f"closed after {len(data)} of {count} bytes"
        data += more
    return data


def ask_for_snapshot(port: int, sid: int) -> socket.socket:
    """An observer whose history is none of this leader's, up to the first bytes of its SNAP."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(20)
    sock.connect(("127.0.0.1", port))
    sock.sendall(introduction(OBSERVERINFO, sid))
    kind, epoch_start = struct.unpack(">iq", receive(sock, 24)[:12])
    assert kind == LEADERINFO
    sock.sendall(packet(ACKEPOCH, epoch_start + (1 << 32), struct.pack(">i", -1)))
    kind, _zxid, _data, _ids = struct.unpack(">iqii", receive(sock, 20))
    assert kind == SNAP
    return sock


def test_learners_that_do_not_take_their_snapshot(ensemble):
    """The state is not encoded into the leader's memory; it keeps pinging and serving, and gives such
    learners up after initLimit, with the processes that held their copies.
    """
    megabyte = bytes(1_000_000)
    leader = ensemble.members[ensemble.leader()]
    with open_session(leader, timeout=30) as session:
        for number in range(24):
            assert session.create(f"/large-{number}", megabyte).ok
    with Siege(ensemble):
        port = ports(ensemble)["quorum"]
        stuck = [ask_for_snapshot(port, STRANGER + n) for n in range(3)]
        try:
            wait_until(lambda: children_of(leader.pid), "copies of the state wait")
            wait_until(lambda: not children_of(leader.pid), "the leader gives them up")
        finally:
            for sock in stuck:
                sock.close()
    with open_session(leader, timeout=30) as session:
        for number in range(24):
            assert session.delete(f"/large-{number}").ok
