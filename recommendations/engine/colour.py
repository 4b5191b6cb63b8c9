"""A person's colouring from the portrait: skin in CIELAB, ITA, two axes with intervals, season, and the light's own colour."""

from __future__ import annotations

from typing import Final

import numpy as np

from recommendations.engine.colour_patches import Patch, Patches
from recommendations.engine.colour_space import ita
from recommendations.engine.season import ITA_REACH, NORMAL_L, SeasonReader
from recommendations.engine.types import Colour

#: a* and b* of the white of the eye in neutral light as a camera sees it: it takes a little colour from skin and vessels.
SCLERA_NEUTRAL: Final = (4.0, 5.0)
#: A white of the eye darker than this share of the skin's L* is lid, lash or spectacle rim.
SCLERA_LIGHT: Final = 0.65
#: CIELAB ranges that skin of any depth keeps in neutral light: hue angle in degrees and chroma.
SKIN_HUE: Final = (28.0, 80.0)
SKIN_CHROMA: Final = (7.0, 36.0)
#: Strength of coloured light, Lab chroma units, from which a season is refused.
CAST_LIMIT: Final = 8.0


def estimate_cast(patches: Patches) -> tuple[float, float, float]:
    """(strength, a*, b*) of the coloured light, Lab chroma units; 0 where nothing speaks of one.

    The white of the eye is the best witness. A background counts only as far as it is nearly grey: a coloured wall is not a
    coloured light. Skin outside its natural range of hue and chroma adds what it is outside.
    """
    votes: list[tuple[float, float, float]] = []  # weight, a, b
    if patches.sclera and patches.sclera.lab[0] > SCLERA_LIGHT * patches.skin.lab[0]:
        scale = (NORMAL_L + 16) / (patches.sclera.lab[0] + 16)
        a, b = patches.sclera.lab[1] * scale - SCLERA_NEUTRAL[0], patches.sclera.lab[2] * scale - SCLERA_NEUTRAL[1]
        votes.append((min(1.0, patches.sclera.pixels / 60), a, b))
    if patches.background and 20 < patches.background.lab[0] < 97 and max(patches.background.spread[1:]) < 6:
        a, b = patches.background.lab[1:]
        votes.append((0.6 * float(np.exp(-((np.hypot(a, b) / 14) ** 2))), a, b))
    total = sum(v[0] for v in votes) + 0.35
    a = sum(v[0] * v[1] for v in votes) / total
    b = sum(v[0] * v[2] for v in votes) / total
    strength = float(np.hypot(a, b)) + _unnatural(patches.skin)
    return strength, float(a), float(b)


def _unnatural(skin: Patch) -> float:
    """By how much the skin's colour lies outside what skin is in neutral light, Lab chroma units."""
    scale = (NORMAL_L + 16) / (skin.lab[0] + 16)
    a, b = skin.lab[1], skin.lab[2]
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)))
    turned = max(SKIN_HUE[0] - hue, hue - SKIN_HUE[1], 0.0)
    strength = max(SKIN_CHROMA[0] - chroma * scale, chroma - SKIN_CHROMA[1], 0.0)
    return chroma * float(np.radians(min(turned, 90.0))) + strength


def read_colour(patches: Patches, *, colourless: bool) -> Colour:
    """The colouring of one face; ``colourless`` photos get lightness only and no season."""
    skin = patches.skin
    cast, _, _ = estimate_cast(patches)
    reader = SeasonReader(
        skin.light,
        patches.brow.light if patches.brow else None,
        patches.iris.light if patches.iris else None,
        patches.hair.light if patches.hair else None,
    )
    # Neighbouring pixels are not independent: about one in 25 counts.
    independent = max(1.0, skin.pixels / 25)
    b_sd = skin.spread[2] / np.sqrt(independent) + _disagreement(patches, 2)
    ita_sd = np.degrees(skin.spread[0] / np.sqrt(independent) + _disagreement(patches, 0)) / max(
        10.0, float(np.hypot(skin.lab[0] - 50, skin.lab[2]))
    )
    sds = (float(b_sd / 7.0), float(ita_sd / ITA_REACH))
    warm_cool, light_deep, season = reader.read(cast, sds, refuse=colourless or cast > CAST_LIMIT)
    return Colour(
        lab=skin.lab,
        ita=ita(skin.lab[0], skin.lab[2]),
        warm_cool=warm_cool,
        light_deep=light_deep,
        season=season,
        cast=cast,
        hair_lab=patches.hair.lab if patches.hair else None,
    )


def _disagreement(patches: Patches, channel: int) -> float:
    """Standard error between the patches of skin, in units of that Lab channel: they should be one colour."""
    values = [p.lab[channel] for p in (patches.right_cheek, patches.left_cheek, patches.forehead) if p]
    return float(np.std(values) / np.sqrt(len(values))) if len(values) > 1 else 1.0
