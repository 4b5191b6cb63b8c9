"""Reads for training: reactions as they stood at a moment, runs, and what pages show of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from feedback.models import ReactionEntry
from recommendations.engine import corrections
from recommendations.engine.types import FaceReading
from recommendations.models import Analysis, ReadingCorrection

from ..models import DatasetSnapshot, TrainingRun

CHUNK = 500  # analyses whose readings are in memory at once


@dataclass(frozen=True)
class Step:
    """A step of a reaction's history with its impression, as the tables hold them."""

    analysis: int
    unit: str
    wears: int | str  # the style, or the name of a free suggestion: a reaction is about one of an analysis
    slug: str  # "" where the style is no longer in the catalogue, or never was
    reaction: int | None
    at: datetime
    revision: int
    position: int
    score: float
    propensity: float
    candidate: str
    source: str
    model_version: str
    shown_at: datetime


_FIELDS = (
    "analysis_id", "analysis__user_id", "analysis__visitor", "reaction", "at", "recommendation__style_id",
    "recommendation__style__slug", "recommendation__style_name", "recommendation__revision", "recommendation__rank",
    "recommendation__ml_score", "recommendation__propensity", "recommendation__candidate", "recommendation__source",
    "recommendation__model_version", "recommendation__created_at",
)  # fmt: skip


def steps_until(as_of: datetime) -> Iterator[Step]:
    """Every step that was taken at ``as_of`` or before, oldest first."""
    for row in ReactionEntry.objects.filter(at__lte=as_of).order_by("at", "id").values(*_FIELDS).iterator(2000):
        unit = Analysis(pk=row["analysis_id"], user_id=row["analysis__user_id"], visitor=row["analysis__visitor"]).unit
        shown = {name.removeprefix("recommendation__"): value for name, value in row.items()}
        yield Step(
            row["analysis_id"], unit, shown["style_id"] or shown["style_name"], shown["style__slug"] or "", row["reaction"], row["at"],
            shown["revision"], shown["rank"], shown["ml_score"], shown["propensity"], shown["candidate"], shown["source"],
            shown["model_version"], shown["created_at"],
        )  # fmt: skip


def readings_shown(wanted: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], FaceReading]]:
    """((analysis, revision), the reading that this list was made from): as measured, with what had been said by that revision.

    The reading that an analysis has now may hold corrections made after the list was shown, which would be a leak.
    """
    revisions: dict[int, list[int]] = {}
    for analysis, revision in wanted:
        revisions.setdefault(analysis, []).append(revision)
    keys = sorted(revisions)
    for first in range(0, len(keys), CHUNK):
        some = keys[first : first + CHUNK]
        said: dict[int, list[tuple[int, str, str]]] = {}
        for row in ReadingCorrection.objects.filter(analysis__in=some).order_by("pk"):
            said.setdefault(row.analysis_id, []).append((row.revision, row.field, row.value))
        for pk, reading in Analysis.objects.filter(pk__in=some).values_list("pk", "reading"):
            if reading is None:
                continue
            measured = FaceReading.from_json(reading)
            for revision in revisions[pk]:
                latest = {field: word for number, field, word in said.get(pk, ()) if number <= revision}
                yield (pk, revision), corrections.correct(measured, {field: word for field, word in latest.items() if word})


def standing(steps: Iterator[Step]) -> dict[tuple[int, int | str], Step]:
    """(analysis, what it is about) -> its last step, of reactions that have not been taken back."""
    last: dict[tuple[int, int | str], Step] = {}
    for step in steps:
        last[step.analysis, step.wears] = step
    return {key: step for key, step in last.items() if step.reaction is not None}


def feedbacks(as_of: datetime) -> int:
    """Reactions that a run could learn from: standing, about a style of the catalogue."""
    return sum(bool(step.slug) for step in standing(steps_until(as_of)).values())


def is_anything_new(model: str) -> bool:
    """Whether anybody reacted after the data of the model's last finished run were taken."""
    last = (
        TrainingRun.objects.filter(model=model, state__in=(TrainingRun.State.ACCEPTED, TrainingRun.State.REJECTED))
        .select_related("snapshot")
        .order_by("-finished_at")
        .first()
    )
    entries = ReactionEntry.objects.all()
    if last is not None:
        entries = entries.filter(at__gt=last.params.get("as_of") or last.created_at)
    return entries.exists()


def unfinished(model: str) -> TrainingRun | None:
    open_states = (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)
    return TrainingRun.objects.filter(model=model, state__in=open_states).select_related("job").first()


def runs() -> QuerySet[TrainingRun]:
    """The latest first, with what lists show."""
    return TrainingRun.objects.select_related("snapshot", "parent", "version", "job").order_by("-created_at", "-pk")


def snapshots() -> QuerySet[DatasetSnapshot]:
    return DatasetSnapshot.objects.annotate(made=Count("runs", filter=Q(runs__version__isnull=False), distinct=True)).order_by(
        "-created_at"
    )
