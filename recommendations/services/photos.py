"""The photos of an analysis while they wait in private storage: checked, kept, and deleted together."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, BinaryIO, NamedTuple

import structlog
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from hairme.common import jobs
from hairme.common.errors import ApplicationError
from hairme.common.images import ImageRejected, clean_copy

from ..models import Analysis, FurtherPhoto, private_storage

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class GivenPhoto:
    position: int  # 1 is the first that was given
    content: bytes = field(repr=False)  # without metadata
    digest: str  # of the file as it was given
    focal_ratio: float | None = None  # focal length over the longer side


class WaitingPhoto(NamedTuple):
    position: int
    file: Any  # the row's FieldFile
    focal_ratio: float | None


@dataclass(frozen=True)
class GivenPhotos:
    """What passed the image gate, in the given order, and why the others did not."""

    photos: list[GivenPhoto]
    left_out: list[dict[str, Any]]  # {"photo": position, "code", "params"}

    @property
    def count(self) -> int:
        return len(self.photos) + len(self.left_out)

    @property
    def digest(self) -> str:
        """SHA-256 of the one photo, or of the photos' digests."""
        if len(self.photos) == 1:
            return self.photos[0].digest
        return hashlib.sha256("|".join(photo.digest for photo in self.photos).encode()).hexdigest()


def check(files: Sequence[BinaryIO]) -> GivenPhotos:
    """Look at each file's header. A file that is refused, or given twice, is left out.

    Raises ApplicationError where there are more than ``UPLOAD_MAX_PHOTOS``, and with the first file's fault where all are refused.
    """
    if len(files) > settings.UPLOAD_MAX_PHOTOS:
        raise ApplicationError("too_many_photos", field="file", params={"most": settings.UPLOAD_MAX_PHOTOS})
    accepted: list[GivenPhoto] = []
    faults: list[tuple[int, ImageRejected | None]] = []
    for position, file in enumerate(files, start=1):
        try:
            info, clean = clean_copy(file)
        except ImageRejected as rejection:
            faults.append((position, rejection))
            continue
        file.seek(0)
        digest = hashlib.sha256(file.read()).hexdigest()
        if any(photo.digest == digest for photo in accepted):
            faults.append((position, None))
        else:
            accepted.append(GivenPhoto(position, clean, digest, info.focal_ratio))
    if not accepted:
        first = faults[0][1] if faults else None
        if first is None:
            raise ApplicationError("required", field="file")
        raise ApplicationError(first.code, field="file", params=first.params) from first
    return GivenPhotos(
        accepted,
        [
            {"photo": position, "code": fault.code if fault else "photo_repeated", "params": fault.params if fault else {}}
            for position, fault in faults
        ],
    )


@contextmanager
def stored(given: GivenPhotos) -> Iterator[list[str]]:
    """Write the photos under random names, which the block gets; where it raises, nothing stays."""
    storage = private_storage()
    names = [f"uploads/{uuid.uuid4().hex}" for _photo in given.photos]
    try:
        for name, photo in zip(names, given.photos, strict=True):
            storage.save(name, ContentFile(photo.content))
        yield names
    except BaseException:
        delete(names)  # a full disk leaves the beginning of a file
        raise


def attach(analysis: Analysis, given: GivenPhotos, names: Sequence[str]) -> None:
    """Rows for the second and third photo, and a note of those that were left out, where more than one was given."""
    if given.count == 1:
        return
    FurtherPhoto.objects.bulk_create(
        FurtherPhoto(analysis=analysis, position=photo.position, photo=name, focal_ratio=photo.focal_ratio)
        for photo, name in list(zip(given.photos, names, strict=True))[1:]
    )
    analysis.meta = {"photos": {"given": given.count, "first": given.photos[0].position, "left_out": given.left_out}}
    analysis.save(update_fields=["meta"])


def photos_of(analysis: Analysis) -> list[WaitingPhoto]:
    """Each photo that waits, in the given order."""
    first = analysis.meta.get("photos", {}).get("first", 1)
    further = (WaitingPhoto(row.position, row.photo, row.focal_ratio) for row in analysis.further_photos.all())
    return [WaitingPhoto(first, analysis.photo, analysis.focal_ratio), *further]


def names_of(analysis: Analysis) -> list[str]:
    """Names in storage of every photo that is still there."""
    return [str(waiting.file.name) for waiting in photos_of(analysis) if waiting.file]


def forget_rows(analysis: Analysis) -> None:
    """Say in the rows that no photo is left."""
    analysis.photo = ""
    Analysis.objects.filter(pk=analysis.pk).update(photo="")
    analysis.further_photos.all().delete()


def forget_photo(analysis: Analysis) -> None:
    """Delete the photos from storage and say so in the rows."""
    if names := names_of(analysis):
        forget_rows(analysis)
        delete(names)


def delete(names: Sequence[str]) -> None:
    storage = private_storage()
    for name in names:
        storage.delete(name)


def delete_expired_uploads() -> int:
    """Delete the photos of analyses that did not finish in time, and stray files no row knows. Returns how many."""
    cutoff = timezone.now() - timedelta(minutes=settings.UPLOAD_KEEP_MINUTES)
    count = 0
    for analysis in Analysis.objects.exclude(photo="").filter(created_at__lt=cutoff).select_related("job"):
        if not analysis.job.is_final:
            jobs.cancel(analysis.job)
        count += len(names_of(analysis))
        forget_photo(analysis)
    storage = private_storage()
    known = {
        *Analysis.objects.exclude(photo="").values_list("photo", flat=True),
        *FurtherPhoto.objects.values_list("photo", flat=True),
    }
    for file in storage.listdir("uploads")[1] if storage.exists("uploads") else []:
        name = f"uploads/{file}"
        if name not in known and storage.get_modified_time(name) < cutoff:
            storage.delete(name)
            count += 1
    if count:
        log.info("uploads_deleted", count=count)
    return count
