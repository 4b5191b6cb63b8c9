"""Figures made of sums: shares with their uncertainty, quantiles of a histogram, how unevenly styles are shown. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .events import BEYOND, BOUNDS_MS

Z_95 = 1.959963984540054


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927), within [0, 1]; (nan, nan) where nothing was counted.

    Counts that differences have made impossible (a like of last month taken back) are brought into range.
    """
    if trials <= 0:
        return math.nan, math.nan
    successes = min(max(successes, 0), trials)
    share, square = successes / trials, z * z / trials
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == trials else middle + half)


def share(successes: int, trials: int) -> float:
    """nan where nothing was counted."""
    return min(max(successes, 0), trials) / trials if trials > 0 else math.nan


def quantile(histogram: Mapping[str, int], q: float) -> float:
    """Milliseconds below which ``q`` of them lie, straight between a bucket's bounds; beyond the last bound that bound; nan if empty."""
    total = sum(histogram.values())
    if total <= 0:
        return math.nan
    wanted, below, lower = q * total, 0, 0
    for bound in BOUNDS_MS:
        inside = histogram.get(str(bound), 0)
        if inside and below + inside >= wanted:
            return lower + (bound - lower) * max(wanted - below, 0) / inside
        below, lower = below + inside, bound
    return float(BOUNDS_MS[-1]) if histogram.get(BEYOND) else float(lower)


def gini(counts: Sequence[int]) -> float:
    """Gini coefficient of how often each was shown, 0 (all alike) to 1 - 1/n (one alone); nan where none was shown."""
    ordered, total = sorted(counts), sum(counts)
    if total <= 0:
        return math.nan
    n = len(ordered)
    return sum((2 * place - n - 1) * count for place, count in enumerate(ordered, start=1)) / (n * total)
