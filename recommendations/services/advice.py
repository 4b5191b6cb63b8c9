"""Gemini's advice on one face. Whatever happens, the caller goes on: no suggestion and a report of why is an answer too."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import structlog
from django.conf import settings

from hairme.common.breaker import CircuitBreaker
from hairme.common.images import encode_clean
from hairme.ml.text_encoder import TextEncoder
from recommendations.engine import ranking
from recommendations.engine.advisors import prompt
from recommendations.engine.advisors.gemini import GeminiClient, GeminiFailure, Jpeg
from recommendations.engine.advisors.grounding import Grounded, Grounder
from recommendations.engine.catalogue import Cut as CutData
from recommendations.engine.types import FaceReading, Suggestion, Wishes
from recommendations.models import Cut
from recommendations.selectors import CatalogueSnapshot, cut_of

log = structlog.get_logger(__name__)

LONGEST_SIDE: Final = 768  # pixels: one tile of the model's vision, more costs time and says nothing about hair
COOL_DOWN: Final = 30.0  # seconds without a call after FAILURES in a row
FAILURES: Final = 5
NEEDS_A_PERSON: Final = 600.0  # seconds without a call where the key or the model's name is wrong
_SERVICE_FAILED: Final = frozenset({"timeout", "rate_limited", "server_error", "unreachable", "bad_request"})
_AS_IT_SHOULD: Final = frozenset({"ok", "too_few", "nothing_fits"})
_MISCONFIGURED: Final = frozenset({"bad_key", "bad_model"})


@dataclass(frozen=True)
class AdvisorReport:
    """How the advisor fared. ``status`` is "ok", or why its advice is missing or not whole (docs/gemini.md lists the words)."""

    status: str
    prompt_version: str
    milliseconds: int
    model: str
    attempts: int = 0
    kept: int = 0


@dataclass(frozen=True)
class _Question:
    image: np.ndarray
    reading: FaceReading
    wishes: Wishes
    language: str
    catalogue: CatalogueSnapshot
    encoder: TextEncoder
    count: int
    deadline: float  # time.monotonic() at which the answer must be there


@dataclass(frozen=True)
class _Outcome:
    status: str
    attempts: int = 0
    suggestions: tuple[Suggestion, ...] = ()


def ask_gemini(
    *,
    image: np.ndarray,
    reading: FaceReading,
    wishes: Wishes,
    language: str,
    catalogue: CatalogueSnapshot,
    encoder: TextEncoder,
    count: int,
) -> tuple[list[Suggestion], AdvisorReport]:
    """At most ``count`` checked suggestions of different cuts within the wishes, and how it went. Never raises.

    ``image`` (h, w, 3) uint8 sRGB is sent as a small JPEG without metadata. Returns within ``GEMINI_SECONDS``, retries included.
    """
    start = time.monotonic()
    if not settings.GEMINI_API_KEY:
        return [], _report(_Outcome("no_key"), start)
    question = _Question(image, reading, wishes, language, catalogue, encoder, count, start + settings.GEMINI_SECONDS)
    try:
        outcome = _guarded(question)
    except Exception as error:  # an analysis must not fail because its advisor did
        log.error("gemini_crashed", error=type(error).__name__, at=_place(error))  # the message might quote the key
        outcome = _Outcome("error")
    report = _report(outcome, start)
    level = log.info if outcome.status in _AS_IT_SHOULD else log.warning
    level(
        "gemini_advice",
        status=report.status,
        ms=report.milliseconds,
        model=report.model,
        prompt_version=report.prompt_version,
        attempts=report.attempts,
        kept=report.kept,
    )
    return list(outcome.suggestions), report


def _report(outcome: _Outcome, start: float) -> AdvisorReport:
    return AdvisorReport(
        status=outcome.status,
        prompt_version=prompt.PROMPT_VERSION,
        milliseconds=round(1000 * (time.monotonic() - start)),
        model=settings.GEMINI_MODEL,
        attempts=outcome.attempts,
        kept=len(outcome.suggestions),
    )


def warm() -> None:
    """Import the client library, where there is a key to use it with."""
    if settings.GEMINI_API_KEY:
        _client().warm()


def breaker() -> CircuitBreaker:
    """The breaker of this key at this endpoint: another key starts with a closed circuit."""
    identity = "\n".join((settings.GEMINI_API_KEY, settings.GEMINI_ENDPOINT, settings.GEMINI_MODEL))
    name = f"gemini:{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    return CircuitBreaker(name, failures=FAILURES, cool_down=COOL_DOWN, probe_seconds=2 * settings.GEMINI_SECONDS)


def _guarded(question: _Question) -> _Outcome:
    """Ask unless the circuit is open, and tell the circuit how it went."""
    allowed = ranking.allowed(question.catalogue.entries, question.wishes)
    if not allowed.any():
        return _Outcome("nothing_fits")
    circuit = breaker()
    ticket = circuit.enter()
    if ticket is None:
        return _Outcome("breaker_open")
    try:
        outcome = _advice(question, allowed)
    except GeminiFailure as failure:
        outcome = _Outcome(failure.status, failure.attempts)
    except Exception:
        circuit.failed(ticket)
        raise
    if outcome.status in _MISCONFIGURED:
        circuit.failed(ticket, at_once_for=NEEDS_A_PERSON)
    elif outcome.status in _SERVICE_FAILED:
        circuit.failed(ticket)
    else:
        circuit.succeeded(ticket)
    return outcome


def _advice(question: _Question, allowed: np.ndarray) -> _Outcome:
    """One answer, checked. Raises GeminiFailure where there is none."""
    q = question
    cuts, grounder = _grounder(q.catalogue, q.encoder)
    answer = _client().ask(
        system=prompt.system_text(count=q.count, language=q.language),
        parts=[
            prompt.PHOTO,
            Jpeg(encode_clean(q.image, max_side=LONGEST_SIDE)),
            prompt.DATA,
            prompt.data_text(q.reading, q.wishes, q.catalogue.entries, cuts, allowed, q.language),
        ],
        schema=prompt.schema(q.count),
        seconds=q.deadline - time.monotonic(),
    )
    items = answer.data.get("styles") if isinstance(answer.data, dict) else None
    if not isinstance(items, list):
        return _Outcome("malformed", answer.attempts)
    if not items:
        return _Outcome("refused", answer.attempts)
    grounded = grounder.ground(items, allowed=allowed, reading=q.reading, language=q.language, count=q.count)
    return _Outcome(_status(grounded, q.count), answer.attempts, tuple(grounded.suggestions))


def _status(grounded: Grounded, count: int) -> str:
    if grounded.reasons and grounded.foreign_reasons == grounded.reasons:
        return "wrong_language"
    return "ok" if len(grounded.suggestions) == count else "too_few"


_last_grounder: tuple[tuple[Any, ...], list[CutData], Grounder] | None = None


def _grounder(catalogue: CatalogueSnapshot, encoder: TextEncoder) -> tuple[list[CutData], Grounder]:
    """The cuts and the grounder of this state of the catalogue, built once."""
    global _last_grounder
    if _last_grounder is None or _last_grounder[0] != catalogue.revision:
        cuts = [cut_of(cut) for cut in Cut.objects.order_by("slug")]
        grounder = Grounder(entries=catalogue.entries, vectors=catalogue.vectors, cuts=cuts, encoder=encoder)
        _last_grounder = (catalogue.revision, cuts, grounder)
    return _last_grounder[1:]


@lru_cache(maxsize=1)
def _make_client(key: str, model: str, endpoint: str) -> GeminiClient:
    return GeminiClient(key=key, model=model, endpoint=endpoint)


def _client() -> GeminiClient:
    return _make_client(settings.GEMINI_API_KEY, settings.GEMINI_MODEL, settings.GEMINI_ENDPOINT)


def _place(error: BaseException) -> str:
    """File and line of the innermost frame."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
