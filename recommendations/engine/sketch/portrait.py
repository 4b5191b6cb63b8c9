"""The person: backdrop, shoulders, neck, ears, head and a calm face, in few strokes."""

from __future__ import annotations

from .drawing import Attribute, Drawing
from .face import HEIGHT, WIDTH, Box, Face
from .geometry import Path, merge, mirror, resample, spline
from .palette import Palette


def draw_backdrop(drawing: Drawing, palette: Palette) -> None:
    """The sketch brings its own paper: dark hair keeps its edge on a dark page, light hair on a light one."""
    fill = drawing.vertical("bg", 0, HEIGHT, (0, palette.backdrop, 1), (1, palette.backdrop_deep, 1))
    drawing.element("rect", width=WIDTH, height=HEIGHT, fill=fill, class_="sketch-backdrop")


def draw_body(drawing: Drawing, face: Face, palette: Palette, *, broad: float) -> None:
    """Neck, shoulders and a plain top. ``broad`` is 0 (slender) .. 1 (sturdy)."""
    neck = 0.53 + 0.1 * broad
    reach = 2.2 + 0.3 * broad
    right = [
        face.pt(neck, 0.55),
        face.pt(neck - 0.01, 1.0),
        face.pt(neck + 0.0, 1.158),
        face.pt(neck + 0.09, 1.288),
        face.pt(neck + 0.32, 1.389),
        face.pt(1.35 + 0.1 * broad, 1.497),
        face.pt(reach - 0.42, 1.66),
        face.pt(reach - 0.1, 1.93),
        face.pt(reach + 0.1, 2.56),
        face.pt(reach + 0.24, 4.2),
    ]
    skin = [*right[:5], face.pt(1.3, 1.5), face.pt(1.2, 2.3)]  # the top covers the rest
    body = Path().through(skin).through(mirror(skin[::-1], face.cx)).close()
    drawing.path(body, palette.skin)
    shadow = Path().through(
        [
            face.pt(-neck, 0.7),
            face.pt(-neck + 0.015, 1.014),
            face.pt(-neck * 0.45, 1.144),
            face.pt(neck * 0.3, 1.144),
            face.pt(neck - 0.015, 1.036),
            face.pt(neck, 0.7),
        ]
    )
    drawing.path(shadow.close(), palette.skin_shade)
    collar = ((0.16, 1.52), (0.34, 1.475), (0.75, 1.461), (1.05, 1.432))
    bones = [Path().through([face.pt(sign * u, v) for u, v in collar]) for sign in (-1, 1)]
    drawing.lines(bones, palette.skin_shade, 1.2)
    rim = [face.pt(1.0 + 0.1 * broad, 1.45), face.pt(0.86, 1.61), face.pt(0.5, 1.79), face.pt(0.0, 1.87)]
    shoulder = [rim[0], *right[5:]]
    cloth = Path().through(shoulder).line(*mirror(shoulder[-1:], face.cx)).through(mirror(shoulder[::-1], face.cx))
    neckline = [*mirror(rim, face.cx), *rim[::-1][1:]]
    cloth.through(neckline).close()
    drawing.path(cloth, palette.cloth)
    drawing.lines([Path().through(neckline)], palette.cloth_shade, 1.4)
    folds = [
        Path().through(
            [face.pt(sign * (reach - 0.55), 2.11), face.pt(sign * (reach - 0.62), 2.56), face.pt(sign * (reach - 0.55), 3.21)]
        )
        for sign in (-1, 1)
    ]
    drawing.lines(folds, palette.cloth_shade, 1.2)


def head_path(face: Face) -> Path:
    """Skull and jaw as one closed outline."""
    right = [face.pt(face.skull(v), v) for v in (-0.96, -0.8, -0.55, -0.25)]
    jaw = [complex(face.cx + p.real, face.eye_y + p.imag) for p in face.half if p.imag > 0.08 * face.down]
    right += [*jaw[:-4:2], *jaw[-4:]] if len(jaw) > 8 else jaw
    left = mirror(right[::-1], face.cx)
    points = [face.pt(0, -1.0), *right, *left[1:], face.pt(0, -1.0)]
    return Path().through(points).close()


def draw_ears(drawing: Drawing, face: Face, palette: Palette) -> None:
    shapes, inner = [], []
    for sign in (-1, 1):
        rim = [(0.97, 0.02), (1.07, -0.06), (1.145, 0.0), (1.13, 0.17), (1.07, 0.33), (1.0, 0.42), (0.95, 0.36)]
        shapes.append(Path().through([face.pt(sign * u, v) for u, v in rim]).close())
        fold = [(1.03, 0.04), (1.095, 0.03), (1.085, 0.15), (1.04, 0.25)]
        inner.append(Path().through([face.pt(sign * u, v) for u, v in fold]))
    drawing.shapes(shapes, palette.skin, stroke=palette.skin_line, stroke_width=0.8, stroke_opacity=0.45)
    drawing.lines(inner, palette.skin_line, 0.9, stroke_opacity=0.5)


def draw_head(drawing: Drawing, face: Face, palette: Palette) -> None:
    drawing.path(head_path(face), palette.skin, stroke=palette.skin_line, stroke_width=0.9, stroke_opacity=0.5)


def draw_features(drawing: Drawing, face: Face, palette: Palette, *, soft: float) -> None:
    """Brows, eyes, nose, lips. ``soft`` 0..1: how much lash, lip colour and brow arch the presentation carries."""
    blush = drawing.radial("bl", (0, palette.blush, 0.5), (1, palette.blush, 0.0))
    for sign in (-1, 1):
        spot = face.pt(sign * 0.62, 0.42)
        drawing.element(
            "ellipse",
            cx=round(spot.real, 1),
            cy=round(spot.imag, 1),
            rx=round(face.w * 0.3, 1),
            ry=round(face.w * 0.2, 1),
            fill=blush,
        )
    _draw_nose(drawing, face, palette)
    _draw_eyes(drawing, face, palette, soft)
    _draw_brows(drawing, face, palette, soft)
    _draw_lips(drawing, face, palette, soft)


def _draw_brows(drawing: Drawing, face: Face, palette: Palette, soft: float) -> None:
    shapes = []
    for brow in face.brows:
        dense = resample(spline(brow, 4), 5)
        thick = face.w * (0.098 - 0.026 * soft)
        last = len(dense) - 1
        upper, lower = [], []
        for i, p in enumerate(dense):
            s = i / last
            half = thick / 2 * (0.72 + 0.5 * s if s < 0.5 else 1.94 * (1 - s) + 0.06)
            upper.append(p - 1j * half)
            lower.append(p + 1j * half)
        shapes.append(Path().through(upper).through(lower[::-1]).close())
    drawing.shapes(shapes, palette.brow, opacity=0.86)


def _almond(box: Box, sign: int) -> tuple[list[complex], list[complex]]:
    """Upper and lower lid from the inner to the outer corner; ``sign`` -1 is the eye at the image left."""
    inner = complex(box.right if sign < 0 else box.left, box.centre.imag + 0.12 * (box.bottom - box.top))
    reach = sign * box.width
    open_ = max(box.bottom - box.top, 0.26 * box.width) * 0.98
    upper = [
        inner,
        inner + reach * 0.24 - 1j * open_ * 0.56,
        inner + reach * 0.55 - 1j * open_ * 0.76,
        inner + reach * 0.84 - 1j * open_ * 0.48,
        inner + reach * 1.02 - 1j * open_ * 0.14,
    ]
    lower = [inner, inner + reach * 0.3 + 1j * open_ * 0.22, inner + reach * 0.66 + 1j * open_ * 0.28, upper[-1]]
    return upper, lower


def _draw_eyes(drawing: Drawing, face: Face, palette: Palette, soft: float) -> None:
    almonds, lids, creases, lashes = [], [], [], []
    irises = []
    for sign, box in zip((-1, 1), face.eyes, strict=True):
        upper, lower = _almond(box, sign)
        almonds.append(Path().through(upper).through(lower[::-1]).close())
        size = box.width
        thick = size * (0.1 + 0.035 * soft)
        outer = upper[-1] + sign * size * (0.03 + 0.07 * soft) - 1j * size * (0.02 + 0.06 * soft)
        ridge = [p - 1j * thick * k for p, k in zip(upper, (0.15, 0.55, 0.8, 1.0, 1.0), strict=True)]
        lids.append(Path().through([upper[0], *ridge[1:4], outer]).through([outer, *upper[3:0:-1], upper[0]]).close())
        crease = [p - 1j * size * k for p, k in zip(upper[1:], (0.15, 0.17, 0.18, 0.17), strict=True)]
        creases.append(Path().through(crease))
        lashes.append(Path().through([lower[1] + 0.4j, lower[2] + 0.4j, outer + 1j * size * 0.06]))
        middle = upper[2].real * 0.94 + upper[0].real * 0.06
        irises.append((complex(middle, (upper[2].imag + lower[2].imag) / 2 - 0.03 * size), size * 0.215))
    whites = merge(almonds)
    drawing.path(whites, palette.eye_white)
    key = drawing.clip("ey", whites)
    size = sum(r for _, r in irises) / 2
    dots(drawing, [centre for centre, _ in irises], palette.iris, size * 2, clip_path=key)
    dots(drawing, [centre for centre, _ in irises], palette.lash, size)
    dots(drawing, [centre + complex(0.38, -0.34) * size for centre, _ in irises], "#fff", size * 0.55)
    drawing.shapes(lids, palette.lash)
    drawing.lines(creases, palette.skin_line, 0.8, stroke_opacity=0.6)
    drawing.lines(lashes, palette.skin_line, 0.6, stroke_opacity=0.4)


def dots(drawing: Drawing, centres: list[complex], colour: str, width: float, **attributes: Attribute) -> None:
    """Discs as round-capped strokes of no length: a third of the bytes of circles."""
    path = Path()
    for centre in centres:
        path.move(centre).line(centre)
    drawing.lines([path], colour, width, **attributes)


def _draw_nose(drawing: Drawing, face: Face, palette: Palette) -> None:
    box = face.nose
    half = min(box.width / 2, face.w * 0.34) * 0.86
    x, base, tall = face.cx, box.bottom, box.bottom - box.top
    tip = Path().move(complex(x - half * 0.5, base - tall * 0.02))
    tip.cubic(
        complex(x - half * 0.2, base + tall * 0.035),
        complex(x + half * 0.2, base + tall * 0.035),
        complex(x + half * 0.5, base - tall * 0.02),
    )
    wings = [
        Path()
        .move(complex(x + s * half * 0.86, base - tall * 0.17))
        .cubic(
            complex(x + s * half * 1.1, base - tall * 0.1),
            complex(x + s * half * 0.98, base - tall * 0.01),
            complex(x + s * half * 0.72, base - tall * 0.035),
        )
        for s in (-1, 1)
    ]
    bridge = (
        Path()
        .move(complex(x + half * 0.42, box.top + tall * 0.3))
        .cubic(
            complex(x + half * 0.3, box.top + tall * 0.45),
            complex(x + half * 0.36, base - tall * 0.32),
            complex(x + half * 0.5, base - tall * 0.22),
        )
    )
    drawing.lines([bridge], palette.skin_shade, 1.3)
    drawing.lines([tip, *wings], palette.skin_line, 0.9, stroke_opacity=0.62)


def _draw_lips(drawing: Drawing, face: Face, palette: Palette, soft: float) -> None:
    box = face.lips
    half, y = box.width / 2 * 0.84, face.mouth_y
    up = (y - box.top) * 0.82
    down = (box.bottom - y) * (0.78 + 0.06 * soft)
    x = face.cx

    def at(u: float, dy: float) -> complex:
        return complex(x + u * half, y + dy)

    corner_l, corner_r = at(-1, -0.6), at(1, -0.6)
    line = [corner_l, at(-0.42, 0.1), at(0, 0.5), at(0.42, 0.1), corner_r]
    upper = Path().move(corner_l).cubic(at(-0.7, -up * 0.45), at(-0.42, -up * 0.98), at(-0.2, -up))
    upper.cubic(at(-0.1, -up), at(-0.06, -up * 0.72), at(0, -up * 0.72)).cubic(at(0.06, -up * 0.72), at(0.1, -up), at(0.2, -up))
    upper.cubic(at(0.42, -up * 0.98), at(0.7, -up * 0.45), corner_r).through(line[::-1]).close()
    lower = (
        Path()
        .through(line)
        .cubic(at(0.72, down * 0.62), at(0.42, down), at(0, down))
        .cubic(at(-0.42, down), at(-0.72, down * 0.62), corner_l)
        .close()
    )
    drawing.path(upper, palette.lip, opacity=0.95)
    drawing.path(lower, palette.lip, opacity=0.78)
    drawing.lines([Path().through(line)], palette.lip_deep, 1.0)
