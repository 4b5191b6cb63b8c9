"""Several photos of one person as one reading.

Photos of one person in one sitting share their light and lens, so their errors are not independent. ``SHARED`` is the correlation
that is assumed between them: three photos narrow an interval by a fifth and not by half, and where the photos differ by more than
their intervals allow, the difference decides. Probabilities are averaged as logarithms (a geometric mean, like the views of one
photo): photos that agree leave the belief as it was calibrated, they do not multiply it up.

Nothing here checks that the photos show the same person. Shared proportions are no identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from recommendations.engine import face_shape
from recommendations.engine.colour_space import ita
from recommendations.engine.measurements import NAMES, percentiles
from recommendations.engine.season import CLEAR
from recommendations.engine.types import Axis, Colour, Decision, FaceReading, Measurement, Quality, QualityIssue, Season
from recommendations.engine.vocabulary import SEASONS

#: Correlation assumed between the errors of two photos of one sitting.
SHARED: Final = 0.5
#: Standard deviations from the middle to the end of a 90 % interval of a normal distribution.
NINETY: Final = 1.645
#: No photo's axis counts as surer than this standard deviation.
LEAST_SD: Final = 0.03
WARM: Final = ("spring", "autumn")
#: Warnings under which a photo's colours are left out where another photo has none of them; the first is the worse one.
COLOUR_WARNINGS: Final = ("no_colour", "colour_cast")


def combine_readings(readings: Sequence[FaceReading]) -> FaceReading:
    """One to several readings of the same face -> their reading. One is returned as it is; ValueError for none.

    A warning is kept where more than half of the photos carry it. Outline and quality metrics are the best photo's (``best``).
    Raises ArtifactError where no face-shape model is installed, whose thresholds decide between clear, mixed and unsure.
    """
    if not readings:
        raise ValueError("there is no reading to combine")
    if len(readings) == 1:
        return readings[0]
    model = face_shape.model()
    first = readings[best(readings)]
    shape = _pooled([reading.face_shape.probabilities for reading in readings])
    values = np.array([[reading.measurements[name].value for name in NAMES] for reading in readings]).mean(axis=0)
    counts = Counter(issue for reading in readings for issue in reading.quality.issues)
    issues = tuple(QualityIssue(i.code, i.severity) for i, count in counts.items() if count > len(readings) / 2)
    return FaceReading(
        face_shape=model.decide(np.array([shape[name] for name in face_shape.CLASSES])),
        colour=combine_colours([reading.colour for reading in _colour_witnesses(readings)]),
        quality=Quality(issues, {**first.quality.metrics, "photos": float(len(readings))}),
        measurements={
            name: Measurement(round(float(v), 4), round(float(r), 1))
            for name, v, r in zip(NAMES, values, percentiles(values, model.quantiles), strict=True)
        },
        features=first.features,
        versions=first.versions,
    )


def best(readings: Sequence[FaceReading]) -> int:
    """Index of the photo with the fewest warnings; of equals the one whose face is largest and sharpest."""

    def worth(reading: FaceReading) -> tuple[int, float]:
        metrics = reading.quality.metrics
        return -len(reading.quality.issues), metrics.get("face_px", 0.0) * metrics.get("sharpness", 0.0)

    return max(range(len(readings)), key=lambda i: worth(readings[i]))


def combine_colours(colours: Sequence[Colour]) -> Colour:
    """Median colours, axes by inverse variance, seasons pooled. One or more."""
    lab = _median([colour.lab for colour in colours])
    warm_cool = combine_axes([colour.warm_cool for colour in colours])
    hair = [colour.hair_lab for colour in colours if colour.hair_lab]
    return Colour(
        lab=lab,
        ita=ita(lab[0], lab[2]),
        warm_cool=warm_cool,
        light_deep=combine_axes([colour.light_deep for colour in colours]),
        season=_season([colour.season for colour in colours], warm_cool),
        cast=float(np.median([colour.cast for colour in colours])),
        hair_lab=_median(hair) if hair else None,
    )


def combine_axes(axes: Sequence[Axis]) -> Axis:
    """Inverse-variance mean with a 90 % interval: from the photos' own intervals with errors correlated by SHARED, or from the
    photos' disagreement (standard error of their weighted mean) where that is wider."""
    if len(axes) == 1:
        return axes[0]
    values = np.array([axis.value for axis in axes])
    sds = np.maximum([(axis.high - axis.low) / 2 / NINETY for axis in axes], LEAST_SD)
    weights = sds**-2 / (sds**-2).sum()
    value = float(weights @ values)
    parts = weights * sds
    within = (1 - SHARED) * float((parts**2).sum()) + SHARED * float(parts.sum()) ** 2
    between = float(weights @ (values - value) ** 2) / (len(axes) - 1)
    reach = NINETY * float(np.sqrt(max(within, between)))
    return Axis(value, max(-1.0, value - reach), min(1.0, value + reach))


def _season(seasons: Sequence[Season], warm_cool: Axis) -> Season:
    """Unsure where no photo settled it, or some settled on a warm and some on a cool season.

    Clear where all photos name it, more than half settled it and the interval leaves it either warm or cool.
    """
    if len(seasons) == 1:
        return seasons[0]
    p = _pooled([season.probabilities for season in seasons])
    label = max(SEASONS, key=lambda name: p[name])
    agree = all(season.label == label for season in seasons)
    settled = [season.label for season in seasons if season.decision != "unsure"]
    decision: Decision = "mixed"
    if len({name in WARM for name in settled}) != 1:
        decision = "unsure"
    elif agree and len(settled) > len(seasons) / 2 and p[label] >= CLEAR and warm_cool.low * warm_cool.high > 0:
        decision = "clear"
    return Season(p, label, decision)


def _colour_witnesses(readings: Sequence[FaceReading]) -> list[FaceReading]:
    """The photos whose colours can be believed: without a colour warning, else at least not colourless, else all."""
    for warnings in (COLOUR_WARNINGS, COLOUR_WARNINGS[:1]):
        if kept := [r for r in readings if not {issue.code for issue in r.quality.issues} & set(warnings)]:
            return kept
    return list(readings)


def _pooled(beliefs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Geometric mean, normalised."""
    names = list(beliefs[0])
    logs = np.log(np.maximum([[belief[name] for name in names] for belief in beliefs], 1e-6)).mean(axis=0)
    p = np.exp(logs - logs.max())
    return {name: float(v) for name, v in zip(names, p / p.sum(), strict=True)}


def _median(colours: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    lightness, a, b = (float(v) for v in np.median(np.array(colours), axis=0))
    return lightness, a, b
