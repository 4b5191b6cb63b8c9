"""The client against a real HTTP server: every way in which the service, the model or the line can fail has its name."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from recommendations.engine.advisors import prompt
from recommendations.engine.advisors.gemini import ATTEMPTS, Answer, GeminiClient, GeminiFailure, Jpeg
from recommendations.engine.advisors.gemini_transport import LARGEST_ANSWER
from tests.recommendations.fake_gemini import FakeGemini, Reply, advised, blocked, closed_port, elapsed, failed, said, stopped
from tests.recommendations.gemini_cases import good

KEY = "AIzaSyTopSecret0123456789"
KEY_INVALID = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
RETRY_SOON = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.1s"}]


@pytest.fixture(scope="module", autouse=True)
def _library_is_loaded() -> None:
    """Importing it takes seconds on a busy machine, which belong to no test's budget."""
    GeminiClient(key="any", model="any").warm()


def ask(url: str, *, seconds: float = 5.0, model: str = "gemini-2.5-flash", key: str = KEY) -> Answer:
    client = GeminiClient(key=key, model=model, endpoint=url)
    return client.ask(system="You are a stylist.", parts=[Jpeg(b"jpeg"), "data"], schema=prompt.schema(4), seconds=seconds)


@contextmanager
def fails_as(status: str) -> Iterator[list[GeminiFailure]]:
    caught: list[GeminiFailure] = []
    with pytest.raises(GeminiFailure) as failure:
        yield caught
    caught.append(failure.value)
    assert failure.value.status == status


def test_a_good_answer_comes_back_as_data() -> None:
    with FakeGemini(advised(good())) as server:
        answer = ask(server.url)
    assert answer == Answer({"styles": good()}, 1)
    [seen] = server.seen
    assert seen.path.startswith("/v1beta/models/gemini-2.5-flash:generateContent?")
    assert seen.headers["x-goog-api-key"] == KEY
    assert KEY not in seen.path
    assert seen.image == b"jpeg"


def test_the_request_demands_the_schema_and_bounds_the_answer() -> None:
    with FakeGemini(advised(good())) as server:
        ask(server.url)
    config = server.seen[0].body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    styles = config["responseSchema"]["properties"]["styles"]
    assert (styles["minItems"], styles["maxItems"]) in ((4, 4), ("4", "4"))  # int64 is a string in protobuf's JSON
    assert set(styles["items"]["required"]) == {"name", "cut", "description", "reason"}
    assert 0 < config["maxOutputTokens"] <= 4096
    assert server.seen[0].body["systemInstruction"]["parts"][0]["text"] == "You are a stylist."


@pytest.mark.parametrize(("model", "budget"), [("gemini-2.5-flash", {"thinkingBudget": 0}), ("gemini-2.5-pro", None)])
def test_thinking_is_off_only_where_the_model_allows_it(model: str, budget: dict[str, int] | None) -> None:
    with FakeGemini(advised(good())) as server:
        ask(server.url, model=model)
    assert server.seen[0].body["generationConfig"].get("thinkingConfig") == budget


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (said("I cannot help with recommendations about people in photos."), "refused"),
        (stopped("RECITATION"), "refused"),
        (stopped("OTHER"), "refused"),
        (blocked("SAFETY"), "safety_block"),
        (blocked("PROHIBITED_CONTENT"), "safety_block"),
        (stopped("SAFETY"), "safety_block"),
        (stopped("PROHIBITED_CONTENT"), "safety_block"),
        (stopped("IMAGE_SAFETY"), "safety_block"),
        (said('{"styles": [{"name": "단발", '), "malformed"),
        (said(""), "malformed"),
        (Reply(b"{}"), "malformed"),
        (Reply(b"<html>captive portal</html>", headers={"Content-Type": "text/html"}), "malformed"),
        (Reply(b"\xff\xfe\x00"), "malformed"),
        (said(json.dumps({"styles": good()})[:200], finish="MAX_TOKENS"), "truncated"),
        (failed(400, "API key not valid. Please pass a valid API key.", details=KEY_INVALID), "bad_key"),
        (failed(400, "odd details", details=["text", {"retryDelay": 3}]), "bad_request"),
        (failed(401), "bad_key"),
        (failed(403, f"Consumer 'api_key:{KEY}' has been suspended."), "bad_key"),
        (failed(404, "models/gemini-9 is not found"), "bad_model"),
        (failed(400, "Invalid JSON payload"), "bad_request"),
        (failed(413), "bad_request"),
        (failed(504), "server_error"),
        (Reply(b"<h1>Bad gateway</h1>", status=504, headers={"Content-Type": "text/html"}), "server_error"),
        (Reply(b'[{"error": {"code": 504}}]', status=504), "server_error"),
        (Reply(b'{"error": "overloaded"}', status=504), "server_error"),
        (failed(429), "rate_limited"),
        (failed(429, headers={"Retry-After": "3600"}), "rate_limited"),
    ],
)
def test_what_will_not_get_better_is_asked_once(reply: Reply, status: str) -> None:
    with FakeGemini(reply) as server, fails_as(status):
        ask(server.url)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "first",
    [
        failed(500),
        failed(503),
        Reply(b"busy", status=503),
        failed(429, headers={"Retry-After": "0"}),
        failed(429, details=RETRY_SOON),
        Reply(reset=True),
    ],
)
def test_what_may_get_better_is_asked_again(first: Reply) -> None:
    with FakeGemini(first, advised(good())) as server:
        answer = ask(server.url)
    assert answer.attempts == len(server.seen) == 2
    assert answer.data == {"styles": good()}


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (failed(500), "server_error"),
        (failed(429, headers={"Retry-After": "0"}), "rate_limited"),
        (Reply(reset=True), "unreachable"),
    ],
)
def test_it_gives_up_after_a_few_attempts(reply: Reply, status: str) -> None:
    with FakeGemini(reply) as server, fails_as(status) as caught:
        ask(server.url)
    assert len(server.seen) == caught[0].attempts == ATTEMPTS


def test_it_waits_as_long_as_it_is_asked_to() -> None:
    start = time.monotonic()
    with FakeGemini(failed(429, headers={"Retry-After": "1"}), advised(good())) as server:
        ask(server.url)
    assert elapsed(start) >= 1.0


def test_it_does_not_begin_a_pause_that_the_budget_cannot_hold() -> None:
    start = time.monotonic()
    with FakeGemini(failed(429, headers={"Retry-After": "60"})) as server, fails_as("rate_limited"):
        ask(server.url)
    assert elapsed(start) < 3.0


@pytest.mark.parametrize(
    "reply",
    [
        advised(good(), wait=30),
        advised(good(), drip=0.05),
        Reply(drip_header=0.05),
    ],
    ids=["silent", "dribbling body", "dribbling header"],
)
def test_the_budget_holds_however_slow_the_answer_is(reply: Reply) -> None:
    with FakeGemini(reply) as server:
        start = time.monotonic()
        with fails_as("timeout"):
            ask(server.url, seconds=0.8)
        assert elapsed(start) < 1.8
    assert len(server.seen) == 1


def test_a_dribbling_answer_leaves_no_thread_behind() -> None:
    with FakeGemini(advised(good(), drip=0.05)) as server:
        with fails_as("timeout"):
            ask(server.url, seconds=0.6)
        for thread in [t for t in threading.enumerate() if t.name == "gemini"]:
            thread.join(3)
        assert not [t for t in threading.enumerate() if t.name == "gemini"]


def test_nobody_listening_is_known_at_once() -> None:
    start = time.monotonic()
    with fails_as("unreachable"):
        ask(closed_port())
    assert elapsed(start) < 3.0


def test_an_unknown_host_is_unreachable() -> None:
    with fails_as("unreachable"):
        ask("http://gemini.invalid:80")


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with FakeGemini(advised(good())) as elsewhere:
        redirect = Reply(status=307, headers={"Location": f"{elsewhere.url}/v1beta/x"})
        with FakeGemini(redirect) as server, fails_as("unreachable"):
            ask(server.url)
    assert not elsewhere.seen


def test_an_endless_answer_is_cut() -> None:
    with FakeGemini(said("x" * (LARGEST_ANSWER + 1))) as server, fails_as("malformed"):
        ask(server.url)


@pytest.mark.parametrize("key", ["열쇠가 아니다", "two\nlines"])
def test_a_key_that_no_header_can_hold_is_a_bad_key(key: str) -> None:
    with FakeGemini(advised(good())) as server, fails_as("bad_key"):
        ask(server.url, key=key)
    assert not server.seen


def test_fenced_json_is_read() -> None:
    with FakeGemini(said("```json\n" + json.dumps({"styles": good()}) + "\n```")) as server:
        assert ask(server.url).data == {"styles": good()}


@pytest.mark.parametrize("reply", [advised(good()), failed(403, f"Consumer 'api_key:{KEY}' has been suspended."), failed(500)])
def test_neither_key_nor_photo_reach_a_log_or_an_error(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    failures: list[GeminiFailure] = []
    with caplog.at_level(logging.DEBUG), FakeGemini(reply) as server:
        try:
            ask(server.url)
        except GeminiFailure as failure:
            failures.append(failure)
    errors = "".join("".join(traceback.format_exception(failure)) for failure in failures)
    records = "".join(repr(vars(record)) for record in caplog.records)
    assert "urllib3" in records  # the libraries did log
    for secret in (KEY, "anBlZw"):  # "jpeg" in base64
        assert secret not in errors
        assert secret not in records
