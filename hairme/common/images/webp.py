"""Structure of a WebP (RFC 9649): size, frames, orientation, profile; and the file with its first frame only."""

from __future__ import annotations

import struct

from hairme.common.images.errors import ImageRejected
from hairme.common.images.lens import focal_ratio
from hairme.common.images.tiff import read_orientation
from hairme.common.images.types import MAX_ICC_BYTES, Limits, Screened

_MAX_CHUNKS = 32_768
_ICC_FLAG, _ALPHA_FLAG, _EXIF_FLAG, _ANIMATION_FLAG = 0x20, 0x10, 0x08, 0x02
_EXTENDED_BYTES = 18


def screen_webp(data: bytes, limits: Limits) -> Screened:
    """Checks the structure of a WebP; raises :class:`ImageRejected`. Never decodes."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + 1:  # writers differ on counting the last padding byte
        raise ImageRejected("image_truncated", reason="WebP is shorter than it says")
    first, frames = _chunks(data, min(end, len(data)))
    extended = first.get(b"VP8X")
    if extended is None:
        width, height = _bitstream_size(first)
        limits.check_pixels(width, height)
        return Screened("WEBP", width, height, 1, _riff(_still(first, width, height)))
    if len(extended) < 10:
        raise ImageRejected("image_corrupt", reason="short WebP header")
    flags = extended[0]
    width = 1 + int.from_bytes(extended[4:7], "little")
    height = 1 + int.from_bytes(extended[7:10], "little")
    animated = bool(flags & _ANIMATION_FLAG)
    frames = frames if animated else 1
    limits.check_pixels(width, height, max(frames, 1))
    if animated:
        if b"ANIM" not in first or b"ANMF" not in first:
            raise ImageRejected("image_corrupt", reason="animated WebP without frames")
        body = _header(flags & (_ALPHA_FLAG | _ANIMATION_FLAG), width, height)
        body += _build(b"ANIM", first[b"ANIM"]) + _build(b"ANMF", first[b"ANMF"])
    else:
        if _bitstream_size(first) != (width, height):
            raise ImageRejected("image_corrupt", reason="WebP canvas and picture differ in size")
        body = _still(first, width, height)
    icc, exif = first.get(b"ICCP"), first.get(b"EXIF", b"")
    return Screened(
        "WEBP",
        width,
        height,
        frames,
        _riff(body),
        read_orientation(exif),
        icc if icc and len(icc) <= MAX_ICC_BYTES else None,
        focal_ratio=focal_ratio(exif, width, height),
    )


def with_extras(stream: bytes, width: int, height: int, icc: bytes, exif: bytes) -> bytes:
    """A screened file with a profile and an Exif block around its picture (RFC 9649, 2.7); as it is where both are empty."""
    if not icc and not exif:
        return stream
    body, flags = stream[12:], 0
    if body[:4] == b"VP8X":
        body, flags = body[_EXTENDED_BYTES:], body[8]
    flags |= _ICC_FLAG * bool(icc) | _EXIF_FLAG * bool(exif)
    parts = [_header(flags, width, height), _build(b"ICCP", icc) if icc else b"", body, _build(b"EXIF", exif) if exif else b""]
    return _riff(b"".join(parts))


def _chunks(data: bytes, end: int) -> tuple[dict[bytes, bytes], int]:
    """(first payload of each chunk type, number of animation frames)."""
    first: dict[bytes, bytes] = {}
    frames = count = 0
    position = 12
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, position)
        if position + 8 + length > end:
            raise ImageRejected("image_truncated", reason="WebP chunk beyond the end")
        count += 1
        if count > _MAX_CHUNKS:
            raise ImageRejected("image_too_complex", reason="too many WebP chunks")
        frames += kind == b"ANMF"
        if kind not in first:
            first[kind] = data[position + 8 : position + 8 + length]
        position += 8 + length + (length & 1)
    return first, frames


def _bitstream_size(first: dict[bytes, bytes]) -> tuple[int, int]:
    """Size in the header of the lossy (RFC 6386, 9.1) or lossless (RFC 9649, 3.4) bitstream."""
    lossy, lossless = first.get(b"VP8 "), first.get(b"VP8L")
    if lossy is not None and len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", lossy, 6)
        return width & 0x3FFF, height & 0x3FFF
    if lossless is not None and len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    raise ImageRejected("image_corrupt", reason="WebP without a picture")


def _still(first: dict[bytes, bytes], width: int, height: int) -> bytes:
    if b"VP8 " not in first:
        return _build(b"VP8L", first[b"VP8L"])
    if b"ALPH" not in first:
        return _build(b"VP8 ", first[b"VP8 "])
    return _header(_ALPHA_FLAG, width, height) + _build(b"ALPH", first[b"ALPH"]) + _build(b"VP8 ", first[b"VP8 "])


def _header(flags: int, width: int, height: int) -> bytes:
    return _build(b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


def _build(kind: bytes, payload: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(payload)) + payload + b"\0" * (len(payload) & 1)


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
