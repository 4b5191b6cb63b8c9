"""The lines hair follows over the head, in canvas points: the dome of the mass, the hairline, the outer and the face-framing edge."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

from .face import HAIRLINE, Face
from .geometry import Point, clamp, mirror, smoothstep
from .shape import Shape

#: Natural hairline from the middle of the forehead to the sideburn (u, v).
HAIRLINE_CURVE = (
    (0.0, HAIRLINE),
    (0.3, -0.64),
    (0.54, -0.615),
    (0.72, -0.52),
    (0.81, -0.37),
    (0.86, -0.2),
    (0.91, -0.04),
    (0.93, 0.08),
)


def dome(face: Face, shape: Shape, angle: float, *, grow: float = 0.0) -> Point:
    """Outline of the mass over the skull; ``angle`` in degrees from straight up, + = image right, up to +-90."""
    radians = math.radians(angle)
    sine, cosine = math.sin(radians), math.cos(radians)
    u = (1.05 + shape.side + grow) * math.copysign(abs(sine) ** shape.boxy, sine)
    v = -0.18 - (0.82 + shape.lift + grow) * max(cosine, 0.0) ** shape.boxy - shape.tilt * sine * max(cosine, 0.0) * 1.6
    return face.pt(u, v)


def dome_angle(shape: Shape, u: float) -> float:
    """Angle at which the dome is ``u`` half face widths from the middle."""
    ratio = min(abs(u) / (1.05 + shape.side), 1.0) ** (1 / shape.boxy)
    return math.copysign(math.degrees(math.asin(ratio)), u)


def hairline(face: Face, t: float) -> Point:
    """``t`` -1 (image left sideburn) .. 0 (middle) .. 1."""
    x = clamp(abs(t)) * (len(HAIRLINE_CURVE) - 1)
    i = min(int(x), len(HAIRLINE_CURVE) - 2)
    (u0, v0), (u1, v1) = HAIRLINE_CURVE[i], HAIRLINE_CURVE[i + 1]
    k = x - i
    return face.pt(math.copysign(u0 + (u1 - u0) * k, t) if t else 0.0, v0 + (v1 - v0) * k)


#: Height (v) at which the top of a short cut ends and the sides begin.
_CUT: Final = {"high_fade": -0.56, "mid_fade": -0.4, "low_fade": -0.26, "undercut": -0.34, "shaved": -0.36, "two_block": -0.14}


def cut_height(shape: Shape) -> float:
    return shape.number("cut", _CUT.get(shape.sides, -0.3))


def dome_angle_at(shape: Shape, v: float) -> float:
    """Angle at which the dome is at height v <= -0.18 (90 below that)."""
    return math.degrees(math.acos(clamp((-0.18 - v) / (0.82 + shape.lift)) ** (1 / shape.boxy)))


def hairline_at(face: Face, v: float) -> Point:
    """Point of the image-right hairline at height v."""
    for (u0, v0), (u1, v1) in pairwise(HAIRLINE_CURVE):
        if v0 <= v <= v1 and v1 > v0:
            return face.pt(u0 + (u1 - u0) * (v - v0) / (v1 - v0), v)
    return face.pt(*HAIRLINE_CURVE[-1])


def hairline_between(face: Face, v: float) -> list[Point]:
    """The hairline from height v on the image right over the forehead to the same height on the left."""
    right = [face.pt(u, w) for u, w in HAIRLINE_CURVE[::-1] if w < v - 0.03]
    first = hairline_at(face, v)
    return [first, *right, *mirror(right[-2::-1], face.cx), complex(2 * face.cx - first.real, first.imag)]


def end_of(shape: Shape, sign: int, value: float) -> float:
    """A side's end, with the slope of an asymmetric cut."""
    return value + 0.5 * shape.slope * sign


def outer_rail(face: Face, shape: Shape, sign: int) -> list[Point]:
    """From the parting over the dome down the outside to the tip."""
    start = dome_angle(shape, shape.part) * sign
    first = dome(face, shape, start * sign)
    points = [first + 1j * (0.045 * face.up if shape.parted else 0.0)]
    count = max(3, round((88 - start) / 20))
    points += [dome(face, shape, (start + (86 - start) * (i + 0.85) / (count + 0.5)) * sign) for i in range(count)]
    end = end_of(shape, sign, shape.end)
    side_u = 1.05 + shape.side
    for v in (0.05, 0.42, 0.95, 1.35, 1.8, 2.3, 2.8):
        if v > end - 0.2:
            break
        points.append(face.pt(sign * _outline_u(shape, v, end, side_u), v))
    points.append(face.pt(sign * (_outline_u(shape, end, end, side_u) + (0.2 if shape.flip > 0 else 0.26) * shape.flip), end))
    if shape.flip > 0:
        points.insert(-1, face.pt(sign * _outline_u(shape, end - 0.16, end, side_u), end - 0.16))
    elif shape.flip < 0:  # a bow outwards before the tips turn in
        for back, bow in ((0.34, -0.05), (0.15, -0.1)):
            points.insert(-1, face.pt(sign * (_outline_u(shape, end - back, end, side_u) + bow * shape.flip), end - back))
    return points


def _outline_u(shape: Shape, v: float, end: float, side_u: float) -> float:
    if v <= 0.42:
        return side_u + (shape.cheek - side_u) * smoothstep(-0.3, 0.42, v)
    if end <= 1.05:
        return shape.cheek + (shape.end_u - shape.cheek) * smoothstep(0.35, end, v)
    if v <= 0.95:
        return shape.cheek + (shape.jaw - shape.cheek) * smoothstep(0.42, 0.95, v)
    return shape.jaw + (shape.end_u - shape.jaw) * smoothstep(0.95, max(end, 1.3), v)


def inner_rail(face: Face, shape: Shape, sign: int) -> list[Point]:
    """From the parting at the hairline along the forehead and cheek to the tip: the edge that frames the face."""
    end = end_of(shape, sign, shape.front)
    part = shape.part
    reach = 0.9 + shape.open
    tucked = shape.tuck in ("both", "right" if sign > 0 else "left")
    points = [face.pt(part, HAIRLINE - 0.03)]
    for k, v in ((0.3, -0.61), (0.62, -0.49), (0.86, -0.28)):
        points.append(face.pt(part + (sign * reach - part) * k, v))
    if tucked:
        points += [face.pt(sign * 1.01, -0.12), face.pt(sign * 1.09, 0.02), face.pt(sign * 1.12, 0.28)]
        low = [(1.02, 0.55), (0.98, 0.95)]
    else:
        points.append(face.pt(sign * (face.edge(0.02) * 0.955 + shape.open), 0.02))
        low = [(face.edge(0.45) * 0.95 + shape.open, 0.42), (max(face.edge(0.9), 0.72) + shape.open, 0.9)]
    points += [face.pt(sign * u, v) for u, v in low if v < end - 0.14]
    for v in (1.4, 1.9, 2.5):
        if v < end - 0.25:
            points.append(face.pt(sign * (0.8 + (shape.front_u - 0.8) * smoothstep(0.9, 2.2, v) + 0.3 * shape.open), v))
    turn = 0.14 * shape.flip
    points.append(face.pt(sign * (shape.front_u + (0.5 * shape.open if end < 1.3 else 0) + turn), end))
    return points
