"""Reads a few numbers out of TIFF directories (Exif orientation, lens and size; MPF picture count) and nothing else.

A general Exif reader loads the value of every entry, and thousands of entries may all point at the same bytes (Pillow guards its
memory against that, with a warning for each entry). Looking only at the wanted single numbers has nothing to guard.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

ORIENTATION = 0x0112
MPF_PICTURE_COUNT = 0xB001

_MAX_ENTRIES = 1024
_INLINE = {3: "H", 4: "L"}
_RATIONAL = 5


def read_numbers(data: bytes, tags: Collection[int], *, below: int | None = None) -> dict[int, float]:
    """Values of the wanted ``tags`` that hold one SHORT, LONG (whole numbers) or RATIONAL (TIFF 6.0, 2); others are left out.

    From the first directory, or from the one that its LONG tag ``below`` points to. Nothing where that is absent or not TIFF.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return {}
    (start,) = struct.unpack_from(order + "L", data, 4)
    if below is not None:
        pointer = _directory(data, order, start, {below}).get(below)
        if pointer is None:
            return {}
        start = int(pointer)
    return _directory(data, order, start, tags)


def read_number(data: bytes, tag: int) -> int | None:
    """Value of an inline SHORT or LONG ``tag`` of the first directory; ``None`` if absent or not TIFF."""
    value = read_numbers(data, {tag}).get(tag)
    return value if isinstance(value, int) else None


def read_orientation(exif: bytes) -> int:
    """Exif orientation 1..8 of an Exif block (with or without its ``Exif\\0\\0`` prefix); 1 when absent or out of range."""
    value = read_number(exif.removeprefix(b"Exif\0\0"), ORIENTATION)
    return value if value is not None and 1 <= value <= 8 else 1


def _directory(data: bytes, order: str, start: int, tags: Collection[int]) -> dict[int, float]:
    found: dict[int, float] = {}
    if start + 2 > len(data):
        return found
    (count,) = struct.unpack_from(order + "H", data, start)
    for position in range(start + 2, start + 2 + 12 * min(count, _MAX_ENTRIES), 12):
        if position + 12 > len(data):
            break
        tag, kind, length = struct.unpack_from(order + "HHL", data, position)
        if tag not in tags or tag in found or length != 1:
            continue
        if kind in _INLINE:
            found[tag] = int(struct.unpack_from(order + _INLINE[kind], data, position + 8)[0])
        elif kind == _RATIONAL:
            (at,) = struct.unpack_from(order + "L", data, position + 8)
            if at + 8 <= len(data):
                over, under = struct.unpack_from(order + "LL", data, at)
                if under:
                    found[tag] = over / under
    return found
