"""What clients saw: every operation with its times and outcome, in one list that the checkers read."""

import json
import threading
import time
from dataclasses import asdict, dataclass
from typing import Callable

from lib.records import Err

OK = "ok"  # answered with success
REFUSED = "refused"  # answered with an error: it did not happen, and the error says something about the state
UNKNOWN = "unknown"  # no answer: it may have happened, may happen later, or never
NEVER = float("inf")


@dataclass
class Operation:  # pylint: disable=too-many-instance-attributes
    """One operation. Times are seconds since the history began; `end` is NEVER while the outcome is UNKNOWN."""

    client: str
    session: int
    kind: str
    path: str
    argument: object
    begin: float
    end: float = NEVER
    outcome: str = UNKNOWN
    err: int = 0
    zxid: int = 0  # of the reply: of the transaction for a write, last applied by the server for a read
    value: object = None
    version: int = -1  # of the znode that a write made or a read saw

    @property
    def rejected(self) -> bool:
        """Refused because of its session, whatever the state of the tree: it did not happen and tells nothing."""
        return self.err in (Err.SESSION_EXPIRED, Err.SESSION_MOVED)

    def __str__(self) -> str:
        end = "never" if self.end == NEVER else f"{self.end:.3f}"
        result = {OK: f"-> {self.value!r} version {self.version}", REFUSED: f"-> error {self.err}"}.get(self.outcome)
        return (
            f"[{self.begin:.3f} .. {end}] {self.client} session {self.session:#x}: {self.kind} {self.path}"
            f" {self.argument!r} {result or '-> no answer'} zxid {self.zxid:#x}"
        )


class History:
    """Thread-safe collection of operations, and of violations that clients notice on the way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self.operations: list[Operation] = []
        self.violations: list[tuple[float, str]] = []

    def now(self) -> float:
        """Seconds since the history began."""
        return self._clock() - self._began

    def begin(self, client: str, session: int, kind: str, path: str, argument: object = None) -> Operation:
        """Notes that an operation is about to be sent; it stays UNKNOWN until `finish`."""
        operation = Operation(client, session, kind, path, argument, self.now())
        with self._lock:
            self.operations.append(operation)
        return operation

    def finish(self, operation: Operation, err: int, zxid: int, value: object = None, version: int = -1) -> Operation:
        """Notes the answer."""
        operation.err, operation.zxid, operation.value, operation.version = err, zxid, value, version
        operation.end = self.now()
        operation.outcome = REFUSED if err else OK
        return operation

    def drop(self, operation: Operation) -> None:
        """Takes back an operation that was never sent."""
        with self._lock:
            self.operations.remove(operation)

    def violation(self, text: str) -> None:
        """Notes a broken promise that a client saw itself."""
        with self._lock:
            self.violations.append((self.now(), text))

    def of(self, *kinds: str) -> list[Operation]:
        """The operations of these kinds, in the order in which they began."""
        return [item for item in self.operations if item.kind in kinds]

    def counts(self) -> dict[str, int]:
        """How many operations had each outcome."""
        counts = {OK: 0, REFUSED: 0, UNKNOWN: 0}
        for item in self.operations:
            counts[item.outcome] += 1
        return counts

    def save(self, path) -> None:
        """Writes one JSON object a line."""
        with open(path, "w", encoding="utf-8") as out:
            for item in self.operations:
                fields = asdict(item)
                fields["end"] = None if item.end == NEVER else item.end
                out.write(json.dumps(fields, default=repr) + "\n")

