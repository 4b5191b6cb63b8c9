"""Operating characteristics of the decision: simulated experiments, judged by ``decide`` itself, with one look a day."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .decide import CONTINUE, KEEP, PROMOTE, ROLLBACK, ArmData, Guardrail, Rules, decide
from .ratio import Moments

SHOWN = 7  # styles of one list
ERRORS, SLOW = 0.01, 0.03  # shares of analyses in the control
ARMS = ("control", "challenger")
#: Columns of one person's row.
LIKES, REACTIONS, LIKES_BEFORE, REACTIONS_BEFORE, DISLIKES, IMPRESSIONS, ANALYSES, FAILED, LATE, FAMILIES = range(10)
GUARDED = {
    "dislike_rate": (DISLIKES, IMPRESSIONS),
    "error_rate": (FAILED, ANALYSES),
    "latency_p95": (LATE, ANALYSES),
    "list_diversity": (FAMILIES, ANALYSES),
}


@dataclass(frozen=True)
class World:
    """What is true. ``users_per_day``: people per arm and day at full exposure; ``returning``: share of a day's people who have been
    there on an earlier day; ``user_sd``: how much people differ in their own like rate; ``ramp``: exposed share of day 1, 2, ...,
    the last one for the rest; ``lost``: share of the challenger's people who are not counted (a sample ratio mismatch);
    ``reactions_before``: mean number of reactions that people gave before the start (what CUPED uses)."""

    lift: float = 0.0
    base_rate: float = 0.3
    users_per_day: int = 1000
    days: int = 14
    reactions_per_user: float = 1.0
    user_sd: float = 0.0
    returning: float = 0.0
    ramp: tuple[float, ...] = (1.0,)
    lost: float = 0.0
    reactions_before: float = 0.0
    challenger_errors: float = ERRORS

    def __post_init__(self) -> None:
        spread = self.base_rate * (1 - self.base_rate)
        if not 0 < self.base_rate < 1 or not 0 <= self.base_rate * (1 + self.lift) <= 1:
            raise ValueError("the rates of both arms must lie between 0 and 1")
        if not 0 <= self.user_sd**2 < spread:
            raise ValueError(f"people can differ by less than {math.sqrt(spread):.3f} around that base rate")
        if self.reactions_per_user < 1 or not 0 <= self.returning < 1 or not 0 <= self.lost < 1:
            raise ValueError("at least one reaction per user; shares below 1")
        if self.users_per_day < 1 or self.days < 1 or not all(0 < share <= 1 for share in self.ramp):
            raise ValueError("at least one person and one day; exposed shares above 0 and at most 1")

    def exposed(self, day: int) -> float:
        return self.ramp[min(day, len(self.ramp)) - 1]

    @property
    def planned_people(self) -> int:
        """In both arms until the last day: what the bounds may be tuned for before the start."""
        visits = sum(2 * self.users_per_day * self.exposed(day) for day in range(1, self.days + 1))
        return max(2, round(visits * (1 - self.returning)))


def rules_for(world: World, guardrails: tuple[Guardrail, ...], *, tuning_share: float, **changes: Any) -> Rules:
    """The rules with which such an experiment would be registered."""
    tuning = world.planned_people * tuning_share
    return Rules(ARMS, (1.0, 1.0), tuning=tuning, guardrails=guardrails, horizon_days=world.days, **changes)


class _Arm:
    """The people of one arm, and the moments of their rows, kept up to date person by person."""

    def __init__(self, world: World, rng: np.random.Generator, *, lift: float, errors: float) -> None:
        self.world, self.rng, self.lift, self.errors = world, rng, lift, errors
        self.rows = np.zeros((0, 10))
        self.tastes = np.zeros(0)
        self.moments = Moments.of(self.rows)

    def day(self, people: int) -> None:
        known = len(self.rows)
        back = int(self.rng.binomial(people, self.world.returning)) if known else 0
        back = min(back, known)
        fresh = people - back
        again = self.rng.choice(known, size=back, replace=False) if back else np.zeros(0, int)
        self._arrive(fresh)
        who = np.concatenate([again, np.arange(known, known + fresh)])
        before = Moments.of(self.rows[again])
        self.rows[who] += self._visits(self.tastes[who])
        after = Moments.of(self.rows[who])
        self.moments = Moments(
            known + fresh,
            self.moments.sums - before.sums + after.sums,
            self.moments.products - before.products + after.products,
        )

    def _arrive(self, people: int) -> None:
        world = self.world
        tastes = np.full(people, world.base_rate)
        if world.user_sd:
            size = world.base_rate * (1 - world.base_rate) / world.user_sd**2 - 1
            tastes = self.rng.beta(world.base_rate * size, (1 - world.base_rate) * size, people)
        rows = np.zeros((people, 10))
        if world.reactions_before:
            rows[:, REACTIONS_BEFORE] = self.rng.poisson(world.reactions_before, people)
            rows[:, LIKES_BEFORE] = self.rng.binomial(rows[:, REACTIONS_BEFORE].astype(int), tastes)
        self.tastes = np.concatenate([self.tastes, tastes])
        self.rows = np.concatenate([self.rows, rows])

    def _visits(self, tastes: np.ndarray) -> np.ndarray:
        """One visit of each: (people, 10)."""
        people, world = len(tastes), self.world
        rows = np.zeros((people, 10))
        extra = self.rng.poisson(world.reactions_per_user - 1, people) if world.reactions_per_user > 1 else 0
        reactions = np.minimum(1 + extra, SHOWN) * np.ones(people, int)
        likes = self.rng.binomial(reactions, np.clip(tastes * (1 + self.lift), 0, 1))
        rows[:, LIKES], rows[:, REACTIONS] = likes, reactions
        rows[:, DISLIKES], rows[:, IMPRESSIONS], rows[:, ANALYSES] = reactions - likes, SHOWN, 1
        rows[:, FAILED] = self.rng.random(people) < self.errors
        rows[:, LATE] = self.rng.random(people) < SLOW
        rows[:, FAMILIES] = self.rng.binomial(SHOWN - 2, 0.8, people) + 2
        return rows

    def data(self, people: int) -> ArmData:
        return ArmData(
            people,
            self.moments.columns([LIKES, REACTIONS, LIKES_BEFORE, REACTIONS_BEFORE]),
            {name: self.moments.columns(columns) for name, columns in GUARDED.items()},
        )


def days_of(world: World, rng: np.random.Generator) -> Iterator[dict[str, ArmData]]:
    """What is known at the end of each day of one simulated experiment."""
    control = _Arm(world, rng, lift=0.0, errors=ERRORS)
    challenger = _Arm(world, rng, lift=world.lift, errors=world.challenger_errors)
    for day in range(1, world.days + 1):
        visits = max(2, round(2 * world.users_per_day * world.exposed(day)))
        first = int(rng.binomial(visits, 0.5))
        control.day(first)
        challenger.day(int(rng.binomial(visits - first, 1 - world.lost)))
        yield {name: arm.data(arm.moments.n) for name, arm in zip(ARMS, (control, challenger), strict=True)}


def run_one(world: World, rules: Rules, rng: np.random.Generator) -> tuple[str, int, tuple[str, ...]]:
    """(decision, day on which it was made, reasons); ``continue_experiment`` where the horizon came first."""
    lowest = 1.0
    day = 0
    for day, arms in enumerate(days_of(world, rng), start=1):
        verdict = decide(rules, arms, day, lowest)
        lowest = min(lowest, 1.0 if verdict.srm_p is None else verdict.srm_p)
        if verdict.decision not in (CONTINUE, KEEP):
            return verdict.decision, day, verdict.reasons
    return CONTINUE, day, ()


def calibrate(world: World, rules: Rules, *, runs: int, seed: int) -> dict[str, Any]:
    """Shares of decisions over ``runs`` simulated experiments, their standard errors, and how long they took (in days)."""
    outcomes = [run_one(world, rules, np.random.default_rng([seed, run])) for run in range(runs)]
    result: dict[str, Any] = {"world": asdict(world), "rules": asdict(rules), "runs": runs, "seed": seed}
    for name, decision in (("promote", PROMOTE), ("rollback", ROLLBACK), ("continue", CONTINUE)):
        share = sum(outcome[0] == decision for outcome in outcomes) / runs
        result[name] = share
        result[f"{name}_se"] = math.sqrt(share * (1 - share) / runs)
        times = sorted(day for made, day, _reasons in outcomes if made == decision)
        if times and decision != CONTINUE:
            result[f"{name}_days"] = {"median": float(np.median(times)), "p90": float(np.quantile(times, 0.9))}
    reasons = [reason for _made, _day, given in outcomes for reason in given]
    result["reasons"] = {reason: reasons.count(reason) / runs for reason in sorted(set(reasons))}
    return result
