#!/usr/bin/python3
"""Opens many sessions from one process, keeps them alive by pings, and reports what the server needs for them.

    scale/sessions.py --count 10000 --hold 30            # starts a server of its own (COMPAT_SERVER)
    scale/sessions.py --count 10000 --server 127.0.0.1:2181 --pid 4711

Prints one line of JSON: sessions wanted, opened and lost, seconds to open them, pings answered and their latency
in milliseconds, resident memory of the server before, with and per session. Exit status 1 if a session was lost.
"""

import argparse
import heapq
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from scale import target
from scale.wire import PING, Client, Pool, raise_descriptor_limit

ADDRESSES = 50  # of the loopback network; each gives less than 30,000 connections to one port
IN_HANDSHAKE = 500  # at most so many handshakes at once
CONFIG = {"tickTime": 2000, "maxClientCnxns": 0}


class SessionRun:
    """Opens sessions and pings each of them from the moment it is there."""

    def __init__(self, pool: Pool, server, count: int, timeout_ms: int) -> None:
        self._pool = pool
        self._server = server
        self._count = count
        self._timeout_ms = timeout_ms
        self._pings: list = []  # heap of (when due, tie-breaker, client)
        self._sent_at: dict[Client, float] = {}  # pings not answered yet
        self._random = random.Random(1)
        self.opened = 0
        self.latencies: list[float] = []  # seconds

    def open_all(self, patience_s: float) -> None:
        """Opens all sessions, or as many as it can in `patience_s`."""
        deadline = time.monotonic() + patience_s
        for number in range(self._count):
            self._pool.add(Client(self._server, self._timeout_ms, f"127.0.0.{2 + number % ADDRESSES}"))
            self._step(0)
            while self._in_handshake() >= IN_HANDSHAKE and time.monotonic() < deadline:
                self._step(0.1)
        while self._in_handshake() and time.monotonic() < deadline:
            self._step(0.1)

    def hold(self, seconds: float) -> None:
        """Keeps the sessions alive; ends when all pings are answered, or ten seconds later."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._step(0.01)
        self._pings.clear()
        self._pool.run_until(lambda: not self._sent_at, 10, self._on_messages)

    def _in_handshake(self) -> int:
        return len(self._pool.clients) - self.opened - self._pool.lost

    def _step(self, timeout: float) -> None:
        self._pool.step(timeout, self._on_messages)
        now = time.monotonic()
        while self._pings and self._pings[0][0] <= now:
            _, tie, client = heapq.heappop(self._pings)
            if client.closed:
                self._sent_at.pop(client, None)
                continue
            self._sent_at[client] = now
            client.send(PING)
            self._pool.flush(client)
            heapq.heappush(self._pings, (now + client.negotiated_ms / 3000, tie, client))

    def _on_messages(self, client: Client, _count: int) -> None:
        if client.connected and client.replies == 0:
            self.opened += 1
            # The first ping anywhere within the interval: independent clients do not ping in step.
            due = time.monotonic() + self._random.random() * client.negotiated_ms / 3000
            heapq.heappush(self._pings, (due, self.opened, client))
        elif client in self._sent_at:
            self.latencies.append(time.monotonic() - self._sent_at.pop(client))


def milliseconds(latencies: list, quantile: float) -> float:
    """A quantile of latencies, in milliseconds."""
    return round(1000 * sorted(latencies)[int(quantile * (len(latencies) - 1))], 2) if latencies else 0.0


def measure(server, count: int, hold_s: float, timeout_ms: int = 30000, patience_s: float = 300) -> dict:
    """The figures, see above."""
    before = target.resident_bytes(server.pid)
    with Pool() as pool:
        run = SessionRun(pool, server, count, timeout_ms)
        begin = time.monotonic()
        run.open_all(patience_s)
        opening_s = time.monotonic() - begin
        run.hold(hold_s)
        with_sessions = target.resident_bytes(server.pid)
        figures = {
            "sessions": count,
            "opened": run.opened,
            "lost": pool.lost,
            "errors": sum(sum(client.errors.values()) for client in pool.clients),
            "opening_s": round(opening_s, 2),
            "pings": len(run.latencies),
            "ping_ms_p50": milliseconds(run.latencies, 0.5),
            "ping_ms_p99": milliseconds(run.latencies, 0.99),
        }
    if before is not None:
        figures["rss_before_mib"] = round(before / 2**20, 1)
        figures["rss_mib"] = round(with_sessions / 2**20, 1)
        figures["bytes_per_session"] = round((with_sessions - before) / max(run.opened, 1))
    return figures


def main() -> int:
    """Parses the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target.add_arguments(parser)
    parser.add_argument("--count", type=int, default=10000, help="sessions to open (default 10000)")
    parser.add_argument("--hold", type=float, default=30, help="seconds to keep them alive (default 30)")
    parser.add_argument("--timeout-ms", type=int, default=30000, help="session timeout to ask for (default 30000)")
    arguments = parser.parse_args()
    limit = raise_descriptor_limit()
    if arguments.count > limit - 100:
        parser.error(f"only {limit} descriptors are allowed")
    with target.target_of(arguments, CONFIG) as server:
        figures = measure(server, arguments.count, arguments.hold, arguments.timeout_ms)
    print(json.dumps(figures))
    return 0 if figures["opened"] == arguments.count and figures["lost"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
