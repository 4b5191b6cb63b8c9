"""Wake whoever waits for a job: a Redis list per job, pushed once at its end. Lost wake-ups cost a poll, never an answer."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

NO_RETRY = Retry(NoBackoff(), 0)  # callers know what to do without Redis; waiting inside the client would only delay that
POLL_SECONDS = 1.0  # how late a waiter is at most where Redis has lost the wake-up


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=1, health_check_interval=30, retry=NO_RETRY
    )


@lru_cache(maxsize=1)
def _impatient_client() -> redis.Redis:
    """For what a request waits for: a Redis that hangs costs little more than a lost wake-up, one that was restarted nothing."""
    again = Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))  # a connection from before a restart
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=POLL_SECONDS + 0.5, socket_connect_timeout=1, retry=again)


def reachable() -> bool:
    """Whether Redis answers now; known within two seconds, where sending a message to a Redis that hangs takes fifteen."""
    try:
        return bool(_impatient_client().ping())
    except (RedisError, OSError):
        return False


def done(job_id: int) -> None:
    try:
        pipe = client().pipeline(transaction=False)
        pipe.rpush(_key(job_id), 1)
        pipe.expire(_key(job_id), 60)
        pipe.execute()
    except (RedisError, OSError):
        pass  # the waiter polls


def wait(job_id: int, seconds: float) -> Any:
    """Return the job when it is over, or as it is after ``seconds``; a database that restarts meanwhile is waited for as well.

    Raises OperationalError where the database is still away then.
    """
    from .models import Job

    deadline = time.monotonic() + seconds
    asks_redis = True
    while True:
        left = deadline - time.monotonic()
        try:
            job = Job.objects.filter(pk=job_id).first()
        except (OperationalError, InterfaceError):
            if left <= 0 or connection.in_atomic_block:
                raise
            connection.close()  # the next query dials anew
            time.sleep(min(left, POLL_SECONDS))
            continue
        if job is None or job.is_final or left <= 0:
            return job
        if asks_redis:
            try:
                _impatient_client().blpop([_key(job_id)], timeout=min(left, POLL_SECONDS))
            except (RedisError, OSError):
                asks_redis = False
        else:
            time.sleep(min(left, 0.2))


def empty_queues() -> list[str]:
    """The queues in which no message waits; none where Redis is away."""
    try:
        return [queue for queue in settings.QUEUES if not client().llen(queue)]
    except (RedisError, OSError):
        return []


def _key(job_id: int) -> str:
    return f"hairme:job-done:{job_id}"
