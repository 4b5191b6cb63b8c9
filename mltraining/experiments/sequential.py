"""Bounds that hold at every look at once: asymptotic confidence sequences with a normal mixture.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021 (arXiv 2103.06476): the sequence is equation 9, the tuning equation 161, the
p-value equation 155 of version 7; Howard, Ramdas, McAuliffe and Sekhon 2021 for the mixture. The tuning is fixed before the start.
"""

from __future__ import annotations

import math

from .ratio import Difference


def rho_for(people: float, alpha: float) -> float:
    """The mixture's parameter that makes bounds of level ``alpha`` tightest when ``people`` (all arms) have been seen."""
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / people)


def multiplier(n: int, alpha: float, rho: float) -> float:
    """How many standard errors the bounds reach after ``n`` people, both sides together at level ``alpha``."""
    time = n * rho**2
    return math.sqrt(2 * (time + 1) / time * math.log(math.sqrt(time + 1) / alpha))


def bounds(estimate: Difference, alpha: float, rho: float) -> tuple[float, float]:
    """(low, high): contains the true difference at all looks with probability 1 - ``alpha``."""
    reach = multiplier(estimate.n, alpha, rho) * math.sqrt(estimate.variance)
    return estimate.value - reach, estimate.value + reach


def p_value(estimate: Difference, rho: float, null: float = 0.0) -> float:
    """Always valid: under the null it falls to or below any a, at any look, with probability at most a. 1 where nothing varies."""
    if estimate.variance <= 0:
        return 1.0
    time = estimate.n * rho**2
    exponent = time / (time + 1) * (estimate.value - null) ** 2 / estimate.variance / 2 - math.log(time + 1) / 2
    return min(1.0, math.exp(-exponent)) if exponent > 0 else 1.0
