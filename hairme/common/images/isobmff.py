"""The item tables of a HEIF file (ISO/IEC 23008-12, ISO/IEC 14496-12): what it holds, where, and how much work it asks for."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from hairme.common.images.errors import ImageRejected

_MAX_BOXES = 4096
_MAX_EXTENTS = 16_384


@dataclass(slots=True)
class Items:
    """Tables of the ``meta`` box. Item ids are keys; sizes are (width, height) of the ``ispe`` property.

    ``flags_at`` and ``descriptions_at`` are file offsets: of each item's last flag byte (bit 0 hides the item), and of the
    type of each reference that ties metadata to a picture. ``stored_bytes`` and ``property_bytes`` count what
    the items claim: bytes that several items share count once for each. ``extents`` are the (offset, length) of each item's bytes
    in the file; ``inner_extents`` those within the ``idat`` box, before its place is known.
    """

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    flags_at: dict[int, int] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    descriptions_at: list[int] = field(default_factory=list)
    sizes: dict[int, tuple[int, int]] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    stored_bytes: int = 0
    property_bytes: int = 0
    last_byte: int = 0
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    inner_extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yields (type, offset of the box, offset of its payload, offset after it) between two offsets."""
    position = start
    for _ in range(_MAX_BOXES):
        if position == end:
            return
        if position + 8 > end:
            raise ImageRejected("image_truncated", reason="HEIF box header is cut off")
        size, kind = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1 and position + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, position + 8)
            body += 8
        elif size == 0:
            size = end - position
        if size < body - position:
            raise ImageRejected("image_corrupt", reason="HEIF box is smaller than its header")
        if position + size > end:
            raise ImageRejected("image_truncated", reason="HEIF box beyond the end")
        yield kind, position, body, position + size
        position += size
    raise ImageRejected("image_too_complex", reason="too many HEIF boxes")


def read_items(data: bytes, start: int, end: int) -> Items:
    """Reads the payload of a ``meta`` box; raises :class:`ImageRejected` when it is malformed."""
    items = Items()
    properties: list[tuple[int, tuple[int, int] | None]] = []
    associations: dict[int, list[int]] = {}
    data_box = 0
    try:
        for kind, _, body, stop in boxes(data, start + 4, end):
            table = _Reader(data[body:stop])
            if kind == b"pitm":
                items.primary = table.number(4 if table.version() else 2)
            elif kind == b"iinf":
                _read_kinds(table, items, body)
            elif kind == b"iloc":
                _read_locations(table, items, len(data))
            elif kind == b"idat":
                data_box = data_box or body
            elif kind == b"iref":
                _read_references(table, items, body)
            elif kind == b"iprp":
                for inner, _, inner_body, inner_stop in boxes(data, body, stop):
                    if inner == b"ipco":
                        properties += _read_properties(data, inner_body, inner_stop)
                    elif inner == b"ipma":
                        _read_associations(_Reader(data[inner_body:inner_stop]), associations)
    except (struct.error, IndexError) as error:
        raise ImageRejected("image_corrupt", reason="HEIF table ends early") from error
    for item, parts in items.inner_extents.items():
        if data_box:
            items.extents.setdefault(item, []).extend((data_box + offset, length) for offset, length in parts)
    for item, indexes in associations.items():
        for index in indexes:
            length, size = properties[index - 1] if 0 < index <= len(properties) else (0, None)
            items.property_bytes += length
            if size is not None:
                items.sizes[item] = size
    return items


class _Reader:
    """Big-endian numbers from the front of a table."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def number(self, size: int) -> int:
        """Unsigned number of ``size`` bytes (0 bytes is the number 0)."""
        end = self.position + size
        if end > len(self.data):
            raise IndexError("table ends early")
        value = int.from_bytes(self.data[self.position : end], "big")
        self.position = end
        return value

    def version(self) -> int:
        """Version of a full box; its flags are kept in ``flags``."""
        version, self.flags = self.number(1), self.number(3)
        return version


def _read_kinds(table: _Reader, items: Items, start: int) -> None:
    table.number(0 if table.version() == 0 else 2)
    table.number(2)
    for kind, _, body, stop in boxes(table.data, table.position, len(table.data)):
        if kind != b"infe":
            continue
        entry = _Reader(table.data[body:stop])
        version = entry.version()
        if version not in (2, 3):
            raise ImageRejected("image_unsupported_type", {"found": "HEIF"}, reason="old HEIF item entry")
        item = entry.number(2 if version == 2 else 4)
        entry.number(2)
        items.kinds[item] = entry.number(4).to_bytes(4, "big")
        items.flags_at[item] = start + body + 3
        if entry.flags & 1:
            items.hidden.add(item)


def _read_locations(table: _Reader, items: Items, total: int) -> None:
    version = table.version()
    sizes = table.number(2)
    offset_size, length_size, base_size, index_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
    extents = 0
    for _ in range(table.number(2 if version < 2 else 4)):
        item = table.number(2 if version < 2 else 4)
        method = 0 if version == 0 else table.number(2) & 15  # 0: in the file, 1: in the idat box
        table.number(2)
        base = table.number(base_size)
        for _ in range(table.number(2)):
            extents += 1
            if extents > _MAX_EXTENTS:
                raise ImageRejected("image_too_complex", reason="too many HEIF extents")
            table.number(index_size if version else 0)
            offset, length = table.number(offset_size), table.number(length_size)
            items.stored_bytes += length or total  # a length of 0 means all of the file
            if method == 0:
                items.last_byte = max(items.last_byte, base + offset + length)
            if method < 2:
                places = items.inner_extents if method else items.extents
                places.setdefault(item, []).append((base + offset, length or total))


def _read_references(table: _Reader, items: Items, start: int) -> None:
    size = 2 if table.version() == 0 else 4
    for kind, offset, body, stop in boxes(table.data, table.position, len(table.data)):
        entry = _Reader(table.data[body:stop])
        if kind == b"cdsc":
            items.descriptions_at.append(start + offset + 4)
        source = entry.number(size)
        items.references.append((kind, source, tuple(entry.number(size) for _ in range(entry.number(2)))))


def _read_properties(data: bytes, start: int, end: int) -> list[tuple[int, tuple[int, int] | None]]:
    """For each property in order: its length in bytes, and the (width, height) of an ``ispe``."""
    found: list[tuple[int, tuple[int, int] | None]] = []
    for kind, offset, body, stop in boxes(data, start, end):
        found.append((stop - offset, struct.unpack_from(">II", data, body + 4) if kind == b"ispe" else None))
    return found


def _read_associations(table: _Reader, associations: dict[int, list[int]]) -> None:
    version = table.version()
    wide = table.flags & 1
    for _ in range(table.number(4)):
        item = table.number(2 if version == 0 else 4)
        indexes = [table.number(2) & 0x7FFF if wide else table.number(1) & 0x7F for _ in range(table.number(1))]
        associations.setdefault(item, []).extend(indexes)
