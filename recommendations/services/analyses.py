"""An analysis from upload to result: start it, run it in a worker, try it again, delete it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone, translation

from hairme.common import jobs, outbox
from hairme.common.errors import ApplicationError, sentence
from hairme.common.images import ImageRejected, decode_image
from hairme.common.models import Job, random_id
from hairme.metrics import ANALYSIS_SECONDS
from hairme.ml.serving import get_planner

from ..engine import reader
from ..engine.combine import best, combine_readings
from ..engine.types import FaceReading, PhotoRejected, Wishes
from ..models import Analysis
from . import photos
from . import recommend as recommending
from .batch import WORKING_SIDE
from .impressions import show
from .photos import forget_photo
from .recommend import Advice, recommend

log = structlog.get_logger(__name__)

TASK = "recommendations.analyze"


def start_analysis(
    *,
    photo: BinaryIO,
    further: Sequence[BinaryIO] = (),
    user: Any,
    visitor: str,
    wishes: Wishes,
    language: str,
    idempotency_key: str = "",
) -> tuple[Analysis, bool]:
    """Check the photo's header, store it privately and queue the work. Returns (analysis, created).

    ``further`` photos of the same face (two at most) are read as well and averaged; one that the image gate refuses is left out.
    The same ``idempotency_key`` with the same photos by the same person gives the analysis that it gave before. People who are not
    signed in count as one here: a first visitor's double click comes in two requests without a session. Their keys must be
    unguessable, as the form's is.
    Raises ApplicationError for what the image gate rejects, OSError where storage is full; nothing is stored then.
    """
    given = photos.check([photo, *further])
    person = user if user is not None and user.is_authenticated else None
    key = _idempotency_key(person, given.digest, idempotency_key) if idempotency_key else None
    if key and (existing := Analysis.objects.select_related("job").filter(job__idempotency_key=key).first()):
        return existing, False

    with photos.stored(given) as names, transaction.atomic():
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
                photo=names[0],
                focal_ratio=given.photos[0].focal_ratio,
                photo_sha256=given.digest,
                language="ko" if language.startswith("ko") else "en",
                wishes=wishes.to_json(),
            )
            photos.attach(analysis, given, names)
            return analysis, True
    photos.delete(names)  # a double click: the first one's analysis is the answer
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
    image, reading, noted = _read_photos(job, analysis)
    answer(job, analysis, reading, image=image, noted=noted)


def answer(
    job: Job,
    analysis: Analysis,
    reading: FaceReading,
    *,
    image: np.ndarray | None,
    noted: Mapping[str, Any] | None = None,
    ask_advisor: bool = True,
) -> None:
    """From a reading to the stored list and the job's end, in one transaction. ``image``, ``ask_advisor``: as ``recommend`` takes
    them; ``noted`` is added to the list's ``meta``. ``job`` must be claimed; raises JobGone where it is no longer ours."""
    jobs.advance(job, stage="advising", progress=max(job.total - 1, 0))
    with _timed("recommend"):
        advice = recommend(
            image=image,
            reading=reading,
            wishes=wishes_of(analysis),
            language=analysis.language,
            unit=analysis.unit,
            ask_advisor=ask_advisor,
            draw=analysis.pk,
        )
    advice.meta.update(noted or {})
    with transaction.atomic():
        # before the wake-up: whoever sees the answer finds the photos gone
        transaction.on_commit(partial(photos.delete, photos.names_of(analysis)), robust=True)
        if not jobs.succeed(job):  # first, for its lock: a deletion waits for this transaction, or has stopped it
            raise jobs.JobGone
        store_result(analysis, reading, advice, request_id=job.request_id)
        _note_end(job, analysis, "completed", model_version=advice.model_version, arm=advice.arm, experiment=advice.experiment)
    log.info("analysis_done", job_id=job.pk, styles=len(advice.items), advisor_status=advice.meta["advisor_status"])


def _read_photos(job: Job, analysis: Analysis) -> tuple[np.ndarray, FaceReading, dict[str, Any]]:
    """The best photo's pixels, the reading of all that can be read, and what ``meta`` says of them where several were given.

    Raises the first photo's ApplicationError where none can be read; the photos are gone then.
    """
    waiting = photos.photos_of(analysis)
    jobs.advance(job, stage="reading", progress=1, total=len(waiting) + 2)
    note = analysis.meta.get("photos", {})
    left_out = list(note.get("left_out", ()))
    read: list[tuple[int, np.ndarray, FaceReading]] = []
    first_fault: ImageRejected | PhotoRejected | None = None
    for number, (position, file, focal_ratio) in enumerate(waiting, start=1):
        try:
            with _timed("decode"):
                image = decode_image(_photo_bytes(analysis, file), max_side=WORKING_SIDE)
            with _timed("read_face"):
                focal_px = None if focal_ratio is None else focal_ratio * max(image.shape[:2])
                read.append((position, image, reader.read_face(image, focal_px=focal_px)))
        except (ImageRejected, PhotoRejected) as rejection:
            first_fault = first_fault or rejection
            left_out.append({"photo": position, "code": rejection.code, "params": _params(rejection)})
        if number < len(waiting):
            jobs.advance(job, progress=1 + number)
    if not read:
        assert first_fault is not None
        forget_photo(analysis)
        raise ApplicationError(first_fault.code, field="file", params=_params(first_fault)) from first_fault
    readings = [reading for _position, _image, reading in read]
    chosen = best(readings)
    noted = {"photos": _photo_note(note["given"], read, left_out)} if note else {}
    return read[chosen][1], combine_readings(readings), noted


def _params(rejection: ImageRejected | PhotoRejected) -> dict[str, Any]:
    return dict(rejection.metrics if isinstance(rejection, PhotoRejected) else rejection.params)


def _photo_note(given: int, read: list[tuple[int, np.ndarray, FaceReading]], left_out: list[dict[str, Any]]) -> dict[str, Any]:
    """What became of each of several photos, by its place among those given."""
    return {
        "given": given,
        "used": [
            {"photo": position, "warnings": [issue.code for issue in reading.quality.issues]}
            for position, _image, reading in read
        ],
        "left_out": [
            {**fault, "message": sentence(fault["code"], fault["params"])} for fault in sorted(left_out, key=lambda f: f["photo"])
        ],
    }


def store_result(analysis: Analysis, reading: FaceReading, advice: Advice, *, request_id: str) -> None:
    """Write reading, impressions and event, let go of the photo; must run inside the transaction that ends the job."""
    analysis.reading = reading.to_json()
    analysis.face_shape = reading.face_shape.label
    analysis.season = reading.colour.season.label
    analysis.meta = advice.meta
    analysis.completed_at = timezone.now()
    analysis.save(update_fields=["reading", "face_shape", "season", "meta", "completed_at"])
    photos.forget_rows(analysis)
    show(analysis, advice, request_id=request_id)


def note_failure(job: Job) -> None:
    """The event of an analysis that failed: its code, and whether the fault is ours (a photo without a face is nobody's)."""
    analysis = Analysis.objects.filter(job=job).first()
    if analysis is None:
        return
    plan = get_planner().plan_for("recommendations", analysis.unit)
    ours = ApplicationError(job.error_code).status >= 500
    _note_end(job, analysis, "failed", code=job.error_code, ours=ours, arm=plan.arm, experiment=plan.experiment)


jobs.when_failed(TASK, note_failure)


def _note_end(job: Job, analysis: Analysis, how: str, **fields: Any) -> None:
    """``ms``: since a worker took the analysis up, so that a full queue does not count against a model."""
    spent = timezone.now() - (job.started_at or job.created_at)
    payload = {"analysis_id": analysis.pk, "ms": max(0, round(spent.total_seconds() * 1000)), "face_shape": analysis.face_shape}
    outbox.record(f"analysis.{how}", analysis.pk, {**payload, **fields})


def wishes_of(analysis: Analysis) -> Wishes:
    return Wishes(**{**analysis.wishes, "lengths": tuple(analysis.wishes.get("lengths", ()))})


def _photo_bytes(analysis: Analysis, file: FieldFile) -> bytes:
    try:
        with file.open("rb") as stream:
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
    own = [analysis.job, *Job.objects.filter(corrections__analysis=analysis).distinct()]
    for job in own:
        jobs.cancel(job)
    forget_photo(analysis)
    with transaction.atomic():
        if Analysis.objects.select_for_update().filter(pk=analysis.pk).first() is None:
            return  # a second click; the lock also keeps a reaction from coming in between
        outbox.record("analysis.deleted", analysis.pk, {"analysis_id": analysis.pk})
        analysis.delete()
        Job.objects.filter(pk__in=[job.pk for job in own]).delete()
