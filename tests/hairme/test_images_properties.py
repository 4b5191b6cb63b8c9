"""Properties that hold for any bytes: typed errors only, the right shape, and no trace of metadata."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Literal

import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from hairme.common.images import ImageRejected, decode_image, encode_clean, inspect_image
from hairme.common.images.heif import screen_heif
from hairme.common.images.jpeg import screen_jpeg
from hairme.common.images.png import screen_png
from hairme.common.images.types import DEFAULT_LIMITS
from hairme.common.images.webp import screen_webp
from tests.hairme import hostile_heif as heif
from tests.hairme import hostile_images as make

CASUAL = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
RGBA = np.dstack([make.picture(), np.full((80, 96), 128, dtype=np.uint8)])
SEEDS = [
    make.save(make.picture(), "JPEG", exif=make.exif(6, "note")),
    make.save(make.picture(), "JPEG", progressive=True),
    make.cmyk_jpeg(),
    make.mpo(),
    make.save(RGBA, "PNG"),
    make.apng(3),
    make.png_from(make.picture().astype(np.uint16) * 257, 2),
    make.save(RGBA, "WEBP", exif=make.exif(3)),
    make.webp_of_many_frames(3),
    heif.heic(RGBA),
    heif.phone_portrait(make.picture(), make.exif(6)),
    heif.grid(np.full((64, 64, 3), 128, dtype=np.uint8), 3, 2, 180, 100).build(),
]


def check_either_picture_or_typed_error(data: bytes) -> None:
    try:
        info = inspect_image(data)
    except ImageRejected:
        info = None
    try:
        array = decode_image(data)
    except ImageRejected:
        return
    assert info is not None, "what decodes must pass inspection"
    assert array.shape == (info.height, info.width, 3)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous


@CASUAL
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\1\0\0WEBPVP8X", SEEDS[-1][:28]]),
)
def test_random_bytes(tail: bytes, start: bytes) -> None:
    check_either_picture_or_typed_error(start + tail)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A seed with some bytes changed, a piece cut out or doubled, or the end missing."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        position = draw(st.integers(0, len(data) - 1))
        patch = draw(
            st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]))
        )
        data[position : position + draw(st.sampled_from([0, len(patch), len(patch) + 9]))] = patch
    end = draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    return _with_checksums(bytes(data[:end])) if draw(st.booleans()) else bytes(data[:end])


def _with_checksums(data: bytes) -> bytes:
    """Right PNG checksums again, so that damage reaches what lies behind them."""
    if not data.startswith(b"\x89PNG"):
        return data
    position, repaired = 8, data[:8]
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            break
        body = data[position + 4 : end - 4]
        repaired += data[position : position + 4] + body + struct.pack(">I", zlib.crc32(body))
        position = end
    return repaired + data[position:]


@settings(CASUAL, max_examples=400)
@given(damaged())
def test_damaged_files(data: bytes) -> None:
    check_either_picture_or_typed_error(data)


@CASUAL
@given(st.sampled_from([SEEDS[4], SEEDS[5], SEEDS[7], SEEDS[8]]), st.floats(0, 1, exclude_max=True))
def test_any_cut_of_a_png_or_webp_is_noticed(data: bytes, share: float) -> None:
    with pytest.raises(ImageRejected):
        # One byte may be missing from a WebP: writers differ on the last padding byte.
        decode_image(data[: min(int(len(data) * share), len(data) - 2)])


@CASUAL
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.integers(1, 8),
    st.integers(64, 200),
    st.integers(64, 200),
    st.one_of(st.none(), st.integers(1, 300)),
)
def test_sizes_agree_and_the_picture_is_upright(kind: str, orientation: int, width: int, height: int, side: int | None) -> None:
    stored = make.turn_back(make.picture(width, height), orientation)
    data = make.save(stored, kind, exif=make.exif(orientation), quality=95)
    info = inspect_image(data)
    assert (info.width, info.height) == (width, height)
    array = decode_image(data, max_side=side)
    if side is None:
        assert array.shape == (height, width, 3)
    else:
        assert min(side, max(width, height)) <= max(array.shape[:2])
    if min(array.shape[:2]) >= 16:
        assert np.abs(np.array(make.corners(array)) - np.array(make.QUADRANTS)).max() <= 12


CANARIES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=12, max_size=40)


def planted(kind: str, canary: str) -> bytes:
    """A picture that carries ``canary`` everywhere its format has room for words."""
    note, profile = canary.encode(), b"\0" * 128 + canary.encode()
    xmp = f"<x:xmpmeta>{canary}</x:xmpmeta>".encode()
    if kind == "JPEG":
        data = make.save(make.picture(), "JPEG", exif=make.exif(1, canary), icc_profile=profile, comment=note, xmp=xmp)
        more = [make.segment(marker, b"Photoshop 3.0\x00" + note) for marker in (0xED, 0xEF, 0xFE, 0xE0)]
        jfif = make.segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\4\4" + note.ljust(48, b"\0"))  # as a thumbnail
        return make.with_segments(data, jfif, *more) + note
    if kind == "PNG":
        text = (
            make.chunk(b"tEXt", b"k\0" + note) + make.chunk(b"zTXt", b"k\0\0" + zlib.compress(note)) + make.chunk(b"prVt", note)
        )
        itxt = make.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) + make.chunk(b"eXIf", make.exif(1, canary)[6:])
        return make.png_with(text, itxt, make.chunk(b"iCCP", note + b"\0\0" + zlib.compress(profile))) + note
    if kind == "WEBP":
        data = make.save(make.picture(), "WEBP", exif=make.exif(1, canary), icc_profile=profile, xmp=xmp)
        return make.riff(data[12:], make.webp_chunk(b"NOTE", note)) + note
    file = heif.single(make.picture())
    file.items += [heif.Item(b"Exif", struct.pack(">I", 6) + make.exif(1, canary)), heif.Item(b"mime", xmp)]
    file.references += [(b"cdsc", 2, [1]), (b"cdsc", 3, [1])]
    file.tail = heif.box(b"note", note)
    return file.build()


@CASUAL
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "HEIF"]), CANARIES, st.sampled_from(["JPEG", "WEBP"]))
def test_nothing_but_pixels_survives(kind: str, canary: str, out: Literal["JPEG", "WEBP"]) -> None:
    data = planted(kind, canary)
    assert canary.encode() in data
    clean = encode_clean(decode_image(data), format=out)
    assert canary.encode() not in clean
    image = Image.open(BytesIO(clean))
    image.load()
    assert not set(image.info) & {"exif", "xmp", "icc_profile", "comment", "photoshop"}
    assert not image.getexif()
    assert clean.count(b"Exif") == 0


@CASUAL
@given(st.sampled_from([("JPEG", screen_jpeg), ("PNG", screen_png), ("WEBP", screen_webp)]), CANARIES)
def test_metadata_does_not_even_reach_the_decoder(kind: tuple, canary: str) -> None:
    assert canary.encode() not in kind[1](planted(kind[0], canary), DEFAULT_LIMITS).stream


def test_heif_metadata_does_not_reach_the_decoder_either() -> None:
    data = planted("HEIF", "CanaryOfTheTest")
    assert pillow_heif.open_heif(data).info["exif"]
    info = pillow_heif.open_heif(screen_heif(data, DEFAULT_LIMITS).stream).info
    assert not info["exif"]
    assert not info["metadata"]
    assert "xmp" not in info


def test_heif_decoder_sees_one_picture_of_a_burst() -> None:
    data = heif.burst_sharing_metadata(5, 10)
    assert inspect_image(data).frames == len(pillow_heif.open_heif(data)) == 5
    assert len(pillow_heif.open_heif(screen_heif(data, DEFAULT_LIMITS).stream)) == 1


@CASUAL
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3))),
    st.sampled_from(["JPEG", "WEBP"]),
    st.one_of(st.none(), st.integers(1, 120)),
    st.integers(1, 100),
)
def test_any_array_is_encoded(array: np.ndarray, out: Literal["JPEG", "WEBP"], side: int | None, quality: int) -> None:
    image = Image.open(BytesIO(encode_clean(array, format=out, max_side=side, quality=quality)))
    image.load()
    assert (image.format, image.mode) == (out, "RGB")
    longest = max(array.shape[:2])
    assert max(image.size) == min(longest, side or longest)


def test_encoded_picture_is_the_same_picture() -> None:
    for out in ("JPEG", "WEBP"):
        array = decode_image(encode_clean(make.picture(), format=out))
        assert np.abs(np.array(make.corners(array)) - np.array(make.QUADRANTS)).max() <= 6
        shrunk = decode_image(encode_clean(make.picture(960, 800), format=out, max_side=300))
        assert shrunk.shape == (250, 300, 3)


def test_encoder_takes_views_and_shrinks_what_the_format_cannot_hold() -> None:
    assert Image.open(BytesIO(encode_clean(make.picture()[::-1, ::2]))).size == (48, 80)
    assert max(Image.open(BytesIO(encode_clean(np.zeros((2, 70_000, 3), np.uint8)))).size) == 65_500
    assert max(Image.open(BytesIO(encode_clean(np.zeros((2, 20_000, 3), np.uint8), format="WEBP"))).size) == 16_383


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (make.picture()[..., 0], {}),
        (make.picture().astype(float), {}),
        (RGBA, {}),
        (make.picture()[:0], {}),
        (make.picture(), {"format": "PNG"}),
        (make.picture(), {"quality": 0}),
        (make.picture(), {"max_side": 0}),
    ],
)
def test_encoder_refuses_what_it_cannot_write(array: np.ndarray, options: dict) -> None:
    with pytest.raises(ValueError, match=r"expected|format|quality|max_side"):
        encode_clean(array, **options)
