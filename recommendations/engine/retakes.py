"""What other photos of the same face might have read: one reading as the cloud of readings it could have been.

How wide the cloud is was measured: ``manage.py evaluate_stability --people`` prints how far readings of one person lie apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np

from .types import FaceReading
from .vocabulary import FACE_SHAPES

DRAWS: Final = 64
#: Standard deviations between photos of one person, in percentile points and in the logarithm of a face shape's probability.
PERCENTILE_SD: Final = 13.0
SHAPE_LOG_SD: Final = 0.8
#: Added to a probability before its logarithm is taken, so that what is all but ruled out stays so.
FLOOR: Final = 1e-3


def shapes(reading: FaceReading) -> np.ndarray:
    """(DRAWS, 5) face-shape probabilities in the order of FACE_SHAPES; each row sums to 1."""
    seen = np.array([reading.face_shape.probabilities[name] for name in FACE_SHAPES])
    drawn = np.exp(np.log(seen + FLOOR) + SHAPE_LOG_SD * _noise(1, len(FACE_SHAPES)))
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def percentiles(reading: FaceReading, measures: Sequence[str]) -> dict[str, np.ndarray]:
    """(DRAWS,) percentiles of each measure that the reading has; they may leave 0..100, where every rule is at its end anyway."""
    noise = PERCENTILE_SD * _noise(2, len(measures))
    return {
        name: reading.measurements[name].percentile + noise[:, i]
        for i, name in enumerate(measures)
        if name in reading.measurements
    }


@cache
def _noise(seed: int, width: int) -> np.ndarray:
    """(DRAWS, width) standard normal: the same for every face, so that equal readings give equal lists, and every draw with its
    opposite, so that the mean stays where it was read."""
    half = np.random.default_rng(seed).standard_normal((DRAWS // 2, width))
    drawn = np.concatenate([half, -half])
    drawn.setflags(write=False)
    return drawn
