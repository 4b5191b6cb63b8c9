"""A sheet of hair: rails from root to tip and everything between them. Strands, locks and outlines are read off it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from .geometry import Path, Point, Points, at, clamp, lerp, polyline_length, resample, spline, tangent, unit
from .jitter import Jitter
from .texture import Texture

_DENSE = 33


class Sheet:
    """Rails run from root (s = 0) to tip (s = 1); ``t`` runs across from the first rail (0) to the last (1).

    ``outward`` is +1 where the last rail lies to the right of the first when looking along the strands on the canvas.
    """

    def __init__(self, rails: Sequence[Points], texture: Texture, *, phase: float = 0.0) -> None:
        self.rails = [resample(spline(rail), _DENSE) for rail in rails]
        self.texture = texture
        self.phase = phase
        self.length = sum(polyline_length(rail) for rail in self.rails) / len(self.rails)
        middle = at(self.rails[0], 0.7), at(self.rails[-1], 0.7)
        across = unit(middle[1] - middle[0])
        along = tangent(self.rails[0], 0.7)
        self.outward = 1 if (along.conjugate() * across).imag < 0 else -1

    def raw(self, t: float, s: float) -> Point:
        x = clamp(t) * (len(self.rails) - 1)
        i = min(int(x), len(self.rails) - 2)
        return lerp(at(self.rails[i], s), at(self.rails[i + 1], s), x - i)

    def point(self, t: float, s: float) -> Point:
        p = self.raw(t, s)
        if not self.texture.amplitude:
            return p
        step = 0.03
        normal = unit(self.raw(t, clamp(s + step)) - self.raw(t, clamp(s - step))) * 1j
        return p + normal * self.texture.offset(s, self.length, self.phase + 1.6 * t)

    def strand(self, t: float, s0: float = 0.0, s1: float = 1.0, *, drift: float = 0.0) -> list[Point]:
        """Control points of one strand; ``drift`` moves it across by that much of t to its end."""
        span = s1 - s0
        stops = self._stops(s0, s1)
        return [self.point(clamp(t + drift * (s - s0) / span), s) for s in stops]

    def _stops(self, s0: float, s1: float) -> list[float]:
        """Where to put control points: at the crests of the wave (a spline through crests is the wave), else every 34 pixels."""
        length = self.length * (s1 - s0)
        if not self.texture.amplitude:
            count = max(3, round(length / 34) + 1)
            return [s0 + (s1 - s0) * i / (count - 1) for i in range(count)]
        half = self.texture.wavelength / 2 / max(self.length, 1.0)
        crest = (0.25 - (self.phase + 0.8) / math.tau) * 2 * half
        crest += half * math.ceil((s0 + 0.35 * half - crest) / half)
        stops = [s0]
        while crest < s1 - 0.35 * half:
            if (crest - stops[-1]) * self.length > 40:
                stops.append((crest + stops[-1]) / 2)
            stops.append(crest)
            crest += half
        if (s1 - stops[-1]) * self.length > 40:
            stops.append((s1 + stops[-1]) / 2)
        return [*stops, s1]

    def tip_edge(self, s: float = 1.0) -> list[Point]:
        """From the last rail's tip to the first rail's."""
        return [self.point(1 - i / 12, s) for i in range(13)]

    def edge(self, path: Path, t: float, rng: Jitter, *, back: bool = False, s0: float = 0.0, s1: float = 1.0) -> None:
        """Append the rail at ``t`` (0 or 1) to an outline, with the bumps of curly hair; ``back`` = from tip to root."""
        points = self.strand(t, s0, s1)
        sign = self.outward if t > 0.5 else -self.outward
        if back:
            points, sign = points[::-1], -sign
        if self.texture.bump:
            smooth = [self.raw(t, s0 + (s1 - s0) * i / 24) for i in range(25)]
            if self.texture.kind == "ringlet" and self.texture.start > 0.3:  # smooth to where the curls set in
                first = round(24 * self.texture.start)
                sleek, smooth = smooth[: first + 1 : 3], smooth[first:]
                if back:
                    path.scallops(smooth[::-1], self.texture.bump, -sign * self.texture.swell, rng.signed).through(
                        [smooth[0], *sleek[::-1]]
                    )
                else:
                    path.through(sleek).scallops([sleek[-1], *smooth], self.texture.bump, -sign * self.texture.swell, rng.signed)
                return
            path.scallops(smooth[::-1] if back else smooth, self.texture.bump, -sign * self.texture.swell, rng.signed)
        else:
            path.through(points)


def comb(path: Path, edge: Points, count: int, depth: float, rng: Jitter, *, towards: Point = 1j, lean: float = 0.0) -> None:
    """Continue ``path`` along ``edge`` as ``count`` lock tips that reach ``depth`` pixels out in direction ``towards``.

    ``lean`` -1..1 pushes the tips along the edge, as hair combed to one side.
    """
    even = resample(list(edge), 25)
    cuts = [0.0, *((i + 0.34 * rng.signed()) / count for i in range(1, count)), 1.0]
    if path.ops and abs(even[0] - path.here) > 0.05:
        path.line(even[0])
    for low, high in pairwise(cuts):
        a, b = at(even, low), at(even, high)
        reach = towards * depth * (0.62 + 0.5 * (high - low) * count * (0.6 + 0.4 * rng.next()))
        tip = lerp(a, b, clamp(0.5 + 0.5 * lean + 0.2 * rng.signed(), 0.04, 0.96)) + reach
        path.quad(lerp(a, tip, 0.6) + (a - b) * 0.12, tip)
        path.quad(lerp(b, tip, 0.35) + (b - a) * 0.06, b)
