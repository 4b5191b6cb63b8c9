"""What is measured on a face's picture before it is read: light, sharpness, pose, distance."""

from __future__ import annotations

import cv2
import numpy as np

from recommendations.engine.colour_patches import LEFT_CHEEK, RIGHT_CHEEK
from recommendations.engine.landmarks import CloseUp, face_width
from recommendations.engine.measurements import pose_degrees
from recommendations.engine.mesh_topology import OUTLINE
from recommendations.engine.perspective import iris_diameter, nearness
from recommendations.engine.portrait import WIDTH, Portrait, fill


def metrics_of(photo: np.ndarray, close: CloseUp, near: np.ndarray, view: Portrait, lab: np.ndarray) -> dict[str, float]:
    """Everything that is judged, by name.

    ``near`` is the face (478, 3) in the close-up, ``view`` its portrait and ``lab`` (h, w, 3) the portrait in CIELAB.
    """
    face, shape = close.to_photo(near), photo.shape
    yaw, pitch, roll = (float(angle) for angle in pose_degrees(face))
    width = face_width(face)
    skin = view.face()
    light = lab[..., 0]
    pixels = view.pixels[skin]
    right, left = view.polygon(RIGHT_CHEEK), view.polygon(LEFT_CHEEK)
    return {
        "face_px": width,
        "face_share": width / max(shape[:2]),
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
        "sharpness": sharpness(view, width),
        "brightness": _median(light[skin]),
        "clipped_dark": float((pixels.max(1) <= 8).mean()) if len(pixels) else 0.0,
        "clipped_light": float((pixels.min(1) >= 250).mean()) if len(pixels) else 0.0,
        "glare": float((pixels.max(1) >= 253).mean()) if len(pixels) else 0.0,
        "contrast": float(light[skin].std()) if skin.any() else 0.0,
        "uneven": abs(_median(light[right]) - _median(light[left])),
        "chroma": float(np.percentile(np.hypot(lab[..., 1], lab[..., 2])[skin], 95)) if skin.any() else 0.0,
        "outside": outside(view),
        "iris_px": iris_diameter(face),
        "nearness": nearness(face),
        "flat": flatness(close.image, near),
        "bridge": bridge(view),
    }


def outside(view: Portrait) -> float:
    """Share of the face's area that lies beyond the photo, 0..1. A photo that ends at the chin and the cheeks has little there."""
    whole = np.zeros(view.inside.shape, np.uint8)
    fill(whole, view.points[list(OUTLINE), :2])
    return 1.0 - float(view.inside[whole.astype(bool)].mean()) if whole.any() else 1.0


def sharpness(view: Portrait, face_px: float) -> float:
    """How much of the face's contrast is in fine detail: rms of the Laplacian over rms contrast, unitless, about 0.02-0.6.

    Measured at the portrait's scale or, for a face with fewer pixels, at the photo's own, so that a small sharp face is sharp.
    """
    grey: np.ndarray = cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mask: np.ndarray = view.face().astype(np.uint8)
    factor = min(1.0, face_px / WIDTH)
    if factor < 1.0:
        grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST)
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8)).astype(bool)
    if inner.sum() < 50:
        return 0.0
    spread = float(grey[inner].std())
    return float(np.sqrt((cv2.Laplacian(grey, cv2.CV_32F)[inner] ** 2).mean()) / spread) if spread > 1e-3 else 0.0


def flatness(image: np.ndarray, face: np.ndarray) -> float:
    """Share of the middle of the face in which neighbouring pixels are alike, 0..1: drawings are flat, cameras have grain.

    Pixels at the end of their range do not count, because an overexposed photo is flat there too.
    """
    low, high = face[:, :2].min(0), face[:, :2].max(0)
    low, high = np.clip(low + (high - low) / 5, 0, None).astype(int), np.ceil(high - (high - low) / 5).astype(int)
    box = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    if box.size == 0:
        return 0.0
    around = np.ones((3, 3), np.uint8)
    most, least = cv2.dilate(box, around), cv2.erode(box, around)
    counted = (most.max(-1) < 250) & (least.max(-1) > 10)
    return float(((most - least).max(-1) <= 1)[counted].mean()) if counted.any() else 0.0


def bridge(view: Portrait) -> float:
    """Contrast of horizontal edges across the bridge of the nose, over the face's own: spectacles lie there.

    The strip between the inner ends of the brows, from between them to the middle of the nose.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(view.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.2)
    left, right = int(view.points[193, 0]), int(view.points[417, 0])
    top, bottom = int(view.points[9, 1]), int(view.points[195, 1])
    spread = float(grey[view.face()].std()) if view.face().any() else 0.0
    if right - left < 3 or bottom - top < 5 or spread < 1e-3:
        return 0.0
    edges = np.median(cv2.Sobel(grey[top:bottom, left:right], cv2.CV_32F, 0, 1) / 4, axis=1)
    return float(np.ptp(edges) / spread)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else 0.0
