"""The files of versions: verified, backed up, restored, and removed where nothing needs them any more."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db.models import QuerySet

from hairme.ml.artifacts import ArtifactError

from ..models import ModelVersion
from ..registry import folders, ledger, trial
from ..registry.folders import Entry
from . import registry

log = structlog.get_logger(__name__)

_STATE = ModelVersion.State
DRAFT_SECONDS = 24 * 3600  # a draft this old was left behind by a process that was killed


@dataclass(frozen=True)
class Finding:
    """``problem`` is empty where every file is whole and, for a version that may serve, the golden answers came out."""

    version: ModelVersion
    problem: str

    @property
    def is_good(self) -> bool:
        return not self.problem


def verify(versions: QuerySet[ModelVersion], *, actor: str, user: Any = None) -> list[Finding]:
    """Hash, load and replay each version. One that may serve and cannot is marked damaged; a damaged one that is whole again
    may serve again. Both are written down."""
    return [_verify(version, actor, user) for version in versions]


def _verify(version: ModelVersion, actor: str, user: Any) -> Finding:
    try:
        artifact = folders.open_entry(Entry.of(version))
        trial.try_version(artifact)
    except ArtifactError as error:
        if ledger.note_damage(version.pk, str(error), actor=actor):
            log.error("model_files_damaged", version=version.key, problem=str(error))
        return Finding(version, str(error))
    if version.state == _STATE.DAMAGED:
        registry.register(artifact, actor=actor, reason="the files are whole again", user=user)
    return Finding(version, "")


def prunable(keep: int, name: str | None = None) -> list[ModelVersion]:
    """Versions whose files may go: made at run time, without alias, run, experiment or former reign, beyond the newest ``keep`` of
    their model."""
    found = ModelVersion.objects.filter(
        ships_with_code=False, aliases__isnull=True, run__isnull=True, experiments__isnull=True
    ).order_by("name", "-created_at", "-pk")
    if name:
        found = found.filter(name=name)
    gone: list[ModelVersion] = []
    kept: dict[str, int] = {}
    for version in found:
        if version in ledger.former_champions(version.name) or folders.size_of(Entry.of(version)) is None:
            continue
        kept[version.name] = kept.get(version.name, 0) + 1
        if kept[version.name] > keep:
            gone.append(version)
    return gone


def prune(versions: list[ModelVersion], *, actor: str) -> None:
    """Remove the files of ``versions`` and the drafts that killed processes left. The rows stay, with what happened."""
    for version in versions:
        ledger.note_damage(version.pk, "files removed: nothing needed them", actor=actor)
        for folder in folders.places(Entry.of(version)):
            shutil.rmtree(folder, ignore_errors=True)
    for draft in Path(settings.MODELS_DIR).glob("*/.*-*"):
        if draft.is_dir() and time.time() - draft.stat().st_mtime > DRAFT_SECONDS:
            shutil.rmtree(draft, ignore_errors=True)


def backup(target: Path) -> list[str]:
    """Copy every version that is whole to ``target/NAME/VERSION``; one that is there and whole already is left. Returns keys."""
    copied = []
    for version in ModelVersion.objects.order_by("name", "pk"):
        entry = Entry.of(version)
        try:
            source = folders.open_entry(entry).path
        except ArtifactError as error:
            log.warning("model_not_backed_up", version=version.key, problem=str(error))
            continue
        if not _is_whole(entry, target / entry.path):
            folders.copy_version(source, target / entry.path)
            folders.open_place(entry, target / entry.path)  # a backup that cannot be read is none
            copied.append(version.key)
    return copied


def restore(source: Path, *, actor: str) -> list[str]:
    """Bring back, from ``backup``'s folder, every version whose files are not whole. Returns the keys of those that are now."""
    back = []
    for version in ModelVersion.objects.order_by("name", "pk"):
        entry = Entry.of(version)
        place = folders.places(entry)[-1]
        if any(_is_whole(entry, folder) for folder in folders.places(entry)) or not _is_whole(entry, source / entry.path):
            continue
        folders.copy_version(source / entry.path, place)
        back.append(version.key)
        _verify(version, actor, None)
    return back


def _is_whole(entry: Entry, folder: Path) -> bool:
    try:
        folders.open_place(entry, folder)
    except ArtifactError:
        return False
    return True
