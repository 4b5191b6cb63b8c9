"""How a mesh differs between two renderings of the same face: the noise that training adds, so that the model learns to look
past it.

Measured on any folder of face photos, without labels; what is kept are principal directions of the differences, not faces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recommendations.engine.face_shape import HALF, align, symmetric
from recommendations.engine.landmarks import View
from recommendations.engine.measurements import frontal
from recommendations.engine.mesh_topology import MIRROR, POINTS

DIRECTIONS: Final = 160
#: Looks that serving does not take, so that training sees more than serving will.
MORE_VIEWS: Final = (
    View(degrees=-5.0, scale=1.1, margin=0.03),
    View(degrees=5.0, scale=1.1, margin=0.03, mirrored=True),
    View(margin=0.3),
)
PHOTO_SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp", ".pgm", ".bmp"}


def photos(folder: Path) -> Iterator[tuple[Path, np.ndarray]]:
    """Every readable photo beneath a folder, sorted, as (h, w, 3) uint8 sRGB."""
    from PIL import Image, ImageOps

    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES):
        with Image.open(path) as image:
            yield path, np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def halves(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The photos beneath a folder in two halves without a person in common, where each person's photos lie in a folder."""
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    places: dict[Path, int] = {}
    for path, image in photos(folder):
        found[places.setdefault(path.parent, len(places)) % 2].append(image)
    return found


def spread(images: Sequence[np.ndarray], limit: int) -> list[np.ndarray]:
    """At most ``limit`` of the photos, evenly spread."""
    return list(images[:: max(1, -(-len(images) // limit))])


def measure(images: Iterable[np.ndarray], reference: np.ndarray, directions: int = DIRECTIONS) -> np.ndarray:
    """(directions, 759): principal differences between single views of one face, each as long as its standard deviation.

    The views differ in angle, scale and crop; some see the photo after a strong JPEG compression or at half its size.
    """
    from mltraining.learn.face_shape_photos import jpeg, scaled
    from recommendations.engine import landmarks

    finder, differences = landmarks.finder(), []
    for image in images:
        faces = finder.find(image)
        if not faces:
            continue
        close = landmarks.close_up(image, faces[0])
        gain = landmarks.exposure_gain(close.image, close.face)
        face = finder.look(close.image, close.face, landmarks.FIRST_VIEWS, gain).mean(axis=0)
        seen = [finder.look(close.image, face, (*landmarks.VIEWS, *MORE_VIEWS), gain)]
        seen.append(finder.look(jpeg(close.image, 30), face, landmarks.FIRST_VIEWS, gain))
        seen.append(finder.look(scaled(close.image, 0.5), face / 2, landmarks.FIRST_VIEWS, gain))
        shapes = align(frontal(np.concatenate(seen)), reference)
        halves = symmetric(shapes)[:, HALF].reshape(len(shapes), -1)
        # Views of one face around their mean: each carries the noise of one view, less the mean's share.
        differences.append((halves - halves.mean(axis=0)) * np.sqrt(len(halves) / max(1, len(halves) - 1)))
    if not differences:
        raise ValueError("no face was found in these photos")
    stacked = np.concatenate(differences)
    _, lengths, axes = np.linalg.svd(stacked, full_matrices=False)
    kept = min(directions, len(lengths))
    return np.asarray(lengths[:kept, None] / np.sqrt(len(stacked)) * axes[:kept])


def unfold(halves: np.ndarray) -> np.ndarray:
    """(n, 759) symmetric half meshes, or differences of them, -> (n, 478, 3) whole ones: what ``half_shape`` folded."""
    points = halves.reshape(len(halves), -1, 3)
    whole = np.empty((len(halves), POINTS, 3))
    whole[:, MIRROR[HALF]] = points * np.array([-1.0, 1.0, 1.0])
    whole[:, HALF] = points
    return whole


def disturbed(landmarks: np.ndarray, reference: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 478, 3) meshes as another rendering of the same photos might have given them."""
    return align(frontal(landmarks), reference) + unfold(rng.standard_normal((len(landmarks), len(noise))) @ noise)
