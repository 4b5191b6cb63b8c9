"""Colour is computed right, and a season is only claimed where the light could not have made it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from recommendations.engine import colour_space as space
from recommendations.engine import season
from recommendations.engine.colour import CAST_LIMIT, LIGHT_SD, estimate_cast, read_colour
from recommendations.engine.colour_patches import Patch, Patches
from recommendations.engine.reader import read_face
from recommendations.engine.types import Colour

RNG = np.random.default_rng(11)
#: CIELAB of sRGB primaries and greys (D65), from the definition; white and black are exact.
KNOWN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (128, 128, 128): (53.59, 0.0, 0.0),
}


def patch(lab: tuple[float, float, float], gains: tuple[float, float, float] = (1, 1, 0), pixels: int = 600) -> Patch:
    light = np.clip(space.linear_of_lab(np.array(lab)), 1e-4, 1) * np.array([gains[0], 1, gains[1]]) * 2.0 ** gains[2]
    light = np.clip(light, 1e-4, 1)
    return Patch(tuple(light), tuple(space.lab_of_linear(light)), (5.0, 1.5, 2.5), pixels)


def person(
    skin: tuple[float, float, float], gains: tuple[float, float, float] = (1, 1, 0), **parts: tuple[float, float, float]
) -> Patches:
    """A face of these colours under a light (red gain, blue gain, stops)."""
    known = {"brow": (38, 6, 9), "iris": (20, 5, 6), "lips": (50, 24, 12), "hair": (16, 3, 5), "sclera": (70, 4, 5), **parts}
    other = {name: patch(lab, gains, 45 if name == "sclera" else 600) for name, lab in known.items()}
    s = patch(skin, gains)
    return Patches(skin=s, forehead=s, right_cheek=s, left_cheek=s, background=None, forehead_covered=0.0, **other)


def read(*args, **kwargs) -> Colour:
    return read_colour(person(*args, **kwargs), colourless=False)


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_lab_of_known_colours(rgb: tuple[int, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(space.lab(np.array(rgb, np.uint8)), lab, atol=0.02)


def test_lab_agrees_with_scikit_image() -> None:
    from skimage.color import rgb2lab

    rgb = RNG.integers(0, 256, (60, 60, 3)).astype(np.uint8)
    np.testing.assert_allclose(space.lab(rgb), rgb2lab(rgb), atol=0.02)


def test_lab_and_back() -> None:
    light = RNG.uniform(0.001, 1, (500, 3))
    np.testing.assert_allclose(space.linear_of_lab(space.lab_of_linear(light)), light, atol=1e-9)
    rgb = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
    np.testing.assert_array_equal(space.encode(space.linear(rgb)), rgb)


@pytest.mark.parametrize(
    ("lightness", "b", "degrees"), [(70, 20, 45.0), (50, 10, 0.0), (30, 20, -45.0), (60, 0, 90.0), (64.64, 14.64, 45.0)]
)
def test_ita(lightness: float, b: float, degrees: float) -> None:
    assert space.ita(lightness, b) == pytest.approx(degrees, abs=1e-6)


def test_reading_of_a_real_face(face_photo: np.ndarray) -> None:
    colour = read_face(face_photo).colour
    lightness, a, b = colour.lab
    assert 70 < lightness < 88
    assert 4 < a < 12
    assert 12 < b < 22
    assert colour.ita == pytest.approx(space.ita(lightness, b))
    assert colour.ita > 50
    assert colour.hair_lab is not None
    assert colour.hair_lab[0] < lightness - 20
    assert colour.cast < CAST_LIMIT
    assert sum(colour.season.probabilities.values()) == pytest.approx(1.0)


def test_skin_colour_is_a_median_of_clean_patches(face_photo: np.ndarray) -> None:
    """A highlight on a cheek and spectacles over the eyes hardly move it."""
    before = np.array(read_face(face_photo).colour.lab)
    marked = face_photo.copy()
    cv2.circle(marked, (198, 148), 7, (255, 255, 255), -1)
    cv2.rectangle(marked, (190, 104), (262, 110), (20, 20, 20), 1)
    assert np.abs(np.array(read_face(marked).colour.lab) - before).max() < 3.5


def test_axes_and_intervals_are_ordered_and_bounded() -> None:
    for lightness in (25, 45, 65, 85):
        for b in (2, 9, 16, 24):
            colour = read((lightness, 10, b))
            for axis in (colour.warm_cool, colour.light_deep):
                assert -1 <= axis.low <= axis.value <= axis.high <= 1
            p = colour.season.probabilities
            assert sum(p.values()) == pytest.approx(1)
            assert colour.season.label == max(p, key=lambda name: p[name])
            assert max(p.values()) < 0.75, "nobody can be that sure of a season from a photo"


def test_yellower_is_warmer_and_lighter_is_lighter() -> None:
    warm = [read((66, 10, b)).warm_cool.value for b in (3, 7, 11, 15, 19)]
    assert warm == sorted(warm)
    assert warm[0] < -0.3
    assert warm[-1] > 0.3
    light = [read((lightness, 10, 14)).light_deep.value for lightness in (30, 45, 60, 75)]
    assert light == sorted(light)


def test_clear_cases_of_the_four_seasons() -> None:
    dark, fair = (12, 2, 2), (48, 6, 20)
    assert read((80, 9, 19), hair=fair, brow=(55, 6, 14), iris=(35, 3, 9)).season.label == "spring"
    assert read((58, 13, 26), hair=dark, brow=(30, 8, 14), iris=(18, 8, 12)).season.label == "autumn"
    assert read((82, 9, 2), hair=(45, 2, 4), brow=(50, 4, 3), iris=(40, 0, -2)).season.label == "summer"
    assert read((66, 20, 5), hair=(8, 1, 0), brow=(20, 4, 2), iris=(12, 1, 0)).season.label == "winter"


def test_coloured_light_is_seen_and_no_season_is_claimed() -> None:
    for gains in ((1.35, 0.60, 0.0), (0.75, 1.40, 0.0)):
        colour = read((70, 10, 18), gains)
        assert colour.cast > CAST_LIMIT
        assert colour.season.decision == "unsure"
    assert read((70, 10, 18)).cast < CAST_LIMIT / 2


def test_cast_direction_follows_the_light() -> None:
    assert estimate_cast(person((66, 10, 14), (1.25, 0.7, 0))).b > 4
    assert estimate_cast(person((66, 10, 14), (0.85, 1.25, 0))).b < -4


def test_a_grey_wall_counts_and_a_coloured_wall_does_not() -> None:
    plain = person((66, 10, 14))
    from dataclasses import replace

    tinted = replace(plain, sclera=None, background=patch((60, 6, 10)))
    painted = replace(plain, sclera=None, background=patch((50, 30, 45)))
    assert estimate_cast(tinted)[0] > 2
    assert estimate_cast(painted)[0] < 0.5


def test_a_white_of_the_eye_that_is_seen_leaves_less_doubt_about_the_light() -> None:
    from dataclasses import replace

    lit = person((66, 10, 11))
    unseen = replace(lit, sclera=None)
    in_shade = person((66, 10, 11), sclera=(20, 12, 5))
    assert estimate_cast(lit).sd < 0.7 * LIGHT_SD
    assert estimate_cast(unseen).sd == estimate_cast(in_shade).sd == LIGHT_SD
    narrow, wide = (read_colour(patches, colourless=False).warm_cool for patches in (lit, unseen))
    assert narrow.high - narrow.low < wide.high - wide.low


def test_without_a_witness_of_the_light_no_season_is_clear() -> None:
    from dataclasses import replace

    patches = person((58, 12, 28), hair=(14, 3, 5), brow=(30, 8, 13), iris=(18, 7, 10))
    assert read_colour(patches, colourless=False).season.decision == "clear"
    assert read_colour(replace(patches, sclera=None), colourless=False).season.decision == "mixed"


def test_a_visible_cast_widens_the_interval() -> None:
    def width(colour: Colour) -> float:
        return colour.warm_cool.high - colour.warm_cool.low

    neutral, tinted = read((66, 10, 11)), read((66, 10, 11), sclera=(70, 10, 14))
    assert width(tinted) > 1.15 * width(neutral)


def people(count: int) -> Iterator[tuple[tuple[float, ...], dict[str, tuple[float, ...]]]]:
    """Invented skins with brows, irises, hair and whites of the eye."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        skin = (float(np.clip(rng.normal(66, 9), 25, 85)), float(rng.normal(10, 2.2)), float(np.clip(rng.normal(12, 4.5), 2, 26)))
        yield skin, {
            "brow": tuple(rng.normal((38, 6, 9), (10, 2.5, 4))), "iris": tuple(rng.normal((22, 5, 6), (6, 2.5, 5))),
            "hair": tuple(rng.normal((18, 3, 5), (6, 2, 4))), "sclera": tuple(rng.normal((66, 10, 5), (6, 3, 3))),
        }  # fmt: skip


@pytest.mark.parametrize(
    "gains",
    [(1.1, 0.88, 0), (0.92, 1.12, 0), (1.25, 0.7, 0), (1.48, 0.53, 0), (0.82, 1.39, 0), (1, 1, -0.5), (1, 1, 0.4)],
    ids=["warm", "cool", "tungsten", "4000 K", "10000 K", "dark", "bright"],
)
def test_a_season_that_flips_was_marked_unsure(gains: tuple[float, float, float]) -> None:
    flips = kept = 0
    for skin, parts in people(150):
        before, after = read(skin, **parts).season, read(skin, gains, **parts).season
        if before.label == after.label:
            kept += 1
            continue
        flips += 1
        assert "unsure" in {before.decision, after.decision}, (skin, parts)
    assert flips > 0, "a light that changes nothing proves nothing"
    assert kept > 0


def test_darker_by_0_7_never_flips_a_season_that_was_named(face_photo: np.ndarray) -> None:
    stops = float(np.log2(0.7))
    named = 0
    for skin, parts in people(200):
        before = read(skin, **parts).season
        if before.decision != "unsure":
            named += 1
            assert read(skin, (1, 1, stops), **parts).season.label == before.label, (skin, parts)
    assert named >= 20
    before = read_face(face_photo, views=0).colour.season
    after = read_face(space.encode(space.linear(face_photo) * 0.7), views=0).colour.season
    assert after.label == before.label or before.decision == "unsure"


@pytest.mark.parametrize("gains", [(1.48, 0.53), (1.25, 0.7), (0.8, 1.45)], ids=["4000 K", "tungsten", "10000 K"])
def test_a_light_strong_enough_to_flip_the_season_is_seen_on_a_real_face(
    face_photo: np.ndarray, gains: tuple[float, float]
) -> None:
    before = read_face(face_photo, views=0)
    lit = read_face(space.encode(space.linear(face_photo) * np.array([gains[0], 1.0, gains[1]])), views=0)
    assert lit.colour.season.label != before.colour.season.label
    assert lit.colour.season.decision == "unsure"
    assert "colour_cast" in {issue.code for issue in lit.quality.issues}
    assert "colour_cast" not in {issue.code for issue in before.quality.issues}


def test_intervals_hold_what_another_light_reads() -> None:
    rng = np.random.default_rng(8)
    inside = {"warm_cool": [], "light_deep": []}
    for skin, parts in people(150):
        tilt, stops = rng.normal(0, 0.07), rng.normal(0, 0.6)
        one, other = read(skin, **parts), read(skin, (float(np.exp(tilt)), float(np.exp(-tilt)), stops), **parts)
        for name, found in inside.items():
            axis = getattr(one, name)
            found.append(axis.low - 1e-9 <= getattr(other, name).value <= axis.high + 1e-9)
    assert np.mean(inside["warm_cool"]) >= 0.85
    assert np.mean(inside["light_deep"]) >= 0.85


def test_somebody_gets_a_season() -> None:
    """Refusing always would be honest and useless."""
    decisions = {read((58, 12, b), hair=(14, 3, 5), brow=(30, 8, 13), iris=(18, 7, 10)).season.decision for b in (22, 25, 28)}
    assert decisions & {"clear", "mixed"}


def test_without_colour_there_is_no_season(face_photo: np.ndarray) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(face_photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = read_face(grey).colour
    assert colour.season.decision == "unsure"
    assert abs(colour.lab[1]) < 1
    assert abs(colour.lab[2]) < 1


def test_lights_are_centred_and_fixed() -> None:
    assert season.LIGHTS.shape == (128, 3)
    np.testing.assert_allclose(season.LIGHTS.mean(axis=0), 0, atol=1e-12)
    assert 0.85 < season.LIGHTS.std() < 1.1
    np.testing.assert_array_equal(season.plausible(6.0), season.plausible(6.0))
    assert season.plausible(12.0)[:, 2].std() == pytest.approx(season.EXPOSURE_SD, rel=0.1)
    tilt = np.log(season.plausible(12.0)[:, :2]) @ [0.5, -0.5]
    # Student's t with two degrees of freedom: quartiles at 0.816, 5 and 95 % at 2.920 times its scale.
    assert np.percentile(tilt, [25, 75]) == pytest.approx(np.array([-0.816, 0.816]) * 12 * season.TILT, rel=0.1)
    assert np.percentile(tilt, [5, 95]) == pytest.approx(np.array([-2.92, 2.92]) * 12 * season.TILT, rel=0.15)


def test_unknown_parts_do_not_count() -> None:
    skin = (0.5, 0.3, 0.2)
    alone = season.SeasonReader(skin, None, None, None)
    assert alone.b_weight.tolist() == [season.B_WEIGHT[0], 0.0, 0.0]
    with_hair = season.SeasonReader(skin, None, None, (0.02, 0.02, 0.02))
    one, other = (reader.read(6.0, (0.0, 0.0), refuse=False, witnessed=True)[0].value for reader in (alone, with_hair))
    assert one == other
