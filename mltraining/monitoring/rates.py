"""Rates of yes/no answers given by people who may answer several times, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import hypergeom


@dataclass(frozen=True)
class Rate:
    """``value``: likes over answers; ``variance`` of that estimate; ``n`` answers of ``people`` people."""

    value: float
    variance: float
    n: int
    people: int


def clustered_rate(yes: np.ndarray, person: np.ndarray) -> Rate:
    """The rate of ``yes`` (n,) 0/1 with a variance that knows that one person's answers go together.

    Linearised ratio estimator (Cochran 1977, Sampling Techniques, 6.3), with (likes + 1/2) / (answers + 1) inside it so that nobody
    liking anything does not count as certainty. nan and infinite where there is no answer or one person only.
    """
    _, code = np.unique(person, return_inverse=True)
    people, n = int(code.max(initial=-1)) + 1, len(yes)
    if not n:
        return Rate(np.nan, np.inf, 0, 0)
    value = float(yes.mean())
    if people < 2:
        return Rate(value, np.inf, n, people)
    inside = (yes.sum() + 0.5) / (n + 1)
    residuals = np.bincount(code, yes, people) - inside * np.bincount(code, minlength=people)
    variance = float((residuals**2).sum()) / n**2 * people / (people - 1)
    return Rate(value, variance, n, people)


@dataclass(frozen=True)
class Change:
    """``absolute``: window less reference; ``relative``: that over the reference; ``p``: two-sided, of no change."""

    absolute: float
    relative: float
    p: float


def change(reference: Rate, window: Rate) -> Change:
    """Two independent rates compared by a z test with unpooled variances; p is 1 where one of them is not known."""
    variance = reference.variance + window.variance
    absolute = window.value - reference.value
    relative = absolute / reference.value if reference.value else np.nan
    if not np.isfinite(variance) or variance <= 0:
        return Change(absolute, relative, 1.0)
    return Change(absolute, relative, float(2 * ndtr(-abs(absolute) / np.sqrt(variance))))


def change_of_counts(reference: tuple[int, int], window: tuple[int, int]) -> Change:
    """The same for (events, trials) of independent trials: a two-proportion z test with pooled variance."""
    (a, n), (b, m) = reference, window
    if not n or not m:
        return Change(np.nan, np.nan, 1.0)
    absolute, pooled = b / m - a / n, (a + b) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    p = float(2 * ndtr(-abs(absolute) / np.sqrt(variance))) if variance > 0 else 1.0
    return Change(absolute, absolute / (a / n) if a else np.nan, p)


def exact_rise_p(reference: tuple[int, int], window: tuple[int, int]) -> float:
    """Probability of so many events in the window, or more, where both (events, trials) have one rate: Fisher's exact test, one-sided.

    For rare events, where the normal approximation of ``change_of_counts`` calls one event too many a certainty.
    """
    (a, n), (b, m) = reference, window
    return float(hypergeom.sf(b - 1, n + m, a + b, m)) if n and m else 1.0
