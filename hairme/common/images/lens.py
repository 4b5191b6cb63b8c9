"""The focal length a picture was taken with, as one number: what remains of its Exif, and only where it is still true.

Cropping changes the angle of view without changing what Exif says of the lens, so a picture counts only while it shows the whole
frame: it has the sides' ratio of a camera's sensor, and that of the size which its Exif names.
"""

from __future__ import annotations

from math import hypot

from hairme.common.images.tiff import read_numbers

_EXIF_DIRECTORY = 0x8769
_FOCAL_LENGTH, _FOCAL_LENGTH_35MM, _DIGITAL_ZOOM = 0x920A, 0xA405, 0xA404
_WIDTH, _HEIGHT = 0xA002, 0xA003
_PLANE_RESOLUTION, _PLANE_UNIT = 0xA20E, 0xA210
_TAGS = {_FOCAL_LENGTH, _FOCAL_LENGTH_35MM, _DIGITAL_ZOOM, _WIDTH, _HEIGHT, _PLANE_RESOLUTION, _PLANE_UNIT}

#: Millimetres in a FocalPlaneResolutionUnit (CIPA DC-008, 4.6.5; inch where it is not said). 4 and 5 are in wide use.
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
#: Diagonal of the 24 x 36 mm frame. CIPA DCG-001 compares lenses by the diagonal angle of view, not by the 36 mm side.
_DIAGONAL_MM = 43.27
#: Sides of sensors: telephones and compact cameras, system cameras. 16:9 and 1:1 are cut out of one of these.
_SENSORS = (4 / 3, 3 / 2)
_RATIO_TOLERANCE = 0.015  # sizes are rounded to whole coding blocks
#: Focal length over the longer side: 10 mm to 300 mm on film. Beyond lie writing errors.
_PLAUSIBLE = (0.28, 8.4)


def focal_ratio(exif: bytes, width: int, height: int) -> float | None:
    """Focal length over the longer side of a ``width`` x ``height`` picture (unitless); about 0.7 for a telephone's front camera.

    Times the longer side in pixels it is the focal length in pixels, at whatever size the picture is decoded. From
    FocalLengthIn35mmFilm, else from FocalLength and FocalPlaneXResolution. ``None`` where Exif does not say, where a digital zoom
    was used (writers differ on whether the focal length includes it) and where the picture is not the whole frame.
    """
    said = read_numbers(exif.removeprefix(b"Exif\0\0"), _TAGS, below=_EXIF_DIRECTORY)
    longer, shorter = max(width, height), min(width, height)
    original = sorted((said.get(_WIDTH, 0), said.get(_HEIGHT, 0)))
    if shorter < 1 or said.get(_DIGITAL_ZOOM, 1) > 1.02 or not any(_alike(longer / shorter, sensor) for sensor in _SENSORS):
        return None
    if original[0] and not _alike(longer / shorter, original[1] / original[0]):
        return None
    ratio = 0.0
    if film := said.get(_FOCAL_LENGTH_35MM):
        ratio = film / _DIAGONAL_MM * hypot(longer, shorter) / longer
    elif original[0]:
        per_mm = said.get(_PLANE_RESOLUTION, 0.0) / _UNIT_MM.get(int(said.get(_PLANE_UNIT, 2)), 25.4)
        ratio = said.get(_FOCAL_LENGTH, 0.0) * per_mm / original[1]
    return ratio if _PLAUSIBLE[0] <= ratio <= _PLAUSIBLE[1] else None


def _alike(one: float, other: float) -> bool:
    return abs(one / other - 1) <= _RATIO_TOLERANCE
