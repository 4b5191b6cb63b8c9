"""Make the hourly sums anew from the events that are kept, and say whether they are what the events say."""

from __future__ import annotations

from django.db import transaction

from hairme.common.models import OutboxEvent

from ..engine.events import Key, Sums
from ..models import ConsumedEvent, PoisonMessage, WindowAggregate
from ..selectors.aggregates import recompute_aggregates, stored_aggregates
from .writing import CONSUMER, event_of, locked_offset, take_in

CHUNK = 2000


def replay() -> int:
    """Rebuild the sums of every hour whose events are kept. Returns the number of events.

    In one transaction: readers see the old sums until the new ones are there, a consumer waits, and a replay that is killed leaves
    all as it was. What waits set aside is tried again; what was dismissed stays out.
    """
    with transaction.atomic():
        offset = locked_offset()
        events, sums = OutboxEvent.objects.all(), WindowAggregate.objects.all()
        consumed = ConsumedEvent.objects.filter(consumer=CONSUMER)
        if offset.kept_from:
            consumed = consumed.exclude(event_id__in=events.filter(occurred_at__lt=offset.kept_from).values("pk"))
            events, sums = events.filter(occurred_at__gte=offset.kept_from), sums.filter(window__gte=offset.kept_from)
        sums.delete()
        consumed.delete()
        of_outbox = PoisonMessage.objects.filter(consumer=CONSUMER, stream_id__startswith="outbox:")
        of_outbox.filter(outcome=PoisonMessage.Outcome.WAITING).delete()
        dismissed = of_outbox.filter(outcome=PoisonMessage.Outcome.DISMISSED).values_list("stream_id", flat=True)
        without = {int(key.partition(":")[2]) for key in dismissed}
        offset.events = offset.skipped = total = last = 0
        while rows := list(events.filter(pk__gt=last).order_by("pk")[:CHUNK]):
            total, last = total + take_in(offset, map(event_of, rows), without=without), rows[-1].pk
        offset.save()
    return total


def differences() -> dict[Key, tuple[Sums, Sums]]:
    """Where the stored sums are not what the events taken in so far add up to: (hour, dimension, value) -> (stored, computed)."""
    with transaction.atomic():
        offset = locked_offset()
        computed = recompute_aggregates(since=offset.kept_from, consumer=CONSUMER)
        stored = stored_aggregates(since=offset.kept_from)
    nothing = Sums()
    pairs = {key: (stored.get(key, nothing), computed.get(key, nothing)) for key in stored.keys() | computed.keys()}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
