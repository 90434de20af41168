"""Line plots with logarithmic axes as SVG: enough for throughput over sessions.

They have a background of their own, so they are legible on light and on dark pages.
"""

import math
from dataclasses import dataclass
from typing import Optional
from xml.sax.saxutils import escape

COLOURS = ("#1f6fb4", "#d1570c", "#2a8a3a", "#8a3fb0", "#b3203c", "#5c5c5c")
# By the name of a series, so that a kind of server has one colour in every plot.
FIXED_COLOURS = {"ours": COLOURS[0], "Apache": COLOURS[1]}
BACKGROUND, INK, GRID = "#ffffff", "#222222", "#dddddd"
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 64
KEY_PIXELS, CHARACTER_PIXELS = 50, 7


@dataclass
class Series:
    """One line: (x, y), both above 0."""

    name: str
    points: list


@dataclass
class Panel:
    """One plot. `line_at`: a dashed line across, at this y."""

    title: str
    x_label: str
    y_label: str
    series: list
    line_at: Optional[float] = None
    width: int = 440
    height: int = 300


def ticks(low: float, high: float) -> list:
    """1, 2 and 5 times the powers of ten in the range; only 1 where that would be many."""
    found = []
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        found += [factor * 10.0**power for factor in (1, 2, 5)]
    inside = [tick for tick in found if low * 0.999 <= tick <= high * 1.001]
    return inside if len(inside) <= 9 else inside[:: math.ceil(len(inside) / 9)]


def widened(values: list) -> tuple:
    """A range that ends at 1, 2 or 5 times a power of ten on both sides."""
    low, high = min(values), max(values)
    below = [factor * 10.0 ** math.floor(math.log10(low)) for factor in (1, 2, 5)]
    above = [factor * 10.0 ** math.floor(math.log10(high)) for factor in (1, 2, 5, 10)]
    bottom, top = max(tick for tick in below if tick <= low), min(tick for tick in above if tick >= high)
    return bottom, max(top, 2 * bottom)


def short(number: float) -> str:
    """20k, 1.5M, 0.5."""
    for limit, suffix in ((1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:g}{suffix}"
    return f"{number:g}"


class _Axes:
    """Where values lie in a panel."""

    def __init__(self, panel: Panel) -> None:
        xs = [x for series in panel.series for x, _ in series.points]
        ys = [y for series in panel.series for _, y in series.points]
        self.xs = sorted(set(xs))
        self.y_range = widened(ys + ([panel.line_at] if panel.line_at else []))
        self.x_range = (min(xs), max(xs))
        self.width, self.height = panel.width, panel.height

    def x(self, value: float) -> float:
        """From the left edge."""
        low, high = map(math.log10, self.x_range)
        return LEFT + (math.log10(value) - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """From the top."""
        low, high = map(math.log10, self.y_range)
        return self.height - BOTTOM - (math.log10(value) - low) / (high - low) * (self.height - TOP - BOTTOM)


def _text(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}" {more}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def _frame(panel: Panel, axes: _Axes) -> list:
    right, bottom = panel.width - RIGHT, panel.height - BOTTOM
    parts = [_text(panel.width / 2, 20, panel.title, more='font-weight="bold"')]
    for tick in ticks(*axes.y_range):
        parts.append(_line(LEFT, axes.y(tick), right, axes.y(tick), GRID))
        parts.append(_text(LEFT - 6, axes.y(tick) + 4, short(tick), "end"))
    for tick in axes.xs:
        parts.append(_line(axes.x(tick), TOP, axes.x(tick), bottom, GRID))
        parts.append(_text(axes.x(tick), bottom + 16, short(tick)))
    if panel.line_at:
        at = axes.y(panel.line_at)
        parts.append(_line(LEFT, at, right, at, INK, 'stroke-dasharray="5 4"'))
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="{INK}"/>')
    parts.append(_text((LEFT + right) / 2, bottom + 32, panel.x_label))
    middle = (TOP + bottom) / 2
    parts.append(_text(14, middle, panel.y_label, more=f'transform="rotate(-90 14 {middle:.1f})"'))
    return parts


def _curves(panel: Panel, axes: _Axes) -> list:
    parts = []
    key_x, key_y = float(LEFT), panel.height - 12
    for number, series in enumerate(panel.series):
        colour = FIXED_COLOURS.get(series.name, COLOURS[number % len(COLOURS)])
        at = [(axes.x(x), axes.y(y)) for x, y in series.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
        parts.append(_line(key_x, key_y - 4, key_x + 18, key_y - 4, colour, 'stroke-width="3"'))
        parts.append(_text(key_x + 23, key_y, series.name, "start"))
        key_x += KEY_PIXELS + CHARACTER_PIXELS * len(series.name)
    return parts


def svg(panels: list, columns: int) -> str:
    """The panels, row by row; all have the size of the first."""
    width, height = panels[0].width, panels[0].height
    rows = math.ceil(len(panels) / columns)
    size = f'width="{width * columns}" height="{height * rows}" viewBox="0 0 {width * columns} {height * rows}"'
    font = 'font-family="sans-serif" font-size="12"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>']
    parts.append(f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>')
    for number, panel in enumerate(panels):
        axes = _Axes(panel)
        parts.append(f'<g transform="translate({number % columns * width} {number // columns * height})">')
        parts += _frame(panel, axes) + _curves(panel, axes)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])
