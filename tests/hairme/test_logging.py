"""One request id from the answer's header to the Job row and to every line that a worker of another process logs."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from logging.config import dictConfig
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from django.conf import settings

from hairme.common import wake
from hairme.common.models import Job
from hairme.logging import logging_config
from recommendations.models import Analysis, Recommendation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def json_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``json_lines()``: what was logged as JSON so far, with the configuration of a production site."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    dictConfig(logging_config("json", "INFO"))
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    monkeypatch.undo()
    dictConfig(settings.LOGGING)


def test_a_line_is_one_json_object_with_its_context(json_lines: Any) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("hairme.test").info("something_happened", name="단발")
        logging.getLogger("other.library").warning("plain %s", "message")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            structlog.get_logger("hairme.test").exception("it_broke")
    structured, plain, broken = json_lines()
    assert structured.items() >= {"event": "something_happened", "name": "단발", "level": "info", "request_id": "r-1"}.items()
    assert structured["timestamp"].endswith("Z")
    assert structured["logger"] == "hairme.test"
    assert plain.items() >= {"event": "plain message", "level": "warning", "request_id": "r-1"}.items()
    assert "ValueError: two\nlines" in broken["exception"]


def test_level_is_kept(json_lines: Any) -> None:
    structlog.get_logger("hairme.test").debug("too_much")
    assert json_lines() == []


@pytest.fixture
def worker_process(catalogue: None, tmp_path: Path) -> Iterator[Path]:
    """A real worker in a process of its own on the test's database; yields the file of its log."""
    wake.client().delete(*settings.QUEUES)
    log, database = tmp_path / "worker.log", settings.DATABASES["default"]
    address = f"postgres://{quote(database['USER'])}@/{database['NAME']}?host={quote(str(database['HOST']), safe='')}"
    if database["PASSWORD"]:
        address = address.replace("@", f":{quote(database['PASSWORD'])}@", 1)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "hairme", "worker", "-P", "solo", "-Q", "inference", "-n", "log@%h"],
            cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT,
            env={**os.environ, "DATABASE_URL": address, "HAIRME_LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "hairme.settings"},
        )  # fmt: skip
        yield log
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_request_id_follows_the_photo_into_the_worker(worker_process: Path, upload: Any, settings: Any) -> None:
    settings.ANALYZE_WAIT_SECONDS = 45
    response = upload()
    assert response.status_code == 200, (response.content, worker_process.read_text())
    request_id = response.headers["X-Request-ID"]
    analysis = Analysis.objects.select_related("job").get(pk=response.json()["analysis_id"])
    assert analysis.job.request_id == request_id
    assert set(Recommendation.objects.filter(analysis=analysis).values_list("request_id", flat=True)) == {request_id}
    assert Job.objects.filter(request_id=request_id).count() == 1

    def lines_of_the_request() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in worker_process.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("request_id") == request_id]

    deadline = time.monotonic() + 10
    while not lines_of_the_request() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert lines_of_the_request(), worker_process.read_text()[-3000:]
