"""Readings that tests of the engine make up: any shape, any percentile, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from mltraining.learn.face_population import rule_measures, synthetic_reading
from recommendations.engine.types import FaceReading, Measurement
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS

EVEN = dict.fromkeys(SEASONS, 1 / len(SEASONS))


def face(shape: str | Mapping[str, float] = "oval", **percentiles: float) -> FaceReading:
    """A face surely (90 %) of ``shape``, or of given probabilities; percentiles by measurement, 50 where none is given."""
    if isinstance(shape, str):
        shape = {name: 0.9 if name == shape else 0.1 / (len(FACE_SHAPES) - 1) for name in FACE_SHAPES}
    measured = {name: Measurement(1.0, percentiles.get(name, 50.0)) for name in rule_measures()}
    return synthetic_reading(dict(shape), EVEN, measured)
