"""What a person says about a reading, and how it is combined with what was measured: Bayes over the same probabilities.

A correction ("my face is round") is taken as near-certain: CERTAIN of the belief goes there, the rest stays as it was measured.
An answer (vein colour, jewellery, tanning) is weak evidence with a stated likelihood ratio over warm against cool and over the
lighter against the deeper season. The ratios are assumptions of ours, chosen small: such home tests are folklore with little
measured behind them, and they speak of one thing, so that three agreeing answers may count as about four to one and no more.
Skin, hair and light-deep move the season's depth exactly as far as their own share in ``season.depth`` would have moved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, NamedTuple

import numpy as np

from recommendations.engine.colour_space import ita
from recommendations.engine.season import (
    CLEAR,
    CONTRAST_MIDDLE,
    CONTRAST_REACH,
    DEPTH_SHARES,
    ITA_MIDDLE,
    ITA_REACH,
    SLOPE,
)
from recommendations.engine.types import Axis, Colour, Decision, FaceReading, FaceShape, Season
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS, Label, Vocabulary

Lab = tuple[float, float, float]

WARM_COOL: Final[Vocabulary] = {"warm": Label("웜", "warm"), "neutral": Label("중간", "between"), "cool": Label("쿨", "cool")}
LIGHT_DEEP: Final[Vocabulary] = {
    "light": Label("밝은 편", "light"),
    "medium": Label("중간", "medium"),
    "deep": Label("깊은 편", "deep"),
}
#: The six classes of the individual typology angle.
SKINS: Final[Vocabulary] = {
    "very_light": Label("매우 밝은 피부", "very light"),
    "light": Label("밝은 피부", "light"),
    "intermediate": Label("중간 밝기", "intermediate"),
    "tan": Label("그을린 톤", "tan"),
    "brown": Label("갈색 톤", "brown"),
    "dark": Label("짙은 톤", "dark"),
}
HAIRS: Final[Vocabulary] = {
    "black": Label("검정", "black"),
    "dark_brown": Label("어두운 갈색", "dark brown"),
    "brown": Label("갈색", "brown"),
    "light_brown": Label("밝은 갈색", "light brown"),
    "blonde": Label("금발", "blonde"),
    "red": Label("붉은색", "red"),
    "grey": Label("회색·흰색", "grey or white"),
}
VEINS: Final[Vocabulary] = {
    "blue_purple": Label("파랑·보라", "blue or purple"),
    "green": Label("초록", "green"),
    "both": Label("둘 다", "both"),
}
JEWELLERY: Final[Vocabulary] = {"silver": Label("실버", "silver"), "gold": Label("골드", "gold"), "both": Label("둘 다", "both")}
TANNING: Final[Vocabulary] = {
    "burns": Label("빨갛게 익음", "it burns"),
    "tans": Label("잘 탐", "it tans"),
    "both": Label("익었다가 탐", "it burns, then tans"),
}

#: Readings that may be corrected, and questions that may be answered: field -> its words.
CORRECTIONS: Final[dict[str, Vocabulary]] = {
    "face_shape": FACE_SHAPES,
    "season": SEASONS,
    "warm_cool": WARM_COOL,
    "light_deep": LIGHT_DEEP,
    "skin": SKINS,
    "hair": HAIRS,
}
ANSWERS: Final[dict[str, Vocabulary]] = {"vein": VEINS, "jewellery": JEWELLERY, "tanning": TANNING}
FIELDS: Final[dict[str, Vocabulary]] = {**CORRECTIONS, **ANSWERS}

#: Belief in what a person says of themselves: people do err about their own face shape, hence not 1.
CERTAIN: Final = 0.97


class Odds(NamedTuple):
    """Likelihood ratios of an answer: warm against cool, and the deeper against the lighter season."""

    warm: float = 1.0
    deep: float = 1.0


LIKELIHOODS: Final[dict[str, dict[str, Odds]]] = {
    "vein": {"green": Odds(warm=2.0), "blue_purple": Odds(warm=1 / 2.0), "both": Odds()},
    "jewellery": {"gold": Odds(warm=1.7), "silver": Odds(warm=1 / 1.7), "both": Odds()},
    "tanning": {"tans": Odds(warm=1.2, deep=1.5), "burns": Odds(warm=1 / 1.2, deep=1 / 1.5), "both": Odds()},
}
#: How much the measured season counts beside what is said, as an exponent, under a warning that its colours are not true.
MEASURED_WEIGHT: Final = {"no_colour": 0.0, "colour_cast": 0.5}

WARM: Final = np.array([name in ("spring", "autumn") for name in SEASONS])
DEEP: Final = np.array([name in ("autumn", "winter") for name in SEASONS])
#: The part of an axis that a word names.
WARM_COOL_RANGES: Final = {"warm": (0.1, 1.0), "neutral": (-0.25, 0.25), "cool": (-1.0, -0.1)}
LIGHT_DEEP_RANGES: Final = {"light": (0.2, 1.0), "medium": (-0.4, 0.4), "deep": (-1.0, -0.2)}
#: A middle angle of each class (Chardon et al. 1991: limits at 55, 41, 28, 10 and -30 degrees).
SKIN_ITA: Final = {"very_light": 60.0, "light": 48.0, "intermediate": 34.5, "tan": 19.0, "brown": -10.0, "dark": -45.0}
SKIN_DEPTH: Final = {
    "very_light": "light", "light": "light", "intermediate": "medium", "tan": "medium", "brown": "deep", "dark": "deep",
}  # fmt: skip
#: A typical colour of each word, CIELAB D65; for drawings and for the contrast of skin and hair.
HAIR_LAB: Final[dict[str, Lab]] = {
    "black": (18.0, 1.5, 2.0),
    "dark_brown": (25.0, 6.0, 9.0),
    "brown": (36.0, 9.0, 16.0),
    "light_brown": (50.0, 9.0, 22.0),
    "blonde": (70.0, 6.0, 28.0),
    "red": (40.0, 26.0, 26.0),
    "grey": (64.0, 0.0, 2.0),
}


def kind(field: str) -> Literal["correction", "answer"]:
    return "correction" if field in CORRECTIONS else "answer"


def contradictions(said: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of fields that cannot both be true of one person, for example winter and warm."""
    pairs = []
    season, temperature = said.get("season"), said.get("warm_cool")
    if season and temperature in ("warm", "cool") and (season in ("spring", "autumn")) != (temperature == "warm"):
        pairs.append(("season", "warm_cool"))
    skin, depth = said.get("skin"), said.get("light_deep")
    if skin and depth and SKIN_DEPTH[skin] != depth:
        pairs.append(("skin", "light_deep"))
    return pairs


def correct(measured: FaceReading, said: Mapping[str, str]) -> FaceReading:
    """``measured`` combined with ``said``: field of ``FIELDS`` -> one of its words, at most one of a contradictory pair.

    Measurements, quality and outline stay as they were measured. Raises KeyError for an unknown field or word.
    """
    for field, word in said.items():
        FIELDS[field][word]
    shape = _corrected_shape(measured.face_shape, said["face_shape"]) if "face_shape" in said else measured.face_shape
    colour = _corrected_colour(measured, said) if set(said) - {"face_shape"} else measured.colour
    return replace(measured, face_shape=shape, colour=colour)


def near_certain(probabilities: Mapping[str, float], word: str) -> dict[str, float]:
    """CERTAIN for ``word``, the rest shared as before (evenly where nothing was left)."""
    rest = sum(p for name, p in probabilities.items() if name != word)
    even = 1 / (len(probabilities) - 1)
    return {
        name: CERTAIN if name == word else (1 - CERTAIN) * (p / rest if rest > 0 else even) for name, p in probabilities.items()
    }


def _corrected_shape(shape: FaceShape, word: str) -> FaceShape:
    p = near_certain(shape.probabilities, word)
    second = max((name for name in p if name != word), key=lambda name: p[name])
    return FaceShape(p, word, second, p[word], "clear")


def _corrected_colour(measured: FaceReading, said: Mapping[str, str]) -> Colour:
    before = measured.colour
    lab, hair, light_deep = _skin(before, said), before.hair_lab, before.light_deep
    if "hair" in said:
        hair = HAIR_LAB[said["hair"]]
    if "skin" in said:
        angle = float(np.clip((ita(lab[0], lab[2]) - ITA_MIDDLE) / ITA_REACH, -1, 1))
        light_deep = Axis(angle, max(-1.0, angle - 0.2), min(1.0, angle + 0.2))
    if "light_deep" in said:
        light_deep = _within(light_deep, *LIGHT_DEEP_RANGES[said["light_deep"]])

    odds = [LIKELIHOODS[field][said[field]] for field in ANSWERS if field in said]
    warmer = sum(float(np.log(o.warm)) for o in odds)
    deeper = sum(float(np.log(o.deep)) for o in odds) + _depth_shift(before, lab, hair, light_deep)
    p = _season_probabilities(measured, warmer, deeper, said)
    warm_cool = Axis(
        *(
            float(np.clip(v + warmer / SLOPE, -1, 1))
            for v in (before.warm_cool.value, before.warm_cool.low, before.warm_cool.high)
        )
    )
    if "warm_cool" in said:
        warm_cool = _within(warm_cool, *WARM_COOL_RANGES[said["warm_cool"]])
    if "season" in said:
        warm_cool = _within(warm_cool, *((0.0, 1.0) if said["season"] in ("spring", "autumn") else (-1.0, 0.0)))
    label = max(p, key=lambda name: p[name])
    return Colour(
        lab=lab,
        ita=ita(lab[0], lab[2]),
        warm_cool=warm_cool,
        light_deep=light_deep,
        season=Season(p, label, _decision(before.season, label, p[label], said)),
        cast=before.cast,
        hair_lab=hair,
    )


def _skin(colour: Colour, said: Mapping[str, str]) -> Lab:
    """Skin of the class that was named, with the measured redness and yellowness."""
    if "skin" not in said:
        return colour.lab
    _, a, b = colour.lab
    b = max(b, 8.0)  # the angle says nothing about lightness where there is no yellow at all
    return float(np.clip(50 + b * np.tan(np.radians(SKIN_ITA[said["skin"]])), 15, 92)), a, b


def _depth_shift(before: Colour, lab: Lab, hair: Lab | None, light_deep: Axis) -> float:
    """Log odds of the deeper season that the changed contrast and depth bring, by their shares in ``season.depth``."""

    def contrast(skin: Lab, strands: Lab | None) -> float:
        return float(np.clip((skin[0] - strands[0] - CONTRAST_MIDDLE) / CONTRAST_REACH, -1.5, 1.5)) if strands else 0.0

    by_contrast = contrast(lab, hair) - contrast(before.lab, before.hair_lab)
    by_depth = before.light_deep.value - light_deep.value
    return float(SLOPE * (DEPTH_SHARES[1] * by_contrast + DEPTH_SHARES[2] * by_depth))


def _season_probabilities(measured: FaceReading, warmer: float, deeper: float, said: Mapping[str, str]) -> dict[str, float]:
    """Posterior over ``SEASONS``: measured belief as the prior, log odds of what was said on top, corrections last."""
    weight = min((MEASURED_WEIGHT.get(issue.code, 1.0) for issue in measured.quality.issues), default=1.0)
    p = np.array([max(measured.colour.season.probabilities[name], 1e-6) for name in SEASONS]) ** weight
    p = p * np.exp(np.where(WARM, warmer, -warmer) / 2 + np.where(DEEP, deeper, -deeper) / 2)
    p /= p.sum()
    if "warm_cool" in said:
        share = {"warm": CERTAIN, "neutral": 0.5, "cool": 1 - CERTAIN}[said["warm_cool"]]
        p = np.where(WARM, p * share / p[WARM].sum(), p * (1 - share) / p[~WARM].sum())
    found = {name: float(v) for name, v in zip(SEASONS, p, strict=True)}
    return near_certain(found, said["season"]) if "season" in said else found


def _decision(before: Season, label: str, probability: float, said: Mapping[str, str]) -> Decision:
    """A named season is clear. Otherwise what was said can lift "unsure" to "mixed", but only the photo's own light makes it clear."""
    if "season" in said:
        return "clear"
    if label == before.label and before.decision != "unsure":
        return before.decision
    return "mixed" if probability >= CLEAR else "unsure"


def _within(axis: Axis, low: float, high: float) -> Axis:
    """The axis as far as it lies in low..high; where its value does not, the middle of that range with all of it as interval."""
    if not low <= axis.value <= high:
        return Axis((low + high) / 2, low, high)
    return Axis(axis.value, max(axis.low, low), min(axis.high, high))
