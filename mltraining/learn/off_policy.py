"""What share of a policy's styles would be liked, judged from what was shown under another policy with logged propensities.

Value: likes per reaction over the styles of the new policy's lists. Estimators (Swaminathan & Joachims 2015; Dudik et al. 2011), over
shown styles j that got a reaction and that the new policy would show too, with w_j = min(1 / propensity, clip):

- SNIPS: sum(w * liked) / sum(w);
- doubly robust: mean of the reward model's prediction over all styles of the new lists + sum(w * (liked - predicted)) / sum(w).

Assumed: a style is liked or not whatever stands beside it, and whoever reacts would react as often to another style. A style that could
not have been shown (propensity 0) adds nothing to the sums: the share of such styles is reported and makes the answer unsupported.
Weights are cut at sqrt(n) times their mean (Ionides 2008): biased, less and less so with more data, and never ruled by one reaction.
Intervals: percentile bootstrap over people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

MIN_ESS: Final = 100.0  # effective reactions below which nothing is said
MIN_SUPPORT: Final = 0.9  # share of the new policy's styles that could have been shown
MIN_PEOPLE: Final = 30
KEPT: Final = 0.5  # propensity that no drawn style reaches and no kept one falls below


@dataclass(frozen=True, eq=False, slots=True)
class Reacted:
    """Shown styles that got a reaction, one row each."""

    person: np.ndarray  # (n,) int, 0..people-1
    wanted: np.ndarray  # (n,) bool: the new policy would show it there
    propensity: np.ndarray  # (n,) probability with which it was shown, above 0
    liked: np.ndarray  # (n,) 0 or 1
    predicted: np.ndarray  # (n,) the reward model's probability of a like


@dataclass(frozen=True, eq=False, slots=True)
class NewLists:
    """The new policy's lists, one row each."""

    person: np.ndarray  # (k,) int
    length: np.ndarray  # (k,) styles
    supported: np.ndarray  # (k,) of them, how many the old policy could have shown
    predicted: np.ndarray  # (k,) sum of the reward model's probabilities


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OffPolicyEstimate:
    """``logged``: what was shown in fact. ``clipped``: share of the weight that clipping took away. ``problems``: why the figures
    must not be relied on; empty where they may."""

    snips: Interval
    doubly_robust: Interval
    logged: Interval
    ess: float
    matches: int
    explored_matches: int
    support: float
    clip: float
    clipped: float
    people: int
    problems: tuple[str, ...]


def effective_size(weights: np.ndarray) -> float:
    """Kish's (sum w)^2 / sum w^2; 0 without weights."""
    total = float((weights**2).sum())
    return float(weights.sum()) ** 2 / total if total > 0 else 0.0


def default_clip(weights: np.ndarray) -> float:
    """sqrt(n) * mean(w), at least 1."""
    return max(1.0, float(np.sqrt(len(weights)) * weights.mean())) if len(weights) else 1.0


def estimate(
    reacted: Reacted, lists: NewLists, *, people: int, clip: float | None = None, resamples: int = 1000, seed: int = 0
) -> OffPolicyEstimate:
    """``clip``: most that one reaction may weigh; None: ``default_clip``. Raises ValueError without lists or reactions, and where a
    propensity is not in (0, 1]."""
    if not len(lists.length) or not len(reacted.liked):
        raise ValueError("nothing was shown that anybody reacted to")
    if not ((reacted.propensity > 0) & (reacted.propensity <= 1)).all():
        raise ValueError("a propensity is above 0 and at most 1")
    full = np.where(reacted.wanted, 1.0 / reacted.propensity, 0.0)
    positive = full[full > 0]
    clip = default_clip(positive) if clip is None else clip
    weights = np.minimum(full, clip)
    sums = _by_person(reacted, lists, weights, people)
    rng = np.random.default_rng(seed)
    once = _values(sums.sum(axis=0, keepdims=True))[0]
    again = _values(np.stack([np.bincount(rng.integers(people, size=people), minlength=people) @ sums for _ in range(resamples)]))
    snips, robust, logged = (
        Interval(float(once[i]), *(float(v) for v in np.nanquantile(again[:, i], (0.025, 0.975))))
        if np.isfinite(once[i])
        else _NONE
        for i in range(3)
    )
    ess = effective_size(weights)
    support = float(lists.supported.sum() / max(1, lists.length.sum()))
    return OffPolicyEstimate(
        snips=snips,
        doubly_robust=robust,
        logged=logged,
        ess=ess,
        matches=len(positive),
        explored_matches=int((reacted.wanted & (reacted.propensity < KEPT)).sum()),
        support=support,
        clip=clip,
        clipped=float(1 - weights.sum() / full.sum()) if len(positive) else 0.0,
        people=people,
        problems=_problems(ess, support, people),
    )


_NONE: Final = Interval(float("nan"), float("nan"), float("nan"))


def _problems(ess: float, support: float, people: int) -> tuple[str, ...]:
    found = []
    if ess < MIN_ESS:
        found.append(f"the reactions to its styles weigh as much as {ess:.0f} equal ones, fewer than {MIN_ESS:.0f}")
    if support < MIN_SUPPORT:
        found.append(f"{1 - support:.0%} of its styles could not have been shown, more than {1 - MIN_SUPPORT:.0%}")
    if people < MIN_PEOPLE:
        found.append(f"{people} people, fewer than {MIN_PEOPLE}")
    return tuple(found)


def _by_person(reacted: Reacted, lists: NewLists, weights: np.ndarray, people: int) -> np.ndarray:
    """(people, 7) sums: w liked, w, w (liked - predicted), predicted of the lists, length, likes, reactions."""

    def per(person: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.bincount(person, values, minlength=people)

    return np.stack(
        [
            per(reacted.person, weights * reacted.liked),
            per(reacted.person, weights),
            per(reacted.person, weights * (reacted.liked - reacted.predicted)),
            per(lists.person, lists.predicted),
            per(lists.person, lists.length.astype(float)),
            per(reacted.person, reacted.liked.astype(float)),
            per(reacted.person, np.ones(len(reacted.liked))),
        ],
        axis=1,
    )


def _values(sums: np.ndarray) -> np.ndarray:
    """(r, 7) sums -> (r, 3): SNIPS, doubly robust, logged. NaN where a denominator is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        snips = sums[:, 0] / sums[:, 1]
        robust = sums[:, 3] / sums[:, 4] + sums[:, 2] / sums[:, 1]
        return np.stack([snips, np.clip(robust, 0.0, 1.0), sums[:, 5] / sums[:, 6]], axis=1)


def cross_fitted(
    scores: np.ndarray, liked: np.ndarray, person: np.ndarray, new_scores: np.ndarray, new_person: np.ndarray, folds: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """A reward model: scores 0..100 made probabilities by Platt's scaling, fitted without the person it is asked about.

    (n,) scores with reactions and (m,) scores of new styles -> their probabilities of a like, (n,) and (m,).
    """
    known, new = np.zeros(len(scores)), np.zeros(len(new_scores))
    for fold in range(folds):
        mine, theirs = person % folds == fold, new_person % folds == fold
        train = ~mine if (~mine).any() else mine
        slope, intercept = _platt(scores[train], liked[train])
        known[mine] = expit(intercept + slope * _squeezed(scores[mine]))
        new[theirs] = expit(intercept + slope * _squeezed(new_scores[theirs]))
    return known, new


def _squeezed(scores: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(np.asarray(scores, dtype=float) / 100.0, 0.01, 0.99)))


def _platt(scores: np.ndarray, liked: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of a logistic regression with a little ridge, so that few reactions give no certainty."""
    x = _squeezed(scores)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        slope, intercept = parameters
        z = intercept + slope * x
        gap = expit(z) - liked
        value = float((np.logaddexp(0, z) - liked * z).sum() + 0.5 * (slope**2 + 0.1 * intercept**2))
        return value, np.array([gap @ x + slope, gap.sum() + 0.1 * intercept])

    slope, intercept = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return float(slope), float(intercept)
