"""Structure of a JPEG (ITU-T T.81, annex B): size, passes, orientation, profile; and the file without its metadata."""

from __future__ import annotations

import re

from hairme.common.images.errors import ImageRejected
from hairme.common.images.lens import focal_ratio
from hairme.common.images.tiff import MPF_PICTURE_COUNT, read_number, read_orientation
from hairme.common.images.types import MAX_ICC_BYTES, Limits, Screened

_MAX_SEGMENTS = 4096
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
# Inside coded data 0xFF is followed by 0x00 (stuffing) or a restart marker; anything else ends the scan.
_SCAN_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_ALL_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE


class _Header:
    """What the segments before the first scan say."""

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self.exif: bytes | None = None
        self.icc_parts: dict[int, bytes] = {}
        self.icc_count = 0
        self.pictures = 1
        self.has_gain_map = False
        self.jfif: bytes = b""
        self.adobe: bytes = b""
        self.tables: list[bytes] = []

    def take(self, marker: int, payload: bytes, segment: bytes) -> None:
        if marker in _ALL_FRAMES:
            self._frame(marker, payload)
            self.tables.append(segment)
        elif marker in _TABLES:
            self.tables.append(segment)
        elif marker == _APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14 and not self.jfif:
            # The first 12 bytes matter for colour; the thumbnail that may follow is declared empty.
            self.jfif = b"\xff\xe0\x00\x10" + payload[:12] + b"\0\0"
        elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
            self.adobe = b"\xff\xee\x00\x0e" + payload[:12]
        elif marker == _APP1 and payload.startswith(b"Exif\0\0") and self.exif is None:
            self.exif = payload
        elif marker == _APP1 and b"hdrgm:Version=" in payload:
            self.has_gain_map = True
        elif marker == _APP2 and payload.startswith(b"ICC_PROFILE\0") and len(payload) > 14:
            self.icc_parts.setdefault(payload[12], payload[14:])
            self.icc_count = payload[13]
        elif marker == _APP2 and payload.startswith(b"MPF\0"):
            self.pictures = max(1, read_number(payload[4:], MPF_PICTURE_COUNT) or 1)

    def _frame(self, marker: int, payload: bytes) -> None:
        if self.size is not None:
            raise ImageRejected("image_corrupt", reason="two JPEG frame headers")
        if len(payload) < 6:
            raise ImageRejected("image_corrupt", reason="short JPEG frame header")
        if marker not in _DECODABLE_FRAMES or payload[0] != 8 or payload[5] not in (1, 3, 4):
            raise ImageRejected("image_unsupported_type", {"found": "JPEG variant"}, reason=f"frame type {marker:#x}")
        self.size = (int.from_bytes(payload[3:5], "big"), int.from_bytes(payload[1:3], "big"))

    @property
    def frames(self) -> int:
        """Pictures in the file. The gain map of an Ultra HDR photo is part of the one picture, not a second one."""
        return 1 if self.has_gain_map else self.pictures

    @property
    def icc(self) -> bytes | None:
        """The profile, when all its parts are there (ICC.1:2010, annex B.4)."""
        if not self.icc_parts or sorted(self.icc_parts) != list(range(1, self.icc_count + 1)):
            return None
        profile = b"".join(self.icc_parts[i] for i in range(1, self.icc_count + 1))
        return profile if len(profile) <= MAX_ICC_BYTES else None


def screen_jpeg(data: bytes, limits: Limits) -> Screened:
    """Checks the structure of a JPEG; raises :class:`ImageRejected`. Never decodes."""
    header = _Header()
    position, segments = 2, 0
    while True:
        marker, start, end, segments = _next_segment(data, position, segments)
        if marker == _SOS:
            break
        if marker in (_SOI, _EOI):
            raise ImageRejected("image_corrupt", reason="JPEG ends before its first scan")
        if end > start + 2:
            header.take(marker, data[start + 4 : end], data[start:end])
        position = end
    if header.size is None:
        raise ImageRejected("image_corrupt", reason="JPEG scan without a frame header")
    width, height = header.size
    limits.check_pixels(width, height, header.frames)
    scans, stop = _scans(data, start, segments)
    if scans > limits.max_scans or scans * width * height > limits.max_scan_pixels:
        raise ImageRejected("image_too_complex", reason=f"{scans} JPEG scans")
    stream = b"".join([b"\xff\xd8", header.jfif, header.adobe, *header.tables, data[start:stop]])
    exif = header.exif or b""
    return Screened(
        "JPEG",
        width,
        height,
        header.frames,
        stream,
        read_orientation(exif),
        header.icc,
        focal_ratio=focal_ratio(exif, width, height),
    )


def _next_segment(data: bytes, position: int, segments: int, pattern: re.Pattern[bytes] = _MARKER) -> tuple[int, int, int, int]:
    """(marker, its offset, offset after its segment, segments so far). Standalone markers end after two bytes."""
    found = pattern.search(data, position)
    if found is None:
        raise ImageRejected("image_truncated", reason="no further JPEG marker")
    start = found.start()
    marker = data[start + 1]
    segments += 1
    if segments > _MAX_SEGMENTS:
        raise ImageRejected("image_too_complex", reason="too many JPEG segments")
    if marker in _STANDALONE or marker in (_SOI, _EOI):
        return marker, start, start + 2, segments
    if start + 4 > len(data):
        raise ImageRejected("image_truncated", reason="JPEG segment without a length")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    if length < 2:
        raise ImageRejected("image_corrupt", reason="JPEG segment length below 2")
    if start + 2 + length > len(data):
        raise ImageRejected("image_truncated", reason="JPEG segment beyond the end")
    return marker, start, start + 2 + length, segments


def _scans(data: bytes, start: int, segments: int) -> tuple[int, int]:
    """(number of scans, offset after the end-of-image marker, or the end of the data when it is missing)."""
    scans, position = 0, start
    while True:
        try:
            marker, _, position, segments = _next_segment(data, position, segments, _SCAN_END)
        except ImageRejected as error:
            if error.code == "image_too_complex":
                raise
            return scans, len(data)  # cut off or damaged after the first scan: the decoder says which
        if marker == _SOS:
            scans += 1
        elif marker == _EOI:
            return scans, position
