"""How good a scorer is on faces it never saw, beside what costs nothing: the mean, a linear model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.scoring import join_inputs, person_inputs
from recommendations.engine.stylist import Stylist

from .face_population import FacePopulation
from .scorer_data import ScorerData

Predict = Callable[[np.ndarray], np.ndarray]
SEED_MAE = 15.44  # what the mission reports for its own data


def validation_metrics(data: ScorerData, predict: Predict) -> dict[str, Any]:
    """MAE on the validation faces with a bootstrap interval over faces, beside the mean of the training scores and a ridge."""
    x, y, _face = data.part(validation=False)
    x_val, y_val, face = data.part(validation=True)
    errors = np.abs(predict(x_val) - y_val)
    low, high = bootstrap_over_groups(errors, face)
    ridge = Ridge(alpha=1.0).fit(x, y)
    return {
        "validation_mae": float(errors.mean()),
        "validation_mae_95": [low, high],
        "mean_mae": float(np.abs(y_val - y.mean()).mean()),
        "linear_mae": float(np.abs(np.clip(ridge.predict(x_val), 0, 100) - y_val).mean()),
        "mission_mae": SEED_MAE,
        "validation_faces": len(np.unique(face)),
        "validation_pairs": len(y_val),
    }


def bootstrap_over_groups(values: np.ndarray, groups: np.ndarray, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean, resampling whole groups (a face's rows are not independent)."""
    names, index = np.unique(groups, return_inverse=True)
    totals, counts = np.bincount(index, values), np.bincount(index)
    draws = np.random.default_rng(seed).integers(0, len(names), size=(rounds, len(names)))
    means = totals[draws].sum(1) / counts[draws].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def agreement_with_stylist(
    predict: Predict, entries: Sequence[StyleEntry], vectors: np.ndarray, faces: int = 200, seed: int = 10_007
) -> dict[str, float]:
    """Rank agreement with the rules over the whole catalogue on fresh faces: mean Spearman, share of the top 10 that is shared."""
    population, stylist = FacePopulation.load(), Stylist(entries)
    rho: list[float] = []
    overlap: list[float] = []
    for reading in population.sample(faces, np.random.default_rng(seed)):
        truth = stylist.score(reading)
        person = person_inputs(dict(reading.face_shape.probabilities), dict(reading.colour.season.probabilities))
        guess = predict(join_inputs(person, vectors))
        rho.append(float(spearmanr(truth, guess).statistic))
        overlap.append(len(set(np.argsort(-truth)[:10]) & set(np.argsort(-guess)[:10])) / 10)
    return {"spearman": float(np.mean(rho)), "top10_overlap": float(np.mean(overlap)), "faces": float(faces)}
