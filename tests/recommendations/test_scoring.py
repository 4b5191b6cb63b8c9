"""The learned scorer as it is served: inputs, range, the shipped artefact, and what a damaged one is called."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from hairme.ml.artifacts import Artifact, ArtifactError, get_store, open_artifact
from hairme.ml.text_encoder import load_text_encoder
from mltraining.learn.face_population import FacePopulation
from mltraining.services.seed_mlp import catalogue_vectors
from recommendations.engine.scoring import INPUT_DIM, HairstyleScorer, join_inputs, person_inputs
from tests.recommendations.faces import face


@cache
def shipped() -> Artifact:
    return get_store().resolve("hairstyle-scorer")


@cache
def scorer() -> HairstyleScorer:
    return HairstyleScorer(shipped())


@cache
def vectors() -> np.ndarray:
    return catalogue_vectors()[2]


def test_inputs_are_the_missions() -> None:
    """4 shapes, 4 seasons, 384 of the style; heart is what the four shapes leave to 1."""
    person = person_inputs(
        {"heart": 0.1, "oblong": 0.2, "oval": 0.3, "round": 0.15, "square": 0.25},
        {"spring": 0.4, "summer": 0.3, "autumn": 0.2, "winter": 0.1},
    )
    np.testing.assert_allclose(person, [0.3, 0.15, 0.25, 0.2, 0.4, 0.3, 0.2, 0.1])
    joined = join_inputs(person, np.ones((3, 384), dtype=np.float32))
    assert joined.shape == (3, INPUT_DIM) == (3, 392)
    assert joined.dtype == np.float32
    assert join_inputs(np.stack([person, person]), np.ones((2, 384))).shape == (2, 392)


def test_the_whole_catalogue_in_one_batch() -> None:
    for reading in FacePopulation.load().sample(20, np.random.default_rng(0)):
        scores = scorer().score_vectors(reading, vectors())
        assert scores.shape == (len(vectors()),)
        assert scores.min() >= 0
        assert scores.max() <= 100
        assert scores.std() > 1, "it tells styles apart"


def test_a_score_does_not_depend_on_its_neighbours() -> None:
    whole = scorer().score_vectors(face("round"), vectors())
    np.testing.assert_allclose(scorer().score_vectors(face("round"), vectors()[7:9]), whole[7:9], atol=1e-3)


def test_faces_of_different_shapes_get_different_lists() -> None:
    best = [
        set(np.argsort(-scorer().score_vectors(face(shape), vectors()))[:20]) for shape in ("round", "oblong", "square", "heart")
    ]
    assert min(len(a - b) for a in best for b in best if a is not b) >= 3


def test_the_shipped_scorer_reproduces_its_golden_answers() -> None:
    golden = np.load(shipped().file("golden.npz"))
    (found,) = scorer()._session.run(["score"], {"features": golden["features"]})
    assert len(golden["features"]) >= 4
    np.testing.assert_allclose(found, golden["score"], atol=1e-4)


def test_the_shipped_scorer_knows_the_shipped_encoder() -> None:
    """Its golden inputs hold style vectors: retraining the encoder under the same name would leave it without meaning."""
    assert scorer().encoder == load_text_encoder().id
    styles = np.load(shipped().file("golden.npz"))["features"][:, -384:]
    nearest = (styles @ vectors().T).max(axis=1)
    assert nearest.min() > 0.97, "train the scorer again: the text encoder has changed"


def test_the_card_says_what_the_error_means() -> None:
    metrics, notes = shipped().card.metrics, shipped().card.notes
    assert metrics["parameters"] == 141_825
    assert metrics["validation_mae"] < metrics["linear_mae"] < metrics["mean_mae"]
    assert metrics["mission_mae"] == 15.44
    low, high = metrics["validation_mae_95"]
    assert low < metrics["validation_mae"] < high
    assert "rules" in notes["trained_on"]
    assert "imitates" in notes["means"]


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "golden.npz"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    folder = copytree(shipped().path, tmp_path / "v")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{name} does not match its checksum"):
        open_artifact(folder)
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"lacks {name}"):
        open_artifact(folder)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    folder = copytree(shipped().path, tmp_path / "v")
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ArtifactError, match="no model that ONNX Runtime reads"):
        HairstyleScorer(open_artifact(folder, verify=False))


def test_a_model_of_other_inputs_is_refused(tmp_path: Path) -> None:
    import torch

    folder = copytree(shipped().path, tmp_path / "v")
    torch.onnx.export(
        torch.nn.Linear(10, 1), (torch.zeros(1, 10),), str(folder / "model.onnx"), input_names=["features"], output_names=["score"],
        dynamo=False,
    )  # fmt: skip
    with pytest.raises(ArtifactError, match="not features of 392"):
        HairstyleScorer(open_artifact(folder, verify=False))
