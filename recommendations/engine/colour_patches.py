"""Where on the portrait each colour is taken: clean skin, brows, irises, lips, hair, the white of the eye, the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from recommendations.engine.mesh_topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_IRIS_CENTRE,
    LIPS_INNER,
    LIPS_OUTER,
    OUTLINE,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_IRIS_CENTRE,
)
from recommendations.engine.portrait import Portrait, disc, fill

RIGHT_CHEEK: Final = (116, 117, 118, 101, 36, 205, 187, 123)
LEFT_CHEEK: Final = (345, 346, 347, 330, 266, 425, 411, 352)
FOREHEAD: Final = (104, 67, 109, 10, 338, 297, 333, 9)
#: The arc of the outline over which hair begins.
_BROW_TO_BROW: Final = (21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251)

#: Fewest pixels of the portrait from which a colour is taken.
MIN_PIXELS: Final = {"skin": 60, "brow": 20, "iris": 12, "lips": 40, "hair": 150, "sclera": 12, "background": 400}
#: CIE76 difference beyond which a pixel is not the same material as the skin.
NOT_SKIN: Final = 14.0


@dataclass(frozen=True, slots=True)
class Patch:
    """A colour in linear sRGB (the median of its pixels) and how far it varies, as the sd of its CIELAB median."""

    light: tuple[float, float, float]
    lab: tuple[float, float, float]
    spread: tuple[float, float, float]  # robust sd over the pixels in L*, a*, b*
    pixels: int


@dataclass(frozen=True, slots=True)
class Patches:
    skin: Patch
    forehead: Patch | None
    right_cheek: Patch | None
    left_cheek: Patch | None
    brow: Patch | None
    iris: Patch | None
    lips: Patch | None
    hair: Patch | None
    sclera: Patch | None
    background: Patch | None
    forehead_covered: float  # 0..1, share of the forehead that is not the colour of the cheeks


def take(view: Portrait, light: np.ndarray, lab: np.ndarray) -> Patches | None:
    """All colours of a portrait; ``light`` and ``lab`` are its pixels in linear sRGB and CIELAB. None without any clean skin."""
    highest = view.highest()
    usable = (highest < 252) & (highest > 20) & view.inside
    features = view.features()

    def patch(mask: np.ndarray, kind: str, trim: tuple[float, float] = (15, 85)) -> Patch | None:
        return _patch(mask & usable, light, lab, MIN_PIXELS[kind], trim)

    right = patch(view.polygon(RIGHT_CHEEK) & ~features, "skin")
    left = patch(view.polygon(LEFT_CHEEK) & ~features, "skin")
    cheeks = patch((view.polygon(RIGHT_CHEEK) | view.polygon(LEFT_CHEEK)) & ~features, "skin")
    forehead_area = view.polygon(FOREHEAD) & ~features
    forehead = patch(forehead_area, "skin")
    if cheeks is None and forehead is None:
        return None
    base = cheeks or forehead
    assert base is not None
    same = _near(lab, base.lab, lightness=0.5)
    covered = float((~same & forehead_area).sum() / max(1, forehead_area.sum())) if cheeks else 0.0
    areas = view.polygon(RIGHT_CHEEK) | view.polygon(LEFT_CHEEK) | (forehead_area if covered < 0.4 else False)
    skin = patch(areas & same & ~features, "skin") or base
    return Patches(
        skin=skin,
        forehead=forehead,
        right_cheek=right,
        left_cheek=left,
        brow=patch(view.polygon(RIGHT_BROW) | view.polygon(LEFT_BROW), "brow", (0, 45)),
        iris=patch(_irises(view), "iris", (10, 70)),
        lips=patch(view.polygon(LIPS_OUTER) & ~view.polygon(LIPS_INNER), "lips"),
        hair=_hair(view, light, lab, highest, skin),
        sclera=patch(_scleras(view), "sclera", (45, 95)),
        background=patch(_background(view, lab, skin), "background", (5, 95)),
        forehead_covered=covered,
    )


def _patch(mask: np.ndarray, light: np.ndarray, lab: np.ndarray, fewest: int, trim: tuple[float, float]) -> Patch | None:
    """The median of the mask's pixels between two percentiles of lightness: shadow and highlight stay out."""
    where = np.flatnonzero(mask)
    if len(where) < fewest:
        return None
    colours, lights = lab.reshape(-1, 3)[where], light.reshape(-1, 3)[where]
    low, high = np.percentile(colours[:, 0], trim)
    kept = (colours[:, 0] >= low) & (colours[:, 0] <= high)
    centre = np.median(colours[kept], axis=0)
    spread = 1.4826 * np.median(np.abs(colours[kept] - centre), axis=0)
    middle = np.median(lights[kept], axis=0)
    return Patch(_triple(middle), _triple(centre), _triple(spread), int(kept.sum()))


def _irises(view: Portrait) -> np.ndarray:
    mask = np.zeros(view.inside.shape, np.uint8)
    for centre, ring in ((RIGHT_IRIS_CENTRE, RIGHT_IRIS), (LEFT_IRIS_CENTRE, LEFT_IRIS)):
        radius = _iris_radius(view, centre, ring)
        disc(mask, view.points[centre], max(1.0, radius * 0.85), 1)
        disc(mask, view.points[centre], radius * 0.4, 0)
    return mask.astype(bool) & (view.polygon(RIGHT_EYE) | view.polygon(LEFT_EYE))


def _scleras(view: Portrait) -> np.ndarray:
    eyes = (view.polygon(RIGHT_EYE) | view.polygon(LEFT_EYE)).astype(np.uint8)
    for centre, ring in ((RIGHT_IRIS_CENTRE, RIGHT_IRIS), (LEFT_IRIS_CENTRE, LEFT_IRIS)):
        disc(eyes, view.points[centre], _iris_radius(view, centre, ring) * 1.2, 0)
    return cv2.erode(eyes, np.ones((3, 3), np.uint8)).astype(bool)


def _iris_radius(view: Portrait, centre: int, ring: tuple[int, ...]) -> float:
    return float(np.linalg.norm(view.points[list(ring), :2] - view.points[centre, :2], axis=1).mean())


def _hair(view: Portrait, light: np.ndarray, lab: np.ndarray, highest: np.ndarray, skin: Patch) -> Patch | None:
    """The colour just above the forehead, where it is another material than the skin and all of a piece."""
    arc = view.points[list(_BROW_TO_BROW), :2]
    centre = view.points[[234, 454], :2].mean(0)
    ring = np.concatenate([centre + 1.22 * (arc - centre), centre + 1.42 * (arc[::-1] - centre)])
    mask = np.zeros(view.inside.shape, np.uint8)
    fill(mask, ring)
    area = mask.astype(bool) & view.inside
    other = area & (highest < 252) & ~_near(lab, skin.lab)
    if area.sum() < MIN_PIXELS["hair"] or other.sum() < 0.35 * area.sum():
        return None
    found = _patch(other, light, lab, MIN_PIXELS["hair"], (10, 75))
    # Hair varies with its own shine; a band that varies more than that holds several things.
    return found if found and found.spread[0] < 13 and max(found.spread[1:]) < 9 else None


def _background(view: Portrait, lab: np.ndarray, skin: Patch) -> np.ndarray:
    """Both upper sides of the portrait, away from the head, without what looks like skin."""
    outline = view.points[list(OUTLINE), :2]
    centre = outline.mean(0)
    head = np.zeros(view.inside.shape, np.uint8)
    fill(head, centre + 1.6 * (outline - centre))
    upper = np.arange(view.inside.shape[0])[:, None] < centre[1]
    return ~head.astype(bool) & upper & view.inside & ~_near(lab, skin.lab)


def _near(lab: np.ndarray, colour: tuple[float, float, float], lightness: float = 1.0) -> np.ndarray:
    """Where a pixel is within ``NOT_SKIN`` of a colour by CIE76, lightness weighted."""
    squared = (lightness * (lab[..., 0] - colour[0])) ** 2 + (lab[..., 1] - colour[1]) ** 2 + (lab[..., 2] - colour[2]) ** 2
    return np.asarray(squared < NOT_SKIN**2)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
