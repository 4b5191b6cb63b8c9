"""The event outbox: ``record`` in the transaction of the change, ``relay`` to Redis Streams afterwards, at least once.

Events leave in id order; one whose transaction commits late leaves later than its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from . import wake
from .models import OutboxEvent

log = structlog.get_logger(__name__)

STREAM = "hairme:events"
STREAM_LENGTH = 100_000  # older entries are trimmed; the outbox table stays the source for a replay
_LOCK = 0x6861_6972  # "hair": one relay at a time keeps the order


def record(topic: str, key: str | int, payload: Mapping[str, Any]) -> OutboxEvent:
    """Note that something happened. Must run inside the transaction that makes it happen."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"event {topic} recorded outside a transaction: it could survive a change that did not")
    return OutboxEvent.objects.create(
        topic=topic,
        key=str(key),
        payload=dict(payload),
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )


def relay(limit: int = 1000) -> int:
    """Move waiting events to the stream. Returns how many; 0 where there is none, another relay runs, or Redis is away."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        events = list(OutboxEvent.objects.filter(relayed_at=None).order_by("id")[:limit])
        if not events:
            return 0
        try:
            pipe = wake.client().pipeline(transaction=False)
            for event in events:
                pipe.xadd(
                    STREAM,
                    {
                        "id": event.pk,
                        "topic": event.topic,
                        "key": event.key,
                        "at": event.occurred_at.isoformat(),
                        "request_id": event.request_id,
                        "payload": json.dumps(event.payload, ensure_ascii=False),
                    },
                    maxlen=STREAM_LENGTH,
                    approximate=True,
                )
            pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("outbox_relay_waits", waiting=len(events), error=type(error).__name__)
            return 0
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(relayed_at=timezone.now())
    return len(events)
