"""Embedded profiles: a photo of a face must have the colours its owner saw."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from hairme.common.images import decode_image
from hairme.common.images.profiles import BT2020, DISPLAY_P3, matrix_profile
from tests.hairme import hostile_heif as heif
from tests.hairme import hostile_images as make

# Colours of skin and hair, all inside sRGB also when taken as Display P3.
TONES = ((224, 172, 140), (141, 85, 60), (70, 48, 42), (198, 134, 104))
# Linear Display P3 to linear sRGB as published with CSS Color 4 (section 18), independent of the code under test.
P3_TO_SRGB = np.array(
    [[1.2249401763, -0.2249401763, 0.0], [-0.0420569547, 1.0420569547, 0.0], [-0.0196375546, -0.0786360456, 1.0982736001]]
)


def expected_srgb(colour: tuple[int, ...]) -> np.ndarray:
    value = np.array(colour) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    converted = np.clip(P3_TO_SRGB @ linear, 0, 1)
    return 255 * np.where(converted <= 0.0031308, converted * 12.92, 1.055 * converted ** (1 / 2.4) - 0.055)


EXPECTED = np.array([expected_srgb(tone) for tone in TONES])
P3 = matrix_profile(DISPLAY_P3)
FINE: dict[str, dict[str, Any]] = {"JPEG": {"quality": 98, "subsampling": 0}, "PNG": {}, "WEBP": {"lossless": True}}


def worst(data: bytes, expected: np.ndarray) -> float:
    return float(np.abs(np.array(make.corners(decode_image(data)), dtype=float) - expected).max())


def test_the_tones_tell_the_two_spaces_apart() -> None:
    assert np.abs(EXPECTED - np.array(TONES)).max() > 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_display_p3_profile_is_converted(kind: str) -> None:
    data = make.save(make.picture(colours=TONES), kind, icc_profile=P3, **FINE[kind])
    assert worst(data, EXPECTED) <= 2.5


def test_display_p3_heic_of_a_phone_is_converted() -> None:
    data = heif.heic(make.picture(colours=TONES), icc_profile=P3, icc_profile_type="prof")
    assert b"prof" in data
    assert worst(data, EXPECTED) <= 3.5


def test_display_p3_by_number_is_converted() -> None:
    assert worst(heif.with_nclx(make.picture(colours=TONES), 12, 13), EXPECTED) <= 3.5
    assert worst(make.png_from(make.picture(colours=TONES), 2, make.chunk(b"cICP", bytes([12, 13, 0, 1]))), EXPECTED) <= 1.5


def test_srgb_by_number_and_hdr_curves_are_left_alone() -> None:
    for numbers in ((1, 13), (12, 16), (2, 2)):
        data = make.png_from(make.picture(colours=TONES), 2, make.chunk(b"cICP", bytes([*numbers, 0, 1])))
        assert worst(data, np.array(TONES)) == 0


def test_wider_primaries_move_colours_further() -> None:
    p3 = decode_image(make.save(make.picture(colours=TONES), "PNG", icc_profile=P3))
    wide = decode_image(make.save(make.picture(colours=TONES), "PNG", icc_profile=matrix_profile(BT2020)))
    original = np.array(TONES, dtype=float)
    move = [np.abs(np.array(make.corners(a)) - original).sum() for a in (p3, wide)]
    assert move[1] > move[0] > 0


def test_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert worst(make.save(make.picture(colours=TONES), "PNG", icc_profile=srgb), np.array(TONES)) == 0


@pytest.mark.parametrize(
    "profile",
    [
        b"not a profile",
        P3[:200],
        P3[:128] + b"\xff" * 400,
        P3.replace(b"mntr", b"link"),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        P3.replace(b"RGB ", b"CMYK", 1),
        b"\0" * 1_000_000,
    ],
    ids=["text", "cut off", "garbled", "device link", "lab", "says cmyk", "zeros"],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_profile_is_ignored(profile: bytes, kind: str) -> None:
    data = make.save(make.picture(colours=TONES), kind, icc_profile=profile, **FINE[kind])
    assert worst(data, np.array(TONES)) <= 3


def test_jpeg_profile_with_a_missing_part_is_ignored() -> None:
    jpeg = make.save(make.picture(colours=TONES), "JPEG", quality=98, subsampling=0)
    part = make.segment(0xE2, b"ICC_PROFILE\0\x01\x02" + P3)
    assert worst(make.with_segments(jpeg, part), np.array(TONES)) <= 3


def test_jpeg_profile_in_two_parts_out_of_order_is_used() -> None:
    jpeg = make.save(make.picture(colours=TONES), "JPEG", quality=98, subsampling=0)
    parts = [
        make.segment(0xE2, b"ICC_PROFILE\0" + bytes([i + 1, 2]) + P3[i * 300 : (i + 1) * 300 if i == 0 else None]) for i in (1, 0)
    ]
    assert worst(make.with_segments(jpeg, *parts), EXPECTED) <= 2.5


def test_grey_picture_with_an_rgb_profile_stays_grey() -> None:
    array = decode_image(make.save(make.picture(colours=((40,), (90,), (160,), (230,)))[..., 0], "PNG", icc_profile=P3))
    assert np.ptp(array.astype(int), axis=2).max() <= 1


def test_transparent_picture_with_a_profile() -> None:
    half = np.dstack([make.picture(colours=TONES), np.full((80, 96), 255, dtype=np.uint8)])
    half[:, 48:, 3] = 0
    array = decode_image(make.save(half, "PNG", icc_profile=P3))
    found = make.corners(array)
    assert found[1] == found[3] == (255, 255, 255)
    assert np.abs(np.array(found[0]) - EXPECTED[0]).max() <= 1.5


def test_inflating_profile_is_ignored() -> None:
    huge = zlib.compress(P3 + bytes(8 * 1024 * 1024))
    data = make.png_from(make.picture(colours=TONES), 2, make.chunk(b"iCCP", b"p\0\0" + huge))
    assert worst(data, np.array(TONES)) == 0


def test_built_profile_is_well_formed() -> None:
    assert struct.unpack(">I", P3[:4])[0] == len(P3)
    image = Image.new("RGB", (1, 1), (255, 255, 255))
    profile = ImageCms.getOpenProfile(BytesIO(P3))
    shown = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert np.asarray(shown).tolist() == [[[255, 255, 255]]]
