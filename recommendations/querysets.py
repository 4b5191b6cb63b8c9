from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from pgvector.django import CosineDistance

from .engine.vocabulary import UPKEEPS

UPKEEPS_UP_TO = {word: tuple(UPKEEPS)[: i + 1] for i, word in enumerate(UPKEEPS)}

if TYPE_CHECKING:
    import numpy as np

    from .models import Analysis, Style  # noqa: F401 (named in strings below)


class StyleQuerySet(models.QuerySet["Style"]):
    def offered(self) -> StyleQuerySet:
        return self.filter(is_active=True)

    def wearing(
        self,
        *,
        presentation: str | None = None,
        lengths: tuple[str, ...] = (),
        fringe: str | None = None,
        upkeep: str | None = None,
        hair_type: str | None = None,
    ) -> StyleQuerySet:
        """Styles that fit every given word. A style for ``any`` presentation fits each; ``upkeep`` is the most that is wanted."""
        styles = self
        if presentation:
            styles = styles.filter(presentations__overlap=list({presentation, "any"}))
        if lengths:
            styles = styles.filter(length__in=lengths)
        if fringe:
            styles = styles.filter(fringe=fringe)
        if upkeep:
            styles = styles.filter(upkeep__in=UPKEEPS_UP_TO[upkeep])
        if hair_type:
            styles = styles.filter(hair_types__contains=[hair_type])
        return styles

    def nearest(self, vector: np.ndarray, encoder: str) -> StyleQuerySet:
        """Ordered by cosine distance to ``vector`` (384,) in the space of ``encoder``, ties by slug, so that pages do not overlap.

        Styles without a vector there are left out.
        """
        return (
            self.filter(vectors__encoder=encoder)
            .annotate(distance=CosineDistance("vectors__vector", vector))
            .order_by("distance", "slug")
        )


class AnalysisQuerySet(models.QuerySet["Analysis"]):
    def of(self, user: Any, visitor: str) -> AnalysisQuerySet:
        """The analyses of a signed-in person, or of an anonymous browser."""
        if user is not None and user.is_authenticated:
            return self.filter(user=user)
        return self.filter(user=None, visitor=visitor) if visitor else self.none()

    def open_to(self, user: Any) -> AnalysisQuerySet:
        """Those that knowing the id opens: nobody's, or the person's own."""
        if user is not None and user.is_authenticated:
            return self.filter(Q(user=None) | Q(user=user))
        return self.filter(user=None)
