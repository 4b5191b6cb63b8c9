"""Light and line on a sheet of hair: shadow locks, a band of shine, fine strand lines; ringlets and coils for curly textures."""

from __future__ import annotations

from .drawing import Drawing
from .geometry import Path, lerp, ribbon, unit
from .jitter import Jitter
from .palette import Palette
from .sheet import Sheet


class Ink:
    """Collects the marks of all sheets of one layer and paints them as four elements: dark locks, light locks, shine, lines."""

    def __init__(self) -> None:
        self.shade: list[Path] = []
        self.light: list[Path] = []
        self.shine: list[Path] = []
        self.lines: list[Path] = []
        self.coils: list[Path] = []
        self.glints: list[Path] = []

    def paint(self, drawing: Drawing, palette: Palette) -> None:
        drawing.shapes(self.shade, palette.hair_shade)
        drawing.shapes(self.light, palette.hair_light, opacity=0.75)
        drawing.shapes(self.shine, palette.hair_shine, opacity=0.7)
        drawing.lines(self.lines, palette.hair_edge, 0.7, stroke_opacity=0.62)
        drawing.lines(self.coils, palette.hair_edge, 1.0, stroke_opacity=0.6)
        drawing.lines(self.glints, palette.hair_light, 1.1)

    def comb(
        self,
        sheet: Sheet,
        rng: Jitter,
        *,
        lines: int = 7,
        s0: float = 0.02,
        s1: float = 0.97,
        band: float = 0.22,
        sleek: float = 1.0,
    ) -> None:
        """Dress one sheet; ``band`` is where along the strands the shine lies, ``sleek`` how strong it is."""
        kind = sheet.texture.kind
        if sheet.texture.amplitude > 0 and sheet.texture.wavelength < 20:
            lines = max(3, round(lines * sheet.texture.wavelength / 20))
        if kind == "coily":
            self._coil(sheet, rng, s0, s1)
            return
        if kind == "ringlet":
            self._ringlets(sheet, rng, s0, s1)
            return
        if kind == "curly":
            self._curl(sheet, rng, lines, s0, s1)
            return
        reach = min(1.0, 60 / max(sheet.length, 1))
        for i in range(max(2, lines // 3)):
            t = (i + 0.5 + 0.3 * rng.signed()) / max(2, lines // 3)
            start = rng.between(0.3, 0.55)
            self.shade.append(ribbon(sheet.strand(t, start, s1), rng.between(4, 7), peak=0.55))
        count = max(2, round(lines * 0.4))
        for i in range(count):
            t = (i + 0.5 + 0.2 * rng.signed()) / count
            start = band + 0.05 * rng.signed()
            stop = min(start + reach * rng.between(0.5, 0.75), 0.96)
            self.light.append(ribbon(sheet.strand(t, start, stop), rng.between(3, 5) * (0.7 + 0.3 * sleek), peak=0.5))
            if i % 2 == 0:
                self.shine.append(
                    ribbon(sheet.strand(t + 0.04, start + 0.04, start + (stop - start) * 0.6), 1.7 * sleek, peak=0.5)
                )
        for i in range(lines):
            t = 0.02 + 0.92 * (i + 0.5 + 0.25 * rng.signed()) / lines
            start, stop = s0 + rng.between(0, 0.2), s1 - rng.between(0, 0.18)
            self.lines.append(Path().through(sheet.strand(t, start, stop)))

    def _curl(self, sheet: Sheet, rng: Jitter, lines: int, s0: float, s1: float) -> None:
        """Uneven S-shaped marks that follow the fall of the hair: the bends of its ringlets."""
        rows = max(2, round(sheet.length * (s1 - s0) / 15))
        for row in range(rows):
            s = s0 + (row + 0.5) / rows * (s1 - s0)
            first, last = sheet.raw(0, s), sheet.raw(1, s)
            count = max(1, round(abs(last - first) / 9.5))
            for i in range(count):
                centre = sheet.raw((i + 0.5 + 0.35 * rng.signed()) / count, min(s + 0.3 / rows * rng.signed(), 1.0))
                along = unit(sheet.raw(0.5, min(s + 0.05, 1)) - sheet.raw(0.5, max(s - 0.05, 0))) * rng.between(6.5, 9.5)
                bend = along * 1j * (0.75 if (row + i) % 2 else -0.75)
                mark = (
                    Path()
                    .move(centre - along)
                    .cubic(centre - along * 0.3 + bend, centre + along * 0.3 + bend, centre + along * 0.9)
                )
                (self.glints if rng.next() < 0.36 else self.coils).append(mark)

    def _ringlets(self, sheet: Sheet, rng: Jitter, s0: float, s1: float) -> None:
        """Corkscrews side by side: a dark seam between neighbours, slanting turns across each."""
        middle = abs(sheet.raw(1, 0.8) - sheet.raw(0, 0.8))
        count = max(2, round(middle / 10))
        start = max(sheet.texture.start, s0)
        for i in range(count):
            if i:
                seam = [sheet.raw(i / count, start - 0.1 + (s1 - start + 0.1) * k / 4) for k in range(5)]
                self.lines.append(Path().through(seam))
            turns = max(3, round(sheet.length * (s1 - start) / 8.5))
            for j in range(turns):
                s = start + (j + 0.25 * rng.next()) / turns * (s1 - start)
                a, b = sheet.raw((i + 0.1) / count, s), sheet.raw((i + 0.9) / count, min(s + 0.55 / turns, 1.0))
                along = unit(sheet.raw(0.5, min(s + 0.05, 1)) - sheet.raw(0.5, max(s - 0.05, 0)))
                (self.glints if (i + j) % 3 == 0 else self.coils).append(Path().move(a).quad(lerp(a, b, 0.5) + along * 4.5, b))
        if start > 0.3:
            for i in range(4):
                self.lines.append(Path().through([sheet.raw((i + 0.5) / 4, s0 + (start - s0) * k / 3) for k in range(4)]))

    def _coil(self, sheet: Sheet, rng: Jitter, s0: float, s1: float) -> None:
        rows = max(3, round(sheet.length / 13))
        for row in range(rows):
            s = s0 + (row + 0.5) / rows * (s1 - s0)
            width = abs(sheet.raw(1, s) - sheet.raw(0, s))
            count = max(1, round(width / 13))
            for i in range(count):
                t = (i + 0.5 + 0.35 * rng.signed()) / count
                centre = sheet.raw(t, min(s + 0.03 * rng.signed(), 1))
                self.coil(centre, rng)

    def coil(self, centre: complex, rng: Jitter, size: float = 1.0) -> None:
        """One small curl: an open hook, light or dark."""
        turn = unit(complex(rng.signed(), rng.signed()) or 1)
        r = rng.between(2.0, 3.0) * size
        hook = (
            Path()
            .move(centre + turn * r)
            .cubic(centre + turn * complex(r, 1.3 * r), centre + turn * complex(-r, 1.3 * r), centre - turn * r)
        )
        hook.cubic(
            centre - turn * complex(r, 0.8 * r), centre + turn * complex(0.2 * r, -0.7 * r), centre + turn * complex(0.4 * r, 0)
        )
        (self.glints if rng.next() < 0.3 else self.coils).append(hook)


def flick(
    sheet: Sheet, rng: Jitter, start: float, stop: float, reach: float, *, t: float = 0.9, width: float = 9.0, curl: float = 0.0
) -> Path:
    """A lock that follows the sheet near its edge ``t`` and leaves it by ``reach`` pixels at its tip; ``curl`` > 0 turns the tip up."""
    count = 7
    centre = [sheet.point(t, start + (stop - start) * i / (count - 1)) for i in range(count)]
    along = unit(centre[-1] - centre[-3])
    side = along * (1j if t < 0.5 else -1j) * sheet.outward
    bent = [
        p + side * reach * (i / (count - 1)) ** 2.2 - along * curl * reach * max(0.0, i / (count - 1) - 0.6)
        for i, p in enumerate(centre)
    ]
    return ribbon(bent, width * (1 + 0.15 * rng.signed()), peak=0.3, root=0.3)
