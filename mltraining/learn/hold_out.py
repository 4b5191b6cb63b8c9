"""How well scorers tell likes from dislikes on reactions that none of them was trained on, scored as serving would have scored them.

Scores are on scales of their own, so each scorer's are first turned into probabilities by a logistic curve (Platt 1999); then log
losses are compared row by row, and people, not rows, are resampled. The curve for a person's rows is fitted on the other people of the
hold-out: on training rows a scorer that has learned them by heart would look surer than it may be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import rankdata

from recommendations.engine.scoring import Scorer, StyleTable

from .dataset import Dataset
from .packed_readings import unpack

FOLDS: Final = 5
DRAWS: Final = 1000
AUC_DRAWS: Final = 300
MOST_WEIGHT: Final = 20.0  # of one reaction where those that were unlikely to be shown count more
Beat = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Predictions:
    """One scorer on the hold-out: scores (n,) 0..100 as served, and chances (n,) of a like after calibration."""

    scores: np.ndarray
    chances: np.ndarray


def score_rows(scorer: Scorer, dataset: Dataset, rows: np.ndarray, styles: StyleTable, beat: Beat | None = None) -> np.ndarray:
    """(n,) scores of the reactions ``rows`` (indices) with the reading and the past of their moment; NaN for styles that left.

    ``beat`` is called after each list and may raise to stop.
    """
    place = {entry.slug: i for i, entry in enumerate(styles.entries)}
    scores = np.full(len(rows), np.nan)
    lists: dict[tuple[int, Any], list[int]] = {}
    for at, past in enumerate(dataset.pasts(rows)):
        lists.setdefault((int(dataset.reading[rows[at]]), past), []).append(at)
    for (reading, past), members in lists.items():
        whole = scorer.score(unpack(dataset.readings[reading]), styles, past)
        for at in members:
            row = place.get(str(dataset.slug[rows[at]]))
            if row is not None:
                scores[at] = whole[row]
        if beat:
            beat()
    return scores


def usable(dataset: Dataset, rows: np.ndarray, styles: StyleTable) -> np.ndarray:
    """Those of ``rows`` (a mask) whose style can still be scored, as indices in order of time."""
    known = {entry.slug for entry in styles.entries}
    there = np.array([slug in known for slug in dataset.slug.tolist()], dtype=bool)
    return np.flatnonzero(rows & there)


def predict(scorer: Scorer, dataset: Dataset, rows: np.ndarray, styles: StyleTable, beat: Beat | None = None) -> Predictions:
    """``rows``: indices from ``usable``."""
    scores = score_rows(scorer, dataset, rows, styles, beat)
    return Predictions(scores, calibrated(scores, dataset.liked[rows], people_of(dataset.unit[rows])))


def calibrated(scores: np.ndarray, liked: np.ndarray, people: list[np.ndarray]) -> np.ndarray:
    """(n,) chances of a like; each person's by a curve that was fitted on the people of the other folds."""
    chances = np.zeros(len(scores))
    order = np.random.default_rng(0).permutation(len(people))
    for fold in range(min(FOLDS, len(people))):
        own = np.concatenate([people[i] for i in order[fold::FOLDS]])
        others = np.setdiff1d(np.arange(len(scores)), own)
        intercept, slope = fit_curve(scores[others], liked[others])
        chances[own] = expit(intercept + slope * _logit(scores[own]))
    return chances


def fit_curve(scores: np.ndarray, liked: np.ndarray) -> tuple[float, float]:
    """Intercept and slope by penalised maximum likelihood: a normal prior about (0, 1) of deviation 2 and 1 keeps few rows sane."""
    z, y = _logit(scores), np.asarray(liked, dtype=np.float64)

    def cost(beta: np.ndarray) -> tuple[float, np.ndarray]:
        eta = beta[0] + beta[1] * z
        wrong = expit(eta) - y
        prior = np.array([beta[0] / 4.0, beta[1] - 1.0])
        value = np.logaddexp(0, eta).sum() - y @ eta + beta[0] ** 2 / 8.0 + (beta[1] - 1.0) ** 2 / 2.0
        return float(value), np.array([wrong.sum(), wrong @ z]) + prior

    found = minimize(cost, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=((None, None), (1e-3, None)))
    return float(found.x[0]), float(found.x[1])  # the slope's bound: an order that is upside down stays what the scorer said


def _logit(scores: np.ndarray) -> np.ndarray:
    z: np.ndarray = logit(np.clip(scores / 100.0, 0.02, 0.98))
    return z


def log_losses(chances: np.ndarray, liked: np.ndarray) -> np.ndarray:
    """(n,) in nats."""
    p = np.clip(chances, 1e-6, 1 - 1e-6)
    losses: np.ndarray = -np.where(liked > 0, np.log(p), np.log1p(-p))
    return losses


def auc(scores: np.ndarray, liked: np.ndarray) -> float:
    """Chance that a liked row scores above a disliked one, ties counting half; NaN where one kind is missing."""
    likes = int(liked.sum())
    if not likes or likes == len(liked):
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[liked > 0].sum() - likes * (likes + 1) / 2) / (likes * (len(liked) - likes)))


def people_of(unit: np.ndarray) -> list[np.ndarray]:
    """The rows of each person."""
    _names, place = np.unique(unit, return_inverse=True)
    order = np.argsort(place, kind="stable")
    return np.split(order, np.cumsum(np.bincount(place))[:-1]) if len(place) else []


def interval_of_mean(
    values: np.ndarray, people: list[np.ndarray], level: float, weights: np.ndarray | None = None, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the (weighted) mean of rows when people are drawn again."""
    weights = np.ones(len(values)) if weights is None else weights
    totals = np.array([(values[rows] * weights[rows]).sum() for rows in people])
    counts = np.array([weights[rows].sum() for rows in people])
    drawn = np.random.default_rng(seed).integers(0, len(people), size=(DRAWS, len(people)))
    means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def interval_of(
    figure: Callable[[np.ndarray], float], people: list[np.ndarray], level: float, seed: int = 0
) -> tuple[float, float]:
    """The same of any figure of a set of rows; draws for which it is no number are left out. NaN where it never was one."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(AUC_DRAWS):
        value = figure(np.concatenate([people[i] for i in rng.integers(0, len(people), len(people))]))
        if np.isfinite(value):
            found.append(value)
    if not found:
        return float("nan"), float("nan")
    low, high = np.percentile(found, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
