"""What scores mean: the share of likes among things scored alike, and whether that has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc

from .distances import quantile_edges
from .rates import Rate, change, clustered_rate

BINS: Final = 5


def expected_calibration_error(scores: np.ndarray, liked: np.ndarray, bins: int = 10) -> float:
    """Mean distance between score / 100 and the share of likes over ``bins`` equal ranges of the score, weighted by what is in them.

    Guo, Pleiss, Sun and Weinberger 2017, equation 3. Scores (n,) in 0..100. nan where there is none. A scorer that ranks and does not
    promise probabilities may have a large one and be fine.
    """
    if not len(scores):
        return float("nan")
    place = np.minimum((scores / 100 * bins).astype(int), bins - 1)
    n = np.bincount(place, minlength=bins)
    gap = np.abs(np.bincount(place, scores / 100, bins) - np.bincount(place, liked, bins))
    return float(gap[n > 0].sum() / len(scores))


@dataclass(frozen=True)
class Reliability:
    """Like rates by range of the score. ``edges``: inner edges; ``rates``: one per range, one more than edges."""

    edges: np.ndarray
    rates: tuple[Rate, ...]

    @classmethod
    def of(cls, scores: np.ndarray, liked: np.ndarray, person: np.ndarray, edges: np.ndarray | None = None) -> Reliability:
        """With ``edges``: over those ranges; without: over fifths of these scores."""
        edges = quantile_edges(scores, BINS) if edges is None else edges
        place = np.searchsorted(edges, scores, side="right")
        return cls(edges, tuple(clustered_rate(liked[place == i], person[place == i]) for i in range(len(edges) + 1)))


@dataclass(frozen=True)
class ReliabilityChange:
    """``error``: mean absolute change of the like rate at the same score, weighted by the window's scores; ``p`` of no change."""

    error: float
    p: float


def reliability_change(reference: Reliability, window: Reliability, least: int = 20) -> ReliabilityChange:
    """Ranges with fewer than ``least`` answers in either are left out. The sum of squared z of the others is chi-square."""
    kept = [(a, b) for a, b in zip(reference.rates, window.rates, strict=True) if min(a.n, b.n) >= least]
    if not kept:
        return ReliabilityChange(0.0, 1.0)
    changes = [change(a, b) for a, b in kept]
    weights = np.array([b.n for _a, b in kept], float)
    error = float(np.average([abs(c.absolute) for c in changes], weights=weights))
    variances = [a.variance + b.variance for a, b in kept]
    known = [c.absolute**2 / v for c, v in zip(changes, variances, strict=True) if np.isfinite(v) and v > 0]
    return ReliabilityChange(error, float(chdtrc(len(known), sum(known))) if known else 1.0)
