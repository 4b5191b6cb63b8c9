"""Prune events that are old, have left for the stream and are in the sums. What has not been taken in stays, however old."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q
from django.utils import timezone

from hairme.common.models import OutboxEvent

from ..engine.events import hour_of
from ..models import ConsumedEvent
from .writing import CONSUMER, locked_offset

log = structlog.get_logger(__name__)

CHUNK = 5000
_PRUNE = """
WITH gone AS (
    DELETE FROM common_outboxevent WHERE id IN (SELECT id FROM common_outboxevent WHERE occurred_at < %s ORDER BY id LIMIT %s)
    RETURNING id
), taken AS (
    DELETE FROM feedback_consumedevent WHERE consumer = %s AND event_id IN (SELECT id FROM gone)
)
SELECT count(*) FROM gone
"""


def prune(now: datetime | None = None) -> int:
    """Delete the events of whole hours more than EVENTS_KEEP_DAYS ago. Returns how many.

    It stops at the hour of the oldest event that is not in the sums. From then on the sums of the hours before are final: a replay
    leaves them as they are.
    """
    with transaction.atomic():
        offset = locked_offset()
        consumed = ConsumedEvent.objects.filter(consumer=CONSUMER, event_id=OuterRef("pk"))
        needed = OutboxEvent.objects.filter(Q(relayed_at=None) | ~Exists(consumed)).aggregate(first=Min("occurred_at"))["first"]
        until = hour_of((now or timezone.now()) - timedelta(days=settings.EVENTS_KEEP_DAYS))
        until = min(until, hour_of(needed)) if needed else until
        if offset.kept_from is None or offset.kept_from < until:
            offset.kept_from = until
            offset.save(update_fields=["kept_from"])
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_PRUNE, [until, CHUNK, CONSUMER])
            count = int(cursor.fetchone()[0])
        total += count
        if count < CHUNK:
            break
    if total:
        log.info("events_pruned", count=total, before=until.isoformat())
    return total
