"""The gate says better, worse or cannot tell at the rate it promises, and sanity checks catch what must never be compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import expit

from mltraining.learn import hold_out, offline_gate, sanity
from mltraining.learn.face_population import FacePopulation
from mltraining.learn.hold_out import Predictions, auc, calibrated, fit_curve, log_losses, people_of
from recommendations.engine.catalogue import load_catalogue
from recommendations.engine.scoring import Past, StyleTable
from recommendations.engine.types import FaceReading


def judged(rng: np.random.Generator, people: int, ours: float, theirs: float, each: int = 5) -> offline_gate.Gate:
    """Likes that follow a signal; each side sees it with noise of that deviation."""
    unit = np.repeat(np.arange(people).astype(str), each)
    signal = rng.normal(0, 1.5, len(unit)) + np.repeat(rng.normal(0, 0.5, people), each)
    liked = (rng.random(len(unit)) < expit(signal)).astype(int)

    def side(noise: float) -> Predictions:
        seen = expit((signal + rng.normal(0, noise, len(unit))) / (1 + noise))
        return Predictions(100 * seen, seen)

    ones = np.ones(len(unit))
    return offline_gate.judge(side(theirs), side(ours), liked, unit, ones, np.zeros(len(unit), dtype=bool))


def test_better_and_worse_are_told_and_equals_rarely_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold_out, "AUC_DRAWS", 2)  # they take the time and decide nothing here
    rng = np.random.default_rng(0)
    assert judged(rng, 120, ours=0.3, theirs=3.0).outcome == offline_gate.BETTER
    assert judged(rng, 120, ours=3.0, theirs=0.3).outcome == offline_gate.WORSE
    outcomes = [judged(rng, 60, ours=1.0, theirs=1.0).outcome for _ in range(60)]
    assert outcomes.count(offline_gate.BETTER) <= 9  # one in twenty is promised; more than 9 of 60 happens once in a thousand


def test_few_rows_are_too_few_to_tell_however_good_they_look() -> None:
    rng = np.random.default_rng(1)
    gate = judged(rng, 8, ours=0.1, theirs=5.0)
    assert gate.outcome == offline_gate.TOO_FEW
    assert "too few to tell" in gate.reason
    assert gate.figures["rows"] == 40
    nothing = Predictions(np.zeros(0), np.zeros(0))
    empty = np.zeros(0)
    assert (
        offline_gate.judge(nothing, nothing, empty, empty.astype(str), empty, empty.astype(bool)).outcome == offline_gate.TOO_FEW
    )


def test_curve_finds_the_scale_and_never_turns_an_order_round() -> None:
    rng = np.random.default_rng(2)
    z = rng.uniform(-3, 3, 4000)
    scores = 100 * expit(z)
    intercept, slope = fit_curve(scores, rng.random(4000) < expit(-1 + 0.5 * z))
    assert intercept == pytest.approx(-1, abs=0.15)
    assert slope == pytest.approx(0.5, abs=0.1)
    assert fit_curve(scores, rng.random(4000) < expit(-z))[1] > 0
    few = fit_curve(np.array([99.0, 1.0]), np.array([0, 1]))
    assert np.isfinite(few).all()


def test_calibration_takes_the_scale_and_not_the_persons_own_answers() -> None:
    rng = np.random.default_rng(4)
    z = rng.uniform(-3, 3, 1000)
    liked = (rng.random(1000) < expit(z)).astype(int)
    people = people_of(np.repeat(np.arange(200), 5).astype(str))
    plain, squeezed = (log_losses(calibrated(100 * expit(z * k), liked, people), liked).mean() for k in (1.0, 0.3))
    assert plain == pytest.approx(squeezed, abs=0.01)
    noise = log_losses(calibrated(100 * rng.random(1000), liked, people), liked).mean()
    assert noise > 0.69 > plain + 0.1
    changed = liked.copy()
    changed[people[0]] = 1 - changed[people[0]]
    before, after = (calibrated(100 * expit(z), y, people)[people[0]] for y in (liked, changed))
    assert np.array_equal(before, after)


def test_auc_and_people() -> None:
    assert auc(np.array([3.0, 2.0, 1.0]), np.array([1, 0, 0])) == 1.0
    assert auc(np.array([1.0, 1.0]), np.array([1, 0])) == 0.5
    assert np.isnan(auc(np.array([1.0]), np.array([1])))
    assert [rows.tolist() for rows in people_of(np.array(["b", "a", "b"]))] == [[1], [0, 2]]


def test_interval_is_wider_where_rows_of_a_person_agree() -> None:
    values = np.repeat(np.random.default_rng(3).normal(0, 1, 40), 10)
    alone = hold_out.interval_of_mean(values, people_of(np.arange(400).astype(str)), 0.9)
    together = hold_out.interval_of_mean(values, people_of(np.repeat(np.arange(40), 10).astype(str)), 0.9)
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


class Made:
    """A scorer that answers as told."""

    key, encoder = "test", ""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def score(self, reading: FaceReading, styles: StyleTable, past: Sequence[Past] = ()) -> np.ndarray:
        return self.scores

    def score_unlisted(
        self, reading: FaceReading, vectors: np.ndarray, styles: StyleTable, past: Sequence[Past] = ()
    ) -> np.ndarray:
        return self.scores[:1]


GOOD = np.linspace(5, 95, 40)


@pytest.mark.parametrize(
    ("scores", "again", "failed"),
    [
        (GOOD, GOOD, set()),
        (np.where(GOOD > 90, np.nan, GOOD), GOOD, {"not_numbers", "spread", "psi_against_parent", "replay_difference"}),
        (GOOD + 20, GOOD + 20, {"outside_0_to_100"}),
        (np.full(40, 50.0), np.full(40, 50.0), {"spread", "psi_against_parent"}),
        (GOOD, GOOD[::-1], {"replay_difference"}),
    ],
)
def test_sanity(scores: np.ndarray, again: np.ndarray, failed: set[str]) -> None:
    entries = load_catalogue().entries[:40]
    styles = StyleTable(entries, np.zeros((40, 384), np.float32))
    faces = FacePopulation.load().sample(2, np.random.default_rng(0))
    found = sanity.checks(Made(scores), Made(again), Made(GOOD), faces, styles, size=1000)
    assert {check.name for check in found if not check.passed} == failed


def test_psi_is_nothing_for_alike_and_grows_with_the_shift() -> None:
    rng = np.random.default_rng(5)
    before, alike = rng.normal(50, 10, 5000), rng.normal(50, 10, 5000)
    assert sanity.psi(before, alike) < 0.02
    shifts = [sanity.psi(before, alike + shift) for shift in (2, 5, 15)]
    assert shifts == sorted(shifts)
    assert shifts[2] > 0.25


def test_too_large_a_folder_fails() -> None:
    styles = StyleTable(load_catalogue().entries[:40], np.zeros((40, 384), np.float32))
    faces = FacePopulation.load().sample(1, np.random.default_rng(0))
    found = sanity.checks(Made(GOOD), Made(GOOD), Made(GOOD), faces, styles, size=10**9)
    assert {check.name for check in found if not check.passed} == {"megabytes"}


def test_without_a_scale_to_keep_a_shift_is_no_fault() -> None:
    styles = StyleTable(load_catalogue().entries[:40], np.zeros((40, 384), np.float32))
    faces = FacePopulation.load().sample(1, np.random.default_rng(0))
    low = np.linspace(1, 12, 40)
    beside = {
        check.name for check in sanity.checks(Made(low), Made(low), Made(GOOD), faces, styles, size=1000) if not check.passed
    }
    alone = [check for check in sanity.checks(Made(low), Made(low), None, faces, styles, size=1000) if not check.passed]
    assert beside == {"psi_against_parent"}
    assert alone == []
