"""The whole comparison on simulated sites whose truth is known, and the rules by which a finding counts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.monitoring import calibration
from mltraining.monitoring.compare import Baseline
from mltraining.monitoring.data import Data, Table
from mltraining.monitoring.findings import ALERT, KINDS, OK, TOO_FEW, WARN, Finding, Rules, judge, worst
from mltraining.monitoring.periods import WEEK, periods
from mltraining.monitoring.simulated_site import DAY, DRIFTS, Drift, simulate, style_space

NOON = datetime(2026, 5, 20, 12, 34, tzinfo=UTC)


def week_after(data: Data) -> list[Finding]:
    """Findings of the week from day 35 on against the first four."""
    return Baseline(data.between(0, 28 * DAY), style_space()).compare(data.between(35 * DAY, 42 * DAY))


def statuses(findings: list[Finding]) -> dict[str, str]:
    return {kind: worst(found.status for found in findings if found.kind == kind) for kind in KINDS}


def test_a_quiet_site_is_steady() -> None:
    found = week_after(simulate(42, 120, np.random.default_rng(0)))
    assert statuses(found) == dict.fromkeys(KINDS, OK)
    assert [f.feature for f in found if f.status == TOO_FEW] == ["like_rate:stylist"]


@pytest.mark.parametrize("what", sorted(DRIFTS))
def test_a_large_drift_is_told_as_what_it_is(what: str) -> None:
    kind, sizes = DRIFTS[what]
    found = week_after(simulate(42, 120, np.random.default_rng(1), Drift(what, sizes[-1], 35)))
    assert statuses(found)[kind] == ALERT
    bad = {f.feature for f in found if f.status == ALERT and f.kind == kind}
    named = {"measure": "measure:length_to_width", "season": "season", "score": "score_mean", "likes": "like_rate"}
    assert named.get(what, next(iter(bad))) in bad
    if what == "measure":
        assert statuses(found)["labels"] == OK
    json.dumps([f.to_json() for f in found], allow_nan=False)


def test_faces_that_are_no_longer_read_are_drift() -> None:
    data = simulate(42, 120, np.random.default_rng(2))
    late = (data.analyses.at >= 35 * DAY) & (np.arange(len(data.analyses)) % 2 == 0)
    columns = {**data.analyses.columns, "colour:ita": np.where(late, np.nan, data.analyses["colour:ita"])}
    blind = Data(Table(data.analyses.at, data.analyses.person, columns), *data.tables[1:])
    (found,) = (f for f in week_after(blind) if f.feature == "colour:ita")
    assert found.status == ALERT


def test_more_likes_are_never_more_than_a_warning() -> None:
    found = week_after(simulate(42, 120, np.random.default_rng(3), Drift("likes", -0.8, 35)))
    assert statuses(found)["labels"] == WARN


def test_an_empty_window_says_too_few_and_nothing_else() -> None:
    data = simulate(30, 60, np.random.default_rng(4))
    found = Baseline(data.between(0, 28 * DAY), style_space()).compare(data.between(40 * DAY, 47 * DAY))
    assert {f.status for f in found} == {TOO_FEW}
    found = Baseline(data.between(40 * DAY, 47 * DAY), None).compare(data.between(0, 28 * DAY))
    assert {f.status for f in found} == {TOO_FEW}
    assert worst(f.status for f in found) == TOO_FEW
    json.dumps([f.to_json() for f in found], allow_nan=False)


def test_somebody_who_comes_often_is_one_face() -> None:
    at, person = np.arange(6.0), np.array([3, 3, 1, 3, 1, 2])
    table = Table(at, person, {"x": at * 10}).latest_per_person()
    assert table["x"].tolist() == [30.0, 40.0, 50.0]


def test_certain_but_small_and_large_but_uncertain_do_not_count() -> None:
    quiet = [Finding(f"f{i}", "features", 500, 500, p=0.5) for i in range(19)]
    for p, size, expected in ((1e-9, 0, OK), (1e-3, 2, OK), (1e-9, 1, WARN), (1e-9, 2, ALERT)):
        judged = judge([*quiet, Finding("x", "features", 500, 500, p=p, level=size)], 1e-4)
        assert judged[-1].status == expected, (p, size)
    alone = judge([Finding("x", "labels", 500, 500, p=5e-5, level=2)], 1e-4)
    among = judge([*quiet, Finding("x", "features", 500, 500, p=5e-5, level=2)], 1e-4)
    assert (alone[0].status, among[-1].status) == (ALERT, OK), "many features asked at once are many chances"


def test_periods_are_whole_weeks() -> None:
    end = NOON.replace(minute=0)
    early = periods(NOON, NOON - 20 * timedelta(days=1))
    assert (early.start, early.end) == (end - WEEK, end)
    assert (early.reference_start, early.reference_end) == (end - 5 * WEEK, end - WEEK), "too new to be its own reference"
    assert periods(NOON, None) == early
    promoted = NOON - timedelta(days=24)
    own = periods(NOON, promoted)
    assert (own.reference_start, own.reference_end) == (promoted, promoted + 2 * WEEK)
    assert own.reference_end <= own.start
    old = periods(NOON, NOON - timedelta(days=400))
    assert old.reference_end - old.reference_start == 4 * WEEK
    assert old.reference_start == NOON - timedelta(days=400)


def test_calibration_counts_alarms_and_delays() -> None:
    result = calibration.calibrate(days=8, rows_per_day=40, runs=1, looks_per_day=1, seed=0)
    assert result["quiet"]["days"] == 8
    assert result["quiet"]["interval_95"][1] >= 1000 / 8 * 3
    large = next(row for row in result["planted"] if (row["drift"], row["size"]) == ("errors", 0.3))
    assert (large["detected"], large["critical"]) == (1.0, 1.0)
    assert 0 < large["median_days"] <= 7
    assert result["rules"]["alpha"] == Rules().alpha


def test_a_loud_rule_is_found_out() -> None:
    """The calibration can fail: with thresholds that count everything, quiet days are not quiet."""
    loud = Rules(alpha=1.0, psi=(0, 9), ks=(0, 9), like_fall=(0, 9), calibration=(0, 9), embedding=(0, 9))
    quiet = calibration._quiet(5, 40, 1, 0, loud)
    assert quiet["alarms"] >= 4
    assert quiet["critical"] == 0


def test_the_command_refuses_nonsense() -> None:
    with pytest.raises(CommandError):
        call_command("monitoring_calibration", days=0)
