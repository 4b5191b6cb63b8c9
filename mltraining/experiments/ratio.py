"""Ratio metrics such as likes per reaction, where people are drawn and each brings several reactions.

Delta method for the variance: Deng, Knoblich and Lu 2018, "Applying the Delta Method in Metric Analytics". CUPED for ratios: the
same with the linearised pre-period ratio as covariate (Deng, Xu, Kohavi and Walker 2013, appendix B).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of k numbers per person: ``n`` people, ``sums`` (k,), ``products`` (k, k) sums of products.

    Moments of different people add up; those of one person on several days do not: a person's days are summed first.
    """

    n: int
    sums: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Moments:
        """``rows`` (n, k): one row per person."""
        rows = np.asarray(rows, float)
        return cls(len(rows), rows.sum(axis=0), rows.T @ rows)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.sums + other.sums, self.products + other.products)

    def columns(self, chosen: Sequence[int]) -> Moments:
        return Moments(self.n, self.sums[list(chosen)], self.products[np.ix_(chosen, chosen)])

    def covariance(self) -> np.ndarray:
        """(k, k), unbiased; needs two people."""
        return (self.products - np.outer(self.sums, self.sums) / self.n) / (self.n - 1)


@dataclass(frozen=True)
class Estimate:
    """A ratio, the variance of that estimate (not of one person), and how many people it rests on."""

    value: float
    variance: float
    n: int

    @property
    def effective_n(self) -> float:
        """How many independent yes/no answers would know as much about a share: p(1 - p) / variance."""
        return self.value * (1 - self.value) / self.variance if self.variance > 0 else 0.0


def ratio(moments: Moments, numerator: int = 0, denominator: int = 1) -> Estimate | None:
    """Sum of the numerators over sum of the denominators; None with fewer than two people or nothing to divide by."""
    if moments.n < 2 or moments.sums[denominator] <= 0:
        return None
    mean = moments.sums[denominator] / moments.n
    value = moments.sums[numerator] / moments.sums[denominator]
    gradient = np.zeros(len(moments.sums))
    gradient[numerator], gradient[denominator] = 1 / mean, -value / mean
    return Estimate(float(value), max(0.0, float(gradient @ moments.covariance() @ gradient)) / moments.n, moments.n)


def adjusted_ratios(arms: Sequence[Moments]) -> list[Estimate | None]:
    """Ratio of columns 0 / 1 of each arm, freed of what the pre-period ratio of columns 2 / 3 foretold (CUPED).

    One coefficient for all arms, from the pooled people. Without pre-period data the ratios are as they were.
    """
    plain = [ratio(arm) for arm in arms]
    if any(estimate is None for estimate in plain) or any(len(arm.sums) < 4 for arm in arms):
        return plain
    pooled = arms[0]
    for arm in arms[1:]:
        pooled = pooled + arm
    before = ratio(pooled, 2, 3)
    each_before = [ratio(arm, 2, 3) for arm in arms]
    if before is None or before.variance <= 0 or any(estimate is None for estimate in each_before):
        return plain
    now_gradient, before_gradient = _gradient(pooled, 0, 1), _gradient(pooled, 2, 3)
    covariance = pooled.covariance()
    theta = float(now_gradient @ covariance @ before_gradient / (before_gradient @ covariance @ before_gradient))
    adjusted: list[Estimate | None] = []
    for arm, now, earlier in zip(arms, plain, each_before, strict=True):
        assert now is not None
        assert earlier is not None
        gradient = _gradient(arm, 0, 1) - theta * _gradient(arm, 2, 3)
        variance = max(0.0, float(gradient @ arm.covariance() @ gradient)) / arm.n
        adjusted.append(Estimate(now.value - theta * (earlier.value - before.value), variance, arm.n))
    return adjusted


def _gradient(moments: Moments, numerator: int, denominator: int) -> np.ndarray:
    mean = moments.sums[denominator] / moments.n
    gradient = np.zeros(len(moments.sums))
    gradient[numerator] = 1 / mean
    gradient[denominator] = -moments.sums[numerator] / moments.sums[denominator] / mean
    return gradient


@dataclass(frozen=True)
class Difference:
    """A challenger against the control: ``value`` and ``variance`` of the relative or absolute difference, ``n`` people in both."""

    value: float
    variance: float
    n: int


def difference(control: Estimate, challenger: Estimate, *, relative: bool) -> Difference | None:
    """Relative: (challenger - control) / control, by the delta method for two independent arms; None where the control is zero."""
    n = control.n + challenger.n
    if not relative:
        return Difference(challenger.value - control.value, challenger.variance + control.variance, n)
    if math.isclose(control.value, 0.0):
        return None
    value = (challenger.value - control.value) / control.value
    variance = challenger.variance / control.value**2 + control.variance * challenger.value**2 / control.value**4
    return Difference(value, variance, n)
