"""One policy in one world: people come, get seven styles, react; learning policies learn between rounds; then what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from recommendations.engine import ranking

from .policies import LIST, Log, Material, Oracle, Policy, Visitor, best_by_cut, visitor_of
from .protocol import KnowsProbabilities, Simulator

NEW_PEOPLE: Final = 200  # who judge the policy at the end without a past


@dataclass(frozen=True, slots=True)
class Setting:
    """``users`` lists per round; from round to round a seat keeps its person with chance ``returning``, else somebody new comes.
    With a ``budget`` the run ends when that many reactions are in, however many rounds that takes."""

    users: int = 40
    rounds: int = 8
    budget: int | None = None
    returning: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        if self.users < 1 or self.rounds < 1 or (self.budget is not None and self.budget < 1):
            raise ValueError("users, rounds and the budget must be at least 1")
        if not 0 <= self.returning <= 1:
            raise ValueError("returning is a share from 0 to 1")


@dataclass(slots=True)
class Outcome:
    """``like_rate`` per round: likes / reactions. ``regret``: likes per list that the oracle would have had more, by round."""

    policy: str
    rounds: list[dict[str, float]] = field(default_factory=list)
    reactions: int = 0
    like_rate: float = 0.0  # over all rounds
    after: dict[str, float] = field(default_factory=dict)  # like rate at the end, without exploring: new, returning, all
    distinct_styles: int = 0
    exposure_gini: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def run(policy: Policy, simulator: Simulator, material: Material, setting: Setting) -> Outcome:
    """Deterministic for a setting, a fresh simulator and a fresh policy; the same people come whichever the policy."""
    arrivals = np.random.default_rng([setting.seed, 1])
    choices = np.random.default_rng([setting.seed, 2])
    answers = np.random.default_rng([setting.seed, 3])
    oracle = Oracle(material, simulator, setting.seed)
    log, outcome = Log(), Outcome(policy.name)
    exposure = np.zeros(len(material.entries))
    seats: list[Visitor] = []
    regret = 0.0
    for number in range(1, (10**6 if setting.budget else setting.rounds) + 1):
        seats = [
            seats[i] if seats and arrivals.random() < setting.returning else _arrive(log, simulator, material, arrivals)
            for i in range(setting.users)
        ]
        likes = reactions = 0
        scores = policy.scores(seats, choices, True)
        for visitor, row in zip(seats, scores, strict=True):
            shown = best_by_cut(row, visitor.allowed, material.cuts)
            exposure[shown] += 1
            if isinstance(simulator, KnowsProbabilities):
                chances = oracle.probability(visitor)
                ideal = best_by_cut(chances, visitor.allowed, material.cuts)
                regret += float(chances[ideal].mean() - chances[shown].mean()) * LIST
            said = simulator.react(visitor.person, [material.entries[i] for i in shown], answers)
            for position, (style, reaction) in enumerate(zip(shown, said, strict=True), start=1):
                if reaction is not None:
                    _note(log, visitor, int(style), int(reaction), position)
                    likes, reactions = likes + int(reaction), reactions + 1
            if setting.budget and len(log.style) >= setting.budget:
                break
        outcome.rounds.append(
            {
                "round": number,
                "like_rate": likes / max(1, reactions),
                "cumulative_like_rate": float(np.mean(log.liked)) if log.liked else 0.0,
                "reactions": len(log.style),
                "regret": regret if isinstance(simulator, KnowsProbabilities) else float("nan"),
            }
        )
        policy.learn(log)
        if setting.budget and len(log.style) >= setting.budget:
            break
    outcome.reactions = len(log.style)
    outcome.like_rate = float(np.mean(log.liked)) if log.liked else 0.0
    outcome.after = _judge(policy, simulator, material, setting, seats, len(log.visitors))
    outcome.distinct_styles = int((exposure > 0).sum())
    outcome.exposure_gini = gini(exposure)
    return outcome


def _arrive(log: Log, simulator: Simulator, material: Material, rng: np.random.Generator) -> Visitor:
    visitor = _somebody(len(log.visitors), simulator, material, rng)
    log.visitors.append(visitor)
    return visitor


def _somebody(unit: int, simulator: Simulator, material: Material, rng: np.random.Generator) -> Visitor:
    person = simulator.sample_person(rng)
    return visitor_of(unit, person, ranking.allowed(material.entries, person.wishes))


def _note(log: Log, visitor: Visitor, style: int, liked: int, position: int) -> None:
    log.unit.append(visitor.unit)
    log.style.append(style)
    log.liked.append(liked)
    log.position.append(position)
    visitor.past_rows.append(style)
    visitor.past_liked.append(liked)


def _judge(
    policy: Policy, simulator: Simulator, material: Material, setting: Setting, seats: list[Visitor], unit: int
) -> dict[str, float]:
    """Like rates of what the policy shows when it does its best: to the last round's people, and to as many as NEW_PEOPLE who never
    came before. Expected rates where the simulator knows its probabilities, counted answers where it does not."""
    arrivals, choices = np.random.default_rng([setting.seed, 4]), np.random.default_rng([setting.seed, 5])
    answers = np.random.default_rng([setting.seed, 6])
    fresh = [_somebody(unit + i, simulator, material, arrivals) for i in range(NEW_PEOPLE)]
    rates: dict[str, float] = {}
    for name, people in (("returning", seats), ("new", fresh)):
        scores = policy.scores(people, choices, False)
        worth: list[float] = []
        for visitor, row in zip(people, scores, strict=True):
            shown = [material.entries[i] for i in best_by_cut(row, visitor.allowed, material.cuts)]
            if isinstance(simulator, KnowsProbabilities):
                worth.extend(np.asarray(simulator.like_probability(visitor.person, shown), dtype=float))
            else:
                worth.extend(r for _ in range(3) for r in simulator.react(visitor.person, shown, answers) if r is not None)
        rates[name] = float(np.mean(worth)) if worth else 0.0
    rates["all"] = (rates["returning"] + rates["new"]) / 2
    return rates


def gini(exposure: np.ndarray) -> float:
    """0: every style is shown equally often; near 1: few styles get everything."""
    ordered = np.sort(exposure)
    n, total = len(ordered), float(ordered.sum())
    if not total:
        return 0.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))


def gap_closed(rate: float, popular: float, oracle: float) -> float:
    """The share of the way from popular to the oracle; NaN where there is none."""
    return (rate - popular) / (oracle - popular) if oracle > popular else float("nan")
