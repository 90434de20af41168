"""How long an ensemble takes no writes after kill -9 of its leader, beside Apache ZooKeeper 3.8.0 on the same machine.

    bench/failover.py            20 rounds each, in turn; about three minutes

Three servers with tickTime 2000. A writer has a session on each server that survives the leader and
goes on trying: while it has none, to carry the session on; with one, to set a znode. Measured is the
time from the kill to the first answer that a write succeeded which was sent after the kill. The killed
server then comes back and is waited for. Prints one line of JSON for each round and at the end a
table. LOCKKEEPER_BINARY names another program than that of the release build.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compat-tests"))

from lib.ensemble import Ensemble  # pylint: disable=wrong-import-position
from lib.zkwire import ConnectionClosed, ProtocolError, open_session, reconnect  # pylint: disable=wrong-import-position
from measured_server import machine_load  # pylint: disable=wrong-import-position

TICK_MS = 2000
CONFIG = {"tickTime": TICK_MS, "initLimit": 10, "syncLimit": 5}
PATIENCE_S = 60
PAUSE_S = 0.002
PATH = "/failover"


class Writer(threading.Thread):
    """A client of one surviving server: tries to write until one write succeeds."""

    def __init__(self, server, session, first_success) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._session = session
        self._first_success = first_success
        self.written = 0.0

    def run(self) -> None:
        conn = self._session
        deadline = time.monotonic() + PATIENCE_S
        while not self._first_success.is_set() and time.monotonic() < deadline:
            try:
                if conn is None:
                    conn = reconnect(self._server, self._session, timeout=PATIENCE_S)
                if conn.set(PATH, b"x").ok:
                    self.written = time.monotonic()
                    self._first_success.set()
                    conn.close_session()
                    return
            except (ConnectionClosed, ProtocolError, OSError):
                pass
            if conn is not None:
                conn.close()
                conn = None
            time.sleep(PAUSE_S)


def failover(ensemble: Ensemble) -> float:
    """Seconds without writes after the death of the leader; in the end all serve again."""
    leader = ensemble.leader()
    survivors = [number for number in ensemble.members if number != leader]
    first_success = threading.Event()
    writers = []
    for number in survivors:
        server = ensemble.members[number]
        session = open_session(server, timeout=PATIENCE_S, timeout_ms=20 * TICK_MS)
        assert session.set(PATH, b"before").ok
        writers.append(Writer(server, session, first_success))
    killed = time.monotonic()
    ensemble.members[leader].kill()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    written = [writer.written for writer in writers if writer.written]
    if not written:
        raise SystemExit(f"no write succeeded within {PATIENCE_S} s")
    ensemble.members[leader].launch()
    ensemble.wait_serving(timeout=PATIENCE_S)
    return min(written) - killed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    kinds = ["lockkeeper", "apache"]
    parser.add_argument("--kinds", nargs="+", default=kinds, choices=kinds)
    options = parser.parse_args()
    times: dict = {kind: [] for kind in options.kinds}
    ensembles = {kind: Ensemble([kind] * 3, config=CONFIG) for kind in options.kinds}
    try:
        for ensemble in ensembles.values():
            ensemble.start(PATIENCE_S)
            with open_session(ensemble.members[1], timeout=PATIENCE_S) as conn:
                assert conn.create(PATH).ok
                conn.close_session()
        for number in range(options.rounds):
            for kind, ensemble in ensembles.items():
                seconds = failover(ensemble)
                times[kind].append(seconds)
                load = round(machine_load(), 1)
                print(json.dumps({"kind": kind, "round": number, "seconds": round(seconds, 3), "machine_load": load}))
    finally:
        for ensemble in ensembles.values():
            ensemble.close()
    print(f"\n| first write after kill -9 of the leader, s, {options.rounds} rounds | median | least | most |")
    print("|---|---|---|---|")
    for kind, found in times.items():
        print(f"| {kind} | {statistics.median(found):.3f} | {min(found):.3f} | {max(found):.3f} |")


if __name__ == "__main__":
    main()
