"""HEIF files written box by box around pictures that libheif coded: portraits as phones store them, and hostile item tables."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import pillow_heif
from PIL import Image

from tests.hairme.hostile_images import picture


def box(kind: bytes, *parts: bytes, full: int | None = None) -> bytes:
    """A box; ``full`` is the version and flags of a full box."""
    body = (b"" if full is None else struct.pack(">I", full)) + b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def heic(array: np.ndarray, **options: object) -> bytes:
    """``array`` (RGB or RGBA) written by pillow_heif."""
    buffer = BytesIO()
    pillow_heif.from_pillow(Image.fromarray(array)).save(buffer, **{"quality": 95, "chroma": 444, **options})
    return buffer.getvalue()


def coded(array: np.ndarray) -> tuple[bytes, bytes]:
    """(``hvcC`` box, HEVC data) of ``array``."""
    data = heic(array)
    start = data.index(b"hvcC") - 4
    return data[start : start + struct.unpack_from(">I", data, start)[0]], data[data.index(b"mdat") + 4 :]


@dataclass
class Item:
    """One row of the tables: ``extents`` repeats its data that often; ``properties`` are 1-based indexes."""

    kind: bytes
    data: bytes
    properties: tuple[int, ...] = ()
    extents: int = 1
    shared_with: int | None = None


@dataclass
class Heif:
    """A HEIF file being written; items are numbered from 1 and the first is the primary one."""

    properties: list[bytes]
    items: list[Item]
    references: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    tail: bytes = b""

    def build(self) -> bytes:
        start = len(self._head(0)) + 8
        return self._head(start) + box(b"mdat", *(item.data for item in self.items)) + self.tail

    def _head(self, start: int) -> bytes:
        offsets, position = [], start
        for item in self.items:
            offsets.append(position)
            position += len(item.data)
        locations, entries, associations = b"", b"", b""
        for number, item in enumerate(self.items, 1):
            owner = number if item.shared_with is None else item.shared_with
            extent = struct.pack(">II", offsets[owner - 1], len(self.items[owner - 1].data))
            locations += struct.pack(">HHHH", number, 0, 0, item.extents) + extent * item.extents
            entries += box(b"infe", struct.pack(">HH4sB", number, 0, item.kind, 0), full=0x02000000)
            associations += struct.pack(">HB", number, len(item.properties)) + bytes(0x80 | index for index in item.properties)
        count = len(self.items)
        meta = [
            box(b"hdlr", struct.pack(">I4s12xB", 0, b"pict", 0), full=0),
            box(b"pitm", struct.pack(">H", 1), full=0),
            box(b"iloc", b"\x44\0", struct.pack(">H", count), locations, full=0x01000000),
            box(b"iinf", struct.pack(">H", count), entries, full=0),
            box(b"iprp", box(b"ipco", *self.properties), box(b"ipma", struct.pack(">I", count), associations, full=0)),
        ]
        if self.references:
            rows = (box(k, struct.pack(f">HH{len(t)}H", source, len(t), *t)) for k, source, t in self.references)
            meta.append(box(b"iref", *rows, full=0))
        return box(b"ftyp", b"heic", bytes(4), b"mif1heic") + box(b"meta", *meta, full=0)


def size(width: int, height: int) -> bytes:
    return box(b"ispe", struct.pack(">II", width, height), full=0)


def single(array: np.ndarray, *more: bytes, claimed: tuple[int, int] | None = None) -> Heif:
    """One picture; ``more`` properties are put on it, ``claimed`` replaces its true size."""
    configuration, data = coded(array)
    width, height = claimed or (array.shape[1], array.shape[0])
    return Heif([configuration, size(width, height), *more], [Item(b"hvc1", data, tuple(range(1, 3 + len(more))))])


def phone_portrait(array: np.ndarray, exif: bytes) -> bytes:
    """As a phone held upright stores it: landscape pixels, ``irot`` of 270 degrees, and the same turn once more in Exif (6)."""
    file = single(np.ascontiguousarray(np.rot90(array, 1)), box(b"irot", b"\x03"))
    file.items.append(Item(b"Exif", struct.pack(">I", 6) + exif))
    file.references.append((b"cdsc", 2, [1]))
    return file.build()


def mirrored(array: np.ndarray) -> bytes:
    """Pixels stored mirrored left to right, with the ``imir`` (axis 1) that undoes it."""
    return single(np.ascontiguousarray(array[:, ::-1]), box(b"imir", b"\x01")).build()


def with_nclx(array: np.ndarray, primaries: int, transfer: int) -> bytes:
    return single(array, box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 6, 0x80))).build()


def grid(
    tile: np.ndarray,
    across: int,
    down: int,
    width: int,
    height: int,
    *,
    canvas: tuple[int, int] | None = None,
    tile_claims: tuple[int, int] | None = None,
) -> Heif:
    """A grid that names one tile ``across`` x ``down`` times.

    ``canvas`` replaces the output size in the item's own data, ``tile_claims`` the size of the tile.
    """
    configuration, data = coded(tile)
    layout = struct.pack(">BBBBII", 0, 1, down - 1, across - 1, *(canvas or (width, height)))
    items = [Item(b"grid", layout, (2,)), Item(b"hvc1", data, (1, 3))]
    properties = [configuration, size(width, height), size(*(tile_claims or (tile.shape[1], tile.shape[0])))]
    return Heif(properties, items, [(b"dimg", 1, [2] * (across * down))])


def shared_metadata(count: int, length: int) -> bytes:
    """``count`` Exif items over the same ``length`` bytes: opening it copies count x length."""
    file = single(picture())
    file.items.append(Item(b"Exif", bytes(length)))
    file.items += [Item(b"Exif", b"", shared_with=2) for _ in range(count - 1)]
    file.references = [(b"cdsc", number, [1]) for number in range(2, count + 2)]
    return file.build()


def burst_sharing_metadata(count: int, length: int) -> bytes:
    """``count`` pictures over the same data, each described by the same Exif of ``length`` bytes."""
    file = single(picture())
    properties = file.items[0].properties
    file.items += [Item(b"hvc1", b"", properties, shared_with=1) for _ in range(count - 1)]
    file.items.append(Item(b"Exif", bytes(length)))
    file.references = [(b"cdsc", count + 1, list(range(1, count + 1)))]
    return file.build()


def burst_sharing_profile(count: int, length: int) -> bytes:
    """``count`` pictures that share one colour profile of ``length`` bytes."""
    file = single(picture(), box(b"colr", b"prof", bytes(length)))
    file.items += [Item(b"hvc1", b"", file.items[0].properties, shared_with=1) for _ in range(count - 1)]
    return file.build()


def large_auxiliary() -> bytes:
    """A small picture whose alpha channel is a grid of 961 tiles of 8,192 x 8,192."""
    file = single(picture(), size(8_192, 8_192))
    file.items[0].properties = (1, 2)
    file.items += [Item(b"grid", struct.pack(">BBBBHH", 0, 0, 30, 30, 96, 80), (2,)), Item(b"hvc1", b"", (1, 3), shared_with=1)]
    file.references = [(b"auxl", 2, [1]), (b"dimg", 2, [3] * 961)]
    return file.build()


def overlay() -> bytes:
    """An overlay (``iovl``) of one picture a hundred times."""
    configuration, data = coded(picture())
    layout = struct.pack(">BB4HHH", 0, 0, 0, 0, 0, 65535, 96, 80) + bytes(4 * 100)
    items = [Item(b"iovl", layout, (2,)), Item(b"hvc1", data, (1, 2))]
    return Heif([configuration, size(96, 80)], items, [(b"dimg", 1, [2] * 100)]).build()


def bombs() -> dict[str, tuple[bytes, str | None]]:
    """HEIF files that ask for far more than they show, with the code they end in (``None``: the picture is shown)."""
    small, flat = picture(), np.full((256, 256, 3), 128, dtype=np.uint8)
    endless = single(small)
    endless.items[0].extents = 20_000
    many, complex_ = "image_too_many_pixels", "image_too_complex"
    return {
        "heif of 65,535 x 65,535": (single(small, claimed=(65_535, 65_535)).build(), many),
        "heif larger than it claims": (single(flat, claimed=(64, 64)).build(), "image_corrupt"),
        "heif metadata sharing bytes": (shared_metadata(900, 1_000_000), complex_),
        "heif burst sharing metadata": (burst_sharing_metadata(600, 5_000_000), None),
        "heif burst sharing a profile": (burst_sharing_profile(300, 5_000_000), complex_),
        "heif alpha channel of large tiles": (large_auxiliary(), complex_),
        "heif burst of one picture": (burst_sharing_metadata(900, 100), complex_),
        "heif grid of one tile": (grid(flat, 31, 31, 100, 100).build(), complex_),
        "heif grid of large pixels": (grid(flat, 31, 31, 7_900, 7_900).build(), many),
        "heif grid of large tiles": (grid(flat, 31, 31, 7_000, 7_000, tile_claims=(8_192, 8_192)).build(), complex_),
        "heif grid canvas": (grid(flat, 2, 2, 512, 512, canvas=(30_000, 30_000)).build(), complex_),
        "heif overlay": (overlay(), "image_unsupported_type"),
        "heif with 20,000 extents": (endless.build(), complex_),
        "heif of 100,000 boxes": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + box(b"free") * 100_000, complex_),
    }
