"""Pulled-back heads and what they carry: half-up knots, plaits, crowns, puffs, bantu knots, cornrows."""

from __future__ import annotations

import math
from dataclasses import replace

from .arrangements import bun, draw_tied_front, plait, tie
from .drawing import Drawing
from .face import Face
from .geometry import Path, Point, lerp, mirror, ribbon
from .hair_top import draw_back_swept, draw_combed_back
from .jitter import Jitter
from .palette import Palette
from .portrait import dots
from .rails import dome, hairline
from .ropes import paint_ropes
from .shape import Shape
from .sheet import Sheet
from .strands import Ink


def draw_pulled_back(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """The head of tied hair, then what is tied."""
    if shape.arrangement == "cornrows" or shape.has("rows"):
        _cornrows(drawing, face, shape, palette)
    elif shape.parted or shape.arrangement == "pigtails":
        _parted_cap(drawing, face, shape, palette, rng)
    else:
        low = shape.number("tie", -1.0)
        draw_back_swept(drawing, face, shape, palette, rng, focus=face.pt(0, -1.0) if low < -0.4 else None)
    if shape.has("crown_plait"):
        draw_crown_plait(drawing, face, shape, palette)
    if shape.has("side_plait"):
        centre = [face.pt(0.62, 0.92), face.pt(0.8, 1.25), face.pt(0.84, 1.75), face.pt(0.76, max(shape.end, 1.6))]
        plait(drawing, palette, centre, face.w * shape.number("tail", 0.42), name="ps")
        tie(drawing, palette, lerp(centre[-1], centre[-2], 0.0))
    if shape.has("knots"):
        for index, (u, v) in enumerate(((0.3, -0.86), (-0.3, -0.86), (0.74, -0.66), (-0.74, -0.66))):
            bun(drawing, shape, palette, rng, face.pt(u, v), face.w * 0.2, name=f"kf{index}")
    draw_tied_front(drawing, face, shape, palette, rng)


def draw_crown_plait(drawing: Drawing, face: Face, shape: Shape, palette: Palette) -> None:
    arc = [dome(face, shape, a, grow=-0.1) for a in (-84, -60, -35, 0, 35, 60, 84)]
    plait(drawing, palette, arc, face.w * 0.34, name="pc", tuft=False, taper=0.0)


def draw_half_up(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """The upper half of loose hair drawn back to the crown."""
    draw_combed_back(drawing, face, shape, palette, rng)
    edge = [
        Path().through([face.pt(sign * 0.84, -0.34), face.pt(sign * 1.0, -0.42), face.pt(sign * 1.1, -0.42)]) for sign in (-1, 1)
    ]
    drawing.lines(edge, palette.hair_edge, 1.2, stroke_opacity=0.8)


def _parted_cap(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """Sleek halves drawn from a parting to both sides."""
    outline = Path().through([dome(face, shape, a) for a in (-88, -60, -30, 0, 30, 60, 88)])
    temple = [hairline(face, t) for t in (0.98, 0.85, 0.66)]
    arch = [face.pt(0.62, -0.47), face.pt(0.3, -0.6), face.pt(0, -0.66)]
    outline.through(
        [
            outline.here,
            face.pt(1.03, 0.0),
            *temple,
            *arch,
            *mirror(arch[-2::-1], face.cx),
            *mirror(temple[::-1], face.cx),
            face.pt(-1.03, 0.0),
        ]
    ).close()
    stops = ((0, palette.hair_light, 1), (0.4, palette.hair, 1), (1, palette.hair_shade, 1))
    drawing.path(outline, drawing.vertical("tg", face.y(-1.15), face.y(0.0), *stops))
    ink = Ink()
    for sign in (-1, 1):
        p = shape.part
        inner = [face.pt(p, -0.68), face.pt(sign * 0.5, -0.5), face.pt(sign * 0.85, -0.2), face.pt(sign * 0.97, 0.0)]
        outer = [
            dome(face, shape, sign * 4),
            dome(face, shape, sign * 40),
            dome(face, shape, sign * 75),
            face.pt(sign * 1.05, 0.0),
        ]
        ink.comb(
            Sheet([inner, outer], replace(shape.texture, amplitude=0.0, bump=0.0)),
            rng,
            lines=8,
            s0=0.02,
            s1=0.98,
            band=0.3,
            sleek=shape.sleek,
        )
    ink.paint(drawing, palette)
    part, front = shape.part, -0.66 + 0.5 * shape.part**2  # the parting ends where the hairline's arch is
    drawing.lines(
        [Path().through([dome(face, shape, 45 * part) + 3j, face.pt(part, -0.85), face.pt(part, front)])], palette.scalp, 1.6
    )
    if shape.has("scalp_plaits") and not shape.has("tails_only"):
        draw_temple_plaits(drawing, face, palette)


def draw_temple_plaits(drawing: Drawing, face: Face, palette: Palette) -> None:
    """Two plaits along the hairline, from the parting over the temples to behind the ears."""
    for sign in (-1, 1):
        way = [
            face.pt(sign * 0.34, -0.72),
            face.pt(sign * 0.66, -0.62),
            face.pt(sign * 0.96, -0.28),
            face.pt(sign * 1.06, 0.14),
        ]
        plait(drawing, palette, way, face.w * 0.26, name=f"pd{sign + 1}", tuft=False, taper=0.0)


def _cornrows(drawing: Drawing, face: Face, shape: Shape, palette: Palette) -> None:
    cap = Path().through([dome(face, shape, a) for a in (-88, -60, -30, 0, 30, 60, 88)])
    cap.through([cap.here, *[hairline(face, 1 - i / 6) for i in range(13)]]).close()
    drawing.path(cap, palette.hair_edge)
    rows: list[list[Point]] = []
    count = round(shape.number("rows", 9))
    for i in range(count):
        t = 2 * (i + 0.5) / count - 1
        root = lerp(hairline(face, 0.8 * t), face.pt(0, -0.95), 0.05)
        tip = lerp(dome(face, shape, 78 * t, grow=-0.05), face.pt(0, -0.98), 0.22)
        rows.append([root, lerp(root, tip, 0.5) + complex(4.5 * t, -1), tip])
    look = replace(shape, rope="braid", params={**shape.params, "rope_width": shape.number("row_width", 1.5)})
    paint_ropes(drawing, palette, rows, look, "cr")


def draw_behind_cornrows(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """The braided ends of cornrows, hanging behind the neck."""
    ropes = []
    for sign in (-1, 1):
        for i in range(4):
            u = sign * (0.5 + 0.18 * i)
            ropes.append(
                [face.pt(u, 0.1), face.pt(u * 1.05, 0.8), face.pt(u * (1.06 + 0.02 * rng.signed()), shape.end - 0.1 * rng.next())]
            )
    look = replace(shape, rope="braid", params={**shape.params, "rope_width": 1.1})
    paint_ropes(drawing, palette, ropes, look, "cb", dark=True)


def draw_fulani(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """A middle braid to the forehead, two before the ears, and beads."""
    ropes = [[face.pt(0, -0.98), face.pt(0, -0.8), face.pt(0, -0.56)]]
    beads = [face.pt(0, -0.52)]
    for sign in (-1, 1):
        for k, stop in ((0.0, 1.25), (0.13, 1.55)):
            ropes.append(
                [
                    face.pt(sign * (0.78 + k), -0.5),
                    face.pt(sign * (0.95 + k), 0.1),
                    face.pt(sign * (0.86 + k), 0.8),
                    face.pt(sign * (0.84 + k), stop),
                ]
            )
            beads += [face.pt(sign * (0.84 + k), stop + 0.03), face.pt(sign * (0.84 + k), stop - 0.1)]
    paint_ropes(drawing, palette, ropes, replace(shape, rope="braid"), "fu")
    dots(drawing, beads, "#c9a15a", 5.2 if not shape.has("beads") else 6.4)


def draw_strand(drawing: Drawing, face: Face, shape: Shape, palette: Palette) -> None:
    """One thin lock that escapes over the forehead."""
    way = [face.pt(0.2, -0.68), face.pt(0.02, -0.52), face.pt(-0.2, -0.34), face.pt(-0.16, -0.2)]
    drawing.path(ribbon(way, 5.5, peak=0.3, root=0.4), palette.hair)


def draw_puff(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """A round puff of coily hair gathered on the crown (or two at the sides)."""
    radius = face.w * shape.number("puff", 0.86)
    spots = [face.pt(0, -1.0) - 0.62j * radius] if not shape.has("two_puffs") else [face.pt(-0.86, -0.98), face.pt(0.86, -0.98)]
    for index, centre in enumerate(spots):
        size = radius if len(spots) == 1 else radius * 0.68
        ring = [centre + size * complex(math.cos(math.tau * i / 24), 0.86 * math.sin(math.tau * i / 24)) for i in range(25)]
        path = Path().scallops(ring, shape.texture.bump or 9, -0.5, rng.signed).close()
        stops = ((0, palette.hair_light, 1), (0.5, palette.hair, 1), (1, palette.hair_shade, 1))
        drawing.path(path, drawing.vertical(f"pf{index}", centre.imag - size, centre.imag + size, *stops))
        ink = Ink()
        for i in range(30):
            turn, k = math.tau * (i * 0.382 + 0.03 * rng.signed()), 0.92 * math.sqrt((i + 0.5) / 30)
            ink.coil(centre + size * k * complex(math.cos(turn), 0.86 * math.sin(turn)), rng)
        ink.paint(drawing, palette)


def draw_knots_behind(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    for index, angle in enumerate((-72, -36, 0, 36, 72)):
        bun(drawing, shape, palette, rng, dome(face, shape, angle, grow=0.05), face.w * 0.21, name=f"kb{index}")
