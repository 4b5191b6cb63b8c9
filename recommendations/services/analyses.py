"""An analysis from upload to result: start it, run it in a worker, delete it, try it again, forget what never finished."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO

import structlog
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone, translation

from hairme.common import jobs, outbox
from hairme.common.errors import ApplicationError
from hairme.common.images import ImageRejected, decode_image, inspect_image
from hairme.common.models import Job, random_id
from hairme.metrics import ANALYSIS_SECONDS

from ..engine import reader
from ..engine.types import FaceReading, PhotoRejected, Wishes
from ..models import Analysis, Recommendation, private_storage
from . import recommend as recommending
from .batch import WORKING_SIDE
from .recommend import Advice, recommend

log = structlog.get_logger(__name__)

TASK = "recommendations.analyze"


def start_analysis(
    *, photo: BinaryIO, user: Any, visitor: str, wishes: Wishes, language: str, idempotency_key: str = ""
) -> tuple[Analysis, bool]:
    """Check the photo's header, store it privately and queue the work. Returns (analysis, created).

    The same ``idempotency_key`` with the same photo by the same person gives the analysis that it gave before. People who are not
    signed in count as one here: a first visitor's double click comes in two requests without a session. Their keys must be
    unguessable, as the form's is.
    Raises ApplicationError for what the image gate rejects, OSError where storage is full; nothing is stored then.
    """
    try:
        inspect_image(photo)
    except ImageRejected as rejection:
        raise ApplicationError(rejection.code, field="file", params=rejection.params) from rejection
    photo.seek(0)
    content = photo.read()
    digest = hashlib.sha256(content).hexdigest()
    person = user if user is not None and user.is_authenticated else None
    key = _idempotency_key(person, digest, idempotency_key) if idempotency_key else None
    if key and (existing := Analysis.objects.select_related("job").filter(job__idempotency_key=key).first()):
        return existing, False

    storage = private_storage()
    name = f"uploads/{uuid.uuid4().hex}"
    try:
        storage.save(name, ContentFile(content))
        with transaction.atomic():
            analysis_id = random_id()
            job = jobs.enqueue(
                TASK,
                {"analysis_id": analysis_id},
                queue="inference",
                owner=person,
                idempotency_key=key,
                lease_seconds=int(max(20, settings.GEMINI_SECONDS + 12)),
            )
            if job.payload["analysis_id"] == analysis_id:
                analysis = Analysis.objects.create(
                    id=analysis_id,
                    user=person,
                    visitor="" if person else visitor,
                    job=job,
                    photo=name,
                    photo_sha256=digest,
                    language="ko" if language.startswith("ko") else "en",
                    wishes=wishes.to_json(),
                )
                return analysis, True
    except BaseException:
        storage.delete(name)  # a full disk leaves the beginning of the file
        raise
    storage.delete(name)  # a double click: the first one's analysis is the answer
    return Analysis.objects.select_related("job").get(job=job), False


def _idempotency_key(person: Any, digest: str, given: str) -> str:
    owner = f"user:{person.pk}" if person else "anyone"
    return hashlib.sha256(f"{owner}|{digest}|{given}".encode()).hexdigest()


def run_analysis(job_id: int) -> None:
    """The worker's half. Safe to run twice: one runner is let in, and results are written once, together with the job's end."""
    with jobs.claimed(job_id) as job:
        if job is None:
            return
        analysis = Analysis.objects.filter(job=job).first()
        if analysis is None:
            raise jobs.JobGone
        with translation.override(analysis.language):
            _run(job, analysis)


def _run(job: Job, analysis: Analysis) -> None:
    jobs.advance(job, stage="reading", progress=1, total=3)
    try:
        with _timed("decode"):
            image = decode_image(_photo_bytes(analysis), max_side=WORKING_SIDE)
        with _timed("read_face"):
            reading = reader.read_face(image)
    except ImageRejected as rejection:
        forget_photo(analysis)
        raise ApplicationError(rejection.code, field="file", params=rejection.params) from rejection
    except PhotoRejected as rejection:
        forget_photo(analysis)
        raise ApplicationError(rejection.code, field="file", params=dict(rejection.metrics)) from rejection
    jobs.advance(job, stage="advising", progress=2)
    with _timed("recommend"):
        advice = recommend(
            image=image, reading=reading, wishes=_wishes(analysis), language=analysis.language, unit=str(analysis.pk)
        )
    with transaction.atomic():
        if analysis.photo:  # before the wake-up: whoever sees the answer finds the photo gone
            transaction.on_commit(partial(private_storage().delete, analysis.photo.name), robust=True)
        if not jobs.succeed(job):  # first, for its lock: a deletion waits for this transaction, or has stopped it
            raise jobs.JobGone
        store_result(analysis, reading, advice, request_id=job.request_id)
    log.info("analysis_done", job_id=job.pk, styles=len(advice.items), advisor_status=advice.meta["advisor_status"])


def store_result(analysis: Analysis, reading: FaceReading, advice: Advice, *, request_id: str) -> None:
    """Write reading, impressions and event, let go of the photo; must run inside the transaction that ends the job."""
    analysis.reading = reading.to_json()
    analysis.face_shape = reading.face_shape.label
    analysis.season = reading.colour.season.label
    analysis.meta = advice.meta
    analysis.completed_at = timezone.now()
    analysis.photo = ""
    analysis.save(update_fields=["reading", "face_shape", "season", "meta", "completed_at", "photo"])
    shown = Recommendation.objects.bulk_create(
        Recommendation(
            analysis=analysis,
            style_id=advice.style_ids.get(item.slug or ""),
            cut_slug=item.cut or "",
            style_name=item.name,
            rank=item.rank,
            source=item.source,
            ml_score=item.ml_score,
            reason=item.reason,
            drawback=item.drawback,
            model_version=advice.model_version,
            arm=advice.arm,
            propensity=item.propensity,
            request_id=request_id,
        )
        for item in advice.items
    )
    outbox.record(
        "recommendations.shown",
        analysis.pk,
        {
            "analysis_id": analysis.pk,
            "face_shape": analysis.face_shape,
            "season": analysis.season,
            "model_version": advice.model_version,
            "arm": advice.arm,
            "items": [
                {"id": r.pk, "style": r.style_id, "cut": r.cut_slug, "rank": r.rank, "source": r.source, "score": r.ml_score}
                for r in shown
            ],
        },
    )


def _wishes(analysis: Analysis) -> Wishes:
    return Wishes(**{**analysis.wishes, "lengths": tuple(analysis.wishes.get("lengths", ()))})


def _photo_bytes(analysis: Analysis) -> bytes:
    try:
        with analysis.photo.open("rb") as stream:
            return stream.read()
    except (FileNotFoundError, ValueError) as error:
        forget_photo(analysis)  # the row must not promise a retry
        raise ApplicationError("photo_gone") from error


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    ANALYSIS_SECONDS.observe(stage, time.perf_counter() - start)


def warm() -> None:
    """Load every model that an analysis needs into this process."""
    reader.warm()
    recommending.warm()


def forget_photo(analysis: Analysis) -> None:
    """Delete the photo from storage and say so in the row."""
    if analysis.photo:
        name, analysis.photo = analysis.photo.name, ""
        Analysis.objects.filter(pk=analysis.pk).update(photo="")
        private_storage().delete(name)


def retry_analysis(analysis: Analysis) -> None:
    """Queue a failed analysis again; one that is under way or done by then (a second press) is left alone.

    Raises ``photo_gone`` where its photo has been deleted, ``not_failed`` where it was cancelled.
    """
    if analysis.job.state == Job.State.CANCELLED:
        raise ApplicationError("not_failed")
    if analysis.job.state != Job.State.FAILED:
        return
    if not analysis.photo:
        raise ApplicationError("photo_gone")
    jobs.retry(analysis.job)


def delete_analysis(analysis: Analysis) -> None:
    """Delete the analysis and all that hangs on it: photo, reading, impressions, reactions, job."""
    job = analysis.job
    jobs.cancel(job)
    forget_photo(analysis)
    with transaction.atomic():
        if Analysis.objects.select_for_update().filter(pk=analysis.pk).first() is None:
            return  # a second click; the lock also keeps a reaction from coming in between
        outbox.record("analysis.deleted", analysis.pk, {"analysis_id": analysis.pk})
        analysis.delete()
        Job.objects.filter(pk=job.pk).delete()


def delete_expired_uploads() -> int:
    """Delete the photos of analyses that did not finish in time, and stray files no row knows. Returns how many."""
    cutoff = timezone.now() - timedelta(minutes=settings.UPLOAD_KEEP_MINUTES)
    count = 0
    for analysis in Analysis.objects.exclude(photo="").filter(created_at__lt=cutoff).select_related("job"):
        if not analysis.job.is_final:
            jobs.cancel(analysis.job)
        forget_photo(analysis)
        count += 1
    storage = private_storage()
    known = set(Analysis.objects.exclude(photo="").values_list("photo", flat=True))
    for file in storage.listdir("uploads")[1] if storage.exists("uploads") else []:
        name = f"uploads/{file}"
        if name not in known and storage.get_modified_time(name) < cutoff:
            storage.delete(name)
            count += 1
    if count:
        log.info("uploads_deleted", count=count)
    return count
