"""Keep what a person says about their reading, and choose the styles again with it. The first list and its reactions stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation

from hairme.common import jobs
from hairme.common.errors import ApplicationError
from hairme.common.models import Job

from ..engine import corrections
from ..engine.types import FaceReading
from ..models import Analysis, ReadingCorrection
from ..selectors import said_about
from .analyses import wishes_of
from .impressions import show
from .recommend import recommend

TASK = "recommendations.revise"


def correct(*, analysis: Analysis, user: Any, values: Mapping[str, str]) -> Job | None:
    """Record ``values`` (field of ``corrections.FIELDS`` -> one of its words, "" takes back) and queue a new list.

    A value that contradicts what was said earlier (winter, then warm) takes that back. Returns the job that makes the list of what
    is now said; None where nothing was ever said. Saying the same again changes nothing, but starts a failed job again.
    Raises ``not_read_yet`` (409) before there is a reading, ``contradiction`` (400) where ``values`` contradict each other, and
    ``invalid`` (400) for an unknown field or word.
    """
    for field, word in values.items():
        if field not in corrections.FIELDS or (word and word not in corrections.FIELDS[field]):
            raise ApplicationError("invalid", field=field)
    if contradicting := corrections.contradictions({field: word for field, word in values.items() if word}):
        raise ApplicationError("contradiction", field=contradicting[0][0])
    with transaction.atomic():
        row = _locked(analysis)
        if not row.reading:
            raise ApplicationError("not_read_yet", field="analysis_id")
        said = said_about(row)
        changes = {field: word for field, word in values.items() if said.get(field, "") != word}
        will_be = {field: word for field, word in {**said, **changes}.items() if word}
        for pair in corrections.contradictions(will_be):
            changes |= {field: "" for field in pair if field not in values and field in said}
        last = row.corrections.select_related("job").last()
        if not changes:
            if last and last.job and last.job.state == Job.State.FAILED:
                jobs.retry(last.job)
            return last.job if last else None
        if last and last.job:
            jobs.cancel(last.job)  # its list would be out of date
        revision = (last.revision if last else row.revision) + 1
        job = jobs.enqueue(
            TASK,
            {"analysis_id": row.pk, "revision": revision},
            queue="inference",
            owner=row.user,
            lease_seconds=settings.INFERENCE_SECONDS,
        )
        ReadingCorrection.objects.bulk_create(
            ReadingCorrection(
                analysis=row,
                field=field,
                value=word,
                previous=said.get(field, ""),
                user=user if user is not None and user.is_authenticated else None,
                revision=revision,
                job=job,
            )
            for field, word in changes.items()
        )
    return job


def take_back(*, analysis: Analysis, user: Any, field: str = "") -> Job | None:
    """Undo what was said about ``field``, or everything: the reading is again as measured there.

    Raises ``nothing_said`` (404) where there is nothing to undo, ``invalid`` (400) for an unknown field.
    """
    if field and field not in corrections.FIELDS:
        raise ApplicationError("invalid", field="field")
    said = said_about(analysis)
    undone = {name: "" for name in said if field in ("", name)}
    if not undone:
        raise ApplicationError("nothing_said", field="field")
    return correct(analysis=analysis, user=user, values=undone)


def run_revision(job_id: int) -> None:
    """The worker's half: reading and list of the newest corrections. Safe to run twice; an outdated job ends without a trace."""
    with jobs.claimed(job_id) as job:
        if job is None:
            return
        analysis = Analysis.objects.filter(pk=job.payload["analysis_id"]).first()
        if analysis is None or not analysis.reading:
            raise jobs.JobGone
        said = said_about(analysis)
        measured = FaceReading.from_json(analysis.reading)
        reading = corrections.correct(measured, said)
        with translation.override(analysis.language):
            advice = recommend(
                image=None,
                reading=reading,
                wishes=wishes_of(analysis),
                language=analysis.language,
                unit=analysis.unit,
                draw=analysis.pk,
            )
        with transaction.atomic():
            row = _locked(analysis)
            newest = row.corrections.last()
            if newest is None or newest.revision != job.payload["revision"] or not jobs.succeed(job):
                raise jobs.JobGone
            row.corrected_reading = reading.to_json() if said else None
            row.face_shape, row.season = reading.face_shape.label, reading.colour.season.label
            row.revision = newest.revision
            kept = {name: row.meta[name] for name in ("photos",) if name in row.meta}
            row.meta = {**advice.meta, **kept}
            row.save(update_fields=["corrected_reading", "face_shape", "season", "revision", "meta"])
            show(row, advice, request_id=job.request_id)


def _locked(analysis: Analysis) -> Analysis:
    """The row, one writer at a time; a deleted one is not found."""
    row = Analysis.objects.select_for_update().filter(pk=analysis.pk).first()
    if row is None:
        raise ApplicationError("analysis_not_found", field="analysis_id")
    return row
