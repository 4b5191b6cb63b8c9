from __future__ import annotations

from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from hairme.common.errors import ApplicationError, outage_code
from hairme.common.pages import error_page

log = structlog.get_logger(__name__)


class RequestIdHeaderMiddleware:
    """Answers carry the request id that the logs carry, and the headers that Django has no setting for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            response.headers.setdefault("X-Request-ID", str(request_id))
        response.headers.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=()")
        if request.path.startswith("/api/") and not settings.DEBUG:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class ApplicationErrorMiddleware:
    """Pages end on an error page with the right status and a sentence that says what to do, never on a traceback."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, ApplicationError):
            return error_page(request, exception.code, status=exception.status, message=exception.message)
        if code := outage_code(exception):
            log.error("service_outage", code=code, error=type(exception).__name__)
            return error_page(request, code)
        return None
