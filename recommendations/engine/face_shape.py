"""Face shape as calibrated probabilities over five classes, from the mesh alone.

Two descriptions of each face go in: the named ratios and angles of ``measurements``, and the whole mesh after a similarity
(Procrustes) alignment to the mean reference face, made symmetric and reduced to principal components. A small ensemble of
perceptrons, trained by ``mltraining.learn.face_shape`` and stored as plain weights, turns them into probabilities in numpy.
Making the mesh symmetric gives a face and its mirror image the same answer by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hairme.ml import artifacts
from recommendations.engine.measurements import NAMES, frontal, measure_array
from recommendations.engine.mesh_topology import MIRROR, POINTS
from recommendations.engine.types import Decision, FaceShape
from recommendations.engine.vocabulary import FACE_SHAPES

MODEL_NAME: Final = "face-shape"
CLASSES: Final[tuple[str, ...]] = tuple(FACE_SHAPES)
#: One of each pair of partners and the midline: a symmetric mesh is fully told by these 253 points.
HALF: Final = np.array([i for i in range(POINTS) if i <= MIRROR[i]])


def mirrored(points: np.ndarray) -> np.ndarray:
    """(..., 478, 3) -> the mesh that the mirrored picture would have, about x = 0."""
    return points[..., MIRROR, :] * np.array([-1.0, 1.0, 1.0])


def symmetric(points: np.ndarray) -> np.ndarray:
    """The mean of a frontal mesh and its mirror image."""
    return (points + mirrored(points)) / 2


def align(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Least-squares similarity alignment of ``(n, 478, 3)`` meshes to ``reference`` (478, 3), which is centred at 0.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE PAMI 13(4), 1991.
    """
    centred = points - points.mean(axis=1, keepdims=True)
    u, s, vt = np.linalg.svd(np.einsum("npi,pj->nij", centred, reference))
    flip = np.ones_like(s)
    flip[:, 2] = np.sign(np.linalg.det(u @ vt))
    scale = (s * flip).sum(1) / (centred**2).sum((1, 2))
    return scale[:, None, None] * (centred @ ((u * flip[:, None, :]) @ vt))


def half_shape(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(n, 478, 3) meshes in any pose -> (n, 759) aligned, symmetric, one half."""
    return symmetric(align(frontal(points), reference))[:, HALF].reshape(len(points), -1)


@dataclass(frozen=True, slots=True)
class FaceShapeModel:
    """The weights of one version, and how they are applied."""

    reference: np.ndarray  # (478, 3) mean face
    centre: np.ndarray  # (759,) mean of ``half_shape``
    basis: np.ndarray  # (k, 759) principal directions
    mean: np.ndarray  # (d,) of the features, d = len(NAMES) + k
    scale: np.ndarray  # (d,)
    quantiles: np.ndarray  # (len(NAMES), 101) of the reference faces
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]  # per layer (members, in, out) and (members, 1, out)
    temperature: float
    clear: float
    mixed: float
    version: str

    @classmethod
    def load(cls, artifact: artifacts.Artifact) -> FaceShapeModel:
        from safetensors.numpy import load_file

        w = {name: tensor.astype(np.float64) for name, tensor in load_file(artifact.file("weights.safetensors")).items()}
        params: Mapping[str, Any] = artifact.card.params
        arrays = {key: w[key] for key in ("reference", "centre", "basis", "mean", "scale", "quantiles")}
        return cls(
            **arrays,
            layers=tuple((w[f"weight_{i}"], w[f"bias_{i}"]) for i in range(int(params["layers"]))),
            temperature=float(params["temperature"]),
            clear=float(params["clear"]),
            mixed=float(params["mixed"]),
            version=artifact.card.version,
        )

    def features(self, points: np.ndarray) -> np.ndarray:
        """(n, 478, 3) meshes in pixels, any pose -> (n, d) standardised features."""
        components = (half_shape(points, self.reference) - self.centre) @ self.basis.T
        return (np.hstack([measure_array(points), components]) - self.mean) / self.scale

    def logits(self, points: np.ndarray) -> np.ndarray:
        """(n, 478, 3) -> (n, 5) calibrated log-probabilities up to a constant."""
        return np.log(self.classify(self.features(points))) / self.temperature

    def classify(self, features: np.ndarray) -> np.ndarray:
        """(n, d) standardised features -> (n, 5) probabilities before calibration: the mean over the members."""
        hidden = features[None]
        for index, (weight, bias) in enumerate(self.layers):
            hidden = hidden @ weight + bias
            if index < len(self.layers) - 1:
                hidden = hidden * _sigmoid(1.702 * hidden)
        return np.asarray(softmax(hidden).mean(axis=0))

    def probabilities(self, points: np.ndarray) -> np.ndarray:
        """(n, 478, 3) views of ONE face -> (5,) probabilities in the order of ``CLASSES``: the views' logits averaged."""
        return softmax(self.logits(points).mean(axis=0))

    def decide(self, probabilities: np.ndarray) -> FaceShape:
        """Put a verdict on (5,) probabilities.

        ``clear``: the first class alone is likely enough; ``mixed``: the first two together are; else ``unsure``. The card
        says how often each was right on people the model had not seen.
        """
        first, second = np.argsort(-probabilities, kind="stable")[:2]
        top, both = float(probabilities[first]), float(probabilities[first] + probabilities[second])
        decision: Decision = "clear" if top >= self.clear else "mixed" if both >= self.mixed else "unsure"
        return FaceShape(
            probabilities={name: float(p) for name, p in zip(CLASSES, probabilities, strict=True)},
            label=CLASSES[first],
            second=CLASSES[second],
            confidence=top,
            decision=decision,
        )


def model() -> FaceShapeModel:
    """The version that serves now, loaded once per process. Raises ArtifactError where none is installed."""
    return artifacts.loaded.get(artifacts.get_store().resolve(MODEL_NAME), FaceShapeModel.load)


def feature_names(components: int) -> list[str]:
    return [*NAMES, *(f"shape_{i + 1}" for i in range(components))]


def softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values - values.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60, 60)))
