"""Every spelling of an accepted picture ends in the same upright pixels."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hairme.common.images import ImageRejected, decode_image, inspect_image
from tests.hairme import hostile_heif as heif
from tests.hairme import hostile_images as make

WHITE = (255, 255, 255)
ALPHA = np.dstack([make.picture(), np.repeat(np.array([[255, 0]], dtype=np.uint8), 80, axis=0).repeat(48, axis=1)])


def assert_quadrants(data: bytes, expected: tuple[tuple[int, ...], ...] = make.QUADRANTS, tolerance: int = 4) -> np.ndarray:
    array = decode_image(data)
    info = inspect_image(data)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.shape == (info.height, info.width, 3)
    assert info.bytes == len(data)
    difference = np.abs(np.array(make.corners(array)) - np.array(expected))
    assert difference.max() <= tolerance, make.corners(array)
    return array


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (make.save(make.picture(), "JPEG", quality=95), "JPEG"),
        (make.save(make.picture(), "JPEG", quality=95, progressive=True), "JPEG"),
        (make.save(make.picture(), "PNG"), "PNG"),
        (make.save(make.picture(), "WEBP", quality=95), "WEBP"),
        (make.save(make.picture(), "WEBP", lossless=True), "WEBP"),
        (heif.heic(make.picture()), "HEIF"),
        (make.cmyk_jpeg(), "JPEG"),
        (make.ycck_jpeg(), "JPEG"),
        (make.png_from(make.picture().astype(np.uint16) * 257, 2), "PNG"),
        (make.save(Image.fromarray(make.picture()).quantize(16), "PNG"), "PNG"),
    ],
    ids=["jpeg", "progressive", "png", "webp", "webp-lossless", "heic", "cmyk", "ycck", "png-rgb16", "png-palette"],
)
def test_format_is_recognised_and_decoded(data: bytes, kind: str) -> None:
    assert_quadrants(data)
    assert inspect_image(data).format == kind
    assert inspect_image(data).frames == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_gives_the_same_upright_picture(kind: str, orientation: int) -> None:
    stored = make.turn_back(make.picture(), orientation)
    array = assert_quadrants(make.save(stored, kind, exif=make.exif(orientation), quality=95))
    assert array.shape == (80, 96, 3)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_orientation_out_of_range_is_ignored(orientation: int) -> None:
    assert_quadrants(make.save(make.picture(), "JPEG", exif=make.exif(orientation), quality=95))


def test_heif_turns_once_though_its_exif_says_so_again() -> None:
    tall = make.picture(96, 128)
    array = assert_quadrants(heif.phone_portrait(tall, make.exif(6)))
    assert array.shape == (128, 96, 3)


def test_heif_mirroring_is_undone() -> None:
    assert_quadrants(heif.mirrored(make.picture()))


def test_heif_exif_alone_does_not_turn() -> None:
    buffer = BytesIO()
    file = heif.single(make.picture())
    file.items.append(heif.Item(b"Exif", struct.pack(">I", 6) + make.exif(6)))
    file.references.append((b"cdsc", 2, [1]))
    buffer.write(file.build())
    assert_quadrants(buffer.getvalue())


def test_heif_grid_of_tiles_is_one_picture() -> None:
    data = heif.heic(make.picture(640, 512), tile_size=256)
    assert b"grid" in data
    assert_quadrants(data)
    assert inspect_image(data).frames == 1
    bare = heif.grid(np.full((256, 256, 3), 90, dtype=np.uint8), 2, 2, 500, 400).build()
    assert inspect_image(bare).frames == 1
    assert decode_image(bare).shape == (400, 500, 3)


@pytest.mark.parametrize(
    "data",
    [make.save(ALPHA, "PNG"), make.save(ALPHA, "WEBP", quality=95), make.save(ALPHA, "WEBP", lossless=True), heif.heic(ALPHA)],
    ids=["png", "webp-lossy", "webp-lossless", "heic"],
)
def test_transparent_half_lies_on_white(data: bytes) -> None:
    assert_quadrants(data, (make.QUADRANTS[0], WHITE, make.QUADRANTS[2], WHITE))


def test_half_transparent_colour_is_mixed_with_white() -> None:
    half = np.dstack([make.picture(), np.full((80, 96), 128, dtype=np.uint8)])
    mixed = tuple(tuple(round(v * 128 / 255 + 127) for v in colour) for colour in make.QUADRANTS)
    assert_quadrants(make.save(half, "PNG"), mixed, tolerance=1)


def test_palette_with_transparency() -> None:
    image = Image.fromarray(make.picture()).quantize(4)
    index = int(np.asarray(image)[20, 72])
    whole = (make.QUADRANTS[0], WHITE, make.QUADRANTS[2], make.QUADRANTS[3])
    assert_quadrants(make.save(image, "PNG", transparency=index), whole)
    table = bytearray(b"\xff" * 4)
    table[index] = 128
    mixed = (make.QUADRANTS[0], (147, 217, 157), make.QUADRANTS[2], make.QUADRANTS[3])
    assert_quadrants(make.save(image, "PNG", transparency=bytes(table)), mixed)


GREYS = ((0,), (96,), (160,), (255,))
GREY = make.picture(colours=GREYS)[..., 0]
GREY_RGB = tuple((g, g, g) for (g,) in GREYS)


def test_grey_pictures() -> None:
    assert_quadrants(make.save(GREY, "PNG"), GREY_RGB)
    assert_quadrants(make.save(GREY, "JPEG", quality=95), GREY_RGB)
    assert_quadrants(make.save(Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (96, 80), 255)]), "PNG"), GREY_RGB)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    array = assert_quadrants(make.png_from(GREY.astype(np.uint16) * 257, 0), GREY_RGB, tolerance=0)
    assert len(np.unique(array)) == 4


def test_one_bit_picture() -> None:
    bilevel = Image.fromarray(make.picture(colours=((0,), (255,), (255,), (0,)))[..., 0]).convert("1")
    assert_quadrants(make.save(bilevel, "PNG"), ((0, 0, 0), WHITE, WHITE, (0, 0, 0)), tolerance=0)


def test_colour_key_in_rgb_grey_and_sixteen_bits() -> None:
    key = make.QUADRANTS[1]
    expected = (make.QUADRANTS[0], WHITE, make.QUADRANTS[2], make.QUADRANTS[3])
    assert_quadrants(make.png_from(make.picture(), 2, make.chunk(b"tRNS", struct.pack(">3H", *key))), expected)
    wide = make.chunk(b"tRNS", struct.pack(">3H", *(v * 257 for v in key)))
    assert_quadrants(make.png_from(make.picture().astype(np.uint16) * 257, 2, wide), expected)
    grey = (GREY_RGB[0], WHITE, GREY_RGB[2], GREY_RGB[3])
    assert_quadrants(make.png_from(GREY, 0, make.chunk(b"tRNS", struct.pack(">H", 96))), grey)
    assert_quadrants(make.png_from(GREY.astype(np.uint16) * 257, 0, make.chunk(b"tRNS", struct.pack(">H", 96 * 257))), grey)


def test_two_bit_grey_with_colour_key() -> None:
    # Samples 0 and 1 of 0..3; the key is given at that depth too.
    row = b"\0" + bytes([0b00000000] * 12 + [0b01010101] * 12)
    data = make.png(96, 80, 2, 0, row * 80, make.chunk(b"tRNS", struct.pack(">H", 1)))
    assert_quadrants(data, ((0, 0, 0), WHITE, (0, 0, 0), WHITE), tolerance=0)


def test_animations_show_their_first_frame() -> None:
    assert_quadrants(make.apng(3))
    assert inspect_image(make.apng(3)).frames == 3
    assert_quadrants(make.webp_of_many_frames(4))
    assert inspect_image(make.webp_of_many_frames(4)).frames == 4
    assert_quadrants(make.mpo(3))
    assert inspect_image(make.mpo(3)).frames == 3


def test_gain_map_does_not_count_as_a_picture() -> None:
    xmp = make.segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta hdrgm:Version="1.0"/>')
    data = make.with_segments(make.mpo(2), xmp)
    assert inspect_image(data).frames == 1


@pytest.mark.parametrize("name", make.polyglots())
def test_polyglot_is_read_as_the_picture_it_is(name: str) -> None:
    assert_quadrants(make.polyglots()[name])


@pytest.mark.parametrize("name", make.foreign_files())
def test_other_types_are_named_as_such(name: str) -> None:
    for look in (inspect_image, decode_image):
        with pytest.raises(ImageRejected) as caught:
            look(make.foreign_files()[name])
        assert caught.value.code == "image_unsupported_type"


@pytest.mark.parametrize(
    ("side", "expected"), [(50, 62), (100, 125), (250, 250), (333, 500), (400, 500), (999, 1000), (1000, 1000), (5000, 1000)]
)
def test_max_side_decodes_no_smaller_than_asked(side: int, expected: int) -> None:
    data = make.save(make.picture(1000, 600), "JPEG", quality=90, exif=make.exif(1))
    array = decode_image(data, max_side=side)
    assert max(array.shape) >= min(side, 1000)
    assert max(array.shape) < 2 * side
    assert abs(max(array.shape) - expected) <= 1
    assert np.abs(np.array(make.corners(array)) - np.array(make.QUADRANTS)).max() <= 6


@pytest.mark.parametrize(
    "data", [make.save(make.picture(1000, 600), "PNG"), heif.heic(make.picture(1000, 600))], ids=["png", "heic"]
)
def test_max_side_holds_for_formats_without_scaled_decoding(data: bytes) -> None:
    array = decode_image(data, max_side=200)
    assert array.shape == (120, 200, 3)
    assert np.abs(np.array(make.corners(array)) - np.array(make.QUADRANTS)).max() <= 6


def test_max_side_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_side"):
        decode_image(make.save(make.picture(), "PNG"), max_side=0)


def test_file_objects_are_read_from_the_start_and_left_in_place() -> None:
    file = BytesIO(make.save(make.picture(), "JPEG", quality=95))
    file.seek(7)
    assert inspect_image(file).width == 96
    assert file.tell() == 7
    assert decode_image(file).shape == (80, 96, 3)
    assert file.tell() == 7
    assert inspect_image(memoryview(file.getvalue())).format == "JPEG"
