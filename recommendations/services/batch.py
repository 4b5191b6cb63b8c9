"""Read many photos: the same gate and the same engine as the site, one result per file, in as many processes as wanted.

Imported by plain child processes, so nothing here may need Django.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from hairme.common.images import ImageRejected, read_picture

from ..engine import reader
from ..engine.quality import ADVICE
from ..engine.types import FaceReading, PhotoRejected

WORKING_SIDE = 1600  # pixels; a larger photo is decoded smaller: the face mesh gains nothing above it
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".heic", ".heif", ".hif"}  # what the image gate reads


class Found(NamedTuple):
    files: list[Path]
    skipped: int  # files in the folders that are no pictures by their names


def find_files(paths: Iterable[Path]) -> Found:
    """Files as given, folders walked for the names of pictures that the image gate reads; sorted within a folder.

    Raises FileNotFoundError for what is not there and PermissionError for a folder that may not be read: leaving it out would
    look as if it held no pictures.
    """
    found: list[Path] = []
    skipped = 0
    for path in paths:
        if path.is_dir():
            inside = sorted(_files_in(path))
            pictures = [file for file in inside if file.suffix.lower() in SUFFIXES]
            found.extend(pictures)
            skipped += len(inside) - len(pictures)
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(f"{path} does not exist")
    return Found(found, skipped)


def files_under(paths: Iterable[Path]) -> list[Path]:
    """``find_files`` without the count."""
    return find_files(paths).files


def _files_in(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise type(error)(f"{error.filename} cannot be read: {error.strerror}") from error

    for parent, _folders, names in os.walk(folder, onerror=refuse):
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path


def read_file(path: Path) -> dict[str, Any]:
    """One photo's line: ``ok`` with the reading, or ``error`` with its code. Never raises for what a file may hold."""
    start = time.perf_counter()
    line: dict[str, Any] = {"file": str(path), "ok": False, "error": None}
    try:
        picture = read_picture(path.read_bytes(), max_side=WORKING_SIDE)
        line |= {"ok": True, **reading_fields(reader.read_face(picture.pixels, focal_px=picture.focal_px))}
    except ImageRejected as rejection:
        line["error"] = {"code": rejection.code, "message": rejection.advice("en"), **rejection.params}
    except PhotoRejected as rejection:
        line["error"] = {"code": rejection.code, "message": ADVICE[rejection.code]["en"], "metrics": dict(rejection.metrics)}
    except OSError as error:
        line["error"] = {"code": "file_unreadable", "reason": error.strerror or type(error).__name__}
    line["ms"] = round(1000 * (time.perf_counter() - start), 1)
    return line


def reading_fields(reading: FaceReading) -> dict[str, Any]:
    data = reading.to_json()
    return {name: data[name] for name in ("face_shape", "colour", "quality", "measurements")}


def read_files(paths: Sequence[Path], workers: int) -> Iterator[dict[str, Any]]:
    """A line per file in the given order. A process that dies (a decoder's crash) ends its files with ``worker_lost``, not the run."""
    if workers <= 1:
        reader.warm()
        yield from map(read_file, paths)
        return
    context = multiprocessing.get_context("spawn")  # MediaPipe's threads do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=context, initializer=reader.warm) as pool:
        for path, future in [(path, pool.submit(read_file, path)) for path in paths]:
            try:
                yield future.result()
            except Exception as error:  # BrokenProcessPool and whatever a worker could not send back
                yield {
                    "file": str(path),
                    "ok": False,
                    "error": {"code": "worker_lost", "reason": type(error).__name__},
                    "ms": 0.0,
                }
