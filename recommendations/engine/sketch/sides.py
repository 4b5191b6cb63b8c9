"""Short sides of cropped cuts: full, tapered, faded, two-block step, undercut, shaved."""

from __future__ import annotations

from typing import Final

from .drawing import Drawing
from .face import Face
from .geometry import Path, clamp, smoothstep
from .palette import Palette
from .rails import cut_height, hairline_at
from .shape import Shape

#: v where the side hair is still full and where it has faded to skin.
_FADE: Final = {"low_fade": (-0.14, 0.2), "mid_fade": (-0.36, 0.08), "high_fade": (-0.62, -0.16)}


def _reach(face: Face, shape: Shape, v: float) -> float:
    """Half width of the mass over the skull at height v: the inverse of ``rails.dome``."""
    cosine = clamp((-0.18 - v) / (0.82 + shape.lift)) ** (1 / shape.boxy)
    return (1.05 + shape.side) * max(1 - cosine * cosine, 0.0) ** (shape.boxy / 2)


def side_area(face: Face, shape: Shape, sign: int, *, full: float, bare: float, burn: float) -> Path:
    """Hair over the ear: as thick as the top down to ``full``, on the skin from ``bare`` on, ending in a sideburn at ``burn`` (v)."""
    outer = []
    low = min(burn, 0.0)
    top = min(full, cut_height(shape)) - 0.12
    for i in range(7):
        v = top + (low - top) * i / 6
        skin = face.skull(v) + 0.012
        outer.append(face.pt(sign * (skin + max(_reach(face, shape, v) - skin, 0.0) * (1 - smoothstep(full, bare, v))), v))
    inner = [
        p if sign > 0 else complex(2 * face.cx - p.real, p.imag)
        for p in (hairline_at(face, v) for v in (0.05, -0.04, -0.2, -0.36, -0.5) if v > top + 0.02)
    ]
    inner.append(outer[0] - sign * 0.25 * face.w)
    tip = [face.pt(sign * 0.985, burn), face.pt(sign * 0.93, burn - 0.02)]
    return Path().through(outer).through([outer[-1], *tip]).through([tip[-1], *inner]).close()


def draw_sides(drawing: Drawing, face: Face, shape: Shape, palette: Palette) -> None:
    kind = shape.sides
    if kind in _FADE:
        full, bare = _FADE[kind]
        stops = (
            (0, palette.hair, 1),
            (0.3, palette.hair_shade, 1),
            (0.55, palette.scalp, 0.9),
            (0.8, palette.scalp, 0.4),
            (1, palette.scalp, 0),
        )
        paint = drawing.vertical("fd", face.y(full - 0.2), face.y(bare), *stops)
        for sign in (-1, 1):
            area = side_area(face, shape, sign, full=cut_height(shape), bare=bare - 0.04, burn=max(bare, 0.02))
            drawing.path(area, paint)
        _stipple(drawing, face, palette, full, bare - 0.02)
        return
    if kind in ("undercut", "shaved"):
        for sign in (-1, 1):
            area = side_area(face, shape, sign, full=cut_height(shape) - 0.2, bare=cut_height(shape) - 0.1, burn=0.12)
            drawing.path(area, palette.scalp, opacity=0.8 if kind == "undercut" else 0.5)
        _stipple(drawing, face, palette, -0.6, 0.06)
        return
    if kind == "two_block":
        for sign in (-1, 1):
            drawing.path(side_area(face, shape, sign, full=-0.5, bare=-0.3, burn=shape.number("burn", 0.2)), palette.hair_edge)
        return
    for sign in (-1, 1):
        full, bare = (-0.1, 0.3) if kind == "full" else (-0.4, 0.12)
        paint = palette.hair_shade
        if kind == "tapered":
            taper = ((0, palette.hair_shade, 1), (0.5, palette.hair_shade, 0.92), (1, palette.scalp, 0.3))
            paint = drawing.vertical(f"tp{sign + 1}", face.y(-0.25), face.y(0.2), *taper)
        drawing.path(side_area(face, shape, sign, full=full, bare=bare, burn=shape.number("burn", 0.2)), paint)
    _combed(drawing, face, palette)


def _combed(drawing: Drawing, face: Face, palette: Palette) -> None:
    lines = []
    for sign in (-1, 1):
        for u, v in ((0.97, -0.34), (1.03, -0.26), (0.99, -0.18)):
            lines.append(
                Path().through([face.pt(sign * u, v), face.pt(sign * (u + 0.02), v + 0.12), face.pt(sign * u, v + 0.24)])
            )
    drawing.lines(lines, palette.hair_edge, 0.7, stroke_opacity=0.55)


def _stipple(drawing: Drawing, face: Face, palette: Palette, top: float, bottom: float) -> None:
    """Rows of dots: clipped hair seen as points. Dots are zero-length dashes with round caps."""
    rows = []
    for sign in (-1, 1):
        for k in (0.2, 0.5, 0.8):
            points = []
            for i in range(4):
                v = top + (bottom - top) * i / 3
                inside = 0.8 if v < -0.42 else 0.88 if v < -0.2 else 0.93
                points.append(face.pt(sign * (inside + (face.skull(min(v, 0.0)) - inside) * k), v))
            rows.append(Path().through(points))
    drawing.lines(rows, palette.hair_edge, 0.9, stroke_dasharray="0 2.6", stroke_opacity=0.5)
