"""/livez: the process answers. /readyz: what this role needs is there. /metrics: Prometheus. Answered before any other middleware."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

LOOPBACK = ("127.0.0.1", "::1")


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
    """200 where every check of ``?role=`` (web by default; all, worker) passes, else 503. Each check says what it found."""
    role = request.GET.get("role", "all")
    checks: dict[str, Callable[[], str]] = {
        "database": _database,
        "migrations": _migrations,
        "broker": _broker,
        "models": _models,
    }
    if role != "worker":
        checks["workers"] = _workers
    if role == "web":
        del checks["workers"], checks["models"]
    results: dict[str, dict[str, Any]] = {}
    for name, check in checks.items():
        try:
            results[name] = {"ok": True, "detail": check()}
        except Exception as error:  # a check that fails in any way is a failed check
            results[name] = {
                "ok": False,
                "detail": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200],
            }
    ready = all(result["ok"] for result in results.values())
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


def _broker() -> str:
    from hairme.common import wake

    wake.client().ping()
    depths = {queue: wake.client().llen(queue) for queue in settings.QUEUES}
    return ", ".join(f"{queue} {depth}" for queue, depth in depths.items())


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


def metrics(request: HttpRequest) -> HttpResponse:
    token = settings.METRICS_TOKEN
    if token:
        allowed = hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}")
    else:
        allowed = request.META.get("REMOTE_ADDR") in LOOPBACK and "HTTP_X_FORWARDED_FOR" not in request.META
    if not allowed:
        return HttpResponse("forbidden\n", status=403, content_type="text/plain")
    from hairme.metrics import exposition

    body, content_type = exposition()
    return HttpResponse(body, content_type=content_type)
