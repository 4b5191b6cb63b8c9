"""The drift statistics against scipy, against figures worked out by hand, and against what they promise under no change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mltraining.monitoring import distances, embedding, rates, reliability


def test_psi_by_hand() -> None:
    before, now = np.array([50, 30, 20]), np.array([20, 30, 50])
    p, q = (before + 0.5) / 101.5, (now + 0.5) / 101.5
    assert distances.psi(before, now) == pytest.approx(2 * (q[2] - p[2]) * math.log(q[2] / p[2]))
    assert distances.psi(before, before * 7) == pytest.approx(0, abs=1e-3)
    assert math.isfinite(distances.psi(np.array([10, 0]), np.array([0, 10])))
    assert distances.psi(np.array([10, 0, 4]), np.array([20, 0, 9])) == pytest.approx(
        distances.psi(np.array([10, 4]), np.array([20, 9]))
    ), "a bin that is empty in both says nothing"


def test_psi_of_one_population_is_chi_square() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    p = []
    for _ in range(2000):
        before, now = rng.multinomial(2000, shares), rng.multinomial(500, shares)
        p.append(distances.psi_p(distances.psi(before, now), before, now))
    assert stats.kstest(p, "uniform").statistic < 0.05
    assert np.mean(np.array(p) < 0.01) == pytest.approx(0.01, abs=0.007)


def test_jensen_shannon_by_hand() -> None:
    assert distances.jensen_shannon(np.array([10, 0]), np.array([0, 10])) == pytest.approx(1)
    assert distances.jensen_shannon(np.array([5, 5]), np.array([10, 10])) == pytest.approx(0)
    # 1 - (3/4 log2 (4/3) + ... ) of (1, 0) against (1/2, 1/2): divergence 0.3113, its root the distance
    assert distances.jensen_shannon(np.array([10, 0]), np.array([5, 5])) ** 2 == pytest.approx(0.31128, abs=1e-5)


@pytest.mark.parametrize("decimals", [1, 15])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_ks_is_scipys(decimals: int, shift: float) -> None:
    """With ties (one decimal) and without."""
    rng = np.random.default_rng(int(10 * shift))
    first, second = rng.standard_normal(900).round(decimals), (rng.standard_normal(400) + shift).round(decimals)
    distance, p = distances.ks(distances.Sorted.of(np.append(first, np.nan)), distances.Sorted.of(second))
    expected = stats.ks_2samp(first, second, method="asymp")
    assert distance == pytest.approx(expected.statistic)
    assert math.log(p) == pytest.approx(math.log(expected.pvalue), rel=0.08, abs=0.05)
    assert p >= expected.pvalue


def test_ks_of_nothing() -> None:
    assert distances.ks(distances.Sorted.of(np.zeros(0)), distances.Sorted.of(np.ones(3))) == (0.0, 1.0)


def test_bins_hold_everybody_and_count_the_unread() -> None:
    values = np.array([0.0] * 50 + list(range(1, 51)) + [math.nan] * 7)
    edges = distances.quantile_edges(values, 10)
    assert np.all(np.diff(edges) > 0)
    counts = distances.binned(values, edges)
    assert counts.sum() == len(values)
    assert counts[-1] == 7
    assert np.all(counts[:-1] > 0)
    assert len(distances.quantile_edges(np.full(5, math.nan))) == 0
    assert len(distances.quantile_edges(np.full(5, 2.0))) == 0


def test_a_rate_of_people_who_answer_once_is_binomial() -> None:
    yes = np.array([1.0] * 30 + [0.0] * 70)
    rate = rates.clustered_rate(yes, np.arange(100))
    assert rate.value == 0.3
    assert rate.variance == pytest.approx(0.3 * 0.7 / 99, rel=1e-3)


def test_answers_of_one_person_go_together() -> None:
    """Ten people, ten equal answers each, know as much as ten answers."""
    yes = np.repeat([1.0, 0, 1, 0, 0, 1, 0, 1, 1, 0], 10)
    rate = rates.clustered_rate(yes, np.repeat(np.arange(10), 10))
    assert rate.variance == pytest.approx(0.25 / 9, rel=0.01)
    assert rates.clustered_rate(np.zeros(0), np.zeros(0)).n == 0
    assert rates.change(rate, rates.clustered_rate(np.zeros(0), np.zeros(0))).p == 1.0


def test_nobody_likes_anything_is_not_certainty() -> None:
    none = rates.clustered_rate(np.zeros(3), np.arange(3))
    assert none.variance > 0


def test_two_proportions_by_hand() -> None:
    moved = rates.change_of_counts((30, 100), (60, 100))
    z = 0.3 / math.sqrt(0.45 * 0.55 * 0.02)
    assert moved.p == pytest.approx(2 * stats.norm.sf(z))
    assert (moved.absolute, moved.relative) == (pytest.approx(0.3), pytest.approx(1.0))
    chi_square = stats.chi2_contingency([[30, 70], [60, 40]], correction=False)
    assert moved.p == pytest.approx(chi_square.pvalue)
    assert rates.change_of_counts((0, 0), (1, 2)).p == 1.0
    assert rates.change_of_counts((0, 10), (0, 20)).p == 1.0


@pytest.mark.parametrize(("before", "now"), [((3, 400), (4, 50)), ((50, 5000), (30, 1000)), ((0, 60), (0, 60))])
def test_exact_rise_is_fishers(before: tuple[int, int], now: tuple[int, int]) -> None:
    table = [[now[0], now[1] - now[0]], [before[0], before[1] - before[0]]]
    assert rates.exact_rise_p(before, now) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)
    assert rates.exact_rise_p((0, 0), now) == 1.0


def test_expected_calibration_error_by_hand() -> None:
    scores, liked = np.array([15.0, 15, 95, 95]), np.array([0.0, 1, 1, 1])
    assert reliability.expected_calibration_error(scores, liked) == pytest.approx((abs(0.3 - 1) + abs(1.9 - 2)) / 4)
    assert math.isnan(reliability.expected_calibration_error(np.zeros(0), np.zeros(0)))


def test_reliability_sees_an_order_that_has_turned_round() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(0, 100, 4000)
    before = reliability.Reliability.of(scores, (rng.random(4000) < scores / 100).astype(float), np.arange(4000))
    same = reliability.Reliability.of(scores, (rng.random(4000) < scores / 100).astype(float), np.arange(4000), before.edges)
    turned = reliability.Reliability.of(scores, (rng.random(4000) > scores / 100).astype(float), np.arange(4000), before.edges)
    assert reliability.reliability_change(before, same).p > 0.01
    moved = reliability.reliability_change(before, turned)
    assert moved.p < 1e-10
    assert moved.error > 0.3


def _space(rng: np.random.Generator) -> embedding.StyleSpace:
    return embedding.StyleSpace.of(rng.standard_normal((60, 16)))


def test_the_space_reproduces_the_kernel() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((20, 3))
    whole = embedding.StyleSpace.of(vectors, dimensions=20).coordinates
    squared = ((vectors[:, None] - vectors[None]) ** 2).sum(2)
    width = np.median(squared[np.triu_indices(20, 1)])
    assert whole @ whole.T == pytest.approx(np.exp(-squared / width), abs=1e-8)


def test_mmd_agrees_with_its_permutation_test() -> None:
    rng = np.random.default_rng(3)
    space = _space(rng)
    for share in (0.0, 0.08):
        styles = rng.integers(0, 60, (600, 7))
        moved = rng.random((600, 7)) < share
        styles[400:][moved[400:]] = 5
        people = space.people(styles.ravel(), np.repeat(np.arange(600), 7))
        found = embedding.discrepancy(people[:400], people[400:])
        statistic = ((people[:400].mean(0) - people[400:].mean(0)) ** 2).sum()
        permuted = []
        for _ in range(500):
            order = rng.permutation(600)
            permuted.append(((people[order[:400]].mean(0) - people[order[400:]].mean(0)) ** 2).sum())
        p = (1 + np.sum(np.array(permuted) >= statistic)) / 501
        assert found.p == pytest.approx(p, abs=0.06)
        assert (found.p < 0.01) == (share > 0)


def test_mmd_p_is_uniform_where_nothing_moved() -> None:
    rng = np.random.default_rng(4)
    space = _space(rng)
    p = []
    for _ in range(300):
        styles = rng.integers(0, 60, (300, 7))
        people = space.people(styles.ravel(), np.repeat(np.arange(300), 7))
        p.append(embedding.discrepancy(people[:200], people[200:]).p)
    assert stats.kstest(p, "uniform").statistic < 0.1


def test_weighted_chi_square_of_equal_weights_is_chi_square() -> None:
    assert embedding.weighted_chi_square_tail(12.0, np.full(5, 1.0)) == pytest.approx(stats.chi2.sf(12, 5))
    assert embedding.weighted_chi_square_tail(24.0, np.full(5, 2.0)) == pytest.approx(stats.chi2.sf(12, 5))


def test_too_few_people_for_mmd() -> None:
    assert embedding.discrepancy(np.zeros((1, 3)), np.zeros((9, 3))) == embedding.Discrepancy(0.0, 1.0)
    assert embedding.discrepancy(np.zeros((5, 3)), np.zeros((9, 3))).p == 1.0
