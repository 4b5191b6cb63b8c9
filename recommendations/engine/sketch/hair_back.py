"""The hair behind the face and neck, in shadow."""

from __future__ import annotations

from .drawing import Drawing
from .face import Face
from .geometry import Path, mirror
from .jitter import Jitter
from .palette import Palette
from .rails import end_of
from .shape import Shape
from .sheet import Sheet, comb
from .strands import Ink


def draw_back(drawing: Drawing, face: Face, shape: Shape, palette: Palette, sheets: dict[int, Sheet], rng: Jitter) -> None:
    """A closed mass from the left outline over the crown to the right outline, ending across the nape or back."""
    end = shape.end if shape.back is None else shape.back
    if end < 0.5 and shape.back is None:
        return
    path = Path()
    shrink = 0.985
    cx = face.cx
    right = [complex(cx + (p.real - cx) * shrink, p.imag) for p in sheets[1].strand(1.0, 0.24, 0.97)]
    left = [complex(cx + (p.real - cx) * shrink, p.imag) for p in sheets[-1].strand(1.0, 0.24, 0.97)]
    limit_r, limit_l = face.y(end_of(shape, 1, end)), face.y(end_of(shape, -1, end))
    right = [p for p in right if p.imag < limit_r - 4]
    left = [p for p in left if p.imag < limit_l - 4]
    path.move(face.pt(0, -0.8)).through(right)
    u = shape.back_u if shape.back_u is not None else None
    last_r = complex(right[-1].real, limit_r) if u is None else face.pt(u, end_of(shape, 1, end))
    last_l = complex(left[-1].real, limit_l) if u is None else face.pt(-u, end_of(shape, -1, end))
    path.quad(complex(path.here.real, (path.here.imag + last_r.imag) / 2), last_r)
    edge = [last_r + (last_l - last_r) * i / 8 for i in range(9)]
    if shape.texture.bump:
        path.scallops(edge, shape.texture.bump, -0.5, rng.signed)
    else:
        comb(path, edge, max(4, shape.tips + 3), shape.tip_depth, rng)
    path.quad(complex(left[-1].real, (left[-1].imag + last_l.imag) / 2), left[-1])
    path.through(left[::-1]).close()
    fill = drawing.vertical(
        "bk",
        face.y(-0.2),
        face.y(max(end, 0.6)),
        (0, palette.hair_edge, 1),
        (0.55, palette.hair_deep, 1),
        (1, palette.hair_shade, 1),
    )
    drawing.path(path, fill)


def draw_nape(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """Hair that hangs behind the ears and neck under short sides: the tail of a mullet, the nape of a pixie."""
    end = shape.number("nape", 0.0)
    if not end:
        return
    wide, top = shape.number("nape_u", 0.8), shape.number("nape_top_u", 0.9)
    turn = shape.number("nape_flip", 0.0)
    right = [face.pt(top, 0.0), face.pt(top + 0.02, 0.45), face.pt((top + wide) / 2, (0.45 + end) / 2), face.pt(wide + turn, end)]
    sheet = Sheet([mirror(right, face.cx), right], shape.texture)
    path = Path()
    sheet.edge(path, 1, rng)
    edge = sheet.tip_edge()
    if shape.texture.bump:
        path.scallops(edge, shape.texture.bump, -sheet.outward * 0.5, rng.signed)
    else:
        comb(path, edge, round(shape.number("nape_tips", 7)), shape.number("nape_depth", 7.0), rng)
    sheet.edge(path, 0, rng, back=True)
    fill = drawing.vertical(
        "np", face.y(0.2), face.y(end), (0, palette.hair_edge, 1), (0.6, palette.hair_deep, 1), (1, palette.hair, 1)
    )
    drawing.path(path.close(), fill)
    ink = Ink()
    ink.comb(sheet, rng, lines=8, s0=0.4, s1=0.98, band=0.6)
    drawing.lines(ink.lines + ink.coils, palette.hair_edge, 0.7, stroke_opacity=0.6)
