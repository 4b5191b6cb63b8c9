"""Model folders for tests of the registry: toys of a few bytes, and real scorers under names of their own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hairme.ml.artifacts import PRETRAINED_ROOT, Artifact, FolderStore, write_artifact
from mltraining.models import ModelVersion
from mltraining.services import registry

WHO = {"actor": "test", "reason": "because"}


def toy_folder(root: Path, version: str, *, name: str = "toy", contents: str = "", **card: Any) -> Artifact:
    """A model whose one file holds its version, so that what is served can be told."""
    return write_artifact(
        root,
        name=name,
        version=version,
        fill=lambda folder: (folder / "weights.bin").write_text(contents or version) and None,
        dataset_hash="d" * 64,
        **card,
    )


def toy(root: Path, version: str, **card: Any) -> ModelVersion:
    return registry.register(toy_folder(root, version, **card), **WHO)


def scorer_folder(root: Path, version: str, **card: Any) -> Artifact:
    """The shipped scorer under another version name."""
    shipped = FolderStore(PRETRAINED_ROOT).resolve("hairstyle-scorer")

    def fill(folder: Path) -> None:
        for file in shipped.card.files:
            shutil.copy(shipped.file(file), folder / file)

    fields = {"params": shipped.card.params, "features": shipped.card.features, **card}
    return write_artifact(root, name="hairstyle-scorer", version=version, fill=fill, dataset_hash="d" * 64, **fields)
