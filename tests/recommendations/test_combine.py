"""Several photos as one reading."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recommendations.engine.combine import best, combine_axes, combine_readings
from recommendations.engine.reader import read_face
from recommendations.engine.types import Axis, FaceReading, Quality, QualityIssue, Season
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS


@cache
def real() -> tuple[FaceReading, ...]:
    """One face in its own light, in warmer and dimmer light, and half as large."""
    from skimage import data

    image = data.astronaut()
    warmer = np.clip(image * np.array([1.06, 1.0, 0.94]), 0, 255).astype(np.uint8)
    return tuple(read_face(photo, views=2) for photo in (image, warmer, np.ascontiguousarray(image[::2, ::2])))


def with_warnings(reading: FaceReading, *codes: str) -> FaceReading:
    return replace(reading, quality=Quality(tuple(QualityIssue(code, "warn") for code in codes), reading.quality.metrics))


def with_season(reading: FaceReading, label: str, decision: str = "mixed", axis: Axis | None = None) -> FaceReading:
    p = {name: 0.7 if name == label else 0.1 for name in SEASONS}
    warm = label in ("spring", "autumn")
    axis = axis or Axis(0.5 if warm else -0.5, 0.3 if warm else -0.7, 0.7 if warm else -0.3)
    return replace(reading, colour=replace(reading.colour, season=Season(p, label, decision), warm_cool=axis))  # type: ignore[arg-type]


def test_one_reading_is_itself_and_none_is_an_error() -> None:
    assert combine_readings(real()[:1]) is real()[0]
    with pytest.raises(ValueError, match="no reading"):
        combine_readings([])


def test_the_order_of_the_photos_does_not_matter() -> None:
    there, back = combine_readings(real()), combine_readings(real()[::-1])
    assert there.face_shape.probabilities == pytest.approx(back.face_shape.probabilities)
    assert there.colour.season.probabilities == pytest.approx(back.colour.season.probabilities)
    assert (there.face_shape.label, there.colour.season.label) == (back.face_shape.label, back.colour.season.label)
    assert there.features == back.features


def test_agreeing_photos_leave_the_belief_as_it_was_calibrated() -> None:
    alike = combine_readings([real()[0]] * 3)
    assert alike.face_shape.probabilities == pytest.approx(real()[0].face_shape.probabilities, abs=1e-4)
    assert alike.face_shape.decision == real()[0].face_shape.decision
    assert alike.colour.season.probabilities == pytest.approx(real()[0].colour.season.probabilities, abs=1e-4)
    assert alike.colour.lab == real()[0].colour.lab
    for name, measurement in real()[0].measurements.items():
        assert alike.measurements[name].value == pytest.approx(measurement.value)
        assert alike.measurements[name].percentile == pytest.approx(measurement.percentile, abs=1.0)


def test_probabilities_stay_between_those_of_the_photos_and_add_up() -> None:
    together = combine_readings(real())
    assert sum(together.face_shape.probabilities.values()) == pytest.approx(1)
    top = together.face_shape.label
    assert min(r.face_shape.probabilities[top] for r in real()) - 0.02 <= together.face_shape.confidence
    assert together.face_shape.confidence <= max(r.face_shape.probabilities[top] for r in real()) + 0.05
    assert set(together.face_shape.probabilities) == set(FACE_SHAPES)
    length = [r.measurements["length_to_width"].value for r in real()]
    assert together.measurements["length_to_width"].value == pytest.approx(np.mean(length), abs=1e-3)
    assert FaceReading.from_json(together.to_json()).colour.season.label == together.colour.season.label


@pytest.mark.parametrize(("count", "share"), [(2, np.sqrt(0.75)), (3, np.sqrt(2 / 3))])
def test_intervals_shrink_by_less_than_independent_photos_would_allow(count: int, share: float) -> None:
    one = Axis(0.3, 0.1, 0.5)
    together = combine_axes([one] * count)
    assert (together.high - together.low) / (one.high - one.low) == pytest.approx(share)
    assert together.high - together.low > (one.high - one.low) / np.sqrt(count)


def test_disagreeing_photos_widen_the_interval_instead() -> None:
    apart = combine_axes([Axis(0.6, 0.5, 0.7), Axis(-0.4, -0.5, -0.3)])
    assert apart.value == pytest.approx(0.1)
    assert apart.low < 0 < apart.high
    assert apart.high - apart.low > 1.0


def test_surer_photo_weighs_more() -> None:
    assert combine_axes([Axis(0.5, 0.4, 0.6), Axis(0.0, -0.6, 0.6)]).value > 0.45


def test_season_is_clear_only_where_the_photos_agree() -> None:
    first = real()[0]
    agree = combine_readings([with_season(first, "winter", "clear"), with_season(first, "winter", "mixed")])
    assert (agree.colour.season.label, agree.colour.season.decision) == ("winter", "clear")
    neighbours = combine_readings([with_season(first, "winter", "clear"), with_season(first, "summer", "clear")])
    assert neighbours.colour.season.decision == "mixed"
    opposed = combine_readings([with_season(first, "winter", "clear"), with_season(first, "spring", "clear")])
    assert opposed.colour.season.decision == "unsure"
    unsettled = combine_readings([with_season(first, "winter", "unsure"), with_season(first, "winter", "unsure")])
    assert unsettled.colour.season.decision == "unsure"


def test_colour_of_a_photo_with_false_colours_is_left_out() -> None:
    first = real()[0]
    good, tinted = with_season(first, "winter"), with_warnings(with_season(first, "autumn"), "colour_cast")
    assert combine_readings([good, tinted]).colour.season.probabilities == good.colour.season.probabilities
    grey = with_warnings(with_season(first, "spring"), "no_colour")
    assert combine_readings([tinted, grey]).colour.season.label == "autumn"


def test_warning_stays_where_most_photos_carry_it() -> None:
    first = real()[0]
    photos = [with_warnings(first, "dim", "tilted"), with_warnings(first, "dim"), with_warnings(first)]
    assert [issue.code for issue in combine_readings(photos).quality.issues] == ["dim"]
    assert best(photos) == 2
    assert combine_readings(photos).quality.metrics["photos"] == 3
    large = replace(first, quality=Quality((), {**first.quality.metrics, "face_px": 900.0}))
    assert best([first, large]) == 1
