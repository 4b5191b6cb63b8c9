"""The shipped face-shape model does what its card says, and a new one can be trained, judged and published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from hairme.ml.artifacts import PRETRAINED_ROOT, Artifact, ArtifactError, FolderStore, get_store
from mltraining.learn import (
    face_shape_data,
    face_shape_evaluation,
    face_shape_noise,
    face_shape_photos,
    face_shape_publish,
    face_shape_reference,
)
from mltraining.learn import face_shape_metrics as metrics
from mltraining.learn.face_shape import Recipe, describe, fit, imitate, mean_face, predict
from mltraining.learn.face_shape_data import DatasetError, FaceShapeData
from recommendations.engine.face_shape import CLASSES, MODEL_NAME, FaceShapeModel, mirrored
from recommendations.engine.measurements import NAMES, measure_array
from recommendations.engine.types import FaceReading

QUICK = Recipe(components=20, hidden=(16,), members=2, disturbances=2, epochs=12)


@pytest.fixture(scope="module")
def shipped() -> Artifact:
    return FolderStore(PRETRAINED_ROOT).resolve(MODEL_NAME)


@pytest.fixture(scope="module")
def model(shipped: Artifact) -> FaceShapeModel:
    return FaceShapeModel.load(shipped)


@pytest.fixture(scope="module")
def invented(model: FaceShapeModel) -> FaceShapeData:
    """Faces of nobody: the mean face moved along its principal directions, each class shifted its own way, in random poses."""
    rng = np.random.default_rng(3)
    lengths = model.scale[-len(model.basis) :].copy()
    lengths[30:] = 0
    labels = np.arange(400) % len(CLASSES)
    shifts = np.zeros((len(CLASSES), len(lengths)))
    shifts[:, :6] = 1.6 * rng.standard_normal((len(CLASSES), 6))
    along = (rng.standard_normal((400, len(lengths))) + shifts[labels]) * lengths
    meshes = face_shape_noise.unfold(model.centre + along @ model.basis)
    return FaceShapeData(meshes * rng.uniform(50, 200, (400, 1, 1)), labels, np.arange(400) // 8, "invented")


@pytest.fixture(scope="module")
def noise(model: FaceShapeModel) -> np.ndarray:
    return face_shape_publish.noise_of(PRETRAINED_ROOT)[:12]


def test_shipped_model_reproduces_its_golden_answers(shipped: Artifact, model: FaceShapeModel) -> None:
    with np.load(shipped.file("golden.npz")) as golden:
        meshes, expected, measurements = golden["meshes"], golden["probabilities"], golden["measurements"]
    np.testing.assert_allclose(np.stack([model.probabilities(mesh[None]) for mesh in meshes]), expected, atol=1e-6)
    np.testing.assert_allclose(measure_array(meshes), measurements, rtol=1e-9)
    assert len({int(p.argmax()) for p in expected}) >= 2, "golden answers that are all alike prove little"


def test_shipped_model_is_small_and_carries_no_faces(shipped: Artifact) -> None:
    sizes = {name: shipped.file(name).stat().st_size for name in shipped.card.files}
    assert set(sizes) == {"weights.safetensors", "golden.npz", face_shape_publish.NOISE_FILE}
    assert sum(sizes.values()) < 2_000_000


def test_card_is_honest(shipped: Artifact) -> None:
    card = shipped.card
    assert {"trained_on", "tested_how", "fails_where"} <= set(card.notes)
    assert len(card.dataset_hash) == 64
    grouped, random = card.metrics["grouped"], card.metrics["random"]
    assert grouped["top1"] < random["top1"], "people on one side only must be the harder test"
    assert card.metrics["threshold_rule"]["top1"] < 0.25 < card.metrics["nearest_centroid"]["top1"] < grouped["top1"]
    assert card.metrics["interior_only"]["random"]["top1"] > 0.6, "the control that exposes memorised people"
    assert sum(map(sum, grouped["confusion"])) == card.metrics["faces"]
    assert max(grouped["ece"], random["ece"]) <= 0.08
    references = card.metrics["references"]
    for name in ("shrinkage_lda", "procrustes_svm"):
        assert references[name]["lead"]["top1"] > references[name]["lead"]["top1_sd"], f"{name} is beaten by more than noise"
    photos = card.metrics["photos"]
    assert photos["read"] >= 80
    assert set(photos["stability"]) == set(face_shape_photos.STABLE_UNDER)
    assert card.features["classes"] == list(CLASSES)
    assert card.features["names"][: len(NAMES)] == list(NAMES)


def test_a_face_and_its_mirror_image_get_the_same_answer(model: FaceShapeModel, invented: FaceShapeData) -> None:
    faces = invented.landmarks[:20] * np.array([1.0, 1.03, 1.0]) + np.random.default_rng(1).normal(0, 0.3, (20, 478, 3))
    straight, turned = model.logits(faces), model.logits(mirrored(faces))
    np.testing.assert_allclose(straight, turned, atol=1e-6)
    p = model.probabilities(faces[:1])
    assert p.sum() == pytest.approx(1.0)
    assert (p > 0).all()


def test_size_place_and_roll_do_not_matter(model: FaceShapeModel, invented: FaceShapeData) -> None:
    face = invented.landmarks[:1]
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    np.testing.assert_allclose(model.probabilities(4 * face @ turn.T + 70), model.probabilities(face), atol=1e-8)


@pytest.mark.parametrize(
    ("p", "decision"),
    [((0.9, 0.025, 0.025, 0.025, 0.025), "clear"), ((0.45, 0.02, 0.45, 0.04, 0.04), "mixed"), ((0.2,) * 5, "unsure")],
)
def test_verdicts(model: FaceShapeModel, p: tuple[float, ...], decision: str) -> None:
    shape = model.decide(np.array(p))
    assert shape.decision == decision
    assert shape.confidence == max(p)
    assert shape.label != shape.second


def test_longer_faces_look_more_oblong(model: FaceShapeModel) -> None:
    oblong, round_ = CLASSES.index("oblong"), CLASSES.index("round")
    base = model.reference * 100
    p = [model.probabilities((base * np.array([1.0, stretch, 1.0]))[None]) for stretch in (0.92, 1.0, 1.1)]
    assert p[0][oblong] < p[1][oblong] < p[2][oblong]
    assert p[0][round_] > p[2][round_]
    assert p[2].argmax() == oblong


def test_training_learns_and_is_repeatable(invented: FaceShapeData, noise: np.ndarray) -> None:
    faces = describe(invented.landmarks)
    imitations = imitate(invented.landmarks, faces.reference, noise, QUICK)
    train, test = np.arange(0, 300), np.arange(300, 400)
    first = fit(faces, invented.labels, train, QUICK, imitations=imitations)
    p = predict(first, faces, test)
    assert (p.argmax(1) == invented.labels[test]).mean() > 0.6
    again = predict(fit(faces, invented.labels, train, QUICK, imitations=imitations), faces, test)
    np.testing.assert_array_equal(p, again)


def test_served_and_trained_features_are_the_same(invented: FaceShapeData) -> None:
    faces = describe(invented.landmarks)
    trained = fit(faces, invented.labels, np.arange(400), replace(QUICK, epochs=1))
    rows = np.arange(0, 400, 50)
    served = np.stack([trained.probabilities(invented.landmarks[[row]]) for row in rows])
    np.testing.assert_allclose(served, predict(trained, faces, rows), atol=1e-9)


def test_noise_keeps_the_face_and_its_size(invented: FaceShapeData, noise: np.ndarray) -> None:
    reference = mean_face(invented.landmarks)
    moved = face_shape_noise.disturbed(invented.landmarks[:50], reference, noise, np.random.default_rng(0))
    still = face_shape_noise.disturbed(invented.landmarks[:50], reference, 0 * noise, np.random.default_rng(0))
    apart = np.linalg.norm(moved - still, axis=2).mean()
    assert 0 < apart < 0.05, "in units of the face's own radius"
    np.testing.assert_allclose(moved - still, mirrored(moved - still), atol=1e-9)


def test_noise_is_measured_on_photos(face_photo: np.ndarray, model: FaceShapeModel) -> None:
    directions = face_shape_noise.measure([face_photo, face_photo[:300]], model.reference, directions=5)
    assert directions.shape == (5, model.basis.shape[1])
    lengths = np.linalg.norm(directions, axis=1)
    assert (np.diff(lengths) <= 1e-12).all()
    assert 0 < lengths[0] < 1.0
    with pytest.raises(ValueError, match="no face"):
        face_shape_noise.measure([np.zeros((80, 80, 3), np.uint8)], model.reference)


def test_grouped_folds_keep_people_on_one_side(invented: FaceShapeData) -> None:
    for train, test in face_shape_evaluation.splits(invented, grouped=True):
        assert not set(invented.groups[train]) & set(invented.groups[test])
    mixed = [set(invented.groups[a]) & set(invented.groups[b]) for a, b in face_shape_evaluation.splits(invented, grouped=False)]
    assert all(mixed)


def test_evaluate_publish_and_serve(invented: FaceShapeData, noise: np.ndarray, tmp_path: Path) -> None:
    said: list[str] = []
    result = face_shape_evaluation.evaluate(invented, noise, replace(QUICK, members=1, epochs=6), say=said.append)
    assert len(said) >= 20
    json.dumps(result, allow_nan=False)
    text = face_shape_evaluation.report(result)
    for word in ("grouped", "random", "interior", "threshold rule", "centroid", "svm", "lda", "lead", "heart", "reliability"):
        assert word in text
    artifact = face_shape_publish.publish(
        invented, noise, QUICK, result, root=tmp_path, version="t1", code_revision="abc", parent="face-shape@0"
    )
    current = FolderStore(tmp_path).resolve(MODEL_NAME)
    assert current.card == artifact.card
    served = FaceShapeModel.load(current)
    with np.load(current.file("golden.npz")) as golden:
        np.testing.assert_allclose(served.probabilities(golden["meshes"][:1]), golden["probabilities"][0], atol=1e-6)
    np.testing.assert_allclose(face_shape_publish.noise_of(tmp_path), noise, atol=1e-4)
    with pytest.raises(FileExistsError):
        face_shape_publish.publish(invented, noise, QUICK, result, root=tmp_path, version="t1")


def test_published_card_tells_how_steady_the_new_model_is(
    invented: FaceShapeData, noise: np.ndarray, face_photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_shape_photos, "DAMAGED_BY", {})
    monkeypatch.setattr(face_shape_photos, "LIGHTS", {})
    monkeypatch.setattr(face_shape_photos, "DISTANCES", (1500,))
    before, limits = get_store(), {"thresholds": {"temperature": 1.0, "clear": 0.8, "mixed": 0.7}}
    versions: list[str] = []
    read = face_shape_photos.read_face

    def noted(image: np.ndarray) -> FaceReading:
        reading = read(image)
        versions.append(reading.versions[MODEL_NAME])
        return reading

    monkeypatch.setattr(face_shape_photos, "read_face", noted)
    artifact = face_shape_publish.publish(invented, noise, QUICK, limits, root=tmp_path, version="t2", photos=[face_photo])
    assert get_store() is before
    assert set(versions) == {"t2"}, "the photos are read by the new model, not by the one that serves"
    measured = artifact.card.metrics["photos"]
    assert measured["read"] == 1
    assert measured["stability"]["mirrored"]["same_label"] == 1.0
    assert artifact.card.metrics["thresholds"] == limits["thresholds"]


def test_halves_share_no_person(tmp_path: Path) -> None:
    for person in range(4):
        (tmp_path / f"p{person}").mkdir()
        for number in range(2):
            cv2.imwrite(str(tmp_path / f"p{person}" / f"{number}.png"), np.full((4, 4, 3), 10 * person + number, np.uint8))
    for_noise, others = face_shape_noise.halves(tmp_path)
    assert [{int(image[0, 0, 0]) // 10 for image in half} for half in (for_noise, others)] == [{0, 2}, {1, 3}]
    assert len(for_noise) == len(others) == 4
    assert [int(image[0, 0, 0]) for image in face_shape_noise.spread(others, 2)] == [10, 30]
    assert len(face_shape_noise.spread(others, 3)) == 2


def test_noise_of_an_empty_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="face-shape"):
        face_shape_publish.noise_of(tmp_path)


def test_data_errors_say_what_is_wrong(tmp_path: Path) -> None:
    meshes, names = np.ones((2, 478, 3)), np.array(["oval", "round"])
    with pytest.raises(DatasetError, match="not there"):
        face_shape_data.load(tmp_path / "none.npz")
    cases = {
        "lacks pseudo_identity": {"landmarks": meshes, "label": names},
        "must be finite": {"landmarks": meshes * np.nan, "label": names, "pseudo_identity": [1, 2]},
        "unknown classes": {"landmarks": meshes, "label": np.array(["oval", "egg"]), "pseudo_identity": [1, 2]},
        "different lengths": {"landmarks": meshes, "label": names, "pseudo_identity": [1]},
    }
    for message, arrays in cases.items():
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(DatasetError, match=message):
            face_shape_data.load(tmp_path / "x.npz")
    np.savez(tmp_path / "good.npz", landmarks=meshes, label=names, pseudo_identity=[5, 6])
    good = face_shape_data.load(tmp_path / "good.npz")
    assert good.labels.tolist() == [CLASSES.index("oval"), CLASSES.index("round")]


def test_scores_on_known_cases() -> None:
    p = np.array([[0.9, 0.1, 0, 0, 0], [0.1, 0.9, 0, 0, 0], [0.6, 0.4, 0, 0, 0], [0.6, 0.4, 0, 0, 0]])
    labels = np.array([0, 1, 0, 1])
    scores = metrics.summary(p, labels)
    assert scores["top1"] == 0.75
    assert scores["top2"] == 1.0
    assert scores["ece"] == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    assert metrics.confusion(p, labels)[1][:2] == [1, 1]
    decided = metrics.decided(p, labels, clear=0.8, mixed=0.95)
    assert decided["clear"] == {"share": 0.5, "top1": 1.0, "top2": 1.0}
    assert decided["mixed"]["top1"] == 0.5
    assert decided["unsure"]["share"] == 0.0


def test_threshold_reaches_its_precision() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0.2, 1, 4000)
    right = rng.uniform(size=4000) < score
    limit = metrics.threshold_for(score, right, 0.85)
    assert right[score >= limit].mean() == pytest.approx(0.85, abs=0.01)
    assert metrics.threshold_for(score, np.zeros(4000, bool), 0.85) == 1.0


def test_calibration_softens_what_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    truth = rng.dirichlet(np.ones(5), 3000)
    labels = np.array([rng.choice(5, p=row) for row in truth])
    sure = face_shape_evaluation.sharpen(truth, 0.6)
    found = face_shape_evaluation.calibrate(sure, sure, labels)
    assert found["temperature"] == pytest.approx(1.6, abs=0.15)
    assert 0 < found["clear"] <= 1


def test_clear_keeps_both_promises_between_the_folds() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, 4000)

    def guesses(honesty: float) -> np.ndarray:
        """Answers that are right as often as ``honesty`` times their first probability."""
        top = rng.uniform(0.25, 0.99, 4000)
        right = rng.uniform(size=4000) < honesty * top
        p = np.repeat((1 - top[:, None]) / 4, 5, axis=1)
        p[np.arange(4000), np.where(right, labels, (labels + 1) % 5)] = top
        return p

    far, near = guesses(0.8), guesses(1.0)
    limit = face_shape_evaluation.clear_limit(far, near, labels)
    chosen = near.max(axis=1) >= limit
    assert chosen.mean() >= face_shape_evaluation.CLEAR_SHARE
    assert (near.argmax(axis=1) == labels)[chosen].mean() >= face_shape_evaluation.CLEAR_PRECISION
    never = face_shape_evaluation.clear_limit(guesses(0.1), guesses(0.1), labels)
    assert never == 1.0


def test_lead_is_counted_fold_by_fold() -> None:
    labels = np.zeros(4, int)
    good, bad = np.eye(5)[[0, 0, 0, 0]], np.eye(5)[[0, 1, 2, 2]] + 0.01 * np.eye(5)[[1, 0, 1, 1]]
    found = metrics.lead(good, bad, labels, [np.array([0, 1]), np.array([2, 3])])
    assert found["top1"] == pytest.approx(0.75)
    assert found["top1_sd"] == pytest.approx(0.25)
    assert found["top2"] == pytest.approx(0.5)


@pytest.mark.parametrize("name", sorted(face_shape_reference.METHODS))
def test_reference_methods_learn(name: str, invented: FaceShapeData) -> None:
    faces = describe(invented.landmarks)
    found = face_shape_reference.cross_validated(faces, invented.labels, {"some": [(np.arange(300), np.arange(300, 400))]})
    p = found[name]["some"][300:]
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p.argmax(1) == invented.labels[300:]).mean() > 0.4


def test_the_usual_rule_answers_by_its_thresholds(model: FaceShapeModel) -> None:
    base = np.stack([model.reference * 100] * 3)
    base[0] *= (1, 1.5, 1)
    base[1] *= (1, 0.7, 1)
    answers = [CLASSES[i] for i in metrics.threshold_rule(base)]
    assert answers[:2] == ["oblong", "round"]
    assert answers[2] in {"oval", "heart"}


@pytest.mark.slow
def test_shipped_model_knows_its_training_faces(shared_data: Path, model: FaceShapeModel, shipped: Artifact) -> None:
    path = shared_data / "face_shape" / "landmarks.npz"
    if not path.is_file():
        pytest.skip("no labelled meshes beside the repository")
    data = face_shape_data.load(path)
    assert data.sha256 == shipped.card.dataset_hash
    some = np.arange(0, len(data), 23)
    p = np.stack([model.probabilities(data.landmarks[[i]]) for i in some])
    assert (p.argmax(1) == data.labels[some]).mean() > 0.75
