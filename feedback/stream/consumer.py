"""Keep the hourly sums: read the event stream, and where it has lost something, the outbox it was filled from.

An entry of the stream names an event; what counts is the event's row in the outbox. Which events are in is written (ConsumedEvent)
in the transaction that adds them to the sums and moves the offset, so a consumer may be killed anywhere, two may run at once (the
second waits for the first one's transaction), the relay may send an event twice, and Redis may be emptied: each event counts once.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, Min, OuterRef, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from hairme.common import heartbeat
from hairme.common.models import OutboxEvent

from ..engine.events import BadEvent, Event, read_entry
from ..models import ConsumedEvent, StreamOffset
from . import entries
from .writing import CONSUMER, event_of, kept, locked_offset, set_aside, take_in

log = structlog.get_logger(__name__)

SERVICE = "stream"  # what its heartbeat says it serves
BATCH = 500
BLOCK_MS = 1000  # how long a read waits for news; a stop and a heartbeat wait as long at most
LOOK_EVERY = 60.0  # seconds between two looks into the outbox for what the stream has not brought
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


def unread() -> QuerySet[OutboxEvent]:
    """Events that have left for the stream and are not in the sums."""
    consumed = ConsumedEvent.objects.filter(consumer=CONSUMER, event_id=OuterRef("pk"))
    return OutboxEvent.objects.filter(~Exists(consumed), relayed_at__isnull=False).order_by("pk")


def step(block_ms: int = 0) -> int:
    """Read the next entries and take them in. Returns how many were read."""
    start = StreamOffset.objects.get_or_create(consumer=CONSUMER)[0].stream_id
    found = entries.read(start, BATCH, block_ms)
    if not found:
        return 0
    with transaction.atomic():
        offset = locked_offset()
        if offset.stream_id == start:  # else another consumer has taken them in meanwhile
            take_in(offset, _events_of(found, offset))
            offset.stream_id = found[-1].id
            offset.save()
    return len(found)


def catch_up(above: int = 0) -> int:
    """Take in, from the outbox, what the stream has not brought: events whose id is above ``above``. Returns how many."""
    total = 0
    while True:
        with transaction.atomic():
            offset = locked_offset()
            rows = list(unread().filter(pk__gt=above)[:BATCH])
            if rows:
                total += take_in(offset, map(event_of, rows))
                offset.save()
        if len(rows) < BATCH:
            return total


def mend() -> None:
    """Where the stream may have lost entries, take them from the outbox, then read on from where the stream can be read."""
    start = StreamOffset.objects.get_or_create(consumer=CONSUMER)[0].stream_id
    gap = entries.gap(start)
    if gap is None:
        return
    recovered = catch_up()
    StreamOffset.objects.filter(consumer=CONSUMER, stream_id=start).update(stream_id=gap.resume)
    if recovered:
        log.warning("stream_had_a_gap", taken_from_outbox=recovered)


def drain() -> int:
    """Take in everything that is there, and return how many entries and events that were."""
    total = 0
    mend()
    while read := step():
        total += read
    return total + catch_up()


def run(stop: threading.Event) -> None:
    """Until ``stop``: live on the stream, wait where Redis or PostgreSQL are away, and beat as long as it goes on."""
    name = f"{SERVICE}@{socket.gethostname()}:{os.getpid()}"
    pause, next_look, settled = FIRST_PAUSE, 0.0, 0
    while not stop.is_set():
        try:
            heartbeat.beat(name, SERVICE)
            mend()
            if time.monotonic() >= next_look:
                above, settled = settled, _settled()  # found before the look, so that it covers all below
                catch_up(above)
                next_look = time.monotonic() + LOOK_EVERY
            step(BLOCK_MS)
            if pause > FIRST_PAUSE:
                log.info("stream_consumer_goes_on")
            pause = FIRST_PAUSE
        except (RedisError, OSError, OperationalError, InterfaceError) as error:
            if pause == FIRST_PAUSE:
                log.warning("stream_consumer_waits", error=type(error).__name__)
            with suppress(Exception):  # a connection that is broken may refuse to be closed
                connection.close()
            settled, next_look = 0, 0.0
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    heartbeat.end(name)


def _settled() -> int:
    """No event of this id or below will come up anew: they have left for the stream, and no open transaction holds one back.

    An hour is longer than any of our transactions lasts.
    """
    waiting = OutboxEvent.objects.filter(relayed_at=None).aggregate(first=Min("pk"))["first"]
    old = OutboxEvent.objects.filter(occurred_at__lt=timezone.now() - timedelta(hours=1))
    newest = (old if waiting is None else old.filter(pk__lt=waiting)).order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


def _events_of(found: list[entries.Entry], offset: StreamOffset) -> list[Event]:
    """The events that these entries name, as the outbox has them. An entry that names none, or says otherwise, is set aside."""
    named: list[tuple[entries.Entry, Event]] = []
    for entry in found:
        try:
            named.append((entry, read_entry(entry.fields)))
        except BadEvent as error:
            set_aside(entry.id, entry.fields, str(error))
    rows = OutboxEvent.objects.in_bulk([event.id for _entry, event in named])
    events = []
    for entry, said in named:
        row = rows.get(said.id)
        if row is None:
            if kept(said.at, offset):
                set_aside(entry.id, entry.fields, "the outbox holds no such event")
        elif event_of(row) != said:
            set_aside(entry.id, entry.fields, "the outbox holds another event of this id")
        else:
            events.append(said)
    return events
