"""Reactions as a service: idempotent, changeable, undone, each change in the outbox; and clicks that come at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from feedback.models import Reaction
from feedback.services import react, take_back
from hairme.common.errors import ApplicationError
from hairme.common.models import OutboxEvent
from recommendations.models import Analysis, Recommendation, Style
from recommendations.services.analyses import delete_analysis
from tests.recommendations.pages import finished_analysis, load_styles, new_analysis


@pytest.fixture
def item(db: None) -> Recommendation:
    load_styles()
    return finished_analysis().recommendations.get(rank=1)


def give(item: Recommendation, reaction: int, **fields: Any) -> tuple[Reaction, bool]:
    return react(user=None, analysis_id=item.analysis_id, impression_id=item.pk, reaction=reaction, **fields)


def history() -> list[tuple[str, Any, Any]]:
    events = OutboxEvent.objects.filter(topic__startswith="feedback.").order_by("id")
    return [(event.topic, event.payload["reaction"], event.payload["before"]) for event in events]


def test_every_change_of_mind_is_an_event(item: Recommendation) -> None:
    assert give(item, 1)[1] is True
    assert give(item, 1)[1] is False
    assert give(item, 0)[1] is True
    assert take_back(user=None, analysis_id=item.analysis_id, impression_id=item.pk) is True
    assert take_back(user=None, analysis_id=item.analysis_id, impression_id=item.pk) is False
    row, changed = give(item, 0)
    assert (changed, row.changes) == (True, 0)
    assert history() == [
        ("feedback.given", 1, None),
        ("feedback.given", 0, 1),
        ("feedback.taken_back", 0, 0),
        ("feedback.given", 0, None),
    ]


def test_event_says_what_was_shown_and_how(item: Recommendation) -> None:
    row, _ = give(item, 1)
    event = OutboxEvent.objects.get(topic="feedback.given")
    assert event.key == str(item.analysis_id)
    assert event.payload == {
        "reaction_id": row.pk,
        "analysis_id": item.analysis_id,
        "impression_id": item.pk,
        "style": item.style_id,
        "cut": item.cut_slug,
        "source": "stylist",
        "rank": 1,
        "model_version": item.model_version,
        "experiment": "",
        "arm": "champion",
        "candidate": "learned",
        "propensity": 1.0,
        "face_shape": row.face_shape,
        "season": row.skin_tone,
        "score": item.ml_score,
        "reaction": 1,
        "before": None,
    }


def test_reaction_keeps_what_was_true_when_it_was_given(item: Recommendation) -> None:
    row, _ = give(item, 1)
    style = item.style
    assert style is not None
    assert (row.hairstyle, row.ml_score, row.source) == (style.name_ko, item.ml_score, item.source)
    assert row.face_shape.endswith("형")
    Style.objects.filter(pk=style.pk).update(name_ko="새 이름")
    row, _ = give(item, 0)
    assert row.hairstyle == style.name_ko
    assert row.changes == 1


@pytest.mark.parametrize("spell", [str, lambda name: f"  {name}  ", lambda name: name.replace(" ", "   ")])
def test_style_may_be_named_in_either_language(spell: Callable[[str], str], item: Recommendation) -> None:
    assert item.style is not None
    for name in (item.style_name, item.style.name_ko, item.style.name_en, item.style.name_en.upper()):
        row, _ = react(user=None, analysis_id=item.analysis_id, style_name=spell(name), reaction=1)
        assert row.recommendation_id == item.pk
    assert Reaction.objects.count() == 1


def code_of(call: Callable[[], Any]) -> tuple[str, str | None]:
    with pytest.raises(ApplicationError) as refused:
        call()
    return refused.value.code, refused.value.field


def test_what_was_not_shown_cannot_be_liked(item: Recommendation) -> None:
    other = finished_analysis(language="en").recommendations.get(rank=2)
    unseen = Style.objects.exclude(recommendations__analysis=item.analysis).first()
    assert unseen is not None
    key = item.analysis_id
    for call in (
        lambda: react(user=None, analysis_id=key, style_name=unseen.name_ko, reaction=1),
        lambda: react(user=None, analysis_id=key, style_name="", reaction=1),
        lambda: react(user=None, analysis_id=key, impression_id=other.pk, reaction=1),
        lambda: take_back(user=None, analysis_id=key, impression_id=other.pk),
        lambda: react(user=None, analysis_id=new_analysis().pk, style_name=item.style_name, reaction=1),
    ):
        assert code_of(call) == ("style_not_shown", "style_name")
    assert code_of(lambda: react(user=None, analysis_id=5, style_name="x", reaction=1)) == ("analysis_not_found", "analysis_id")
    assert history() == []


def test_somebody_elses_analysis_is_not_there(item: Recommendation, django_user_model: Any) -> None:
    owner, stranger = (django_user_model.objects.create_user(name) for name in ("owner", "stranger"))
    Analysis.objects.filter(pk=item.analysis_id).update(user=owner)
    for person in (None, stranger):
        assert code_of(
            lambda person=person: react(user=person, analysis_id=item.analysis_id, impression_id=item.pk, reaction=1)
        ) == (
            "analysis_not_found",
            "analysis_id",
        )
    assert react(user=owner, analysis_id=item.analysis_id, impression_id=item.pk, reaction=1)[1]


def test_free_suggestion_can_be_liked(item: Recommendation) -> None:
    Recommendation.objects.filter(pk=item.pk).update(style=None, cut_slug="", style_name="스페이스 번")
    row, _ = react(user=None, analysis_id=item.analysis_id, style_name="스페이스 번", reaction=1)
    assert row.hairstyle == "스페이스 번"
    assert OutboxEvent.objects.get(topic="feedback.given").payload["style"] is None


def test_deleting_the_analysis_deletes_its_reactions_and_says_so(item: Recommendation) -> None:
    give(item, 1)
    delete_analysis(item.analysis)
    assert not Reaction.objects.exists()
    assert OutboxEvent.objects.filter(topic="analysis.deleted", key=str(item.analysis_id)).exists()


# --- At the same time ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(catalogue: None) -> Recommendation:
    """An analysis that other connections see."""
    return finished_analysis().recommendations.get(rank=1)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave or raised, all started together on connections of their own."""
    gate = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        gate.wait()
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_double_click_is_one_reaction(committed: Recommendation) -> None:
    results = at_once(*[lambda: give(committed, 1)] * 6)
    assert sorted(changed for _row, changed in results) == [False] * 5 + [True]
    assert history() == [("feedback.given", 1, None)]


def test_like_and_dislike_at_once_follow_each_other(committed: Recommendation) -> None:
    for _ in range(3):
        Reaction.objects.all().delete()
        OutboxEvent.objects.all().delete()
        results = at_once(lambda: give(committed, 1), lambda: give(committed, 0))
        assert all(changed for _row, changed in results)
        last = Reaction.objects.get()
        assert last.changes == 1
        first_event, second_event = history()
        assert (first_event[2], second_event[2]) == (None, first_event[1])
        assert second_event[1] == last.reaction


def test_taking_back_while_changing_never_breaks(committed: Recommendation) -> None:
    for _ in range(5):
        Reaction.objects.all().delete()
        give(committed, 1)
        results = at_once(
            lambda: give(committed, 0),
            lambda: take_back(user=None, analysis_id=committed.analysis_id, impression_id=committed.pk),
        )
        assert not [result for result in results if isinstance(result, Exception)], results
        assert Reaction.objects.count() <= 1


def test_reacting_to_what_is_being_deleted_is_not_found(committed: Recommendation) -> None:
    results = at_once(lambda: give(committed, 1), lambda: delete_analysis(committed.analysis))
    assert results[1] is None
    if isinstance(results[0], Exception):
        assert isinstance(results[0], ApplicationError), results[0]
    assert not Analysis.objects.exists()
    assert not Reaction.objects.exists()
