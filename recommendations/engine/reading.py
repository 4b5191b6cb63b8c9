"""The whole way from a photo's pixels to a face reading. ``reader`` is its door; only workers come this far."""

from __future__ import annotations

from typing import Final

import numpy as np

from recommendations.engine import face_shape, landmarks, perspective, quality, quality_metrics
from recommendations.engine.colour import CAST_LIMIT, read_colour
from recommendations.engine.colour_patches import take
from recommendations.engine.colour_space import lab_of_linear, linear
from recommendations.engine.measurements import NAMES, measure_array, percentiles
from recommendations.engine.mesh_topology import (
    LEFT_BROW,
    LEFT_EYE,
    LIPS_INNER,
    LIPS_OUTER,
    NOSE,
    NOSE_BASE,
    OUTLINE,
    RIGHT_BROW,
    RIGHT_EYE,
)
from recommendations.engine.portrait import portrait
from recommendations.engine.types import FaceReading, Measurement, PhotoRejected

#: Share of the forehead that must be covered before it is said.
COVERED: Final = 0.55
FEATURES: Final = {
    "outline": OUTLINE, "left_eye": LEFT_EYE, "right_eye": RIGHT_EYE, "left_brow": LEFT_BROW, "right_brow": RIGHT_BROW,
    "nose": (*NOSE, *NOSE_BASE), "lips_outer": LIPS_OUTER, "lips_inner": LIPS_INNER,
}  # fmt: skip


def read(image: np.ndarray, *, views: int, focal_px: float | None) -> FaceReading:
    """``reader.read_face`` without its check of the array."""
    if min(image.shape[:2]) < 16:
        raise PhotoRejected("too_small", width=image.shape[1], height=image.shape[0])
    model = face_shape.model()
    finder = landmarks.finder()
    faces = finder.find(image)
    quality.check_faces(image, faces, [landmarks.face_width(face) for face in faces])
    close = landmarks.close_up(image, faces[0])
    gain = landmarks.exposure_gain(close.image, close.face)
    meshes = finder.look(close.image, close.face, landmarks.FIRST_VIEWS, gain)
    near = meshes.mean(axis=0)
    face = close.to_photo(near)

    view = portrait(close.image, near)
    light = linear(view.pixels)
    lab = lab_of_linear(light)
    metrics = quality_metrics.metrics_of(image, close, near, view, lab)
    codes = quality.judge(metrics)
    if any(quality.CODES[code] == "stop" for code in codes):
        quality.verdict(codes, metrics)
    patches = take(view, light, lab)
    if patches is None:
        raise PhotoRejected("too_bright" if metrics["brightness"] > 60 else "too_dark", **metrics)

    if views:
        meshes = np.concatenate([meshes, finder.look(close.image, near, landmarks.VIEWS[:views], gain)])
    if focal_px:
        metrics |= _distance(meshes, focal_px * close.scale)
        codes = quality.judge(metrics)
        meshes = perspective.undo(meshes, 10 * metrics["distance_cm"])
    shape = model.decide(model.probabilities(meshes))
    values = measure_array(meshes).mean(axis=0)
    ranks = percentiles(values, model.quantiles)
    colour = read_colour(patches, colourless="no_colour" in codes)
    metrics["cast"], metrics["forehead_covered"] = colour.cast, patches.forehead_covered
    if colour.cast > CAST_LIMIT and "no_colour" not in codes:
        codes.append("colour_cast")
    if patches.forehead_covered > COVERED:
        codes.append("covered_forehead")
    return FaceReading(
        face_shape=shape,
        colour=colour,
        quality=quality.verdict(codes, metrics),
        measurements={
            name: Measurement(round(float(v), 4), round(float(r), 1)) for name, v, r in zip(NAMES, values, ranks, strict=True)
        },
        features=_features(face),
        versions={face_shape.MODEL_NAME: model.version},
    )


def _distance(meshes: np.ndarray, focal_px: float) -> dict[str, float]:
    """The camera's distance with its 90 % interval, in centimetres. ``focal_px`` in the meshes' own unit."""
    found = perspective.distance_interval_mm(meshes, focal_px)
    return {name: mm / 10 for name, mm in zip(("distance_cm", "distance_low_cm", "distance_high_cm"), found, strict=True)}


def _features(face: np.ndarray) -> dict[str, list[list[float]]]:
    """The face's lines in the picture's plane, roll removed, origin between the eyes, unit = face width."""
    angle = np.radians(-landmarks.roll_of(face))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = (face[:, :2] - face[[33, 133, 362, 263], :2].mean(0)) @ turn.T
    flat = np.round(flat / np.linalg.norm(flat[454] - flat[234]), 4) + 0.0
    return {name: flat[list(indices)].tolist() for name, indices in FEATURES.items()}
