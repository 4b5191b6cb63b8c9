"""Simulated people: the protocol, the bookkeeping, and that the challenger learns from two thousand reactions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.learn.simulation import curves, policies, simulators
from mltraining.learn.simulation.people import People
from mltraining.learn.simulation.protocol import KnowsProbabilities
from mltraining.learn.simulation.run import Outcome, Setting, gap_closed, gini, run
from mltraining.services.simulation import material, simulate_all, simulator_class
from recommendations.engine import ranking
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.types import Wishes

WORLDS = [simulators.LatentTaste, simulators.Segments, simulators.FashionDrift, simulators.ContraryToStylist]
PATH = "mltraining.learn.simulation.simulators"


class OnlyBobs:
    """As small as a simulator can be, and one that does not tell its probabilities: bobs are liked, the third place is not seen."""

    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        self.people = People()
        self.asked = 0

    def sample_person(self, rng: np.random.Generator) -> Any:
        return self.people.with_private(rng, None)

    def react(self, person: Any, shown: Sequence[StyleEntry], rng: np.random.Generator) -> list[int | None]:
        self.asked += len(shown)
        return [None if place == 2 else int(style.family == "bob") for place, style in enumerate(shown)]


def outcome_of(policy: str, world: type[Any], setting: Setting) -> Outcome:
    simulator = world(material().entries, setting.seed)
    return run(policies.make_policy(policy, material(), simulator, setting.seed), simulator, material(), setting)


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_is_its_seed(world: type[Any]) -> None:
    entries = material().entries
    rng = np.random.default_rng(3)
    person = world(entries, 1).sample_person(rng)
    again = world(entries, 1).sample_person(np.random.default_rng(3))
    other = world(entries, 2).sample_person(np.random.default_rng(3))
    chances = world(entries, 1).like_probability(person, entries)
    assert chances.shape == (len(entries),)
    assert (chances > 0).all()
    assert (chances < 1).all()
    np.testing.assert_array_equal(chances, world(entries, 1).like_probability(again, entries))
    assert np.abs(chances - world(entries, 2).like_probability(other, entries)).max() > 0.05
    assert isinstance(world(entries, 1), KnowsProbabilities)


@pytest.mark.parametrize("world", WORLDS)
def test_reactions_follow_the_probabilities(world: type[Any]) -> None:
    entries, rng = material().entries, np.random.default_rng(0)
    simulator = world(entries, 0)
    person = simulator.sample_person(rng)
    shown = entries[100:101]
    chance = float(simulator.like_probability(person, shown)[0])
    said = [simulator.react(person, shown, rng)[0] for _ in range(600)]
    assert all(answer in (0, 1, None) for answer in said)
    drift = abs(float(simulator.like_probability(person, shown)[0]) - chance)
    assert abs(np.mean([answer for answer in said if answer is not None]) - chance) < 0.08 + drift


@pytest.mark.parametrize("world", WORLDS)
def test_rules_are_not_the_stylists(world: type[Any]) -> None:
    """What the training data know does not say what these people like."""
    entries, rng = material().entries, np.random.default_rng(1)
    stylist = policies.StylistRules(material()).stylist
    found = []
    for seed in range(4):
        simulator = world(entries, seed)
        for _ in range(10):
            person = simulator.sample_person(rng)
            found.append(np.corrcoef(stylist.score(person.reading), simulator.like_probability(person, entries))[0, 1])
    assert float(np.mean(found)) < 0.25


def test_lists_are_of_seven_different_allowed_cuts() -> None:
    rng = np.random.default_rng(0)
    allowed = ranking.allowed(material().entries, Wishes(presentation="masculine"))
    rows = policies.best_by_cut(rng.random(len(allowed)), allowed, material().cuts)
    assert len(rows) == len({material().entries[i].cut for i in rows}) == policies.LIST
    assert allowed[rows].all()
    scores = np.zeros((1, len(allowed)))
    assert policies.with_random_place(scores, rng)[0].max() == 1.0
    assert scores.max() == 0.0, "the scores themselves stay as they were"


def test_the_same_people_come_whatever_the_policy_and_a_run_repeats() -> None:
    setting = Setting(users=6, rounds=3, seed=4)
    first, again = (outcome_of("popular", simulators.LatentTaste, setting) for _ in range(2))
    assert first.to_json() == again.to_json()
    best = outcome_of("oracle", simulators.LatentTaste, setting)
    assert [row["round"] for row in first.rounds] == [1, 2, 3]
    assert best.rounds[-1]["regret"] == 0.0
    assert first.rounds[-1]["regret"] > first.rounds[0]["regret"] > 0
    assert best.after["new"] > first.after["new"]


def test_a_budget_ends_the_run() -> None:
    outcome = outcome_of("random", simulators.Segments, Setting(users=9, rounds=1, budget=150))
    assert 150 <= outcome.reactions < 150 + policies.LIST
    assert len(outcome.rounds) > 1


def test_a_simulator_that_keeps_its_probabilities_is_asked() -> None:
    setting = Setting(users=3, rounds=1)
    seen = outcome_of("popular", OnlyBobs, setting)
    assert np.isnan(seen.rounds[0]["regret"])
    assert seen.reactions == 3 * 6, "None is no reaction"
    simulator = OnlyBobs(material().entries, 0)
    oracle = policies.Oracle(material(), simulator, 0)
    person = simulator.sample_person(np.random.default_rng(0))
    allowed = np.array([entry.family in ("bob", "shag") for entry in material().entries])
    visitor = policies.visitor_of(0, person, allowed)
    best = policies.best_by_cut(oracle.scores([visitor], np.random.default_rng(0), False)[0], allowed, material().cuts, 3)
    assert {material().entries[i].family for i in best} == {"bob"}
    asked = simulator.asked
    oracle.scores([visitor], np.random.default_rng(0), False)
    assert simulator.asked == asked, "it asks about a person once"


def test_measures() -> None:
    assert gini(np.ones(10)) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 12])) == pytest.approx(0.75)
    assert gini(np.zeros(3)) == 0.0
    assert gap_closed(0.6, 0.4, 0.8) == pytest.approx(0.5)
    assert np.isnan(gap_closed(0.5, 0.5, 0.5))


@cache
def two_thousand(world: type[Any], seed: int) -> dict[str, Outcome]:
    setting = Setting(budget=2000, seed=seed)
    return {name: outcome_of(name, world, setting) for name in ("popular", "challenger", "oracle")}


def test_two_thousand_reactions_close_half_of_the_gap() -> None:
    """The must, on two seeds of one world; ``simulate_users --all-policies --seeds 10`` prints the whole of it."""
    closed = []
    for seed in (1, 2):
        found = two_thousand(simulators.LatentTaste, seed)
        closed += [
            gap_closed(*(found[name].after[kind] for name in ("challenger", "popular", "oracle")))
            for kind in ("new", "returning")
        ]
    assert float(np.mean(closed)) >= 0.5


def test_challenger_learns_faster_than_seed_mlp() -> None:
    setting = Setting(users=40, rounds=2, seed=2)
    challenger, seed_mlp = (outcome_of(name, simulators.LatentTaste, setting) for name in ("challenger", "seed-mlp"))
    assert challenger.after["new"] > seed_mlp.after["new"]
    assert challenger.after["returning"] > seed_mlp.after["returning"]


def test_command_in_words_and_json_and_picture(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        out = StringIO()
        call_command(
            "simulate_users", "--simulator", f"{PATH}:Segments", "--users", "4", "--rounds", "2", "--processes", "1",
            *arguments, stdout=out,
        )  # fmt: skip
        return out.getvalue()

    chart = tmp_path / "regret.svg"
    result = json.loads(said("--policy", "popular", "--policy", "oracle", "--seeds", "2", "--json", "--chart", str(chart)))
    (world,) = result.values()
    assert {(r["policy"], r["seed"]) for r in world["runs"]} == {(p, s) for p in ("popular", "oracle") for s in (0, 1)}
    assert world["summary"]["policies"]["oracle"]["gap_closed_new"] == pytest.approx(1)
    assert "<svg" in chart.read_text()
    words = said("--policy", "popular", "--policy", "random", "--policy", "oracle")
    assert "popular" in words
    assert "regret" in words


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--simulator", "no.such:World"], "no simulator"),
        (["--simulator", f"{PATH}:Nobody"], "no simulator"),
        (["--simulator", "json:JSONDecoder"], "lacks sample_person, react"),
        (["--users", "0"], "at least 1"),
        (["--returning", "2"], "from 0 to 1"),
        (["--seeds", "0"], "--seeds must be"),
    ],
)
def test_what_cannot_be_simulated_is_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("simulate_users", *arguments, stdout=StringIO())


def test_someone_elses_simulator_by_its_name() -> None:
    path = f"{__name__}:OnlyBobs"
    assert simulator_class(path).__name__ == "OnlyBobs"
    ((job, outcome),) = simulate_all([path], ["random"], Setting(users=2, rounds=1), seeds=1, processes=1)
    assert (job.policy, outcome.policy) == ("random", "random")
    assert "random" in curves.table(path, {("random", 0): outcome})
