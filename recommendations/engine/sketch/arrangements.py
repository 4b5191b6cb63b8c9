"""Tied hair: tails, buns, plaits and the rows of cornrows."""

from __future__ import annotations

import math
from itertools import pairwise

from .drawing import Drawing
from .face import Face
from .geometry import Path, Point, at, lerp, resample, spline, unit
from .jitter import Jitter
from .palette import Palette
from .shape import Shape
from .sheet import Sheet, comb
from .strands import Ink


def tail(
    drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter, centre: list[Point], width: float, *, name: str
) -> None:
    """A hanging tail along ``centre``, ``width`` pixels at its fullest."""
    dense = resample(spline(centre), 12)
    last = len(dense) - 1
    left, right = [], []
    grown = width * (1 + 0.9 * shape.texture.widen)
    for i, p in enumerate(dense):
        s = i / last
        half = grown / 2 * (0.46 + 0.54 * min(1.0, s * 3.2)) * (1 - 0.45 * max(0.0, s - 0.6) / 0.4)
        normal = unit(dense[min(i + 1, last)] - dense[max(i - 1, 0)]) * 1j * half
        left.append(p + normal)
        right.append(p - normal)
    sheet = Sheet([left, right], shape.texture)
    path = Path()
    sheet.edge(path, 1, rng)
    along = unit(dense[-1] - dense[-2])
    if shape.texture.bump:
        path.scallops(sheet.tip_edge(), shape.texture.bump, -sheet.outward * 0.5, rng.signed)
    else:
        comb(path, sheet.tip_edge(), 4, 7.0 if shape.ends != "blunt" else 1.5, rng, towards=along)
    sheet.edge(path, 0, rng, back=True)
    fill = drawing.vertical(
        name,
        min(p.imag for p in dense),
        max(p.imag for p in dense),
        (0, palette.hair_light, 1),
        (0.3, palette.hair, 1),
        (1, palette.hair_shade, 1),
    )
    drawing.path(path.close(), fill)
    ink = Ink()
    ink.comb(sheet, rng, lines=7, s0=0.02, s1=0.97, band=0.12, sleek=shape.sleek)
    ink.paint(drawing, palette)


def bun(
    drawing: Drawing, shape: Shape, palette: Palette, rng: Jitter, centre: Point, radius: float, *, name: str, flat: float = 0.88
) -> None:
    """A coiled knot: a disc (or cloud) with strands that wind round it."""
    ring = [centre + radius * _turn(flat, i / 12) for i in range(13)]
    path = Path()
    if shape.texture.bump:
        path.scallops(ring, shape.texture.bump, -0.45, rng.signed)
    else:
        path.through(ring)
    fill = drawing.vertical(
        name,
        centre.imag - radius,
        centre.imag + radius,
        (0, palette.hair_light, 1),
        (0.5, palette.hair, 1),
        (1, palette.hair_shade, 1),
    )
    drawing.path(path.close(), fill)
    ink = Ink()
    if shape.texture.kind == "coily":
        for i in range(14):
            ink.coil(centre + radius * 0.8 * _turn(flat, i / 7 + 0.1 * rng.signed()) * (0.4 + 0.6 * rng.next()), rng)
    else:
        for k, turn in ((0.82, 0.1), (0.6, 0.45), (0.38, 0.75), (0.7, 0.8)):
            arc = [centre + radius * k * _turn(flat, turn + 0.11 * j) for j in range(5)]
            ink.lines.append(Path().through(arc))
            light = [centre + radius * (k + 0.08) * _turn(flat, turn + 0.45 + 0.08 * j) for j in range(4)]
            ink.glints.append(Path().through(light))
    ink.paint(drawing, palette)


def _turn(flat: float, turns: float) -> complex:
    """Point of a unit circle flattened to ``flat`` of its height."""
    return complex(math.cos(math.tau * turns), flat * math.sin(math.tau * turns))


def plait(
    drawing: Drawing, palette: Palette, centre: list[Point], width: float, *, name: str, tuft: bool = True, taper: float = 0.4
) -> None:
    """A three-strand plait: leaf-shaped turns set alternately left and right along ``centre``."""
    dense = spline(centre, 10)
    total = sum(abs(b - a) for a, b in pairwise(dense))
    count = max(4, round(total / (width * 0.58)))
    even = resample(dense, count + 1)
    lobes: list[Path] = []
    for i in range(2 * count - 1):
        x = i / (2 * count)
        here, along = at(even, x), unit(at(even, min(x + 0.5 / count, 1)) - at(even, max(x - 0.5 / count, 0)))
        step = total / count
        out = along * (1j if i % 2 else -1j) * width / 2 * (1 - taper * x)
        tip = here + along * step * 1.3
        lobe = (
            Path()
            .move(here - along * step * 0.2 - out * 0.1)
            .cubic(here + out * 1.35 - along * step * 0.45, tip + out * 1.5 - along * step * 0.75, tip - out * 0.12)
        )
        lobes.append(lobe.quad(lerp(here, tip, 0.5) - out * 0.25, lobe.ops[0][1][0]).close())
    if tuft:
        along = unit(even[-1] - even[-2])
        half = width * 0.22
        end = (
            Path()
            .move(even[-1] - along * 2 + along * 1j * half)
            .quad(even[-1] + along * width * 0.6 + along * 1j * half * 1.6, even[-1] + along * width)
        )
        end.quad(even[-1] + along * width * 0.6 - along * 1j * half * 1.6, even[-1] - along * 2 - along * 1j * half).close()
        drawing.path(end, palette.hair_shade)
    fill = drawing.vertical(
        name,
        min(p.imag for p in even),
        max(p.imag for p in even),
        (0, palette.hair_light, 1),
        (0.3, palette.hair, 1),
        (1, palette.hair_shade, 1),
    )
    for lobe in lobes:
        drawing.path(lobe, fill, stroke=palette.hair_edge, stroke_width=0.7)
    glints = []
    for i in range(1, count, 1):
        along = unit(at(even, (i + 0.5) / count) - at(even, i / count))
        spot = at(even, i / count) - along * 1j * width * 0.24
        glints.append(Path().move(spot).line(spot + along * 3.4 + along * 1j * 1.2))
    drawing.lines(glints, palette.hair_shine, 1.1, stroke_opacity=0.8)


def draw_tied_behind(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """What hangs or sits behind the head, drawn before it."""
    low = shape.number("tie", -1.0)  # v of the tie: -1 crown .. 0.6 nape
    end = max(shape.end, 0.9)
    kind = shape.arrangement
    if kind == "ponytail":
        out = 1.28 + 0.5 * shape.texture.widen
        if low < -0.5:
            centre = [
                face.pt(0.0, -0.98),
                face.pt(0.42, -1.3),
                face.pt(0.98, -1.02),
                face.pt(out, -0.2),
                face.pt(out + 0.05, 0.7),
                face.pt(out - 0.05, end),
            ]
        elif low < 0.2:
            centre = [
                face.pt(0.5, -0.3),
                face.pt(1.1, -0.28),
                face.pt(out + 0.04, 0.3),
                face.pt(out + 0.02, 1.0),
                face.pt(out - 0.08, end),
            ]
        else:
            return
        if shape.has("bubbles"):
            _bubbles(drawing, palette, centre, name="bb")
            return
        if shape.has("plaited_tail"):
            plait(drawing, palette, centre, face.w * 0.42, name="pt", tuft=False, taper=0.15)
            return
        tail(drawing, face, shape, palette, rng, centre, face.w * shape.number("tail", 0.56), name="tl")
    elif kind == "bun" and not shape.has("space_buns"):
        radius = face.w * shape.number("bun", 0.42)
        if low < -0.5:
            bun(drawing, shape, palette, rng, face.pt(0, -1.0 - shape.lift) - 1j * radius * 0.55, radius, name="bn")
        else:
            bun(drawing, shape, palette, rng, face.pt(shape.number("bun_u", 0.0), 0.9), radius * 2.1, name="bn", flat=0.5)
            if shape.has("hairpin"):
                _hairpin(drawing, face)
    elif kind == "bun":
        for sign in (-1, 1):
            spot = face.pt(sign * shape.number("bun_u", 0.78), shape.number("bun_v", -1.04))
            radius = face.w * shape.number("bun", 0.36)
            bun(drawing, shape, palette, rng, spot, radius, name=f"bn{sign + 1}")
            if shape.has("coiled_plaits"):
                ring = [spot + 0.68 * radius * _turn(0.95, sign * i / 8) for i in range(9)]
                plait(drawing, palette, ring, radius * 0.8, name=f"pb{sign + 1}", tuft=False, taper=0.0)


def draw_tied_front(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """What falls in front of the shoulders, drawn last."""
    end = max(shape.end, 1.3)
    kind = shape.arrangement
    if kind == "ponytail" and shape.number("tie", -1.0) >= 0.2:
        tail(
            drawing,
            face,
            shape,
            palette,
            rng,
            [face.pt(0.56, 1.0), face.pt(0.82, 1.3), face.pt(0.9, 1.75), face.pt(0.84, end)],
            face.w * shape.number("tail", 0.5),
            name="tl",
        )
        tie(drawing, palette, face.pt(0.66, 1.12))
    elif kind == "pigtails":
        high = shape.number("tie", 0.5)
        for sign in (-1, 1):
            start = face.pt(sign * 1.02, high)
            centre = [
                start,
                face.pt(sign * 1.24, high + 0.22),
                face.pt(sign * 1.26, high + 0.8),
                face.pt(sign * 1.12, max(end, high + 1.1)),
            ]
            if shape.has("bubble_tails"):
                _bubbles(drawing, palette, centre, name=f"bb{sign + 1}-")
            elif shape.has("plaited") and not shape.has("tails_only"):
                plait(drawing, palette, centre, face.w * shape.number("tail", 0.36), name=f"pl{sign + 1}")
            else:
                tail(drawing, face, shape, palette, rng, centre, face.w * shape.number("tail", 0.5), name=f"tl{sign + 1}")
            tie(drawing, palette, face.pt(sign * 1.06, high + 0.04))


def _bubbles(drawing: Drawing, palette: Palette, centre: list[Point], *, name: str) -> None:
    """A tail tied at intervals and puffed out between the ties."""
    even = resample(spline(centre), 7)
    for index, (a, b) in enumerate(pairwise(even)):
        radius = abs(b - a) * 0.52
        along = unit(b - a)
        side = along * 1j * radius * 0.92
        path = Path().move(a).cubic(a + side * 1.1, b + side * 1.1, b).cubic(b - side * 1.1, a - side * 1.1, a).close()
        stops = ((0, palette.hair_light, 1), (0.5, palette.hair, 1), (1, palette.hair_edge, 1))
        low, high = sorted((a.imag, b.imag))
        drawing.path(path, drawing.vertical(f"{name}{index}", low - radius * 0.4, high + radius * 0.4, *stops))
        marks = [Path().through([a + along * 2, a + along * radius + side * k, b - along * 2]) for k in (-0.45, 0.0, 0.45)]
        drawing.lines(marks, palette.hair_edge, 0.8, stroke_opacity=0.6)
    for spot in even[1:-1]:
        tie(drawing, palette, spot)


def _hairpin(drawing: Drawing, face: Face) -> None:
    """A binyeo: a long pin through the knot, seen on both sides of the neck."""
    ends = [face.pt(-1.12, 0.84), face.pt(1.12, 0.96)]
    drawing.lines([Path().move(ends[0]).line(ends[1])], "#b08d57", 3.2)
    drawing.element("circle", cx=round(ends[0].real, 1), cy=round(ends[0].imag, 1), r=4.6, fill="#b08d57")


def tie(drawing: Drawing, palette: Palette, spot: Point) -> None:
    drawing.element("circle", cx=round(spot.real, 1), cy=round(spot.imag, 1), r=3.4, fill=palette.lip_deep)
