"""/livez, /readyz and /metrics, and the headers that every answer carries: each check is made to fail by itself."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection, connections
from django.test import Client

from hairme import health
from hairme.common import heartbeat, wake
from hairme.ml import artifacts

CHECKS = {"database", "migrations", "broker", "pages", "models", "workers"}


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is shared with tests whose workers live."""
    monkeypatch.setattr(heartbeat, "PREFIX", f"hairme:test-worker:{uuid.uuid4().hex}:")


@pytest.fixture
def all_queues(no_workers: None, settings: Any) -> None:
    """A worker's heartbeat, as Redis holds it."""
    wake.client().set(heartbeat.PREFIX + "test@here", ",".join(settings.QUEUES), ex=30)


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts and never answers: what a stopped Redis looks like."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []
        closing = threading.Event()

        def accept() -> None:
            server.settimeout(0.05)
            while not closing.is_set():
                try:
                    held.append(server.accept()[0])
                except OSError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield int(server.getsockname()[1])
        closing.set()
        thread.join()
        for one in held:
            one.close()


def ready(client: Client, role: str = "", **extra: Any) -> tuple[int, dict[str, Any]]:
    response = client.get("/readyz", {"role": role} if role else {}, **extra)
    return response.status_code, json.loads(response.content)["checks"]


def failing(checks: dict[str, Any]) -> set[str]:
    return {name for name, result in checks.items() if not result["ok"]}


def test_livez_needs_no_database(client: Client) -> None:
    """The database is closed to tests that do not ask for it."""
    response = client.get("/livez")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_ready_when_all_is_there(client: Client, all_queues: None) -> None:
    status, checks = ready(client)
    assert (status, set(checks), failing(checks)) == (200, CHECKS, set())
    assert checks["database"]["detail"].startswith("PostgreSQL with pgvector 0.")
    assert "training 1" in checks["workers"]["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "left_out"), [("web", {"models", "workers"}), ("worker", {"pages", "workers"}), ("all", set())])
def test_a_role_is_asked_for_what_it_needs(role: str, left_out: set[str], client: Client, all_queues: None) -> None:
    status, checks = ready(client, role)
    assert (status, set(checks)) == (200, CHECKS - left_out)


def test_unknown_role_is_refused(client: Client) -> None:
    assert client.get("/readyz", {"role": "nobody"}).status_code == 400


@pytest.mark.django_db
def test_no_worker(client: Client, no_workers: None) -> None:
    status, checks = ready(client)
    assert (status, failing(checks)) == (503, {"workers"})
    assert "no worker serves default, inference, training" in checks["workers"]["detail"]


@pytest.mark.django_db
def test_queue_that_nobody_serves(client: Client, no_workers: None) -> None:
    wake.client().set(heartbeat.PREFIX + "half@here", "default,inference", ex=30)
    status, checks = ready(client)
    assert (status, checks["workers"]["detail"]) == (503, "RuntimeError: no worker serves training")


@pytest.mark.django_db
def test_missing_model(client: Client, all_queues: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_store", artifacts.FolderStore(tmp_path))
    status, checks = ready(client)
    assert (status, failing(checks)) == (503, {"models"})


@pytest.mark.django_db
def test_waiting_migration(client: Client, all_queues: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'feedback'")
    status, checks = ready(client)
    assert (status, failing(checks)) == (503, {"migrations"})
    assert "run migrate" in checks["migrations"]["detail"]


@pytest.mark.django_db
def test_production_without_collected_static_files(client: Client, all_queues: None, settings: Any, tmp_path: Path) -> None:
    settings.PRODUCTION, settings.STATIC_ROOT = True, tmp_path
    assert failing(ready(client)[1]) == {"pages"}
    (tmp_path / "staticfiles.json").write_text("{}")
    assert failing(ready(client)[1]) == set()


@pytest.mark.django_db
def test_database_away(client: Client, all_queues: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from psycopg import connect

    def away() -> Any:
        try:
            connect("postgresql://nobody:secretword@127.0.0.1:1/none", connect_timeout=1)
        except Exception as error:
            raise OperationalError(str(error)) from error

    monkeypatch.setattr(connections["default"], "cursor", away)
    status, checks = ready(client)
    assert (status, failing(checks)) == (503, {"database", "migrations"})
    assert "secretword" not in json.dumps(checks)


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_redis_away_is_told_in_time(how: str, client: Client, settings: Any, silent_server: int) -> None:
    port = silent_server if how == "silent" else 1
    settings.REDIS_URL = f"redis://:secretword@127.0.0.1:{port}/0"
    ready(client, "web")
    start = time.monotonic()
    status, checks = ready(client)
    assert time.monotonic() - start < 2 * health.PROBE_SECONDS
    assert (status, failing(checks)) == (503, {"broker", "workers"})
    assert checks["workers"]["detail"] == "unknown without the broker"
    assert "secretword" not in json.dumps(checks)


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA"])
def test_strangers_learn_that_it_is_ready_and_no_more(header: str, client: Client, all_queues: None) -> None:
    status, checks = ready(client, **{header: "203.0.113.9"})
    assert status == 200
    assert all(result == {"ok": True} for result in checks.values())
    assert all(set(result) == {"ok"} for result in ready(client, REMOTE_ADDR="203.0.113.9")[1].values())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "request_as", "status"),
    [
        ("", {}, 200),
        ("", {"REMOTE_ADDR": "203.0.113.9"}, 403),
        ("", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ("", {"HTTP_X_REAL_IP": "127.0.0.1"}, 403),
        ("", {"HTTP_AUTHORIZATION": "Bearer "}, 200),
        ("", {"HTTP_AUTHORIZATION": "Bearer ", "REMOTE_ADDR": "203.0.113.9"}, 403),
        ("t0ken", {}, 403),
        ("t0ken", {"HTTP_AUTHORIZATION": "Bearer wrong"}, 403),
        ("t0ken", {"HTTP_AUTHORIZATION": "Bearer \u00e9"}, 403),
        ("t0ken", {"HTTP_AUTHORIZATION": "Bearer t0ken", "REMOTE_ADDR": "203.0.113.9"}, 200),
    ],
)
def test_who_may_read_metrics(token: str, request_as: dict[str, str], status: int, client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", **request_as).status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/api/v2/styles", "/admin/login/", "/nowhere", "/api/v2/nowhere"])
def test_every_answer_is_guarded_and_can_be_found_in_the_logs(path: str, client: Client) -> None:
    cache.clear()
    response = client.get(path, headers={"X-Request-ID": "chosen by the caller"})
    policy = response.headers["Content-Security-Policy"]
    for directive in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert directive in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Permissions-Policy"].startswith("camera=(self), microphone=()")
    assert len(response.headers["X-Request-ID"]) == 36
    assert ("no-store" in response.headers.get("Cache-Control", "")) or not path.startswith("/api/")


@pytest.mark.django_db
def test_two_requests_have_two_ids(client: Client) -> None:
    first, second = (client.get("/api/v2/styles").headers["X-Request-ID"] for _ in range(2))
    assert first != second


@pytest.mark.django_db
def test_api_docs_alone_may_set_styles(client: Client) -> None:
    response = client.get("/api/docs/")
    policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert policy["default-src"] == "'self'"
    assert b"//cdn" not in response.content


@pytest.mark.django_db
def test_admin_brings_nothing_that_the_policy_blocks(admin_client: Client) -> None:
    import re

    for path in ("/admin/", "/admin/recommendations/style/add/", "/admin/common/job/"):
        html = admin_client.get(path).content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", html)
        assert not re.findall(r"<style|\son\w+=", html)
