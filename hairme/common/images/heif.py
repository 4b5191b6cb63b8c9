"""HEIF/HEIC: checks on the item tables, then libheif for the header and the pixels.

libheif has limits of its own, but made for desktop use: a 1 MB file whose metadata items all point at the same bytes makes it
copy gigabytes while merely opening, and a grid may name one tile a thousand times. Both are refused here first.
"""

from __future__ import annotations

import pillow_heif
from PIL import Image

from hairme.common.images.errors import ImageRejected
from hairme.common.images.isobmff import Items, boxes, read_items
from hairme.common.images.lens import focal_ratio
from hairme.common.images.types import MAX_ICC_BYTES, Limits, Screened

_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_PICTURES = {b"hvc1", b"grid"}
# Not listed: items that libheif computes from others (overlay, identity, tiled) or decodes with other codecs.
_TOLERATED = _PICTURES | {b"tmap", b"Exif", b"mime", b"uri ", b"rgan", b"mski", b"jpeg"}
_METADATA = {b"Exif", b"mime", b"uri "}
_MAX_REUSE = 4
_SMALL_GRID = 4_000_000
_SMALL_TABLES = 2_000_000
_MAX_EXIF = 65_536  # as much as a JPEG can hold


def is_heif(data: bytes) -> bool:
    """Whether the file-type box names an HEVC still-image brand (AVIF has its own brands and is not one)."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), len(data), 512)
    brands = {data[8:12], *(data[i : i + 4] for i in range(16, end - 3, 4))}
    return data[8:12] not in (b"avif", b"avis") and bool(brands & _HEVC_BRANDS)


def screen_heif(data: bytes, limits: Limits) -> Screened:
    """Checks the structure of a HEIF file; raises :class:`ImageRejected`. Opens it with libheif, never decodes pixels."""
    stream = bytearray(data)
    items: Items | None = None
    for kind, offset, body, end in boxes(data, 0, len(data)):
        if kind == b"meta" and items is None:
            items = read_items(data, body, end)
        elif kind not in (b"ftyp", b"mdat"):
            # Films, vendor boxes and whatever follows the picture: hidden in place, because items are addressed by file offset.
            stream[offset + 4 : offset + 8] = b"free"
            stream[body:end] = bytes(end - body)
    if items is None:
        raise ImageRejected("image_corrupt", reason="HEIF without item tables")
    frames = _check_items(items, len(data), limits)
    # libheif is shown the primary picture alone, and no metadata: both are loaded on opening, once for every picture there is.
    for item, offset in items.flags_at.items():
        if item != items.primary:
            stream[offset] |= 1
    for offset in items.descriptions_at:
        stream[offset : offset + 4] = b"free"
    for item, kind_of_item in items.kinds.items():
        if kind_of_item in _METADATA:
            for offset, length in items.extents.get(item, ()):
                end = min(offset + length, len(stream))
                stream[offset:end] = bytes(max(0, end - offset))
    opened = open_heif(bytes(stream))
    width, height = opened.size
    limits.check_pixels(width, height, frames)
    _check_tiling(opened.info.get("tiling"), limits)
    icc = opened.info.get("icc_profile")
    nclx = opened.info.get("nclx_profile")
    return Screened(
        "HEIF",
        width,
        height,
        frames,
        bytes(stream),
        # libheif applies the file's own rotation and mirroring; Exif orientation must be ignored (ISO/IEC 23008-12, A.2).
        orientation=1,
        icc=icc if icc and len(icc) <= MAX_ICC_BYTES else None,
        cicp=(nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None,
        focal_ratio=focal_ratio(_exif(data, items), width, height),
    )


def open_heif(stream: bytes) -> pillow_heif.HeifFile:
    """Opens a screened file; any complaint of libheif becomes ``image_corrupt`` or ``image_truncated``."""
    try:
        opened = pillow_heif.open_heif(stream, convert_hdr_to_8bit=True)
        if not len(opened):
            raise ImageRejected("image_corrupt", reason="HEIF without pictures")
    except (EOFError, OSError, RuntimeError, SyntaxError, ValueError, LookupError) as error:
        raise as_rejection(error) from error
    return opened


def decode_heif(stream: bytes) -> Image.Image:
    """Primary picture, upright, as a Pillow image without any metadata."""
    opened = open_heif(stream)
    primary = opened[opened.primary_index]
    try:
        data = primary.data
    except (EOFError, OSError, RuntimeError, SyntaxError, ValueError, LookupError) as error:
        raise as_rejection(error) from error
    return Image.frombytes(primary.mode, primary.size, data, "raw", primary.mode, primary.stride)


def as_rejection(error: Exception) -> ImageRejected:
    """The typed error for what libheif complained about."""
    if isinstance(error, ImageRejected):
        return error
    text = str(error)
    cut_off = isinstance(error, EOFError) or "End of data" in text or "truncated" in text
    return ImageRejected("image_truncated" if cut_off else "image_corrupt", reason=f"{type(error).__name__}: {text[:200]}")


def _exif(data: bytes, items: Items) -> bytes:
    """The TIFF block of the primary picture's Exif item (ISO/IEC 23008-12, A.2.1); empty where there is none."""
    described = [source for kind, source, targets in items.references if kind == b"cdsc" and items.primary in targets]
    for item in described:
        if items.kinds.get(item) == b"Exif" and len(items.extents.get(item, ())) == 1:
            ((offset, length),) = items.extents[item]
            block = data[offset : offset + min(length, _MAX_EXIF)]
            return block[4 + int.from_bytes(block[:4], "big") :]
    return b""


def _check_items(items: Items, total: int, limits: Limits) -> int:
    """Refuses item tables that ask for other decoders or for more work than one picture with its alpha channel.

    Returns the number of pictures that stand for themselves: not hidden, not a tile, thumbnail, depth map or gain map of another.
    """
    if items.primary not in items.kinds:
        raise ImageRejected("image_corrupt", reason="HEIF without a primary picture")
    if items.kinds[items.primary] not in _PICTURES or not set(items.kinds.values()) <= _TOLERATED:
        kinds = sorted(kind.decode("latin-1") for kind in set(items.kinds.values()) - _TOLERATED)
        raise ImageRejected("image_unsupported_type", {"found": "HEIF"}, reason=f"HEIF items {kinds}")
    if items.stored_bytes > _MAX_REUSE * total or items.property_bytes > _MAX_REUSE * total + _SMALL_TABLES:
        raise ImageRejected("image_too_complex", reason="HEIF items share the same bytes")
    if items.last_byte > total:
        raise ImageRejected("image_truncated", reason="HEIF item beyond the end")
    width, height = items.sizes.get(items.primary, (0, 0))
    limits.check_pixels(width, height)
    auxiliary = [source for kind, source, _ in items.references if kind == b"auxl"]
    if any(items.kinds.get(item) not in _PICTURES for item in auxiliary):
        raise ImageRejected("image_unsupported_type", {"found": "HEIF"}, reason="HEIF auxiliary picture of another kind")
    tiles: dict[int, list[int]] = {}
    for kind, source, targets in items.references:
        if kind == b"dimg" and items.kinds.get(source) == b"grid":
            tiles.setdefault(source, []).extend(targets)
    if any(items.kinds.get(target) != b"hvc1" for targets in tiles.values() for target in targets):
        raise ImageRejected("image_unsupported_type", {"found": "HEIF"}, reason="HEIF grid of derived pictures")
    primary = _coded_pixels(items, items.primary, tiles)
    # Twice is one picture and an alpha channel as large; a quarter more is what tiles may stick out at the edges.
    if primary + sum(_coded_pixels(items, item, tiles) for item in auxiliary) > 2.5 * limits.max_pixels:
        raise ImageRejected("image_too_complex", reason="HEIF pictures are larger than they show")
    if primary > 4 * width * height + _SMALL_GRID:
        raise ImageRejected("image_too_complex", reason="HEIF tiles cover far more than the picture")
    parts = {target for kind, _, targets in items.references if kind == b"dimg" for target in targets}
    parts |= {source for kind, source, _ in items.references if kind in (b"auxl", b"thmb")}
    pictures = {item for item, kind in items.kinds.items() if kind in _PICTURES}
    return len((pictures - parts - items.hidden) | {items.primary})


def _coded_pixels(items: Items, item: int, tiles: dict[int, list[int]]) -> int:
    """Pixels libheif decodes for an item: its own, or those of every tile as often as it is named."""
    sizes = [items.sizes.get(part, (0, 0)) for part in tiles.get(item, [item])]
    return sum(width * height for width, height in sizes)


def _check_tiling(tiling: dict[str, int] | None, limits: Limits) -> None:
    """A grid carries its output size a second time, in the item's own data: the canvas libheif allocates."""
    if tiling and tiling["image_width"] * tiling["image_height"] > limits.max_pixels:
        raise ImageRejected("image_too_complex", reason="HEIF grid canvas is larger than the picture")
