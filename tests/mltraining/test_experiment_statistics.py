"""The statistics of experiments, against closed forms, simulation, scipy and gbstats (GrowthBook's library)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from mltraining.experiments import bayes, exploratory, holm, power, sequential, srm
from mltraining.experiments.ratio import Difference, Estimate, Moments, adjusted_ratios, difference, ratio


def people(n: int, share: float, seed: int = 0) -> np.ndarray:
    """(n, 2) likes and reactions; people differ, and some react more often."""
    rng = np.random.default_rng(seed)
    reactions = 1 + rng.poisson(1.5, n)
    return np.stack([rng.binomial(reactions, np.minimum(rng.beta(3, 7, n) * share, 1)), reactions], axis=1).astype(float)


def test_delta_method_is_the_spread_of_repeated_experiments() -> None:
    repeats = [ratio(Moments.of(people(300, 1.0, seed))) for seed in range(1500)]
    values = [estimate.value for estimate in repeats if estimate]
    said = np.mean([estimate.variance for estimate in repeats if estimate])
    assert said == pytest.approx(np.var(values), rel=0.1)
    naive = np.mean([e.value * (1 - e.value) / 750 for e in repeats if e])
    assert naive < 0.85 * said, "reactions of one person are not independent"


def test_moments_of_different_people_add_up() -> None:
    rows = people(200, 1.0)
    whole, parts = Moments.of(rows), Moments.of(rows[:80]) + Moments.of(rows[80:])
    assert parts.n == whole.n
    np.testing.assert_allclose(parts.products, whole.products)


def test_nothing_to_divide_by_is_no_estimate() -> None:
    assert ratio(Moments.of(np.zeros((5, 2)))) is None
    assert ratio(Moments.of(np.ones((1, 2)))) is None
    zero = Estimate(0.0, 0.0, 10)
    assert difference(zero, Estimate(0.1, 0.01, 10), relative=True) is None


def test_cuped_narrows_the_bounds_and_moves_the_estimate_nowhere() -> None:
    plain, adjusted, narrower = [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        arms = []
        for lift in (0.0, 0.1):
            taste = rng.beta(1, 2, 300)
            before, now = 1 + rng.poisson(10, 300), 1 + rng.poisson(4, 300)
            rows = [rng.binomial(now, np.minimum(taste * (1 + lift), 1)), now, rng.binomial(before, taste), before]
            arms.append(Moments.of(np.stack(rows, axis=1).astype(float)))
        ours = [ratio(arm) for arm in arms]
        better = adjusted_ratios(arms)
        gap, fair = difference(*ours, relative=False), difference(*better, relative=False)  # type: ignore[arg-type]
        assert gap
        assert fair
        plain.append(gap.value)
        adjusted.append(fair.value)
        narrower.append(fair.variance / gap.variance)
    assert np.mean(adjusted) == pytest.approx(np.mean(plain), abs=0.002)
    assert np.var(adjusted) < 0.7 * np.var(plain)
    assert np.mean(narrower) == pytest.approx(np.var(adjusted) / np.var(plain), abs=0.1)


def test_cuped_without_a_pre_period_changes_nothing() -> None:
    arms = [Moments.of(np.hstack([people(100, 1.0, seed), np.zeros((100, 2))])) for seed in (1, 2)]
    assert adjusted_ratios(arms) == [ratio(arm) for arm in arms]


def test_bounds_hold_at_all_looks_at_once() -> None:
    """A null of 60 daily looks: an ordinary 95 % interval would exclude it in about a third of the runs."""
    rng = np.random.default_rng(3)
    steps = rng.normal(size=(2000, 60)) * 10  # 100 people a day of variance 1
    sums, n = steps.cumsum(axis=1), 100 * np.arange(1, 61)
    rho = sequential.rho_for(3000, 0.05)
    reach = np.array([sequential.multiplier(int(people), 0.05, rho) for people in n])
    outside = (np.abs(sums) / np.sqrt(n) > reach).any(axis=1).mean()
    peeking = (np.abs(sums) / np.sqrt(n) > 1.96).any(axis=1).mean()
    assert outside <= 0.05
    assert peeking > 0.25


def test_p_value_falls_below_the_level_exactly_where_the_bounds_leave_zero() -> None:
    rho = sequential.rho_for(2000, 0.05)
    for value in np.linspace(0.001, 0.3, 60):
        estimate = Difference(float(value), 0.001, 900)
        low, _high = sequential.bounds(estimate, 0.05, rho)
        assert (sequential.p_value(estimate, rho) <= 0.05) == (low >= 0)


def test_srm_is_scipys_bayes_factor() -> None:
    counts, weights = [5210, 4790], [0.5, 0.5]
    ours = srm.log_bayes_factor(counts, weights, 10_000)
    theirs = stats.dirichlet_multinomial.logpmf(counts, [5000, 5000], 10_000) - stats.multinomial.logpmf(counts, 10_000, weights)
    assert ours == pytest.approx(theirs, abs=1e-6)
    each = [
        stats.dirichlet_multinomial.pmf(counts, [c / 2, c / 2], 10_000) / stats.multinomial.pmf(counts, 10_000, weights)
        for c in srm.CONCENTRATIONS
    ]
    assert srm.p_value(counts, weights) == pytest.approx(1 / np.mean(each), rel=1e-6)


def test_srm_waits_for_five_expected_and_seldom_cries_wolf() -> None:
    assert srm.p_value([4, 5], [1, 1]) is None
    assert srm.p_value([5, 5], [1, 1]) is not None
    rng = np.random.default_rng(0)
    first = rng.binomial(200, 0.5, size=(400, 30)).cumsum(axis=1)
    alarms = sum(
        any((srm.p_value([int(a), int(200 * day - a)], [1, 1]) or 1) < 0.05 for day, a in enumerate(run, 1)) for run in first
    )
    assert alarms <= 20
    assert (srm.p_value([10_000, 9_300], [1, 1]) or 1) < 0.001
    assert (srm.p_value([400, 200], [1, 1]) or 1) < 0.001


def test_holm() -> None:
    assert holm.adjusted([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm.levels([0.01, 0.9], 0.05) == [0.025, 0.05]
    assert holm.levels([0.04, 0.03], 0.05) == [0.025, 0.025]
    assert holm.levels([0.2], 0.05) == [0.05]


def test_second_opinion_is_a_monte_carlo_without_chance() -> None:
    control, challenger = Estimate(0.3, 0.3 * 0.7 / 800, 500), Estimate(0.33, 0.33 * 0.67 / 700, 500)
    rng = np.random.default_rng(0)
    a, b = rng.beta(241, 561, 400_000), rng.beta(232, 470, 400_000)
    assert bayes.probability_of_lift(control, challenger) == pytest.approx((b > a).mean(), abs=0.004)
    assert bayes.probability_of_lift(control, challenger, 0.05) == pytest.approx((b > 1.05 * a).mean(), abs=0.004)


def test_power_finds_what_it_promises() -> None:
    """14,856: the variance of either rate is its own; 2 p (1 - p) at the base rate alone would say 14,651."""
    n = power.people_per_arm(0.3, 0.05)
    assert n == 14_856
    rng = np.random.default_rng(0)
    a, b = rng.binomial(n, 0.3, 20_000) / n, rng.binomial(n, 0.315, 20_000) / n
    z = (b - a) / np.sqrt((a * (1 - a) + b * (1 - b)) / n)
    assert (z > 1.96).mean() == pytest.approx(0.8, abs=0.012)
    assert power.smallest_lift(0.3, n) == pytest.approx(0.05, abs=1e-4)
    assert power.people_per_arm_always_valid(0.3, 0.05, tuned_for=2 * n) > 1.5 * n
    alike = power.Traffic(reactions=4, icc=0.3)
    assert alike.inflation == pytest.approx(1.9)
    assert power.people_per_arm(0.3, 0.05, traffic=alike) == pytest.approx(n * 1.9 / 4, abs=1)
    assert power.days(n, 1000) == 15
    assert power.smallest_lift(0.3, 5) is None
    with pytest.raises(ValueError, match="rates"):
        power.people_per_arm(0.3, 4.0)


def test_segments_are_corrected_for_their_number_and_small_ones_left_out() -> None:
    rng = np.random.default_rng(1)
    control: dict[tuple[str, str], Moments] = {}
    other: dict[tuple[str, str], Moments] = {}
    for number in range(10):
        for arm in (control, other):
            reactions = np.ones(400)
            arm[("face_shape", str(number))] = Moments.of(np.stack([rng.binomial(1, 0.3, 400), reactions], axis=1).astype(float))
    other[("face_shape", "tiny")] = control[("face_shape", "tiny")] = Moments.of(people(5, 1.0))
    found = exploratory.findings(["a", "b"], {"a": control, "b": other})
    assert len(found) == 10
    assert all(finding.p > 0.05 for finding in found)


def gbstats_ratio(rows: np.ndarray) -> Any:
    from gbstats.models.statistics import RatioStatistic, SampleMeanStatistic

    likes, reactions = (
        SampleMeanStatistic(n=len(rows), sum=float(column.sum()), sum_squares=float((column**2).sum())) for column in rows.T
    )
    return RatioStatistic(
        n=len(rows), m_statistic=likes, d_statistic=reactions, m_d_sum_of_products=float((rows[:, 0] * rows[:, 1]).sum())
    )


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("n", "share"), [(400, 1.0), (3000, 1.2), (3000, 0.7), (9000, 0.9)])
def test_agrees_with_gbstats(n: int, share: float, relative: bool) -> None:
    tests = pytest.importorskip("gbstats.frequentist.tests")
    a, b = people(n, 1.0, 1), people(n + 50, share, 2)
    ours = ratio(Moments.of(a)), ratio(Moments.of(b))
    theirs = gbstats_ratio(a), gbstats_ratio(b)
    for mine, oracle in zip(ours, theirs, strict=True):
        assert mine
        assert mine.variance == pytest.approx(oracle.variance / oracle.n, rel=1e-9)
    kind = "relative" if relative else "absolute"
    config = tests.SequentialConfig(alpha=0.05, sequential_tuning_parameter=7000, difference_type=kind)
    oracle_test = tests.SequentialTwoSidedTTest(*theirs, config)
    gap = difference(*ours, relative=relative)  # type: ignore[arg-type]
    assert gap
    rho = sequential.rho_for(7000, 0.05)
    assert sequential.bounds(gap, 0.05, rho) == pytest.approx(tuple(oracle_test.confidence_interval), rel=1e-9)
    assert sequential.p_value(gap, rho) == pytest.approx(oracle_test.p_value, rel=1e-9)


def test_srm_does_not_contradict_gbstats_chi_square() -> None:
    """At one look the sequential test is the more cautious of the two, and both see a gross mismatch."""
    utils = pytest.importorskip("gbstats.utils")
    for counts in ([5000, 5100], [5000, 5300], [5000, 6000]):
        assert (srm.p_value(counts, [0.5, 0.5]) or 0) >= utils.check_srm(counts, [0.5, 0.5])
    assert (srm.p_value([5000, 6000], [0.5, 0.5]) or 1) < 0.001
