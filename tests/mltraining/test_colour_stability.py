"""The lights are the ones they are called, and the figures about the colour reading count what they say."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from mltraining.learn import colour_light, colour_stability
from mltraining.learn.colour_light import CHANGES, ILLUMINANT_A, adaptation, daylight, white_of
from mltraining.learn.colour_stability import Outcome, as_they_are, balanced, compare, evaluate, read_photo
from recommendations.engine.colour import CAST_LIMIT, estimate_cast
from recommendations.engine.colour_space import lab_of_linear, linear, linear_of_lab
from recommendations.engine.types import Axis, Colour, Season
from recommendations.engine.vocabulary import SEASONS
from tests.recommendations.test_colour import person


def outcome(label: str, decision: str, warm_cool: float = 0.5, ita: float = 40.0, cast: float = 0.0) -> Outcome:
    axis = Axis(warm_cool, warm_cool - 0.2, warm_cool + 0.2)
    season = Season({name: float(name == label) for name in SEASONS}, label, decision)  # type: ignore[arg-type]
    return Outcome(Colour((70, 10, 15), ita, axis, Axis(0.3, 0.1, 0.5), season, cast), colourless=False)


@pytest.mark.parametrize(
    ("kelvin", "xy"), [(5003, (0.3457, 0.3585)), (5503, (0.3324, 0.3474)), (6504, (0.3127, 0.3290)), (7504, (0.2990, 0.3149))]
)
def test_daylight_of_the_cie_illuminants(kelvin: float, xy: tuple[float, float]) -> None:
    """D50, D55, D65 and D75."""
    np.testing.assert_allclose(daylight(kelvin), xy, atol=2e-4)
    with pytest.raises(ValueError, match="4000 to 25000"):
        daylight(2856)


def test_adaptation_turns_white_into_the_light_and_back() -> None:
    np.testing.assert_allclose(adaptation(np.ones(3)), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(white_of((0.31271, 0.32902)), np.ones(3), atol=2e-3)
    white = white_of(ILLUMINANT_A)
    np.testing.assert_allclose(adaptation(white) @ np.ones(3), white, atol=1e-12)
    assert white[0] > 1.5 > 0.4 > white[2]


def test_lights_colour_a_grey_card_as_they_are_called() -> None:
    card = np.full((4, 4, 3), 120, np.uint8)
    b = {name: float(lab_of_linear(linear(CHANGES[name](card)))[0, 0, 2]) for name in colour_light.LIGHT_CHANGES}
    assert b["tungsten 2856 K"] > b["warm 4000 K"] > b["slightly warm 5500 K"] > 5
    assert b["cool 10000 K"] < b["cool 8000 K"] < b["slightly cool 7500 K"] < -4
    green = lab_of_linear(linear(CHANGES["green (G+15 %)"](card)))[0, 0]
    assert green[1] < -3
    for name in colour_light.LIGHT_CHANGES:
        lightness = lab_of_linear(linear(CHANGES[name](card)))[0, 0, 0]
        assert lightness == pytest.approx(50.4, abs=5), name


def test_exposures_scale_light() -> None:
    card = np.full((4, 4, 3), 120, np.uint8)
    for name, factor in (("exposure x 0.5", 0.5), ("exposure x 0.7", 0.7), ("exposure x 1.4", 1.4)):
        np.testing.assert_allclose(linear(CHANGES[name](card)), factor * linear(card), rtol=0.02)
    assert CHANGES["gamma 0.8"](card).mean() > 120 > CHANGES["gamma 1.2"](card).mean()


def test_what_is_compared() -> None:
    pairs = [
        (outcome("spring", "clear"), outcome("spring", "clear", 0.6, 44.0)),  # stays
        (outcome("spring", "clear"), outcome("autumn", "unsure", 0.9)),  # marked in the second reading
        (outcome("summer", "unsure"), outcome("autumn", "mixed", cast=CAST_LIMIT + 1)),  # marked in the first
        (outcome("winter", "mixed"), outcome("autumn", "clear")),  # not marked at all
    ]
    found = compare(pairs)
    assert found["pairs"] == 4
    assert found["same_season"] == 0.25
    assert [found[f"flips{key}"] for key in ("", "_unmarked", "_named_before", "_clear_before", "_named_after")] == [
        3,
        1,
        2,
        1,
        2,
    ]
    assert found["named"] == 0.75
    assert found["refused"] == 0.25
    assert found["moved_warm_cool"] == pytest.approx(0.05)
    assert found["moved_ita"] == 0.0
    assert found["inside_warm_cool"] == pytest.approx(2 / 3), "0.9 lies outside 0.3..0.7; the refused pair does not count"
    assert found["inside_light_deep"] == 1.0
    assert compare([]) == {"pairs": 0}
    assert compare(pairs[2:3])["inside_warm_cool"] is None


def test_what_is_said_of_the_photos_as_they_are() -> None:
    found = as_they_are([outcome("spring", "clear"), outcome("spring", "unsure", cast=CAST_LIMIT + 1)])
    assert found["decisions"] == {"clear": 1, "mixed": 0, "unsure": 1}
    assert found["labels"]["spring"] == 2
    assert (found["refused"], found["corrected"]) == (1, 0)
    assert found["warm_cool_width"] == pytest.approx(0.4)


def test_balancing_takes_out_what_was_estimated() -> None:
    patches = person((66, 10, 14), (1.2, 0.75, 0.0))
    cast = estimate_cast(patches)
    white = linear_of_lab(np.array([70.0, cast.a, cast.b]))
    gone = balanced(patches)
    np.testing.assert_allclose(
        lab_of_linear(np.linalg.inv(adaptation(white / linear_of_lab(np.array([70.0, 0, 0])))) @ white)[1:], 0, atol=1e-6
    )
    assert abs(estimate_cast(gone).b) < 0.6 * abs(cast.b)
    assert gone.skin.lab[2] < patches.skin.lab[2] - 3
    assert gone.background is None
    np.testing.assert_allclose(lab_of_linear(np.array(gone.hair.light)), gone.hair.lab, atol=1e-9)


def test_a_real_face_under_two_lights(face_photo: np.ndarray) -> None:
    grey = np.repeat(face_photo.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    nobody = np.zeros((200, 200, 3), np.uint8)
    changes = {name: CHANGES[name] for name in ("warm 4000 K", "mirrored")}
    result = evaluate([face_photo, grey, nobody], changes=changes, say=lambda line: None)
    assert (result["photos"], result["colourless"], result["as_they_are"]["photos"]) == (3, 1, 1)
    warm, mirrored = result["changes"]["warm 4000 K"], result["changes"]["mirrored"]
    assert (warm["refused"], warm["flips_unmarked"]) == (1.0, 0)
    assert warm["moved_ita"] > 20
    assert (mirrored["same_season"], mirrored["inside_warm_cool"], mirrored["refused"]) == (1.0, 1.0, 0.0)
    assert (result["all_changes"]["pairs"], result["lights"]["pairs"], result["exposures"]["pairs"]) == (2, 1, 0)
    with pytest.raises(ValueError, match="readable face in colour"):
        evaluate([nobody, grey], changes=changes, say=lambda line: None)


def test_corrected_reading_of_a_real_face_follows_the_light_less(face_photo: np.ndarray) -> None:
    def moved(correction: Any) -> float:
        before, after = (read_photo(image, correction) for image in (face_photo, CHANGES["slightly cool 7500 K"](face_photo)))
        assert isinstance(before, Outcome)
        assert isinstance(after, Outcome)
        assert before.corrected == after.corrected == (correction == "sclera")
        return abs(before.colour.warm_cool.value - after.colour.warm_cool.value)

    assert moved("sclera") < moved("none")


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("evaluate_colour", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def few_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: CHANGES[name] for name in ("exposure x 0.7", "tungsten 2856 K")}
    monkeypatch.setitem(colour_stability.evaluate.__kwdefaults__, "changes", kept)


@pytest.mark.usefixtures("few_changes")
def test_command(tmp_path: Path, face_jpeg: bytes) -> None:
    (tmp_path / "face.jpg").write_bytes(face_jpeg)
    (tmp_path / "notes.jpg").write_text("no picture")
    card = tmp_path / "card.json"
    text = run(tmp_path, "--card", card)
    assert "1 of 1 photos are readable in colour" in text
    assert "exposure x 0.7              1" in text
    kept = json.loads(card.read_text())
    printed = json.loads(run(tmp_path, "--json"))
    assert kept["as_they_are"]["decisions"] == printed["as_they_are"]["decisions"]
    assert set(kept["changes"]) == {"exposure x 0.7", "tungsten 2856 K"}
    assert kept["all_changes"]["flips_unmarked"] == 0


def test_command_without_a_readable_photo_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        run(tmp_path / "nowhere")
    with pytest.raises(CommandError, match="no pictures there"):
        run(tmp_path)
