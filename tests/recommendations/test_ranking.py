"""The merged list as properties: for any suggestions, scores and wishes it is short, different, filtered and in order."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairme.ml.text_encoder import load_text_encoder
from recommendations.engine import ranking
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.style_text import style_document
from recommendations.engine.types import RankedStyle, Suggestion, Wishes
from recommendations.engine.vocabulary import HAIR_TYPES, LENGTHS, PRESENTATIONS, UPKEEPS
from tests.recommendations.faces import face
from tests.recommendations.gemini_cases import catalogue

ADVISED, LEARNED = 4, 3
READING = face(length_to_width=90.0)


@cache
def vectors() -> np.ndarray:
    cuts = {cut.slug: cut for cut in catalogue().cuts}
    return load_text_encoder().encode([style_document(entry, cuts[entry.cut]) for entry in catalogue().entries])


def entries() -> tuple[StyleEntry, ...]:
    return catalogue().entries


def suggestion(entry: StyleEntry, source: str = "gemini") -> Suggestion:
    return Suggestion(entry.name.ko, entry.slug, entry.cut, f"{entry.slug}에 대한 이유예요.", source)


def free(name: str) -> Suggestion:
    return Suggestion(name, None, None, "자유 제안의 이유예요.", "gemini", "짧은 머리")


def merge(
    suggestions: list[Suggestion], scores: np.ndarray, wishes: Wishes | None = None, language: str = "ko"
) -> list[RankedStyle]:
    wishes = wishes or Wishes()
    return ranking.merge(
        suggestions=suggestions,
        scores=scores,
        entries=entries(),
        allowed=ranking.allowed(entries(), wishes),
        preference=ranking.hair_fit(entries(), wishes),
        reading=READING,
        language=language,
        advised=ADVISED,
        learned=LEARNED,
        score_text=lambda text: 70.0,
    )


def some_scores(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 100, len(entries())).astype(np.float32)


WISHES = st.builds(
    Wishes,
    presentation=st.sampled_from([None, *PRESENTATIONS]),
    lengths=st.lists(st.sampled_from([*LENGTHS]), max_size=3, unique=True).map(tuple),
    upkeep=st.sampled_from([None, *UPKEEPS]),
    hair_type=st.sampled_from([None, *HAIR_TYPES]),
)
NAMED = st.integers(0, len(catalogue().entries) - 1).map(lambda i: suggestion(entries()[i]))
FREE = st.one_of(
    st.text("가나다라 ab", min_size=2, max_size=12).map(free),
    st.integers(0, len(catalogue().entries) - 1).map(lambda i: free(entries()[i].name.ko)),  # free text named like a style
)
GONE = st.just(Suggestion("사라진 머리", "not-in-the-catalogue", "gone", "이유예요.", "gemini"))
SUGGESTIONS = st.lists(st.one_of(NAMED, FREE, GONE), max_size=8)


@settings(max_examples=120, deadline=None)
@given(SUGGESTIONS, st.integers(0, 2**32 - 1), WISHES)
def test_whatever_comes_in_the_list_is_sound(suggestions: list[Suggestion], seed: int, wishes: Wishes) -> None:
    scores = some_scores(seed)
    items = merge(suggestions, scores, wishes)
    fits = ranking.allowed(entries(), wishes)
    by_slug = {entry.slug: i for i, entry in enumerate(entries())}
    cuts_left = len({entry.cut for entry, fit in zip(entries(), fits, strict=True) if fit})

    assert [item.rank for item in items] == list(range(1, len(items) + 1))
    assert len(items) <= ADVISED + LEARNED
    assert len(items) >= min(cuts_left, ADVISED + LEARNED) - sum(item.slug is None for item in items)
    assert len(items) >= min(cuts_left, 5)
    cuts = [item.cut for item in items if item.cut]
    assert len(set(cuts)) == len(cuts)
    assert len({item.name for item in items}) == len(items)
    for item in items:
        assert 0 <= item.ml_score <= 100
        assert item.reason
        if item.slug is None:
            assert fits.all()
        else:
            assert fits[by_slug[item.slug]]
            assert item.ml_score == pytest.approx(float(scores[by_slug[item.slug]]))
    assert merge(suggestions, scores, wishes) == items


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMED, max_size=8), WISHES)
def test_the_advisor_is_kept_first_come(suggestions: list[Suggestion], wishes: Wishes) -> None:
    fits = dict(zip((entry.slug for entry in entries()), ranking.allowed(entries(), wishes), strict=True))
    expected: dict[str, str] = {}
    for one in suggestions:
        if fits[str(one.slug)] and len(expected) < ADVISED:
            expected.setdefault(str(one.cut), str(one.slug))
    shown = [item for item in merge(suggestions, some_scores(1), wishes) if item.source == "gemini"]
    assert {item.cut: item.slug for item in shown} == expected
    assert {item.reason for item in shown} == {f"{slug}에 대한 이유예요." for slug in expected.values()}


@settings(max_examples=60, deadline=None)
@given(WISHES)
def test_filters_mean_what_they_say(wishes: Wishes) -> None:
    order = list(UPKEEPS)
    for entry, fits in zip(entries(), ranking.allowed(entries(), wishes), strict=True):
        assert fits == (
            (wishes.presentation is None or bool({wishes.presentation, "any"} & {*entry.presentations}))
            and (not wishes.lengths or entry.length in wishes.lengths)
            and (wishes.upkeep is None or order.index(entry.upkeep) <= order.index(wishes.upkeep))
            and (wishes.hair_type is None or wishes.hair_type in entry.hair_types)
        )


def test_free_text_is_kept_only_where_nothing_was_wished() -> None:
    shown = merge([free("스페이스 번")], some_scores(0))
    [item] = [item for item in shown if item.slug is None]
    assert (item.name, item.ml_score, item.reason, item.drawback) == ("스페이스 번", 70.0, "자유 제안의 이유예요.", "")
    assert len(shown) == 7
    assert all(item.slug for item in merge([free("스페이스 번")], some_scores(0), Wishes(upkeep="low")))


def test_impossible_wishes_give_an_empty_list() -> None:
    assert (
        merge([suggestion(entries()[0])], some_scores(0), Wishes(lengths=("buzz",), presentation="feminine", hair_type="x")) == []
    )


def test_order_is_score_with_a_bonus_for_the_advisor() -> None:
    scores = np.zeros(len(entries()), dtype=np.float32)
    first, other = entries()[0], next(entry for entry in entries() if entry.cut != entries()[0].cut)
    index = {entry.slug: i for i, entry in enumerate(entries())}
    scores[index[first.slug]], scores[index[other.slug]] = 60.0, 67.0
    items = merge([suggestion(first)], scores)
    assert [item.slug for item in items[:2]] == [first.slug, other.slug]  # 60 + 8 before 67
    scores[index[other.slug]] = 69.0
    assert [item.slug for item in merge([suggestion(first)], scores)[:2]] == [other.slug, first.slug]


def plain_best(scores: np.ndarray, count: int) -> list[int]:
    """The best-scored styles of ``count`` different cuts, whatever their family."""
    chosen: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if entries()[i].cut not in {entries()[j].cut for j in chosen} and len(chosen) < count:
            chosen.append(int(i))
    return chosen


EVERYTHING = np.ones(len(catalogue().entries), dtype=bool)


def test_the_list_holds_more_families_than_the_best_seven() -> None:
    """Scores that follow meaning, as the scorer's do: its best seven are of few kinds."""
    for seed in range(20):
        taste = vectors()[np.random.default_rng(seed).integers(len(entries()))]
        scores = np.clip(50 + 50 * (vectors() @ taste), 0, 100)
        plain, chosen = plain_best(scores, 7), ranking.best_different(scores, entries(), EVERYTHING, 7)
        assert len({entries()[i].family for i in plain}) < 7 == len({entries()[i].family for i in chosen})
        assert chosen[0] == plain[0], "the best is still the best"
        assert scores[chosen].mean() > scores.mean() + scores.std()


def test_a_change_of_one_style_changes_one_place() -> None:
    """What the greedy choice could not promise: without the best style the rest stays, and one more comes."""
    scores = some_scores(5)
    before = ranking.best_different(scores, entries(), EVERYTHING, 7)
    mask = np.array([entry.family != entries()[before[0]].family for entry in entries()])
    after = ranking.best_different(scores, entries(), mask, 7)
    assert after[:6] == before[1:]


def test_too_few_families_are_filled_up_with_their_other_cuts() -> None:
    scores = some_scores(6)
    one = np.array([entry.family == entries()[0].family for entry in entries()])
    chosen = ranking.best_different(scores, entries(), one, 7)
    cuts = {entry.cut for entry, fits in zip(entries(), one, strict=True) if fits}
    assert len(chosen) == len({entries()[i].cut for i in chosen}) == min(7, len(cuts)) > 1
    assert chosen == plain_best(np.where(one, scores, -1.0), len(chosen))


def test_what_is_taken_is_not_chosen_again() -> None:
    scores = some_scores(3)
    best = ranking.best_different(scores, entries(), EVERYTHING, 1)
    rest = ranking.best_different(scores, entries(), EVERYTHING, 7, taken=best)
    assert entries()[best[0]].cut not in {entries()[i].cut for i in rest}
    assert ranking.best_different(scores, entries(), ~EVERYTHING, 7) == []
    assert len(ranking.best_different(scores, entries(), EVERYTHING, 10_000)) == len({entry.cut for entry in entries()})


def test_unknown_hair_prefers_what_most_hair_can_wear() -> None:
    points = dict(zip((entry.slug for entry in entries()), ranking.hair_fit(entries(), Wishes()), strict=True))
    assert max(points.values()) <= 1e-9
    for entry in entries():
        if set(entry.hair_types) == set(HAIR_TYPES):
            assert points[entry.slug] == pytest.approx(0)
        elif set(entry.hair_types) <= {"curly", "coily"}:
            assert points[entry.slug] < -10
    assert not ranking.hair_fit(entries(), Wishes(hair_type="coily")).any()


def test_names_follow_the_language() -> None:
    items = merge([suggestion(entries()[0])], some_scores(0), language="en")
    names = {entry.slug: entry.name.en for entry in entries()}
    assert all(item.name == names[str(item.slug)] for item in items)


def test_query_and_engine_agree_on_every_wish(catalogue: None) -> None:
    """The same words filter the database's styles and the engine's entries."""
    from recommendations.models import Style

    every: list[Any] = [Wishes()]
    every += [Wishes(presentation=word) for word in PRESENTATIONS] + [Wishes(lengths=(word,)) for word in LENGTHS]
    every += [Wishes(upkeep=word) for word in UPKEEPS] + [Wishes(hair_type=word) for word in HAIR_TYPES]
    every += [replace(every[1], lengths=("short", "chin"), upkeep="medium", hair_type="wavy")]
    for wishes in every:
        asked = {"presentation": wishes.presentation, "upkeep": wishes.upkeep, "hair_type": wishes.hair_type}
        found = set(Style.objects.offered().wearing(lengths=wishes.lengths, **asked).values_list("slug", flat=True))
        fits = ranking.allowed(entries(), wishes)
        assert found == {entry.slug for entry, fit in zip(entries(), fits, strict=True) if fit}, wishes
        assert found, "a filter that nothing passes would pass this test"
