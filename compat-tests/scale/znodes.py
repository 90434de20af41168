#!/usr/bin/python3
"""Loads many znodes with pipelined creates over several connections and reports what the server needs for them.

    scale/znodes.py --count 1000000                      # starts a server of its own (COMPAT_SERVER)
    scale/znodes.py --count 1000000 --server 127.0.0.1:2181 --pid 4711

The tree: parents of 1000 znodes each below "/scale"; names of 10 bytes, 100 bytes of data (--data). Prints one
line of JSON: znodes wanted, created and refused, seconds, creates per second, resident memory of the server before and
after, bytes per znode, and bytes per znode beyond its name and data. Exit status 1 if one is missing.
"""

import argparse
import json
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from lib.records import Op, create_request
from lib.zkwire import open_session
from scale import target
from scale.wire import Client, Pool

CHILDREN = 1000  # of each parent
NAME_BYTES = 10
CONNECTIONS = 4
WINDOW = 2000  # creates in flight on each connection
BATCH = 250  # creates encoded at once
ROOT = "/scale"
CONFIG = {"tickTime": 2000, "maxSessionTimeout": 40000}


def parent_path(number: int) -> str:
    """Path of a parent."""
    return f"{ROOT}/p{number:06d}"


def prepare(server, count: int) -> int:
    """Creates the root and the parents; the number of znodes that makes."""
    parents = (count + CHILDREN - 1) // CHILDREN
    with open_session(server, timeout=60) as conn:
        assert conn.create(ROOT).ok, f"{ROOT} exists already"
        for start in range(0, parents, 100):
            numbers = range(start, min(start + 100, parents))
            conn.send_raw(b"".join(conn.encode(Op.CREATE, create_request(parent_path(n))) for n in numbers))
            assert all(conn.next_reply(60).ok for _ in numbers)
        conn.close_session()
    return parents + 1


class Loader:
    """Gives each connection its share of the creates, WINDOW at a time."""

    def __init__(self, server, count: int, data: bytes) -> None:
        self._server = server
        self._count = count
        self._next = 0
        self._sent: dict[Client, int] = {}
        self._after_path = create_request("", data)[4:]  # data, ACL, flags: the same for all

    def _encode(self, number: int) -> bytes:
        parent, child = divmod(number, CHILDREN)
        path = f"{parent_path(parent)}/n{child:0{NAME_BYTES - 1}d}".encode("ascii")
        size = 12 + len(path) + len(self._after_path)
        return struct.pack(">iiii", size, number & 0x3FFFFFFF, Op.CREATE, len(path)) + path + self._after_path

    def _refill(self, pool: Pool, client: Client) -> None:
        while self._next < self._count and self._sent[client] - client.replies <= WINDOW - BATCH:
            end = min(self._next + BATCH, self._count)
            client.send(b"".join(map(self._encode, range(self._next, end))))
            self._sent[client] += end - self._next
            self._next = end
        pool.flush(client)

    def run(self, patience_s: float) -> tuple[int, dict]:
        """Loads everything; (replies, error code -> how often)."""
        with Pool() as pool:
            for _ in range(CONNECTIONS):
                client = Client(self._server, 40000)
                self._sent[client] = 0
                pool.add(client)

            def finished() -> bool:
                if pool.lost:
                    raise ConnectionError("the server closed a connection during the load")
                return sum(client.replies for client in pool.clients) >= self._count

            pool.run_until(finished, patience_s, lambda client, _count: self._refill(pool, client))
            errors: dict = {}
            for client in pool.clients:
                for code, times in client.errors.items():
                    errors[code] = errors.get(code, 0) + times
            return sum(client.replies for client in pool.clients), errors


def measure(server, count: int, data_bytes: int, patience_s: float = 1800) -> dict:
    """The figures, see above."""
    before = target.resident_bytes(server.pid)
    begin = time.monotonic()
    own = prepare(server, count)
    replies, errors = Loader(server, count, bytes(range(256))[:data_bytes].ljust(data_bytes, b"x")).run(patience_s)
    seconds = time.monotonic() - begin
    refused = sum(errors.values())
    with open_session(server, timeout=60) as conn:
        present = conn.all_children_number(ROOT).value - (own - 1)
        conn.close_session()
    figures = {
        "znodes": count,
        "created": replies - refused,
        "refused": refused,
        "present": present,
        "seconds": round(seconds, 2),
        "creates_per_s": round(count / seconds),
    }
    after = target.resident_bytes(server.pid)
    if before is not None:
        per_znode = (after - before) / (count + own)
        figures["rss_before_mib"] = round(before / 2**20, 1)
        figures["rss_mib"] = round(after / 2**20, 1)
        figures["bytes_per_znode"] = round(per_znode, 1)
        figures["bytes_beyond_name_and_data"] = round(per_znode - NAME_BYTES - data_bytes, 1)
    return figures


def main() -> int:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target.add_arguments(parser)
    parser.add_argument("--count", type=int, default=1_000_000, help="znodes to create (default 1000000)")
    parser.add_argument("--data", type=int, default=100, help="bytes of data of each (default 100)")
    arguments = parser.parse_args()
    with target.target_of(arguments, CONFIG) as server:
        figures = measure(server, arguments.count, arguments.data)
    print(json.dumps(figures))
    return 0 if figures["present"] == arguments.count else 1


if __name__ == "__main__":
    sys.exit(main())
