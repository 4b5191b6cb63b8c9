"""Photo in, face reading out: the one door to the engine's eyes.

Importing it is cheap. The first call loads MediaPipe, OpenCV and the face-shape model, once per process (and thread).
"""

from __future__ import annotations

import numpy as np

from recommendations.engine.types import FaceReading


def warm() -> None:
    """Load everything a reading needs, so that a worker's first photo does not wait for it."""
    from recommendations.engine import face_shape, landmarks, reading  # noqa: F401

    landmarks.finder()
    face_shape.model()


def read_face(image: np.ndarray, *, views: int = 4, focal_px: float | None = None) -> FaceReading:
    """Read one face from an (h, w, 3) uint8 sRGB photo, already turned as its EXIF says.

    ``views`` (0-4): how many renderings are measured after the first two and averaged with them; with an even number a mirrored
    photo gets the same answer.
    ``focal_px``: focal length in this array's pixels where known (the image gate's ``read_picture`` tells it): then the camera's
    distance is measured (``distance_cm`` of the quality metrics, with ``distance_low_cm`` and ``distance_high_cm``, a 90 %
    interval) and what it does to the face is undone.

    Deterministic. Raises PhotoRejected with a ``stop`` code of ``quality.CODES``, ValueError for anything but such an array, and
    ArtifactError where no face-shape model is installed.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError("a photo is an (h, w, 3) uint8 array")
    from recommendations.engine.reading import read

    return read(image, views=views, focal_px=focal_px)
