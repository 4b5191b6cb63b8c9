"""Hair over the forehead: straight-down fringes as one combed shape, swept and parted ones as sheets, see-through ones as single locks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from .drawing import Drawing
from .face import Face
from .geometry import Path, merge, ribbon
from .jitter import Jitter
from .palette import Palette
from .shape import Shape
from .sheet import Sheet, comb
from .strands import Ink

_Curve = list[tuple[float, float]]

#: Fringes with a line of their own: (heavy side, other side), each (face-side edge, top edge) after the parting, u away from it.
_SIGNATURES: Final[dict[str, tuple[tuple[_Curve, _Curve], tuple[_Curve, _Curve]]]] = {
    "comma": (
        (
            [(0.06, -0.58), (0.36, -0.44), (0.52, -0.26), (0.46, -0.17), (0.24, -0.16)],
            [(0.5, -0.88), (0.92, -0.58), (0.96, -0.26), (0.74, -0.08), (0.28, -0.1)],
        ),
        ([(0.42, -0.68), (0.72, -0.56), (0.92, -0.3)], [(0.5, -0.94), (0.9, -0.62), (1.06, -0.24)]),
    ),
    "leaf": (
        (
            [(0.16, -0.54), (0.5, -0.24), (0.78, 0.04), (0.9, 0.26), (1.2, 0.44)],
            [(0.56, -0.9), (1.04, -0.42), (1.12, -0.02), (1.12, 0.16), (1.26, 0.32)],
        ),
        (
            [(0.3, -0.56), (0.62, -0.28), (0.84, 0.02), (0.94, 0.22), (1.22, 0.38)],
            [(0.66, -0.86), (1.04, -0.42), (1.12, -0.02), (1.13, 0.12), (1.26, 0.26)],
        ),
    ),
    "ess": (
        (
            [(0.1, -0.52), (0.4, -0.3), (0.56, -0.1), (0.82, -0.06), (1.02, -0.2)],
            [(0.5, -0.9), (1.0, -0.5), (1.02, -0.32), (1.0, -0.24), (1.14, -0.28)],
        ),
        (
            [(0.36, -0.52), (0.6, -0.32), (0.74, -0.14), (0.92, -0.12), (1.06, -0.26)],
            [(0.66, -0.86), (1.02, -0.46), (1.06, -0.34), (1.06, -0.28), (1.16, -0.32)],
        ),
    ),
}


@dataclass
class Fringe:
    """Built before the hair is painted, so that its shadow falls on the face and not on the hair beside it."""

    outlines: list[Path]
    ink: Ink
    key: str = ""

    def shadow(self, drawing: Drawing, palette: Palette) -> None:
        whole = merge(self.outlines)
        self.key = drawing.define_path("fr", whole)
        drawing.use(self.key, fill=palette.skin_shade, transform="translate(0 15)", opacity=0.8)

    def paint(self, drawing: Drawing, face: Face, palette: Palette) -> None:
        hair, light, shade = palette.hair, palette.hair_light, palette.hair_shade
        stops = ((0, hair, 0.0), (0.2, hair, 1.0), (0.46, light, 1.0), (0.68, hair, 1.0), (1, shade, 1.0))
        drawing.use(self.key, fill=drawing.vertical("frg", face.y(-0.92), face.y(-0.1), *stops))
        self.ink.paint(drawing, palette)


def build_fringe(face: Face, shape: Shape, rng: Jitter) -> Fringe | None:
    match shape.fringe:
        case "none":
            return None
        case "full" | "micro" | "choppy":
            return _straight(face, shape, rng)
        case "wispy":
            return _wispy(face, shape, rng)
        case _:
            return _sheets(face, shape, rng)


def _straight(face: Face, shape: Shape, rng: Jitter) -> Fringe:
    low = {"full": -0.16, "micro": -0.44, "choppy": -0.22}[shape.fringe] if shape.fringe_v is None else shape.fringe_v
    count = shape.fringe_tips or {"full": 9, "micro": 8, "choppy": 9}[shape.fringe]
    depth = {"full": 1.6, "micro": 3.0, "choppy": 9.0}[shape.fringe]
    depth = shape.number("fringe_depth", depth)
    wide = shape.number("fringe_wide", 0.9)
    arch = shape.number("fringe_arch", 0.03)
    slant = shape.number("fringe_slant", 0.0)

    def bottom(t: float) -> complex:
        return face.pt(wide * t * (1.0 if low < -0.3 else 1.01), low + arch * (t * t) * 2.2 + slant * t)

    roots = [face.pt(0.8 * t, -0.9 + 0.28 * t * t) for t in (-1, -0.5, 0, 0.5, 1)]
    tips = [bottom(t) for t in (-1, -0.5, 0, 0.5, 1)]
    sheet = Sheet(
        [[root, root * 0.5 + tip * 0.5 - 1j * 2, tip] for root, tip in zip(roots, tips, strict=True)],
        replace(shape.texture, amplitude=shape.texture.amplitude * 0.5),
    )
    path = Path().through(
        [face.pt(-0.93, -0.4), face.pt(-0.72, -0.72), face.pt(0, -0.92), face.pt(0.72, -0.72), face.pt(0.93, -0.4)]
    )
    path.line(bottom(1))
    edge = [bottom(1 - i / 8) for i in range(17)]
    if shape.texture.bump:
        path.scallops(edge, shape.texture.bump * 0.9, -0.5, rng.signed)
    else:
        comb(path, edge, count, depth, rng, lean=shape.number("fringe_lean", 0.0))
    path.close()
    ink = Ink()
    ink.comb(sheet, rng, lines=12, s0=0.1, s1=0.97, band=0.36, sleek=shape.sleek)
    return Fringe([path], ink)


def _wispy(face: Face, shape: Shape, rng: Jitter) -> Fringe:
    low = -0.1 if shape.fringe_v is None else shape.fringe_v
    locks, ink = [], Ink()
    count = shape.fringe_tips or 11
    for i in range(count):
        t = 2 * (i + 0.5) / count - 1
        root = face.pt(0.62 * t, -0.84 + 0.12 * t * t)
        tip = face.pt(0.74 * t + 0.05 * rng.signed(), low + 0.1 * t * t + 0.05 * rng.signed())
        middle = face.pt(0.74 * t + 0.03, -0.42)
        locks.append(ribbon([root, middle, tip], rng.between(4.2, 7.2), peak=0.15, root=0.9))
        if i % 3 == 1:
            ink.lines.append(Path().through([face.pt(0.6 * t, -0.7), middle + 1.5, tip + 1 - 2j]))
    side = ((0.6, -0.8), (0.84, -0.35), (0.93, 0.05), (0.88, 0.34))
    locks += [ribbon([face.pt(sign * u, v) for u, v in side], 6.5, peak=0.3, root=0.9) for sign in (-1, 1)]
    band = Path().through([face.pt(-0.8, -0.5), face.pt(-0.5, -0.82), face.pt(0, -0.9), face.pt(0.5, -0.82), face.pt(0.8, -0.5)])
    comb(band, [face.pt(0.8 - 0.2 * i, -0.56 - 0.08 * (1 - abs(i - 4) / 4)) for i in range(9)], 8, 9, rng)
    return Fringe([*locks, band.close()], ink)


def fringe_rails(shape: Shape) -> list[tuple[_Curve, _Curve]]:
    """(face-side edge, top edge) of each swept piece, drawn first to last."""
    p = shape.part
    low = shape.fringe_v
    if shape.fringe == "curtain":
        out = []
        for sign in (-1, 1):
            end = 0.36 if low is None else low
            inner = [(p, -0.72), (p + sign * 0.22, -0.52), (sign * 0.56, -0.25), (sign * 0.84, end * 0.3), (sign * 1.0, end)]
            outer = [(p, -0.92), (p + sign * 0.34, -0.8), (sign * 0.86, -0.44), (sign * 1.05, 0.0), (sign * 1.1, end * 0.9)]
            out.append((inner, outer))
        return out
    if shape.fringe == "side":
        p = p or 0.42
        sign = -1 if p >= 0 else 1
        end = 0.02 if low is None else low
        inner = [
            (p, -0.71),
            (p + sign * 0.42, -0.47),
            (p + sign * 0.95, -0.27),
            (sign * 0.86, end - 0.06),
            (sign * 0.98, end + 0.08),
        ]
        outer = [(p, -0.95), (p + sign * 0.6, -0.84), (sign * 0.78, -0.56), (sign * 1.03, -0.2), (sign * 1.09, end + 0.02)]
        short_inner = [(p, -0.71), (p - sign * 0.22, -0.62), (-sign * 0.86, -0.3), (-sign * 0.95, 0.0)]
        short_outer = [(p, -0.93), (p - sign * 0.25, -0.86), (-sign * 0.95, -0.42), (-sign * 1.05, -0.02)]
        return [(short_inner, short_outer), (inner, outer)]
    if shape.fringe in _SIGNATURES:
        heavy, other = _SIGNATURES[shape.fringe]
        sign = -1 if p >= 0 else 1
        return [
            ([(p, -0.72), *((u * side, v) for u, v in inner)], [(p, -0.96), *((u * side, v) for u, v in outer)])
            for side, (inner, outer) in ((-sign, other), (sign, heavy))
        ]
    out = []  # long: falls past the brows to either side of the parting
    order = (1, -1) if p >= 0 else (-1, 1)
    for sign in order:
        end = 0.16 if low is None else low
        more = 1 if sign * p <= 0 else 0  # the heavier side hangs further in
        reach = 0.9 if more else 0.95
        inner = [(p, -0.72), (p + sign * (0.3 + 0.1 * more), -0.46), (p * 0.4 + sign * 0.62, -0.16), (sign * reach, end)]
        outer = [(p, -0.95), (p + sign * 0.42, -0.84), (sign * 0.95, -0.4), (sign * 1.07, end - 0.1)]
        out.append((inner, outer))
    return out


def _sheets(face: Face, shape: Shape, rng: Jitter) -> Fringe:
    outlines, ink = [], Ink()
    texture = replace(shape.texture, start=max(shape.texture.start, 0.3))
    for inner, outer in fringe_rails(shape):
        sheet = Sheet([[face.pt(u, v) for u, v in inner], [face.pt(u, v) for u, v in outer]], texture)
        path = Path()
        sheet.edge(path, 1, rng)
        along = sheet.point(0.4, 1.0) - sheet.point(0.4, 0.92)
        comb(path, sheet.tip_edge(), 3, shape.number("fringe_depth", 5.0), rng, towards=along / max(abs(along), 1e-6))
        sheet.edge(path, 0, rng, back=True)
        outlines.append(path.close())
        ink.comb(sheet, rng, lines=8, s0=0.02, s1=0.98, band=0.2, sleek=shape.sleek)
    return Fringe(outlines, ink)
