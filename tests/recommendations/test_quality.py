"""Photos that cannot be read are refused with the right code; those that can, are read and say what is wrong."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recommendations.engine import quality
from recommendations.engine.quality import ADVICE, CODES
from recommendations.engine.reader import read_face
from recommendations.engine.types import PhotoRejected

GOOD = {
    "face_px": 200.0, "outside": 0.0, "yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0, "brightness": 60.0, "sharpness": 0.4,
    "clipped_light": 0.0, "glare": 0.0, "uneven": 2.0, "contrast": 14.0, "chroma": 25.0, "nearness": 0.66, "flat": 0.01,
    "bridge": 0.2,
}  # fmt: skip


def drawn(image: np.ndarray) -> np.ndarray:
    """The photo as flat patches of a dozen colours, as a drawing program makes them."""
    smooth = cv2.pyrMeanShiftFiltering(image, 12, 35)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    cv2.setRNGSeed(1)
    _, labels, colours = cv2.kmeans(smooth.reshape(-1, 3).astype(np.float32), 12, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return colours[labels.ravel()].reshape(image.shape).astype(np.uint8)


def spectacled(image: np.ndarray) -> np.ndarray:
    """The astronaut with a dark frame drawn over her eyes."""
    worn = image.copy()
    for centre in ((207, 117), (246, 116)):
        cv2.ellipse(worn, centre, (16, 11), 0, 0, 360, (15, 15, 15), 2, cv2.LINE_AA)
    cv2.line(worn, (222, 114), (231, 114), (15, 15, 15), 3, cv2.LINE_AA)
    return worn


def refusal(image: np.ndarray) -> str:
    with pytest.raises(PhotoRejected) as caught:
        read_face(image)
    assert all(np.isfinite(value) for value in caught.value.metrics.values())
    return caught.value.code


def warnings(image: np.ndarray) -> set[str]:
    return {issue.code for issue in read_face(image).quality.issues}


def test_every_code_has_a_severity_and_advice_in_both_languages() -> None:
    assert set(ADVICE) == set(CODES)
    assert set(CODES.values()) == {"stop", "warn"}
    for code, sentences in ADVICE.items():
        assert set(sentences) == {"ko", "en"}, code
        assert all("가" <= letter <= "힣" for letter in sentences["ko"][0])
        assert sentences["en"].endswith("."), code
        assert len(sentences["en"]) < 130, code


def test_a_good_photo_has_no_stop(face_photo: np.ndarray) -> None:
    reading = read_face(face_photo)
    assert {issue.severity for issue in reading.quality.issues} <= {"warn"}
    assert reading.quality.metrics["face_px"] == pytest.approx(91, abs=4)
    assert abs(reading.quality.metrics["yaw_deg"]) < 10


def test_a_landscape_noise_and_a_blank_have_no_face() -> None:
    from skimage import data

    noise = np.random.default_rng(3).integers(0, 256, (400, 400, 3)).astype(np.uint8)
    for image in (np.asarray(data.coffee()), noise, np.full((300, 300, 3), 200, np.uint8)):
        assert refusal(image) == "no_face"


def test_two_people_are_too_many(face_photo: np.ndarray) -> None:
    assert refusal(np.hstack([face_photo, face_photo])) == "several_faces"


def test_a_passer_by_is_not(face_photo: np.ndarray) -> None:
    both = np.full((512, 720, 3), 90, np.uint8)
    both[:, :512], both[:200, 516:716] = face_photo, cv2.resize(face_photo, (200, 200), interpolation=cv2.INTER_AREA)
    assert read_face(both).quality.metrics["face_px"] == pytest.approx(91, abs=5)


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("too_dark", lambda image: (image * 0.07).astype(np.uint8)),
        ("too_bright", lambda image: np.clip(image * 1.9, 0, 255).astype(np.uint8)),
        ("too_blurry", lambda image: cv2.GaussianBlur(image, (0, 0), 5)),
        ("not_a_photo", drawn),
        ("too_small", lambda image: cv2.resize(image, (140, 140), interpolation=cv2.INTER_AREA)),
        ("too_small", lambda image: image[:12, :12]),
    ],
)
def test_stops(face_photo: np.ndarray, code: str, spoil) -> None:
    assert refusal(np.ascontiguousarray(spoil(face_photo))) == code


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("dim", lambda image: (image * 0.3).astype(np.uint8)),
        ("soft_focus", lambda image: cv2.GaussianBlur(image, (0, 0), 1.9)),
        ("no_colour", lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)),
        (
            "tilted",
            lambda image: cv2.warpAffine(
                image, cv2.getRotationMatrix2D((226, 115), 33, 1), (512, 512), borderMode=cv2.BORDER_REPLICATE
            ),
        ),
        ("glasses", spectacled),
        ("colour_cast", lambda image: np.clip(image * np.array([1.0, 0.8, 0.45]), 0, 255).astype(np.uint8)),
    ],
)
def test_warnings(face_photo: np.ndarray, code: str, spoil) -> None:
    assert code in warnings(np.ascontiguousarray(spoil(face_photo)))
    assert code not in warnings(face_photo)


def test_a_fringe_over_the_forehead_is_seen(face_photo: np.ndarray) -> None:
    covered = face_photo.copy()
    covered[70:104, 180:275] = (45, 30, 20)
    assert read_face(covered).quality.metrics["forehead_covered"] > 0.6
    assert "covered_forehead" in warnings(covered)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"yaw_deg": -50.0}, "turned_away"), ({"yaw_deg": 25.0}, "half_turned"), ({"roll_deg": 40.0}, "tilted"),
        ({"pitch_deg": -30.0}, "tilted"), ({"outside": 0.5}, "cut_off"), ({"face_px": 12.0}, "too_small"),
        ({"brightness": 3.0}, "too_dark"), ({"brightness": 20.0}, "dim"), ({"clipped_light": 0.9}, "too_bright"),
        ({"glare": 0.2}, "glare"), ({"sharpness": 0.01}, "too_blurry"), ({"sharpness": 0.07}, "soft_focus"),
        ({"uneven": 30.0}, "uneven_light"), ({"contrast": 1.0}, "low_contrast"), ({"chroma": 0.5}, "no_colour"),
        ({"nearness": 0.8}, "too_close"), ({"flat": 0.6}, "not_a_photo"), ({"bridge": 1.5}, "glasses"),
        ({"distance_cm": 30.0}, "too_close"), ({"flat": 0.6, "sharpness": 0.08}, "too_blurry"), ({"bridge": 0.8}, "glasses"),
    ],
)  # fmt: skip
def test_each_rule_alone(change: dict[str, float], code: str) -> None:
    assert quality.judge(GOOD) == []
    assert quality.judge({**GOOD, **change}) == [code]


def test_a_known_distance_overrules_the_geometry() -> None:
    assert quality.judge({**GOOD, "nearness": 0.8, "distance_cm": 90.0}) == []


def test_stops_come_first_and_carry_what_was_measured() -> None:
    metrics = {**GOOD, "yaw_deg": 60.0, "uneven": 40.0}
    codes = quality.judge(metrics)
    assert codes == ["turned_away", "uneven_light"]
    with pytest.raises(PhotoRejected) as caught:
        quality.verdict(codes, metrics)
    assert caught.value.code == "turned_away"
    assert caught.value.metrics["yaw_deg"] == 60.0


def test_half_a_face_is_cut_off_or_not_found(face_photo: np.ndarray) -> None:
    assert refusal(np.ascontiguousarray(face_photo[:, 215:])) in {"cut_off", "no_face", "turned_away"}


def test_a_tight_crop_is_read_and_a_cut_face_is_not(face_photo: np.ndarray) -> None:
    """The reference photos end at the chin and the cheeks; what counts is how much of the face is missing."""
    tight = np.ascontiguousarray(face_photo[52:175, 181:269])
    assert "cut_off" not in {issue.code for issue in read_face(tight).quality.issues}
    assert refusal(np.ascontiguousarray(face_photo[:, 206:])) in {"cut_off", "no_face"}
