"""What the preference scorer looks at: a person as (P,) numbers, styles as (n, A) numbers. Unknown things are 0, which is the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri

from .catalogue import MULTIPLE, SINGLE, StyleEntry
from .types import Axis, FaceReading
from .vocabulary import FACE_SHAPES, SEASONS

#: Measurements taken as normal scores of their percentile among the reference faces.
MEASURES: Final = (
    "length_to_width", "jaw_to_cheek", "jaw_angle", "forehead_to_cheek", "jaw_to_forehead", "chin_angle", "chin_to_jaw",
    "upper_third", "middle_third", "lower_third", "eye_spacing",
)  # fmt: skip
#: The order of a person's features; part of the model's feature schema.
PERSON_FEATURES: Final[tuple[str, ...]] = (
    *(f"shape_p:{shape}" for shape in FACE_SHAPES),
    *(f"shape_is:{shape}" for shape in FACE_SHAPES),
    *(f"season_p:{season}" for season in SEASONS),
    *(f"season_is:{season}" for season in SEASONS),
    "axis:warm_cool",
    "axis:light_deep",
    *(f"ratio:{measure}" for measure in MEASURES),
)
PERSON_KINDS: Final[tuple[str, ...]] = tuple(name.split(":")[0].split("_")[0] for name in PERSON_FEATURES)
RATIOS: Final = slice(len(PERSON_FEATURES) - len(MEASURES), len(PERSON_FEATURES))
_NUMBERS: Final = ("salon_weeks", "daily_minutes")


def person_features(reading: FaceReading) -> np.ndarray:
    """(P,) float64 in the order of ``PERSON_FEATURES``: probabilities less their even share, the likeliest class as one of k, colour
    axes in -1..1 pulled to 0 as far as their interval is wide, measurements as normal scores cut at +-2.5.

    A refused season (a grey photo, coloured light) and a measurement that is not there are 0.
    """
    shape = reading.face_shape.probabilities
    season = reading.colour.season.probabilities
    seen = reading.colour.season.decision != "unsure"
    values = [shape[name] - 1 / len(FACE_SHAPES) for name in FACE_SHAPES]
    values += _is(max(FACE_SHAPES, key=lambda name: shape[name]), tuple(FACE_SHAPES))
    values += [seen * (season[name] - 1 / len(SEASONS)) for name in SEASONS]
    values += [seen * value for value in _is(max(SEASONS, key=lambda name: season[name]), tuple(SEASONS))]
    values += [_certain(reading.colour.warm_cool), _certain(reading.colour.light_deep)]
    values += [_normal_score(reading, name) for name in MEASURES]
    return np.array(values, dtype=np.float64)


def _is(word: str, words: Sequence[str]) -> list[float]:
    return [float(word == other) - 1 / len(words) for other in words]


def _certain(axis: Axis) -> float:
    return axis.value * max(0.0, 1.0 - (axis.high - axis.low) / 2)


def _normal_score(reading: FaceReading, name: str) -> float:
    measurement = reading.measurements.get(name)
    if measurement is None or not np.isfinite(measurement.percentile):
        return 0.0
    return float(np.clip(ndtri(np.clip(measurement.percentile / 100.0, 1e-3, 1 - 1e-3)), -2.5, 2.5))


@dataclass(frozen=True, slots=True)
class StyleSchema:
    """The columns of a style's features. Families and cuts are those the model was made with; others are all zeros there."""

    families: tuple[str, ...]
    cuts: tuple[str, ...]

    @classmethod
    def of(cls, entries: Sequence[StyleEntry]) -> StyleSchema:
        return cls(tuple(sorted({entry.family for entry in entries})), tuple(sorted({entry.cut for entry in entries})))

    @property
    def names(self) -> tuple[str, ...]:
        return (
            *(f"{key}:{word}" for key, words in SINGLE.items() for word in words),
            *(f"{key}:{word}" for key, words in MULTIPLE.items() for word in words),
            *(f"flatters:{shape}" for shape in FACE_SHAPES),
            *(f"number:{name}" for name in _NUMBERS),
            *(f"family:{family}" for family in self.families),
            *(f"cut:{cut}" for cut in self.cuts),
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The attribute that each column belongs to."""
        return tuple(name.split(":")[0] for name in self.names)

    def matrix(self, entries: Sequence[StyleEntry]) -> np.ndarray:
        """(n, A) float64: 0/1 by word, ``flatters`` in halves (-1..1), weeks and minutes as centred logarithms."""
        column = {name: i for i, name in enumerate(self.names)}
        table = np.zeros((len(entries), len(column)))
        for row, entry in zip(table, entries, strict=True):
            said = [f"{key}:{getattr(entry, key)}" for key in SINGLE]
            said += [f"{key}:{word}" for key in MULTIPLE for word in getattr(entry, key)]
            said += [f"family:{entry.family}", f"cut:{entry.cut}"]
            for name in said:
                if name in column:
                    row[column[name]] = 1.0
            for shape in FACE_SHAPES:
                row[column[f"flatters:{shape}"]] = entry.flatters[shape] / 2
            row[column["number:salon_weeks"]] = np.log(entry.salon_weeks / 7.0)
            row[column["number:daily_minutes"]] = np.log1p(entry.daily_minutes) - np.log1p(9.0)
        return table
