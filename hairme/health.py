"""/livez: the process answers. /readyz: what this role needs is there. /metrics: Prometheus. Answered before any other middleware."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

LOOPBACK = ("127.0.0.1", "::1")
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_VIA",
)  # a proxy of this machine asks for somebody else
PROBE_SECONDS = 1.0  # an orchestrator gives a probe about as long
ROLES = ("all", "web", "worker")
NEEDS = {
    "migrations": "database",
    "workers": "broker",
}  # not asked where that is away: it would only wait for the same timeout again


class HealthMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/livez":
            return HttpResponse("ok", content_type="text/plain")
        if request.path == "/readyz":
            return readyz(request)
        if request.path == "/metrics":
            return metrics(request)
        return self.get_response(request)


def readyz(request: HttpRequest) -> HttpResponse:
    """200 where every check of ``?role=`` (all by default; web, worker) passes, else 503.

    What each check found is told to this machine and to bearers of the metrics token; others read ok or not.
    """
    role = request.GET.get("role", "all")
    if role not in ROLES:
        return JsonResponse({"ready": False, "error": f"role is one of {', '.join(ROLES)}"}, status=400)
    checks: dict[str, Callable[[], str]] = {"database": _database, "migrations": _migrations, "broker": _broker}
    if role != "worker":
        checks["pages"] = _pages
    if role != "web":
        checks["models"] = _models
    if role == "all":
        checks["workers"] = _workers
    results: dict[str, dict[str, Any]] = {}
    for name, check in checks.items():
        needed = NEEDS.get(name)
        if needed and not results[needed]["ok"]:
            results[name] = {"ok": False, "detail": f"unknown without the {needed}"}
            continue
        try:
            results[name] = {"ok": True, "detail": check()}
        except Exception as error:  # a check that fails in any way is a failed check
            results[name] = {"ok": False, "detail": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:200]}
    ready = all(result["ok"] for result in results.values())
    if not _from_this_machine(request) and not _has_token(request):
        results = {name: {"ok": result["ok"]} for name, result in results.items()}
    response = JsonResponse({"ready": ready, "checks": results}, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django logs every 503; a probe that waits is no error
    return response


def _database() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    if row is None:
        raise RuntimeError("the vector extension is not installed: run migrate")
    return f"PostgreSQL with pgvector {row[0]}"


def _migrations() -> str:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise RuntimeError(f"{len(waiting)} migrations wait: run migrate")
    return "none waiting"


@lru_cache(maxsize=4)
def _redis(url: str) -> redis.Redis:
    """A client of less patience than the site's own: a probe that waits is a probe that fails."""
    return redis.Redis.from_url(
        url, socket_timeout=PROBE_SECONDS, socket_connect_timeout=PROBE_SECONDS, retry=Retry(NoBackoff(), 0)
    )


def _broker() -> str:
    client = _redis(settings.REDIS_URL)
    return ", ".join(f"{queue} {client.llen(queue)}" for queue in settings.QUEUES)


def _workers() -> str:
    """Workers write a heartbeat to Redis every few seconds (``hairme.common.heartbeat``)."""
    from hairme.common import heartbeat

    alive = heartbeat.alive_queues()
    missing = [queue for queue in settings.QUEUES if queue not in alive]
    if missing:
        raise RuntimeError(f"no worker serves {', '.join(missing)}")
    return ", ".join(f"{queue} {count}" for queue, count in sorted(alive.items()))


def _models() -> str:
    from hairme.ml.artifacts import get_store

    return ", ".join(get_store().resolve(name).key for name in ("face-shape", "text-encoder", "hairstyle-scorer"))


def _pages() -> str:
    """In production a page cannot name its style sheet until collectstatic has run."""
    if settings.PRODUCTION and not (Path(settings.STATIC_ROOT) / "staticfiles.json").is_file():
        raise RuntimeError("the static files are not collected: run collectstatic")
    return "static files are there"


def _from_this_machine(request: HttpRequest) -> bool:
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not any(name in request.META for name in FORWARDED)


def _has_token(request: HttpRequest) -> bool:
    """As bytes: compare_digest refuses text that is not ASCII, and a header may hold any."""
    given, token = request.headers.get("Authorization", ""), settings.METRICS_TOKEN
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def metrics(request: HttpRequest) -> HttpResponse:
    allowed = _has_token(request) if settings.METRICS_TOKEN else _from_this_machine(request)
    if not allowed:
        return HttpResponse("forbidden\n", status=403, content_type="text/plain")
    from hairme.metrics import exposition

    body, content_type = exposition()
    return HttpResponse(body, content_type=content_type)
