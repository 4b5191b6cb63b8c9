"""What the gate allows, what it found out about an upload, and what it hands to a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from hairme.common.images.errors import ImageRejected

ImageFormat = Literal["JPEG", "PNG", "WEBP", "HEIF"]

MAX_ICC_BYTES = 4 * 1024 * 1024
"""Larger embedded profiles are ignored: press profiles stay under 3 MB, so anything beyond is not there to describe colour."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that hold before a single pixel is decoded.

    ``max_pixels`` is compared with width x height x frames. ``max_scans`` bounds the passes of a JPEG over its picture: each pass
    costs time in proportion to the pixels however few bytes it has, so pixels x passes is also bounded by ``max_scan_pixels``.
    """

    max_bytes: int = 15 * 1024 * 1024
    max_pixels: int = 50_000_000
    min_side: int = 64
    max_scans: int = 100
    max_scan_pixels: int = 1_000_000_000

    def __post_init__(self) -> None:
        ceiling = Image.MAX_IMAGE_PIXELS
        if ceiling is not None and self.max_pixels > ceiling:
            # Below Pillow's own ceiling its decompression-bomb warning cannot fire, so there is no warning to turn into an
            # error (warning filters are process-wide and not thread-safe).
            raise ValueError(f"max_pixels must not exceed Pillow's own limit of {ceiling}")

    def check_bytes(self, count: int) -> None:
        """Raises ``image_empty`` or ``image_too_many_bytes``."""
        if count == 0:
            raise ImageRejected("image_empty")
        if count > self.max_bytes:
            raise ImageRejected("image_too_many_bytes", {"max_megabytes": round(self.max_bytes / 1024**2, 1)})

    def check_pixels(self, width: int, height: int, frames: int = 1) -> None:
        """Raises ``image_corrupt`` (a side of zero), ``image_too_many_pixels`` or ``image_too_small``."""
        if width < 1 or height < 1:
            raise ImageRejected("image_corrupt", reason="a side of zero pixels")
        if width * height * frames > self.max_pixels:
            raise ImageRejected(
                "image_too_many_pixels",
                {"width": width, "height": height, "frames": frames, "max_megapixels": round(self.max_pixels / 1e6, 2)},
            )
        if min(width, height) < self.min_side:
            raise ImageRejected("image_too_small", {"width": width, "height": height, "min_side": self.min_side})


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """An accepted upload as its header describes it: upright size in pixels (orientation applied), frames, size in bytes.

    ``focal_ratio``: focal length over the longer side, where the file says it (``lens.focal_ratio``).
    """

    format: ImageFormat
    width: int
    height: int
    frames: int
    bytes: int
    focal_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded upload: (height, width, 3) uint8 sRGB, upright, and the focal length in pixels of that array, where known."""

    pixels: np.ndarray
    focal_px: float | None


@dataclass(frozen=True, slots=True)
class Screened:
    """A file whose structure has been checked, reduced to what its decoder needs.

    ``stream`` holds pixels and tables only: Exif, XMP, comments, text, profiles, later frames and trailing bytes are gone, so
    no parser for them is ever reached. ``width`` and ``height`` are as stored; ``orientation`` is the Exif value 1..8 still to
    be applied. ``cicp`` is (colour primaries, transfer) of ITU-T H.273. ``colour_key`` and ``bit_depth`` are for PNG: the
    sample values that mean "transparent". ``focal_ratio`` is the one number that is kept of what Exif says of the lens.
    """

    format: ImageFormat
    width: int
    height: int
    frames: int
    stream: bytes
    orientation: int = 1
    icc: bytes | None = None
    cicp: tuple[int, int] | None = None
    colour_key: tuple[int, ...] | None = None
    bit_depth: int = 8
    focal_ratio: float | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) once the orientation is applied."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)
