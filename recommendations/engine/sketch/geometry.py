"""Plane geometry for the sketch: points are complex numbers (x right, y down), curves become compact SVG path data.

Uniform Catmull-Rom splines are used throughout (Catmull & Rom 1974): they pass through their points, and because the two
handles at a point mirror each other the second handle can be left out of the file (SVG's ``s`` command).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

Point = complex
#: Steps per pixel of the drawing: coordinates are written as whole numbers of fifths of a pixel, which are shorter than decimals.
GRID = 5
Points = Sequence[Point]


def lerp(a: Point, b: Point, t: float) -> Point:
    return a + (b - a) * t


def clamp(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return low if value < low else high if value > high else value


def smoothstep(low: float, high: float, value: float) -> float:
    t = clamp((value - low) / (high - low))
    return t * t * (3 - 2 * t)


def unit(vector: Point) -> Point:
    length = abs(vector)
    return vector / length if length > 1e-9 else 0j


def spline(points: Points, per_segment: int = 8) -> list[Point]:
    """Dense polyline of the Catmull-Rom spline through ``points`` (ends included)."""
    if len(points) < 3:
        return [lerp(points[0], points[-1], i / per_segment) for i in range(per_segment + 1)]
    padded = [2 * points[0] - points[1], *points, 2 * points[-1] - points[-2]]
    dense: list[Point] = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for i in range(per_segment):
            t = i / per_segment
            dense.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t**3))
    dense.append(points[-1])
    return dense


def polyline_length(points: Points) -> float:
    return sum(abs(b - a) for a, b in pairwise(points))


def resample(points: Points, count: int) -> list[Point]:
    """``count`` points at equal arc length along a polyline, both ends kept."""
    total = polyline_length(points)
    if total < 1e-6 or count < 2:
        return [points[0]] * max(count, 1)
    out = [points[0]]
    step, walked, target = total / (count - 1), 0.0, total / (count - 1)
    for a, b in pairwise(points):
        length = abs(b - a)
        while len(out) < count - 1 and walked + length >= target - 1e-9:
            out.append(lerp(a, b, clamp((target - walked) / length) if length else 0.0))
            target += step
        walked += length
    out.append(points[-1])
    return out


def at(points: Points, s: float) -> Point:
    """Point at fraction ``s`` of an evenly sampled polyline."""
    x = clamp(s) * (len(points) - 1)
    i = min(int(x), len(points) - 2)
    return lerp(points[i], points[i + 1], x - i)


def tangent(points: Points, s: float) -> Point:
    step = 1 / (len(points) - 1)
    return unit(at(points, s + step) - at(points, s - step))


def mirror(points: Iterable[Point], cx: float) -> list[Point]:
    return [complex(2 * cx - p.real, p.imag) for p in points]


def _join(numbers: Iterable[int]) -> str:
    out = ""
    for number in numbers:
        out += f"{number}" if not out or number < 0 else f" {number}"
    return out


class Path:
    """A path in absolute pixels that serialises to short relative commands in whole steps of the grid."""

    __slots__ = ("ops",)

    def __init__(self) -> None:
        self.ops: list[tuple[str, tuple[Point, ...]]] = []

    @property
    def here(self) -> Point:
        return self.ops[-1][1][-1]

    def move(self, p: Point) -> Path:
        self.ops.append(("m", (p,)))
        return self

    def line(self, *points: Point) -> Path:
        self.ops.extend(("l", (p,)) for p in points)
        return self

    def quad(self, control: Point, p: Point) -> Path:
        self.ops.append(("q", (control, p)))
        return self

    def cubic(self, first: Point, second: Point, p: Point) -> Path:
        self.ops.append(("c", (first, second, p)))
        return self

    def through(self, points: Points) -> Path:
        """Smoothly from the current point (or a move to the first) through the others."""
        points = list(points)
        if not self.ops:
            self.move(points[0])
        elif abs(points[0] - self.here) > 0.05:
            self.line(points[0])
        if len(points) == 2:
            return self.line(points[1])
        padded = [2 * points[0] - points[1], *points, 2 * points[-1] - points[-2]]
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
            self.cubic(b + (c - a) / 6, c - (d - b) / 6, c)
        return self

    def scallops(self, points: Points, step: float, bulge: float, jitter: Callable[[], float]) -> Path:
        """Round uneven bumps of about ``step`` pixels along a polyline, swelling by ``bulge`` times their width towards
        ``1j`` times the direction of travel (to the right of it on the canvas)."""
        count = max(2, round(polyline_length(points) / step) + 1)
        even = resample(points, count)
        even = [even[0], *(p + (q - p) * 0.3 * jitter() for p, q in pairwise(even[1:])), even[-1]]
        if not self.ops:
            self.move(even[0])
        elif abs(even[0] - self.here) > 0.05:
            self.line(even[0])
        for a, b in pairwise(even):
            out = (b - a) * 1j * bulge * (1 + 0.3 * jitter())
            self.cubic(a + out - (b - a) * 0.12, b + out + (b - a) * 0.12, b)
        return self

    def close(self) -> Path:
        self.ops.append(("z", (self.ops[0][1][0],)))
        return self

    def backwards(self) -> Path:
        """The same single closed outline, walked the other way round."""
        nodes = [points[-1] for _, points in self.ops]
        out = Path().move(nodes[-2] if self.ops[-1][0] == "z" else nodes[-1])
        for index in range(len(self.ops) - (2 if self.ops[-1][0] == "z" else 1), 0, -1):
            name, points = self.ops[index]
            out.ops.append((name, (*points[-2::-1], nodes[index - 1])))
        return out.close()

    def d(self) -> str:
        x = y = start_x = start_y = 0
        out: list[str] = []
        last = ""
        handle: tuple[int, int] | None = None
        for name, points in self.ops:
            if name == "z":
                out.append("z")
                x, y, last, handle = start_x, start_y, "", None
                continue
            grid = [(round(p.real * GRID), round(p.imag * GRID)) for p in points]
            if name == "c" and handle and abs(2 * x - handle[0] - grid[0][0]) <= 1 and abs(2 * y - handle[1] - grid[0][1]) <= 1:
                name, grid = "s", grid[1:]
            handle = grid[-2] if name in "cs" else None
            command = "M" if name == "m" and not out else name
            numbers = _join(n for px, py in grid for n in (px - x, py - y))
            glue = "" if numbers[0] == "-" else " "
            out.append(glue + numbers if command == last else command + numbers)
            x, y = grid[-1]
            if name == "m":
                start_x, start_y = x, y
            last = command
        return "".join(out)

    def flatten(self, per_curve: int = 4) -> list[list[Point]]:
        """Polygons (one per subpath) that approximate the path."""
        polygons: list[list[Point]] = []
        for name, points in self.ops:
            if name == "m":
                polygons.append([points[0]])
                continue
            if name == "z":
                continue
            here = polygons[-1][-1]
            if name == "l":
                polygons[-1].append(points[0])
                continue
            for i in range(1, per_curve + 1):
                t = i / per_curve
                if name == "q":
                    p = (1 - t) ** 2 * here + 2 * t * (1 - t) * points[0] + t * t * points[1]
                else:
                    first, second, end = points
                    p = (1 - t) ** 3 * here + 3 * t * (1 - t) ** 2 * first + 3 * t * t * (1 - t) * second + t**3 * end
                polygons[-1].append(p)
        return polygons


def ribbon(centre: Points, width: float, *, peak: float = 0.4, root: float = 0.0) -> Path:
    """A lock: a ribbon along ``centre``, ``width`` pixels at fraction ``peak``, pointed at the tip, ``root``*width at its start."""
    last = len(centre) - 1
    left: list[Point] = []
    right: list[Point] = []
    for i, p in enumerate(centre):
        s = i / last
        rising = root + (1 - root) * math.sin(math.pi / 2 * s / peak)
        profile = rising if s < peak else (1 - ((s - peak) / (1 - peak)) ** 1.5) ** 1.1
        normal = unit(centre[min(i + 1, last)] - centre[max(i - 1, 0)]) * 1j * width / 2 * max(profile, 0.0)
        left.append(p + normal)
        right.append(p - normal)
    return Path().through(left).through([left[-1], *right[::-1][1:]]).close()


def signed_area(polygon: Points) -> float:
    """Twice the area, positive clockwise on the canvas."""
    return sum((a.conjugate() * b).imag for a, b in zip(polygon, [*polygon[1:], polygon[0]], strict=True))


def merge(outlines: Iterable[Path]) -> Path:
    """Closed outlines as one path, all walked clockwise, so that where they overlap they do not cancel (non-zero rule)."""
    out = Path()
    for outline in outlines:
        clockwise = signed_area(outline.flatten(2)[0]) >= 0
        out.ops.extend((outline if clockwise else outline.backwards()).ops)
    return out
