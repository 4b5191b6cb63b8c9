"""From a face reading to the list that is shown: advisors suggest, the scorer scores, ranking merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hairme.ml.artifacts import get_store, loaded

from ..engine import ranking
from ..engine.scoring import HairstyleScorer
from ..engine.types import FaceReading, RankedStyle, Wishes
from ..selectors import SCORER, CatalogueSnapshot, catalogue_snapshot, encoder_with_id, text_encoder
from . import advice
from .advice import AdvisorReport, ask_gemini

ADVISED = 4  # items from Gemini, or from the stylist in its place
LEARNED = 3  # items from the scorer


@dataclass(frozen=True)
class Advice:
    items: list[RankedStyle]
    style_ids: dict[str, int]  # slug -> Style.id
    model_version: str
    meta: dict[str, Any]
    arm: str = "champion"


def recommend(
    *, image: np.ndarray | None, reading: FaceReading, wishes: Wishes, language: str, unit: str, ask_advisor: bool = True
) -> Advice:
    """At most 7 different styles, ranked, each with a reason. ``image`` (h, w, 3) is shown to Gemini only, downscaled;
    without it, or where ``ask_advisor`` is False, the stylist advises.

    Wishes are hard filters; where they leave fewer than 5 cuts, the list is as long as they allow and ``meta`` says so.
    """
    scorer = _scorer(unit)
    encoder = encoder_with_id(scorer.encoder)  # the scorer understands no other's vectors
    catalogue = catalogue_snapshot(encoder.id)
    scores = scorer.score(reading, catalogue.vectors)
    allowed = ranking.allowed(catalogue.entries, wishes)
    preference = ranking.hair_fit(catalogue.entries, wishes)
    suggestions, report = (
        ([], AdvisorReport("not_asked" if image is not None else "photo_gone", "", 0, ""))
        if image is None or not ask_advisor
        else ask_gemini(
            image=image, reading=reading, wishes=wishes, language=language, catalogue=catalogue, encoder=encoder, count=ADVISED
        )
    )
    if not suggestions:
        suggestions = catalogue.stylist.suggest(reading, allowed, preference, language=language, n=ADVISED)
    items = ranking.merge(
        suggestions=suggestions,
        scores=scores,
        entries=catalogue.entries,
        allowed=allowed,
        preference=preference,
        reading=reading,
        language=language,
        advised=ADVISED,
        learned=LEARNED,
        score_text=lambda text: float(scorer.score(reading, encoder.encode([text]))[0]),
    )
    return Advice(
        items=items,
        style_ids={entry.slug: pk for entry, pk in zip(catalogue.entries, catalogue.ids, strict=True)},
        model_version=scorer.key,
        meta=_meta(items, report, scorer, reading, catalogue, int(allowed.sum())),
    )


def _meta(
    items: list[RankedStyle],
    report: AdvisorReport,
    scorer: HairstyleScorer,
    reading: FaceReading,
    catalogue: CatalogueSnapshot,
    allowed: int,
) -> dict[str, Any]:
    counts = {source: sum(item.source == source for item in items) for source in ("gemini", "stylist", "ml")}
    return {
        "total_count": len(items),
        "gemini_count": counts["gemini"],
        "ml_count": counts["ml"],
        "stylist_count": counts["stylist"],
        "method": "hybrid",
        "advisor": "gemini" if counts["gemini"] else "stylist",
        "advisor_status": report.status,
        "prompt_version": report.prompt_version,
        "advisor_ms": report.milliseconds,
        "styles_considered": allowed,
        "versions": {**reading.versions, SCORER: scorer.key, "text-encoder": catalogue.encoder},
    }


def _scorer(unit: str) -> HairstyleScorer:
    return loaded.get(get_store().resolve(SCORER, unit), HairstyleScorer)


def warm() -> None:
    text_encoder()  # what search asks workers for
    encoder_with_id(_scorer("warm").encoder)
    advice.warm()
