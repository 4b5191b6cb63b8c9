"""A person's colouring from the portrait: skin in CIELAB, ITA, two axes with intervals, season, and the light's own colour."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from recommendations.engine.colour_patches import Patch, Patches
from recommendations.engine.colour_space import ita
from recommendations.engine.season import ITA_REACH, NORMAL_L, SeasonReader
from recommendations.engine.types import Colour

#: a* and b* that the white of the eye shows in neutral light, at L* 70: it takes some colour from vessels, lids and lashes.
SCLERA_NEUTRAL: Final = (12.0, 5.0)
#: Standard deviations in Lab chroma units at L* 70: of coloured light among photos whose camera balanced them, of the white of the
#: eye around that light (a* and b*; it reddens more than it yellows), and of a grey background.
LIGHT_SD: Final = 6.0
SCLERA_SD: Final = (14.0, 4.5)
BACKGROUND_SD: Final = 7.0
#: L* of the white of the eye over the skin's: in shade below the first it is lid, lash or spectacles, above the second it is well
#: lit; and pixels of it from which it counts fully.
SCLERA_LIT: Final = (0.35, 0.6)
SCLERA_PIXELS: Final = 15
#: CIELAB ranges that skin of any depth keeps in neutral light: hue angle in degrees and chroma.
SKIN_HUE: Final = (28.0, 80.0)
SKIN_CHROMA: Final = (7.0, 36.0)
#: Share of LIGHT_SD below which the eye or the background must have brought the light's uncertainty to vouch for it.
WITNESSED: Final = 0.9
#: Strength of coloured light, Lab chroma units, from which a season is refused.
CAST_LIMIT: Final = 8.0


class Cast(NamedTuple):
    """Coloured light in Lab chroma units at L* 70: its strength, its a* and b*, and the standard deviation left to b*."""

    strength: float
    a: float
    b: float
    sd: float


def estimate_cast(patches: Patches) -> Cast:
    """The colour of the light; strength, a* and b* are 0 where nothing speaks of one.

    a* and b* are the posterior mean of a normal model: a light of unknown colour (``LIGHT_SD``), seen on the white of the eye and
    on the background, each with its own error. A background counts only as far as it is nearly grey: a coloured wall is not a
    coloured light. Skin outside its natural range of hue and chroma adds to the strength what it is outside.
    """
    tint = np.zeros(2)
    certainty = np.full(2, LIGHT_SD**-2)  # inverse variances for a*, b*
    for seen, weight in (_by_sclera(patches), _by_background(patches)):
        tint += weight * seen
        certainty += weight
    a, b = tint / certainty
    return Cast(float(np.hypot(a, b)) + _unnatural(patches.skin), float(a), float(b), float(certainty[1] ** -0.5))


def _by_sclera(patches: Patches) -> tuple[np.ndarray, np.ndarray]:
    """(2,) a*, b* of the light by the white of the eye and (2,) their inverse variances, 0 where it cannot be seen."""
    white = patches.sclera
    if white is None:
        return np.zeros(2), np.zeros(2)
    dark, lit = SCLERA_LIT
    share = np.clip((white.lab[0] / max(patches.skin.lab[0], 1.0) - dark) / (lit - dark), 0, 1)
    share *= min(1.0, white.pixels / SCLERA_PIXELS)
    seen = np.array(white.lab[1:]) * (NORMAL_L + 16) / (white.lab[0] + 16) - SCLERA_NEUTRAL
    return seen, share / np.square(SCLERA_SD)


def _by_background(patches: Patches) -> tuple[np.ndarray, np.ndarray]:
    """The same by the background, as far as it is nearly grey and even."""
    wall = patches.background
    if wall is None or not 20 < wall.lab[0] < 97 or max(wall.spread[1:]) >= 6:
        return np.zeros(2), np.zeros(2)
    seen = np.array(wall.lab[1:])
    return seen, np.full(2, np.exp(-float(seen @ seen) / 14**2) / BACKGROUND_SD**2)


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
    cast = estimate_cast(patches)
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
    warm_cool, light_deep, season = reader.read(
        float(np.hypot(cast.strength, cast.sd)),
        sds,
        refuse=colourless or cast.strength > CAST_LIMIT,
        witnessed=cast.sd < WITNESSED * LIGHT_SD,
    )
    return Colour(
        lab=skin.lab,
        ita=ita(skin.lab[0], skin.lab[2]),
        warm_cool=warm_cool,
        light_deep=light_deep,
        season=season,
        cast=cast.strength,
        hair_lab=patches.hair.lab if patches.hair else None,
    )


def _disagreement(patches: Patches, channel: int) -> float:
    """Standard error between the patches of skin, in units of that Lab channel: they should be one colour."""
    values = [p.lab[channel] for p in (patches.right_cheek, patches.left_cheek, patches.forehead) if p]
    return float(np.std(values) / np.sqrt(len(values))) if len(values) > 1 else 1.0
