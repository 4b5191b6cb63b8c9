"""Damage of a known kind, planted on a readable photo: what the quality gate should then say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from mltraining.learn.face_shape_photos import lit, nearer, rolled, scaled
from recommendations.engine.landmarks import face_width
from recommendations.engine.mesh_topology import LEFT_EYE, OUTLINE, RIGHT_EYE

#: From an (h, w, 3) uint8 photo and its face (478, 3) in the photo's pixels to the damaged photo.
Plant = Callable[[np.ndarray, np.ndarray], np.ndarray]

_FOREHEAD_ARC: Final = (54, 103, 67, 109, 10, 338, 297, 332, 284)
_LOWER_FACE: Final = (234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 6)


@dataclass(frozen=True, slots=True)
class Damage:
    """``expected``: the codes of which one is the right thing to say; ``needs_colour``: says nothing on a grey photo."""

    name: str
    expected: frozenset[str]
    plant: Plant
    needs_colour: bool = False


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


def blurred(share: float) -> Plant:
    """Out of focus: a Gaussian whose sigma is ``share`` of the face's width."""
    return lambda image, face: cv2.GaussianBlur(image, (0, 0), share * face_width(face))


def exposed(stops: float) -> Plant:
    """Another exposure, in linear light; what is too bright is cut off."""
    return lambda image, face: lit(image, 1.0, 1.0, stops)


def shrunk(width: float) -> Plant:
    """Scaled down until the face is ``width`` pixels wide."""
    return lambda image, face: scaled(image, min(1.0, width / face_width(face)))


def cut(side: str, share: float) -> Plant:
    """Cropped so that ``share`` of the face's width or height lies outside, at the left or at the bottom."""

    def plant(image: np.ndarray, face: np.ndarray) -> np.ndarray:
        outline = face[list(OUTLINE), :2]
        low, high = outline.min(axis=0), outline.max(axis=0)
        edge = np.clip(low + share * (high - low), 0, None).astype(int)
        end = np.clip(high - share * (high - low), 16, None).astype(int)
        return np.ascontiguousarray(image[:, edge[0] :] if side == "left" else image[: end[1]])

    return plant


def beside_itself(image: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The person twice, side by side, once mirrored."""
    return np.hstack([image, image[:, ::-1]])


def grey(image: np.ndarray, face: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def one_sided(stops: float) -> Plant:
    """The right side of the face darker by ``stops``, falling off across it."""

    def plant(image: np.ndarray, face: np.ndarray) -> np.ndarray:
        left, right = face[234, 0], face[454, 0]
        across = np.clip((np.arange(image.shape[1]) - left) / max(1.0, right - left), 0, 1)
        return (image * (2.0 ** (-stops * across / 2.2))[None, :, None]).astype(np.uint8)

    return plant


def hazy(share: float) -> Plant:
    """A veil of white light, as through a greasy lens."""
    return lambda image, face: (image * (1 - share) + 225 * share).astype(np.uint8)


def drawing(colours: int) -> Plant:
    """Flat patches of a few colours, as a drawing program makes them."""

    def plant(image: np.ndarray, face: np.ndarray) -> np.ndarray:
        near, _ = _around(image, face, 1.2)
        smooth = cv2.pyrMeanShiftFiltering(near, 12, 35)
        criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
        cv2.setRNGSeed(1)
        _, labels, centres = cv2.kmeans(
            smooth.reshape(-1, 3).astype(np.float32), colours, None, criteria, 1, cv2.KMEANS_PP_CENTERS
        )  # type: ignore[call-overload]
        return centres[labels.ravel()].reshape(near.shape).astype(np.uint8)

    return plant


def posterised(levels: int) -> Plant:
    """Each channel in ``levels`` steps: a flat picture where the light is even, a noisy one elsewhere."""
    step = 256 // levels
    return lambda image, face: (image // step * step + step // 2).astype(np.uint8)


def spectacles(thickness: float, *, tinted: bool = False) -> Plant:
    """A dark frame, ``thickness`` of the face's width, around both eyes and over the bridge; ``tinted`` glasses hide the eyes."""

    def plant(image: np.ndarray, face: np.ndarray) -> np.ndarray:
        worn, width = image.copy(), face_width(face)
        eyes = [face[list(ring), :2].mean(axis=0) for ring in (RIGHT_EYE, LEFT_EYE)]
        lean = float(np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])))
        line = max(1, round(thickness * width))
        axes = (round(0.17 * width), round(0.13 * width))
        for eye in eyes:
            middle = (round(float(eye[0])), round(float(eye[1] + 0.02 * width)))
            if tinted:
                cv2.ellipse(worn, middle, axes, lean, 0, 360, (25, 25, 30), -1, cv2.LINE_AA)
            cv2.ellipse(worn, middle, axes, lean, 0, 360, (30, 26, 24), line, cv2.LINE_AA)
        along = (eyes[1] - eyes[0]) / max(1.0, float(np.linalg.norm(eyes[1] - eyes[0])))
        ends = [tuple(int(v) for v in np.round(eye)) for eye in (eyes[0] + along * axes[0], eyes[1] - along * axes[0])]
        cv2.line(worn, ends[0], ends[1], (30, 26, 24), line, cv2.LINE_AA)
        return worn

    return plant


def fringe(share: float) -> Plant:
    """Dark strands from above the forehead down ``share`` of the way to the brows."""

    def plant(image: np.ndarray, face: np.ndarray) -> np.ndarray:
        up = face[10, :2] - face[9, :2]
        arc = face[list(_FOREHEAD_ARC), :2]
        hem = arc - share * up
        polygon = np.concatenate([arc + 0.4 * up, hem[::-1]])
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], (1,))
        grain = np.random.default_rng(0).normal(0, 9, (1, image.shape[1], 1))
        strands = np.clip(np.array([48, 36, 30]) + grain + np.zeros(image.shape), 0, 255).astype(np.uint8)
        return np.where(mask[..., None] > 0, strands, image)

    return plant


def near(distance_mm: float) -> Plant:
    """What a camera at that distance would have seen (``face_shape_photos.nearer``)."""
    return lambda image, face: nearer(image, distance_mm)[0]


def masked(image: np.ndarray, face: np.ndarray) -> np.ndarray:
    """A pale blue mask over nose, mouth and chin."""
    covered = image.copy()
    cv2.fillPoly(covered, [np.round(face[list(_LOWER_FACE), :2]).astype(np.int32)], (176, 202, 214))
    return covered


def _around(image: np.ndarray, face: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The photo within ``reach`` face widths of the eyes, so that slow filters stay affordable, and where that begins."""
    eyes, room = face[[33, 133, 362, 263], :2].mean(axis=0), reach * face_width(face)
    low = np.clip(eyes - room, 0, None).astype(int)
    high = np.minimum(eyes + room, image.shape[1::-1]).astype(int)
    near = image[low[1] : high[1], low[0] : high[0]]
    return np.ascontiguousarray(scaled(near, min(1.0, 200 / face_width(face)))), low


DAMAGE: Final[tuple[Damage, ...]] = (
    *(Damage(f"blur, sigma {100 * s:g} % of the face", _codes("soft_focus too_blurry"), blurred(s)) for s in (0.01, 0.02, 0.04, 0.08)),
    *(Damage(f"exposure {s:+g} stops", _codes("dim too_dark"), exposed(s)) for s in (-2.0, -3.0, -4.0, -6.0)),
    *(Damage(f"exposure {s:+g} stops", _codes("glare too_bright low_contrast"), exposed(s)) for s in (1.0, 2.0, 3.0)),
    *(Damage(f"face {w:g} pixels wide", _codes("too_small no_face"), shrunk(w)) for w in (40, 26, 18)),
    *(Damage(f"cut off at the {side}, {100 * s:g} %", _codes("cut_off no_face"), cut(side, s)) for side, s in (
        ("left", 0.15), ("left", 0.3), ("left", 0.45), ("bottom", 0.15), ("bottom", 0.3), ("bottom", 0.45),
    )),
    Damage("two people", _codes("several_faces"), beside_itself),
    *(Damage(f"rolled {d:g} degrees", _codes("tilted"), lambda image, face, d=d: rolled(image, d)) for d in (20.0, 32.0, 45.0)),  # type: ignore[misc]
    *(Damage(f"one side {s:g} stops darker", _codes("uneven_light"), one_sided(s)) for s in (1.0, 2.0, 3.0)),
    *(Damage(f"haze {100 * s:g} %", _codes("low_contrast not_a_photo"), hazy(s)) for s in (0.5, 0.75)),
    Damage("grey", _codes("no_colour"), grey, needs_colour=True),
    Damage("tungsten light", _codes("colour_cast"), lambda image, face: lit(image, 1.25, 0.7), needs_colour=True),
    Damage("red light", _codes("colour_cast"), lambda image, face: lit(image, 1.6, 0.6), needs_colour=True),
    Damage("blue light", _codes("colour_cast"), lambda image, face: lit(image, 0.6, 1.6), needs_colour=True),
    *(Damage(f"drawing in {n} colours", _codes("not_a_photo no_face"), drawing(n)) for n in (8, 24)),
    *(Damage(f"{n} levels a channel", _codes("not_a_photo no_face"), posterised(n)) for n in (4, 8)),
    *(Damage(f"glasses, frame {100 * t:g} % of the face", _codes("glasses"), spectacles(t)) for t in (0.008, 0.015, 0.03)),
    Damage("sunglasses", _codes("glasses no_face"), spectacles(0.02, tinted=True)),
    *(Damage(f"fringe over {100 * s:g} % of the forehead", _codes("covered_forehead"), fringe(s), needs_colour=True) for s in (0.5, 0.8)),
    Damage("mask over nose and mouth", _codes("no_face not_a_photo"), masked),
    *(Damage(f"seen from {cm} cm, lens unknown", _codes("too_close"), near(10.0 * cm)) for cm in (35, 25)),
)  # fmt: skip
