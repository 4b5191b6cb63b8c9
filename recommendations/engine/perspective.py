"""How far away the camera was, and what that did to the face: from near by, the middle of a face grows and its sides shrink."""

from __future__ import annotations

from typing import Final

import numpy as np

from recommendations.engine.measurements import frontal
from recommendations.engine.mesh_topology import LEFT_IRIS, RIGHT_IRIS

#: Mean diameter of the visible iris in millimetres, nearly the same in all adults (11.7 +- 0.4: Rufer et al., Cornea 24, 2005).
IRIS_MM: Final = 11.7
#: Root mean square error of such a distance over it. The makers of the iris model found 4.3 % in the mean with a deviation of
#: 2.4 %, against a depth sensor, over some 200 people (Vakunov and Lagun, "MediaPipe Iris", Google Research, 2020): people's
#: irises and rounded focal lengths are in it, poor photos are not.
DISTANCE_ERROR: Final = 0.049


def iris_diameter(face: np.ndarray) -> float:
    """Mean iris diameter in the mesh's unit, over both eyes and both directions."""
    spans = [np.linalg.norm(face[ring[a]] - face[ring[b]]) for ring in (RIGHT_IRIS, LEFT_IRIS) for a, b in ((0, 2), (1, 3))]
    return float(np.mean(spans))


def distance_interval_mm(looks: np.ndarray, focal_px: float) -> tuple[float, float, float]:
    """(distance, low, high): from the lens to the eyes, with a 90 % interval, from (n, 478, 3) looks at one face.

    By the pinhole model from the iris's known size; ``focal_px`` is the focal length in the looks' pixels. In the interval are
    ``DISTANCE_ERROR`` and how far the looks differ, as independent errors: a blurred iris is drawn differently at each look.
    """
    spans = np.array([iris_diameter(look) for look in looks])
    distance = focal_px * IRIS_MM / float(spans.mean())
    reach = 1.645 * float(np.hypot(DISTANCE_ERROR, spans.std() / spans.mean()))
    return distance, distance / (1 + reach), distance * (1 + reach)


def nearness(face: np.ndarray) -> float:
    """Eye span over face width, from the front: grows as the camera comes close, because the eyes are nearer than the ears."""
    front = frontal(face)
    return float(np.linalg.norm(front[33, :2] - front[263, :2]))


#: The distance at which portraits are usually taken, to which a near one is brought.
REFERENCE_MM: Final = 1500.0
#: The mesh model follows only this share of a pinhole camera's distortion (evaluate_face_shape --photos prints it).
FOLLOWED: Final = 0.40


def undo(meshes: np.ndarray, distance_mm: float) -> np.ndarray:
    """(n, 478, 3) meshes seen from ``distance_mm`` as they would look from ``REFERENCE_MM``; depth is left as it is.

    A pinhole camera at distance d draws a point z behind the eyes at d / (d + z) of its true place.
    """
    if distance_mm >= REFERENCE_MM:
        return meshes
    result = np.array(meshes, dtype=np.float64)
    for mesh in result:
        eyes = mesh[[33, 133, 362, 263]].mean(axis=0)
        depth = (mesh[:, 2] - eyes[2]) * IRIS_MM / iris_diameter(mesh)
        near, far = distance_mm / (distance_mm + depth), REFERENCE_MM / (REFERENCE_MM + depth)
        mesh[:, :2] = eyes[:2] + (mesh[:, :2] - eyes[:2]) * (1 + FOLLOWED * (far / near - 1))[:, None]
    return result
