"""Colours of the sketch: two or three tones of one hair colour and one skin colour, derived in CIELAB (D65)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Lab = tuple[float, float, float]

#: Neutral model of the catalogue: soft natural brown-black hair on light-medium skin.
DEFAULT_HAIR: Final[Lab] = (25.0, 6.0, 9.0)
DEFAULT_SKIN: Final[Lab] = (82.0, 8.0, 16.0)
_WHITE: Final = (0.95047, 1.0, 1.08883)


def lab_to_hex(lab: Lab) -> str:
    """CIELAB (D65, 2 degrees) -> ``#rrggbb`` in sRGB, clipped to the gamut (IEC 61966-2-1 transfer curve)."""
    lightness, a, b = lab
    fy = (lightness + 16) / 116
    xyz = [
        white * (f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29))
        for white, f in zip(_WHITE, (fy + a / 500, fy, fy - b / 200), strict=True)
    ]
    matrix = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))
    out = "#"
    for row in matrix:
        linear = min(max(sum(k * value for k, value in zip(row, xyz, strict=True)), 0.0), 1.0)
        srgb = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
        out += f"{round(srgb * 255):02x}"
    return out


def mix(first: Lab, second: Lab, t: float) -> Lab:
    return (
        first[0] + (second[0] - first[0]) * t,
        first[1] + (second[1] - first[1]) * t,
        first[2] + (second[2] - first[2]) * t,
    )


@dataclass(frozen=True, slots=True)
class Palette:
    """Hex colours by their role."""

    hair: str
    hair_deep: str  # back of the hair, in shadow
    hair_shade: str  # shadow locks and strand lines
    hair_light: str  # highlight locks
    hair_shine: str  # gloss and rim, so that dark hair keeps its edge on a dark card
    hair_edge: str  # outline between locks
    skin: str
    skin_shade: str
    skin_line: str
    scalp: str  # cropped hair over skin
    blush: str
    lip: str
    lip_deep: str
    brow: str
    iris: str
    lash: str
    eye_white: str
    backdrop: str
    backdrop_deep: str
    cloth: str
    cloth_shade: str


def make_palette(hair: Lab | None, skin: Lab | None, *, accent: float = 1.0) -> Palette:
    """``accent`` 0..1 is how much colour lips and cheeks carry."""
    h_l, h_a, h_b = hair or DEFAULT_HAIR
    h_l = min(max(h_l, 17.0), 86.0)
    s_l, s_a, s_b = skin or DEFAULT_SKIN
    s_l = min(max(s_l, 24.0), 90.0)
    dark = 1 - min(max((h_l - 17) / 45, 0), 1)  # dark hair needs a larger lift to show its shine
    base: Lab = (h_l, h_a, h_b)
    down = 5.5 + 7 * (1 - dark)
    up = 9 + 4 * dark
    skin_base: Lab = (s_l, s_a, s_b)
    deep_skin = 1 - min(max((s_l - 30) / 45, 0), 1)
    blush: Lab = (s_l - 7, s_a + 13 * accent + 2, s_b + 3)
    lip: Lab = (s_l - 17 + 6 * deep_skin, s_a + 20 * accent + 4, s_b + 4)
    brow: Lab = (min(max(h_l, 20.0) * 0.75 + 5, s_l - 16 if s_l > 45 else 14.0), h_a * 0.7, h_b * 0.7)
    return Palette(
        hair=lab_to_hex(base),
        hair_deep=lab_to_hex((h_l - down * 1.05, h_a * 0.95, h_b * 0.9)),
        hair_shade=lab_to_hex((h_l - down * 0.75, h_a, h_b)),
        hair_light=lab_to_hex((h_l + up, h_a * 1.05, h_b * 1.12)),
        hair_shine=lab_to_hex((h_l + up * 2.1, h_a * 0.95, h_b * 1.05)),
        hair_edge=lab_to_hex((max(h_l - down * 1.9, 4.0), h_a, h_b * 0.8)),
        skin=lab_to_hex(skin_base),
        skin_shade=lab_to_hex((s_l - 7.5, s_a + 4, s_b + 3.5)),
        skin_line=lab_to_hex((max(s_l - 30, s_l * 0.5), s_a + 8, s_b + 4)),
        scalp=lab_to_hex(mix(skin_base, base, 0.62)),
        blush=lab_to_hex(blush),
        lip=lab_to_hex(lip),
        lip_deep=lab_to_hex((lip[0] - 16, lip[1] + 1, lip[2])),
        brow=lab_to_hex(brow),
        iris=lab_to_hex((22.0, 9.0, 11.0)),
        lash=lab_to_hex((13.0, 4.0, 4.0)),
        eye_white=lab_to_hex((min(max(s_l + 11, 82.0), 95.0), 1.5, 4.0)),
        backdrop="#efe6dc",
        backdrop_deep="#e0d2c5",
        cloth="#f8f4ee",
        cloth_shade="#ddd1c5",
    )
