"""The face as a frame to hang hair on: where crown, hairline, brow, ear, chin and shoulder lie on the canvas.

Hair is placed in head coordinates (u, v): u = 1 is half the face width from the middle line, v = 0 the eyes, v = 1 the chin,
v = -1 the top of the skull (without hair); beyond the chin v goes on in the same unit. A long face stretches them all alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .geometry import clamp, smoothstep
from .neutral import MEAN_HALF, neutral_features

WIDTH: Final = 240
HEIGHT: Final = 300
Features = Mapping[str, Sequence[Sequence[float]]]

HAIRLINE: Final = -0.635
BROW: Final = -0.185
EAR_TOP: Final = -0.03
EAR_BOTTOM: Final = 0.44
SHOULDER: Final = 1.46
CHEST: Final = 2.35

#: How much a person's outline departs from the mean is drawn slightly larger than life, as a portraitist would.
_EMPHASIS: Final = 1.25


@dataclass(frozen=True, slots=True)
class Box:
    """Extent of one feature on the canvas."""

    left: float
    right: float
    top: float
    bottom: float

    @property
    def centre(self) -> complex:
        return complex((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    @property
    def width(self) -> float:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Face:
    cx: float
    eye_y: float
    w: float  # half the face width, pixels
    down: float  # eyes to chin, pixels
    up: float  # eyes to the top of the skull, pixels
    half: tuple[complex, ...]  # right half outline in pixels relative to (cx, eye_y), forehead to chin
    eyes: tuple[Box, Box]  # image left, image right
    brows: tuple[tuple[complex, ...], tuple[complex, ...]]  # upper edge, inner end first
    nose: Box
    lips: Box
    mouth_y: float

    def pt(self, u: float, v: float) -> complex:
        return complex(self.cx + u * self.w, self.y(v))

    def y(self, v: float) -> float:
        return self.eye_y + v * (self.down if v > 0 else self.up)

    def v(self, y: float) -> float:
        return (y - self.eye_y) / (self.down if y > self.eye_y else self.up)

    def edge(self, v: float) -> float:
        """Half width of the face (jaw, cheek) at height v, in units of w; 0 below the chin."""
        y = self.y(v) - self.eye_y
        for a, b in zip(self.half, self.half[1:], strict=False):
            if a.imag <= y <= b.imag and b.imag > a.imag:
                t = (y - a.imag) / (b.imag - a.imag)
                return (a.real + (b.real - a.real) * t) / self.w
        return 0.0

    def skull(self, v: float) -> float:
        """Half width of the head at height v <= 0.1, in units of w: a superellipse that is widest above the ears."""
        widest = 1.05
        t = clamp((-v - 0.18) / 0.82)
        return widest * (1 - t**2.35) ** (1 / 2.05) if v < -0.18 else widest - 0.05 * smoothstep(-0.18, 0.12, v)


def _box(points: Sequence[complex]) -> Box:
    return Box(min(p.real for p in points), max(p.real for p in points), min(p.imag for p in points), max(p.imag for p in points))


def _half_outline(outline: Sequence[Sequence[float]]) -> list[complex]:
    """Symmetric right half (forehead first, chin last) of an ordered closed outline, whatever its direction and start."""
    points = [complex(x, y) for x, y in outline]
    top = min(range(len(points)), key=lambda i: (abs(points[i].real) > 0.12, points[i].imag))
    points = points[top:] + points[:top]
    if points[len(points) // 4].real < 0:
        points = [points[0], *points[:0:-1]]
    count = len(points)
    middle = (points[0].real + points[count // 2].real) / 2
    half = []
    for i in range(count // 2 + 1):
        other = points[-i % count]
        half.append(complex(max((points[i].real - other.real) / 2, 0.0), (points[i].imag + other.imag) / 2))
    half[0] = complex(0.0, points[0].imag)
    half[-1] = complex(0.0 * middle, points[count // 2].imag)
    return half


def _stylise(half: list[complex]) -> list[complex]:
    """Population mean drawn with a finer jaw, plus the person's own departures from it."""
    out: list[complex] = []
    own = len(half) == len(MEAN_HALF)
    for i, p in enumerate(half):
        x = p.real
        if own:
            mean = MEAN_HALF[i][0]
            x = mean + _EMPHASIS * (x - mean)
        fine = 1 - 0.11 * smoothstep(0.08, 0.62, p.imag) + 0.015 * smoothstep(0.6, 0.8, p.imag)
        out.append(complex(max(x, 0.0) * fine, p.imag))
    return out


def build_face(features: Features | None, *, eye_y: float, scale: float) -> Face:
    """Place a face on the canvas; ``scale`` is the face width in pixels. Missing feature groups come from the neutral model."""
    neutral = neutral_features()
    given = {name: (features or {}).get(name) or points for name, points in neutral.items()}
    half = _stylise(_half_outline(given["outline"])) if len(given["outline"]) >= 4 else [0j]
    width = max(p.real for p in half) * 2
    if width <= 0 or half[-1].imag <= 0:
        raise ValueError("outline needs at least four ordered points around the face")
    unit = scale / width
    cx = WIDTH / 2
    chin = half[-1].imag
    top = abs(half[0].imag)

    def place(name: str) -> list[complex]:
        return [complex(cx + x * unit, eye_y + y * unit) for x, y in given[name]]

    eyes = sorted((_box(place("left_eye")), _box(place("right_eye"))), key=lambda box: box.left)
    brows = sorted((_brow(place("left_brow"), cx), _brow(place("right_brow"), cx)), key=lambda points: points[0].real)
    inner = place("lips_inner")
    return Face(
        cx=cx,
        eye_y=eye_y,
        w=scale / 2,
        down=chin * unit,
        up=(0.9 * top + 0.43) * unit,
        half=tuple(p * unit for p in half),
        eyes=(eyes[0], eyes[1]),
        brows=(brows[0], brows[1]),
        nose=_box(place("nose")),
        lips=_box(place("lips_outer")),
        mouth_y=sum(p.imag for p in inner) / len(inner),
    )


def _brow(points: list[complex], cx: float) -> tuple[complex, ...]:
    """Middle line of a brow, inner end first: means of the points in four bins of x."""
    points = sorted(points, key=lambda p: abs(p.real - cx))
    low, high = abs(points[0].real - cx), abs(points[-1].real - cx)
    bins: list[list[complex]] = [[], [], [], []]
    for p in points:
        bins[min(int((abs(p.real - cx) - low) / max(high - low, 1e-6) * 4), 3)].append(p)
    means = [sum(group) / len(group) for group in bins if group]
    start = complex(points[0].real, 0.35 * points[0].imag + 0.65 * means[0].imag)  # a straight brow reads calm
    return (start, *means[1:-1], points[-1])
