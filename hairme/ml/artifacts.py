"""Model versions as folders: ``<root>/<name>/<version>/card.json`` plus the files it names, each with its sha256.

A folder is written beside its place and renamed into it, so a reader sees a whole version or none. Who serves which version is
answered by a ``ModelStore``; the default one serves what ships with the code, and a registry may put itself in its place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

FORMAT_VERSION = 1
T = TypeVar("T")


class ArtifactError(RuntimeError):
    """A model folder is missing, incomplete, of another format or does not match its checksums."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a version is and where it came from. ``metrics`` and ``features`` are JSON of the model's own shape."""

    name: str
    version: str
    created: str  # ISO 8601, UTC
    files: Mapping[str, str]  # file name -> sha256
    dataset_hash: str
    code_revision: str = ""
    parent: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)  # trained_on, tested_how, fails_where, licence, ...
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified model folder."""

    path: Path
    card: ModelCard

    @property
    def key(self) -> str:
        return f"{self.card.name}@{self.card.version}"

    def file(self, name: str) -> Path:
        return self.path / name


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_artifact(
    root: Path,
    *,
    name: str,
    version: str,
    fill: Callable[[Path], None],
    dataset_hash: str,
    code_revision: str = "",
    parent: str | None = None,
    metrics: Mapping[str, Any] | None = None,
    features: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    notes: Mapping[str, str] | None = None,
    replace: bool = False,
) -> Artifact:
    """Let ``fill`` write the model's files into an empty folder, add the card, and move it to ``root/name/version``.

    Raises FileExistsError where that version exists and ``replace`` is False. Nothing half-written is ever visible.
    """
    target = root / name / version
    if target.exists() and not replace:
        raise FileExistsError(f"{target} exists; versions are immutable")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=target.parent))
    try:
        fill(draft)
        files = {str(p.relative_to(draft)): sha256_of(p) for p in sorted(draft.rglob("*")) if p.is_file()}
        card = ModelCard(
            name=name,
            version=version,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            files=files,
            dataset_hash=dataset_hash,
            code_revision=code_revision,
            parent=parent,
            metrics=metrics or {},
            features=features or {},
            params=params or {},
            notes=notes or {},
        )
        (draft / "card.json").write_text(json.dumps(asdict(card), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        draft.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        os.replace(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Artifact(target, card)


def open_artifact(path: Path, *, verify: bool = True) -> Artifact:
    """Read and verify a version's folder. Raises ArtifactError with what is wrong and what to do."""
    try:
        raw = json.loads((path / "card.json").read_text(encoding="utf-8"))
        card = ModelCard(**raw)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} has no card.json: not a model version") from error
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{path}/card.json cannot be read: {error}") from error
    if card.format_version != FORMAT_VERSION:
        raise ArtifactError(f"{path} has format {card.format_version}, this code reads {FORMAT_VERSION}: train it again")
    if verify:
        for name, digest in card.files.items():
            file = path / name
            if not file.is_file():
                raise ArtifactError(f"{path} lacks {name}: restore the folder or train it again")
            if sha256_of(file) != digest:
                raise ArtifactError(f"{file} does not match its checksum: restore the folder or train it again")
    return Artifact(path, card)


class ModelStore(Protocol):
    """Answers which version of a model serves. An experiment's plan (``hairme.ml.serving``) may name another than the champion."""

    def resolve(self, name: str, version: str | None = None) -> Artifact:
        """The champion of model ``name``, or the version named. Raises ArtifactError where there is none that can be read."""


class FolderStore:
    """Serves the version that ``<root>/<name>/CURRENT`` names: what ships with the code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: dict[str, tuple[str, Artifact]] = {}
        self._lock = threading.Lock()

    def resolve(self, name: str, version: str | None = None) -> Artifact:
        if version is not None:
            return open_artifact(self.root / name / version)
        pointer = self.root / name / "CURRENT"
        try:
            version = pointer.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise ArtifactError(f"{pointer} is missing: no version of {name} ships here") from error
        with self._lock:
            cached = self._opened.get(name)
            if cached is None or cached[0] != version:
                cached = (version, open_artifact(self.root / name / version))
                self._opened[name] = cached
        return cached[1]

    def set_current(self, artifact: Artifact) -> None:
        pointer = self.root / artifact.card.name / "CURRENT"
        draft = pointer.with_suffix(".part")
        draft.write_text(artifact.card.version + "\n", encoding="utf-8")
        os.replace(draft, pointer)


PRETRAINED_ROOT = Path(__file__).resolve().parents[2] / "mltraining" / "pretrained"

_store: ModelStore = FolderStore(PRETRAINED_ROOT)


def get_store() -> ModelStore:
    return _store


def set_store(store: ModelStore) -> None:
    """Put a registry in the shipped folder's place (called once, from an application's start-up)."""
    global _store
    _store = store


class LoadedModels:
    """Process-wide cache: a model is loaded once per version, lazily, under a lock; old versions leave when a new one is in.

    Loading happens before the old version is dropped, so a reader never waits for both.
    """

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, artifact: Artifact, load: Callable[[Artifact], T], keep: int = 2) -> T:
        key = (artifact.card.name, f"{artifact.card.version}:{artifact.path}")
        model = self._models.get(key)
        if model is None:
            with self._lock:
                model = self._models.get(key)
                if model is None:
                    model = load(artifact)
                    self._models[key] = model
                    same = [k for k in self._models if k[0] == key[0]]
                    for old in same[:-keep]:
                        del self._models[old]
        return model  # type: ignore[no-any-return]


loaded = LoadedModels()
