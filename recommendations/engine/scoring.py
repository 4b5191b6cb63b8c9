"""Learned scorers at serving time: what every one of them does, how a version is loaded, and ``seed-mlp`` itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from hairme.ml.artifacts import Artifact, ArtifactError

from .catalogue import StyleEntry
from .types import FaceReading

#: The 392 inputs of ``seed-mlp``: 4 face shapes, 4 skin tones, 384 of the style's text. A heart-shaped face is the mass that the
#: four leave to 1, because the seed has four shapes and a photo has five.
SHAPE_INPUTS: Final = ("oval", "round", "square", "oblong")
SEASON_INPUTS: Final = ("spring", "summer", "autumn", "winter")
STYLE_DIM: Final = 384
INPUT_DIM: Final = len(SHAPE_INPUTS) + len(SEASON_INPUTS) + STYLE_DIM


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class StyleTable:
    """The styles to be scored. Row i of ``vectors`` (n, 384) float32, L2-normalised, is the text vector of ``entries[i]``."""

    entries: tuple[StyleEntry, ...]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class Past:
    """One earlier reaction of the person who is served."""

    slug: str
    liked: bool


class Scorer(Protocol):
    """A version of ``hairstyle-scorer``, whatever is inside."""

    key: str  # "hairstyle-scorer@<version>"
    encoder: str  # id of the text encoder whose vectors it takes; "" where it takes none

    def score(self, reading: FaceReading, styles: StyleTable, past: Sequence[Past] = ()) -> np.ndarray:
        """(n,) float32 in 0..100, higher is better. ``past``: what the person said before, newest last."""

    def score_unlisted(
        self, reading: FaceReading, vectors: np.ndarray, styles: StyleTable, past: Sequence[Past] = ()
    ) -> np.ndarray:
        """(m,) in 0..100 for styles outside the catalogue, known by their text alone: vectors (m, 384)."""


def load_scorer(artifact: Artifact) -> Scorer:
    """The scorer of the architecture that the card names. Raises ArtifactError for an unknown one and for damaged files."""
    architecture = artifact.card.params.get("architecture")
    if architecture == "seed-mlp":
        return HairstyleScorer(artifact)
    if architecture == "preference":
        from .preference import PreferenceScorer

        return PreferenceScorer(artifact)
    raise ArtifactError(f"{artifact.key} is of the architecture {architecture!r}, which this code does not know: train it again")


def person_inputs(shape: dict[str, float], season: dict[str, float]) -> np.ndarray:
    """(8,) float32 of probabilities; the labels' certainty is part of the input."""
    return np.array([*(shape[key] for key in SHAPE_INPUTS), *(season[key] for key in SEASON_INPUTS)], dtype=np.float32)


def join_inputs(person: np.ndarray, styles: np.ndarray) -> np.ndarray:
    """(8,) or (n, 8) and (n, 384) -> (n, 392) float32."""
    person = np.broadcast_to(person, (len(styles), person.shape[-1]))
    return np.concatenate([person, styles], axis=1).astype(np.float32, copy=False)


class HairstyleScorer:
    """A version of ``hairstyle-scorer``: ``model.onnx`` takes (n, 392) ``features`` and gives (n, 1) ``score`` on 0..100.

    Raises ArtifactError where the file is no such model.
    """

    def __init__(self, artifact: Artifact) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # half a millisecond of work; threads would cost more than they give
        options.log_severity_level = 3
        self.key = artifact.key
        self.encoder = str(artifact.card.features.get("encoder", ""))  # id of the text encoder whose vectors it takes
        file = artifact.file("model.onnx")
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own, which share no base class
            raise ArtifactError(f"{file} is no model that ONNX Runtime reads: restore the folder or train it again") from error
        takes = {(node.name, node.shape[-1]) for node in self._session.get_inputs()}
        if takes != {("features", INPUT_DIM)}:
            raise ArtifactError(f"{file} takes {sorted(takes)}, not features of {INPUT_DIM} numbers: train it again")

    def score(self, reading: FaceReading, styles: StyleTable, past: Sequence[Past] = ()) -> np.ndarray:
        """How well each style suits the face, (n,) float32 in 0..100. The past is no input of this network."""
        return self.score_vectors(reading, styles.vectors)

    def score_unlisted(
        self, reading: FaceReading, vectors: np.ndarray, styles: StyleTable, past: Sequence[Past] = ()
    ) -> np.ndarray:
        return self.score_vectors(reading, vectors)

    def score_vectors(self, reading: FaceReading, vectors: np.ndarray) -> np.ndarray:
        """vectors (n, 384) -> (n,) float32 in 0..100."""
        person = person_inputs(dict(reading.face_shape.probabilities), dict(reading.colour.season.probabilities))
        (scores,) = self._session.run(["score"], {"features": join_inputs(person, vectors)})
        return np.clip(scores[:, 0], 0.0, 100.0)
