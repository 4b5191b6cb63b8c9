"""One upright picture of the face at a fixed scale, in which light, sharpness and colour are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from recommendations.engine.landmarks import face_width, roll_of, warp
from recommendations.engine.mesh_topology import LEFT_BROW, LEFT_EYE, LIPS_OUTER, OUTLINE, RIGHT_BROW, RIGHT_EYE

#: Face width in the portrait, pixels.
WIDTH: Final = 160
#: The portrait's size and the place of the point between the eyes: room for hair above and background at the sides.
SIZE: Final = (352, 400)
EYES_AT: Final = (176.0, 184.0)


def fill(mask: np.ndarray, points: np.ndarray) -> None:
    """Set ``mask`` to 1 inside the polygon through (n, 2) points."""
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], (1,))


def fill_hull(mask: np.ndarray, points: np.ndarray) -> None:
    """Set ``mask`` to 1 inside the convex hull of (n, 2) points."""
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), (1,))


def disc(mask: np.ndarray, centre: np.ndarray, radius: float, value: int) -> None:
    """Set ``mask`` to ``value`` within ``radius`` pixels of a point."""
    cv2.circle(mask, (round(float(centre[0])), round(float(centre[1]))), max(0, round(radius)), (value,), -1)


@dataclass(frozen=True, slots=True)
class Portrait:
    """``pixels`` (400, 352, 3) uint8, ``points`` (478, 3) in it, ``inside`` (400, 352) bool: where the photo covers it."""

    pixels: np.ndarray
    points: np.ndarray
    inside: np.ndarray

    def polygon(self, indices: tuple[int, ...]) -> np.ndarray:
        """(h, w) bool: the convex hull of some mesh points, where the photo covers it."""
        mask = np.zeros(self.inside.shape, np.uint8)
        fill_hull(mask, self.points[list(indices), :2])
        return mask.astype(bool) & self.inside

    def highest(self) -> np.ndarray:
        """(h, w) uint8: each pixel's highest channel."""
        return np.maximum(np.maximum(self.pixels[..., 0], self.pixels[..., 1]), self.pixels[..., 2])

    def face(self) -> np.ndarray:
        """(h, w) bool: the mesh's outline filled."""
        mask = np.zeros(self.inside.shape, np.uint8)
        fill(mask, self.points[list(OUTLINE), :2])
        return mask.astype(bool) & self.inside

    def features(self) -> np.ndarray:
        """(h, w) bool: eyes, brows and mouth with a margin: what is not skin inside the outline."""
        mask = np.zeros(self.inside.shape, np.uint8)
        for indices in (RIGHT_EYE, LEFT_EYE, RIGHT_BROW, LEFT_BROW, LIPS_OUTER):
            fill_hull(mask, self.points[list(indices), :2])
        return cv2.dilate(mask, np.ones((7, 7), np.uint8)).astype(bool)


def portrait(image: np.ndarray, face: np.ndarray) -> Portrait:
    """Cut the face (478, 3) out of an (h, w, 3) uint8 photo, roll removed, ``WIDTH`` pixels wide."""
    angle = np.radians(-roll_of(face))
    width = face_width(face)
    unit = WIDTH / width
    turn = unit * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    eyes = face[[33, 133, 362, 263], :2].mean(0)
    to_portrait = np.column_stack([turn, np.array(EYES_AT) - turn @ eyes])
    points = np.column_stack([face[:, :2] @ turn.T + to_portrait[:, 2], face[:, 2] * unit])
    pixels = warp(image, to_portrait, SIZE)
    corners = np.array([[0, 0, 1], [image.shape[1], 0, 1], [image.shape[1], image.shape[0], 1], [0, image.shape[0], 1]])
    inside = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    fill(inside, corners @ to_portrait.T)
    return Portrait(pixels, points, cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(bool))
