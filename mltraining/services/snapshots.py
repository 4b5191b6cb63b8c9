"""Data sets as they were at a moment: taken from the tables without anything from later, kept as a file named by its contents.

Nobody can be named from the file: people and analyses are keyed hashes whose salt is the snapshot's own and whose key is the
server's secret, and faces are the few numbers that scorers look at.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from recommendations.engine.catalogue import StyleEntry
from recommendations.models import Analysis

from ..learn import dataset as datasets
from ..learn.dataset import TAKEN_BACK, Dataset, HistoryRow, ReactionRow
from ..learn.packed_readings import pack
from ..learn.synthetic import SyntheticFace, read_faces, stylist_faces
from ..models import DatasetSnapshot, ModelVersion, TrainingRun
from ..selectors import training as reads
from ..selectors.training import Step

log = structlog.get_logger(__name__)

SYNTHETIC_FACES = 1000  # made where none were collected: as many as the shipped seed-mlp was trained on
SYNTHETIC_SEED = 0
PSEUDONYM = 16  # hexadecimal digits


def snapshots_dir() -> Path:
    return Path(settings.MODELS_DIR).parent / "snapshots"


def take_snapshot(as_of: datetime, entries: Sequence[StyleEntry], synthetic_share: float | None = None) -> DatasetSnapshot:
    """Everything that was known at ``as_of``. The same contents give the same row, and its file again where it was lost.

    ``entries``: the catalogue, for synthetic faces where none were collected (collect_synthetic_data). Raises OSError where the
    disk is full (nothing half-written remains) and ValueError for a broken file of synthetic faces.
    """
    share = settings.SYNTHETIC_SHARE if synthetic_share is None else synthetic_share
    faces, made_by = synthetic_faces(entries)
    data, salt, analyses, left_out = _collect(as_of, share, faces)
    digest = data.hash
    path = snapshots_dir() / f"{digest}.npz"
    if not path.is_file():
        _write(path, data.save)
    listed = path.with_suffix(".analyses")
    if not listed.is_file():
        _write(listed, lambda draft: draft.write_text("".join(f"{name}\n" for name in sorted(analyses)), encoding="ascii"))
    fields = {
        "as_of": as_of,
        "path": path.name,
        "reactions": len(data),
        "people": len(set(data.unit.tolist())),
        "synthetic": len(data.synthetic_score),
        "synthetic_share": share,
        "details": {**_details(data), "salt": salt, "synthetic_by": made_by, "left_out": left_out},
    }
    try:
        with transaction.atomic():
            row, is_new = DatasetSnapshot.objects.get_or_create(content_hash=digest, defaults=fields)
    except IntegrityError:
        row, is_new = DatasetSnapshot.objects.get(content_hash=digest), False
    if is_new:
        log.info("snapshot_taken", snapshot=digest[:12], reactions=row.reactions, people=row.people)
    return row


def load_snapshot(snapshot: DatasetSnapshot) -> Dataset:
    """Raises FileNotFoundError, or ValueError where the file is not what was taken."""
    data = Dataset.load(snapshots_dir() / snapshot.path)
    if data.hash != snapshot.content_hash:
        raise ValueError(f"{snapshot.path} is not the data set that was taken: take the snapshot again")
    return data


def synthetic_faces(entries: Sequence[StyleEntry]) -> tuple[list[SyntheticFace], str]:
    """(faces, where they come from): those that were collected on this installation, else faces made here, the same every time."""
    files = sorted((settings.VAR_DIR / "training").glob("synthetic-*.jsonl"))
    faces = [face for file in files for face in read_faces(file)]
    if faces:
        return faces, ", ".join(file.name for file in files)
    candidates = stylist_faces(entries, SYNTHETIC_SEED)
    made = [face for _, candidate in zip(range(SYNTHETIC_FACES), candidates, strict=False) if (face := candidate.label())]
    return made, f"stylist's rules, seed {SYNTHETIC_SEED}"


def versions_trained_on(analysis_id: int) -> list[ModelVersion]:
    """Versions whose training data held reactions of this analysis; the analysis itself may be gone."""
    snapshots = [
        row for row in DatasetSnapshot.objects.all() if pseudonym(row.details["salt"], f"analysis:{analysis_id}") in _listed(row)
    ]
    return list(ModelVersion.objects.filter(run__snapshot__in=snapshots).order_by("pk"))


def forget_deleted() -> list[str]:
    """Remove the files of data sets that hold an analysis which has been deleted since; returns their names.

    Rows, hashes and the lists of pseudonyms stay, so that it can still be told which versions were trained on what. Data that an
    unfinished run works on go the next time.
    """
    there = list(Analysis.objects.values_list("pk", flat=True))
    busy = TrainingRun.objects.exclude(state__in=TrainingRun.FINAL).exclude(snapshot=None).values("snapshot")
    gone = []
    for row in DatasetSnapshot.objects.exclude(pk__in=busy):
        file = snapshots_dir() / row.path
        listed = _listed(row)
        if file.is_file() and listed - {pseudonym(row.details["salt"], f"analysis:{pk}") for pk in there}:
            file.unlink()
            gone.append(row.path)
    if gone:
        log.info("snapshots_forgotten", files=len(gone))
    return gone


def pseudonym(salt: str, value: str) -> str:
    return salted_hmac(f"mltraining.snapshot.{salt}", value, algorithm="sha256").hexdigest()[:PSEUDONYM]


def _listed(row: DatasetSnapshot) -> set[str]:
    file = (snapshots_dir() / row.path).with_suffix(".analyses")
    return set(file.read_text(encoding="ascii").split()) if file.is_file() else set()


def _collect(as_of: datetime, share: float, faces: Sequence[SyntheticFace]) -> tuple[Dataset, str, set[str], dict[str, int]]:
    """(data, salt, pseudonyms of the analyses in it, how many reactions were left out and why)."""
    steps = list(reads.steps_until(as_of))
    standing = reads.standing(iter(steps))
    left_out = Counter("not_in_the_catalogue" for step in standing.values() if not step.slug)
    kept = [step for step in standing.values() if step.slug]
    readings = {key: tuple(pack(face)) for key, face in reads.readings_shown(sorted({(s.analysis, s.revision) for s in kept}))}
    left_out["without_a_reading"] = sum((step.analysis, step.revision) not in readings for step in kept)
    kept = [step for step in kept if (step.analysis, step.revision) in readings]
    salt = _salt(steps)
    names: dict[str, str] = {}

    def name(value: str) -> str:
        if value not in names:
            names[value] = pseudonym(salt, value)
        return names[value]

    rows = [
        ReactionRow(
            readings[step.analysis, step.revision], name(step.unit), name(f"analysis:{step.analysis}"), step.slug,
            int(step.reaction or 0), step.position, step.score, step.propensity, step.candidate, step.source, step.model_version,
            _micros(step.shown_at), _micros(step.at),
        )
        for step in kept
    ]  # fmt: skip
    people = {step.unit for step in kept}
    history = [
        HistoryRow(
            name(step.unit), name(f"analysis:{step.analysis}"), step.slug,
            TAKEN_BACK if step.reaction is None else step.reaction, _micros(step.at),
        )
        for step in steps
        if step.slug and step.unit in people
    ]  # fmt: skip
    data = datasets.build(share=share, reactions=rows, history=history, faces=faces)
    analyses = {row.analysis for row in rows} | {step.analysis for step in history}
    return data, salt, analyses, {reason: count for reason, count in left_out.items() if count}


def _salt(steps: Sequence[Step]) -> str:
    """Of these contents only, so that the same facts get the same pseudonyms and two data sets cannot be joined by them."""
    facts = sorted(repr((s.unit, s.analysis, s.slug, s.reaction, _micros(s.at))) for s in steps)
    return salted_hmac(
        "mltraining.snapshot", hashlib.sha256("\n".join(facts).encode()).hexdigest(), algorithm="sha256"
    ).hexdigest()[:32]


def _details(data: Dataset) -> dict[str, Any]:
    """JSON: time range, like rates, where the reactions come from, hash of each part."""
    sources = {name: data.source == name for name in sorted(set(data.source.tolist()))}
    return {
        "schema": datasets.SCHEMA,
        "first": _iso(int(data.given_at.min())) if len(data) else None,
        "last": _iso(int(data.given_at.max())) if len(data) else None,
        "like_rate": float(data.liked.mean()) if len(data) else None,
        "like_rate_by_source": {name: float(data.liked[mask].mean()) for name, mask in sources.items()},
        "reactions_by_source": {name: int(mask.sum()) for name, mask in sources.items()},
        "explored": int((data.candidate == "explored").sum()),
        "styles": len(set(data.slug.tolist())),
        "faces": len(data.synthetic_readings),
        "parts": data.part_hashes(),
    }


def _micros(at: datetime) -> int:
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _iso(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).isoformat(timespec="seconds")


def _write(path: Path, fill: Callable[[Path], Any]) -> None:
    """The file whole or not at all, on disk before it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        fill(draft)
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
