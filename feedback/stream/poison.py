"""What was set aside: try it again, or let it go."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from hairme.common.errors import ApplicationError
from hairme.common.models import OutboxEvent

from ..engine.events import BadEvent, fold, read_entry
from ..models import PoisonMessage
from .writing import add, event_of, locked_offset, take_in

log = structlog.get_logger(__name__)
OF_OUTBOX = "outbox:"


def retry(message: PoisonMessage, *, actor: str) -> str:
    """Take the message in, if that is possible now: "" where it is in (each event once, as ever), else the reason why not.

    Raises ``not_found`` where somebody has resolved it meanwhile.
    """
    with transaction.atomic():
        offset = locked_offset()
        row = _waiting(message)
        try:
            if row.stream_id.startswith(OF_OUTBOX):  # counted as taken in when it was set aside
                add(fold(event_of(_outbox_row(int(row.stream_id.removeprefix(OF_OUTBOX)))), timezone.now()))
            else:
                said = read_entry(row.fields)
                event = event_of(_outbox_row(said.id))
                if event != said:
                    raise BadEvent("the outbox holds another event of this id")
                take_in(offset, [event])
                offset.save()
        except BadEvent as error:
            PoisonMessage.objects.filter(pk=row.pk).update(reason=str(error)[:1000])
            return str(error)
        _resolve(row, PoisonMessage.Outcome.TAKEN_IN, actor)
    return ""


def dismiss(message: PoisonMessage, *, actor: str) -> None:
    """Leave the message out for good; it stays on record. Raises ``not_found`` where it is resolved already."""
    with transaction.atomic():
        locked_offset()
        _resolve(_waiting(message), PoisonMessage.Outcome.DISMISSED, actor)


def _waiting(message: PoisonMessage) -> PoisonMessage:
    row = PoisonMessage.objects.select_for_update().filter(pk=message.pk, outcome=PoisonMessage.Outcome.WAITING).first()
    if row is None:
        raise ApplicationError("not_found")
    return row


def _outbox_row(event_id: int) -> OutboxEvent:
    row = OutboxEvent.objects.filter(pk=event_id).first()
    if row is None:
        raise BadEvent("the outbox holds no such event")
    return row


def _resolve(row: PoisonMessage, outcome: Any, actor: str) -> None:
    row.outcome, row.resolved_by, row.resolved_at = outcome, actor[:160], timezone.now()
    row.save(update_fields=["outcome", "resolved_by", "resolved_at"])
    log.info("stream_message_resolved", stream_id=row.stream_id, outcome=str(outcome), actor=actor)
