"""From a face reading to the list that is shown: advisors suggest, the scorer scores, ranking merges, chance adds a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from hairme.ml.serving import CHAMPION, get_planner

from ..engine.types import FaceReading, RankedStyle, Suggestion, Wishes
from ..selectors import SCORER, text_encoder
from . import advice
from .advice import AdvisorReport, ask_gemini
from .history import past_of
from .request import Request, champion, encoder_of, prepare

log = structlog.get_logger(__name__)

LAYER = "recommendations"  # of experiments
ADVISED = 4  # items from Gemini, or from the stylist in its place
LEARNED = 3  # items from the scorer
LIST = ADVISED + LEARNED
FEWEST = 5  # items without which a list of Gemini's alone is not shown, where the wishes leave as many cuts
METHODS = ("hybrid", "gemini", "ml")


@dataclass(frozen=True)
class Advice:
    items: list[RankedStyle]
    style_ids: dict[str, int]  # slug -> Style.id
    model_version: str
    meta: dict[str, Any]
    arm: str = CHAMPION
    experiment: str = ""  # key of the experiment that this list counts for; "" for none


@dataclass(frozen=True)
class _Made:
    """A list, and how it came to be. ``missed``: why the method that was asked for could not be followed."""

    items: list[RankedStyle]
    report: AdvisorReport
    method: str
    missed: str = ""


def recommend(
    *,
    image: np.ndarray | None,
    reading: FaceReading,
    wishes: Wishes,
    language: str,
    unit: str,
    ask_advisor: bool = True,
    draw: int | None = None,
) -> Advice:
    """At most 7 different styles, ranked, each with a reason. ``image`` (h, w, 3) is shown to Gemini only, downscaled;
    without it, or where ``ask_advisor`` is False, the stylist advises.

    ``unit`` (``Analysis.unit``) decides the arm, and whose reactions so far count. ``draw`` (id of the analysis) seeds exploration,
    so that a retry makes the same list and a correction that is undone brings the first one back; without it nothing is left to
    chance. Wishes are hard filters; where they leave fewer than 5 cuts, the list is as long as they allow and ``meta`` says so.

    What a plan asks for and does not get is in ``meta["fallback"]``. A list scored by another version than the plan's, or made by a
    method that does not exist, counts for no arm; one that Gemini should have made alone and could not does, as the others' do.
    """
    plan = get_planner().plan_for(LAYER, unit)
    version, method = plan.params.get("scorer"), plan.params.get("method", "hybrid")
    request, failed = prepare(version=version, reading=reading, wishes=wishes, language=language, past=past_of(unit))
    fallback: dict[str, Any] = {"scorer": {"asked": version, "why": failed}} if failed else {}
    if method not in METHODS:
        log.error("method_unknown", method=method, experiment=plan.experiment)
    made = _make(request, method, image if ask_advisor else None, "photo_gone" if image is None else "not_asked")
    if made.missed:
        fallback["method"] = {"asked": method, "why": made.missed}
    counts = not failed and method in METHODS
    items = request.explored(made.items, draw) if draw is not None else made.items
    return Advice(
        items=items,
        style_ids={entry.slug: pk for entry, pk in zip(request.catalogue.entries, request.catalogue.ids, strict=True)},
        model_version=request.scorer.key,
        meta={**_meta(items, made, request), **({"fallback": fallback} if fallback else {})},
        arm=plan.arm if counts else CHAMPION,
        experiment=plan.experiment if counts else "",
    )


def _make(request: Request, method: str, image: np.ndarray | None, no_image: str) -> _Made:
    """The list by ``method``; the site's usual one where that cannot be done. ``no_image``: the status where Gemini is not asked."""
    if method == "ml":
        return _Made(request.merged([], 0, LIST), AdvisorReport("learned_only", "", 0, ""), method)
    suggestions, report = _ask(request, image, no_image, LIST if method == "gemini" else ADVISED)
    if method == "gemini":
        items = request.merged(suggestions, LIST, 0, fill=False)
        if items and len(items) >= min(FEWEST, request.cuts):
            return _Made(items, report, method)
    items = request.merged(suggestions or request.of_the_stylist(ADVISED), ADVISED, LEARNED)
    missed = {"hybrid": "", "gemini": report.status}.get(method, "unknown")
    return _Made(items, report, "hybrid", missed)


def _ask(request: Request, image: np.ndarray | None, no_image: str, count: int) -> tuple[list[Suggestion], AdvisorReport]:
    if image is None:
        return [], AdvisorReport(no_image, "", 0, "")
    return ask_gemini(
        image=image,
        reading=request.reading,
        wishes=request.wishes,
        language=request.language,
        catalogue=request.catalogue,
        encoder=request.encoder,
        count=count,
    )


def _meta(items: list[RankedStyle], made: _Made, request: Request) -> dict[str, Any]:
    counts = {source: sum(item.source == source for item in items) for source in ("gemini", "stylist", "ml")}
    advisor = "none" if made.method == "ml" else "gemini" if counts["gemini"] else "stylist"
    return {
        "total_count": len(items),
        "gemini_count": counts["gemini"],
        "ml_count": counts["ml"],
        "stylist_count": counts["stylist"],
        "explored_count": sum(item.candidate == "explored" for item in items),
        "method": made.method,
        "advisor": advisor,
        "advisor_status": made.report.status,
        "prompt_version": made.report.prompt_version,
        "advisor_ms": made.report.milliseconds,
        "styles_considered": int(request.allowed.sum()),
        "versions": {**request.reading.versions, SCORER: request.scorer.key, "text-encoder": request.catalogue.encoder},
    }


def warm() -> None:
    text_encoder()  # what search asks workers for
    encoder_of(champion())
    advice.warm()
