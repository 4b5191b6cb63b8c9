"""The top of short cuts: combed forward, to the side, back, up or into spikes; buzzed heads and round afro halos."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from .drawing import Drawing
from .face import Face
from .geometry import Path, lerp, mirror, ribbon, unit
from .jitter import Jitter
from .palette import Palette
from .rails import cut_height, dome, dome_angle, dome_angle_at, hairline, hairline_at, hairline_between
from .shape import Shape
from .sheet import Sheet, comb
from .strands import Ink

_STEPPED = ("two_block", "undercut", "shaved")
#: A clipped head's sides: where its tone begins and ends to thin out (share of the way from the crown to below the ear), and
#: how much of it is left there.
_CLIPPED = {
    "low_fade": (0.58, 0.92, 0.0),
    "mid_fade": (0.46, 0.76, 0.0),
    "high_fade": (0.34, 0.6, 0.0),
    "tapered": (0.66, 1.0, 0.2),
}


def draw_crop_top(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    reach = dome_angle_at(shape, cut_height(shape))
    outline = _top_outline(face, shape, rng, reach)
    fill = drawing.vertical(
        "tg", face.y(-1.25), face.y(-0.3), (0, palette.hair_light, 1), (0.45, palette.hair, 1), (1, palette.hair_shade, 1)
    )
    drawing.path(outline, fill)
    ink = Ink()
    for sheet, lines in _top_sheets(face, shape, reach):
        ink.comb(sheet, rng, lines=lines, s0=0.04, s1=0.95, band=0.25, sleek=shape.sleek)
    if shape.top in ("up", "spiky") and not shape.texture.bump and not shape.has("swoop"):
        _spikes(face, shape, rng, ink, reach)
    ink.paint(drawing, palette)
    if shape.has("swoop"):
        _swoop(drawing, face, shape, palette, rng)


def _top_outline(face: Face, shape: Shape, rng: Jitter, reach: float) -> Path:
    angles = [reach * (i / 6 - 1) for i in range(13)]
    top = [dome(face, shape, angle) for angle in angles]
    path = Path()
    if shape.texture.bump:
        path.scallops(top, shape.texture.bump, -shape.texture.swell, rng.signed)
    elif shape.top == "spiky":
        path.move(top[0])
        _spike_edge(path, face, top, rng, shape.number("spike", 11.0))
    elif shape.has("ruffled"):
        path.move(top[0])
        path.line(top[2])
        comb_up(path, face, top[2:-2], rng, shape)
        path.line(top[-1])
    elif shape.top == "side" and shape.part:
        dip = dome_angle(shape, shape.part)
        top = [p + 1j * max(0.0, 3.0 - abs(angle - dip) * 0.3) for p, angle in zip(top, angles, strict=True)]
        path.through(top)
    else:
        path.through(top)
    corner = hairline_at(face, cut_height(shape) + 0.02)
    low = complex(2 * face.cx - corner.real, corner.imag)
    edge = hairline_between(face, cut_height(shape) + 0.02)
    if shape.sides in _STEPPED and not shape.texture.bump:
        path.line(top[-1])
        comb(path, [top[-1], corner], 3, 4.0, rng)
        path.through(edge)
        comb(path, [low, top[0]], 3, 4.0, rng)
    else:
        path.through([top[-1], corner]).through(edge).through([low, top[0]])
    return path.close()


def _spike_edge(path: Path, face: Face, top: list[complex], rng: Jitter, height: float) -> None:
    centre = face.pt(0, -0.45)
    for a, b in pairwise(top):
        middle = lerp(a, b, 0.5 + 0.2 * rng.signed())
        tip = middle + unit(middle - centre) * height * rng.between(0.6, 1.15)
        path.quad(lerp(a, tip, 0.4) + unit(middle - centre) * 1.5, tip)
        path.quad(lerp(b, tip, 0.3), b)


def comb_up(path: Path, face: Face, top: list[complex], rng: Jitter, shape: Shape) -> None:
    """A lively upper outline: soft tips that lean to one side."""
    lean = shape.number("lean", 0.5)
    centre = face.pt(0, -0.45)
    for a, b in pairwise(top):
        up = unit(lerp(a, b, 0.5) - centre)
        tip = lerp(a, b, 0.5 + lean * 0.55) + up * shape.number("ruffle", 5.0) * rng.between(0.6, 1.2)
        path.quad(lerp(a, tip, 0.5) + up * 2, tip)
        path.quad(lerp(tip, b, 0.6) - up * 0.5, b)


def _top_sheets(face: Face, shape: Shape, reach: float) -> list[tuple[Sheet, int]]:
    texture = shape.texture
    if shape.top == "side":
        sheets = []
        for sign in (-1, 1):
            start = dome_angle(shape, shape.part)
            span = sign * reach - start
            outer = [dome(face, shape, start + span * k) for k in (0.02, 0.3, 0.6, 0.95)]
            p = shape.part
            inner = [face.pt(p, -0.72), face.pt(p + (sign * 0.86 - p) * 0.4, -0.64), face.pt(sign * 0.86, -0.42)]
            sheets.append((Sheet([inner, outer], texture), round(5 + abs(span) / 22)))
        return sheets
    rails = []
    for i in range(-4, 5):
        t = i / 4
        root, tip = hairline(face, 0.62 * t), dome(face, shape, reach * 0.97 * t)
        if shape.top == "forward":
            root, tip = lerp(face.pt(0.12 * t, -0.98), tip, 0.55), root
            rails.append([root, lerp(root, tip, 0.5) + complex(4 * t, -3), tip])
        else:
            rails.append([root, lerp(root, tip, 0.5) + complex(3.0 * t, 0.0), tip])
    return [(Sheet(rails, texture), 13)]


def _swoop(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """The pompadour's roll: broad locks lifted off the forehead that swell outwards before they turn over the crest."""
    dark: list[Path] = []
    light: list[Path] = []
    for i in range(9):
        t = i / 4 - 1
        root = hairline(face, 0.42 * t)
        crest = dome(face, shape, 54 * t + 4, grow=-0.1)
        belly = lerp(root, crest, 0.5) + complex(face.w * (0.12 * t - 0.03), 0.02 * face.up)
        turn = crest + complex(face.w * 0.16, 0.05 * face.up)
        (dark if i % 2 else light).append(
            ribbon([root, belly, crest, turn], face.w * 0.16 * (1 + 0.2 * rng.signed()), peak=0.5, root=0.25)
        )
    drawing.shapes(light, palette.hair_light, opacity=0.8)
    drawing.shapes(dark, palette.hair_shade)
    shine = [
        ribbon(
            [
                lerp(hairline(face, 0.5 * t), dome(face, shape, 66 * t), k) + complex(face.w * 0.2 * t, 0)
                for k in (0.35, 0.55, 0.72)
            ],
            2.6,
        )
        for t in (-0.62, -0.12, 0.4)
    ]
    drawing.shapes(shine, palette.hair_shine, opacity=0.75)


def draw_ridge(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """The standing middle strip of mohawks; ``ridge`` is its half width (u), ``ridge_up`` its height over the skull (v)."""
    wide, high = shape.number("ridge", 0.34), shape.number("ridge_up", 0.5)
    left = [face.pt(-wide, -0.6), face.pt(-wide * 1.1, -0.85), face.pt(-wide * 1.05, -1.0)]
    crown = [face.pt(wide * 1.25 * (i / 3 - 1), -1.0 - high * (1 - 0.45 * (i / 3 - 1) ** 2)) for i in range(7)]
    path = Path().through([*left, crown[0]])
    if shape.texture.bump:
        path.scallops(crown, shape.texture.bump, -0.5, rng.signed)
    else:
        _spike_edge(path, face, crown, rng, shape.number("spike", 12.0))
    path.through([path.here, *mirror(left[::-1], face.cx)])
    comb(path, [face.pt(wide * (1 - i / 4), -0.6) for i in range(9)], 5, 2.5, rng)
    path.close()
    stops = ((0, palette.hair_light, 1), (0.5, palette.hair, 1), (1, palette.hair_shade, 1))
    drawing.path(path, drawing.vertical("rg", face.y(-1 - high), face.y(-0.6), *stops))
    rails = [
        [face.pt(wide * 0.85 * t, -0.6), face.pt(wide * 0.95 * t, -0.9), face.pt(wide * 1.2 * t, -1.0 - high * (1 - 0.4 * t * t))]
        for t in (-1, -0.5, 0, 0.5, 1)
    ]
    ink = Ink()
    ink.comb(Sheet(rails, shape.texture), rng, lines=9, s0=0.05, s1=0.95, band=0.4)
    ink.paint(drawing, palette)


def _spikes(face: Face, shape: Shape, rng: Jitter, ink: Ink, reach: float) -> None:
    """Standing locks drawn from the hairline up."""
    count = 7 if shape.top == "up" else 9
    for i in range(count):
        t = 2 * (i + 0.5) / count - 1
        root = hairline(face, 0.5 * t)
        tip = lerp(root, dome(face, shape, reach * 0.9 * t), rng.between(0.75, 1.0))
        bent = lerp(root, tip, 0.5) + complex(rng.between(-2, 3), 0)
        (ink.shade if i % 2 else ink.light).append(ribbon([root, bent, tip], 5.5, peak=0.35, root=0.5))


def draw_buzz(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """Clipped hair: scalp-toned cap with dots that follow the skull."""
    thick = shape.number("thick", 0.025)
    cap = replace(shape, lift=shape.number("cap", 0.2) - 0.17 + thick, side=thick, boxy=0.9)
    outer = [dome(face, cap, a) for a in (-88, -66, -44, -22, 0, 22, 44, 66, 88)]
    path = Path().through(outer)
    path.through([outer[-1], face.pt(1.02, -0.02), face.pt(0.985, 0.16), face.pt(0.92, 0.13)])
    steps = [hairline(face, 1 - i / 6) for i in range(13)]
    path.through([path.here, *steps, face.pt(-0.92, 0.13)]).through(
        [path.here, face.pt(-0.985, 0.16), face.pt(-1.02, -0.02), outer[0]]
    )
    shade = shape.number("shade", 0.9)
    begins, ends, low = _CLIPPED.get(shape.sides, (0.5, 1.0, 0.35))
    low = shape.number("fade", low)
    tone = palette.hair if shape.has("dense") else palette.scalp
    fill = drawing.vertical(
        "tg",
        face.y(-1),
        face.y(0.15),
        (0, tone, shade),
        (begins, tone, shade),
        ((begins + ends) / 2, palette.scalp, (shade + low) / 2),
        (ends, palette.scalp, low),
    )
    drawing.path(path.close(), fill)
    rows = []
    for k in range(1, 8):
        s = k / 8
        row = []
        for i in range(-4, 5):
            t = i / 4
            row.append(lerp(hairline(face, 0.9 * t), dome(face, cap, 84 * t), s))
        rows.append(Path().through(row))
    if shape.has("lined"):
        _line_up(drawing, face, palette)
    if shape.has("waves"):
        _pattern(drawing, face, cap, palette)
        return
    gap = shape.number("gap", 3.4)
    drawing.lines(rows, palette.hair_edge, shape.number("dot", 1.1), stroke_dasharray=f"0 {gap:g}", stroke_opacity=0.55)


def _line_up(drawing: Drawing, face: Face, palette: Palette) -> None:
    """The clipper's crisp edge: the hairline in straight strokes, over the forehead and down to the ears."""
    line = Path().move(hairline(face, 1.0))
    for place in (0.84, 0.6, -0.6, -0.84, -1.0):
        line.line(hairline(face, place))
    drawing.lines([line], palette.hair_edge, 2.2)


def _pattern(drawing: Drawing, face: Face, cap: Shape, palette: Palette) -> None:
    """360 waves: rippled rings around the crown."""
    dark, light = [], []
    for k in range(1, 8):
        row = []
        for i in range(-8, 9):
            t = i / 8
            s = k / 8 + (0.018 if i % 2 else -0.018)
            row.append(lerp(hairline(face, 0.86 * t), dome(face, cap, 84 * t), s))
        dark.append(Path().through(row))
        light.append(Path().through([p + 1.6j for p in row[2:-2]]))
    drawing.lines(dark, palette.hair_edge, 1.5, stroke_opacity=0.7)
    drawing.lines(light, palette.hair_shine, 0.8, stroke_opacity=0.6)
