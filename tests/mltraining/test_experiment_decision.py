"""The decision itself: each condition alone can stop a promotion, and simulated experiments end as they should."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.experiments import defaults
from mltraining.experiments.calibration import World, calibrate, days_of, rules_for
from mltraining.experiments.decide import ArmData, Guardrail, Rules, decide
from mltraining.experiments.ratio import Moments

RULES = Rules(("control", "new"), (1, 1), tuning=20_000, guardrails=(Guardrail("error_rate", margin=0.02),))


def arm(rate: float, people: int = 3000, errors: float = 0.01) -> ArmData:
    """One reaction each; ``rate`` of the people like, ``errors`` of them had an error."""
    rows = np.zeros((people, 4))
    rows[: round(rate * people), 0] = 1
    rows[:, 1] = 1
    failed = np.zeros((people, 2))
    failed[: round(errors * people), 0] = 1
    failed[:, 1] = 1
    return ArmData(people, Moments.of(rows), {"error_rate": Moments.of(failed)})


def judged(new: ArmData, day: int = 8, rules: Rules = RULES, lowest: float = 1.0) -> tuple[str, tuple[str, ...]]:
    verdict = decide(rules, {"control": arm(0.3), "new": new}, day, lowest)
    return verdict.decision, verdict.reasons


def test_all_conditions_met() -> None:
    assert judged(arm(0.36)) == ("promote_to_production", ("better:new",))


@pytest.mark.parametrize(
    ("new", "day", "changes", "reason"),
    [
        (arm(0.36), 6, {}, "too_few_days"),
        (arm(0.36), 8, {"min_people": 4000}, "too_few_people"),
        (arm(0.36), 8, {"min_lift": 0.3}, "lift_too_small"),
        (arm(0.32), 8, {}, "not_certain"),
        (arm(0.36, errors=0.02), 8, {}, "guardrail_open:error_rate"),
    ],
)
def test_each_condition_alone_holds_a_promotion_back(new: ArmData, day: int, changes: dict[str, Any], reason: str) -> None:
    decision, reasons = judged(new, day, replace(RULES, **changes))
    assert decision == "continue_experiment"
    assert reason in reasons


def test_rolling_back_needs_certainty_and_a_loss_that_counts() -> None:
    assert judged(arm(0.24), day=2) == ("rollback", ("worse:new",))
    assert judged(arm(0.285), day=2)[0] == "continue_experiment"
    assert judged(arm(0.24), day=2, rules=replace(RULES, min_lift=0.3))[0] == "continue_experiment"
    assert judged(arm(0.24, people=150), day=2)[0] == "rollback", "nothing but the wrong sizes"
    assert judged(arm(0.36, errors=0.05), day=2) == ("rollback", ("guardrail_worse:error_rate",))


def test_wrong_sizes_are_remembered() -> None:
    assert judged(arm(0.36, people=2600)) == ("rollback", ("sample_ratio_mismatch",))
    assert judged(arm(0.36), lowest=0.0001) == ("rollback", ("sample_ratio_mismatch",))


def test_the_horizon_keeps_the_champion() -> None:
    assert judged(arm(0.31), day=14)[0] == "keep_champion"
    assert judged(arm(0.36), day=14)[0] == "promote_to_production"


def test_nothing_seen_is_no_reason_to_do_anything() -> None:
    nobody = ArmData(0, Moments.of(np.zeros((0, 4))), {"error_rate": Moments.of(np.zeros((0, 2)))})
    verdict = decide(RULES, {"control": nobody, "new": nobody}, 3)
    assert (verdict.decision, verdict.reasons) == ("continue_experiment", ("nothing_measured",))
    json.dumps(verdict.to_json(), allow_nan=False)


def test_no_error_at_all_is_not_proof_of_none() -> None:
    few = {"control": arm(0.3, 60, 0.0), "new": arm(0.3, 60, 0.0)}
    check = decide(replace(RULES, min_people=50), few, 8).guardrails[0]
    assert check.worst > 0.02
    assert not check.is_safe
    many = decide(RULES, {"control": arm(0.3, errors=0.0), "new": arm(0.3, errors=0.0)}, 8).guardrails[0]
    assert many.is_safe


def test_one_harmful_arm_of_three_does_not_end_the_comparison() -> None:
    rules = replace(RULES, arms=("control", "a", "b"), weights=(1, 1, 1), guardrails=())
    mixed = decide(rules, {"control": arm(0.3), "a": arm(0.24), "b": arm(0.3)}, 5)
    assert mixed.decision == "continue_experiment"
    assert not mixed.holds, "but no more people are let in"
    assert decide(rules, {"control": arm(0.3), "a": arm(0.24), "b": arm(0.23)}, 5).decision == "rollback"
    both = decide(rules, {"control": arm(0.3), "a": arm(0.37), "b": arm(0.36)}, 8)
    assert (both.decision, both.winner) == ("promote_to_production", "a")


def simulated(runs: int, seed: int = 5, **world: Any) -> dict[str, Any]:
    true = World(**world)
    return calibrate(true, rules_for(true, defaults.GUARDRAILS, tuning_share=defaults.TUNING_SHARE), runs=runs, seed=seed)


def test_a_against_a() -> None:
    """200 runs with returning, differing people: about one false decision in them is to be expected, four would be one in 50."""
    result = simulated(200, users_per_day=200, reactions_per_user=2, user_sd=0.2, returning=0.3)
    assert result["promote"] <= 0.015
    assert result["rollback"] <= 0.015
    assert result["promote"] + result["rollback"] + result["continue"] == pytest.approx(1)


def test_real_differences_are_found() -> None:
    better, worse = simulated(40, lift=0.1), simulated(40, lift=-0.1)
    assert better["promote"] >= 0.9
    assert better["promote_days"]["median"] >= 7
    assert worse["rollback"] >= 0.9


def test_a_harmful_challenger_with_more_likes_is_not_promoted() -> None:
    result = simulated(20, lift=0.1, challenger_errors=0.05)
    assert result["promote"] == 0
    assert result["reasons"] == {"guardrail_worse:error_rate": 1.0}


def test_planted_mismatch_is_found() -> None:
    assert simulated(20, lost=0.1, days=7)["reasons"] == {"sample_ratio_mismatch": 1.0}


def test_simulated_people_are_added_up_person_by_person() -> None:
    """Moments that are kept up to date visit by visit are those of the rows at the end."""
    from mltraining.experiments import calibration

    world = World(users_per_day=50, days=6, reactions_per_user=2, user_sd=0.1, returning=0.6)
    group = calibration._Arm(world, np.random.default_rng(0), lift=0.0, errors=0.01)
    for _day in range(6):
        group.day(50)
    whole = Moments.of(group.rows)
    assert group.moments.n == whole.n < 300
    np.testing.assert_allclose(group.moments.products, whole.products)
    assert group.rows[:, calibration.ANALYSES].sum() == 300


def test_ramp_lets_in_fewer_people() -> None:
    world = World(users_per_day=1000, days=4, ramp=(0.1, 0.25, 0.5, 1.0))
    seen = [sum(arm.people for arm in arms.values()) for arms in days_of(world, np.random.default_rng(0))]
    assert seen == [200, 700, 1700, 3700]
    assert world.planned_people == 3700


def test_command_prints_the_shares() -> None:
    out = StringIO()
    arguments = ("--lift", "-0.3", "--users-per-day", "200", "--days", "8", "--runs", "5", "--seed", "3")
    call_command("experiment_calibration", *arguments, "--json", stdout=out)
    result = json.loads(out.getvalue())
    assert (result["rollback"], result["promote"], result["runs"]) == (1.0, 0.0, 5)
    assert result["world"]["lift"] == -0.3
    again = StringIO()
    call_command("experiment_calibration", *arguments, "--json", stdout=again)
    assert json.loads(again.getvalue()) == result
    text = StringIO()
    call_command("experiment_calibration", *arguments, stdout=text)
    assert "rollback  100.0% ± 0.0%" in text.getvalue()


@pytest.mark.parametrize(
    "wrong", [["--base-rate", "0.9", "--lift", "0.5"], ["--runs", "0"], ["--ramp", "0,1"], ["--user-sd", "0.9"]]
)
def test_command_refuses_worlds_that_cannot_be(wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("experiment_calibration", *wrong)
