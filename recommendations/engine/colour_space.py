"""sRGB to CIELAB and what is read from it. All arrays end in three channels; D65 white, 2 degree observer."""

from __future__ import annotations

from typing import Final

import numpy as np

#: IEC 61966-2-1 (sRGB) primaries, linear, to CIE XYZ, D65.
TO_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
#: Tristimulus of the D65 white: what the matrix makes of (1, 1, 1).
WHITE: Final = TO_XYZ.sum(axis=1)
_EPSILON: Final = (6 / 29) ** 3
_KAPPA: Final = (29 / 3) ** 3
_DECODED: Final = np.where(
    np.arange(256) <= 0.04045 * 255, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
).astype(np.float32)


def linear(rgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB -> linear light 0..1 (IEC 61966-2-1), float32, by table."""
    return _DECODED[rgb]


def encode(light: np.ndarray) -> np.ndarray:
    """Linear light -> uint8 sRGB, clipped."""
    clipped = np.clip(light, 0.0, 1.0)
    coded = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.round(coded * 255).astype(np.uint8)


def lab_of_linear(light: np.ndarray) -> np.ndarray:
    """Linear sRGB -> CIELAB (CIE 15:2004): L* 0..100, a* and b* about -110..110. Keeps the precision it is given."""
    relative = light @ (TO_XYZ / WHITE[:, None]).T.astype(light.dtype)
    root = np.where(relative > _EPSILON, np.cbrt(relative), (_KAPPA * relative + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def linear_of_lab(lab: np.ndarray) -> np.ndarray:
    """Inverse of ``lab_of_linear``; may leave 0..1 for colours sRGB cannot show."""
    y = (lab[..., 0] + 16) / 116
    root = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    relative = np.where(root > 6 / 29, root**3, (116 * root - 16) / _KAPPA)
    return (relative * WHITE) @ np.linalg.inv(TO_XYZ).T


def lab(rgb: np.ndarray) -> np.ndarray:
    """uint8 sRGB -> CIELAB."""
    return lab_of_linear(linear(rgb))


def ita(lightness: float, b: float) -> float:
    """Individual typology angle in degrees: above 55 very light, 41 light, 28 intermediate, 10 tan, -30 brown, below it dark.

    Chardon, Cretois and Hourseau, "Skin colour typology and suntanning pathways", Int. J. Cosmetic Science 13, 1991, written with
    atan2 so that b* of zero or less is no exception.
    """
    return float(np.degrees(np.arctan2(lightness - 50.0, b)))


def chroma(a: float, b: float) -> float:
    return float(np.hypot(a, b))


def hue_degrees(a: float, b: float) -> float:
    """CIELAB hue angle, 0..360: skin lies about 40 (pink) to 75 (yellow)."""
    return float(np.degrees(np.arctan2(b, a)) % 360.0)
