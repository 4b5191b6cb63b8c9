"""Workers say that they live: a Redis key per worker that expires. Cheaper and quicker to ask than a broadcast."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import Any

import structlog
from celery import signals
from redis.exceptions import RedisError

from . import wake

log = structlog.get_logger(__name__)

EVERY_SECONDS = 3.0
EXPIRES_SECONDS = 12
PREFIX = "hairme:worker:"

_stop = threading.Event()


def start_with_the_worker() -> None:
    """Called where a worker imports its tasks."""
    signals.worker_ready.connect(_start)
    signals.worker_shutting_down.connect(_end)


def _start(sender: Any = None, **kwargs: Any) -> None:
    """Runs in the worker's main process only, so a worker whose pool is gone stops beating with it."""
    queues = ",".join(sorted(sender.app.amqp.queues.consume_from))
    threading.Thread(target=_beat, args=(sender.hostname, queues), name="heartbeat", daemon=True).start()


def _end(**kwargs: Any) -> None:
    _stop.set()


def _beat(hostname: str, queues: str) -> None:
    while not _stop.is_set():
        try:
            beat(hostname, queues)
        except (RedisError, OSError) as error:
            log.warning("heartbeat_missed", error=type(error).__name__)
        _stop.wait(EVERY_SECONDS)
    end(hostname)


def beat(name: str, serves: str) -> None:
    """Say that process ``name`` lives and what it serves, for EXPIRES_SECONDS. Raises RedisError where Redis is away."""
    wake.client().set(PREFIX + name, serves, ex=EXPIRES_SECONDS)


def end(name: str) -> None:
    """Say that it lives no more; where Redis is away its last beat expires."""
    with contextlib.suppress(RedisError, OSError):
        wake.client().delete(PREFIX + name)


def alive_queues() -> dict[str, int]:
    """How many living workers serve each queue."""
    client = wake.client()
    names = list(client.scan_iter(match=PREFIX + "*", count=500))
    values = client.mget(names) if names else []
    return dict(Counter(queue for value in values if value for queue in _text(value).split(",")))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
