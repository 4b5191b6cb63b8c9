"""Writes a picture from bare pixels, so that nothing of the upload but its pixels can be in the file."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image, JpegImagePlugin, WebPImagePlugin  # noqa: F401

_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}


def encode_clean(
    array: np.ndarray,
    *,
    format: Literal["JPEG", "WEBP"] = "JPEG",
    max_side: int | None = None,
    quality: int = 88,
) -> bytes:
    """A JPEG or WebP without any metadata from (height, width, 3) uint8 sRGB.

    ``max_side`` scales a larger picture down so that its longer side is exactly that many pixels; without it only the longest
    side the format can hold is enforced. ``quality`` is 1..100. Raises ``ValueError`` for another array, format or range.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(f"expected (height, width, 3) uint8, got {array.shape} {array.dtype}")
    if format not in _LONGEST_SIDE:
        raise ValueError(f"format must be JPEG or WEBP, not {format}")
    if not 1 <= quality <= 100:
        raise ValueError("quality must be 1..100")
    if max_side is not None and max_side < 1:
        raise ValueError("max_side must be positive")
    image = Image.fromarray(np.ascontiguousarray(array))
    longest = max(image.size)
    target = min(longest, max_side or longest, _LONGEST_SIDE[format])
    if target < longest:
        size = (max(1, round(image.width * target / longest)), max(1, round(image.height * target / longest)))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = BytesIO()
    image.save(buffer, format, quality=quality)
    return buffer.getvalue()
