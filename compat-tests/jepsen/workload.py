"""What all workloads share: threads with a recording client each, and the time to end."""

import threading
import traceback
from typing import Callable, Sequence

from jepsen import checkers
from jepsen.clients import Address, SessionClient, SessionRules, Stopped, insist
from jepsen.history import History
from lib.records import Err


class Workload:
    """Clients that do the same kind of work. `root` exists before `start`.

    start() -> stop() -> collect(client) with a client of the healed ensemble -> violations().
    """

    name = ""
    threads = 4

    def __init__(self, addresses: Sequence[Address], rules: SessionRules, seed: int) -> None:
        self.addresses = list(addresses)
        self.rules = rules
        self.seed = seed
        self.root = f"/{self.name}"
        self.history = History()
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.lost_sessions = 0

    # --- for subclasses ---

    def work(self, number: int) -> None:
        """What thread `number` does until `stopping` is set; Stopped ends it."""
        raise NotImplementedError

    def collect(self, client: SessionClient) -> None:
        """Reads what the check needs from the healed ensemble."""

    def check(self) -> list[str]:
        """The violations in what was recorded."""
        raise NotImplementedError

    def remarks(self) -> list[str]:
        """Figures of its own for the verdict."""
        return []

    def client(self, name: str) -> SessionClient:
        """A recording client that ends with the workload."""
        full = f"{self.name}-{name}"
        return SessionClient(full, self.addresses, self.history, self.rules, self.stopping, self.seed)

    # --- for the run ---

    def prepare(self, client: SessionClient) -> None:
        """Makes the root."""
        insist(lambda: client.create(self.root, kind="prepare"), (0, Err.NODE_EXISTS))

    def start(self) -> None:
        """Starts the threads."""
        for number in range(self.threads):
            thread = threading.Thread(target=self._run, args=(number,), name=f"{self.name}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, patience_s: float = 60) -> None:
        """Ends the threads."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(patience_s)
            if thread.is_alive():
                self.history.violation(f"{thread.name} did not end within {patience_s} s: the suite is wrong")

    def _run(self, number: int) -> None:
        try:
            self.work(number)
        except Stopped:
            pass
        except Exception:  # pylint: disable=broad-exception-caught
            # A thread that ends early would make the run easier to pass.
            self.history.violation(f"{self.name}-{number} failed:\n{traceback.format_exc()}")

    def violations(self) -> list[str]:
        """Everything found, with what clients noticed themselves."""
        noticed = [f"at {moment:.3f}: {text}" for moment, text in self.history.violations]
        operations = [item for item in self.history.operations if item.kind != "prepare"]
        return noticed + checkers.sessions_never_go_back(operations) + self.check()


def until_stopped(stopping: threading.Event, pause: Callable[[], float]):
    """Yields again and again, with pauses, until the workload ends."""
    while not stopping.wait(pause()):
        yield
