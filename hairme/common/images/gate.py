"""The one door for uploaded pictures: look at the header (web process), decode (worker)."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import BinaryIO

import numpy as np

# Imported for their registration: `Image.open(formats=...)` would otherwise load every plugin Pillow has.
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

from hairme.common.images.colour import to_srgb
from hairme.common.images.copy import copy_without_metadata
from hairme.common.images.errors import ImageRejected
from hairme.common.images.heif import decode_heif, is_heif, screen_heif
from hairme.common.images.jpeg import screen_jpeg
from hairme.common.images.png import SIGNATURE as PNG_SIGNATURE
from hairme.common.images.png import screen_png
from hairme.common.images.types import DEFAULT_LIMITS, ImageInfo, Limits, Picture, Screened
from hairme.common.images.webp import screen_webp

Source = BinaryIO | bytes | bytearray | memoryview

# What an Exif orientation asks for (CIPA DC-008, 4.6.5.1.6), as Pillow's counter-clockwise operations.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Modes whose pixels may be averaged before the colours are sorted out.
_REDUCIBLE = {"L", "RGB", "CMYK"}
_DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def inspect_image(source: Source, limits: Limits = DEFAULT_LIMITS) -> ImageInfo:
    """What an upload is, from its structure alone; no pixel is decoded.

    The type is taken from the content. A file object is read from its start, at most ``limits.max_bytes`` + 1 bytes, and left
    where it was. Raises :class:`ImageRejected`; an error of the file object itself passes through.
    """
    data = _read(source, limits)
    return _info(_screen(data, limits), len(data))


def clean_copy(source: Source, limits: Limits = DEFAULT_LIMITS) -> tuple[ImageInfo, bytes]:
    """``inspect_image``, and a file that decodes to the same pixels and holds nothing else (``copy_without_metadata``)."""
    data = _read(source, limits)
    screened = _screen(data, limits)
    return _info(screened, len(data)), copy_without_metadata(screened)


def decode_image(source: Source, limits: Limits = DEFAULT_LIMITS, *, max_side: int | None = None) -> np.ndarray:
    """The first frame as (height, width, 3) uint8, sRGB, upright, C-contiguous, writable and free of metadata.

    Transparent parts lie on white. With ``max_side`` a larger picture is decoded at a whole fraction of its size (JPEG: 1/2,
    1/4 or 1/8, which also makes decoding faster), so that the longer side ends at ``max_side`` or more, but less than twice that.
    Raises :class:`ImageRejected`; ``MemoryError`` passes through, since it says nothing about the picture.
    """
    return read_picture(source, limits, max_side=max_side).pixels


def read_picture(source: Source, limits: Limits = DEFAULT_LIMITS, *, max_side: int | None = None) -> Picture:
    """``decode_image`` with the focal length in pixels of the decoded picture, where the file says it. Raises the same."""
    if max_side is not None and max_side < 1:
        raise ValueError("max_side must be positive")
    screened = _screen(_read(source, limits), limits)
    try:
        image = _decode(screened, limits, max_side)
        if image.mode in _REDUCIBLE and screened.colour_key is None:
            image = _reduce(image, max_side)
        image = _reduce(to_srgb(image, screened), max_side)
        if screened.orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[screened.orientation])
        pixels = np.array(image, dtype=np.uint8, order="C")
    except ImageRejected:
        raise
    except _DECODER_ERRORS as error:
        raise _as_rejection(error) from error
    ratio = screened.focal_ratio
    return Picture(pixels, None if ratio is None else ratio * max(pixels.shape[:2]))


def _info(screened: Screened, count: int) -> ImageInfo:
    width, height = screened.upright_size
    return ImageInfo(screened.format, width, height, screened.frames, count, screened.focal_ratio)


def _read(source: Source, limits: Limits) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        limits.check_bytes(len(source))
        return bytes(source)
    position = source.tell()
    source.seek(0)
    try:
        data = source.read(limits.max_bytes + 1)
    finally:
        source.seek(position)
    limits.check_bytes(len(data))
    return data


def _screen(data: bytes, limits: Limits) -> Screened:
    if data.startswith(b"\xff\xd8\xff"):
        return screen_jpeg(data, limits)
    if data.startswith(PNG_SIGNATURE):
        return screen_png(data, limits)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return screen_webp(data, limits)
    if is_heif(data):
        return screen_heif(data, limits)
    raise ImageRejected("image_unsupported_type", reason=f"starts with {data[:12].hex()}")


def _decode(screened: Screened, limits: Limits, max_side: int | None) -> Image.Image:
    if screened.format == "HEIF":
        image = decode_heif(screened.stream)
        limits.check_pixels(*image.size)  # libheif takes the final size from the decoded picture
        return image
    image = Image.open(BytesIO(screened.stream), formats=(screened.format,))
    if image.size != (screened.width, screened.height):
        raise ImageRejected("image_corrupt", reason="decoder and header disagree on the size")
    if max_side is not None and screened.format == "JPEG":
        longest = max(image.size)
        # The floor keeps at least `max_side` pixels; `draft` picks 1/8, 1/4, 1/2 or the full size.
        width, height = (max(1, side * max_side // longest) for side in image.size)
        image.draft(None, (width, height))
    image.load()
    return image


def _reduce(image: Image.Image, max_side: int | None) -> Image.Image:
    factor = max(image.size) // max_side if max_side else 1
    return image.reduce(factor) if factor > 1 else image


def _as_rejection(error: Exception) -> ImageRejected:
    cut_off = isinstance(error, EOFError) or "truncated" in str(error)
    return ImageRejected("image_truncated" if cut_off else "image_corrupt", reason=f"{type(error).__name__}: {str(error)[:200]}")
