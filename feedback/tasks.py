from __future__ import annotations

from celery import shared_task

from .stream.retention import prune


@shared_task(name="feedback.prune_events")
def prune_events() -> None:
    prune()
