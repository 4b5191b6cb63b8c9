"""The round cloud of coily hair worn out: behind the head, and in front from the hairline outwards."""

from __future__ import annotations

import math

from .drawing import Drawing
from .face import Face
from .geometry import Path, mirror
from .jitter import Jitter
from .palette import Palette
from .rails import HAIRLINE_CURVE
from .shape import Shape
from .strands import Ink

#: Step of the outline's bumps (pixels) where the texture has none of its own.
_BUMP = 9.0


def _ring(face: Face, shape: Shape, angle: float, k: float = 1.0) -> complex:
    """Point of the cloud at ``angle`` (radians from straight up, + = image right), ``k`` = fraction of the radius."""
    radius = shape.number("radius", 1.5) * face.w * k
    tall = shape.number("tall", 1.0) if abs(angle) < math.pi / 2 else shape.number("hang", 1.0)
    return face.pt(0, shape.number("centre", -0.32)) + complex(math.sin(angle) * radius, -math.cos(angle) * radius * tall)


def draw_halo_back(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    ring = [_ring(face, shape, math.pi * (i / 20 - 1)) for i in range(41)]  # starts and ends behind the neck
    path = Path().scallops(ring, shape.texture.bump or _BUMP, -shape.texture.swell, rng.signed).close()
    fill = drawing.vertical("bk", face.y(-0.8), face.y(0.7), (0, palette.hair, 1), (1, palette.hair_edge, 1))
    drawing.path(path, fill)


def draw_halo_front(drawing: Drawing, face: Face, shape: Shape, palette: Palette, rng: Jitter) -> None:
    texture = shape.texture
    bump = texture.bump or _BUMP
    stop = math.radians(shape.number("stop", 118))
    edge = [face.pt(u * 0.99, v) for u, v in HAIRLINE_CURVE]
    ring = [_ring(face, shape, stop * (1 - i / 16), 0.985) for i in range(33)]
    path = Path().scallops(ring, bump, texture.swell, rng.signed)
    path.scallops([ring[-1], face.pt(-1.02, 0.24), *mirror(edge[::-1], face.cx)], bump, -0.3, rng.signed)
    path.scallops([*edge, face.pt(1.02, 0.24), ring[0]], bump * 0.85, -0.35, rng.signed)
    fill = drawing.vertical(
        "tg", face.y(-1.5), face.y(0.4), (0, palette.hair_light, 1), (0.35, palette.hair, 1), (1, palette.hair_shade, 1)
    )
    drawing.path(path.close(), fill)
    ink = Ink()
    rings = 6
    for row in range(rings):
        k = 0.66 + 0.3 * (row + 0.5) / rings
        count = round(15 + 9 * k)
        for i in range(count):
            angle = stop * 0.95 * (2 * (i + 0.5 + 0.35 * rng.signed()) / count - 1)
            spot = _ring(face, shape, angle, k + 0.02 * rng.signed())
            u, v = (spot.real - face.cx) / face.w, face.v(spot.imag)
            if abs(u) < 0.98 and v > -0.74 + 0.3 * max(abs(u) - 0.5, 0):
                continue
            ink.coil(spot, rng, 0.9)
    ink.paint(drawing, palette)
