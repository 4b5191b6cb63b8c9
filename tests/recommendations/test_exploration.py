"""Chance in the list: exact propensities, hard wishes, the same draw every time, and nothing at all where the rate is 0."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recommendations.engine import ranking
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.exploration import EVEN, PROTECTED, Exploration, explore, possibilities
from recommendations.engine.types import RankedStyle, Suggestion, Wishes
from tests.recommendations.gemini_cases import catalogue, reading

RATE = 0.1


@cache
def entries() -> tuple[StyleEntry, ...]:
    return catalogue().entries[::4]


@cache
def scores() -> np.ndarray:
    return np.random.default_rng(1).uniform(20, 95, len(entries()))


def everything(wishes: Wishes | None = None) -> np.ndarray:
    return ranking.allowed(entries(), wishes or Wishes())


def merged(advised: int = 4, learned: int = 3, wishes: Wishes | None = None) -> list[RankedStyle]:
    mask = everything(wishes)
    first = {entry.cut: entry for entry, fits in zip(entries(), mask, strict=True) if fits}
    suggestions = [Suggestion(e.name["ko"], e.slug, e.cut, "", "stylist") for e in list(first.values())[:advised]]
    return ranking.merge(
        suggestions=suggestions, scores=scores(), entries=entries(), allowed=mask,
        preference=np.zeros(len(mask)), reading=reading(), language="ko", advised=advised, learned=learned, score_text=lambda t: 0.0,
    )  # fmt: skip


def policy(items: list[RankedStyle], rate: float = RATE, wishes: Wishes | None = None) -> Exploration:
    return possibilities(items, entries=entries(), scores=scores(), allowed=everything(wishes), language="ko", rate=rate)


def drawn(items: list[RankedStyle], seed: int, rate: float = RATE, wishes: Wishes | None = None) -> list[RankedStyle]:
    return explore(
        items, entries=entries(), scores=scores(), preference=np.zeros(len(entries())), allowed=everything(wishes),
        reading=reading(), language="ko", rate=rate, seed=seed,
    )  # fmt: skip


def only_learned() -> list[RankedStyle]:
    return merged(advised=0, learned=7)


@pytest.mark.parametrize("advised", [0, 4])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("wishes", [Wishes(), Wishes(lengths=("short", "chin"), presentation="feminine")])
def test_propensities_of_all_styles_add_up_to_the_length_of_the_list(advised: int, rate: float, wishes: Wishes) -> None:
    items = merged(advised, 7 - advised, wishes)
    chance = policy(items, rate, wishes)
    listed = sum(chance.kept(i) for i in range(len(items)))
    others = sum(chance.drawn(i) for i in range(len(entries())))
    assert listed + others == pytest.approx(len(items), abs=1e-12)
    assert others == pytest.approx(rate if chance.places else 0.0)


def test_logged_propensities_are_what_happens_in_200000_draws() -> None:
    items = only_learned()
    chance = policy(items)
    n = 200_000
    places, styles = chance.draw(np.random.default_rng(3).random((n, 3)))
    gone = np.bincount(places[places >= 0], minlength=len(items)) / n
    come = np.bincount(styles[styles >= 0], minlength=len(entries())) / n
    for i in range(len(items)):
        assert 1 - gone[i] == pytest.approx(chance.kept(i), abs=5 * np.sqrt(0.025 / n))
    expected = np.array([chance.drawn(i) for i in range(len(entries()))])
    assert np.all(np.abs(come - expected) <= 5 * np.sqrt(expected / n) + 1e-12), "within five standard errors, 0 where impossible"
    # One number for all: Pearson's chi-square over the styles that can be drawn, far below its 1-in-a-million value.
    possible = expected > 0
    chi2 = float((n * (come - expected)[possible] ** 2 / expected[possible]).sum())
    assert chi2 < possible.sum() + 6 * np.sqrt(2 * possible.sum())


def test_lists_carry_the_chances_they_were_drawn_with() -> None:
    items = only_learned()
    chance, row = policy(items), {entry.slug: i for i, entry in enumerate(entries())}
    explored = Counter[int]()
    for seed in range(3000):
        shown = drawn(items, seed)
        assert [item.rank for item in shown] == [1, 2, 3, 4, 5, 6, 7]
        for place, (before, item) in enumerate(zip(items, shown, strict=True)):
            if item.candidate == "explored":
                explored[place] += 1
                assert place >= PROTECTED
                assert item.source == "ml"
                assert item.reason
                assert item.propensity == chance.drawn(row[item.slug or ""])
                assert item.cut not in {other.cut for other in items}
            else:
                assert item == replace(before, propensity=chance.kept(place))
    assert set(explored) == {3, 4, 5, 6}
    assert sum(explored.values()) / 3000 == pytest.approx(RATE, abs=0.025)


def test_the_same_seed_is_the_same_list() -> None:
    items = only_learned()
    several = [drawn(items, seed, rate=0.5) for seed in range(40)]
    assert several == [drawn(items, seed, rate=0.5) for seed in range(40)]
    assert len({tuple(item.slug for item in shown) for shown in several}) > 10


def test_without_a_rate_nothing_happens() -> None:
    items = merged()
    assert all(drawn(items, seed, rate=0.0) == items for seed in range(50))
    assert {item.propensity for item in items} == {1.0}


def test_wishes_bind_chance_too() -> None:
    wishes = Wishes(lengths=("short", "chin"), upkeep="medium")
    lengths = {entry.slug: entry.length for entry in entries()}
    items = merged(0, 7, wishes)
    shown = [item for seed in range(300) for item in drawn(items, seed, rate=0.5, wishes=wishes) if item.candidate == "explored"]
    assert len(shown) > 50
    assert {lengths[item.slug or ""] for item in shown} <= set(wishes.lengths)


def test_what_an_advisor_named_and_the_first_three_stay() -> None:
    items = merged()
    places = {i for i, item in enumerate(items) if item.candidate == "learned" and item.rank > PROTECTED}
    assert set(policy(items).places) == places
    assert sum(item.candidate == "advised" for item in items) == 4
    for seed in range(200):
        shown = drawn(items, seed, rate=0.5)
        assert [i for i, item in enumerate(shown) if item.candidate == "explored"] in [[], *([place] for place in places)]
    alone = [replace(item, candidate="advised") for item in items]
    assert [item.propensity for item in drawn(alone, 1, rate=0.5)] == [1.0] * 7


def test_a_short_list_and_exhausted_wishes_leave_nothing_to_chance() -> None:
    assert not policy(only_learned()[:3]).is_possible
    nothing_else = np.array([entry.cut in {item.cut for item in only_learned()} for entry in entries()])
    chance = possibilities(only_learned(), entries=entries(), scores=scores(), allowed=nothing_else, language="ko", rate=RATE)
    assert not chance.is_possible
    assert chance.kept(6) == 1.0
    places, _styles = chance.draw(np.zeros((5, 3)))
    assert set(places) == {-1}


def test_every_style_has_a_chance_and_a_promising_one_a_larger() -> None:
    chances = policy(only_learned()).chances
    possible = np.flatnonzero(chances)
    assert chances[possible].min() >= EVEN / len(possible)
    order = possible[np.argsort(scores()[possible])]
    assert np.all(np.diff(chances[order]) >= 0)
    assert chances[order[-1]] > 2 * chances[order[0]]


def test_extreme_scores_and_uniforms_stay_within_the_list() -> None:
    chance = possibilities(
        only_learned(), entries=entries(), scores=scores() * 1e4, allowed=everything(), language="ko", rate=0.5
    )
    assert chance.chances.sum() == pytest.approx(1)
    corners = np.array([[0.0, u, v] for u in (0.0, 1 - 2**-53) for v in (0.0, 1 - 2**-53)])
    places, styles = chance.draw(corners)
    assert set(places) == {3, 6}
    assert np.all(chance.chances[styles] > 0)
