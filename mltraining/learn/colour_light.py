"""A photo as another light, exposure or camera would have recorded it, for measuring how far the colour reading follows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from recommendations.engine.colour_space import TO_XYZ, encode, linear

from .face_shape_photos import LIGHTS, STABLE_UNDER, jpeg, lit, scaled

Change = Callable[[np.ndarray], np.ndarray]

#: Bradford cone responses of CIE XYZ (CIE 160:2004).
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
#: CIE 1931 chromaticities of illuminant A (2856 K) and of the plain fluorescent lamp F2 (CIE 15:2004).
ILLUMINANT_A: Final = (0.44757, 0.40745)
ILLUMINANT_F2: Final = (0.3721, 0.3751)


def daylight(kelvin: float) -> tuple[float, float]:
    """CIE 1931 (x, y) of daylight of a correlated colour temperature, 4000..25000 K (CIE 15:2004, eq. 3.2-3.4)."""
    if not 4000 <= kelvin <= 25000:
        raise ValueError(f"daylight is defined from 4000 to 25000 K, not at {kelvin:g} K")
    t = 1000 / kelvin
    if kelvin <= 7000:
        x = -4.6070 * t**3 + 2.9678 * t**2 + 0.09911 * t + 0.244063
    else:
        x = -2.0064 * t**3 + 1.9018 * t**2 + 0.24748 * t + 0.237040
    return x, -3.000 * x**2 + 2.870 * x - 0.275


def white_of(xy: tuple[float, float]) -> np.ndarray:
    """(3,) linear sRGB of a white of that chromaticity, its luminance 1; may leave 0..1."""
    x, y = xy
    return np.asarray(np.linalg.solve(TO_XYZ, np.array([x / y, 1.0, (1 - x - y) / y])))


def adaptation(white: np.ndarray) -> np.ndarray:
    """(3, 3) matrix in linear sRGB that turns D65 white into ``white`` (3,): von Kries scaling of Bradford cone responses."""
    to_cones = _BRADFORD @ TO_XYZ
    gains = (to_cones @ white) / (to_cones @ np.ones(3))
    return np.asarray(np.linalg.solve(to_cones, gains[:, None] * to_cones))


def under(xy: tuple[float, float]) -> Change:
    """The photo under that light, taken by a camera that is balanced for D65."""
    matrix = adaptation(white_of(xy)).astype(np.float32)
    return lambda image: encode(linear(image) @ matrix.T)


def gamma(exponent: float) -> Change:
    return lambda image: np.round(255 * (image / 255.0) ** exponent).astype(np.uint8)


#: Lights, by how far the camera's white balance is off: fully for the first, partly for the last ones.
LIGHT_CHANGES: Final[dict[str, Change]] = {
    "tungsten 2856 K": under(ILLUMINANT_A),
    "warm 4000 K": under(daylight(4000)),
    "fluorescent F2": under(ILLUMINANT_F2),
    "cool 8000 K": under(daylight(8000)),
    "cool 10000 K": under(daylight(10000)),
    "slightly warm 5500 K": under(daylight(5500)),
    "slightly cool 7500 K": under(daylight(7500)),
    "green (G+15 %)": lambda image: lit(image, 1 / 1.15, 1 / 1.15, 0.055),
    **{name: lambda image, g=gains: lit(image, *g) for name, gains in LIGHTS.items() if gains[2] == 0},  # type: ignore[misc]
}
EXPOSURE_CHANGES: Final[dict[str, Change]] = {
    "exposure x 0.5": lambda image: lit(image, 1.0, 1.0, -1.0),
    "exposure x 0.7": lambda image: lit(image, 1.0, 1.0, float(np.log2(0.7))),
    "exposure x 1.4": lambda image: lit(image, 1.0, 1.0, float(np.log2(1.4))),
    "brightness x 0.7": STABLE_UNDER["brightness x 0.7"],
    "gamma 0.8": gamma(0.8),
    "gamma 1.2": gamma(1.2),
}
OTHER_CHANGES: Final[dict[str, Change]] = {
    "jpeg quality 30": lambda image: jpeg(image, 30),
    "half size": lambda image: scaled(image, 0.5),
    "mirrored": STABLE_UNDER["mirrored"],
}
CHANGES: Final[dict[str, Change]] = {**LIGHT_CHANGES, **EXPOSURE_CHANGES, **OTHER_CHANGES}
