"""Exif blocks as cameras write them, with what they say of the lens."""

from __future__ import annotations

from PIL import Image
from PIL.TiffImagePlugin import IFDRational


def lens_exif(
    *,
    film: int | None = None,
    pixels: tuple[int, int] | None = None,
    orientation: int | None = None,
    more: dict[int, object] | None = None,
) -> bytes:
    """``film``: FocalLengthIn35mmFilm; ``pixels``: PixelXDimension and PixelYDimension; ``more`` other tags of the Exif directory."""
    block = Image.Exif()
    if orientation is not None:
        block[0x0112] = orientation
    block[0x010F] = "Maker of this camera"
    tags = block.get_ifd(0x8769)
    if film is not None:
        tags[0xA405] = film
    if pixels is not None:
        tags[0xA002], tags[0xA003] = pixels
    tags.update(more or {})
    block.get_ifd(0x8825)[0x001C] = b"where it was taken"
    return block.tobytes()


def sensor(focal_mm: tuple[int, int], per_unit: int, unit: int) -> dict[int, object]:
    """FocalLength as a fraction, FocalPlaneXResolution and FocalPlaneResolutionUnit."""
    return {0x920A: IFDRational(*focal_mm), 0xA20E: IFDRational(per_unit, 1), 0xA210: unit}
