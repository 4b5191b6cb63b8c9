"""The neutral model's face: average MediaPipe landmarks of frontal faces, made symmetric, and how each face shape departs from them.

Unit = face width, origin between the eyes, x right, y down; the same frame as ``FaceReading.features``.
"""

from __future__ import annotations

from typing import Final

#: Right half of the face oval from the forehead (landmark 10) to the chin (152): population mean.
MEAN_HALF: Final[tuple[tuple[float, float], ...]] = (
    (0.0, -0.385), (0.144, -0.382), (0.264, -0.364), (0.37, -0.324), (0.436, -0.263), (0.473, -0.185), (0.492, -0.101),
    (0.499, 0.005), (0.495, 0.105), (0.49, 0.212), (0.477, 0.325), (0.449, 0.446), (0.404, 0.545), (0.351, 0.618),
    (0.283, 0.683), (0.225, 0.727), (0.164, 0.768), (0.092, 0.796), (0.0, 0.806),
)  # fmt: skip

#: What a hairdresser means by each shape, as (narrower forehead, longer lower face, narrower jaw, pointed chin, angular jaw).
#: Class means of a photo set differ by a few hundredths only, too little to see at card size; these are the textbook shapes.
SHAPE_TRAITS: Final[dict[str, tuple[float, float, float, float, float]]] = {
    "heart": (-0.025, 0.01, 0.035, 0.75, 0.0),
    "oblong": (0.010, 0.11, 0.000, 0.1, 0.15),
    "oval": (0.005, 0.02, 0.015, 0.35, 0.0),
    "round": (0.000, -0.055, -0.022, -0.5, -0.15),
    "square": (-0.004, -0.015, -0.030, -0.45, 0.75),
}

_EYE: Final = (
    (0.129, 0.018), (0.142, 0.003), (0.171, -0.018), (0.212, -0.035), (0.252, -0.039), (0.29, -0.033), (0.313, -0.022),
    (0.326, -0.013), (0.336, -0.006), (0.319, 0.008), (0.3, 0.018), (0.274, 0.025), (0.236, 0.027), (0.199, 0.026),
    (0.163, 0.021), (0.139, 0.019),
)  # fmt: skip
_BROW: Final = (
    (0.116, -0.144), (0.223, -0.165), (0.314, -0.176), (0.382, -0.161), (0.424, -0.124), (0.401, -0.099), (0.361, -0.128),
    (0.3, -0.138), (0.215, -0.127), (0.1, -0.11),
)  # fmt: skip
_NOSE: Final = (
    (0.0, -0.022), (0.0, 0.041), (0.0, 0.097), (0.0, 0.148), (0.0, 0.203), (0.0, 0.269), (0.0, 0.317), (0.0, 0.352),
    (-0.137, 0.326), (0.137, 0.326), (-0.164, 0.275), (0.164, 0.275),
)  # fmt: skip
_LIPS_OUTER: Final = (
    (-0.19, 0.475), (-0.16, 0.461), (-0.12, 0.449), (-0.06, 0.437), (0.0, 0.446), (0.06, 0.437), (0.12, 0.449), (0.16, 0.461),
    (0.19, 0.475), (0.16, 0.53), (0.118, 0.565), (0.064, 0.587), (0.0, 0.594), (-0.064, 0.587), (-0.118, 0.565), (-0.16, 0.53),
)  # fmt: skip
_LIPS_INNER: Final = (
    (-0.175, 0.478),
    (-0.07, 0.49),
    (0.0, 0.496),
    (0.07, 0.49),
    (0.175, 0.478),
    (0.07, 0.502),
    (0.0, 0.505),
    (-0.07, 0.502),
)


def neutral_features(face_shape: str = "oval") -> dict[str, list[list[float]]]:
    """Features of the neutral model with a textbook face shape, in the frame of ``FaceReading.features``.

    Raises KeyError for a word that is not in ``vocabulary.FACE_SHAPES``.
    """
    forehead, longer, narrower, pointed, angular = SHAPE_TRAITS[face_shape]
    half: list[tuple[float, float]] = []
    for index, (x, y) in enumerate(MEAN_HALF):
        below = max(y, 0.0) / 0.806
        if y < 0:
            x *= 1 - forehead * (-y / 0.385) * 4
            y *= 1 + longer * 0.5
        else:
            x *= 1 - narrower * 4 * below
            y *= 1 + longer
        if 12 <= index <= 16:  # the curve from jaw corner to chin
            x *= 1 - 0.11 * pointed * (index - 10) / 6
        if 9 <= index <= 13:  # the jaw corner itself
            x *= 1 + 0.05 * angular * (1 - abs(index - 12) / 4)
            y *= 1 + 0.02 * angular
        half.append((round(x, 4), round(y, 4)))
    outline = [[x, y] for x, y in half] + [[-x, y] for x, y in half[-2:0:-1]]
    lower = 1 + longer * 0.85
    return {
        "outline": outline,
        "left_eye": [[x, y] for x, y in _EYE],
        "right_eye": [[-x, y] for x, y in _EYE],
        "left_brow": [[x, y] for x, y in _BROW],
        "right_brow": [[-x, y] for x, y in _BROW],
        "nose": [[x, round(y * lower, 4)] for x, y in _NOSE],
        "lips_outer": [[x, round(y * lower, 4)] for x, y in _LIPS_OUTER],
        "lips_inner": [[x, round(y * lower, 4)] for x, y in _LIPS_INNER],
    }
