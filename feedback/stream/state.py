"""How the stream fares: how far behind its consumer is, what waits, what is set aside. For the staff page and for /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from redis.exceptions import RedisError

from hairme.common import heartbeat
from hairme.common.models import OutboxEvent

from ..models import PoisonMessage, StreamOffset
from . import entries
from .consumer import SERVICE
from .writing import CONSUMER


@dataclass(frozen=True)
class StreamState:
    """``entries`` and ``seconds`` behind, and ``consumers`` alive: None where Redis does not answer."""

    offset: StreamOffset | None
    outbox_waiting: int
    set_aside: int
    entries: int | None
    seconds: float | None
    consumers: int | None

    @property
    def is_capped(self) -> bool:
        """More than are counted."""
        return self.entries is not None and self.entries >= entries.COUNTED_AT_MOST


def stream_state() -> StreamState:
    """Raises django.db.Error where the database is away."""
    offset = StreamOffset.objects.filter(consumer=CONSUMER).first()
    waiting = OutboxEvent.objects.filter(relayed_at=None).count()
    aside = PoisonMessage.objects.filter(consumer=CONSUMER, outcome=PoisonMessage.Outcome.WAITING).count()
    try:
        behind, oldest = entries.behind(offset.stream_id if offset else entries.START)
        alive = heartbeat.alive_queues().get(SERVICE, 0)
    except (RedisError, OSError):
        return StreamState(offset, waiting, aside, None, None, None)
    return StreamState(offset, waiting, aside, behind, max(0.0, time.time() - oldest) if behind else 0.0, alive)


def collect() -> Iterator[Metric]:
    """For /metrics. What is away is left out; ``hairme_broker_up`` and ``hairme_database_up`` say so."""
    try:
        state = stream_state()
    except Error:
        return
    figures = (
        ("events", "Events that the hourly sums hold", state.offset.events if state.offset else 0),
        ("set_aside", "Messages set aside that wait for staff", state.set_aside),
        ("entries_behind", f"Entries of the stream not taken in yet, at most {entries.COUNTED_AT_MOST}", state.entries),
        ("seconds_behind", "Age of the oldest entry not taken in yet", state.seconds),
        ("consumers", "Living consumers of the stream", state.consumers),
    )
    for name, meaning, value in figures:
        if value is not None:
            family = GaugeMetricFamily(f"hairme_stream_{name}", meaning)
            family.add_metric([], value)
            yield family
