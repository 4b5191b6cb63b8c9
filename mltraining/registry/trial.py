"""A version is tried before it may serve: loaded as serving loads it, and its golden inputs give its golden answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from django.conf import settings

from hairme.ml.artifacts import Artifact, ArtifactError, get_store
from hairme.ml.text_encoder import MODEL_NAME as ENCODER
from hairme.ml.text_encoder import STATIC_NAME, StaticTextEncoder, is_light
from recommendations.engine.face_shape import MODEL_NAME as FACE_SHAPE
from recommendations.engine.face_shape import FaceShapeModel
from recommendations.engine.scoring import load_scorer
from recommendations.selectors import SCORER, encoder_with_id, text_encoder

GOLDEN = "golden.npz"
TOLERANCE = 1e-4  # of answers of about 1; scores of 0 to 100 get a hundred times that


def try_version(artifact: Artifact) -> None:
    """Raises ArtifactError where the version cannot be loaded, or gives other answers than when it was made."""
    trial = TRIALS.get(artifact.card.name)
    if trial is None:  # a model that this code does not serve: its checksums are all there is to say
        return
    try:
        trial(artifact)
    except ArtifactError:
        raise
    except Exception as error:  # whatever a damaged file makes a library raise
        raise ArtifactError(f"{artifact.path} cannot be loaded: {type(error).__name__}: {error}") from error


def suits(artifact: Artifact) -> None:
    """Raises ArtifactError where the version does not belong with the others that serve: a scorer understands the vectors of one
    text encoder only."""
    if artifact.card.name == SCORER:
        if trained_on := str(artifact.card.features.get("encoder", "")):
            encoder_with_id(trained_on)
    elif artifact.card.name == ENCODER:
        trained_on = str(get_store().resolve(SCORER).card.features.get("encoder", ""))
        wanted, identity = trained_on.startswith(f"{STATIC_NAME}@"), f"{STATIC_NAME}@{artifact.card.version}"
        if wanted and trained_on != identity and (is_light(settings.TEXT_ENCODER) or text_encoder().id != trained_on):
            raise ArtifactError(f"the serving {SCORER} was trained on {trained_on}: both change only together, with the code")


def _scorer(artifact: Artifact) -> None:
    import onnxruntime

    load_scorer(artifact)
    golden = _golden(artifact)
    if golden is None or "model.onnx" not in artifact.card.files:
        return
    session = onnxruntime.InferenceSession(str(artifact.file("model.onnx")), providers=["CPUExecutionProvider"])
    inputs = {node.name: golden[node.name] for node in session.get_inputs() if node.name in golden}
    if len(inputs) < len(session.get_inputs()):
        raise ArtifactError(f"{artifact.file(GOLDEN)} lacks inputs of model.onnx: train it again")
    outputs = [node.name for node in session.get_outputs() if node.name in golden]
    if not outputs:
        raise ArtifactError(f"{artifact.file(GOLDEN)} has no answer of model.onnx: train it again")
    for name, found in zip(outputs, session.run(outputs, inputs), strict=True):
        _same(artifact, name, found, golden[name])


def _encoder(artifact: Artifact) -> None:
    encoder = StaticTextEncoder(artifact)
    golden = _golden(artifact)
    if golden is not None:
        _same(artifact, "vectors", encoder.encode([str(text) for text in golden["texts"]]), golden["vectors"])


def _face_shape(artifact: Artifact) -> None:
    model = FaceShapeModel.load(artifact)
    golden = _golden(artifact)
    if golden is not None:
        found = np.stack([model.probabilities(mesh[None]) for mesh in golden["meshes"]])
        _same(artifact, "probabilities", found, golden["probabilities"])


TRIALS: Mapping[str, Callable[[Artifact], None]] = {SCORER: _scorer, ENCODER: _encoder, FACE_SHAPE: _face_shape}


def _golden(artifact: Artifact) -> Mapping[str, np.ndarray] | None:
    if GOLDEN not in artifact.card.files:
        return None
    with np.load(artifact.file(GOLDEN)) as stored:
        return dict(stored)


def _same(artifact: Artifact, what: str, found: np.ndarray, expected: np.ndarray) -> None:
    if found.shape != expected.shape:
        raise ArtifactError(f"{artifact.key}: {what} have the shape {found.shape}, not {expected.shape} as when it was made")
    tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0)))
    difference = np.abs(found - expected).max(initial=0.0)
    if not difference <= tolerance:  # also where a value is no number
        raise ArtifactError(
            f"{artifact.key}: {what} differ from those of its making by {difference:.3g} (at most {tolerance:.1g})"
        )
