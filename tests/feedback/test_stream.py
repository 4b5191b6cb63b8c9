"""The consumer on a real stream: what it takes in, what it sets aside, what it finds again, and how it is replayed and pruned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from feedback.models import ConsumedEvent, PoisonMessage, Reaction, ReactionEntry, StreamOffset, WindowAggregate
from feedback.selectors.aggregates import recompute_aggregates, stored_aggregates
from feedback.services import react, take_back
from feedback.stream import consumer, entries, poison, replay, retention
from hairme.common import outbox, wake
from hairme.common.errors import ApplicationError
from hairme.common.models import OutboxEvent
from recommendations.models import Recommendation
from tests.feedback.stream_help import react_at_random, relay_all, shown_event
from tests.recommendations.pages import finished_analysis, load_styles

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_stream() -> Iterator[None]:
    wake.client().delete(outbox.STREAM)
    yield
    wake.client().delete(outbox.STREAM)


@pytest.fixture
def items() -> list[Recommendation]:
    load_styles()
    analyses = [finished_analysis(language=language) for language in ("ko", "en")]
    with transaction.atomic():
        for analysis in analyses:
            shown_event(analysis)
    return [item for analysis in analyses for item in analysis.recommendations.all()]


def like(item: Recommendation) -> None:
    react(user=None, analysis_id=item.analysis_id, impression_id=item.pk, reaction=1)


def write(**fields: Any) -> str:
    """An entry that no relay wrote."""
    entry = wake.client().xadd(outbox.STREAM, fields)
    return entry.decode()


def of_all(field: str) -> int:
    return sum(WindowAggregate.objects.filter(dimension="all").values_list(field, flat=True))


def test_sums_are_what_the_tables_hold(items: list[Recommendation]) -> None:
    react_at_random(items, 60)
    relay_all()
    assert consumer.drain() > 0
    assert stored_aggregates() == recompute_aggregates()
    given = Reaction.objects.aggregate(likes=Count("pk", filter=Q(reaction=1)), dislikes=Count("pk", filter=Q(reaction=0)))
    assert given["likes"]
    assert given["dislikes"]
    assert (of_all("likes"), of_all("dislikes")) == (given["likes"], given["dislikes"])
    assert of_all("impressions") == Recommendation.objects.count()
    by_source = Reaction.objects.filter(reaction=1).values_list("source").annotate(Count("pk"))
    for source, likes in by_source:
        assert sum(WindowAggregate.objects.filter(dimension="source", value=source).values_list("likes", flat=True)) == likes
    assert consumer.drain() == 0


def test_events_that_come_twice_count_once(items: list[Recommendation]) -> None:
    like(items[0])
    relay_all()
    consumer.drain()
    before = stored_aggregates()
    OutboxEvent.objects.update(relayed_at=None)
    relay_all()
    assert consumer.drain() == OutboxEvent.objects.count()
    assert stored_aggregates() == before


def test_event_that_commits_late_is_taken_in(items: list[Recommendation]) -> None:
    """Its id is below those that are in already."""
    like(items[0])
    late = OutboxEvent.objects.get(topic="feedback.given")
    like(items[1])
    OutboxEvent.objects.filter(pk=late.pk).update(relayed_at=timezone.now())  # the relay has not seen it
    relay_all()
    OutboxEvent.objects.filter(pk=late.pk).update(relayed_at=None)
    consumer.drain()
    assert of_all("likes") == 1
    relay_all()
    consumer.drain()
    assert of_all("likes") == 2


def test_second_consumer_that_read_the_same_entries_adds_nothing(
    items: list[Recommendation], monkeypatch: pytest.MonkeyPatch
) -> None:
    like(items[0])
    relay_all()
    read = entries.read

    def beaten(*arguments: Any) -> Any:
        found = read(*arguments)
        monkeypatch.setattr(entries, "read", read)
        consumer.step()  # the other one, between this one's reading and writing
        return found

    monkeypatch.setattr(entries, "read", beaten)
    consumer.step()
    assert of_all("likes") == 1
    assert StreamOffset.objects.get().events == OutboxEvent.objects.count()


@pytest.mark.parametrize("loss", ["trimmed", "emptied", "begun anew", "half trimmed"])
def test_what_the_stream_lost_comes_from_the_outbox(loss: str, items: list[Recommendation]) -> None:
    like(items[0])
    relay_all()
    consumer.drain()
    for item in items[1:5]:
        like(item)
    relay_all()
    if loss == "trimmed":
        wake.client().xtrim(outbox.STREAM, maxlen=0, approximate=False)
    elif loss == "half trimmed":
        wake.client().xtrim(outbox.STREAM, maxlen=2, approximate=False)
    else:
        wake.client().delete(outbox.STREAM)
        if loss == "begun anew":  # by a Redis whose clock was behind
            wake.client().xadd(outbox.STREAM, {"any": "thing"}, id="5-0")
            PoisonMessage.objects.all().delete()
    consumer.mend()
    assert of_all("likes") == 5
    like(items[6])
    if loss != "begun anew":
        relay_all()
        consumer.step()
        assert of_all("likes") == 6
    assert entries.gap(StreamOffset.objects.get().stream_id) is None


GOOD = {"topic": "feedback.given", "at": "2026-01-01T00:00:00+00:00", "payload": "{}"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"anything": "else"}, "'id' is missing"),
        ({**GOOD, "id": 1, "payload": b"\xff\x00{"}, "not readable"),
        ({**GOOD, "id": 1, "payload": "{"}, "not readable"),
        ({**GOOD, "id": 2**62}, "the outbox holds no such event"),
        ({**GOOD, "id": "first"}, "another event of this id"),
    ],
)
def test_bad_entries_go_aside_and_the_rest_goes_on(fields: dict[str, Any], reason: str, items: list[Recommendation]) -> None:
    if fields.get("id") == "first":
        fields = {**fields, "id": OutboxEvent.objects.order_by("pk").values_list("pk", flat=True)[0]}
    key = write(**fields)
    like(items[0])
    relay_all()
    consumer.drain()
    message = PoisonMessage.objects.get()
    assert (message.stream_id, message.outcome) == (key, "waiting")
    assert reason in message.reason
    assert of_all("likes") == 1
    assert stored_aggregates() == recompute_aggregates()
    assert consumer.drain() == 0


def broken_event() -> OutboxEvent:
    """An event whose row in the outbox says what cannot be."""
    with transaction.atomic():
        row = outbox.record("feedback.given", 1, {"reaction": 7, "impression_id": 1})
    relay_all()
    return row


def test_bad_event_goes_aside_once_and_can_be_tried_again(items: list[Recommendation]) -> None:
    row = broken_event()
    like(items[0])
    relay_all()
    consumer.drain()
    message = PoisonMessage.objects.get()
    assert (message.stream_id, message.reason) == (f"outbox:{row.pk}", "reaction is out of range: 7")
    assert stored_aggregates() == recompute_aggregates()
    assert poison.retry(message, actor="staff:ann") == "reaction is out of range: 7"

    good = OutboxEvent.objects.filter(topic="feedback.given").exclude(pk=row.pk).get()
    OutboxEvent.objects.filter(pk=row.pk).update(payload=good.payload)
    assert poison.retry(message, actor="staff:ann") == ""
    message.refresh_from_db()
    assert (message.outcome, message.resolved_by) == ("taken_in", "staff:ann")
    assert of_all("likes") == 2
    assert stored_aggregates() == recompute_aggregates()
    with pytest.raises(ApplicationError, match="not_found"):
        poison.retry(message, actor="staff:ann")
    assert of_all("likes") == 2


def test_spoilt_copy_is_taken_from_the_outbox_and_a_retry_adds_nothing(items: list[Recommendation]) -> None:
    like(items[0])
    row = OutboxEvent.objects.get(topic="feedback.given")
    write(id=row.pk, topic=row.topic, at=row.occurred_at.isoformat(), payload='{"reaction": 0}')
    OutboxEvent.objects.update(relayed_at=timezone.now())
    consumer.drain()
    assert of_all("likes") == 1
    message = PoisonMessage.objects.get()
    PoisonMessage.objects.update(fields={**message.fields, "payload": json.dumps(row.payload)})
    assert poison.retry(message, actor="staff:ann") == ""
    assert of_all("likes") == 1


def test_dismissed_message_stays_out_through_a_replay(items: list[Recommendation]) -> None:
    row = broken_event()
    consumer.drain()
    poison.dismiss(PoisonMessage.objects.get(), actor="staff:ann")
    good = {
        "reaction": 1,
        "before": None,
        "impression_id": 1,
        "source": "ml",
        "model_version": "m",
        "arm": "a",
        "face_shape": "oval",
    }
    OutboxEvent.objects.filter(pk=row.pk).update(payload=good)
    replay.replay()
    assert of_all("likes") == 0
    assert PoisonMessage.objects.get().outcome == "dismissed"
    assert stored_aggregates() == recompute_aggregates()


def test_unknown_topics_are_skipped_and_counted(items: list[Recommendation]) -> None:
    with transaction.atomic():
        outbox.record("coffee.tasted", 1, {"whatever": 1})
    relay_all()
    consumer.drain()
    offset = StreamOffset.objects.get()
    assert (offset.events, offset.skipped) == (3, 1)
    assert not PoisonMessage.objects.exists()


def test_replay_mends_sums_that_were_spoilt(items: list[Recommendation]) -> None:
    react_at_random(items, 40)
    relay_all()
    call_command("consume_events", "--once", stdout=StringIO())
    expected = recompute_aggregates()
    call_command("consume_events", "--check", stdout=StringIO())
    WindowAggregate.objects.filter(dimension="source").update(likes=500)
    WindowAggregate.objects.filter(dimension="all").delete()
    with pytest.raises(CommandError, match="not what the events add up to"):
        call_command("consume_events", "--check", stdout=StringIO(), stderr=StringIO())
    call_command("consume_events", "--replay", stdout=StringIO())
    assert stored_aggregates() == expected
    assert StreamOffset.objects.get().events == OutboxEvent.objects.count()
    assert consumer.drain() == 0


def age(events: Any, days: int) -> None:
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(occurred_at=timezone.now() - timedelta(days=days))


def test_pruning_keeps_what_is_not_in_the_sums(items: list[Recommendation], settings: Any) -> None:
    settings.EVENTS_KEEP_DAYS = 30
    for item in items[:3]:
        like(item)
    old, older, unread = OutboxEvent.objects.filter(topic="feedback.given")
    age([old], 40)
    age([older], 50)
    age([unread], 45)
    OutboxEvent.objects.exclude(pk=unread.pk).update(relayed_at=timezone.now())
    consumer.drain()
    assert retention.prune() == 1, "the event of day 45 has not left: from its hour on everything stays"
    assert not OutboxEvent.objects.filter(pk=older.pk).exists()
    assert not ConsumedEvent.objects.filter(event_id=older.pk).exists()
    relay_all()
    consumer.drain()
    before = stored_aggregates()
    assert retention.prune() == 2
    assert set(ConsumedEvent.objects.values_list("event_id", flat=True)) == set(OutboxEvent.objects.values_list("pk", flat=True))

    replay.replay()
    assert stored_aggregates() == before, "sums of hours whose events are pruned are final"
    assert replay.differences() == {}
    StreamOffset.objects.update(stream_id="0-0")  # the stream still holds what the outbox has pruned
    consumer.drain()
    assert stored_aggregates() == before
    assert not PoisonMessage.objects.exists()


def test_nothing_is_pruned_before_anything_was_taken_in(items: list[Recommendation]) -> None:
    age(OutboxEvent.objects.all(), 4000)
    relay_all()
    assert retention.prune() == 0
    assert OutboxEvent.objects.exists()


def test_history_keeps_every_step(items: list[Recommendation]) -> None:
    item = items[0]
    for reaction in (1, 1, 0):
        react(user=None, analysis_id=item.analysis_id, impression_id=item.pk, reaction=reaction)
    for _ in range(2):
        take_back(user=None, analysis_id=item.analysis_id, impression_id=item.pk)
    like(item)
    steps = ReactionEntry.objects.filter(recommendation=item)
    assert list(steps.values_list("reaction", flat=True)) == [1, 0, None, 1]
    assert {step.analysis_id for step in steps} == {item.analysis_id}
