"""The score head: ridge regression of synthetic scores, as logits, on every product of a person's and a style's features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from recommendations.engine.preference import head_person
from recommendations.engine.preference_features import StyleSchema

#: Directions of the style features that meet the person's in products: effects and ``flatters`` as they are, and the main
#: directions in which the catalogue varies.
MAIN_DIRECTIONS: Final = 24
RIDGES: Final = (3.0, 10.0, 30.0, 100.0)
EDGE: Final = 0.02  # scores are cut to 2..98 before the logit


@dataclass(frozen=True, eq=False)
class ScoreHead:
    weights: np.ndarray  # (Ph, Kh)
    projection: np.ndarray  # (A, Kh)
    scale: np.ndarray  # (2,) mean and deviation of the logits that it gives to the rows it was fitted on
    ridge: float
    mae: float  # on held-out faces, points of 0..100; NaN where there were no rows


def main_directions(features: np.ndarray, kinds: Sequence[str], count: int, leave_out: Sequence[str] = ()) -> np.ndarray:
    """(A, count) orthogonal projection on the directions of largest variance, columns of the kinds ``leave_out`` left at 0."""
    used = np.array([kind not in leave_out for kind in kinds])
    centred = features[:, used] - features[:, used].mean(axis=0)
    _u, _s, directions = np.linalg.svd(centred, full_matrices=False)
    projection = np.zeros((features.shape[1], min(count, len(directions))))
    projection[used] = directions[: projection.shape[1]].T
    return projection


def head_projection(features: np.ndarray, schema: StyleSchema) -> np.ndarray:
    kinds = schema.kinds
    direct = np.eye(len(kinds))[:, [kind in ("effects", "flatters") for kind in kinds]]
    constant = np.zeros((len(kinds), 1))
    # Every style has exactly one length, so that the sum over lengths is the constant.
    constant[[kind == "length" for kind in kinds]] = 1.0
    main = main_directions(features, kinds, MAIN_DIRECTIONS, ("effects", "flatters", "family", "cut"))
    return np.hstack([constant, direct, main])


def untaught(features: np.ndarray, schema: StyleSchema, people: int) -> ScoreHead:
    """The head of a model without synthetic data: nothing is expected of anything."""
    projection = head_projection(features, schema)
    rows = head_person(np.zeros((1, people))).shape[1]
    return ScoreHead(np.zeros((rows, projection.shape[1])), projection, np.array([0.0, 1.0]), 0.0, float("nan"))


def fit(
    people: np.ndarray, features: np.ndarray, schema: StyleSchema, person: np.ndarray, style: np.ndarray, score: np.ndarray,
    weight: np.ndarray, seed: int,
) -> ScoreHead:  # fmt: skip
    """``score`` (r,) 0..100 of style row ``style`` (r,) for person row ``person`` (r,); ``weight`` (r,) honoured row by row.

    The ridge is the best of ``RIDGES`` on a fifth of the people, held out; the weights then come from all rows.
    """
    projection = head_projection(features, schema)
    left, right = head_person(people), features @ projection
    x = (left[person][:, :, None] * right[style][:, None, :]).reshape(len(person), -1)
    y = np.log(np.clip(score / 100, EDGE, 1 - EDGE) / (1 - np.clip(score / 100, EDGE, 1 - EDGE)))
    weight = weight / weight.mean()
    faces = np.unique(person)
    held = np.isin(person, np.random.default_rng(seed).permutation(faces)[: len(faces) // 5])
    ridge, mae = RIDGES[-1], float("nan")
    if held.any():
        gram, moment = _normal(x[~held], y[~held], weight[~held])
        errors = []
        for candidate in RIDGES:
            predicted = x[held] @ _solve(gram, moment, candidate)
            errors.append(float(np.average(np.abs(_points(predicted) - score[held]), weights=weight[held])))
        ridge, mae = RIDGES[int(np.argmin(errors))], min(errors)
        more, moment_more = _normal(x[held], y[held], weight[held])
        gram, moment = gram + more, moment + moment_more
    else:
        gram, moment = _normal(x, y, weight)
    weights = _solve(gram, moment, ridge)
    given = x @ weights
    scale = np.array([np.average(given, weights=weight), max(1e-3, float(given.std()))])
    return ScoreHead(weights.reshape(left.shape[1], right.shape[1]), projection, scale, ridge, mae)


def _normal(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weighted = (x * weight[:, None]).astype(np.float32)
    return (weighted.T @ x.astype(np.float32)).astype(np.float64), weighted.T @ y


def _solve(gram: np.ndarray, moment: np.ndarray, ridge: float) -> np.ndarray:
    solved: np.ndarray = cho_solve(cho_factor(gram + ridge * np.eye(len(gram))), moment)
    return solved


def _points(logit: np.ndarray) -> np.ndarray:
    return 100 / (1 + np.exp(-logit))
