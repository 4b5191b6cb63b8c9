"""A look at one small frame of a camera before the photo is taken: what is wrong with it, and where the face is.

The light, pose and sharpness of a frame are judged by the limits of photos (``quality``). Added to them is what only somebody
who still moves can change: distance and place in the frame. Nothing about the person is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from recommendations.engine.quality import CODES, LIMITS, check_faces, judge
from recommendations.engine.types import PhotoRejected, QualityIssue

#: What a frame may be besides a photo's codes. Nothing stops the shutter: these are advice.
FRAMING: Final[dict[str, dict[str, str]]] = {
    "too_far": {
        "ko": "조금 더 가까이 와 주세요.",
        "en": "Come a little closer.",
    },
    "too_near": {
        "ko": "조금 뒤로 물러나 주세요.",
        "en": "Move back a little.",
    },
    "off_centre": {
        "ko": "얼굴을 화면 가운데 선 안으로 옮겨 주세요.",
        "en": "Bring your face into the outline in the middle.",
    },
}


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Of a 4:5 frame. The outline that is drawn over it is 0.55 of its width wide with its middle at 0.48 of its height."""

    far: float = 0.30  # face width over frame width
    near: float = 0.72
    aside: float = 0.14  # of the frame's width, between the face's middle and the outline's
    middle_y: float = 0.48  # of the frame's height


FRAME: Final = FrameLimits()


@dataclass(frozen=True, slots=True)
class Box:
    """Where the face is, in shares of the frame's width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class FrameCheck:
    issues: tuple[QualityIssue, ...]  # most urgent first
    face: Box | None

    def to_json(self) -> dict[str, Any]:
        box = self.face
        return {
            "issues": [{"code": issue.code, "severity": issue.severity} for issue in self.issues],
            "face": None if box is None else {key: round(getattr(box, key), 3) for key in ("x", "y", "width", "height")},
        }


def check_frame(image: np.ndarray) -> FrameCheck:
    """Judge an (h, w, 3) uint8 sRGB frame, about 256 by 320 pixels. Never raises for what a camera may show."""
    from recommendations.engine import landmarks, quality_metrics
    from recommendations.engine.colour_space import lab_of_linear, linear
    from recommendations.engine.portrait import portrait

    if min(image.shape[:2]) < 16:
        return FrameCheck((QualityIssue("too_small", "stop"),), None)
    faces = landmarks.finder().find(image)
    try:
        check_faces(image, faces, [landmarks.face_width(face) for face in faces])
    except PhotoRejected as refusal:
        return FrameCheck((QualityIssue(refusal.code, "stop"),), box_of(faces[0], image) if faces else None)
    face, box = faces[0], box_of(faces[0], image)
    close = landmarks.close_up(image, face)
    view = portrait(close.image, close.face)
    codes = judge(quality_metrics.metrics_of(image, close, close.face, view, lab_of_linear(linear(view.pixels))))
    stops = [QualityIssue(code, "stop") for code in codes if CODES[code] == "stop"]
    place = [QualityIssue(code, "warn") for code in framing(box)]
    # A frame is too small to be sharp where a photo is, so softness waits for the photo itself.
    warnings = [QualityIssue(code, "warn") for code in codes if CODES[code] == "warn" and code != "soft_focus"]
    return FrameCheck((*stops, *place, *warnings), box)


def box_of(face: np.ndarray, image: np.ndarray) -> Box:
    """``face`` (478, 3) in the frame's pixels."""
    height, width = image.shape[:2]
    left, top = face[:, :2].min(axis=0)
    right, bottom = face[:, :2].max(axis=0)
    return Box(float(left / width), float(top / height), float((right - left) / width), float((bottom - top) / height))


def framing(box: Box, limits: FrameLimits = FRAME) -> list[str]:
    """Size first: a face that is too far away is easier to bring to the middle when it is near."""
    codes = []
    if box.width < limits.far:
        codes.append("too_far")
    elif box.width > limits.near:
        codes.append("too_near")
    aside = np.hypot(box.x + box.width / 2 - 0.5, (box.y + box.height / 2 - limits.middle_y) * 1.25)
    if aside > limits.aside:
        codes.append("off_centre")
    return codes


def client_limits() -> dict[str, float]:
    """What a browser needs to judge light and place by itself while no server answers: the same numbers."""
    return {
        "dark": LIMITS.lightness_dark_stop,
        "dim": LIMITS.lightness_dim_warn,
        "clipped": LIMITS.clipped_stop,
        "uneven": LIMITS.uneven_warn,
        "contrast": LIMITS.contrast_warn,
        "blurry": LIMITS.sharpness_stop,
        "far": FRAME.far,
        "near": FRAME.near,
        "aside": FRAME.aside,
        "middle": FRAME.middle_y,
    }
