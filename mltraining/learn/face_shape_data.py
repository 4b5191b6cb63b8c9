"""The labelled meshes from which the face-shape model learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hairme.ml.artifacts import sha256_of
from recommendations.engine.face_shape import CLASSES
from recommendations.engine.mesh_topology import POINTS


class DatasetError(ValueError):
    """The file is missing or is not a set of labelled meshes; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class FaceShapeData:
    """``landmarks`` (n, 478, 3) in pixels, ``labels`` (n,) index into CLASSES, ``groups`` (n,) pseudo-identities."""

    landmarks: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)


def load(path: Path) -> FaceShapeData:
    """Read an ``.npz`` with ``landmarks``, ``label`` (class names) and ``pseudo_identity``. Raises DatasetError."""
    if not path.is_file():
        raise DatasetError(f"{path} is not there; give the .npz of labelled meshes (landmarks, label, pseudo_identity)")
    with np.load(path, allow_pickle=False) as stored:
        missing = {"landmarks", "label", "pseudo_identity"} - set(stored.files)
        if missing:
            raise DatasetError(f"{path} lacks {', '.join(sorted(missing))}")
        landmarks, names, groups = stored["landmarks"].astype(np.float64), stored["label"], stored["pseudo_identity"]
    if landmarks.ndim != 3 or landmarks.shape[1:] != (POINTS, 3) or not np.isfinite(landmarks).all():
        raise DatasetError(f"{path}: landmarks must be finite and (n, {POINTS}, 3), found {landmarks.shape}")
    unknown = set(names.tolist()) - set(CLASSES)
    if unknown or not len(names) == len(groups) == len(landmarks):
        raise DatasetError(f"{path}: unknown classes {sorted(unknown)}" if unknown else f"{path}: arrays of different lengths")
    labels = np.array([CLASSES.index(name) for name in names.tolist()])
    return FaceShapeData(landmarks, labels, groups.astype(np.int64), sha256_of(path))
