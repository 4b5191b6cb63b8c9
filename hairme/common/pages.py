"""Pages that any app may end on: errors."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from .errors import MESSAGES, error_body, outage_code, sentence


def error_page(
    request: HttpRequest, code: str, *, status: int | None = None, message: str = "", field: str | None = None
) -> HttpResponse:
    """The error as JSON under /api/ (with the ``field`` it belongs to), as a page elsewhere."""
    status = status or MESSAGES[code][0]
    message = message or sentence(code)
    if request.path.startswith("/api/"):
        return JsonResponse(error_body(code, message, field), status=status, json_dumps_params={"ensure_ascii": False})
    return render(request, "errors/error.html", {"code": code, "status": status, "message": message}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "payload_too_large" if isinstance(exception, RequestDataTooBig) else "bad_request")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "permission_denied")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, "not_found")


def _outage() -> str | None:
    error = sys.exc_info()[1]
    return outage_code(error) if error is not None else None


def server_error(request: HttpRequest) -> HttpResponse:
    try:
        return error_page(request, _outage() or "internal_error")
    except Exception:  # the template layer itself may be what failed
        return HttpResponse(sentence("internal_error"), status=500, content_type="text/plain; charset=utf-8")


def csrf_failure(request: HttpRequest, reason: str = "", **kwargs: Any) -> HttpResponse:
    return error_page(request, "csrf_failed")
