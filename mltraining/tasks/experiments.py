from __future__ import annotations

from celery import shared_task

from ..services import experiment_looks


@shared_task(name="mltraining.watch_experiments")
def watch_experiments() -> None:
    """Every hour: take the looks that are due."""
    experiment_looks.watch()
