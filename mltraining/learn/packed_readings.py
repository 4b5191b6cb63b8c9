"""A face reading as one row of numbers: what scorers look at, and nothing that could draw the face again."""

from __future__ import annotations

from typing import Final

import numpy as np

from recommendations.engine.preference_features import MEASURES
from recommendations.engine.types import Axis, Colour, FaceReading, FaceShape, Measurement, Quality, Season
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS

MISSING: Final = -1.0
_AXES: Final = ("warm_cool", "light_deep")
#: Order of the columns. ``season_seen`` is 0 where the photo's colour was refused; a measurement that is not there is MISSING.
COLUMNS: Final[tuple[str, ...]] = (
    *(f"shape:{shape}" for shape in FACE_SHAPES),
    *(f"season:{season}" for season in SEASONS),
    "season_seen",
    *(f"{axis}:{part}" for axis in _AXES for part in ("value", "low", "high")),
    *(f"percentile:{measure}" for measure in MEASURES),
)


def pack(reading: FaceReading) -> np.ndarray:
    """(R,) float64 in the order of ``COLUMNS``."""
    shape, season = reading.face_shape.probabilities, reading.colour.season.probabilities
    axes = (reading.colour.warm_cool, reading.colour.light_deep)
    percentiles = [reading.measurements[name].percentile if name in reading.measurements else MISSING for name in MEASURES]
    return np.array(
        [
            *(shape[name] for name in FACE_SHAPES),
            *(season[name] for name in SEASONS),
            float(reading.colour.season.decision != "unsure"),
            *(number for axis in axes for number in (axis.value, axis.low, axis.high)),
            *(value if np.isfinite(value) else MISSING for value in percentiles),
        ],
        dtype=np.float64,
    )


def unpack(row: np.ndarray) -> FaceReading:
    """The reading that scores as the one that was packed; its colours, outline and quality are neutral."""
    value = dict(zip(COLUMNS, map(float, row), strict=True))
    shape = {name: value[f"shape:{name}"] for name in FACE_SHAPES}
    season = {name: value[f"season:{name}"] for name in SEASONS}
    first, second = sorted(shape, key=lambda name: -shape[name])[:2]
    warm_cool, light_deep = (Axis(*(value[f"{axis}:{part}"] for part in ("value", "low", "high"))) for axis in _AXES)
    label = max(season, key=lambda name: season[name])
    decision = "mixed" if value["season_seen"] else "unsure"
    return FaceReading(
        face_shape=FaceShape(shape, first, second, shape[first], "mixed"),
        colour=Colour((65.0, 12.0, 16.0), 43.0, warm_cool, light_deep, Season(season, label, decision), 0.0),  # type: ignore[arg-type]
        quality=Quality((), {}),
        measurements={
            name: Measurement(float("nan"), value[f"percentile:{name}"]) for name in MEASURES if value[f"percentile:{name}"] >= 0
        },
        features={},
    )
