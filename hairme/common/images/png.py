"""Structure of a PNG (W3C PNG, third edition): size, frames, orientation, colour; and the file without its metadata."""

from __future__ import annotations

import struct
import zlib

from hairme.common.images.errors import ImageRejected
from hairme.common.images.lens import focal_ratio
from hairme.common.images.tiff import read_orientation
from hairme.common.images.types import MAX_ICC_BYTES, Limits, Screened

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MAX_CHUNKS = 32_768
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_GREY, _RGB, _PALETTE = 0, 2, 3
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"tRNS")


def screen_png(data: bytes, limits: Limits) -> Screened:
    """Checks the structure of a PNG; raises :class:`ImageRejected`. Never inflates pixels."""
    position, chunks = len(SIGNATURE), 0
    first: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    frames = 0
    while True:
        kind, payload, position = _chunk(data, position)
        chunks += 1
        if chunks > _MAX_CHUNKS:
            raise ImageRejected("image_too_complex", reason="too many PNG chunks")
        if (chunks == 1) != (kind == b"IHDR"):
            raise ImageRejected("image_corrupt", reason="PNG header is not the first and only one")
        if kind == b"IHDR":
            # Before anything else is read, so that a bomb costs nothing.
            width, height, depth, colour, interlace = _header(payload)
            limits.check_pixels(width, height)
        elif kind == b"IDAT":
            pixels.append(payload)
        elif kind == b"fcTL":
            frames += 1
        elif kind == b"IEND":
            break
        else:
            first.setdefault(kind, payload)
    if not pixels:
        raise ImageRejected("image_corrupt", reason="PNG without pixels")
    if len(first.get(b"acTL", b"")) == 8:
        frames = max(frames, struct.unpack(">I", first[b"acTL"][:4])[0])
    frames = max(frames, 1)
    limits.check_pixels(width, height, frames)
    palette = first.get(b"PLTE", b"")
    if colour == _PALETTE and (not palette or len(palette) % 3 or len(palette) > 768):
        raise ImageRejected("image_corrupt", reason="PNG palette missing or malformed")
    transparency = first.get(b"tRNS", b"")
    parts = [SIGNATURE, build(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))]
    if colour == _PALETTE:
        parts.append(build(b"PLTE", palette))
        if transparency:
            parts.append(build(b"tRNS", transparency[:256]))
    parts += [build(b"IDAT", b"".join(pixels)), build(b"IEND", b"")]
    cicp, exif = first.get(b"cICP", b""), first.get(b"eXIf", b"")
    return Screened(
        "PNG",
        width,
        height,
        frames,
        b"".join(parts),
        read_orientation(exif),
        _profile(first.get(b"iCCP", b"")),
        (cicp[0], cicp[1]) if len(cicp) == 4 else None,
        _colour_key(colour, transparency),
        depth,
        focal_ratio(exif, width, height),
    )


def _chunk(data: bytes, position: int) -> tuple[bytes, bytes, int]:
    """(type, payload, offset of the next chunk). The checksum is verified where a wrong byte would change the picture."""
    if position + 8 > len(data):
        raise ImageRejected("image_truncated", reason="PNG without an end chunk")
    length, kind = struct.unpack_from(">I4s", data, position)
    if not kind.isalpha() or length > 0x7FFFFFFF:
        raise ImageRejected("image_corrupt", reason="PNG chunk header is malformed")
    end = position + 12 + length
    if end > len(data):
        raise ImageRejected("image_truncated", reason="PNG chunk beyond the end")
    payload = data[position + 8 : end - 4]
    if kind in _CRITICAL and zlib.crc32(payload, zlib.crc32(kind)) != struct.unpack_from(">I", data, end - 4)[0]:
        raise ImageRejected("image_corrupt", reason="PNG checksum is wrong")
    return kind, payload, end


def build(kind: bytes, payload: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I4s", len(payload), kind) + payload + struct.pack(">I", zlib.crc32(payload, zlib.crc32(kind)))


def _header(payload: bytes) -> tuple[int, int, int, int, int]:
    """(width, height, bit depth, colour type, interlace)."""
    if len(payload) != 13:
        raise ImageRejected("image_corrupt", reason="PNG header has the wrong length")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", payload)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise ImageRejected("image_corrupt", reason="PNG header has undefined values")
    return width, height, depth, colour, interlace


def _profile(payload: bytes) -> bytes | None:
    """The inflated ICC profile; ``None`` if it is damaged or inflates beyond :data:`MAX_ICC_BYTES`."""
    name, _, rest = payload.partition(b"\0")
    if not name or rest[:1] != b"\0":
        return None
    try:
        profile = zlib.decompressobj().decompress(rest[1:], MAX_ICC_BYTES + 1)
    except zlib.error:
        return None
    return profile if 0 < len(profile) <= MAX_ICC_BYTES else None


def _colour_key(colour: int, transparency: bytes) -> tuple[int, ...] | None:
    """The sample value(s) that mean transparent in a grey or RGB picture, at the picture's own bit depth.

    Kept out of the decoder's sight because Pillow compares it with samples already scaled to 8 bits.
    """
    count = {_GREY: 1, _RGB: 3}.get(colour, 0)
    if not count or len(transparency) < 2 * count:
        return None
    return struct.unpack(f">{count}H", transparency[: 2 * count])
