"""From labelled faces to arrays: (n, 392) inputs, (n,) scores, split so that no face is on both sides."""

from __future__ import annotations

import csv
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from recommendations.engine.scoring import INPUT_DIM, SEASON_INPUTS, SHAPE_INPUTS, join_inputs, person_inputs

from .synthetic import SyntheticFace

VALIDATION_SHARE: Final = 0.2
SAMPLE_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class ScorerData:
    inputs: np.ndarray  # (n, 392) float32
    scores: np.ndarray  # (n,) float32, 0..100
    face: np.ndarray  # (n,) int64, index of the face
    is_validation: np.ndarray  # (n,) bool, constant within a face
    slugs: np.ndarray  # (n,) str
    hash: str  # sha256 of inputs, scores and split
    encoder: str
    sources: Mapping[str, int]  # source -> faces

    def part(self, validation: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mask = self.is_validation == validation
        return self.inputs[mask], self.scores[mask], self.face[mask]


def build(faces: Sequence[SyntheticFace], vectors: Mapping[str, np.ndarray], encoder: str, seed: int = 0) -> ScorerData:
    """``vectors``: slug -> (384,) style vector of ``encoder``. Styles that left the catalogue are passed over, and so is a face
    that is there twice (two files, one photo): it could lie on both sides of the split.

    Raises ValueError where fewer than 5 faces remain: nothing could be held out.
    """
    rows: list[np.ndarray] = []
    scores: list[float] = []
    face_of: list[int] = []
    slugs: list[str] = []
    faces = list({face.face_id: face for face in reversed(faces)}.values())[::-1]
    for number, face in enumerate(faces):
        person = person_inputs(face.face_shape, face.season)
        for style in face.styles:
            if style.slug in vectors:
                rows.append(join_inputs(person, vectors[style.slug][None])[0])
                scores.append(style.score)
                face_of.append(number)
                slugs.append(style.slug)
    distinct = np.unique(face_of)
    if len(distinct) < 5:
        raise ValueError(f"{len(distinct)} faces are too few to hold any out; collect at least 5")
    held_out = np.random.default_rng(seed).permutation(distinct)[: max(1, round(VALIDATION_SHARE * len(distinct)))]
    inputs = np.stack(rows).astype(np.float32)
    labels = np.array(scores, dtype=np.float32)
    face_array = np.array(face_of)
    is_validation = np.isin(face_array, held_out)
    digest = hashlib.sha256(inputs.tobytes() + labels.tobytes() + is_validation.tobytes()).hexdigest()
    sources = {source: sum(face.source == source for face in faces) for source in sorted({face.source for face in faces})}
    return ScorerData(inputs, labels, face_array, is_validation, np.array(slugs), digest, encoder, sources)


def save(data: ScorerData, folder: Path) -> list[Path]:
    """``training_data.npz``, ``metadata.json`` and ``sample.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays, metadata, sample = folder / "training_data.npz", folder / "metadata.json", folder / "sample.csv"
    np.savez_compressed(
        arrays, inputs=data.inputs, scores=data.scores, face=data.face, is_validation=data.is_validation, slugs=data.slugs
    )
    metadata.write_text(json.dumps(_metadata(data), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with sample.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["face", "validation", *SHAPE_INPUTS, *SEASON_INPUTS, "style", "score"])
        for i in range(min(SAMPLE_ROWS, len(data.scores))):
            person = [f"{value:.4f}" for value in data.inputs[i, : len(SHAPE_INPUTS) + len(SEASON_INPUTS)]]
            writer.writerow([data.face[i], int(data.is_validation[i]), *person, data.slugs[i], f"{data.scores[i]:.2f}"])
    return [arrays, metadata, sample]


def _metadata(data: ScorerData) -> dict[str, Any]:
    return {
        "hash": data.hash,
        "encoder": data.encoder,
        "sources": dict(data.sources),
        "pairs": len(data.scores),
        "training_pairs": int((~data.is_validation).sum()),
        "validation_pairs": int(data.is_validation.sum()),
        "faces": len(np.unique(data.face)),
        "split": "by face",
        "inputs": INPUT_DIM,
        "input_layout": [*SHAPE_INPUTS, *SEASON_INPUTS, f"style vector x {INPUT_DIM - len(SHAPE_INPUTS) - len(SEASON_INPUTS)}"],
        "score_mean": float(data.scores.mean()),
        "score_sd": float(data.scores.std()),
    }


def load(folder: Path) -> ScorerData:
    """Inverse of ``save``; raises FileNotFoundError, or ValueError with what to do where the files are damaged."""
    try:
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        with np.load(folder / "training_data.npz") as arrays:
            data = ScorerData(
                arrays["inputs"], arrays["scores"], arrays["face"], arrays["is_validation"], arrays["slugs"],
                metadata["hash"], metadata["encoder"], metadata["sources"],
            )  # fmt: skip
    except (ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"{folder} cannot be read ({error}): prepare the training data again") from error
    digest = hashlib.sha256(data.inputs.tobytes() + data.scores.tobytes() + data.is_validation.tobytes()).hexdigest()
    if digest != data.hash:
        raise ValueError(f"{folder} does not match its hash: prepare the training data again")
    return data
