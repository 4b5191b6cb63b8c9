"""The one error: a code machines read, a sentence people can act on, a status. Every app registers its codes in ``MESSAGES``."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

_DISK_FULL = "53100"  # PostgreSQL's SQLSTATE

#: code -> (status, sentence). A sentence is lazy-translated text, or {"ko": ..., "en": ...} where an engine brings its own.
MESSAGES: dict[str, tuple[int, str | Promise | Mapping[str, str]]] = {
    "bad_request": (400, _("The request could not be read. Check its form and send it again.")),
    "invalid": (400, _("This value is not valid.")),
    "required": (400, _("This field is required.")),
    "not_found": (404, _("There is nothing here. It may have been deleted.")),
    "permission_denied": (403, _("You are not allowed to do this.")),
    "not_authenticated": (401, _("Sign in first.")),
    "csrf_failed": (403, _("This page was open too long. Reload it and try again.")),
    "method_not_allowed": (405, _("This address does not accept this method.")),
    "not_acceptable": (406, _("This address cannot answer in the requested form.")),
    "unsupported_media_type": (415, _("This address does not accept this content type.")),
    "throttled": (429, _("Too many requests. Try again in {wait} seconds.")),
    "payload_too_large": (413, _("The upload is too large.")),
    "internal_error": (500, _("Something went wrong on our side. Nothing of yours is lost; try again.")),
    "worker_lost": (503, _("The work was interrupted several times. Try again.")),
    "took_too_long": (503, _("This took too long and was stopped. Try again.")),
    "cancelled": (409, _("This was cancelled.")),
    "storage_full": (507, _("The server's storage is full at the moment. Nothing was saved; try again later.")),
    "database_unavailable": (503, _("The service is restarting. Try again in a few seconds.")),
    "service_unavailable": (503, _("The service is not available at the moment. Try again in a few seconds.")),
}


def register(messages: Mapping[str, tuple[int, Any]]) -> None:
    MESSAGES.update(messages)


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """The sentence of a code in the active language."""
    _status, text = MESSAGES.get(code, MESSAGES["internal_error"])
    if isinstance(text, Mapping):
        text = text["ko" if (get_language() or "ko").startswith("ko") else "en"]
    try:
        return str(text).format(**(params or {}))
    except (KeyError, IndexError, ValueError):
        return str(text)


def outage_code(error: BaseException) -> str | None:
    """The code of an error that is an outage of ours (database away, disk full), None for any other."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return "storage_full" if getattr(error.__cause__, "sqlstate", "") == _DISK_FULL else "database_unavailable"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "storage_full"
    return None


class ApplicationError(Exception):
    """A request or a job that cannot be done, and why. ``params`` fill the sentence and are safe to store and show."""

    def __init__(self, code: str, *, field: str | None = None, params: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.params = dict(params or {})

    @property
    def status(self) -> int:
        return MESSAGES.get(self.code, MESSAGES["internal_error"])[0]

    @property
    def message(self) -> str:
        return sentence(self.code, self.params)


def error_body(code: str, message: str, field: str | None = None, **extra: Any) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if field:
        error["field"] = field
    return {"success": False, "error": error, **extra}
