"""Intervals, quantiles and unevenness against values worked out by hand or by scipy."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from feedback.engine.figures import gini, quantile, share, wilson


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (1, 3), (30, 100), (7, 9), (499, 1000)])
def test_wilson_agrees_with_scipy(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_counted_says_nothing() -> None:
    assert all(math.isnan(end) for end in wilson(0, 0))
    assert math.isnan(share(0, 0))
    assert math.isnan(quantile({}, 0.5))
    assert math.isnan(gini([0, 0]))


def test_counts_that_an_undo_made_impossible_are_brought_into_range() -> None:
    assert wilson(-1, 4) == wilson(0, 4)
    assert (share(-1, 4), share(6, 4)) == (0.0, 1.0)


def test_quantile_lies_within_its_bucket() -> None:
    histogram = {"100": 5, "200": 5}
    assert quantile(histogram, 0.5) == 100
    assert quantile(histogram, 0.75) == 150
    assert quantile(histogram, 1.0) == 200
    assert quantile({"inf": 3, "100": 1}, 0.95) == 60_000


def test_gini() -> None:
    assert gini([3, 3, 3]) == pytest.approx(0)
    assert gini([0, 0, 0, 8]) == pytest.approx(3 / 4)
    assert gini([1, 2, 3, 4]) == pytest.approx(0.25)
