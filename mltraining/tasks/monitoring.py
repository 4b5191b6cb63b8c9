from __future__ import annotations

from celery import shared_task

from ..services import monitoring


@shared_task(name="mltraining.monitor")
def monitor() -> None:
    """Every hour: look for drift, faults and what has gone stale."""
    monitoring.check()
