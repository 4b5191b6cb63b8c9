"""Scale-free measurements of a face mesh: ratios and angles that do not change with size, place or tilt of the head.

Every function takes ``(..., 478, 3)`` points (x right, y down, z away from the camera, one unit on all axes) and works on any
number of faces at once. Distances are taken in three dimensions in the mesh's own frame, so moderate yaw and pitch cancel.
The mesh ends below the hairline (point 10), so "thirds" are thirds of the mesh, not the thirds of portrait drawing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from recommendations.engine.mesh_topology import MIRROR, OUTLINE, PAIRS

TOP, GLABELLA, NOSE_BASE, CHIN = 10, 9, 2, 152
#: Degrees by which the mesh's own upright leans in the median reference photo.
MEAN_PITCH: Final = 9.4

#: Ratios of a distance to the face width (234-454): name -> (point, point).
_TO_WIDTH: Final[dict[str, tuple[int, int]]] = {
    "length_to_width": (TOP, CHIN),
    "forehead_to_cheek": (54, 284),
    "upper_forehead_to_cheek": (103, 332),
    "forehead_top_to_cheek": (67, 297),
    "temple_to_cheek": (162, 389),
    "cheekbone_to_cheek": (127, 356),
    "lower_cheek_to_cheek": (132, 361),
    "gonion_to_cheek": (58, 288),
    "jaw_to_cheek": (172, 397),
    "lower_jaw_to_cheek": (136, 365),
    "chin_side_to_cheek": (150, 379),
    "chin_to_cheek": (149, 378),
    "chin_tip_to_cheek": (148, 377),
    "eye_spacing": (133, 362),
    "eye_span": (33, 263),
    "nose_width": (64, 294),
    "mouth_width": (61, 291),
    "brow_span": (70, 300),
}
#: Ratios of a distance to the face length (10-152).
_TO_LENGTH: Final[dict[str, tuple[int, int]]] = {
    "upper_third": (TOP, GLABELLA),
    "middle_third": (GLABELLA, NOSE_BASE),
    "lower_third": (NOSE_BASE, CHIN),
    "chin_height": (17, CHIN),
    "nose_length": (168, NOSE_BASE),
    "lip_height": (0, 17),
}
#: Ratios between two other distances.
_BETWEEN: Final[dict[str, tuple[tuple[int, int], tuple[int, int]]]] = {
    "chin_to_jaw": ((149, 378), (172, 397)),
    "jaw_to_forehead": ((172, 397), (54, 284)),
    "gonion_to_forehead": ((58, 288), (54, 284)),
    "chin_tip_to_chin": ((148, 377), (149, 378)),
}
#: Angles in degrees at the middle point, averaged over both sides: name -> one side's points.
_ANGLES: Final[dict[str, tuple[int, int, int]]] = {
    "jaw_angle": (58, 172, 150),
    "jaw_angle_to_chin": (234, 172, CHIN),
    "gonion_angle": (132, 58, 172),
    "lower_jaw_angle": (172, 136, 150),
    "chin_corner_angle": (136, 149, CHIN),
    "temple_angle": (127, 54, TOP),
}
#: Angles in degrees at the middle point between a point and its partner.
_MIDLINE_ANGLES: Final[dict[str, tuple[int, int, int]]] = {
    "chin_angle": (172, CHIN, 397),
    "chin_tip_angle": (150, CHIN, 379),
    "face_taper_angle": (234, CHIN, 454),
    "forehead_angle": (54, TOP, 284),
}
_SHAPE: Final = (
    "outline_fill",
    "outline_roundness",
    "upper_outline_share",
    "gonion_height",
    "jaw_height",
    "eye_height",
    "chin_depth",
)

#: All measurements in the order of ``measure_array``'s last axis; part of the face-shape model's feature schema.
NAMES: Final[tuple[str, ...]] = (*_TO_WIDTH, *_TO_LENGTH, *_BETWEEN, *_ANGLES, *_MIDLINE_ANGLES, *_SHAPE)
#: Those that reasons speak of.
HEADLINES: Final[tuple[str, ...]] = (
    "length_to_width", "forehead_to_cheek", "jaw_to_cheek", "jaw_angle", "chin_to_jaw", "chin_angle",
    "upper_third", "middle_third", "lower_third", "eye_spacing",
)  # fmt: skip


def own_frame(points: np.ndarray) -> np.ndarray:
    """(..., 478, 3) -> (..., 3, 3) rotation whose rows are the face's own axes: to the picture's right, down, into the head.

    The first axis is the mean direction between partners across the face, the second the best line through the midline made
    perpendicular to it. ``(points - centre) @ frame.T`` is the face seen from the front.
    """
    x = _unit((points[..., PAIRS[:, 1], :] - points[..., PAIRS[:, 0], :]).sum(axis=-2))
    down = points[..., CHIN, :] - points[..., TOP, :] + points[..., NOSE_BASE, :] - points[..., 168, :]
    y = _unit(down - (down * x).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-2)


def pose_degrees(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch and roll in degrees. Yaw > 0: the face looks to the picture's right; pitch > 0: down; roll > 0: clockwise.

    Pitch is relative to the mesh's own upright, which ``MEAN_PITCH`` sets to the median reference face.
    """
    frame = own_frame(points)
    x, y = frame[..., 0, :], frame[..., 1, :]
    yaw = np.degrees(np.arctan2(x[..., 2], np.hypot(x[..., 0], x[..., 1])))
    pitch = np.degrees(np.arctan2(y[..., 2], np.hypot(y[..., 0], y[..., 1]))) - MEAN_PITCH
    roll = np.degrees(np.arctan2(x[..., 1], x[..., 0]))
    return yaw, pitch, roll


def frontal(points: np.ndarray) -> np.ndarray:
    """The same faces turned to the front, centred between the eyes, in units of the face width (234-454)."""
    centre = (points[..., 33, :] + points[..., 133, :] + points[..., 362, :] + points[..., 263, :]) / 4
    turned = (points - centre[..., None, :]) @ np.swapaxes(own_frame(points), -1, -2)
    width = np.linalg.norm(turned[..., 454, :] - turned[..., 234, :], axis=-1)
    return turned / width[..., None, None]


def measure_array(points: np.ndarray) -> np.ndarray:
    """(..., 478, 3) -> (..., len(NAMES)) in the order of ``NAMES``; ratios unitless, angles in degrees."""
    face = frontal(np.asarray(points, dtype=np.float64))
    length = _distance(face, TOP, CHIN)
    columns = [_distance(face, a, b) for a, b in _TO_WIDTH.values()]
    columns += [_distance(face, a, b) / length for a, b in _TO_LENGTH.values()]
    columns += [_distance(face, *over) / _distance(face, *under) for over, under in _BETWEEN.values()]
    columns += [(_angle(face, *abc) + _angle(face, *(MIRROR[p] for p in abc))) / 2 for abc in _ANGLES.values()]
    columns += [_angle(face, *abc) for abc in _MIDLINE_ANGLES.values()]
    columns += _shape(face)
    return np.stack(columns, axis=-1)


def measure(points: np.ndarray) -> dict[str, float]:
    """One face (478, 3) -> name -> value."""
    return dict(zip(NAMES, measure_array(points).tolist(), strict=True))


def percentiles(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Where each value lies among the reference faces, 0..100.

    ``values`` (n,), ``quantiles`` (n, q): the measurement's values at q evenly spaced probabilities from 0 to 1.
    """
    grid = np.linspace(0.0, 100.0, quantiles.shape[1])
    return np.array([np.interp(v, q, grid) for v, q in zip(values, quantiles, strict=True)])


def _shape(face: np.ndarray) -> list[np.ndarray]:
    """Measures of the frontal outline as a polygon, and heights and depths along the face's own axes."""
    x, y = face[..., OUTLINE, 0], face[..., OUTLINE, 1]
    area = _area(x, y)
    length = y.max(-1) - y.min(-1)
    width = x.max(-1) - x.min(-1)
    perimeter = np.hypot(np.diff(x, axis=-1, append=x[..., :1]), np.diff(y, axis=-1, append=y[..., :1])).sum(-1)
    middle = (face[..., 234, 1] + face[..., 454, 1]) / 2
    upper = _area(x, np.minimum(y, middle[..., None]))
    chin = face[..., CHIN, 1]
    return [
        area / (length * width),
        4 * np.pi * area / perimeter**2,
        upper / area,
        (chin - (face[..., 58, 1] + face[..., 288, 1]) / 2) / length,
        (chin - (face[..., 172, 1] + face[..., 397, 1]) / 2) / length,
        (chin - (face[..., 159, 1] + face[..., 386, 1]) / 2) / length,
        face[..., CHIN, 2] - (face[..., 234, 2] + face[..., 454, 2]) / 2,
    ]


def _area(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shoelace area of polygons given along the last axis."""
    return np.abs((x * np.roll(y, -1, axis=-1) - np.roll(x, -1, axis=-1) * y).sum(-1)) / 2


def _distance(face: np.ndarray, a: int, b: int) -> np.ndarray:
    return np.linalg.norm(face[..., a, :] - face[..., b, :], axis=-1)


def _angle(face: np.ndarray, a: int, b: int, c: int) -> np.ndarray:
    u, v = _unit(face[..., a, :] - face[..., b, :]), _unit(face[..., c, :] - face[..., b, :])
    return np.degrees(np.arccos(np.clip((u * v).sum(-1), -1.0, 1.0)))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)
