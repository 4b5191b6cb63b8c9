"""The upload once more, its coded pixels bit for bit, without what else the file said: for keeping until a worker decodes it.

What a decoder needs to show the same picture stays: orientation, colour profile or its number, a transparent colour. Nothing is
decoded or coded again. The focal length is not in the copy; ``ImageInfo`` has it.
"""

from __future__ import annotations

import struct
import zlib

from hairme.common.images import png, webp
from hairme.common.images.tiff import ORIENTATION
from hairme.common.images.types import Screened

_ICC_PART = 65_519  # of a JPEG segment, after its length, marker name, number and count
_AFTER_IHDR = len(png.SIGNATURE) + 25


def copy_without_metadata(screened: Screened) -> bytes:
    """A file of the same format that passes the gate and decodes to the same pixels."""
    if screened.format == "JPEG":
        return b"\xff\xd8" + b"".join(_jpeg_segments(screened)) + screened.stream[2:]
    if screened.format == "PNG":
        return screened.stream[:_AFTER_IHDR] + b"".join(_png_chunks(screened)) + screened.stream[_AFTER_IHDR:]
    if screened.format == "WEBP":
        exif = _orientation(screened) if screened.orientation != 1 else b""
        return webp.with_extras(screened.stream, screened.width, screened.height, screened.icc or b"", exif)
    return screened.stream  # HEIF keeps turning and colour among the picture's own properties


def _orientation(screened: Screened) -> bytes:
    """A TIFF block that holds the orientation and nothing else (CIPA DC-008, 4.6)."""
    return b"MM\0*" + struct.pack(">LHHHLHHL", 8, 1, ORIENTATION, 3, 1, screened.orientation, 0, 0)


def _jpeg_segments(screened: Screened) -> list[bytes]:
    segments = []
    if screened.orientation != 1:
        segments.append(b"\xff\xe1" + _sized(b"Exif\0\0" + _orientation(screened)))
    icc = screened.icc or b""
    parts = [icc[at : at + _ICC_PART] for at in range(0, len(icc), _ICC_PART)]
    segments += [
        b"\xff\xe2" + _sized(b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part) for number, part in enumerate(parts, start=1)
    ]
    return segments


def _sized(payload: bytes) -> bytes:
    return struct.pack(">H", len(payload) + 2) + payload


def _png_chunks(screened: Screened) -> list[bytes]:
    chunks = []
    if screened.cicp:
        chunks.append(png.build(b"cICP", bytes([*screened.cicp, 0, 1])))
    if screened.icc:
        chunks.append(png.build(b"iCCP", b"profile\0\0" + zlib.compress(screened.icc)))
    if screened.colour_key:
        chunks.append(png.build(b"tRNS", struct.pack(f">{len(screened.colour_key)}H", *screened.colour_key)))
    if screened.orientation != 1:
        chunks.append(png.build(b"eXIf", _orientation(screened)))
    return chunks
