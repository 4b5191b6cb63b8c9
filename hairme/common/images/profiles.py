"""ICC profiles for pictures that only name their colour space by number (HEIF ``nclx``, PNG ``cICP``; ITU-T H.273)."""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

Chromaticities = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

_D65 = (0.3127, 0.3290)
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])
# Bradford cone responses (ICC.1:2022, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

DISPLAY_P3: Chromaticities = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT2020: Chromaticities = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))

# H.273 table 2. BT.709 and sRGB (1) need no conversion.
_PRIMARIES: dict[int, Chromaticities] = {9: BT2020, 12: DISPLAY_P3}
# H.273 table 3: the codes shown like sRGB. PQ (16) and HLG (18) need tone mapping, which a profile cannot describe.
_SRGB_LIKE_TRANSFERS = {1, 2, 6, 13, 14, 15}


def profile_for_cicp(primaries: int, transfer: int) -> bytes | None:
    """Profile for H.273 code points, or ``None`` when the picture is (or can only be taken as) sRGB."""
    if primaries not in _PRIMARIES or transfer not in _SRGB_LIKE_TRANSFERS:
        return None
    return matrix_profile(_PRIMARIES[primaries])


@lru_cache(maxsize=8)
def matrix_profile(primaries: Chromaticities) -> bytes:
    """A version 4 display profile (ICC.1:2022): ``primaries`` as xy of red, green and blue, white D65, the sRGB curve."""
    columns = _colorants(primaries)
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    text = "matrix RGB".encode("utf-16-be")
    localised = b"mluc" + struct.pack(">IIIIII", 0, 1, 12, 0x656E5553, len(text), 28) + text
    tags = {
        b"desc": localised,
        b"cprt": localised,
        b"wtpt": _xyz(_D50_XYZ),
        b"rXYZ": _xyz(columns[:, 0]),
        b"gXYZ": _xyz(columns[:, 1]),
        b"bXYZ": _xyz(columns[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    directory, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for signature, payload in tags.items():
        directory += struct.pack(">4sII", signature, start + len(body), len(payload))
        body += payload + b"\0" * (-len(payload) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", start + len(body), b"\0" * 4, 0x04400000, b"mntr", b"RGB ", b"XYZ ", b"\0" * 12, b"acsp"
    )
    header += b"\0" * (68 - len(header)) + _fixed(*_D50_XYZ)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + directory + body


def _colorants(primaries: Chromaticities) -> np.ndarray:
    """(3, 3) RGB to XYZ adapted from D65 to D50: columns are the tristimulus values of red, green and blue."""
    xyz = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([_D65[0] / _D65[1], 1.0, (1 - _D65[0] - _D65[1]) / _D65[1]])
    scaled = xyz * np.linalg.solve(xyz, white)
    gain = np.diag((_BRADFORD @ _D50_XYZ) / (_BRADFORD @ white))
    return np.linalg.solve(_BRADFORD, gain @ _BRADFORD @ scaled)


def _fixed(*values: float) -> bytes:
    """s15Fixed16Number."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + b"\0" * 4 + _fixed(*values)
