"""What was shown, under which chances, and what people said of it: the data of off-policy estimates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from feedback.models import Reaction, ReactionEntry
from recommendations.engine.scoring import Past
from recommendations.engine.types import FaceReading, Wishes
from recommendations.models import Analysis, Recommendation
from recommendations.services.analyses import wishes_of


@dataclass(frozen=True, slots=True)
class ShownItem:
    slug: str  # "" for a free suggestion
    name: str
    cut: str
    source: str
    candidate: str
    score: float
    propensity: float
    liked: bool | None  # None: no reaction


@dataclass(frozen=True, slots=True)
class ShownList:
    """One list with all that was known when it was made."""

    unit: str
    at: datetime
    reading: FaceReading
    wishes: Wishes
    language: str
    past: tuple[Past, ...]
    items: tuple[ShownItem, ...]


def shown_lists(since: datetime, *, most: int) -> list[ShownList]:
    """The newest ``most`` lists shown since then, oldest first.

    A list between two corrections is left out: the reading that it was made with is not kept.
    """
    keys = (
        Recommendation.objects.filter(created_at__gte=since, rank=1)
        .order_by("-created_at", "-pk")
        .values_list("analysis_id", flat=True)[:most]
    )
    rows = (
        Recommendation.objects.filter(analysis__in=list(keys), created_at__gte=since)
        .select_related("analysis", "style", "reaction")
        .order_by("analysis_id", "revision", "rank")
    )
    histories = _histories()
    found = []
    for (_analysis, _revision), group in groupby(rows, key=lambda row: (row.analysis_id, row.revision)):
        items = list(group)
        analysis, at = items[0].analysis, items[0].created_at
        stored = analysis.used_reading if items[0].revision == analysis.revision else analysis.reading
        if stored is None or items[0].revision not in (0, analysis.revision):
            continue
        found.append(
            ShownList(
                unit=analysis.unit,
                at=at,
                reading=FaceReading.from_json(stored),
                wishes=wishes_of(analysis),
                language=analysis.language,
                past=_past_at(histories.get(analysis.unit, ()), at),
                items=tuple(_item(row) for row in items),
            )
        )
    return sorted(found, key=lambda shown: shown.at)[-most:]


def _item(row: Recommendation) -> ShownItem:
    given: Reaction | None = getattr(row, "reaction", None)
    return ShownItem(
        slug=row.style.slug if row.style else "",
        name=row.style_name,
        cut=row.cut_slug,
        source=row.source,
        candidate=row.candidate,
        score=row.ml_score,
        propensity=row.propensity,
        liked=None if given is None else given.reaction == Reaction.Value.LIKE,
    )


@dataclass(frozen=True, slots=True)
class _Step:
    at: datetime
    impression: int
    slug: str
    liked: bool | None


def _histories() -> dict[str, list[_Step]]:
    """Unit -> every step of its reactions to styles of the catalogue, oldest first."""
    found: dict[str, list[_Step]] = defaultdict(list)
    entries = ReactionEntry.objects.filter(recommendation__style__isnull=False).order_by("at", "pk")
    fields = ("analysis_id", "analysis__user_id", "analysis__visitor", "at", "recommendation_id", "recommendation__style__slug")
    rows = entries.values_list(*fields, "reaction").iterator(chunk_size=5000)
    for pk, user_id, visitor, at, impression, slug, reaction in rows:
        unit = Analysis(pk=pk, user_id=user_id, visitor=visitor).unit
        found[unit].append(_Step(at, impression, slug, None if reaction is None else reaction == Reaction.Value.LIKE))
    return found


def _past_at(steps: Sequence[_Step], at: datetime) -> tuple[Past, ...]:
    """What stood at that moment, newest last."""
    stood: dict[int, _Step] = {}
    for step in steps:
        if step.at >= at:
            break
        stood.pop(step.impression, None)
        if step.liked is not None:
            stood[step.impression] = step
    return tuple(Past(step.slug, bool(step.liked)) for step in stood.values())
