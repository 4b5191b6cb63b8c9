"""A reading is complete, repeatable, and the same for the same face however the photo was handled."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from hairme.ml import artifacts
from recommendations.engine.face_shape import CLASSES
from recommendations.engine.measurements import HEADLINES, NAMES
from recommendations.engine.reader import read_face, warm
from recommendations.engine.types import FaceReading, PhotoRejected
from recommendations.engine.vocabulary import SEASONS

FEATURES = {"outline", "left_eye", "right_eye", "left_brow", "right_brow", "nose", "lips_outer", "lips_inner"}


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])


def rolled(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return cv2.warpAffine(
        image, cv2.getRotationMatrix2D((width / 2, height / 2), 8, 1), (width, height), borderMode=cv2.BORDER_REPLICATE
    )


HANDLED = {
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "twice the size": lambda image: cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "jpeg 30": lambda image: jpeg(image, 30),
    "rolled": rolled,
    "darker": lambda image: (image * 0.7).astype(np.uint8),
    "cropped": lambda image: np.ascontiguousarray(image[10:300, 90:370]),
}


def variation(one: FaceReading, other: FaceReading) -> float:
    """Total variation distance between two shape beliefs, 0..1."""
    p, q = one.face_shape.probabilities, other.face_shape.probabilities
    return 0.5 * sum(abs(p[name] - q[name]) for name in p)


@pytest.fixture(scope="module")
def reading(face_photo: np.ndarray) -> FaceReading:
    return read_face(face_photo)


@pytest.fixture(scope="module")
def portraits(shared_data: Path) -> list[np.ndarray]:
    """Grey portraits of 40 people, enlarged to the size of a small web photo."""
    paths = sorted((shared_data / "faces" / "att").glob("s*/3.pgm"))
    if not paths:
        pytest.skip("no portraits beside the repository")
    photos = [cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), cv2.COLOR_GRAY2RGB) for path in paths]
    return [cv2.resize(photo, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC) for photo in photos]


@pytest.fixture(scope="module")
def portrait_readings(portraits: list[np.ndarray]) -> list[FaceReading]:
    return [read_face(photo) for photo in portraits]


def test_shape_is_a_distribution_with_its_own_verdict(reading: FaceReading) -> None:
    shape = reading.face_shape
    assert tuple(shape.probabilities) == CLASSES
    assert sum(shape.probabilities.values()) == pytest.approx(1.0)
    ordered = sorted(shape.probabilities, key=lambda name: -shape.probabilities[name])
    assert [shape.label, shape.second] == ordered[:2]
    assert shape.confidence == shape.probabilities[shape.label]
    assert shape.decision in {"clear", "mixed", "unsure"}


def test_measurements_are_all_there_with_percentiles(reading: FaceReading) -> None:
    assert tuple(reading.measurements) == NAMES
    assert set(HEADLINES) <= set(reading.measurements)
    assert all(0 <= m.percentile <= 100 for m in reading.measurements.values())
    assert len({m.percentile for m in reading.measurements.values()}) > 20


def test_features_for_the_sketch(reading: FaceReading) -> None:
    features = reading.features
    assert set(features) == FEATURES
    assert len(features["outline"]) == 36
    outline = np.array(features["outline"])
    assert np.ptp(outline[:, 0]) == pytest.approx(1.0, abs=0.08)
    assert outline[0, 1] < 0 < outline[18, 1]
    eyes = np.array(features["left_eye"] + features["right_eye"])
    assert np.abs(eyes.mean(axis=0)).max() < 0.02
    assert np.array(features["right_eye"])[:, 0].max() < 0 < np.array(features["left_eye"])[:, 0].min()
    assert np.array(features["lips_outer"])[:, 1].min() > np.array(features["nose"])[:, 1].mean()
    flat = [value for points in features.values() for point in points for value in point]
    assert all(isinstance(value, float) and round(value, 4) == value for value in flat)


def test_roll_is_taken_out_of_the_features(face_photo: np.ndarray, reading: FaceReading) -> None:
    tilted = np.array(read_face(rolled(face_photo)).features["outline"])
    assert np.abs(tilted - np.array(reading.features["outline"])).max() < 0.06


def test_json_both_ways(reading: FaceReading) -> None:
    data = json.loads(json.dumps(reading.to_json(), allow_nan=False))
    again = FaceReading.from_json(data)
    assert again.to_json() == data
    assert again.face_shape.label == reading.face_shape.label
    assert variation(again, reading) < 1e-4


def test_versions_name_the_model_that_answered(reading: FaceReading) -> None:
    assert reading.versions == {"face-shape": artifacts.get_store().resolve("face-shape").card.version}


def test_the_same_photo_twice_is_the_same_reading(face_photo: np.ndarray, reading: FaceReading) -> None:
    read_face(cv2.resize(face_photo, (300, 300)))
    assert read_face(face_photo.copy()) == reading


def test_another_thread_reads_the_same(face_photo: np.ndarray, reading: FaceReading) -> None:
    found: list[FaceReading] = []
    thread = threading.Thread(target=lambda: found.append(read_face(face_photo)))
    thread.start()
    thread.join()
    assert found == [reading]


@pytest.mark.parametrize("name", HANDLED)
def test_handling_the_photo_hardly_moves_the_reading(face_photo: np.ndarray, reading: FaceReading, name: str) -> None:
    after = read_face(HANDLED[name](face_photo))
    assert variation(reading, after) < 0.17
    for key in ("length_to_width", "jaw_to_cheek", "forehead_to_cheek"):
        assert after.measurements[key].value == pytest.approx(reading.measurements[key].value, rel=0.03)


def test_a_mirrored_photo_has_mirrored_features(face_photo: np.ndarray, reading: FaceReading) -> None:
    after = read_face(HANDLED["mirrored"](face_photo))
    here, there = np.array(reading.features["left_eye"]), np.array(after.features["right_eye"])
    assert np.abs(here * (-1, 1) - there).max() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mirrored", "half size", "jpeg 30", "rolled", "darker"])
def test_labels_stand_on_real_portraits(portraits: list[np.ndarray], portrait_readings: list[FaceReading], name: str) -> None:
    pairs = [(before, read_face(HANDLED[name](photo))) for photo, before in zip(portraits, portrait_readings, strict=True)]
    same = np.mean([before.face_shape.label == after.face_shape.label for before, after in pairs])
    moved = np.mean([variation(before, after) for before, after in pairs])
    assert same >= 0.85, f"{same:.3f} keep their label"
    assert moved < 0.07


def test_different_people_get_different_readings(portrait_readings: list[FaceReading]) -> None:
    readings = portrait_readings
    assert len({r.face_shape.label for r in readings}) >= 3
    assert np.std([r.measurements["length_to_width"].percentile for r in readings]) > 10


def test_grey_portraits_are_read_without_a_season(portrait_readings: list[FaceReading]) -> None:
    reading = portrait_readings[0]
    assert "no_colour" in {issue.code for issue in reading.quality.issues}
    assert reading.colour.season.decision == "unsure"


def test_a_known_near_camera_is_told_and_undone(face_photo: np.ndarray, reading: FaceReading) -> None:
    near = read_face(face_photo, focal_px=250.0)
    assert "too_close" in {issue.code for issue in near.quality.issues}
    assert near.quality.metrics["distance_cm"] < 45
    assert near.measurements["length_to_width"].value < reading.measurements["length_to_width"].value
    far = read_face(face_photo, focal_px=1500.0)
    assert far.measurements["length_to_width"] == reading.measurements["length_to_width"]


def test_fewer_views_still_answer(face_photo: np.ndarray, reading: FaceReading) -> None:
    assert variation(reading, read_face(face_photo, views=0)) < 0.15


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((50, 50), np.uint8), np.zeros((50, 50, 4), np.uint8), np.zeros((50, 50, 3), np.float32), [[1, 2], [3, 4]]],
    ids=["grey", "alpha", "float", "list"],
)
def test_anything_but_a_photo_is_an_error(wrong: object) -> None:
    with pytest.raises(ValueError, match="uint8"):
        read_face(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 2000, 3), (3000, 17, 3)])
def test_odd_shapes_are_refused_not_crashed(shape: tuple[int, int, int]) -> None:
    with pytest.raises(PhotoRejected):
        read_face(np.full(shape, 128, np.uint8))


def test_a_view_of_an_array_is_read_like_its_copy(face_photo: np.ndarray) -> None:
    window = face_photo[20:320, 80:380]
    assert not window.flags.c_contiguous
    assert read_face(window) == read_face(window.copy())


def test_without_a_model_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face_photo: np.ndarray) -> None:
    monkeypatch.setattr(artifacts, "_store", artifacts.FolderStore(tmp_path))
    with pytest.raises(artifacts.ArtifactError, match="face-shape"):
        read_face(face_photo)
    with pytest.raises(artifacts.ArtifactError):
        warm()


def test_all_seasons_have_a_probability(reading: FaceReading) -> None:
    assert set(reading.colour.season.probabilities) == set(SEASONS)
