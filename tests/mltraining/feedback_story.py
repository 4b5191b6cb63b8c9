"""A site's past for tests of retraining: people with readings of their own, lists they were shown, and what they said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from feedback.models import Reaction, ReactionEntry
from mltraining.learn.face_population import FacePopulation
from recommendations.engine.types import FaceReading
from recommendations.models import Analysis, Recommendation, Style
from tests.recommendations.pages import new_analysis

Likes = Callable[[FaceReading, Style, np.random.Generator], bool]


def readings(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """As analyses store them."""
    found = [face.to_json() for face in FacePopulation.load().sample(count, np.random.default_rng(seed))]
    for reading in found:
        for measurement in reading["measurements"].values():
            measurement["value"] = 1.0  # a database takes no NaN
    return found


def shown(styles: list[Style], at: datetime, *, reading: dict[str, Any], **fields: Any) -> Analysis:
    """A finished analysis whose list was shown at ``at``."""
    face = FaceReading.from_json(reading)
    analysis = new_analysis(
        state="succeeded", reading=reading, face_shape=face.face_shape.label, season=face.colour.season.label, **fields
    )
    Analysis.objects.filter(pk=analysis.pk).update(created_at=at, completed_at=at)
    analysis.refresh_from_db()
    show(analysis, styles, at)
    return analysis


def show(analysis: Analysis, styles: list[Style], at: datetime) -> None:
    """The list of ``analysis.revision``."""
    made = Recommendation.objects.bulk_create(
        Recommendation(
            analysis=analysis,
            revision=analysis.revision,
            style=style,
            cut_slug="",
            style_name=f"{style.name_ko}",
            rank=rank,
            source="ml",
            ml_score=50.0,
            reason="because",
            model_version="hairstyle-scorer@seed-mlp-1",
        )
        for rank, style in enumerate(styles, start=1)
    )
    Recommendation.objects.filter(pk__in=[row.pk for row in made]).update(created_at=at)


def say(analysis: Analysis, style: Style, reaction: int | None, at: datetime, revision: int = 0) -> None:
    """What a person said at ``at``, as the service writes it down; None: taken back."""
    impression = analysis.recommendations.get(style=style, revision=revision)
    row = Reaction.objects.filter(recommendation=impression)
    if reaction is None:
        row.delete()
    elif not row.update(reaction=reaction):
        Reaction.objects.create(
            analysis=analysis, recommendation=impression, reaction=reaction, face_shape="", skin_tone="",
            hairstyle=style.name_ko, ml_score=50.0, source="ml",
        )  # fmt: skip
    entry = ReactionEntry.objects.create(analysis=analysis, recommendation=impression, reaction=reaction)
    ReactionEntry.objects.filter(pk=entry.pk).update(at=at)


def story(people: int, likes: Likes, *, seed: int = 0, days: int = 20, lists: int = 2) -> None:
    """``people`` who come ``lists`` times within ``days`` and react to all five styles of each list. Ends an hour ago."""
    rng = np.random.default_rng(seed)
    styles = list(Style.objects.order_by("slug"))
    begin = timezone.now() - timedelta(days=days, hours=1)
    visits = sorted((float(rng.random()), person) for person in range(people) for _ in range(lists))
    faces = readings(people, seed)
    for when, person in visits:
        at = begin + timedelta(days=when * days)
        chosen = [styles[i] for i in rng.choice(len(styles), 5, replace=False)]
        analysis = shown(chosen, at, reading=faces[person], visitor=f"00000000-0000-4000-8000-{person:012d}")
        face = FaceReading.from_json(faces[person])
        for number, style in enumerate(chosen, start=1):
            say(analysis, style, int(likes(face, style, rng)), at + timedelta(seconds=10 * number))


def short_hair(face: FaceReading, style: Style, rng: np.random.Generator) -> bool:
    """A taste that no synthetic label knows: short hair is liked by nearly everyone, long hair by nearly nobody."""
    return bool(rng.random() < (0.9 if style.length in ("buzz", "crop", "short", "chin") else 0.1))


def by_chance(face: FaceReading, style: Style, rng: np.random.Generator) -> bool:
    return bool(rng.random() < 0.4)
