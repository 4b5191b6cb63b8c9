"""Whose reactions count as a person's past, in which order, and that the next list is made with them."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from feedback.services import react, take_back
from recommendations.engine.scoring import Past
from recommendations.engine.types import Wishes
from recommendations.models import Analysis, Recommendation
from recommendations.services import history
from recommendations.services import request as requests
from recommendations.services.history import past_of
from recommendations.services.recommend import recommend
from tests.recommendations.gemini_cases import reading
from tests.recommendations.pages import finished_analysis, load_styles


@pytest.fixture
def styles(db: None) -> None:
    load_styles()


def say(analysis: Analysis, rank: int, reaction: int, user: Any = None) -> str:
    """React to the item at ``rank``; its slug."""
    item = analysis.recommendations.select_related("style").get(rank=rank)
    react(user=user, analysis_id=analysis.pk, impression_id=item.pk, reaction=reaction)
    assert item.style is not None
    return item.style.slug


@pytest.mark.usefixtures("styles")
def test_newest_last_over_all_analyses_of_a_person() -> None:
    user = get_user_model().objects.create_user("past")
    one, two = finished_analysis(user=user), finished_analysis(user=user)
    assert list(past_of(one.unit)) == []
    first, second, third = say(one, 1, 1, user), say(two, 2, 0, user), say(one, 3, 1, user)
    assert list(past_of(two.unit)) == [Past(first, True), Past(second, False), Past(third, True)]
    say(one, 1, 0, user)
    assert list(past_of(one.unit)) == [Past(second, False), Past(third, True), Past(first, False)], "a change of mind is news"
    take_back(user=user, analysis_id=two.pk, impression_id=two.recommendations.get(rank=2).pk)
    assert list(past_of(one.unit)) == [Past(third, True), Past(first, False)]


@pytest.mark.usefixtures("styles")
def test_nobody_elses_reactions_count() -> None:
    people = get_user_model().objects
    user, other = people.create_user("one"), people.create_user("two")
    browser, another = str(uuid.uuid4()), str(uuid.uuid4())
    own = [
        finished_analysis(user=user),
        finished_analysis(user=other),
        finished_analysis(visitor=browser),
        finished_analysis(visitor=another),
        finished_analysis(),
        finished_analysis(),
    ]
    slugs = [say(analysis, rank, 1, analysis.user) for rank, analysis in enumerate(own, start=1)]
    for analysis, slug in zip(own, slugs, strict=True):
        assert list(past_of(analysis.unit)) == [Past(slug, True)]
    signed_in_later = finished_analysis(user=user, visitor=browser)
    assert list(past_of(signed_in_later.unit)) == [Past(slugs[0], True)]


@pytest.mark.usefixtures("styles")
def test_free_suggestions_and_unknown_units_are_no_past() -> None:
    analysis = finished_analysis(visitor="b")
    Recommendation.objects.filter(analysis=analysis, rank=1).update(style=None, cut_slug="", style_name="스페이스 번")
    react(user=None, analysis_id=analysis.pk, style_name="스페이스 번", reaction=1)
    assert list(past_of("visitor:b")) == []
    for unit in ("", "warm", "user:", "user:x", "visitor:", "analysis:-1", "user:1 or 1=1", "nothing:3"):
        assert list(past_of(unit)) == []


@pytest.mark.usefixtures("styles")
def test_one_query_and_the_newest_only(django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = finished_analysis(visitor="b")
    slugs = [say(analysis, rank, rank % 2) for rank in (1, 2, 3, 4)]
    monkeypatch.setattr(history, "MOST", 3)
    with django_assert_num_queries(1):
        assert [item.slug for item in past_of("visitor:b")] == slugs[1:]


@pytest.mark.usefixtures("catalogue")
def test_the_next_list_is_scored_with_what_was_just_said(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = requests.champion()
    seen: list[tuple[Past, ...]] = []

    class Watched:
        key, encoder = scorer.key, scorer.encoder
        score_unlisted = staticmethod(scorer.score_unlisted)

        def score(self, reading: Any, styles: Any, past: Any = ()) -> Any:
            seen.append(tuple(past))
            return scorer.score(reading, styles, past)

    monkeypatch.setattr(requests, "loaded", SimpleNamespace(get=lambda artifact, load: Watched()))
    analysis = finished_analysis(visitor="b")

    def make() -> None:
        recommend(image=None, reading=reading(), wishes=Wishes(), language="ko", unit=analysis.unit)

    make()
    slug = say(analysis, 1, 0)
    make()
    assert seen == [(), (Past(slug, False),)]
