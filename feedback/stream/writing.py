"""Take events into the hourly sums, each once. Everything here runs inside the transaction that moves the consumer's offset."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import connection
from django.utils import timezone

from hairme.common.models import OutboxEvent

from ..engine.events import COUNTS, TOPICS, BadEvent, Event, Key, Sums, fold
from ..models import PoisonMessage, StreamOffset

log = structlog.get_logger(__name__)

CONSUMER = "hourly-sums"
LONGEST_FIELD = 10_000  # characters kept of a field of a message that was set aside

_CLAIM = """
INSERT INTO feedback_consumedevent (consumer, event_id) SELECT %s, unnest(%s::bigint[])
ON CONFLICT (consumer, event_id) DO NOTHING RETURNING event_id
"""
_ADD = f"""
INSERT INTO feedback_windowaggregate AS held ("window", dimension, value, {", ".join(COUNTS)}, latency_counts)
SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], {", ".join(["%s::bigint[]"] * len(COUNTS))}, %s::jsonb[])
ON CONFLICT ("window", dimension, value) DO UPDATE SET
{", ".join(f"{name} = held.{name} + EXCLUDED.{name}" for name in COUNTS)},
latency_counts = (
    SELECT coalesce(jsonb_object_agg(bound, total), '{{}}') FROM (
        SELECT bound, sum(n::bigint) AS total FROM (
            SELECT * FROM jsonb_each_text(held.latency_counts) UNION ALL SELECT * FROM jsonb_each_text(EXCLUDED.latency_counts)
        ) AS both_of_them (bound, n) GROUP BY bound
    ) AS added
)
"""  # noqa: S608 - made of names written above


def locked_offset() -> StreamOffset:
    """The consumer's offset, held until the transaction ends: whoever takes events in does it one after the other."""
    StreamOffset.objects.get_or_create(consumer=CONSUMER)
    return StreamOffset.objects.select_for_update().get(consumer=CONSUMER)


def event_of(row: OutboxEvent) -> Event:
    return Event(row.pk, row.topic, row.occurred_at, row.payload)


def take_in(offset: StreamOffset, events: Iterable[Event], *, without: Collection[int] = ()) -> int:
    """Add what these events say, each once ever; one that says what cannot be is set aside. Returns how many were new.

    Those of the ids ``without`` count as taken in and add nothing. Changes ``offset``'s counts; saving it is the caller's.
    """
    by_id = {event.id: event for event in events}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [CONSUMER, list(by_id)])
        new = sorted(row[0] for row in cursor.fetchall())
    sums: dict[Key, Sums] = {}
    for event in (by_id[number] for number in new if number not in without):
        offset.skipped += event.topic not in TOPICS
        try:
            additions = fold(event, timezone.now())
        except BadEvent as error:
            set_aside(f"outbox:{event.id}", content_of(event), str(error))
            continue
        for key, change in additions.items():
            sums.setdefault(key, Sums()).add(change)
    offset.events += len(new)
    add(sums)
    return len(new)


def add(sums: Mapping[Key, Sums]) -> None:
    """Add to the stored sums, in the order of their keys."""
    if not sums:
        return
    keys = sorted(sums)
    columns: list[list[Any]] = [[key[part] for key in keys] for part in range(3)]
    columns += [[getattr(sums[key], name) for key in keys] for name in COUNTS]
    columns.append([json.dumps(sums[key].latency) for key in keys])
    with connection.cursor() as cursor:
        cursor.execute(_ADD, columns)


def content_of(event: Event) -> dict[str, str]:
    """An event in the form of an entry of the stream."""
    payload = json.dumps(event.payload, ensure_ascii=False)
    return {"id": str(event.id), "topic": event.topic, "at": event.at.isoformat(), "payload": payload}


def set_aside(stream_id: str, fields: Mapping[str, str], reason: str) -> None:
    """Keep a message that cannot be taken in, with the reason. The same one again changes nothing."""
    _row, created = PoisonMessage.objects.get_or_create(
        consumer=CONSUMER,
        stream_id=stream_id,
        defaults={"fields": {name[:100]: value[:LONGEST_FIELD] for name, value in fields.items()}, "reason": reason[:1000]},
    )
    if created:
        log.error("stream_message_set_aside", stream_id=stream_id, reason=reason[:200])


def kept(moment: datetime, offset: StreamOffset) -> bool:
    """Whether an event of this moment would still be in the outbox."""
    return offset.kept_from is None or moment >= offset.kept_from
