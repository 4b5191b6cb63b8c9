"""The focal length comes through the gate as one number, in every format, and only while it is true of the picture."""

from __future__ import annotations

import struct
from math import hypot

import numpy as np
import pytest
from PIL.TiffImagePlugin import IFDRational

from hairme.common.images import inspect_image, read_picture
from hairme.common.images.lens import focal_ratio
from tests.hairme import hostile_heif as heif
from tests.hairme import hostile_images as make
from tests.hairme.lenses import lens_exif, sensor

PHONE = 26 / 43.27 * 1.25  # 26 mm on film, by the diagonal of a 4:3 picture: 5 / 4 of its longer side


def photo(width: int = 400, height: int = 300) -> np.ndarray:
    return make.picture(width, height)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_every_format_keeps_the_number_upright(kind: str, orientation: int) -> None:
    stored = make.turn_back(photo(300, 400), orientation)
    exif = lens_exif(film=26, pixels=(4032, 3024), orientation=orientation)
    data = make.save(stored, kind, exif=exif)
    assert inspect_image(data).focal_ratio == pytest.approx(PHONE)
    picture = read_picture(data)
    assert picture.pixels.shape == (400, 300, 3)
    assert picture.focal_px == pytest.approx(400 * PHONE)


def test_heic_too() -> None:
    data = heif.phone_portrait(photo(384, 512), lens_exif(film=26, pixels=(4032, 3024), orientation=6))
    assert inspect_image(data).focal_ratio == pytest.approx(PHONE)
    assert read_picture(data).focal_px == pytest.approx(512 * PHONE)
    assert inspect_image(heif.heic(photo())).focal_ratio is None


def test_it_is_in_pixels_of_the_picture_as_decoded() -> None:
    data = make.save(photo(1600, 1200), "JPEG", exif=lens_exif(film=26))
    assert read_picture(data, max_side=400).focal_px == pytest.approx(400 * PHONE)


def test_the_diagonal_counts() -> None:
    exif = lens_exif(film=50)
    assert focal_ratio(exif, 600, 400) == pytest.approx(50 / 36, rel=1e-3)  # the film's own shape: any side says the same
    assert focal_ratio(exif, 400, 300) == pytest.approx(50 / 43.27 * hypot(4, 3) / 4)


@pytest.mark.parametrize(
    ("exif", "size"),
    [
        (b"", (400, 300)),
        (lens_exif(), (400, 300)),
        (lens_exif(film=0), (400, 300)),
        (lens_exif(film=26), (400, 400)),
        (lens_exif(film=26), (400, 225)),
        (lens_exif(film=26, pixels=(4032, 3024)), (450, 300)),
        (lens_exif(film=26, pixels=(4000, 2250)), (400, 300)),
        (lens_exif(film=26, more={0xA404: IFDRational(2, 1)}), (400, 300)),
        (lens_exif(film=9), (400, 300)),
        (lens_exif(film=9000), (400, 300)),
        (lens_exif(film=26)[:60], (400, 300)),
    ],
    ids=["no exif", "unsaid", "unknown", "square", "wide", "cropped to 3:2", "cropped to 4:3", "zoom", "short", "long", "cut"],
)
def test_what_is_not_the_whole_frame_says_nothing(exif: bytes, size: tuple[int, int]) -> None:
    assert focal_ratio(exif, *size) is None


@pytest.mark.parametrize(("per_unit", "unit"), [(25_400, 2), (10_000, 3), (1_000, 4)])
def test_without_the_film_number_the_sensor_tells(per_unit: int, unit: int) -> None:
    exif = lens_exif(pixels=(6000, 4000), more=sensor((500, 10), per_unit, unit))  # 1000 pixels a millimetre, 6 mm wide
    assert focal_ratio(exif, 600, 400) == pytest.approx(50 * 1000 / 6000)
    assert focal_ratio(lens_exif(more=sensor((500, 10), per_unit, unit)), 600, 400) is None


def test_a_film_number_comes_before_the_sensor() -> None:
    exif = lens_exif(film=50, pixels=(6000, 4000), more=sensor((77, 1), 1000, 4))
    assert focal_ratio(exif, 600, 400) == pytest.approx(50 / 36, rel=1e-3)


def test_zero_and_far_away_fractions_are_not_followed() -> None:
    def block(fraction: bytes, at: int) -> bytes:
        entries = [(0xA002, 4, struct.pack("<L", 6000)), (0xA003, 4, struct.pack("<L", 4000))]
        entries += [(0x920A, 5, struct.pack("<L", at)), (0xA20E, 5, struct.pack("<L", at))]
        directory = b"".join(struct.pack("<HHL", tag, kind, 1) + value for tag, kind, value in entries)
        head = b"II*\0" + struct.pack("<L", 8) + struct.pack("<HHHLL", 1, 0x8769, 4, 1, 26) + bytes(4)
        return head + struct.pack("<H", len(entries)) + directory + fraction

    end = len(block(b"", 0))
    assert focal_ratio(block(struct.pack("<LL", 300, 1), end), 600, 400) == pytest.approx(300 * 300 / 25.4 / 6000)
    assert focal_ratio(block(struct.pack("<LL", 200, 0), end), 600, 400) is None
    assert focal_ratio(block(b"", 0xFFFF_FFF0), 600, 400) is None
