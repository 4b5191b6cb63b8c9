"""Planted damage is what its name says, and the evaluation counts what the gate answers to it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.learn import quality_damage, quality_evaluation
from mltraining.learn.quality_damage import DAMAGE, Damage
from recommendations.engine import landmarks
from recommendations.engine.quality import CODES


@pytest.fixture(scope="module")
def face(face_photo: np.ndarray) -> np.ndarray:
    return landmarks.finder().find(face_photo)[0]


def test_every_damage_expects_known_codes_and_has_its_own_name() -> None:
    assert len({damage.name for damage in DAMAGE}) == len(DAMAGE)
    assert all(damage.expected and damage.expected <= set(CODES) for damage in DAMAGE)


@pytest.mark.parametrize(
    "name",
    [
        "blur, sigma 4 % of the face", "exposure -6 stops", "face 18 pixels wide", "cut off at the left, 45 %", "two people",
        "grey", "drawing in 8 colours", "sunglasses", "one side 3 stops darker", "mask over nose and mouth",
    ],
)  # fmt: skip
def test_strong_damage_is_seen(face_photo: np.ndarray, face: np.ndarray, name: str) -> None:
    (damage,) = (damage for damage in DAMAGE if damage.name == name)
    before = face_photo.copy()
    spoiled = np.ascontiguousarray(damage.plant(face_photo, face))
    assert spoiled.dtype == np.uint8
    assert quality_evaluation.codes_of(spoiled) & damage.expected
    np.testing.assert_array_equal(face_photo, before)


def test_shares_are_of_photos_that_did_not_have_it_before(face_photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        quality_evaluation,
        "DAMAGE",
        (
            Damage("nothing", frozenset({"too_dark"}), lambda image, face: image),
            Damage("dark", frozenset({"too_dark"}), quality_damage.exposed(-6.0)),
            Damage("covered", frozenset({"covered_forehead"}), quality_damage.fringe(0.8)),
        ),
    )
    blank = np.full((80, 80, 3), 128, np.uint8)
    result = quality_evaluation.evaluate([(Path("a.png"), face_photo), (Path("b.png"), blank)], say=lambda line: None)
    assert (result["photos"], result["read"], result["glasses"]) == (2, 1, None)
    assert result["as_they_are"]["no_face"] == 0.5
    assert (result["damage"]["nothing"]["found"], result["damage"]["dark"]["found"]) == (0.0, 1.0)
    assert result["damage"]["dark"]["refused"] == 1.0
    assert "covered" not in result["damage"]  # her fringe had been seen before
    assert "too_dark" not in result["damage"]["nothing"]["others"]
    assert "dark" in quality_evaluation.report(result)


def test_wearers_by_eye_are_compared_where_the_set_is_known(face_photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_evaluation, "DAMAGE", ())
    photos = [(Path("s2/1.pgm"), face_photo), (Path("s3/1.pgm"), face_photo), (Path("s2/2.pgm"), face_photo)]
    result = quality_evaluation.evaluate(photos, say=lambda line: None)
    assert result["glasses"] == {"wearers": 1, "found": 0.0, "others": 1, "false_alarms": 0.0}


def test_the_command_prints_what_it_measured(face_photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.setattr(quality_evaluation, "DAMAGE", ())
    with pytest.raises(CommandError, match="no pictures there"):
        call_command("evaluate_quality", str(tmp_path))
    Image.fromarray(face_photo).save(tmp_path / "1.png")
    said = StringIO()
    call_command("evaluate_quality", str(tmp_path), "--json", stdout=said)
    assert json.loads(said.getvalue())["read"] == 1
