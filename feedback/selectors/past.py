"""A person's own reactions, for the scorers to learn from at once."""

from __future__ import annotations

from django.db.models import QuerySet

from recommendations.engine.scoring import Past

from ..models import Reaction, ReactionEntry


def past(unit: str, most: int) -> tuple[Past, ...]:
    """What ``unit`` (``Analysis.unit``) thinks of styles now, newest last, from the newest ``most`` steps of its history.

    A change of mind makes a reaction new, one taken back is left out, and so are free suggestions, which are no styles of the
    catalogue. One query.
    """
    steps = (
        _of(unit)
        .filter(recommendation__style__isnull=False)
        .order_by("-pk")
        .values_list("recommendation_id", "recommendation__style__slug", "reaction")[:most]
    )
    newest: dict[int, tuple[str, int | None]] = {}
    for impression, slug, reaction in steps:
        newest.setdefault(impression, (slug, reaction))
    given = [Past(slug, reaction == Reaction.Value.LIKE) for slug, reaction in newest.values() if reaction is not None]
    return tuple(reversed(given))


def _of(unit: str) -> QuerySet[ReactionEntry]:
    kind, _, key = unit.partition(":")
    if kind == "user" and key.isdecimal():
        return ReactionEntry.objects.filter(analysis__user_id=int(key))
    if kind == "visitor" and key:
        return ReactionEntry.objects.filter(analysis__user=None, analysis__visitor=key)
    if kind == "analysis" and key.isdecimal():
        return ReactionEntry.objects.filter(analysis_id=int(key))
    return ReactionEntry.objects.none()
