"""How repeatable the live reading is on photos without labels: the same photo disturbed, damaged, and taken from near by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np

from recommendations.engine import landmarks
from recommendations.engine.colour_space import encode, linear
from recommendations.engine.perspective import IRIS_MM, REFERENCE_MM, iris_diameter
from recommendations.engine.reader import read_face
from recommendations.engine.types import FaceReading, PhotoRejected

Change = Callable[[np.ndarray], np.ndarray]
Say = Callable[[str], None]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])


def rolled(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def scaled(image: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def lit(image: np.ndarray, red: float, blue: float, stops: float = 0.0) -> np.ndarray:
    """The photo under another light: gains of red and blue and an exposure, in linear light."""
    return encode(linear(image) * np.array([red, 1.0, blue]) * 2.0**stops)


#: The disturbances under which an answer should stand.
STABLE_UNDER: Final[dict[str, Change]] = {
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "half size": lambda image: scaled(image, 0.5),
    "jpeg quality 30": lambda image: jpeg(image, 30),
    "rolled 8 degrees": lambda image: rolled(image, 8.0),
    "brightness x 0.7": lambda image: (image * 0.7).astype(np.uint8),
}
#: Damage by degrees, from which the quality thresholds are read.
DAMAGED_BY: Final[dict[str, Change]] = {
    **{f"blur sigma {s}": lambda image, s=s: cv2.GaussianBlur(image, (0, 0), s) for s in (1, 2, 3, 4)},  # type: ignore[misc]
    **{f"size x {s}": lambda image, s=s: scaled(image, s) for s in (0.7, 0.5, 0.35)},  # type: ignore[misc]
    **{f"brightness x {s}": lambda image, s=s: np.clip(image * s, 0, 255).astype(np.uint8) for s in (0.5, 0.25, 0.12, 1.3, 1.7)},  # type: ignore[misc]
}
#: Lights for the colour reading: gains of red and blue, exposure in stops.
LIGHTS: Final[dict[str, tuple[float, float, float]]] = {
    "warm (R+10 B-12 %)": (1.10, 0.88, 0.0),
    "cool (R-8 B+12 %)": (0.92, 1.12, 0.0),
    "tungsten (R+25 B-30 %)": (1.25, 0.70, 0.0),
    "half a stop darker": (1.0, 1.0, -0.5),
    "0.4 stops brighter": (1.0, 1.0, 0.4),
}
#: Camera distances in millimetres to which photos are warped.
DISTANCES: Final = (1500, 600, 450, 350, 250)


def attempt(image: np.ndarray) -> FaceReading | str:
    """The reading, or the code of the refusal."""
    try:
        return read_face(image)
    except PhotoRejected as refusal:
        return refusal.code


def evaluate(images: list[np.ndarray], *, say: Say) -> dict[str, Any]:
    """Stability, damage, light and nearness over photos; those that cannot be read as they are, are left out and counted."""
    base = [attempt(image) for image in images]
    readable = [(image, reading) for image, reading in zip(images, base, strict=True) if isinstance(reading, FaceReading)]
    if not readable:
        raise ValueError("none of these photos can be read")
    say(f"{len(readable)} of {len(images)} photos can be read")
    result: dict[str, Any] = {"photos": len(images), "read": len(readable), "stability": {}, "damage": {}, "light": {}}
    for kind, changes in (("stability", STABLE_UNDER), ("damage", DAMAGED_BY)):
        for name, change in changes.items():
            result[kind][name] = _compare(readable, change)
            say(f"  {name}")
    colourful = [(i, r) for i, r in readable if not any(issue.code == "no_colour" for issue in r.quality.issues)]
    if colourful:
        for name, (red, blue, stops) in LIGHTS.items():
            result["light"][name] = _relight(colourful, red, blue, stops)
            say(f"  {name}")
    result["nearness"] = {str(mm): _from_near(readable, mm) for mm in DISTANCES}
    return result


def _compare(readable: list[tuple[np.ndarray, FaceReading]], change: Change) -> dict[str, float]:
    """Share of photos still read, of the same label among them, and the mean total variation between the probabilities."""
    pairs = [(before, after) for image, before in readable if isinstance(after := attempt(change(image)), FaceReading)]
    if not pairs:
        return {"read": 0.0, "same_label": 0.0, "variation": 1.0}
    same = [a.face_shape.label == b.face_shape.label for a, b in pairs]
    moved = [
        0.5 * sum(abs(a.face_shape.probabilities[k] - b.face_shape.probabilities[k]) for k in a.face_shape.probabilities)
        for a, b in pairs
    ]
    return {
        "read": len(pairs) / len(readable),
        "same_label": float(np.mean(same)),
        "variation": float(np.mean(moved)),
        "sharpness": float(np.median([b.quality.metrics["sharpness"] for _, b in pairs])),
        "brightness": float(np.median([b.quality.metrics["brightness"] for _, b in pairs])),
        "face_px": float(np.median([b.quality.metrics["face_px"] for _, b in pairs])),
    }


def _relight(readable: list[tuple[np.ndarray, FaceReading]], red: float, blue: float, stops: float) -> dict[str, float]:
    pairs = [(a, b) for image, a in readable if isinstance(b := attempt(lit(image, red, blue, stops)), FaceReading)]
    flips = [(a, b) for a, b in pairs if a.colour.season.label != b.colour.season.label]
    honest = [a.colour.season.decision == "unsure" or b.colour.season.decision == "unsure" for a, b in flips]
    count = max(1, len(pairs))
    return {
        "read": len(pairs) / len(readable),
        "season_kept": 1 - len(flips) / count,
        "flips_marked_unsure": float(np.mean(honest)) if flips else 1.0,
        "cast_seen": sum(any(issue.code == "colour_cast" for issue in b.quality.issues) for _, b in pairs) / count,
        "ita_moved": float(np.mean([abs(a.colour.ita - b.colour.ita) for a, b in pairs])) if pairs else 0.0,
    }


def _from_near(readable: list[tuple[np.ndarray, FaceReading]], distance_mm: float) -> dict[str, float]:
    """Length to width and nearness when the photo is warped to what a camera at ``distance_mm`` would have seen."""
    rows = []
    for image, _ in readable[:40]:
        picture, mesh = nearer(image, distance_mm)
        reading = attempt(picture)
        if isinstance(reading, FaceReading):
            rows.append(
                (reading.measurements["length_to_width"].value, reading.quality.metrics["nearness"], _pinhole(mesh, distance_mm))
            )
    measured, near, pinhole = (float(np.median([row[i] for row in rows])) if rows else 0.0 for i in range(3))
    return {"length_to_width": measured, "nearness": near, "pinhole_length_to_width": pinhole}


def _shift(mesh: np.ndarray, distance_mm: float) -> np.ndarray:
    """(478,) by how much each point moves away from the eyes' middle when seen from ``distance_mm``, not REFERENCE_MM."""
    eyes = mesh[[33, 133, 362, 263]].mean(axis=0)
    depth = (mesh[:, 2] - eyes[2]) * IRIS_MM / iris_diameter(mesh)
    return np.asarray(distance_mm / (distance_mm + depth) * (REFERENCE_MM + depth) / REFERENCE_MM)


def _pinhole(mesh: np.ndarray, distance_mm: float) -> float:
    eyes = mesh[[33, 133, 362, 263], :2].mean(axis=0)
    seen = eyes + (mesh[:, :2] - eyes) * _shift(mesh, distance_mm)[:, None]
    return float(np.linalg.norm(seen[10] - seen[152]) / np.linalg.norm(seen[234] - seen[454]))


def nearer(image: np.ndarray, distance_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """The face as a camera at ``distance_mm`` would show it, warped by its own mesh, and that mesh before warping."""
    from scipy.interpolate import RBFInterpolator

    finder = landmarks.finder()
    face = finder.look(image, finder.find(image)[0], landmarks.FIRST_VIEWS).mean(axis=0)
    picture, to_view = landmarks.render(image, face, landmarks.View(margin=0.6))
    unit = float(np.hypot(*to_view[:, 0]))
    mesh = np.column_stack([face[:, :2] @ to_view[:, :2].T + to_view[:, 2], face[:, 2] * unit])
    eyes = mesh[[33, 133, 362, 263], :2].mean(axis=0)
    shift = _shift(mesh, distance_mm)
    height, width = picture.shape[:2]
    corners = np.array([(x, y) for x in np.linspace(-50, width + 50, 6) for y in np.linspace(-50, height + 50, 6)])
    corners = corners[np.abs(corners - eyes).max(axis=1) > 130]
    source = np.concatenate([mesh[:, :2], corners])
    moved = np.concatenate([eyes + (mesh[:, :2] - eyes) * shift[:, None], eyes + (corners - eyes) * shift[[234, 454]].mean()])
    grid_y, grid_x = np.mgrid[0:height:8, 0:width:8]
    field = RBFInterpolator(moved, source, neighbors=40, smoothing=1.0)(
        np.column_stack([grid_x.ravel(), grid_y.ravel()]).astype(float)
    )
    field = field.reshape(*grid_y.shape, 2).astype(np.float32)
    enlarge = np.array([[8.0, 0, 0], [0, 8.0, 0]])
    maps = [cv2.warpAffine(field[..., i], enlarge, (width, height), borderMode=cv2.BORDER_REPLICATE) for i in (0, 1)]
    return cv2.remap(picture, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), mesh


def report(result: dict[str, Any]) -> str:
    lines = [f"{result['read']} of {result['photos']} photos read"]
    for kind in ("stability", "damage"):
        lines += [f"{kind}: read, same label, total variation of the probabilities, median sharpness, L*, face px"]
        for name, r in result[kind].items():
            more = "  ".join(f"{r[key]:.3g}" for key in ("sharpness", "brightness", "face_px") if key in r)
            lines.append(f"  {name:<20} {r['read']:.2f}  {r['same_label']:.3f}  {r['variation']:.3f}  {more}")
    if result["light"]:
        lines.append("light: read, season kept, flips marked unsure, cast seen, ITA moved (degrees)")
        for name, r in result["light"].items():
            shares = "  ".join(f"{r[key]:.3f}" for key in ("read", "season_kept", "flips_marked_unsure", "cast_seen"))
            lines.append(f"  {name:<24} {shares}  {r['ita_moved']:.1f}")
    lines.append("camera distance in mm: length to width as read, as a pinhole camera would make it, nearness")
    lines += [
        f"  {mm:>5}  {r['length_to_width']:.3f}  {r['pinhole_length_to_width']:.3f}  {r['nearness']:.3f}"
        for mm, r in result["nearness"].items()
    ]
    return "\n".join(lines)
