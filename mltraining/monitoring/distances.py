"""How far two samples or two histograms are apart: PSI, Jensen-Shannon, Kolmogorov-Smirnov, each with what chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import chdtrc, kolmogorov

#: Added to every bin before shares are taken, so that an empty bin gives a large PSI and not an infinite one.
PRIOR_COUNT: Final = 0.5


def quantile_edges(values: np.ndarray, bins: int = 10) -> np.ndarray:
    """Inner edges, at most ``bins - 1`` and strictly increasing, that split ``values`` (n,) into about equal parts; NaN is ignored.

    Fewer where many values are the same: each bin that is left then holds at least some of them.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(0)
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins))
    return edges[(edges > known.min()) & (edges <= known.max())]


def binned(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(len(edges) + 2,) counts: each bin holds its lower edge, the last one counts what is NaN."""
    known = np.isfinite(values)
    inside = np.bincount(np.searchsorted(edges, values[known], side="right"), minlength=len(edges) + 1)
    return np.append(inside, len(values) - known.sum())


def _shares(reference: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used = (reference + window) > 0
    p, q = reference[used] + PRIOR_COUNT, window[used] + PRIOR_COUNT
    return p / p.sum(), q / q.sum()


def psi(reference: np.ndarray, window: np.ndarray) -> float:
    """Population stability index of two arrays of counts over the same bins: sum of (q - p) ln(q / p). 0 where they are alike.

    Customary readings: below 0.1 small, above 0.25 large (Siddiqi 2006, Credit Risk Scorecards). Bins empty in both are left out.
    """
    p, q = _shares(reference, window)
    return float(((q - p) * np.log(q / p)).sum())


def psi_p(value: float, reference: np.ndarray, window: np.ndarray) -> float:
    """Probability of such a PSI, or a larger one, where both samples come from one distribution.

    PSI times mn / (m + n) is chi-square with bins - 1 degrees of freedom then (Yurdakul and Naranjo 2020, Statistical properties of
    the population stability index). 1 where there is one bin only.
    """
    freedom = int(((reference + window) > 0).sum()) - 1
    n, m = reference.sum(), window.sum()
    return float(chdtrc(freedom, value * n * m / (n + m))) if freedom > 0 and n and m else 1.0


def jensen_shannon(reference: np.ndarray, window: np.ndarray) -> float:
    """Jensen-Shannon distance, base 2, of two arrays of counts: 0 (alike) to 1 (nothing in common)."""
    return float(np.nan_to_num(jensenshannon(reference, window, base=2)))


@dataclass(frozen=True)
class Sorted:
    """A sample sorted once, to be compared with many."""

    values: np.ndarray  # (n,) ascending, finite

    @classmethod
    def of(cls, values: np.ndarray) -> Sorted:
        return cls(np.sort(values[np.isfinite(values)]))


def ks(reference: Sorted, window: Sorted) -> tuple[float, float]:
    """(largest distance between the two distribution functions, asymptotic two-sided p). (0, 1) where one sample is empty.

    As ``scipy.stats.ks_2samp``, whose finite-sample p costs a hundred times more and is a little smaller.
    """
    first, second = reference.values, window.values
    n, m = len(first), len(second)
    if not n or not m:
        return 0.0, 1.0
    at_second = np.searchsorted(first, second, side="right") / n - np.arange(1, m + 1) / m
    before_second = np.searchsorted(first, second, side="left") / n - np.arange(m) / m
    distance = float(max(np.abs(_last_of_ties(second, at_second)).max(), np.abs(_first_of_ties(second, before_second)).max()))
    return distance, float(kolmogorov(np.sqrt(n * m / (n + m)) * distance))


def _last_of_ties(values: np.ndarray, differences: np.ndarray) -> np.ndarray:
    return differences[np.append(values[1:] != values[:-1], True)]


def _first_of_ties(values: np.ndarray, differences: np.ndarray) -> np.ndarray:
    return differences[np.append(True, values[1:] != values[:-1])]
