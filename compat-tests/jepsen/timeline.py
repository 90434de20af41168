"""A run as a picture: what was done to the servers, what they were, and what clients got, over time. Plain SVG."""

import threading
import time
from typing import Callable, Iterable, Sequence
from xml.sax.saxutils import escape

from jepsen.cluster import Cluster
from jepsen.history import NEVER, OK, REFUSED, History
from jepsen.nemesis import Injected

_WIDTH, _LEFT, _ROW, _GAP = 1400, 150, 26, 6
_STATE_COLOURS = {
    "leader": "#2b6cb0",
    "follower": "#90cdf4",
    "waiting": "#f6e05e",
    "silent": "#cbd5e0",
    "down": "#4a5568",
}
_OUTCOME_COLOURS = {OK: "#48bb78", REFUSED: "#9f7aea", "unknown": "#ed8936"}


class Watcher:
    """Asks each server for its role again and again, in a thread of its own for each."""

    def __init__(self, cluster: Cluster, now: Callable[[], float]) -> None:
        self._cluster = cluster
        self._now = now
        self._stop = threading.Event()
        self.states: dict[int, list[tuple[float, str]]] = {number: [] for number in cluster.numbers}
        self._threads = [
            threading.Thread(target=self._watch, args=(number,), name=f"watch-{number}", daemon=True)
            for number in cluster.numbers
        ]
        for thread in self._threads:
            thread.start()

    def _watch(self, number: int) -> None:
        changes = self.states[number]
        while not self._stop.wait(0.1):
            asked = self._now()
            state = self._cluster.state(number, timeout=0.5)
            if not changes or changes[-1][1] != state:
                changes.append((asked, state))

    def stop(self) -> None:
        """Ends the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def roles(self) -> str:
        """How often the leader changed, for people."""
        led = sorted((when, number) for number, seen in self.states.items() for when, state in seen if state == "leader")
        return f"{len(led)} times a server was seen to become leader"


class _Picture:
    """SVG elements with a time axis."""

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 1.0)
        self._parts: list[str] = []
        self.height = 40

    def x(self, moment: float) -> float:
        """Where a moment is, in pixels."""
        share = min(max(moment / self._seconds, 0.0), 1.0)
        return _LEFT + share * (_WIDTH - _LEFT - 20)

    def label(self, text: str) -> None:
        """The name of the row that is drawn next."""
        self._parts.append(f'<text x="8" y="{self.height + 17}">{escape(text)}</text>')

    def bar(self, begin: float, end: float, colour: str, title: str = "", top: float = 0, size: float = _ROW) -> None:
        """A rectangle from one moment to another, `top` pixels into the row; the title shows under the mouse."""
        left = self.x(begin)
        width = max(self.x(end) - left, 1.5)
        self._parts.append(
            f'<rect x="{left:.1f}" y="{self.height + top:.1f}" width="{width:.1f}" height="{size:.1f}"'
            f' fill="{colour}"><title>{escape(title)}</title></rect>'
        )

    def next_row(self) -> None:
        """Ends a row."""
        self.height += _ROW + _GAP

    def axis(self) -> None:
        """Lines and seconds over the whole height."""
        step = next(step for step in (1, 2, 5, 10, 30, 60, 300, 3600) if self._seconds / step <= 25)
        for second in range(0, int(self._seconds) + 1, step):
            place = self.x(second)
            line = f'<line x1="{place:.1f}" y1="32" x2="{place:.1f}" y2="{self.height}" stroke="#e2e8f0"/>'
            self._parts.insert(0, line)
            self._parts.append(f'<text x="{place:.1f}" y="26" text-anchor="middle">{second}</text>')

    def text(self, title: str) -> str:
        """The whole file."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{self.height + 60}"'
        style = '<style>text{font:12px sans-serif;fill:#1a202c}</style><rect width="100%" height="100%" fill="white"/>'
        caption = f'<text x="8" y="14" style="font-weight:bold">{escape(title)}</text>'
        return f"{head}>{style}{caption}{''.join(self._parts)}{_legend(self.height + 20)}</svg>\n"


def _legend(top: int) -> str:
    colours = {**_STATE_COLOURS, **{f"operations {name}": colour for name, colour in _OUTCOME_COLOURS.items()}}
    colours.update({"fault": "#f56565", "until all serve": "#fed7d7", "violation": "#e53e3e"})
    place, parts = _LEFT, []
    for name, colour in colours.items():
        parts.append(f'<rect x="{place}" y="{top}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{place + 16}" y="{top + 11}">{escape(name)}</text>')
        place += 34 + 7 * len(name)
    return "".join(parts)


def draw(
    title: str,
    seconds: float,
    faults: Sequence[Injected],
    states: dict[int, list[tuple[float, str]]],
    histories: Iterable[tuple[str, History, float]],
) -> str:
    """The SVG text. `histories`: (name, history, when it began in the time of the run)."""
    picture = _Picture(seconds)
    picture.label("faults")
    for fault in faults:
        healed, serving = fault.healed or seconds, fault.serving or seconds
        picture.bar(fault.begin, healed, "#f56565", f"{fault.kind}: {fault.text}")
        picture.bar(healed, serving, "#fed7d7", f"served again after {serving - healed:.2f} s")
    picture.next_row()
    for number, changes in states.items():
        picture.label(f"server {number}")
        ends = [when for when, _ in changes[1:]] + [seconds]
        for (when, state), end in zip(changes, ends):
            picture.bar(when, end, _STATE_COLOURS.get(state, "#fff"), f"{state} from {when:.2f} to {end:.2f}")
        picture.next_row()
    for name, history, began in histories:
        picture.label(name)
        _operations(picture, history, began, seconds)
        for when, text in history.violations:
            picture.bar(when + began, when + began, "#e53e3e", text)
        picture.next_row()
    picture.axis()
    return picture.text(title)


def _operations(picture: _Picture, history: History, began: float, seconds: float) -> None:
    """Stacked columns, one for each half second: how many operations that began then had which outcome."""
    width = 0.5 if seconds <= 300 else seconds / 600
    columns: dict[int, dict[str, int]] = {}
    for item in history.operations:
        column = columns.setdefault(int((item.begin + began) / width), {})
        column[item.outcome] = column.get(item.outcome, 0) + 1
    most = max((sum(column.values()) for column in columns.values()), default=1)
    for place, column in columns.items():
        bottom = float(_ROW)
        title = ", ".join(f"{count} {outcome}" for outcome, count in column.items())
        for outcome, colour in _OUTCOME_COLOURS.items():
            # An unanswered operation is rare and must still be seen.
            size = max(_ROW * column[outcome] / most, 3.0) if outcome in column else 0.0
            if size:
                bottom -= size
                picture.bar(place * width, (place + 0.9) * width, colour, title, max(bottom, 0.0), size)


def slowest(history: History) -> float:
    """The longest time that an answered operation took, in seconds."""
    return max((item.end - item.begin for item in history.operations if item.end != NEVER), default=0.0)


def clock() -> Callable[[], float]:
    """Seconds from now on."""
    began = time.monotonic()
    return lambda: time.monotonic() - began
