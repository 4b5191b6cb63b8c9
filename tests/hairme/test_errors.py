"""One error shape, whatever goes wrong: codes, statuses, languages, fields; never a traceback, never a lost sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from string import Formatter
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache, caches
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError, connections
from django.http import Http404, UnreadablePostError
from django.test import Client
from django.utils import translation
from rest_framework import exceptions, serializers

from hairme.common.api import exception_handler
from hairme.common.errors import MESSAGES, ApplicationError, error_body, outage_code, sentence


@pytest.fixture(autouse=True)
def _no_rate_is_used_up() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def full_disk() -> OperationalError:
    cause = Exception()
    cause.sqlstate = "53100"  # type: ignore[attr-defined]
    error = OperationalError("could not extend file")
    error.__cause__ = cause
    return error


IMAGE_LIMITS = {"max_megabytes": 15, "width": 1, "height": 1, "frames": 1, "max_megapixels": 50, "min_side": 9}


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_code_has_a_status_and_a_sentence_in_both_languages(code: str) -> None:
    status, text = MESSAGES[code]
    assert 400 <= status < 600
    said = []
    for language in ("ko", "en"):
        with translation.override(language):
            names = {name for _literal, name, _spec, _conversion in Formatter().parse(str(text)) if name}
            said.append(sentence(code, dict.fromkeys(names, 3) | IMAGE_LIMITS))
    assert said[0] != said[1]
    assert any("가" <= c <= "힣" for c in said[0])
    assert all(text and "{" not in text for text in said)


def test_sentence_survives_missing_and_unknown() -> None:
    with translation.override("en"):
        assert sentence("throttled") == "Too many requests. Try again in {wait} seconds."
        assert sentence("no such code") == sentence("internal_error")
        assert ApplicationError("no such code").status == 500
        assert ApplicationError("throttled", params={"wait": 7}).message == "Too many requests. Try again in 7 seconds."


def test_field_only_where_there_is_one() -> None:
    assert error_body("c", "m") == {"success": False, "error": {"code": "c", "message": "m"}}
    assert error_body("c", "m", "f", status="failed") == {
        "success": False,
        "error": {"code": "c", "message": "m", "field": "f"},
        "status": "failed",
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("server closed the connection"), "database_unavailable"),
        (InterfaceError("cursor already closed"), "database_unavailable"),
        (full_disk(), "storage_full"),
        (OSError(errno.ENOSPC, "No space left"), "storage_full"),
        (OSError(errno.EDQUOT, "Quota"), "storage_full"),
        (OSError(errno.ENOENT, "No such file"), None),
        (ValueError("a bug"), None),
    ],
)
def test_outages_of_ours(error: Exception, code: str | None) -> None:
    assert outage_code(error) == code


@pytest.mark.parametrize(
    ("error", "status", "code", "field"),
    [
        (ApplicationError("style_not_shown", field="style_name"), 404, "style_not_shown", "style_name"),
        (Http404(), 404, "not_found", None),
        (PermissionDenied(), 403, "permission_denied", None),
        (exceptions.PermissionDenied("CSRF Failed: CSRF token missing."), 403, "csrf_failed", None),
        (exceptions.NotAuthenticated(), 401, "not_authenticated", None),
        (exceptions.AuthenticationFailed(), 401, "not_authenticated", None),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed", None),
        (exceptions.NotAcceptable(), 406, "not_acceptable", None),
        (exceptions.UnsupportedMediaType("text/x"), 415, "unsupported_media_type", None),
        (exceptions.ParseError("line 1 column 5"), 400, "bad_request", None),
        (exceptions.Throttled(wait=12), 429, "throttled", None),
        (RequestDataTooBig(), 413, "payload_too_large", None),
        (TooManyFieldsSent(), 400, "bad_request", None),
        (UnreadablePostError(), 400, "bad_request", None),
        (full_disk(), 507, "storage_full", None),
        (OperationalError("away"), 503, "database_unavailable", None),
        (ZeroDivisionError("secret detail"), 500, "internal_error", None),
        (exceptions.ValidationError({"a": {"b": ["no"]}}), 400, "invalid", "a.b"),
        (exceptions.ValidationError({"items": [{}, {"x": ["no"]}]}), 400, "invalid", "items.x"),
        (exceptions.ValidationError(["whole"]), 400, "invalid", None),
        (exceptions.ValidationError({"non_field_errors": ["whole"]}), 400, "invalid", None),
        (exceptions.ValidationError({"a": [exceptions.ErrorDetail("x", code="required")]}), 400, "required", "a"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
@pytest.mark.django_db
def test_whatever_a_view_raises_has_one_shape(error: Exception, status: int, code: str, field: str | None) -> None:
    with translation.override("en"):
        response = exception_handler(error, {})
    assert response is not None
    assert response.status_code == status
    assert response.data["success"] is False
    found = response.data["error"]
    assert (found["code"], found.get("field")) == (code, field)
    assert found["message"]
    assert "secret" not in found["message"]
    assert "{" not in found["message"]
    if status == 429:
        assert response.headers["Retry-After"] == "13"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v2/nowhere", 404, "not_found"),
        ("get", "/api/v2/styles/no-such-style", 404, "not_found"),
        ("get", f"/api/v2/analyses/{10**30}", 404, "analysis_not_found"),
        ("put", "/api/v2/feedback", 405, "method_not_allowed"),
        ("get", "/api/v2/styles?page=0", 400, "invalid"),
        ("get", "/api/v2/styles?page=99", 404, "not_found"),
    ],
)
def test_api_addresses_answer_in_json(method: str, path: str, status: int, code: str, client: Client) -> None:
    response = getattr(client, method)(path)
    assert response.status_code == status, response.content
    assert response.json()["error"]["code"] == code


@pytest.mark.django_db
def test_broken_json_is_no_crash(client: Client) -> None:
    for body in ("{", "[1, 2]", '"text"', "null", b"\xff\xfe"):
        response = client.post("/api/v2/feedback", body, content_type="application/json")
        assert response.status_code == 400, body
        assert response.json()["error"]["code"] in {"bad_request", "invalid", "required"}


@pytest.mark.django_db
def test_a_signed_in_person_without_a_token_is_told_to_reload(django_user_model: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_user("p"))
    response = client.post("/api/v2/feedback", {})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "csrf_failed")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "content_type", "megabytes", "code"),
    [
        ("/api/v2/feedback", "application/json", 3, "payload_too_large"),
        ("/api/v2/feedback", "application/x-www-form-urlencoded", 3, "payload_too_large"),
        ("/api/v2/analyze-hybrid", "multipart/form-data; boundary=x", 4000, "image_too_many_bytes"),
    ],
)
def test_more_than_is_allowed_is_refused_before_it_is_read(
    path: str, content_type: str, megabytes: int, code: str, client: Client
) -> None:
    """The announced length alone decides: nothing is sent here."""
    response = client.generic("POST", path, CONTENT_TYPE=content_type, CONTENT_LENGTH=str(megabytes * 1024**2))
    assert response.status_code == 413
    error = response.json()["error"]
    assert error["code"] == code
    assert error.get("field") == ("file" if code.startswith("image") else None)
    assert "{" not in error["message"]


@pytest.mark.django_db
def test_large_field_of_a_form_is_a_413(client: Client) -> None:
    """Inside a form with files the length announced is that of the files, so Django counts the fields."""
    response = client.post("/api/v2/analyze-hybrid", {"presentation": "x" * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "payload_too_large")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/styles/", "/api/v2/styles", "/api/v2/analyses/5"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_database_away_is_a_503_that_says_so(
    path: str, signed_in: bool, client: Client, django_user_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a person with a session, who cannot even be looked up."""
    if signed_in:
        client.force_login(django_user_model.objects.create_user("p"))

    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(connections["default"], "cursor", away)
    monkeypatch.setattr(connections["default"], "chunked_cursor", away)
    client.raise_request_exception = False
    response = client.get(path, headers={"Accept-Language": "en"})
    assert response.status_code == 503, response.content[:300]
    if path.startswith("/api/"):
        assert response.json()["error"]["code"] == "database_unavailable"
    assert b"restarting" in response.content


@pytest.mark.django_db
def test_bug_in_a_page_is_a_calm_500(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from recommendations.web import views

    def bug(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(views, "render", bug)
    client.raise_request_exception = False
    response = client.get("/", headers={"Accept-Language": "en"})
    assert response.status_code == 500
    assert b"Something went wrong on our side" in response.content
    assert b"secret detail" not in response.content


@pytest.mark.django_db
def test_without_redis_requests_pass_uncounted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as RedisGone

    def away(*args: Any, **kwargs: Any) -> Any:
        raise RedisGone("refused")

    monkeypatch.setattr(caches["default"], "get", away)
    assert client.get("/api/v2/styles").status_code == 200


def test_a_serializers_first_fault_is_named() -> None:
    class Form(serializers.Serializer):
        count = serializers.IntegerField()
        words = serializers.ListField(child=serializers.ChoiceField(["a"]))

    form = Form(data={"count": 1, "words": ["a", "b"]})
    with pytest.raises(exceptions.ValidationError) as refused:
        form.is_valid(raise_exception=True)
    response = exception_handler(refused.value, {})
    assert response is not None
    assert response.data["error"]["field"] == "words.1"
