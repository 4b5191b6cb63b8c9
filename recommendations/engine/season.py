"""Warm-cool, light-deep and the four seasons, as what survives a change of light.

A photo does not say how its light was coloured or how long it was exposed, so every reading is made under ``LIGHTS``: a fixed set of
plausible illuminants (channel gains) and exposures, as wide as the evidence about the photo's light leaves them. An axis's interval
is the range of its values over them, a season's probability the belief it holds on average, and a season is named without "unsure"
only where at least ``SETTLED`` of these lights name it.

Where warm turns to cool, and how saturated each season is, follows ShowMeTheColor (a Korean personal-colour project): skin,
brow and eye b* and HSV saturation. On its 253 labelled photos those thresholds name warm/cool right in 76 % and the season in
53 %; ``TRUST`` keeps belief below what that allows. docs/models/colour.md says what was changed and what is not known.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from recommendations.engine.colour_space import lab_of_linear
from recommendations.engine.types import Axis, Decision, Season
from recommendations.engine.vocabulary import SEASONS

Light = tuple[float, float, float]  # linear sRGB
PARTS: Final = ("skin", "brow", "iris")
#: b* (at L* 70) and hue in degrees at which skin is neither warm nor cool, and their reach. The project's midpoint, 8.15, comes
#: from bright studio photos; ordinary photos of the same people are yellower, so the middle lies a little higher and the reach is
#: wide.
SKIN_B: Final = (9.0, 6.0)
SKIN_HUE: Final = (48.0, 14.0)
SKIN_B_SHARE: Final = 0.7
#: b* of brows and irises halfway between the project's warm and cool people, and half their distance.
BROW_B: Final = (8.290425, 3.42405)
IRIS_B: Final = (1.917875, 1.730525)
#: Weight of skin, brow and iris. The project's are 30, 20, 5; brows count less here, because thin brows are half skin.
B_WEIGHT: Final = np.array([30.0, 10.0, 5.0])
#: HSV saturation, percent: the lighter and the deeper season of each temperature, and the weights.
SATURATION: Final = {
    "spring": np.array([18.59, 30.30, 25.81]),
    "autumn": np.array([27.14, 39.75, 37.5]),
    "summer": np.array([12.5, 21.72, 24.77]),
    "winter": np.array([16.74, 24.83, 31.37]),
}
S_WEIGHT: Final = np.array([10.0, 1.0, 1.0])
#: Ordinary photos are more saturated than the project's (percent), for the reason given at SKIN_B.
S_OFFSET: Final = 3.0
#: What saturation, contrast of skin to hair, and depth of the skin say about the deeper season.
DEPTH_SHARES: Final = np.array([0.55, 0.25, 0.20])
#: Most light-to-medium skin lies on the light side of the axis; seasons are meant relative to that.
LIGHT_OFFSET: Final = 0.35
#: Lightness to which b* is brought before it is compared: an exposure scales L*+16, a* and b* alike.
NORMAL_L: Final = 70.0
#: Highest belief that warm/cool, and the lighter/deeper season, can reach: their measured hit rates, with room for good photos.
TRUST: Final = {"temperature": 0.88, "depth": 0.80}
#: Log odds per unit of a position, where belief turns from one side to the other.
SLOPE: Final = 2.5
#: ITA in degrees at which skin is neither light nor deep, and degrees to either end of the axis.
ITA_MIDDLE: Final = 28.0
ITA_REACH: Final = 45.0
#: Contrast of skin to hair in L* that is neither soft nor strong, and the reach of its effect.
CONTRAST_MIDDLE: Final = 42.0
CONTRAST_REACH: Final = 25.0

#: Share of the plausible lights that must name the same season, or it is unsure. Two readings of one face
#: that name different seasons without doubt then lie far apart in light; chosen by ``evaluate_colour``.
SETTLED: Final = 0.85
#: A settled season is clear from this probability on, in a light that something vouches for and with warm-cool on one side of
#: zero; otherwise it is mixed.
CLEAR: Final = 0.5


def _lights(count: int = 128) -> np.ndarray:
    """(count, 3) standard normal quasi-random draws (Halton bases 2, 3, 5), antithetic: red gain, blue gain, exposure."""
    from statistics import NormalDist

    def halton(index: int, base: int) -> float:
        fraction, result = 1.0, 0.0
        while index:
            fraction /= base
            result += fraction * (index % base)
            index //= base
        return result

    half = [[NormalDist().inv_cdf(halton(i, base)) for base in (2, 3, 5)] for i in range(1, count // 2 + 1)]
    return np.array([*half, *(np.negative(half))])


LIGHTS: Final = _lights()
#: Scale of the light's tilt along daylight, per unit of doubt about its b*: logarithm of the red gain and minus that of the blue.
TILT: Final = 0.0128
#: Standard deviations of the gain across daylight (green to magenta), and of the exposure in stops.
ACROSS_SD: Final = 0.02
EXPOSURE_SD: Final = 0.7


def _heavy_tailed(normal: np.ndarray) -> np.ndarray:
    """Standard normal draws -> draws of Student's t with two degrees of freedom at the same quantiles (closed form): cameras
    balance the light nearly right most of the time and are far off now and then."""
    from statistics import NormalDist

    side = 2 * np.array([NormalDist().cdf(z) for z in normal]) - 1
    return np.asarray(side * np.sqrt(2 / (1 - side**2)))


TILTS: Final = _heavy_tailed(LIGHTS[:, 0])


def under(colours: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """(parts, 3) linear colours under (n, 3) lights (red gain, blue gain, stops) -> (n, parts, 3) linear, not above white."""
    scale = np.stack([gains[:, 0], np.ones(len(gains)), gains[:, 1]], axis=1) * (2.0 ** gains[:, 2:3])
    return np.clip(colours[None] * scale[:, None], 1e-5, 1.0)


def plausible(tint: float) -> np.ndarray:
    """(n, 3) lights that may have been there; ``tint``: doubt about the light's b*, Lab units at L* 70."""
    tilt = TILTS * (TILT * tint)
    across = LIGHTS[:, 1] * ACROSS_SD
    return np.column_stack([np.exp(tilt + across), np.exp(-tilt + across), LIGHTS[:, 2] * EXPOSURE_SD])


def temperature(colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, parts, 3) linear colours of ``PARTS`` -> (n,) position from -1 (cool) to 1 (warm)."""
    lab = lab_of_linear(colours)
    skin = lab[:, 0]
    b = skin[:, 2] * (NORMAL_L + 16) / np.maximum(skin[:, 0] + 16, 20)
    hue = np.degrees(np.arctan2(skin[:, 2], skin[:, 1]))
    by_skin = SKIN_B_SHARE * (b - SKIN_B[0]) / SKIN_B[1] + (1 - SKIN_B_SHARE) * (hue - SKIN_HUE[0]) / SKIN_HUE[1]
    by_brow = (lab[:, 1, 2] - BROW_B[0]) / BROW_B[1] / 2
    by_iris = (lab[:, 2, 2] - IRIS_B[0]) / IRIS_B[1] / 2
    positions = np.clip(np.stack([by_skin, by_brow, by_iris], axis=1), -1.5, 1.5)
    return np.asarray(np.tanh((positions * weights).sum(1) / weights.sum()))


def depth(colours: np.ndarray, weights: np.ndarray, warm: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """(n,) position between the lighter (-1: spring, summer) and the deeper season (1: autumn, winter) of a temperature.

    ``warm`` (n,) bool chooses the pair; ``contrast`` (n,) is skin L* minus hair L*, NaN where hair is unknown.
    """
    coded = np.clip(colours, 0, 1)
    coded = np.where(coded <= 0.0031308, 12.92 * coded, 1.055 * coded ** (1 / 2.4) - 0.055)
    saturation = 100 * (1 - coded.min(-1) / np.maximum(coded.max(-1), 1e-6))
    soft = np.where(warm[:, None], SATURATION["spring"], SATURATION["summer"])
    strong = np.where(warm[:, None], SATURATION["autumn"], SATURATION["winter"])
    position = np.clip((saturation - (soft + strong) / 2 - S_OFFSET) / (strong - soft), -1.5, 1.5)
    by_saturation = (position * weights).sum(1) / weights.sum()
    by_contrast = np.nan_to_num(np.clip((contrast - CONTRAST_MIDDLE) / CONTRAST_REACH, -1.5, 1.5))
    by_depth = -light_deep(colours[:, 0]) + LIGHT_OFFSET
    return np.asarray(DEPTH_SHARES @ np.stack([by_saturation, by_contrast, by_depth]))


def light_deep(skin: np.ndarray) -> np.ndarray:
    """(n, 3) linear skin -> (n,) position from -1 (deep) to 1 (light) by ITA, clipped."""
    lab = lab_of_linear(skin)
    angle = np.degrees(np.arctan2(lab[:, 0] - 50, lab[:, 2]))
    return np.clip((angle - ITA_MIDDLE) / ITA_REACH, -1, 1)


class SeasonReader:
    """The seasons of one person's colours under any lights."""

    def __init__(self, skin: Light, brow: Light | None, iris: Light | None, hair: Light | None) -> None:
        known = np.array([1.0, brow is not None, iris is not None])
        self.colours = np.array([skin, brow or skin, iris or skin, hair or skin], dtype=np.float64)
        self.has_hair = hair is not None
        self.b_weight = B_WEIGHT * known
        self.s_weight = S_WEIGHT * known

    def positions(self, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Warm-cool, lighter-deeper season and light-deep skin under (n, 3) lights; the first two unclipped."""
        lit = under(self.colours, gains)
        warm_cool = temperature(lit[:, :3], self.b_weight)
        lightness = lab_of_linear(lit[:, [0, 3]])[..., 0]
        contrast = lightness[:, 0] - lightness[:, 1] if self.has_hair else np.full(len(gains), np.nan)
        return warm_cool, depth(lit[:, :3], self.s_weight, warm_cool > 0, contrast), light_deep(lit[:, 0])

    def probabilities(self, gains: np.ndarray) -> np.ndarray:
        """(n, 4) in the order of ``SEASONS`` for (n, 3) lights."""
        warm_cool, deeper, _ = self.positions(gains)
        warm = _belief(warm_cool, TRUST["temperature"])
        deep = _belief(deeper, TRUST["depth"])
        cool, light = 1 - warm, 1 - deep
        by_name = {"spring": warm * light, "summer": cool * light, "autumn": warm * deep, "winter": cool * deep}
        return np.stack([by_name[name] for name in SEASONS], axis=1)

    def read(self, tint: float, patch_sd: tuple[float, float], *, refuse: bool, witnessed: bool) -> tuple[Axis, Axis, Season]:
        """Both axes with 90 % intervals and the season.

        ``tint``: standard deviation of the evidence about the light's b*, Lab units at L* 70; ``patch_sd``: standard error of the two
        axes from the skin's own variation; ``refuse``: the light or the photo (no colour) forbids a season; ``witnessed``: something
        besides the skin shows the light's colour, without which no season is clear.
        """
        lights = plausible(tint)
        warm_cool, _, lightness = self.positions(lights)
        here = self.positions(np.array([[1.0, 1.0, 0.0]]))
        axes = [
            _axis(float(here[0][0]), warm_cool, patch_sd[0]),
            _axis(float(here[2][0]), lightness, patch_sd[1]),
        ]
        each = self.probabilities(lights)
        p = each.mean(axis=0)
        p /= p.sum()
        names = tuple(SEASONS)
        best = int(np.argmax(p))
        decision: Decision = "unsure"
        if not refuse and float((each.argmax(axis=1) == best).mean()) >= SETTLED:
            sure = witnessed and axes[0].low * axes[0].high > 0 and p[best] >= CLEAR
            decision = "clear" if sure else "mixed"
        return axes[0], axes[1], Season({name: float(v) for name, v in zip(names, p, strict=True)}, names[best], decision)


def _axis(value: float, values: np.ndarray, sd: float) -> Axis:
    centre = float(np.clip(value, -1, 1))
    spread = values + LIGHTS[:, 1] * sd
    low, high = (float(v) for v in np.clip(np.percentile(spread, [5, 95]), -1, 1))
    return Axis(centre, min(low, centre), max(high, centre))


def _belief(position: np.ndarray, trust: float) -> np.ndarray:
    """Position -> probability, logistic, never beyond ``trust`` or below 1 - ``trust``."""
    return (1 - trust) + (2 * trust - 1) / (1 + np.exp(-SLOPE * position))
