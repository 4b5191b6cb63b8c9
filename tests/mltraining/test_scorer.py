"""seed-mlp: the mission's parameters, learns what there is to learn, and is the same in torch and in ONNX Runtime."""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from hairme.ml.artifacts import open_artifact, write_artifact
from mltraining.learn import scorer, scorer_eval
from mltraining.learn.scorer_data import ScorerData, build
from mltraining.learn.synthetic import stylist_faces
from mltraining.services.seed_mlp import catalogue_vectors, publish_seed_mlp
from recommendations.engine.scoring import HairstyleScorer

CONFIG = scorer.TrainConfig(epochs=40)


@cache
def data() -> ScorerData:
    encoder, entries, vectors = catalogue_vectors()
    faces = [candidate.label() for candidate in islice(stylist_faces(entries, 3), 300)]
    return build([face for face in faces if face], dict(zip((e.slug for e in entries), vectors, strict=True)), encoder)


@cache
def trained() -> scorer.TrainResult:
    return scorer.train(*data().part(validation=False), CONFIG)


def predict(inputs: np.ndarray) -> np.ndarray:
    return scorer.predict(trained().model, inputs)


def test_exactly_the_missions_network() -> None:
    model = scorer.SeedMLP()
    assert scorer.parameter_count(model) == scorer.PARAMETERS == 141_825
    sizes = [(layer.in_features, layer.out_features) for layer in model.layers if isinstance(layer, torch.nn.Linear)]
    assert sizes == [(392, 256), (256, 128), (128, 64), (64, 1)]


def test_scores_are_on_the_scale_whatever_comes_in() -> None:
    wild = np.random.default_rng(0).normal(0, 100, (64, 392)).astype(np.float32)
    scores = predict(wild)
    assert scores.shape == (64,)
    assert scores.min() >= 0
    assert scores.max() <= 100


def test_it_learns_what_it_never_saw() -> None:
    """On held-out faces: better than the mean by a fifth, even with so few; and the interval is around the error."""
    metrics = scorer_eval.validation_metrics(data(), predict)
    assert metrics["validation_mae"] < 0.8 * metrics["mean_mae"]
    low, high = metrics["validation_mae_95"]
    assert low < metrics["validation_mae"] < high
    assert metrics["validation_faces"] == 60
    assert metrics["validation_pairs"] == 360


def test_shuffled_labels_teach_nothing() -> None:
    """The check of the check: what it learns is in the labels, not in a leak between the sides."""
    x, y, face = data().part(validation=False)
    shuffled = scorer.train(x, np.random.default_rng(0).permutation(y), face, CONFIG)
    metrics = scorer_eval.validation_metrics(data(), lambda inputs: scorer.predict(shuffled.model, inputs))
    assert metrics["validation_mae"] > 0.9 * metrics["mean_mae"]


def test_the_same_seed_is_the_same_model() -> None:
    again = scorer.train(*data().part(validation=False), CONFIG)
    for name, tensor in again.model.state_dict().items():
        torch.testing.assert_close(tensor, trained().model.state_dict()[name], rtol=0, atol=0)
    assert again.history == trained().history


def test_history_has_every_epoch_and_the_best_is_kept() -> None:
    result = trained()
    assert [row["epoch"] for row in result.history] == list(range(1, len(result.history) + 1))
    assert result.history[result.best_epoch - 1]["stopping_mae"] == pytest.approx(
        min(r["stopping_mae"] for r in result.history), abs=2e-3
    )
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert result.seconds > 0


def test_training_stops_early() -> None:
    x, _y, face = data().part(validation=False)
    noise = np.random.default_rng(1).uniform(0, 100, len(x)).astype(np.float32)
    result = scorer.train(x, noise, face, scorer.TrainConfig(epochs=60, patience=3))
    assert len(result.history) < 60
    assert len(result.history) - result.best_epoch == 3


def test_training_that_diverges_is_no_model() -> None:
    x, y, face = data().part(validation=False)
    with pytest.raises(ValueError, match="diverged"):
        scorer.train(x, np.full_like(y, np.nan), face, scorer.TrainConfig(epochs=20, patience=2))


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"learning_rate": 0.0}, {"batch": 0}])
def test_settings_without_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        scorer.TrainConfig(**bad)  # type: ignore[arg-type]


def test_one_face_is_too_few() -> None:
    with pytest.raises(ValueError, match="collect more faces"):
        scorer.train(np.zeros((6, 392), np.float32), np.zeros(6, np.float32), np.zeros(6, np.int64), CONFIG)


def test_onnx_says_what_torch_says(tmp_path: Path) -> None:
    golden = data().part(validation=True)[0][:8]
    artifact = write_artifact(
        tmp_path,
        name="hairstyle-scorer",
        version="t",
        dataset_hash="",
        fill=lambda folder: scorer.write_files(trained(), golden, folder),
    )
    assert set(artifact.card.files) == {"weights.safetensors", "model.onnx", "golden.npz"}
    session = HairstyleScorer(artifact)._session
    for rows in (golden, data().inputs, golden[:1]):
        (served,) = session.run(["score"], {"features": rows})
        np.testing.assert_allclose(served[:, 0], predict(rows), atol=1e-4)
    stored = np.load(artifact.file("golden.npz"))
    np.testing.assert_allclose(stored["score"][:, 0], predict(stored["features"]), atol=1e-6)


def test_published_version_can_be_served_and_says_where_it_came_from(tmp_path: Path) -> None:
    artifact, metrics = publish_seed_mlp(tmp_path, "t-1", data(), trained(), CONFIG)
    card = open_artifact(artifact.path).card
    assert card.dataset_hash == data().hash
    assert card.features == {"encoder": data().encoder, "inputs": 392}
    assert card.params["architecture"] == "seed-mlp"
    assert card.metrics["validation_mae"] == metrics["validation_mae"]
    assert set(card.notes) == {"trained_on", "tested_how", "means", "fails_where"}
    assert HairstyleScorer(artifact).encoder == data().encoder
    assert metrics["agreement"]["spearman"] > 0.3


def test_data_of_another_encoder_are_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="prepare the data again"):
        publish_seed_mlp(tmp_path, "t", replace(data(), encoder="minilm@1"), trained(), CONFIG)
    assert not (tmp_path / "hairstyle-scorer").exists()


def test_interval_resamples_whole_faces() -> None:
    """Six equal rows of a face are one observation: the interval must not shrink with copies."""
    rng = np.random.default_rng(0)
    one = rng.normal(10, 3, 40)
    narrow, wide = (
        scorer_eval.bootstrap_over_groups(np.repeat(one, 6), groups) for groups in (np.arange(240), np.repeat(np.arange(40), 6))
    )
    single = scorer_eval.bootstrap_over_groups(one, np.arange(40))
    assert wide == pytest.approx(single, abs=1e-9)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_history_and_curves_can_be_looked_at(tmp_path: Path) -> None:
    from PIL import Image

    scorer.draw_curves(trained().history, trained().best_epoch, tmp_path / "curves.png")
    assert Image.open(tmp_path / "curves.png").size[0] > 800
    history = json.loads(json.dumps(scorer.history_json(trained(), CONFIG, {"validation_mae": 1.0})))
    assert history["config"]["epochs"] == 40
    assert len(history["epochs"]) == len(trained().history)
