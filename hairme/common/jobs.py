"""Start, run and recover background work. The Job row is the truth; a broker message is only a hint that there is some.

A task body is one ``with claimed(job_id) as job`` block. Delivery may happen twice or never: ``claim`` lets one runner in, and
``recover_lost`` sends again what the broker or a killed worker has lost.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from . import wake
from .errors import ApplicationError, outage_code
from .models import Job

log = structlog.get_logger(__name__)

PATIENCE = timedelta(seconds=20)  # a queued job this long unsent is sent again; claiming twice is harmless
SHORT_PATIENCE = timedelta(seconds=5)  # the same where the broker's queue is empty: a worker took the message, and may have died
DATABASE_PATIENCE = 15.0  # seconds a worker waits for a database that restarts, before it leaves the job to ``recover_lost``
HOST = socket.gethostname()

T = TypeVar("T")


_when_failed: dict[str, Callable[[Job], None]] = {}


class JobGone(Exception):
    """The job was cancelled, finished or taken by another runner: stop without a trace."""


def enqueue(
    task: str,
    payload: Mapping[str, Any],
    *,
    queue: str,
    owner: Any = None,
    idempotency_key: str | None = None,
    lease_seconds: int = 60,
    max_attempts: int = 3,
) -> Job:
    """Record a job and send its message after commit. The same ``idempotency_key`` returns the job that already has it."""
    job = Job(
        task=task,
        payload=dict(payload),
        queue=queue,
        owner=owner,
        idempotency_key=idempotency_key,
        lease_seconds=lease_seconds,
        max_attempts=max_attempts,
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        existing = Job.objects.filter(idempotency_key=idempotency_key).first() if idempotency_key else None
        if existing is None:
            raise
        return existing
    transaction.on_commit(partial(send, job))
    return job


def send(job: Job) -> bool:
    """Hand the job to the broker. False where the broker is away: the job stays queued and is sent again later."""
    from hairme.celery import app

    try:
        if not wake.reachable():
            raise KombuError("Redis does not answer")
        app.send_task(job.task, args=[job.pk], queue=job.queue, headers={"request_id": job.request_id})
    except (OSError, RedisError, KombuError) as error:
        log.warning("broker_unreachable", job_id=job.pk, task=job.task, error=type(error).__name__)
        return False
    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(sent_at=timezone.now())
    return True


def claim(job_id: int) -> Job | None:
    """Compare-and-swap queued -> running. None where another runner has it, or it is over."""
    now = timezone.now()
    job = Job.objects.filter(pk=job_id).first()
    if job is None or job.is_final:
        return None
    if job.state == Job.State.RUNNING and not _is_dead(job, now):
        return None
    if job.attempts >= job.max_attempts:
        fail(job, "worker_lost")
        return None
    won = Job.objects.filter(pk=job_id, state=job.state, attempts=job.attempts).update(
        state=Job.State.RUNNING,
        attempts=job.attempts + 1,
        worker=_me(),
        started_at=now,
        lease_until=now + timedelta(seconds=job.lease_seconds),
        error_code="",
        error_params={},
    )
    if not won:
        return None
    job.refresh_from_db()
    return job


@contextmanager
def claimed(job_id: int) -> Iterator[Job | None]:
    """Run the block as the job's only runner; its end decides the state. Yields None where there is nothing to do.

    ApplicationError fails the job with its code. A lost database gives it back to the queue once it answers again (the job fails
    with the outage's code at its last attempt) and is raised on. Any other exception fails it as ``internal_error`` and is raised
    on, to be logged.
    """
    job = _patiently(lambda: claim(job_id))
    if job is None:
        yield None
        return
    try:
        yield job
    except JobGone:
        log.info("job_gone", job_id=job.pk)
    except ApplicationError as error:
        fail(job, error.code, error.params)
    except (OperationalError, InterfaceError) as error:
        _give_back(job, outage_code(error) or "internal_error")
        raise
    except SoftTimeLimitExceeded:
        fail(job, "took_too_long")
    except BaseException:
        fail(job, "internal_error")
        raise
    else:
        if not job.is_final:
            succeed(job)


def advance(job: Job, *, stage: str = "", progress: int | None = None, total: int | None = None) -> None:
    """Say how far the job is and renew its lease. Raises JobGone where it is no longer ours to run."""
    changes: dict[str, Any] = {"lease_until": timezone.now() + timedelta(seconds=job.lease_seconds)}
    if stage:
        changes["stage"] = stage
    if progress is not None:
        changes["progress"] = progress
    if total is not None:
        changes["total"] = total
    if not _mine(job).update(**changes):
        raise JobGone
    for name, value in changes.items():
        setattr(job, name, value)


def succeed(job: Job) -> bool:
    return _finish(job, Job.State.SUCCEEDED)


def fail(job: Job, code: str, params: Mapping[str, Any] | None = None) -> bool:
    return _finish(job, Job.State.FAILED, error_code=code, error_params=dict(params or {}))


def when_failed(task: str, note: Callable[[Job], None]) -> None:
    """Have ``note(job)`` called when a job of this task fails for good, however it does, in the transaction that says so."""
    _when_failed[task] = note


def cancel(job: Job) -> bool:
    """Stop an unfinished job; its runner notices at its next ``advance`` or end."""
    done = Job.objects.unfinished().filter(pk=job.pk).update(state=Job.State.CANCELLED, finished_at=timezone.now())
    wake.done(job.pk)
    return bool(done)


def retry(job: Job) -> bool:
    """Queue a failed job again, from its first attempt."""
    changed = Job.objects.filter(pk=job.pk, state=Job.State.FAILED).update(
        state=Job.State.QUEUED, attempts=0, error_code="", error_params={}, sent_at=None, finished_at=None, stage="", progress=0
    )
    if changed:
        job.refresh_from_db()
        transaction.on_commit(partial(send, job))
    return bool(changed)


def recover_lost(now: datetime | None = None) -> dict[str, int]:
    """Send again what the broker lost, requeue what a dead worker left, give up on what keeps dying. Returns counts."""
    now = now or timezone.now()
    counts = {"resent": 0, "requeued": 0, "failed": 0}
    suspects = Job.objects.filter(state=Job.State.RUNNING)
    for job in suspects:
        if not _is_dead(job, now):
            continue
        if job.attempts >= job.max_attempts:
            counts["failed"] += fail(job, "worker_lost")
            continue
        counts["requeued"] += Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts).update(
            state=Job.State.QUEUED, sent_at=None, lease_until=None, worker=""
        )
    lost = Job.objects.undelivered(now, PATIENCE)
    lost |= Job.objects.undelivered(now, SHORT_PATIENCE).filter(queue__in=wake.empty_queues())
    for job in lost.order_by("created_at")[:500]:
        if not send(job):
            break
        counts["resent"] += 1
    if any(counts.values()):
        log.warning("jobs_recovered", **counts)
    return counts


def _finish(job: Job, state: str, **fields: Any) -> bool:
    with transaction.atomic():
        done = _mine(job).update(state=state, finished_at=timezone.now(), lease_until=None, **fields)
        if done:
            job.refresh_from_db()
        if done and state == Job.State.FAILED and (note := _when_failed.get(job.task)):
            note(job)
        transaction.on_commit(partial(wake.done, job.pk))
    return bool(done)


def _give_back(job: Job, code: str) -> None:
    """Queue a job that lost its database, for ``recover_lost`` to send; at its last attempt fail it with ``code``.

    Where the database stays away its lease ends and ``recover_lost`` does the same, only later.
    """
    with suppress(OperationalError, InterfaceError):
        if job.attempts >= job.max_attempts:
            _patiently(lambda: fail(job, code))
        else:
            _patiently(lambda: _mine(job).update(state=Job.State.QUEUED, sent_at=None, lease_until=None, worker=""))


def _patiently(action: Callable[[], T]) -> T:
    """Do ``action``, again on a new connection while the database is away, for DATABASE_PATIENCE; then its error is raised."""
    deadline = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.5)


def _mine(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts, worker=job.worker)


def _me() -> str:
    return f"{HOST}:{os.getpid()}:{_start_ticks(os.getpid()) or 0}"


def _is_dead(job: Job, now: datetime) -> bool:
    """The lease is over, or the worker was a process of this machine that is gone (or whose number was given to another)."""
    if job.lease_until is None or job.lease_until < now:
        return True
    host, pid, ticks = [*job.worker.rsplit(":", 2), "", "", ""][:3]
    if host != HOST or not pid.isdigit() or not Path("/proc/self/stat").exists():
        return False
    return _start_ticks(int(pid)) != int(ticks)


def _start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); None where there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
