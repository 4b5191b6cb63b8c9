"""Hair worn in ropes: box braids, twists, locs. Each rope is one thick line with a darker edge and a dashed weave on top."""

from __future__ import annotations

from .drawing import Drawing
from .face import Face
from .geometry import Path, lerp
from .jitter import Jitter
from .palette import Palette
from .rails import dome
from .shape import Shape
from .sheet import Sheet

_LOOK = {"braid": (4.6, "2 1.9"), "twist": (5.6, "1 3.4"), "loc": (7.6, "2.5 4")}


def _thin(points: list[complex], count: int = 7) -> list[complex]:
    return points if len(points) <= count else [points[round(i * (len(points) - 1) / (count - 1))] for i in range(count)]


def paint_ropes(
    drawing: Drawing, palette: Palette, ropes: list[list[complex]], shape: Shape, name: str, *, dark: bool = False
) -> None:
    width, dashes = _LOOK[shape.rope or "braid"]
    width *= shape.number("rope_width", 1.0)
    whole = Path()
    for rope in ropes:
        whole.ops.extend(Path().through(_thin(rope)).ops)
    key = drawing.define_path(name, whole)
    drawing.use(key, stroke=palette.hair_edge, stroke_width=width + 1.6)
    drawing.use(key, stroke=palette.hair_deep if dark else palette.hair, stroke_width=width)
    drawing.use(
        key,
        stroke=palette.hair_shade if dark else palette.hair_light,
        stroke_width=width * 0.55,
        stroke_dasharray=dashes,
        stroke_linecap="butt",
    )


def draw_ropes_back(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    if shape.end < 0.6:
        return
    ropes = []
    for sign in (-1, 1):
        for i in range(4):
            u = sign * (0.16 + 0.27 * i)
            bottom = shape.end - 0.12 * rng.next()
            ropes.append([face.pt(u, 0.2), face.pt(u * 1.05, 0.9), face.pt(u * 1.08 + 0.03 * rng.signed(), bottom)])
    paint_ropes(drawing, palette, ropes, shape, "rb", dark=True)


def draw_ropes_front(drawing: Drawing, face: Face, shape: Shape, palette: Palette, sheets: dict[int, Sheet], rng: Jitter) -> None:
    cap = Path().through([dome(face, shape, a) for a in (-80, -55, -28, 0, 28, 55, 80)])
    cap.through(
        [cap.here, face.pt(0.9, -0.34), face.pt(0.6, -0.64), face.pt(0, -0.7), face.pt(-0.6, -0.64), face.pt(-0.9, -0.34)]
    )
    drawing.path(cap.close(), palette.hair_deep)
    ropes = []
    count = shape.ropes
    for sign in (-1, 1):
        sheet = sheets[sign]
        for i in range(count):
            t = (i + 0.35) / count
            stop = 1 - shape.number("ragged", 0.1) * rng.next()
            points = sheet.strand(t, 0.0, stop)
            points[-1] = points[-1] + complex(rng.between(-2, 2), rng.between(0, 5))
            ropes.append(points)
    paint_ropes(drawing, palette, ropes, shape, "rf")


def draw_short_ropes(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    """Short twists or locs that stand off the head in all directions and tumble over the brow."""
    ropes = []
    for ring, (reach, count) in enumerate(((0.5, 9), (0.78, 13), (1.0, 15))):
        for i in range(count):
            angle = 92 * (2 * (i + 0.5) / count - 1) + 5 * rng.signed()
            tip = dome(face, shape, angle, grow=0.14)
            centre = face.pt(0, -0.5)
            root = lerp(centre, tip, reach * 0.66)
            end = lerp(centre, tip, reach + 0.08 * rng.signed())
            if abs(root.real - face.cx) < 0.86 * face.w and face.v(root.imag) > -0.72:
                root = complex(root.real, face.y(-0.74))
            ropes.append(
                [root, lerp(root, end, 0.5) + complex(rng.signed() * 2, -1.5), end + complex(2.5 * rng.signed(), 3.0 * ring / 2)]
            )
    cap = Path().through([dome(face, shape, a, grow=-0.06) for a in (-86, -55, -28, 0, 28, 55, 86)])
    cap.through(
        [
            cap.here,
            face.pt(0.92, -0.2),
            face.pt(0.84, -0.45),
            face.pt(0.6, -0.66),
            face.pt(0, -0.7),
            face.pt(-0.6, -0.66),
            face.pt(-0.84, -0.45),
            face.pt(-0.92, -0.2),
        ]
    )
    drawing.path(cap.close(), palette.hair_edge)
    paint_ropes(drawing, palette, ropes, shape, "rf")
