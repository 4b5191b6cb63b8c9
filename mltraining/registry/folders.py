"""Where a version's files lie, and whether they are still what was registered."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from hairme.ml import artifacts
from hairme.ml.artifacts import Artifact, ArtifactError

from ..models import ModelVersion

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What serving needs to know of a registered version."""

    pk: int
    name: str
    version: str
    path: str
    ships_with_code: bool
    card_sha256: str

    @property
    def key(self) -> str:
        return f"{self.name}@{self.version}"

    @classmethod
    def of(cls, version: ModelVersion) -> Entry:
        return cls(version.pk, version.name, version.version, version.path, version.ships_with_code, version.card_sha256)


def places(entry: Entry) -> list[Path]:
    """Folders that may hold the version, best first. One that shipped has a copy, which outlives the code that brought it."""
    kept = Path(settings.MODELS_DIR) / entry.path
    return [artifacts.PRETRAINED_ROOT / entry.path, kept] if entry.ships_with_code else [kept]


def open_entry(entry: Entry) -> Artifact:
    """The version with every file hashed. Raises ArtifactError with what is wrong in its first place where no place is whole."""
    problem: ArtifactError | None = None
    for folder in places(entry):
        try:
            return open_place(entry, folder)
        except ArtifactError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def open_place(entry: Entry, folder: Path) -> Artifact:
    """Raises ArtifactError where the folder is missing, damaged, unreadable, or holds something else than was registered."""
    try:
        if artifacts.sha256_of(folder / "card.json") != entry.card_sha256:
            raise ArtifactError(f"{folder}/card.json is not the card that was registered: restore the folder")
        return artifacts.open_artifact(folder)
    except FileNotFoundError as error:
        raise ArtifactError(f"{folder} is missing or incomplete: restore the folder or train it again") from error
    except OSError as error:
        raise ArtifactError(f"{folder} cannot be read: {error.strerror}") from error


def stamp(folder: Path) -> Stamp | None:
    """What changes whenever a file is written: (name, time, size, inode) of each. None where the folder cannot be listed."""
    try:
        found = []
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            stat = file.stat()
            found.append((str(file.relative_to(folder)), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    except OSError:
        return None
    return tuple(found) or None


def relative_path(artifact: Artifact) -> tuple[str, bool]:
    """(path beneath its root, whether it ships with the code). Raises ArtifactError for a folder anywhere else."""
    folder = artifact.path.resolve()
    for root, ships in ((artifacts.PRETRAINED_ROOT, True), (Path(settings.MODELS_DIR), False)):
        if folder == root.resolve() / artifact.card.name / artifact.card.version:
            return f"{artifact.card.name}/{artifact.card.version}", ships
    raise ArtifactError(f"{artifact.path} is not {artifact.card.name}/{artifact.card.version} beneath a models folder")


def copy_version(source: Path, target: Path) -> None:
    """Copy a version's folder whole or not at all; an existing target is replaced."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        shutil.copytree(source, draft, dirs_exist_ok=True)
        draft.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        os.replace(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def size_of(entry: Entry) -> int | None:
    """Bytes on disk, None where no folder is there."""
    for folder in places(entry):
        found = stamp(folder)
        if found:
            return sum(size for _name, _time, size, _inode in found)
    return None
