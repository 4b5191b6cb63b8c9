"""Synthetic faces that vary as real ones do: a Gaussian copula over measurements and shape logits of the reference faces.

Only aggregate numbers are kept (means, deviations, one correlation matrix), never a face. Rebuilt by
``manage.py build_face_population --data landmarks.npz``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.stats import norm

from recommendations.engine.stylist_rules import load_rules
from recommendations.engine.types import Axis, Colour, FaceReading, FaceShape, Measurement, Quality, Season
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS

FILE: Final = Path(__file__).with_name("data") / "face_population.json"
#: Seasons have no measured population; a symmetric Dirichlet makes clear and mixed ones alike.
SEASON_CONCENTRATION: Final = 0.6


@dataclass(frozen=True, slots=True)
class FacePopulation:
    measures: tuple[str, ...]
    logit_mean: np.ndarray  # (5,)
    logit_sd: np.ndarray  # (5,)
    correlation: np.ndarray  # (len(measures) + 5, same), of normal scores
    faces: int

    @classmethod
    def fit(cls, measures: tuple[str, ...], percentiles: np.ndarray, logits: np.ndarray) -> FacePopulation:
        """percentiles (n, m) in 0..100 and centred shape logits (n, 5) of real faces."""
        scores = norm.ppf(np.clip(percentiles / 100.0, 0.005, 0.995))
        joint = np.hstack([scores, logits])
        return cls(measures, logits.mean(0), logits.std(0), np.corrcoef(joint, rowvar=False), len(joint))

    def sample(self, n: int, rng: np.random.Generator) -> list[FaceReading]:
        """``n`` readings with shape probabilities, season probabilities and percentiles; what was not sampled is neutral."""
        z = rng.multivariate_normal(np.zeros(len(self.correlation)), _definite(self.correlation), size=n, method="cholesky")
        percent = 100.0 * norm.cdf(z[:, : len(self.measures)])
        logits = self.logit_mean + self.logit_sd * z[:, len(self.measures) :]
        shapes = np.exp(logits - logits.max(1, keepdims=True))
        shapes /= shapes.sum(1, keepdims=True)
        seasons = rng.dirichlet([SEASON_CONCENTRATION] * len(SEASONS), size=n)
        return [self._reading(*row) for row in zip(shapes, seasons, percent, strict=True)]

    def _reading(self, shape: np.ndarray, season: np.ndarray, percent: np.ndarray) -> FaceReading:
        measurements = {name: Measurement(float("nan"), float(p)) for name, p in zip(self.measures, percent, strict=True)}
        return synthetic_reading(
            dict(zip(FACE_SHAPES, map(float, shape), strict=True)),
            dict(zip(SEASONS, map(float, season), strict=True)),
            measurements,
        )

    def save(self, path: Path = FILE) -> None:
        data = {
            "measures": list(self.measures),
            "logit_mean": np.round(self.logit_mean, 5).tolist(),
            "logit_sd": np.round(self.logit_sd, 5).tolist(),
            "correlation": np.round(self.correlation, 5).tolist(),
            "faces": self.faces,
        }
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path = FILE) -> FacePopulation:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            tuple(data["measures"]),
            np.array(data["logit_mean"]),
            np.array(data["logit_sd"]),
            np.array(data["correlation"]),
            data["faces"],
        )


def _definite(correlation: np.ndarray, least: float = 1e-6) -> np.ndarray:
    """The correlation made positive definite: logits sum to 0, measures may follow from each other, and the file is rounded."""
    lifted = correlation + least * np.eye(len(correlation))
    values, axes = np.linalg.eigh(lifted)
    if values[0] > 0:
        return lifted
    clipped = (axes * np.maximum(values, least)) @ axes.T
    scale = np.sqrt(np.diag(clipped))
    return clipped / np.outer(scale, scale)


def synthetic_reading(shape: dict[str, float], season: dict[str, float], measurements: dict[str, Measurement]) -> FaceReading:
    """A reading that holds what scorers look at and nothing else."""
    first, second = sorted(shape, key=lambda key: -shape[key])[:2]
    axis = Axis(0.0, -1.0, 1.0)
    return FaceReading(
        face_shape=FaceShape(shape, first, second, shape[first], "mixed"),
        colour=Colour(
            (65.0, 12.0, 16.0), 43.0, axis, axis, Season(season, max(season, key=lambda key: season[key]), "mixed"), 0.0
        ),
        quality=Quality((), {}),
        measurements=measurements,
        features={},
    )


def rule_measures() -> tuple[str, ...]:
    """The measurements that the stylist's rules look at."""
    return tuple(dict.fromkeys(rule.measure for rule in load_rules()))
