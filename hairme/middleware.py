from __future__ import annotations

from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from hairme.common.errors import ApplicationError, outage_code, sentence
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


class BodyLimitMiddleware:
    """Refuses a request by the length it announces, before a byte of it is read into memory or onto the disk.

    Django reads no more than was announced, and limits neither JSON nor the size of files by itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        announced = int(length) if length.isdecimal() else 0
        if request.content_type == "multipart/form-data":
            if announced > settings.UPLOAD_MAX_PHOTOS * settings.UPLOAD_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                megabytes = {"max_megabytes": settings.UPLOAD_MAX_BYTES // 1024**2}
                return error_page(
                    request, "image_too_many_bytes", message=sentence("image_too_many_bytes", megabytes), field="file"
                )
        elif announced > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return error_page(request, "payload_too_large")
        return self.get_response(request)


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
