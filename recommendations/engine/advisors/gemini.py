"""Asks Gemini for JSON within a time budget: one call, retried only where that helps, and every way to fail has a name.

The client library (``google-generativeai``) is imported at the first request. Error messages of the service are never kept:
some of them quote the key.
"""

from __future__ import annotations

import json
import queue
import random
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, cast

Status = Literal[
    "timeout", "rate_limited", "server_error", "unreachable", "bad_key", "bad_model", "bad_request",
    "refused", "safety_block", "malformed", "truncated",
]  # fmt: skip
T = TypeVar("T")

ATTEMPTS: Final = 3
FIRST_PAUSE: Final = 0.25  # seconds; doubles with each attempt, and the pause is uniform below it ("full jitter")
WORTH_TRYING: Final = 0.3  # seconds that must be left for another attempt to make sense
MAX_OUTPUT_TOKENS: Final = 4096
TEMPERATURE: Final = 0.4

# https://ai.google.dev/api/generate-content#FinishReason, as numbers because the REST transport asks for numbers.
_MAX_TOKENS: Final = 2
_SAFETY: Final = frozenset({3, 7, 8, 9, 11})  # SAFETY, BLOCKLIST, PROHIBITED_CONTENT, SPII, IMAGE_SAFETY
_FINISHED: Final = frozenset({0, 1})  # unspecified, STOP
_REPEATABLE_CODES: Final = frozenset({500, 502, 503})
_FENCE: Final = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


class GeminiFailure(Exception):
    """No usable answer. ``pause`` is the least number of seconds before another attempt makes sense, None where none does."""

    def __init__(self, status: Status, *, pause: float | None = None) -> None:
        super().__init__(status)
        self.status: Status = status
        self.pause = pause
        self.attempts = 1


@dataclass(frozen=True, slots=True)
class Answer:
    data: Any  # parsed JSON, not yet checked against the schema
    attempts: int


@dataclass(frozen=True, slots=True)
class Jpeg:
    content: bytes


class GeminiClient:
    """One key, one model. Safe to share between threads."""

    def __init__(self, *, key: str, model: str, endpoint: str = "") -> None:
        """``endpoint``: host, host:port or URL of the REST API; empty means Google's own."""
        self._key = key
        self._model = model
        self._endpoint = endpoint.rstrip("/")

    def ask(self, *, system: str, parts: Sequence[str | Jpeg], schema: Mapping[str, Any], seconds: float) -> Answer:
        """The model's JSON answer to ``parts``. Returns or raises GeminiFailure within ``seconds``, retries included."""
        deadline = time.monotonic() + seconds
        attempt = 1
        while True:
            try:
                text = _within(deadline - time.monotonic(), lambda left: self._once(system, parts, schema, left))
                return Answer(_parse(text), attempt)
            except GeminiFailure as failure:
                failure.attempts = attempt
                pause = _jittered(failure, attempt)
                if pause is None or time.monotonic() + pause + WORTH_TRYING > deadline:
                    raise
            time.sleep(pause)
            attempt += 1

    def warm(self) -> None:
        """Import the client library now, so that the first request does not pay for it."""
        self._configured()

    def _once(self, system: str, parts: Sequence[str | Jpeg], schema: Mapping[str, Any], seconds: float) -> str:
        genai = self._configured()
        model = genai.GenerativeModel(
            self._model,
            system_instruction=system,
            generation_config={
                "response_mime_type": "application/json",
                "response_schema": schema,
                "max_output_tokens": MAX_OUTPUT_TOKENS,
                "temperature": TEMPERATURE,
                "candidate_count": 1,
            },
        )
        contents = [{"mime_type": "image/jpeg", "data": part.content} if isinstance(part, Jpeg) else part for part in parts]
        try:
            # retry=None: the library would go on retrying for ten minutes.
            response = model.generate_content(contents, request_options={"timeout": seconds, "retry": None})
        except Exception as error:
            raise _named(error) from None  # the cause may quote the key
        return _text(response)

    def _configured(self) -> Any:
        global _configured_for
        wanted = (self._key, self._endpoint)
        with _configure_lock:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # that the library is no longer developed is known
                import google.generativeai as genai

                from .gemini_transport import Transport
            if _configured_for != wanted:
                options = {"api_key": self._key} | ({"api_endpoint": self._endpoint} if self._endpoint else {})
                # Typed as a name, handed on to a client that takes a transport as well.
                genai.configure(transport=cast(Any, Transport), client_options=options)
                _configured_for = wanted
        return genai


_configured_for: tuple[str, str] | None = None  # the library keeps one configuration per process
_configure_lock = threading.Lock()


def _within(seconds: float, work: Callable[[float], T]) -> T:
    """``work(seconds)`` in a thread that is left behind when the time is over: name look-up and slow headers know no timeout.

    Raises GeminiFailure("timeout") then. The thread ends by itself when its own socket timeouts fire.
    """
    if seconds <= 0:
        raise GeminiFailure("timeout")
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(seconds), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, name="gemini", daemon=True).start()
    try:
        value, error = done.get(timeout=seconds)
    except queue.Empty:
        raise GeminiFailure("timeout") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def _jittered(failure: GeminiFailure, attempt: int) -> float | None:
    """Seconds to wait before the next attempt: never less than the service asked for, plus full jitter."""
    if failure.pause is None or attempt >= ATTEMPTS:
        return None
    return failure.pause + random.uniform(0.0, FIRST_PAUSE * 2 ** (attempt - 1))


def _named(error: Exception) -> GeminiFailure:
    """What went wrong, without the words it came in."""
    import requests
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import RefreshError
    from google.protobuf.json_format import ParseError
    from urllib3.exceptions import ProtocolError

    from .gemini_transport import AnswerTooLarge

    if isinstance(error, GoogleAPICallError):
        return _named_by_code(error)
    if isinstance(error, RefreshError | requests.exceptions.InvalidHeader | UnicodeEncodeError):
        return GeminiFailure("bad_key")  # refused with 401, or not fit for a header
    if isinstance(error, requests.Timeout):
        return GeminiFailure("timeout")
    if isinstance(error, ParseError | UnicodeDecodeError | AnswerTooLarge | requests.exceptions.ContentDecodingError):
        return GeminiFailure("malformed")
    if isinstance(error, requests.ConnectionError | ProtocolError):
        cut_off = isinstance(error, ProtocolError) or (bool(error.args) and isinstance(error.args[0], ProtocolError))
        return GeminiFailure("unreachable", pause=0.0 if cut_off else None)
    if isinstance(error, requests.RequestException | OSError):
        return GeminiFailure("unreachable")
    raise error


def _named_by_code(error: Any) -> GeminiFailure:
    code = int(error.code or 0)
    if code == 429:
        return GeminiFailure("rate_limited", pause=_asked_pause(error))
    if code >= 500:
        return GeminiFailure("server_error", pause=0.0 if code in _REPEATABLE_CODES else None)
    if code in (401, 403) or (code == 400 and "API_KEY_INVALID" in _details(error, "reason")):
        return GeminiFailure("bad_key")
    return GeminiFailure("bad_model" if code == 404 else "bad_request")


def _asked_pause(error: Any) -> float | None:
    """Seconds that a 429 asks to wait, by its Retry-After header or google.rpc.RetryInfo; None where it does not say."""
    said = [error.response.headers.get("Retry-After", "")] if error.response is not None else []
    said += [delay.removesuffix("s") for delay in _details(error, "retryDelay")]
    for value in said:
        if re.fullmatch(r"\d{1,6}(\.\d+)?", value):
            return float(value)
    return None


def _details(error: Any, key: str) -> list[str]:
    """What the error's google.rpc details say under ``key``."""
    return [str(detail[key]) for detail in error.details if isinstance(detail, Mapping) and key in detail]


def _text(response: Any) -> str:
    """The text of the only candidate. Raises GeminiFailure where the service or the model declined or was cut short."""
    if response.prompt_feedback.block_reason:
        raise GeminiFailure("safety_block")
    if not response.candidates:
        raise GeminiFailure("malformed")
    candidate = response.candidates[0]
    reason = int(candidate.finish_reason)
    if reason in _SAFETY:
        raise GeminiFailure("safety_block")
    if reason == _MAX_TOKENS:
        raise GeminiFailure("truncated")
    if reason not in _FINISHED:  # RECITATION, LANGUAGE, OTHER and what is yet to come
        raise GeminiFailure("refused")
    return "".join(part.text for part in candidate.content.parts).strip()


def _parse(text: str) -> Any:
    if fenced := _FENCE.match(text):
        text = fenced[1]
    try:
        return json.loads(text)
    except ValueError:
        # A model that will not do it says so in a sentence, schema or not.
        raise GeminiFailure("refused" if text and not re.search(r"[{}\[\]]", text) else "malformed") from None
