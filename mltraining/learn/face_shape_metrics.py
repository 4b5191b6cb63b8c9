"""Scores of class probabilities, and the two rules the model is compared with."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from recommendations.engine.face_shape import CLASSES
from recommendations.engine.measurements import NAMES

BINS: Final = 10
#: What five simple ratios the nearest-centroid rule may use.
CENTROID_RATIOS: Final = ("length_to_width", "forehead_to_cheek", "jaw_to_cheek", "jaw_angle", "chin_angle")


def top1_accuracy(p: np.ndarray, labels: np.ndarray) -> float:
    return float((p.argmax(axis=1) == labels).mean())


def top2_accuracy(p: np.ndarray, labels: np.ndarray) -> float:
    return float((np.argsort(-p, axis=1)[:, :2] == labels[:, None]).any(axis=1).mean())


def reliability(p: np.ndarray, labels: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Per bin of the first class's probability: how many, mean confidence, share right."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {"from": b / bins, "count": int((which == b).sum()), "confidence": float(confidence[which == b].mean()),
         "accuracy": float(right[which == b].mean())}
        for b in range(bins) if (which == b).any()
    ]  # fmt: skip


def calibration_error(p: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal width."""
    return float(sum(r["count"] * abs(r["confidence"] - r["accuracy"]) for r in reliability(p, labels)) / len(labels))


def log_loss(p: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean())


def confusion(p: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Rows are the labels, columns the answers, in the order of CLASSES."""
    table = np.zeros((len(CLASSES), len(CLASSES)), int)
    np.add.at(table, (labels, p.argmax(axis=1)), 1)
    return table.tolist()


def decided(p: np.ndarray, labels: np.ndarray, clear: float, mixed: float) -> dict[str, dict[str, float]]:
    """For each decision: the share of faces that get it, and how often the first answer, and one of the first two, is right."""
    ordered = -np.sort(-p, axis=1)
    is_clear = ordered[:, 0] >= clear
    is_mixed = ~is_clear & (ordered[:, :2].sum(axis=1) >= mixed)
    result = {}
    for name, mask in (("clear", is_clear), ("mixed", is_mixed), ("unsure", ~is_clear & ~is_mixed)):
        some = bool(mask.any())
        result[name] = {
            "share": float(mask.mean()),
            "top1": float((p[mask].argmax(axis=1) == labels[mask]).mean()) if some else 0.0,
            "top2": top2_accuracy(p[mask], labels[mask]) if some else 0.0,
        }
    return result


def threshold_for(score: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The lowest score such that faces at or above it are right with at least ``precision``; 1 where there is none."""
    order = np.argsort(-score, kind="stable")
    reached = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((reached >= precision) & (np.arange(len(order)) >= 50))
    return float(score[order[enough.max()]]) if len(enough) else 1.0


def summary(p: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    return {
        "top1": top1_accuracy(p, labels),
        "top2": top2_accuracy(p, labels),
        "ece": calibration_error(p, labels),
        "log_loss": log_loss(p, labels),
    }


def scored(p: np.ndarray, labels: np.ndarray, tests: list[np.ndarray]) -> dict[str, Any]:
    """The summary over all faces, with the standard deviation over folds beside it."""
    per_fold = [summary(p[test], labels[test]) for test in tests]
    return {**summary(p, labels), "folds": {k: float(np.std([f[k] for f in per_fold])) for k in per_fold[0]}}


def lead(p: np.ndarray, other: np.ndarray, labels: np.ndarray, tests: list[np.ndarray]) -> dict[str, float]:
    """By how much ``p`` beats ``other`` on the same folds: mean and standard deviation of the differences between folds."""
    result: dict[str, float] = {}
    for name, score in (("top1", top1_accuracy), ("top2", top2_accuracy)):
        apart = [score(p[test], labels[test]) - score(other[test], labels[test]) for test in tests]
        result |= {name: float(np.mean(apart)), f"{name}_sd": float(np.std(apart))}
    return result


def threshold_rule(landmarks: np.ndarray) -> np.ndarray:
    """(n, 478, 3) -> (n,) class numbers by the usual published thresholds on distances in the picture.

    Length over width above 1.4 oblong, below 1 round; forehead under 0.85 and jaw under 0.80 of the cheeks heart; forehead and
    jaw more than 0.15 apart square; else oval. Those numbers do not fit this mesh, which is the point of printing its score.
    """

    def apart(a: int, b: int) -> np.ndarray:
        return np.asarray(np.linalg.norm(landmarks[:, a, :2] - landmarks[:, b, :2], axis=1))

    width = apart(234, 454)
    ratio, forehead, jaw = apart(10, 152) / width, apart(70, 300) / width, apart(172, 397) / width
    names = np.select(
        [ratio > 1.4, ratio < 1.0, (forehead < 0.85) & (jaw < 0.80), np.abs(forehead - jaw) > 0.15],
        ["oblong", "round", "heart", "square"],
        "oval",
    )
    return np.array([CLASSES.index(name) for name in names])


def nearest_centroid(ratios: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(len(test),) class numbers by distance to the class means in five standardised ratios."""
    columns = [NAMES.index(name) for name in CENTROID_RATIOS]
    z = (ratios[:, columns] - ratios[train][:, columns].mean(axis=0)) / ratios[train][:, columns].std(axis=0)
    centres = np.stack([z[train][labels[train] == c].mean(axis=0) for c in range(len(CLASSES))])
    return np.asarray(((z[test][:, None] - centres) ** 2).sum(axis=2).argmin(axis=1))


def format_confusion(table: list[list[int]]) -> str:
    lines = ["label \\ answer " + "".join(f"{name:>8}" for name in CLASSES)]
    lines += [f"{name:<15}" + "".join(f"{n:>8}" for n in row) for name, row in zip(CLASSES, table, strict=True)]
    return "\n".join(lines)


def format_scores(name: str, scores: dict[str, Any]) -> str:
    """One line: mean +- sd over the folds where folds are known."""
    folds = scores.get("folds", {})
    parts = [
        f"{key} {scores[key]:.3f}" + (f" +- {folds[key]:.3f}" if key in folds else "")
        for key in ("top1", "top2", "ece", "log_loss")
        if key in scores
    ]
    return f"{name:<42} " + "  ".join(parts)
