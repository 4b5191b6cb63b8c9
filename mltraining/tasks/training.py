from __future__ import annotations

from celery import shared_task

from ..services import retraining, snapshots

_LIMITS = {"time_limit": 3600, "soft_time_limit": 3540}


@shared_task(name=retraining.TASK, **_LIMITS)
def retrain(job_id: int) -> None:
    from ..services import training_run  # brings torch, which only the training worker has a use for

    training_run.run_training(job_id)


@shared_task(name="mltraining.retrain_weekly")
def retrain_weekly() -> None:
    """Mondays: queue a run where anybody has reacted since the last one."""
    retraining.start_weekly()


@shared_task(name="mltraining.forget_deleted")
def forget_deleted() -> None:
    """Daily: files of data sets that hold an analysis that was deleted."""
    snapshots.forget_deleted()
