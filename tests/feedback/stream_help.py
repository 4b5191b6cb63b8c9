"""What tests of the event stream share: a stream of their own, a random history of reactions, the tables' own count."""

from __future__ import annotations

import random

from feedback.services import react, take_back
from hairme.common import outbox, wake
from recommendations.models import Analysis, Recommendation


def empty() -> None:
    wake.client().delete(outbox.STREAM)


def relay_all() -> None:
    while outbox.relay() == 1000:
        pass


def react_at_random(items: list[Recommendation], number: int, seed: int = 1) -> None:
    """Likes, changes of mind, double clicks and undos, as people press."""
    chance = random.Random(seed)
    for _ in range(number):
        item = chance.choice(items)
        if chance.random() < 0.2:
            take_back(user=None, analysis_id=item.analysis_id, impression_id=item.pk)
        else:
            react(user=None, analysis_id=item.analysis_id, impression_id=item.pk, reaction=chance.randint(0, 1))


def shown_event(analysis: Analysis) -> None:
    """The event that ``services.impressions.show`` writes, for an analysis that a fixture has filled."""
    items = [
        {"id": r.pk, "style": r.style_id, "cut": r.cut_slug, "rank": r.rank, "source": r.source, "candidate": r.candidate}
        for r in analysis.recommendations.all()
    ]
    outbox.record(
        "recommendations.shown",
        analysis.pk,
        {
            "analysis_id": analysis.pk,
            "face_shape": analysis.face_shape,
            "model_version": "hairstyle-scorer 1",
            "arm": "champion",
            "items": items,
        },
    )
