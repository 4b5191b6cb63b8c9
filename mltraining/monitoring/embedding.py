"""Whether what is shown has moved through the space of styles: maximum mean discrepancy with a Gaussian kernel.

Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012 (JMLR 13): the two-sample statistic and the median heuristic for the kernel's
width. What is shown comes from a catalogue of a few hundred styles, so the kernel is a small matrix whose leading eigenvectors give
each style coordinates; a person is the mean of what they were shown, and MMD is the distance between two means. Its null
distribution is a weighted sum of chi-squares, taken from the people themselves. Chosen before a permutation test, which cannot give a
p below one over its permutations, and before a classifier, which is slower and has to be cross-validated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

DIMENSIONS = 24  # leading directions that are kept; what is left out only makes the test blinder, never louder


@dataclass(frozen=True)
class StyleSpace:
    """Coordinates of styles, such that inner products are the kernel's values."""

    coordinates: np.ndarray  # (styles, r)

    @classmethod
    def of(cls, vectors: np.ndarray, dimensions: int = DIMENSIONS) -> StyleSpace:
        """``vectors`` (styles, d), one row per style."""
        squared = np.maximum(0.0, _squared_distances(vectors))
        upper = squared[np.triu_indices(len(vectors), 1)]
        width = float(np.median(upper)) if len(upper) else 1.0
        kernel = np.exp(-squared / (width or 1.0))
        values, axes = np.linalg.eigh(kernel)
        kept = slice(max(0, len(values) - dimensions), None)
        return cls(axes[:, kept] * np.sqrt(np.maximum(values[kept], 0.0)))

    def people(self, styles: np.ndarray, person: np.ndarray) -> np.ndarray:
        """(people, r): the mean of what each was shown. ``styles`` (n,) rows of this space, ``person`` (n,) to whom."""
        _, code = np.unique(person, return_inverse=True)
        shown = np.bincount(code).astype(float)
        sums = [np.bincount(code, column[styles], len(shown)) for column in self.coordinates.T]
        return np.stack(sums, axis=1) / shown[:, None]


@dataclass(frozen=True)
class Discrepancy:
    """``effect``: distance of the two means in standard deviations of a person; ``p``: of such a distance by chance."""

    effect: float
    p: float


def discrepancy(reference: np.ndarray, window: np.ndarray) -> Discrepancy:
    """MMD between people of two periods, (n, r) and (m, r); 0 and 1 where one of them has fewer than two."""
    n, m = len(reference), len(window)
    if min(n, m) < 2:
        return Discrepancy(0.0, 1.0)
    squared = float(((window.mean(0) - reference.mean(0)) ** 2).sum())
    covariance = ((n - 1) * np.cov(reference.T) + (m - 1) * np.cov(window.T)) / (n + m - 2)
    spread = float(np.trace(np.atleast_2d(covariance)))
    if spread <= 0:
        return Discrepancy(0.0 if squared == 0 else np.inf, 1.0 if squared == 0 else 0.0)
    weights = np.linalg.eigvalsh(np.atleast_2d(covariance)) * (1 / n + 1 / m)
    return Discrepancy(float(np.sqrt(squared / spread)), weighted_chi_square_tail(squared, np.maximum(weights, 0.0)))


def weighted_chi_square_tail(value: float, weights: np.ndarray) -> float:
    """P(sum of weights x chi-square(1) >= value), three cumulants matched (Buckley and Eagleson 1988)."""
    first, second, third = weights.sum(), 2 * (weights**2).sum(), 8 * (weights**3).sum()
    if second <= 0:
        return 1.0
    freedom = 8 * second**3 / third**2
    return float(chdtrc(freedom, max(0.0, (value - first) * np.sqrt(2 * freedom / second) + freedom)))


def _squared_distances(vectors: np.ndarray) -> np.ndarray:
    lengths = (vectors**2).sum(1)
    return np.asarray(lengths[:, None] + lengths[None, :] - 2 * vectors @ vectors.T)
