"""How the Gemini client library reaches the network: its REST transport with a deadline, a size limit and no surprises.

Importing this module imports Google's libraries (seconds, tens of megabytes), so it is imported where a request is made.
"""

from __future__ import annotations

import json
import logging
import time
from io import BytesIO
from typing import Any, Final, cast

import requests
from google.ai.generativelanguage_v1beta.services.generative_service.transports import GenerativeServiceRestTransport
from google.auth import api_key
from google.auth.exceptions import RefreshError
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

LARGEST_ANSWER: Final = 512 * 1024  # bytes; an advice has a few thousand
_CHUNK: Final = 16 * 1024
#: Models that may be told not to think before they answer: thinking eats the time and the output tokens of a short advice.
_MAY_SKIP_THINKING: Final = "/models/gemini-2.5-flash"

# At debug level these loggers put request bodies (the photo) and headers (the key) into their records.
logging.getLogger("google").setLevel(logging.WARNING)


class RedirectRefused(requests.RequestException):
    """The endpoint answered with a redirect. Following it would carry the key to a host that nobody named."""


class AnswerTooLarge(requests.RequestException):
    """The body is larger than LARGEST_ANSWER."""


class _OneTryKey(api_key.Credentials):
    """An API key cannot be renewed: a 401 ends the request instead of sending it twice more."""

    def refresh(self, request: Any) -> None:
        raise RefreshError("the API key was refused")


class Transport(GenerativeServiceRestTransport):
    """The library's REST transport over ``_Adapter``. Takes and ignores nothing but what its parent takes."""

    def __init__(self, *, credentials: Any, **options: Any) -> None:
        super().__init__(credentials=_OneTryKey(credentials.token), **options)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter())


class _Adapter(HTTPAdapter):
    """Reads the whole answer before ``timeout`` (seconds) has passed since the start, however slowly its bytes arrive.

    ``requests`` itself limits only the wait for the next bytes. Raises requests.Timeout, RedirectRefused or AnswerTooLarge
    besides what its parent raises.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        deadline = time.monotonic() + float(options["timeout"])
        _skip_thinking(request)
        response = super().send(request, *args, **{**options, "stream": True})
        try:
            if response.is_redirect:
                raise RedirectRefused("the endpoint redirects")
            body = _read(response, deadline)
        finally:
            response.close()
        if response.status_code >= 400 and not _is_error_object(body):
            body = b""  # a proxy's page or a list: the library expects an object with an error in it or no JSON at all
        response.headers.pop("Content-Encoding", None)  # the body is decoded already
        response.raw = HTTPResponse(BytesIO(body), status=response.status_code, preload_content=False)
        return response


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise AnswerTooLarge(f"the answer has more than {LARGEST_ANSWER} bytes")
        if time.monotonic() > deadline:
            raise requests.Timeout("the answer is too slow")
    return bytes(body)


def _is_error_object(body: bytes) -> bool:
    try:
        payload = json.loads(body)
    except ValueError:
        return False
    error = payload.get("error") if isinstance(payload, dict) else None
    return isinstance(error, dict) and all(isinstance(detail, dict) for detail in error.get("details", ()))


def _skip_thinking(request: requests.PreparedRequest) -> None:
    """Add what the library, older than the field, cannot say: ``generationConfig.thinkingConfig.thinkingBudget`` = 0."""
    if _MAY_SKIP_THINKING in request.path_url:
        payload = json.loads(cast(str | bytes, request.body))
        payload.setdefault("generationConfig", {})["thinkingConfig"] = {"thinkingBudget": 0}
        request.prepare_body(json.dumps(payload, ensure_ascii=False).encode(), None)
