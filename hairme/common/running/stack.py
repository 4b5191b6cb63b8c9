"""The processes that make up a running HairMe. To add one, add a ProcessSpec to `application_processes`."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from hairme.common.embedded.postgres import EmbeddedPostgres
from hairme.common.embedded.redis import EmbeddedRedis
from hairme.common.running.child import ProcessSpec
from hairme.common.running.processes import Command

# Stages: the highest stops first. Nothing new is asked for, then nothing is left running, then the data is put to rest.
POSTGRES, REDIS, WORKERS, SENDERS = range(4)

#: celery.platforms warns at length where one is root, as one is in a container.
_CELERY = (sys.executable, "-W", "ignore:::celery.platforms", "-m", "celery", "--quiet", "-A", "hairme")

_POSTGRES_WORTH_SAYING = re.compile(
    r"^(WARNING|PANIC):|^FATAL:(?!.*(starting up|shutting down|administrator command))|terminated by signal"
)
_REDIS_WORTH_SAYING = re.compile(r" # .*(error|fail|can't|bad file|no space|out of memory|crash|misconf)", re.IGNORECASE)


def processor_count() -> int:
    """Processors this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def child_environment(var: Path, host: str, port: int, addresses: Mapping[str, str]) -> dict[str, str]:
    """The environment of every child: ours, the services' `addresses`, and everything it writes beneath `var`."""
    environment = dict(os.environ)
    environment.update(addresses)
    environment.update(HAIRME_VAR=str(var), HOST=host, PORT=str(port), PYTHONUNBUFFERED="1")
    environment.setdefault("MPLCONFIGDIR", str(var / "cache" / "matplotlib"))
    return environment


def postgres_process(server: EmbeddedPostgres) -> ProcessSpec:
    return ProcessSpec(
        name="postgres",
        command=server.command(),
        stage=POSTGRES,
        stop=((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)),  # fast, then immediate (recovers at the next start)
        kill_signal=signal.SIGQUIT,
        before_restart=server.prepare,
        shows=lambda line: _POSTGRES_WORTH_SAYING.search(line) is not None,
    )


def redis_process(server: EmbeddedRedis) -> ProcessSpec:
    return ProcessSpec(
        name="redis",
        command=server.command(),
        stage=REDIS,
        before_restart=server.prepare,
        shows=lambda line: _REDIS_WORTH_SAYING.search(line) is not None and "overcommit" not in line,
    )


def management_command(root: Path, environment: Mapping[str, str], *arguments: str) -> Command:
    return Command(argv=[sys.executable, str(root / "manage.py"), *arguments], env=environment, cwd=root)


def web_process(root: Path, environment: Mapping[str, str]) -> ProcessSpec:
    """Its graceful_timeout (gunicorn.conf.py) is shorter than the wait here."""
    return ProcessSpec(
        name="web",
        command=Command(
            argv=[sys.executable, "-m", "gunicorn", "hairme.wsgi:application", "-c", str(root / "gunicorn.conf.py")],
            env=environment,
            cwd=root,
        ),
        stage=SENDERS,
        stop=((signal.SIGTERM, 12.0), (signal.SIGQUIT, 2.0)),
    )


def worker_process(root: Path, environment: Mapping[str, str], name: str, queues: str, concurrency: int) -> ProcessSpec:
    """A Celery worker. SIGTERM lets running tasks finish; SIGQUIT, ten seconds later, gives them back to the queue."""
    threads = {"OMP_NUM_THREADS": str(max(1, processor_count() // concurrency))}
    arguments = ["-Q", queues, "-c", str(concurrency), "-n", f"{name}@%h", "--pool", "prefork", "--loglevel", "INFO"]
    arguments += ["--without-gossip", "--without-mingle"]  # workers that need no news of each other start a second sooner
    return ProcessSpec(
        name=f"worker-{name}",
        command=Command(
            argv=[*_CELERY, "worker", *arguments],
            env=threads | dict(environment),
            cwd=root,
        ),
        stage=WORKERS,
        stop=((signal.SIGTERM, 10.0), (signal.SIGQUIT, 5.0)),
    )


def beat_process(root: Path, environment: Mapping[str, str]) -> ProcessSpec:
    return ProcessSpec(
        name="beat",
        command=Command(
            argv=[*_CELERY, "beat", "--pidfile=", "--loglevel", "INFO"],
            env=environment,
            cwd=root,
        ),
        stage=SENDERS,
        stop=((signal.SIGTERM, 5.0),),
    )


def stream_process(root: Path, environment: Mapping[str, str]) -> ProcessSpec:
    """Keeps the hourly sums. SIGTERM lets it finish its transaction; what it has not taken in waits for the next start."""
    return ProcessSpec(
        name="stream",
        command=management_command(root, environment, "consume_events"),
        stage=WORKERS,
        stop=((signal.SIGTERM, 10.0),),
    )


def application_processes(
    root: Path, environment: Mapping[str, str], *, inference_concurrency: int, web: bool = True
) -> list[ProcessSpec]:
    """Everything that runs once the database is prepared, in the order of starting."""
    return [
        worker_process(root, environment, "inference", "inference", inference_concurrency),
        worker_process(root, environment, "default", "default", 1),
        worker_process(root, environment, "training", "training", 1),
        stream_process(root, environment),
        *([web_process(root, environment)] if web else []),
        beat_process(root, environment),
    ]
