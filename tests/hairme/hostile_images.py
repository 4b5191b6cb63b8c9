"""Builders of pictures for the image gate: ordinary ones in every spelling, and JPEG, PNG and WebP files made to do harm."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 96, 80
# Top left, top right, bottom left, bottom right: all different, so that any turn or mirroring shows.
QUADRANTS = ((220, 40, 40), (40, 180, 60), (50, 70, 210), (240, 220, 40))


def picture(width: int = WIDTH, height: int = HEIGHT, colours: tuple[tuple[int, ...], ...] = QUADRANTS) -> np.ndarray:
    """(height, width, channels) uint8 with one colour per quadrant."""
    array = np.zeros((height, width, len(colours[0])), dtype=np.uint8)
    middle, centre = height // 2, width // 2
    array[:middle, :centre], array[:middle, centre:] = colours[0], colours[1]
    array[middle:, :centre], array[middle:, centre:] = colours[2], colours[3]
    return array


def corners(array: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Colours well inside the four quadrants, in the order of :data:`QUADRANTS`."""
    y, x = array.shape[0] // 4, array.shape[1] // 4
    return tuple(tuple(int(v) for v in array[r, c]) for r, c in ((y, x), (y, -x), (-y, x), (-y, -x)))


def save(image: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """``image`` written by Pillow."""
    buffer = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int | None = None, note: str = "") -> bytes:
    """An Exif block with its prefix; ``note`` goes into the description, the artist and the GPS area name."""
    block = Image.Exif()
    if orientation is not None:
        block[0x0112] = orientation
    if note:
        block[0x010E] = block[0x013B] = note
        block.get_ifd(0x8825)[0x001C] = note.encode()
    return block.tobytes()


def turn_back(array: np.ndarray, orientation: int) -> np.ndarray:
    """The stored pixels whose Exif ``orientation`` makes ``array`` appear (the inverse of CIPA DC-008, 4.6.5.1.6)."""
    stored = {
        1: array,
        2: array[:, ::-1],
        3: array[::-1, ::-1],
        4: array[::-1],
        5: array.swapaxes(0, 1),
        6: np.rot90(array, 1),
        7: array[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(array, -1),
    }[orientation]
    return np.ascontiguousarray(stored)


# --- JPEG ---------------------------------------------------------------------------------------------------------------------


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """``jpeg`` with segments put right after its first two bytes."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def cmyk_jpeg() -> bytes:
    """An Adobe CMYK JPEG (inverted samples) of the four quadrants."""
    inks = tuple((255 - r, 255 - g, 255 - b, 0) for r, g, b in QUADRANTS)
    return save(Image.fromarray(picture(colours=inks), "CMYK"), "JPEG", quality=98, subsampling=0)


def ycck_jpeg() -> bytes:
    """The same as Photoshop writes it: the inks as YCbCr plus black, announced by the Adobe marker's transform 2.

    Pillow inverts what it writes as CMYK, so the wanted samples are handed over inverted.
    """
    inks = np.array([(255 - r, 255 - g, 255 - b) for r, g, b in QUADRANTS], dtype=np.uint8).reshape(1, 4, 3)
    ycc = np.asarray(Image.fromarray(inks).convert("YCbCr")).reshape(4, 3)
    colours = tuple((255 - int(y), 255 - int(cb), 255 - int(cr), 0) for y, cb, cr in ycc)
    jpeg = save(Image.fromarray(picture(colours=colours), "CMYK"), "JPEG", quality=98, subsampling=0)
    transform = jpeg.index(b"Adobe") + 11
    assert jpeg[transform] == 0
    return jpeg[:transform] + b"\x02" + jpeg[transform + 1 :]


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    jpeg = save(picture(), "JPEG")
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", height, width) + jpeg[start + 4 :]


def jpeg_of_many_scans(width: int, height: int, extra: int) -> bytes:
    """A progressive JPEG whose last pass is repeated: a few bytes each, but the decoder visits every block every time."""
    jpeg = save(Image.new("RGB", (width, height), (200, 120, 90)), "JPEG", progressive=True, subsampling=0, quality=20)
    return jpeg[:-2] + jpeg[jpeg.rindex(b"\xff\xda") : -2] * extra + jpeg[-2:]


def overlapping_exif() -> bytes:
    """Exif whose 5,000 entries each claim the same 60,000 bytes: 300 MB for a reader that copies values."""
    count = 5_000
    entries = b"".join(struct.pack("<HHLL", 0x9000 + i, 7, 60_000, 8) for i in range(count))
    return (b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", count) + entries).ljust(65_000, b"\0")


def mpo(frames: int = 2) -> bytes:
    images = [Image.fromarray(picture()) for _ in range(frames)]
    return save(images[0], "MPO", save_all=True, append_images=images[1:])


# --- PNG ----------------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload), kind) + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(width: int, height: int, depth: int, colour: int, raw: bytes, *extra: bytes, after: bytes = b"") -> bytes:
    """A PNG from raw rows (each led by its filter byte); ``extra`` chunks come before the pixels, ``after`` behind them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = header + b"".join(extra) + chunk(b"IDAT", zlib.compress(raw)) + after
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def rows(array: np.ndarray) -> bytes:
    """Unfiltered PNG rows of an (h, w) or (h, w, c) array of uint8 or uint16."""
    big_endian = array.astype(">u2") if array.dtype == np.uint16 else array
    return b"".join(b"\0" + row.tobytes() for row in big_endian)


def png_from(array: np.ndarray, colour: int, *extra: bytes) -> bytes:
    depth = 16 if array.dtype == np.uint16 else 8
    return png(array.shape[1], array.shape[0], depth, colour, rows(array), *extra)


def png_of_size(width: int, height: int) -> bytes:
    """A 1-bit PNG whose header claims a size its few pixels do not fill."""
    return png(width, height, 1, 0, b"\0" * 100)


def apng(frames: int, claimed: int | None = None) -> bytes:
    """An animated PNG; ``claimed`` replaces the frame count in its header."""
    array = picture()
    control = struct.pack(">IIIIHHBB", WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)
    later = b"".join(
        chunk(b"fcTL", struct.pack(">I", 2 * i - 1) + control)
        + chunk(b"fdAT", struct.pack(">I", 2 * i) + zlib.compress(rows(array)))
        for i in range(1, frames)
    )
    head = (
        chunk(b"acTL", struct.pack(">II", frames if claimed is None else claimed, 0)),
        chunk(b"fcTL", struct.pack(">I", 0) + control),
    )
    return png(WIDTH, HEIGHT, 8, 2, rows(array), *head, after=later)


def inflating(megabytes: int) -> bytes:
    """A deflate stream of zeros that is a thousandth of its contents."""
    deflate = zlib.compressobj(9)
    return b"".join([*(deflate.compress(bytes(1 << 20)) for _ in range(megabytes)), deflate.flush()])


def png_with(*extra: bytes) -> bytes:
    return png_from(picture(), 2, *extra)


# --- WebP ---------------------------------------------------------------------------------------------------------------------


def webp_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(payload)) + payload + b"\0" * (len(payload) & 1)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_canvas(width: int, height: int, flags: int) -> bytes:
    return webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


def webp_of_many_frames(count: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """An animated WebP that repeats one small frame."""
    still = save(picture(width, height), "WEBP", lossless=True)
    control = (
        bytes(6) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + (100).to_bytes(3, "little") + b"\0"
    )
    frame = webp_chunk(b"ANMF", control + still[12:])
    return riff(webp_canvas(width, height, 0x02), webp_chunk(b"ANIM", bytes(6)), frame * count)


# --- Things that are not pictures, or two things at once ----------------------------------------------------------------------


def zip_file(note: bytes = b"canary") -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("payload.txt", note)
    return buffer.getvalue()


def foreign_files() -> dict[str, bytes]:
    """Files of types that are not accepted, among them ones Pillow would gladly open."""
    image = Image.fromarray(picture())
    return {
        "gif": save(image, "GIF"),
        "gif and script": b"GIF89a/*" + save(image, "GIF")[8:] + b"*/=1;alert(1)",
        "bmp": save(image, "BMP"),
        "tiff": save(image, "TIFF"),
        "ppm": save(image, "PPM"),
        "ico": save(image, "ICO", sizes=[(64, 64)]),
        "jpeg 2000": save(image, "JPEG2000"),
        "avif": save(image, "AVIF"),
        "pdf": save(image, "PDF"),
        "eps": save(image, "EPS"),
        "psd": b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, HEIGHT, WIDTH, 8, 3) + bytes(64),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
        "html": b"<!doctype html><script>alert(document.domain)</script>",
        "zip": zip_file(),
        "elf": b"\x7fELF" + bytes(200),
        "mp4": struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp42") + bytes(200),
        "wav": b"RIFF" + struct.pack("<I", 100) + b"WAVE" + bytes(100),
        "byte order mark before jpeg": b"\xef\xbb\xbf" + save(image, "JPEG"),
        "text": "사진이 아니에요".encode() * 20,
        "nul bytes": bytes(500),
    }


def polyglots() -> dict[str, bytes]:
    """Valid pictures that are something else as well."""
    jpeg, lossless = save(picture(), "JPEG", quality=95, subsampling=0), save(picture(), "WEBP", lossless=True)
    return {
        "jpeg then zip": jpeg + zip_file(),
        "jpeg then html": jpeg + b"<script>canary</script>",
        "jpeg with script in a comment": with_segments(jpeg, segment(0xFE, b"<script>canary</script>")),
        "png then zip": png_with() + zip_file(),
        "png with php in a private chunk": png_with(chunk(b"phPc", b"<?php canary ?>")),
        "webp then zip": lossless + zip_file(),
    }
