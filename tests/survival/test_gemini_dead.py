"""Gemini away or stalling: every answer is whole, in time, and says who advised."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from recommendations.engine.advisors.gemini import GeminiClient
from recommendations.models import Recommendation
from recommendations.services.advice import FAILURES
from tests.recommendations.fake_gemini import FakeGemini, Reply, closed_port

pytestmark = pytest.mark.django_db(transaction=True)

BUDGET = 0.8  # GEMINI_SECONDS
SLACK = 6.0  # reading the face and writing the answer on a busy machine


@pytest.fixture(autouse=True)
def key(settings: Any, catalogue: None, worker: Any, upload: Callable[..., Any]) -> None:
    GeminiClient(key="any", model="any").warm()  # importing the library takes seconds, which belong to no one's budget
    assert upload().status_code == 200  # as does loading the models
    settings.GEMINI_API_KEY = f"AIza{uuid.uuid4().hex}"
    settings.GEMINI_SECONDS = BUDGET


def advised(upload: Callable[..., Any]) -> tuple[str, float]:
    """The advisor's status of one whole answer, and the seconds it took."""
    begin = time.monotonic()
    response = upload()
    seconds = time.monotonic() - begin
    assert response.status_code == 200, response.content
    data = response.json()["data"]
    assert [item["source"] for item in data["recommendations"]].count("stylist") == 4
    assert [item["source"] for item in data["recommendations"]].count("ml") == 3
    assert len({item["cut"] for item in data["recommendations"]}) == 7
    assert Recommendation.objects.filter(analysis_id=response.json()["analysis_id"]).count() == 7
    assert data["meta"]["advisor"] == "stylist"
    return data["meta"]["advisor_status"], seconds


def test_nobody_listens(upload: Callable[..., Any], settings: Any) -> None:
    settings.GEMINI_ENDPOINT = closed_port()
    answers = [advised(upload) for _ in range(FAILURES + 2)]
    assert [status for status, _seconds in answers] == ["unreachable"] * FAILURES + ["breaker_open"] * 2
    assert max(seconds for _status, seconds in answers) < BUDGET + SLACK


def test_it_stalls(upload: Callable[..., Any], settings: Any) -> None:
    with FakeGemini(Reply(wait=60)) as server:
        settings.GEMINI_ENDPOINT = server.url
        answers = [advised(upload) for _ in range(FAILURES + 2)]
        asked = len(server.seen)
    assert [status for status, _seconds in answers] == ["timeout"] * FAILURES + ["breaker_open"] * 2
    assert max(seconds for _status, seconds in answers) < BUDGET + SLACK
    assert asked == FAILURES  # the open circuit asks no more
