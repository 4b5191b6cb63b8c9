"""What every API view shares: the error shape and paging."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, pagination
from rest_framework.response import Response
from rest_framework.views import set_rollback

from .errors import MESSAGES, ApplicationError, error_body, outage_code, sentence

log = structlog.get_logger(__name__)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn anything an API view raises into ``{"success": false, "error": {...}}``."""
    set_rollback()
    if isinstance(error, ApplicationError):
        return Response(error_body(error.code, error.message, error.field), status=error.status)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        return _coded("payload_too_large")
    elif isinstance(error, (SuspiciousOperation, UnreadablePostError)):  # too many fields; the client went away
        return _coded("bad_request")
    elif code := outage_code(error):
        log.error("service_outage", code=code, error=type(error).__name__)
        return _coded(code)
    if not isinstance(error, exceptions.APIException):
        log.exception("unhandled_error")
        return _coded("internal_error")
    return _from_rest_framework(error)


def _coded(code: str) -> Response:
    return Response(error_body(code, sentence(code)), status=MESSAGES[code][0])


def _from_rest_framework(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    field, code, message = None, str(error.default_code), ""
    if isinstance(error, exceptions.ValidationError):
        field, detail = _first(error.detail)
        code, message = ("required" if detail.code in ("required", "null", "blank") else "invalid"), str(detail)
    elif isinstance(error, exceptions.Throttled):
        wait = int(getattr(error, "wait", None) or 1) + 1
        headers["Retry-After"] = str(wait)
        code, message = "throttled", sentence("throttled", {"wait": wait})
    elif isinstance(error, exceptions.ParseError):
        code = "bad_request"
    elif isinstance(error, exceptions.PermissionDenied) and str(error.detail).startswith("CSRF Failed"):
        code = "csrf_failed"
    elif isinstance(error, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        code = "not_authenticated"
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    return Response(error_body(code, message or sentence(code), field), status=error.status_code, headers=headers)


def _first(detail: Any, path: str = "") -> tuple[str | None, Any]:
    """The first fault of a nested validation error and the field it belongs to."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        name = "" if name == "non_field_errors" else str(name)
        return _first(inner, f"{path}.{name}" if path and name else path or name)
    if isinstance(detail, list):
        return _first(next((item for item in detail if item), detail[0]), path)
    return (path or None), detail


class PageNumberPagination(pagination.PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_paginated_response(self, data: Any) -> Response:
        page = self.page
        assert page is not None, "paginate_queryset comes first"
        return Response(
            {
                "success": True,
                "data": data,
                "meta": {
                    "total_count": page.paginator.count,
                    "page": page.number,
                    "pages": page.paginator.num_pages,
                    "next": self.get_next_link(),
                    "previous": self.get_previous_link(),
                },
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        count = {"type": "integer"}
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["success", "data", "meta"],
            "properties": {
                "success": {"type": "boolean"},
                "data": schema,
                "meta": {
                    "type": "object",
                    "properties": {"total_count": count, "page": count, "pages": count, "next": link, "previous": link},
                },
            },
        }
