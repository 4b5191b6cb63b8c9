"""The catalogue scored for one person's face and wishes, by the version that their plan names or by the champion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from django.conf import settings

from hairme.ml.artifacts import ArtifactError, get_store, loaded
from hairme.ml.text_encoder import TextEncoder

from ..engine import exploration, ranking
from ..engine.scoring import Past, Scorer, load_scorer
from ..engine.types import FaceReading, RankedStyle, Suggestion, Wishes
from ..selectors import SCORER, CatalogueSnapshot, catalogue_snapshot, encoder_with_id, text_encoder

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Request:
    """What every way of making a list starts from. Arrays have a row per entry of ``catalogue``."""

    reading: FaceReading
    wishes: Wishes
    language: str
    past: Sequence[Past]
    scorer: Scorer
    encoder: TextEncoder
    catalogue: CatalogueSnapshot
    scores: np.ndarray  # (n,) 0..100
    allowed: np.ndarray  # (n,) bool
    preference: np.ndarray  # (n,) points

    def merged(self, suggestions: Sequence[Suggestion], advised: int, learned: int, *, fill: bool = True) -> list[RankedStyle]:
        return ranking.merge(
            suggestions=suggestions,
            scores=self.scores,
            entries=self.catalogue.entries,
            allowed=self.allowed,
            preference=self.preference,
            reading=self.reading,
            language=self.language,
            advised=advised,
            learned=learned,
            score_text=self._score_text,
            fill=fill,
        )

    def explored(self, items: Sequence[RankedStyle], draw: int) -> list[RankedStyle]:
        return exploration.explore(
            items,
            entries=self.catalogue.entries,
            scores=self.scores,
            preference=self.preference,
            allowed=self.allowed,
            reading=self.reading,
            language=self.language,
            rate=settings.EXPLORATION_RATE,
            seed=draw,
        )

    def of_the_stylist(self, count: int) -> list[Suggestion]:
        return self.catalogue.stylist.suggest(self.reading, self.allowed, self.preference, language=self.language, n=count)

    @property
    def cuts(self) -> int:
        """How many canonical cuts the wishes leave."""
        return len({entry.cut for entry, fits in zip(self.catalogue.entries, self.allowed, strict=True) if fits})

    def _score_text(self, text: str) -> float:
        vectors = self.encoder.encode([text])
        return float(self.scorer.score_unlisted(self.reading, vectors, self.catalogue.table, self.past)[0])


def prepare(
    *, version: str | None, reading: FaceReading, wishes: Wishes, language: str, past: Sequence[Past]
) -> tuple[Request, str]:
    """The request scored by ``version`` of the scorer (None: the champion), and why that version could not serve ("": it did).

    A version that cannot be read, or that gives anything but scores, is replaced by the champion. Raises ArtifactError where the
    champion cannot serve either, ``catalogue_empty`` where there is nothing to score.
    """
    if version is not None:
        try:
            return _scored(version, reading, wishes, language, past), ""
        except Exception as error:  # whatever is wrong with a version on trial, its arm must get an answer
            log.exception("scorer_on_trial_failed", version=version)
            return _scored(None, reading, wishes, language, past), type(error).__name__
    return _scored(None, reading, wishes, language, past), ""


def _scored(version: str | None, reading: FaceReading, wishes: Wishes, language: str, past: Sequence[Past]) -> Request:
    scorer = loaded.get(get_store().resolve(SCORER, version), load_scorer)
    encoder = encoder_of(scorer)
    return score_with(
        scorer, encoder, catalogue_snapshot(encoder.id), reading=reading, wishes=wishes, language=language, past=past
    )


def score_with(
    scorer: Scorer,
    encoder: TextEncoder,
    catalogue: CatalogueSnapshot,
    *,
    reading: FaceReading,
    wishes: Wishes,
    language: str,
    past: Sequence[Past],
) -> Request:
    """``encoder``: the one of ``catalogue``'s vectors. Raises ArtifactError where the scorer gives no scores."""
    scores = scorer.score(reading, catalogue.table, past)
    if scores.shape != (len(catalogue.entries),) or not ((scores >= 0) & (scores <= 100)).all():  # false for NaN too
        raise ArtifactError(f"{scorer.key} gives no scores from 0 to 100: train it again")
    return Request(
        reading=reading,
        wishes=wishes,
        language=language,
        past=past,
        scorer=scorer,
        encoder=encoder,
        catalogue=catalogue,
        scores=scores,
        allowed=ranking.allowed(catalogue.entries, wishes),
        preference=ranking.hair_fit(catalogue.entries, wishes),
    )


def encoder_of(scorer: Scorer) -> TextEncoder:
    """The scorer understands no other's vectors; one that takes none leaves the choice to the configured encoder."""
    return encoder_with_id(scorer.encoder) if scorer.encoder else text_encoder()


def champion() -> Scorer:
    return loaded.get(get_store().resolve(SCORER), load_scorer)
