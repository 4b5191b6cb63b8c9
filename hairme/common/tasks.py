from __future__ import annotations

from celery import shared_task

from . import heartbeat, jobs, outbox

heartbeat.start_with_the_worker()


@shared_task(name="common.recover_lost_jobs", time_limit=60, soft_time_limit=50)
def recover_lost_jobs() -> None:
    jobs.recover_lost()


@shared_task(name="common.relay_outbox", time_limit=60, soft_time_limit=50)
def relay_outbox() -> None:
    while outbox.relay() == 1000:
        pass
