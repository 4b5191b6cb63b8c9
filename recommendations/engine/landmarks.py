"""Faces in a picture as MediaPipe meshes: found at any size, and looked at again in upright views of one scale.

MediaPipe is imported inside functions: importing this module must stay cheap, and the web process never loads it. Its models
come with the wheel, so nothing is fetched. ``FaceFinder`` belongs to one thread at a time; ``finder()`` keeps one per process
and thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from recommendations.engine.mesh_topology import MIRROR, OUTLINE

#: Longest side, in pixels, of the picture in which faces are searched; below it MediaPipe's own reduction is faster.
SEARCH_SIDE: Final = 2048
#: At most this many faces are looked for; more than one comparable face is refused anyway.
MAX_FACES: Final = 4
#: Two meshes whose boxes overlap by this intersection over union are the same face.
SAME_FACE_IOU: Final = 0.4
#: The picture is not searched in parts smaller than this many pixels.
SMALLEST_PART: Final = 240
#: Width of a face in a view, pixels (the mesh model itself works on 192 x 192), and the level of its bright parts.
VIEW_WIDTH: Final = 208
VIEW_LEVEL: Final = 215.0
#: Views are softened by this much (pixels): what compression and a small sensor leave in a photo moves the mesh less then.
VIEW_BLUR: Final = 1.0
#: A close-up's face is at most twice this many pixels wide; the close-up reaches this many face widths from the eyes.
CLOSE_WIDTH: Final = 240.0
ROOM: Final = 1.9
#: A mesh narrower than this many pixels is no face anyone could read.
MIN_MESH_PX: Final = 16.0


@dataclass(frozen=True, slots=True)
class View:
    """How a face is shown to the mesh once more: turned, scaled and moved about its centre, possibly mirrored."""

    degrees: float = 0.0
    scale: float = 1.0
    mirrored: bool = False
    margin: float = 0.45  # border around the mesh's box, in face widths; 0 cuts as tightly as the reference photos are cut


class FaceFinder:
    """MediaPipe's detectors, loaded once. Not safe for concurrent calls."""

    def __init__(self) -> None:
        os.environ.setdefault("GLOG_minloglevel", "3")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with _silenced_stderr():
            from mediapipe.python.solutions.face_detection import FaceDetection
            from mediapipe.python.solutions.face_mesh import FaceMesh

            options = {"static_image_mode": True, "refine_landmarks": True, "min_detection_confidence": 0.5}
            self._several: Any = FaceMesh(max_num_faces=MAX_FACES, **options)
            self._one: Any = FaceMesh(max_num_faces=1, **options)
            self._far: Any = FaceDetection(model_selection=1, min_detection_confidence=0.5)
            self._quiet = False
            # The graphs start their threads, which log, on the first picture.
            blank = np.zeros((64, 64, 3), np.uint8)
            for model in (self._several, self._one, self._far):
                model.process(blank)

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        """Every face in an (h, w, 3) uint8 RGB picture, widest first, as (478, 3) float64 points in its pixels.

        x right, y down, z away from the camera in the same unit. Where nothing is found at first, the picture is searched again
        with a border (a face that fills the frame) and with the long-range detector (a face far away).
        """
        search, scale = shrink(image, SEARCH_SIDE)
        faces = self._meshes(self._several, search)
        if not faces:
            faces = self._with_border(search)
        # The first detector overlooks people beside the nearest one.
        faces = [*faces, *self._far_in(search, known=faces)] if faces else self._far_faces(search)
        faces = [face / scale for face in _distinct(faces) if face_width(face) >= MIN_MESH_PX]
        return sorted(faces, key=face_width, reverse=True)

    def look_again(self, image: np.ndarray, face: np.ndarray, view: View, gain: float = 1.0) -> np.ndarray | None:
        """The mesh of ``face`` as seen in ``view``, (478, 3) in the photo's pixels, points numbered as in the photo; None where
        no face is found there. ``gain`` brightens the view.

        The view is upright (the mesh's roll taken out) and of one scale, so the answer hardly depends on the photo's size and
        tilt.
        """
        picture, to_view = render(image, face, view)
        picture = cv2.GaussianBlur(picture, (0, 0), VIEW_BLUR)
        meshes = self._meshes(self._one, cv2.convertScaleAbs(picture, alpha=gain) if gain != 1.0 else picture)
        if not meshes:
            return None
        back = cv2.invertAffineTransform(to_view)
        mesh = np.column_stack([meshes[0][:, :2] @ back[:, :2].T + back[:, 2], meshes[0][:, 2] * np.hypot(*back[:, 0])])
        return mesh[MIRROR] if view.mirrored else mesh

    def look(self, image: np.ndarray, face: np.ndarray, views: Sequence[View], gain: float = 1.0) -> np.ndarray:
        """(n, 478, 3) meshes of one face, one for each view that shows it; ``face`` alone where none does."""
        seen = (self.look_again(image, face, view, gain) for view in views)
        return np.array([mesh for mesh in seen if mesh is not None] or [face])

    def _meshes(self, model: Any, image: np.ndarray) -> list[np.ndarray]:
        height, width = image.shape[:2]
        if self._quiet:
            found = model.process(np.ascontiguousarray(image)).multi_face_landmarks or []
        else:
            # The first face makes the library log once more.
            with _silenced_stderr():
                found = model.process(np.ascontiguousarray(image)).multi_face_landmarks or []
            self._quiet = bool(found)
        return [np.array([(p.x * width, p.y * height, p.z * width) for p in face.landmark]) for face in found]

    def _with_border(self, image: np.ndarray) -> list[np.ndarray]:
        height, width = image.shape[:2]
        border = max(height, width) // 3
        padded = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
        return [face - (border, border, 0) for face in self._meshes(self._several, padded)]

    def _far_faces(self, image: np.ndarray) -> list[np.ndarray]:
        """Small faces: the long-range detector on the whole picture, then on ever smaller overlapping parts of it."""
        longer = max(image.shape[:2])
        for parts in (1, 2, 4):
            side = longer // parts
            if parts > 1 and side < SMALLEST_PART:
                break
            faces = []
            for top in _starts(image.shape[0], side):
                for left in _starts(image.shape[1], side):
                    part = image[top : top + side, left : left + side]
                    faces += [face + np.array([left, top, 0]) for face in self._far_in(part)]
            if faces:
                return faces
        return []

    def _far_in(self, image: np.ndarray, known: Sequence[np.ndarray] = ()) -> list[np.ndarray]:
        """Boxes of the long-range detector that do not lie on ``known`` faces, each cut out, enlarged and meshed."""
        height, width = image.shape[:2]
        faces = []
        for detection in self._far.process(np.ascontiguousarray(image)).detections or []:
            box = detection.location_data.relative_bounding_box
            side = max(box.width * width, box.height * height)
            if side < MIN_MESH_PX:
                continue
            x, y = (box.xmin + box.width / 2) * width, (box.ymin + box.height / 2) * height
            if any((face[:, :2].min(0) < (x, y)).all() and (face[:, :2].max(0) > (x, y)).all() for face in known):
                continue
            scale = 160 / side
            to_crop = np.array([[scale, 0, 160 - scale * x], [0, scale, 160 - scale * y]])
            crop = warp(image, to_crop, (320, 320))
            faces += [np.column_stack([f[:, :2] - to_crop[:, 2], f[:, 2]]) / scale for f in self._meshes(self._one, crop)]
        return faces


def _starts(length: int, side: int) -> list[int]:
    """Where parts of ``side`` begin along ``length`` so that neighbours overlap by half."""
    if length <= side:
        return [0]
    count = -(-2 * (length - side) // side)
    return [round(k * (length - side) / count) for k in range(count + 1)]


_local = threading.local()


def finder() -> FaceFinder:
    """This thread's finder, made on first use (about a second)."""
    found: FaceFinder | None = getattr(_local, "finder", None)
    if found is None:
        found = _local.finder = FaceFinder()
    return found


def shrink(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """The picture with its longer side at most ``side`` pixels, and by how much it was scaled (1 or less)."""
    longer = max(image.shape[:2])
    if longer <= side:
        return image, 1.0
    scale = side / longer
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def face_width(face: np.ndarray) -> float:
    """Distance between the mesh's sides (234-454) in the plane of the picture, made good for yaw by its depth."""
    return float(np.linalg.norm(face[454] - face[234]))


#: First looks, from which the mesh's place is settled, and looks from there. Each comes with its mirror image, so that a mirrored
#: photo gets the same answer; all are cut nearly as tightly as the reference photos.
FIRST_VIEWS: Final = (View(margin=0.03), View(margin=0.03, mirrored=True))
VIEWS: Final = (
    View(margin=0.0), View(margin=0.0, mirrored=True),
    View(degrees=5.0, scale=0.9, margin=0.03), View(degrees=-5.0, scale=0.9, margin=0.03, mirrored=True),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CloseUp:
    """The part of a photo around one face, reduced where the face is larger than any view needs."""

    image: np.ndarray
    face: np.ndarray  # (478, 3) in ``image``
    scale: float  # its pixels per photo pixel, at most 1
    corner: tuple[int, int]  # its upper left in the photo

    def to_photo(self, face: np.ndarray) -> np.ndarray:
        """Points of ``image`` in the photo's pixels."""
        return face / self.scale + np.array([*self.corner, 0])


def close_up(image: np.ndarray, face: np.ndarray) -> CloseUp:
    """Cut out a face with room for hair and background, so that a large photo costs its size only once."""
    width = face_width(face)
    eyes = face[[33, 133, 362, 263], :2].mean(0)
    low = np.clip(np.floor(eyes - ROOM * width), 0, None).astype(int)
    high = np.minimum(np.ceil(eyes + ROOM * width), image.shape[1::-1]).astype(int)
    # Whole factors are averaged fast; what is left of the way is the views' own.
    factor = max(1, int(width // CLOSE_WIDTH))
    high = low + (high - low) // factor * factor
    cut = image[low[1] : high[1], low[0] : high[0]]
    if factor > 1:
        cut = cv2.resize(cut, (cut.shape[1] // factor, cut.shape[0] // factor), interpolation=cv2.INTER_AREA)
    return CloseUp(cut, (face - np.array([*low, 0])) / factor, 1 / factor, (int(low[0]), int(low[1])))


def roll_of(face: np.ndarray) -> float:
    """Degrees by which the eye line is turned clockwise in the picture."""
    right, left = face[[33, 133], :2].mean(0), face[[362, 263], :2].mean(0)
    return float(np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0])))


def exposure_gain(image: np.ndarray, face: np.ndarray) -> float:
    """The factor that brings the face's bright parts to a fixed level, so that the mesh does not change with the exposure."""
    at = np.clip(np.round(face[:, :2]).astype(int), 0, (image.shape[1] - 1, image.shape[0] - 1))
    bright = float(np.percentile(image[at[:, 1], at[:, 0]].max(axis=1), 90))
    return float(np.clip(VIEW_LEVEL / max(bright, 1.0), 1.0, 8.0))


def render(image: np.ndarray, face: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Draw ``view`` of a face so that it is ``VIEW_WIDTH`` pixels wide at scale 1.

    Returns the (h, w, 3) picture and the (2, 3) map from the photo's pixels to its own.
    """
    angle = np.radians(view.degrees - roll_of(face))
    unit = VIEW_WIDTH * view.scale / face_width(face)
    turn = unit * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if view.mirrored:
        turn = np.diag([-1.0, 1.0]) @ turn
    drawn = face[list(OUTLINE), :2] @ turn.T
    low, high = drawn.min(0), drawn.max(0)
    span = high - low
    border = view.margin * VIEW_WIDTH
    # The reference photos show 16 % of the mesh's height above it and end at the chin and the cheeks.
    low = low - (border + 0.01 * span[0], border + 0.16 * span[1])
    high = high + border
    size = np.ceil(high - low).astype(int)
    to_view = np.column_stack([turn, -low])
    return warp(image, to_view, (int(size[0]), int(size[1]))), to_view


def warp(image: np.ndarray, to_view: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``image`` through the (2, 3) similarity ``to_view`` into a picture of ``size`` (width, height); outside is black.

    A strong reduction averages first, so that a large photo is not sampled with holes.
    """
    unit = float(np.hypot(*to_view[:, 0]))
    if unit < 0.42:
        corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [size[0], size[1], 1]])
        back = cv2.invertAffineTransform(to_view)
        spots = corners @ back.T
        low = np.clip(np.floor(spots.min(0)) - 2, 0, None).astype(int)
        high = np.minimum(np.ceil(spots.max(0)) + 2, (image.shape[1], image.shape[0])).astype(int)
        if (high - low).min() < 2:
            return np.zeros((size[1], size[0], 3), np.uint8)
        cut = image[low[1] : high[1], low[0] : high[0]]
        factor = min(1.0, unit * 1.25)
        less = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        real = np.array([less.shape[1] / cut.shape[1], less.shape[0] / cut.shape[0]])
        image = less
        shifted = to_view.copy()
        shifted[:, 2] += to_view[:, :2] @ low
        shifted[:, :2] /= real
        to_view = shifted
    return cv2.warpAffine(image, to_view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _distinct(faces: list[np.ndarray]) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    for face in sorted(faces, key=face_width, reverse=True):
        if not any(_iou(face, other) > SAME_FACE_IOU for other in kept):
            kept.append(face)
    return kept


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    low = np.maximum(one[:, :2].min(0), other[:, :2].min(0))
    high = np.minimum(one[:, :2].max(0), other[:, :2].max(0))
    shared = float(np.prod(np.clip(high - low, 0, None)))
    total = float(np.prod(np.ptp(one[:, :2], axis=0)) + np.prod(np.ptp(other[:, :2], axis=0)))
    return shared / (total - shared) if total > shared else 0.0


class _silenced_stderr:
    """Keep the C++ libraries' start-up chatter out of a worker's log: they write to file descriptor 2 directly."""

    def __enter__(self) -> None:
        self._kept = os.dup(2)
        self._null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(self._null, 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)
        os.close(self._null)
