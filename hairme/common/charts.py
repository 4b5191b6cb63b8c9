"""Line charts as plain geometry for ``components/line_chart.html``: inline SVG with the same numbers in a table beneath."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 40
MOST_X_TEXTS = 8  # more would run into each other; the table has them all


@dataclass(frozen=True)
class Series:
    """One line. ``points``: (x, y), NaN breaks it; ``band``: (x, low, high), drawn softly behind it."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    dashed: bool = False


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A series in the picture's coordinates; ``number`` (1..6) chooses its colour."""

    name: str
    number: int
    path: str
    band: str
    dashed: bool
    ends: tuple[float, float] | None


@dataclass(frozen=True)
class LineChart:
    """``levels``: (y, name) of horizontal marks such as thresholds; ``moments``: (x, name) of upright ones, with short names for
    there is little room; what lies outside the lines' range is left out. ``percent``: y is a share and is written in percent."""

    title: str
    x_name: str
    y_name: str
    series: Sequence[Series]
    levels: Sequence[tuple[float, str]] = ()
    percent: bool = False
    x_texts: dict[float, str] = field(default_factory=dict)
    moments: Sequence[tuple[float, str]] = ()
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        return not any(_finite(y) for line in self.series for _x, y in line.points)

    def _range(self) -> tuple[float, float, float, float]:
        xs = [x for line in self.series for x, _y in line.points]
        ys = [y for line in self.series for _x, y in line.points if _finite(y)]
        ys += [y for line in self.series for _x, low, high in line.band for y in (low, high) if _finite(y)]
        ys += [y for y, _name in self.levels]
        low, high = (min(ys), max(ys)) if ys else (0.0, 1.0)
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        return min(xs, default=0.0), max(xs, default=1.0), low - room, high + room

    def _x(self, x: float) -> float:
        low, high, _a, _b = self._range()
        return LEFT + (WIDTH - LEFT - RIGHT) * ((x - low) / (high - low) if high > low else 0.5)

    def _y(self, y: float) -> float:
        _a, _b, low, high = self._range()
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / (high - low)

    def say(self, value: float) -> str:
        if not _finite(value):
            return "–"
        return f"{100 * value:.1f} %" if self.percent else f"{value:,.4g}"

    @property
    def lines(self) -> list[Line]:
        return [self._line(number, line) for number, line in enumerate(self.series, start=1)]

    def _line(self, number: int, line: Series) -> Line:
        steps, pen_up = [], True
        for x, y in line.points:
            if _finite(y):
                steps.append(f"{'M' if pen_up else 'L'}{self._x(x):.1f} {self._y(y):.1f}")
            pen_up = not _finite(y)
        whole = [(x, low, high) for x, low, high in line.band if _finite(low) and _finite(high)]
        there = [f"{self._x(x):.1f} {self._y(high):.1f}" for x, _low, high in whole]
        back = [f"{self._x(x):.1f} {self._y(low):.1f}" for x, low, _high in reversed(whole)]
        drawn = [(self._x(x), self._y(y)) for x, y in line.points if _finite(y)]
        band = f"M{' L'.join([*there, *back])}Z" if whole else ""
        return Line(line.name, (number - 1) % 6 + 1, " ".join(steps), band, line.dashed, drawn[-1] if drawn else None)

    @property
    def y_ticks(self) -> list[Tick]:
        _a, _b, low, high = self._range()
        return [Tick(round(self._y(y), 1), self.say(y)) for y in nice_steps(low, high, 4)]

    @property
    def x_ticks(self) -> list[Tick]:
        low, high, _a, _b = self._range()
        steps = _at_most(MOST_X_TEXTS, sorted(self.x_texts)) if self.x_texts else nice_steps(low, high, 6)
        return [Tick(round(self._x(x), 1), self.x_texts.get(x, f"{x:,.6g}")) for x in steps]

    @property
    def marks(self) -> list[Tick]:
        return [Tick(round(self._y(y), 1), name) for y, name in self.levels]

    @property
    def upright(self) -> list[Tick]:
        low, high, _a, _b = self._range()
        return [Tick(round(self._x(x), 1), name) for x, name in self.moments if low <= x <= high]

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: x, then each series' y."""
        known = [dict(line.points) for line in self.series]
        xs = sorted({x for line in known for x in line})
        return [(self.x_texts.get(x, f"{x:,.6g}"), [self.say(line[x]) if x in line else "–" for line in known]) for x in xs]

    left = LEFT
    top = TOP
    right = WIDTH - RIGHT
    bottom = HEIGHT - BOTTOM


def nice_steps(low: float, high: float, about: int) -> list[float]:
    """Round numbers within [low, high], about ``about`` of them (Heckbert 1990, Graphics Gems)."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = size * next(nice for nice in (1, 2, 5, 10) if raw <= nice * size)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _at_most(number: int, steps: list[float]) -> list[float]:
    """Every second, third, ... of them."""
    return steps[:: math.ceil(len(steps) / number)] if steps else steps


def _finite(value: float) -> bool:
    return math.isfinite(value)
