"""Off-policy estimates against worlds whose truth is known, and the command over what the site really logged."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.learn.off_policy import (
    MIN_ESS,
    NewLists,
    OffPolicyEstimate,
    Reacted,
    cross_fitted,
    default_clip,
    effective_size,
    estimate,
)

STYLES, LIST, TOP, RATE, REACTS = 30, 7, 3, 0.4, 0.8


@dataclass(frozen=True)
class World:
    """People of four kinds; the old list is best by a wrong belief, the new one by a righter one. ``truth``: (4, STYLES)."""

    truth: np.ndarray
    old: np.ndarray  # (4, LIST) styles
    new: np.ndarray  # (4, LIST)

    @property
    def value(self) -> float:
        return float(np.take_along_axis(self.truth, self.new, axis=1).mean())

    @property
    def old_value(self) -> float:
        return float(np.take_along_axis(self.truth, self.old, axis=1).mean())


def world(seed: int = 5) -> World:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.1, 0.7, (4, STYLES))

    def best(noise: float) -> np.ndarray:
        return np.argsort(-(truth + noise * rng.standard_normal(truth.shape)), axis=1)[:, :LIST]

    return World(truth, best(0.4), best(0.1))


def logged(w: World, lists: int, seed: int, *, model: np.ndarray | None = None, people: int = 400) -> tuple[Reacted, NewLists]:
    """What exploration of one learned place (q even over the rest) shows to ``lists`` visits of ``people``."""
    rng = np.random.default_rng(seed)
    predicted = w.truth if model is None else model
    person = rng.integers(people, size=lists)
    kind = person % 4
    shown = w.old[kind].copy()
    propensity = np.ones(shown.shape)
    propensity[:, TOP:] = 1 - RATE / (LIST - TOP)
    explores = np.flatnonzero(rng.random(lists) < RATE)
    for i in explores:
        rest = np.setdiff1d(np.arange(STYLES), w.old[kind[i]])
        place = rng.integers(TOP, LIST)
        shown[i, place], propensity[i, place] = rng.choice(rest), RATE / len(rest)
    likes = rng.random(shown.shape) < w.truth[kind[:, None], shown]
    rows, columns = np.nonzero(rng.random(shown.shape) < REACTS)
    styles = shown[rows, columns]
    wanted = (w.new[kind[rows]] == styles[:, None]).any(axis=1)
    reacted = Reacted(
        person[rows], wanted, propensity[rows, columns], likes[rows, columns].astype(float), predicted[kind[rows], styles]
    )
    new = NewLists(
        person, np.full(lists, LIST), np.full(lists, LIST), np.take_along_axis(predicted, w.new, axis=1).sum(axis=1)[kind]
    )
    return reacted, new


def judged(w: World, lists: int = 6000, seed: int = 0, people: int = 400, **options: Any) -> OffPolicyEstimate:
    model = options.pop("model", None)
    reacted, new = logged(w, lists, seed, model=model, people=people)
    return estimate(reacted, new, people=people, **{"resamples": 200, **options})


def test_both_estimators_find_the_truth_that_the_log_alone_does_not_show() -> None:
    w = world()
    assert w.value - w.old_value > 0.1, "the new list is better by far"
    found = judged(w, 20_000, clip=1e9)
    assert found.logged.value == pytest.approx(w.old_value, abs=0.03)
    assert found.snips.value == pytest.approx(w.value, abs=0.03)
    assert found.doubly_robust.value == pytest.approx(w.value, abs=0.03)
    assert found.problems == ()
    assert found.clipped == 0


def test_no_bias_over_many_logs() -> None:
    w = world()
    estimates = [judged(w, 2000, seed, clip=1e9, resamples=2) for seed in range(30)]
    for values in ([e.snips.value for e in estimates], [e.doubly_robust.value for e in estimates]):
        error = float(np.std(values) / np.sqrt(len(values)))
        assert abs(float(np.mean(values)) - w.value) < 4 * error + 0.002


def test_a_wrong_reward_model_is_corrected_and_a_right_one_narrows_the_interval() -> None:
    w = world()
    wrong = judged(w, 20_000, clip=1e9, model=np.full_like(w.truth, 0.95))
    assert wrong.doubly_robust.value == pytest.approx(w.value, abs=0.03)
    right = [judged(w, 2000, seed, clip=1e9, resamples=2) for seed in range(40)]
    assert np.std([e.doubly_robust.value for e in right]) < np.std([e.snips.value for e in right])


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    w = world()
    found = [judged(w, 1500, seed, clip=1e9, resamples=150) for seed in range(60)]
    for name in ("snips", "doubly_robust"):
        held = [getattr(e, name).low <= w.value <= getattr(e, name).high for e in found]
        assert np.mean(held) >= 0.85, name


def test_clipping_bounds_what_one_reaction_weighs() -> None:
    w = world()
    free, cut = judged(w, clip=1e9), judged(w, clip=5.0)
    assert cut.ess > free.ess
    assert cut.clipped > 0.1
    assert cut.clip == 5.0
    by_rule = judged(w)
    assert by_rule.clip > 1
    assert by_rule.ess >= free.ess


def test_weights() -> None:
    assert effective_size(np.ones(7)) == pytest.approx(7)
    assert effective_size(np.array([1.0, 0, 0])) == pytest.approx(1)
    assert effective_size(np.zeros(3)) == 0
    assert default_clip(np.full(100, 2.0)) == pytest.approx(20)
    assert default_clip(np.array([])) == 1.0


def test_thin_support_is_said_plainly() -> None:
    w = world()
    few = judged(w, 20, people=20)
    assert few.ess < MIN_ESS
    assert any("equal ones" in problem for problem in few.problems)
    assert any("people" in problem for problem in few.problems)
    reacted, new = logged(w, 6000, 0)
    blocked = estimate(reacted, replace(new, supported=np.full(6000, 5)), people=400, resamples=10)
    assert blocked.support == pytest.approx(5 / 7)
    assert any("could not have been shown" in problem for problem in blocked.problems)


def test_a_policy_that_nothing_shown_agrees_with_gets_no_answer() -> None:
    reacted, new = logged(world(), 300, 0)
    found = estimate(replace(reacted, wanted=np.zeros_like(reacted.wanted)), new, people=400, resamples=10)
    assert np.isnan(found.snips.value)
    assert np.isnan(found.doubly_robust.value)
    assert found.ess == 0
    assert found.problems


def test_what_was_shown_judged_for_itself_is_what_was_liked() -> None:
    reacted, new = logged(world(), 3000, 0)
    itself = replace(reacted, wanted=np.ones_like(reacted.wanted), propensity=np.ones_like(reacted.propensity))
    found = estimate(itself, new, people=400, resamples=10)
    assert found.snips == found.logged
    assert found.ess == pytest.approx(len(reacted.liked))


@pytest.mark.parametrize("propensity", [0.0, -0.1, 1.5, float("nan")])
def test_impossible_propensities_and_empty_logs_are_refused(propensity: float) -> None:
    reacted, new = logged(world(), 50, 0)
    with pytest.raises(ValueError, match="propensity"):
        estimate(replace(reacted, propensity=np.full(len(reacted.liked), propensity)), new, people=400)
    nothing = Reacted(*(np.array([], dtype=kind) for kind in (int, bool, float, float, float)))
    with pytest.raises(ValueError, match="nothing was shown"):
        estimate(nothing, new, people=400)


def test_reward_model_is_calibrated_and_never_fitted_on_the_person_it_is_asked_about() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(5, 95, 4000)
    liked = (rng.random(4000) < scores / 250).astype(float)
    person = rng.integers(200, size=4000)
    known, new = cross_fitted(scores, liked, person, np.array([10.0, 90.0]), np.array([0, 1]))
    assert known.mean() == pytest.approx(liked.mean(), abs=0.01)
    assert new == pytest.approx([0.04, 0.36], abs=0.06)
    flipped = np.where(person == 0, 1 - liked, liked)
    again, _new = cross_fitted(scores, flipped, person, np.array([10.0]), np.array([0]))
    assert np.array_equal(known[person == 0], again[person == 0])
    assert not np.array_equal(known[person == 1], again[person == 1])


# --- The command -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(catalogue: None, settings: Any) -> None:
    """Twenty browsers, two lists each, half of them with a drawn style, and reactions to the first four items."""
    from django.db import transaction

    from feedback.services import react
    from hairme.common.models import Job
    from recommendations.engine.types import Wishes
    from recommendations.engine.vocabulary import FACE_SHAPES
    from recommendations.services.analyses import store_result
    from recommendations.services.recommend import recommend
    from tests.recommendations.faces import face
    from tests.recommendations.pages import new_analysis

    settings.EXPLORATION_RATE = 0.5
    rng = np.random.default_rng(4)
    for number in range(20):
        seen = face(list(FACE_SHAPES)[number % 5], jaw_to_cheek=float(rng.uniform(5, 95)))
        for _ in range(2):
            analysis = new_analysis(state=Job.State.SUCCEEDED, visitor=f"browser-{number}")
            advice = recommend(
                image=None, reading=seen, wishes=Wishes(), language="ko", unit=analysis.unit, draw=int(rng.integers(10**6))
            )
            with transaction.atomic():
                store_result(analysis, seen, advice, request_id="")
            for item in analysis.recommendations.all()[:4]:
                react(user=None, analysis_id=analysis.pk, impression_id=item.pk, reaction=int(rng.random() < 0.6))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate_off_policy", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("history")
def test_the_command_judges_the_version_that_serves_and_says_that_little_is_known() -> None:
    result = json.loads(run("--json"))
    assert (result["lists"], result["reactions"]) == (40, 160)
    found = result["estimate"]
    assert found["people"] == 20
    assert found["support"] == 1.0, "its own lists could all have been shown"
    assert result["new_styles"] < 1, "only what exploration took away"
    assert found["snips"]["low"] <= found["snips"]["value"] <= found["snips"]["high"]
    assert found["snips"]["value"] == pytest.approx(found["logged"]["value"], abs=0.1)
    assert any("people" in problem for problem in found["problems"])
    text = run()
    assert "Too thin to rely on" in text
    assert "ESS" in text


@pytest.mark.usefixtures("catalogue")
def test_the_command_without_data_or_version() -> None:
    with pytest.raises(CommandError, match="nothing was shown"):
        run()
    with pytest.raises(CommandError, match="hairstyle-scorer@VERSION"):
        run("--model", "face-shape@1")
    with pytest.raises(CommandError):
        run("--model", "hairstyle-scorer@absent")
