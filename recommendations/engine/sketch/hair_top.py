"""The hair in front: two sheets that fall from the parting, and the pulled-back or upswept top."""

from __future__ import annotations

from dataclasses import replace

from .drawing import Drawing
from .face import Face
from .geometry import Path, lerp, mirror, unit
from .jitter import Jitter
from .palette import Palette
from .rails import dome, hairline, inner_rail, outer_rail
from .shape import Shape
from .sheet import Sheet, comb
from .strands import Ink, flick


def fall_sheets(face: Face, shape: Shape) -> dict[int, Sheet]:
    """Image-left (-1) and image-right (+1) sheet from the parting to the tips."""
    return {
        sign: Sheet([inner_rail(face, shape, sign), outer_rail(face, shape, sign)], shape.texture, phase=0.0 if sign > 0 else 0.9)
        for sign in (-1, 1)
    }


def sheet_outline(sheet: Sheet, shape: Shape, rng: Jitter) -> Path:
    """Down the outside, along the tips, up the face-framing edge."""
    path = Path()
    sheet.edge(path, 1, rng)
    edge = sheet.tip_edge()
    if shape.ends == "blunt" and not sheet.texture.bump:
        corner = unit(edge[-1] - edge[0])
        path.quad(edge[0] + 1j * shape.tip_depth, edge[0] + corner * 4 + 1j * shape.tip_depth)
        path.through([path.here, lerp(edge[0], edge[-1], 0.5) + 1j * (shape.tip_depth + 0.6), edge[-1]])
    elif sheet.texture.bump:
        path.scallops(edge, sheet.texture.bump, -sheet.outward * 0.5, rng.signed)
    else:
        along = sheet.point(0.5, 1.0) - sheet.point(0.5, 0.94)
        comb(path, edge, shape.tips, shape.tip_depth, rng, towards=unit(along), lean=-0.35 * (1 if shape.flip <= 0 else -1))
    sheet.edge(path, 0, rng, back=True)
    return path.close()


def draw_fall(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter, *, name: str = "hg") -> None:
    sheets = fall_sheets(face, shape)
    bottom = max(face.y(shape.end), face.y(0.4))
    fill = drawing.vertical(
        name, face.y(-1.1), bottom, (0, palette.hair_light, 1), (0.3, palette.hair, 1), (1, palette.hair_shade, 1)
    )
    ink = Ink()
    order = (-1, 1) if shape.part <= 0 else (1, -1)
    outlines = []
    for sign in order:
        outlines.append(sheet_outline(sheets[sign], shape, rng))
        ink.comb(sheets[sign], rng, lines=round(6 + 2.5 * abs(sign * 1.1 - shape.part)), sleek=shape.sleek)
    if not shape.parted:
        outlines.append(_crown(face, shape))
    outlines += [lock for sign in order for lock in _locks(sheets[sign], shape, rng)]
    drawing.shapes(outlines, fill)
    if shape.has("ridges"):
        _ridges(ink, sheets)
    ink.paint(drawing, palette)
    if not shape.texture.bump:
        edges = [Path().through(sheets[sign].strand(0.0, 0.12, 1.0)) for sign in order]
        drawing.lines(edges, palette.hair_edge, 0.8, stroke_opacity=0.5)
    if shape.tier:
        _draw_tier(drawing, face, shape, palette, rng)
    if shape.top == "back":
        draw_combed_back(drawing, face, shape, palette, rng)
    elif shape.parted and shape.fringe not in ("full", "micro", "choppy"):
        draw_parting(drawing, face, shape, palette)


def _draw_tier(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """A second, shorter tier over the first, with the dark line of its edge on the hair below."""
    upper = replace(shape, **{"flicks": 0, "pieces": 0, **shape.tier, "tier": {}, "parted": False})
    sheets = fall_sheets(face, upper)
    below = fall_sheets(face, shape)
    edges = []
    for sign in (-1, 1):
        edge = sheets[sign].tip_edge()
        level = sum(p.imag for p in edge) / len(edge)
        low, high = sorted(abs(min(below[sign].strand(t), key=lambda p: abs(p.imag - level)).real - face.cx) for t in (0.0, 1.0))
        inside = [p + 1.5j for p in edge if low + 2 < abs(p.real - face.cx) < high - 2]
        if len(inside) > 2:
            edges.append(Path().through([inside[0], inside[len(inside) // 2], inside[-1]]))
    drawing.lines(edges, palette.hair_edge, 5.0, stroke_opacity=0.6)
    draw_fall(drawing, face, upper, palette, rng, name="tr")


def _ridges(ink: Ink, sheets: dict[int, Sheet]) -> None:
    """Finger waves: S-shaped ridges across the fall of the hair, dark beside light."""
    for sheet in sheets.values():
        rows = max(3, round(sheet.length / 24))
        for row in range(rows):
            s = 0.16 + 0.8 * row / rows
            line = [sheet.point(0.04 + 0.92 * i / 4, s + (0.02 if i % 2 else -0.02)) for i in range(5)]
            ink.lines.append(Path().through(line))
            ink.glints.append(Path().through([p - 2.6j for p in line]))


def _crown(face: Face, shape: Shape) -> Path:
    """Closes the gap between the two sheets where there is no parting."""
    return (
        Path()
        .through([dome(face, shape, a) for a in (-34, -17, 0, 17, 34)])
        .line(face.pt(0.4, -0.68), face.pt(-0.4, -0.68))
        .close()
    )


def _locks(sheet: Sheet, shape: Shape, rng: Jitter) -> list[Path]:
    """Layers that leave the outline, and face-framing pieces that curve in over the cheek."""
    out = []
    for i in range(shape.flicks):
        stop = shape.flick_from + (0.97 - shape.flick_from) * (i + 0.5) / max(shape.flicks, 1) + 0.02 * rng.signed()
        out.append(flick(sheet, rng, stop - 0.28, stop, shape.flick * (0.9 + 0.25 * rng.signed()), curl=shape.flick_curl))
    for i in range(shape.pieces):
        stop = shape.piece_from + 0.15 * i + 0.02 * rng.signed()
        out.append(flick(sheet, rng, stop - 0.26, stop, shape.piece, t=0.12, width=9.0))
    return out


def draw_parting(drawing: Drawing, face: Face, shape: Shape, palette: Palette) -> None:
    top = dome(face, replace(shape, lift=shape.lift - 0.06), 0).imag
    start = complex(face.pt(shape.part * 0.92, 0).real, top + 0.06 * face.up)
    path = Path().through([start, face.pt(shape.part, -0.84), face.pt(shape.part, -0.71)])
    drawing.lines([path], palette.scalp, 1.5)


def draw_back_swept(
    drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter, *, focus: complex | None = None
) -> Path:
    """Everything combed from the hairline up and back over the dome; ``focus`` pulls the strands to a tie."""
    low = 88.0
    outline = Path().through([dome(face, shape, a) for a in (-low, -66, -44, -22, 0, 22, 44, 66, low)])
    edge = [hairline(face, 1 - i / 8) for i in range(17)]
    outline.through([outline.here, *edge]).close()
    fill = drawing.vertical(
        "tg", face.y(-1.15), face.y(-0.1), (0, palette.hair, 1), (0.45, palette.hair_light, 1), (1, palette.hair_shade, 1)
    )
    drawing.path(outline, fill)
    ink = Ink()
    ink.comb(swept_sheet(face, shape, focus), rng, lines=17, s0=0.0, s1=0.93, band=0.3, sleek=shape.sleek)
    ink.paint(drawing, palette)
    return outline


def draw_combed_back(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """The upper half of hair combed from the forehead over the crown, between the temples."""
    low = 58.0
    outline = Path().through([dome(face, shape, a) for a in (-low, -29, 0, 29, low)])
    temple = [face.pt(1.0, -0.42), face.pt(0.84, -0.34)]
    outline.through([outline.here, *temple])
    outline.through([temple[-1], *[hairline(face, 0.52 - 0.52 * i / 5) for i in range(11)], *mirror(temple[::-1], face.cx)])
    outline.through([outline.here, dome(face, shape, -low)]).close()
    stops = ((0, palette.hair, 1), (0.5, palette.hair_light, 1), (1, palette.hair, 1))
    drawing.path(outline, drawing.vertical("hu", face.y(-1.15), face.y(-0.35), *stops))
    focus = dome(face, shape, 0, grow=-0.05)
    rails = []
    for i in range(-4, 5):
        t = i / 4
        root = hairline(face, 0.56 * t)
        rails.append(
            [
                root,
                lerp(root, focus, 0.5) + complex(0.16 * t * face.w, -0.04 * face.up),
                lerp(dome(face, shape, 50 * t), focus, 0.75),
            ]
        )
    ink = Ink()
    ink.comb(
        Sheet(rails, replace(shape.texture, amplitude=0.0, bump=0.0)), rng, lines=13, s0=0.0, s1=0.92, band=0.3, sleek=shape.sleek
    )
    ink.paint(drawing, palette)


def swept_sheet(face: Face, shape: Shape, focus: complex | None = None) -> Sheet:
    rails = []
    for i in range(-4, 5):
        t = i / 4
        root = hairline(face, 0.86 * t)
        tip = dome(face, shape, 80 * t, grow=-0.04)
        if focus is not None:
            tip = lerp(tip, focus, 0.72)
        bulge = lerp(root, tip, 0.5) + complex(0.10 * t * face.w, -0.05 * face.up * (1 - abs(t)))
        rails.append([root, bulge, tip])
    return Sheet(rails, replace(shape.texture, kind="straight", amplitude=0.0, bump=0.0))
