"""What is kept of an upload until a worker reads it: the same pixels, bit for bit, and nothing that the file said besides."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from hairme.common.images import clean_copy, decode_image, inspect_image
from hairme.common.images.isobmff import read_items
from hairme.common.images.profiles import DISPLAY_P3, matrix_profile
from tests.hairme import hostile_heif as heif
from tests.hairme import hostile_images as make

CANARY = "canary-canary"
P3 = matrix_profile(DISPLAY_P3)


def speaking(kind: str, orientation: int = 1) -> bytes:
    """A picture with a wide profile, a turn, and the canary in its Exif."""
    stored = make.turn_back(make.picture(), orientation)
    return make.save(stored, kind, exif=make.exif(orientation, CANARY), icc_profile=P3, quality=95)


def webp_animation() -> bytes:
    frames = [Image.fromarray(np.full((80, 96, 3), value, np.uint8)) for value in (200, 40)]
    return make.save(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], exif=make.exif(6, CANARY), icc_profile=P3, lossless=True
    )


def heic_with_exif() -> bytes:
    buffer = BytesIO()
    file = pillow_heif.from_pillow(Image.fromarray(make.picture(128, 96)))
    file.save(buffer, quality=95, exif=make.exif(6, CANARY), xmp=f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode())
    return buffer.getvalue()


FILES = {
    **{f"{kind} turned {turn}": speaking(kind, turn) for kind in ("JPEG", "PNG", "WEBP") for turn in (1, 6, 7)},
    "jpeg with a comment": make.with_segments(speaking("JPEG"), make.segment(0xFE, CANARY.encode())),
    "jpeg then more": speaking("JPEG") + CANARY.encode(),
    "cmyk jpeg": make.cmyk_jpeg(),
    "ycck jpeg": make.ycck_jpeg(),
    "jpeg of two pictures": make.mpo(),
    "palette png": make.save(Image.fromarray(make.picture()).quantize(16), "PNG", transparency=3),
    "16-bit png": make.png_from(make.picture().astype(np.uint16) * 257, 2),
    "png with a transparent colour": make.png_from(make.picture(), 2, make.chunk(b"tRNS", struct.pack(">3H", 220, 40, 40))),
    "png with a numbered profile": make.png_from(make.picture(), 2, make.chunk(b"cICP", bytes([12, 13, 0, 1]))),
    "png with a private chunk": make.png_with(make.chunk(b"caNa", CANARY.encode())),
    "animated png": make.apng(3),
    "lossless webp": make.save(make.picture(), "WEBP", lossless=True, exif=make.exif(3, CANARY)),
    "webp with alpha": make.save(np.dstack([make.picture(), make.picture()[..., 0]]), "WEBP", exif=make.exif(8, CANARY)),
    "animated webp": webp_animation(),
    "heic": heic_with_exif(),
    "heic of a telephone": heif.phone_portrait(make.picture(96, 128), make.exif(6, CANARY)),
    "heic with a numbered profile": heif.with_nclx(make.picture(), 12, 13),
}


@pytest.mark.parametrize("name", FILES)
def test_the_copy_is_the_same_picture_and_says_nothing_else(name: str) -> None:
    data = FILES[name]
    info, copy = clean_copy(data)
    assert info == inspect_image(data)
    again = inspect_image(copy)
    assert (again.format, again.width, again.height) == (info.format, info.width, info.height)
    assert again.focal_ratio is None
    np.testing.assert_array_equal(decode_image(copy), decode_image(data))
    assert CANARY.encode() not in copy
    assert clean_copy(copy)[1] == copy  # nothing is left to take away


def test_the_canary_was_there() -> None:
    assert sum(CANARY.encode() in data for data in FILES.values()) >= 14


def test_metadata_in_the_inner_box_of_a_heic_is_found() -> None:
    """Item 7 lies 3 bytes into the ``idat`` box, item 8 in the file; the tables come before the box itself."""
    locations = struct.pack(">HHHHHHIIHHHHII", 0x4400, 2, 7, 1, 0, 1, 3, 5, 8, 0, 0, 1, 40, 9)
    tables = heif.box(b"iloc", locations, full=1 << 24) + heif.box(b"idat", b"...hello...")
    data = heif.box(b"meta", tables, full=0)
    items = read_items(data, 8, len(data))
    ((offset, length),) = items.extents[7]
    assert data[offset : offset + length] == b"hello"
    assert items.extents[8] == [(40, 9)]
