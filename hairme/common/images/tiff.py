"""Reads one whole number out of a TIFF directory (Exif orientation, MPF picture count) and nothing else.

A general Exif reader loads the value of every entry, and thousands of entries may all point at the same bytes (Pillow guards its
memory against that, with a warning for each entry). Looking at inline numbers only has nothing to guard.
"""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
MPF_PICTURE_COUNT = 0xB001

_MAX_ENTRIES = 1024
_FORMATS = {3: "H", 4: "L"}


def read_number(data: bytes, tag: int) -> int | None:
    """Value of an inline SHORT or LONG ``tag`` of the first directory (TIFF 6.0, 2); ``None`` if absent or not TIFF."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return None
    (start,) = struct.unpack_from(order + "L", data, 4)
    if start + 2 > len(data):
        return None
    (count,) = struct.unpack_from(order + "H", data, start)
    for position in range(start + 2, start + 2 + 12 * min(count, _MAX_ENTRIES), 12):
        if position + 12 > len(data):
            return None
        found, kind, length = struct.unpack_from(order + "HHL", data, position)
        if found == tag and kind in _FORMATS and length == 1:
            return int(struct.unpack_from(order + _FORMATS[kind], data, position + 8)[0])
    return None


def read_orientation(exif: bytes) -> int:
    """Exif orientation 1..8 of an Exif block (with or without its ``Exif\\0\\0`` prefix); 1 when absent or out of range."""
    value = read_number(exif.removeprefix(b"Exif\0\0"), ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1
