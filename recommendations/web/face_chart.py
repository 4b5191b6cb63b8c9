"""The measured face as a line drawing: its own outline and features, with the spans that the reading compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..engine.mesh_topology import NOSE

Point = Sequence[float]

WIDTH, HEIGHT = 240, 300
MARGIN = 26


@dataclass(frozen=True, slots=True)
class Span:
    """A measured distance, drawn as a line with ticks at its ends."""

    name: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Eye:
    outline: str
    x: float
    y: float
    radius: float  # of the iris, as far as the lids show it


@dataclass(frozen=True, slots=True)
class FaceChart:
    """SVG path data in a WIDTH x HEIGHT box."""

    outline: str
    brows: tuple[str, ...]
    eyes: tuple[Eye, ...]
    nose: str
    lips: str
    mouth: str
    spans: tuple[Span, ...]


def chart(features: Mapping[str, Sequence[Point]]) -> FaceChart:
    """Lay ``FaceReading.features`` (unit = face width, origin between the eyes) out in the box."""
    outline = features["outline"]
    left, right = min(p[0] for p in outline), max(p[0] for p in outline)
    top, bottom = min(p[1] for p in outline), max(p[1] for p in outline)
    scale = min((WIDTH - 2 * MARGIN) / (right - left), (HEIGHT - 2 * MARGIN) / (bottom - top))

    def place(point: Point) -> tuple[float, float]:
        return (
            WIDTH / 2 + (point[0] - (left + right) / 2) * scale,
            HEIGHT / 2 + (point[1] - (top + bottom) / 2) * scale,
        )

    def placed(name: str) -> list[tuple[float, float]]:
        return [place(point) for point in features[name]]

    return FaceChart(
        outline=smooth(placed("outline"), closed=True),
        brows=tuple(smooth(placed(name), closed=True) for name in ("left_brow", "right_brow")),
        eyes=tuple(_eye(placed(name)) for name in ("left_eye", "right_eye")),
        nose=smooth(placed("nose")[len(NOSE) :], closed=False),  # the base, wing to wing
        lips=smooth(placed("lips_outer"), closed=True),
        mouth=smooth(placed("lips_inner"), closed=True),
        spans=_spans(placed("outline")),
    )


def _eye(lids: list[tuple[float, float]]) -> Eye:
    xs, ys = [x for x, _ in lids], [y for _, y in lids]
    return Eye(smooth(lids, closed=True), sum(xs) / len(xs), sum(ys) / len(ys), (max(ys) - min(ys)) * 0.36)


def _spans(outline: list[tuple[float, float]]) -> tuple[Span, ...]:
    """Length, greatest width and the width of the jaw at three quarters of the way to the chin."""
    top, bottom = min(y for _, y in outline), max(y for _, y in outline)
    left, right = min(outline), max(outline)
    middle = (left[1] + right[1]) / 2
    jaw = top + (bottom - top) * 0.78
    across = [(x, y) for x, y in outline if abs(y - jaw) < (bottom - top) * 0.08]
    centre = (left[0] + right[0]) / 2
    ends = [
        min((p for p in across if (p[0] < centre) is side), key=lambda p: abs(p[1] - jaw), default=None) for side in (True, False)
    ]
    spans = [
        Span("length", centre, top, centre, bottom),
        Span("width", left[0], middle, right[0], middle),
    ]
    if ends[0] and ends[1]:
        y = (ends[0][1] + ends[1][1]) / 2
        spans.append(Span("jaw", ends[0][0], y, ends[1][0], y))
    return tuple(spans)


def smooth(points: Sequence[tuple[float, float]], *, closed: bool) -> str:
    """Path data of a Catmull-Rom curve through ``points`` as cubic Beziers."""
    count = len(points)
    steps = count if closed else count - 1

    def at(index: int) -> tuple[float, float]:
        return points[index % count] if closed else points[max(0, min(count - 1, index))]

    data = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for i in range(steps):
        before, start, end, after = at(i - 1), at(i), at(i + 1), at(i + 2)
        data += (
            f"C{start[0] + (end[0] - before[0]) / 6:.1f} {start[1] + (end[1] - before[1]) / 6:.1f}"
            f" {end[0] - (after[0] - start[0]) / 6:.1f} {end[1] - (after[1] - start[1]) / 6:.1f} {end[0]:.1f} {end[1]:.1f}"
        )
    return data + "Z" if closed else data
