"""Cross-validation of the face-shape model by people, its controls and baselines, and the thresholds that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from mltraining.learn import face_shape_metrics as metrics
from mltraining.learn.face_shape import Described, Recipe, describe, fit, imitate, predict
from mltraining.learn.face_shape_data import FaceShapeData
from recommendations.engine.face_shape import CLASSES, HALF, softmax
from recommendations.engine.mesh_topology import INTERIOR

FOLDS: Final = 5
#: What ``clear`` and ``mixed`` promise: the first answer right, one of the first two right.
CLEAR_PRECISION: Final = 0.92
MIXED_PRECISION: Final = 0.87
Say = Callable[[str], None]


def splits(data: FaceShapeData, *, grouped: bool, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds balanced by class; ``grouped`` keeps each pseudo-identity on one side."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if grouped:
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(data.landmarks, data.labels, data.groups)
    else:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(data.landmarks, data.labels)
    return [(train, test) for train, test in folds]


def out_of_fold(
    data: FaceShapeData, faces: Described, imitations: list[Described], recipe: Recipe, *, grouped: bool, say: Say
) -> tuple[np.ndarray, list[np.ndarray]]:
    """(n, 5) probabilities, each from a model that did not train on that face (grouped: nor on that person), and the folds."""
    p, tests = np.zeros((len(data), len(CLASSES))), []
    for number, (train, test) in enumerate(splits(data, grouped=grouped), start=1):
        model = fit(faces, data.labels, train, recipe, imitations=imitations)
        p[test] = predict(model, faces, test)
        tests.append(test)
        say(
            f"  {'grouped' if grouped else 'random'} fold {number}/{FOLDS}: {(p[test].argmax(1) == data.labels[test]).mean():.3f}"
        )
    return p, tests


def interior_only(faces: Described) -> Described:
    """The same faces with everything but eyes, brows, nose and mouth taken away: a control that can only know the person."""
    kept = np.isin(HALF, INTERIOR)
    shapes = faces.shapes.reshape(len(faces.shapes), -1, 3)[:, kept].reshape(len(faces.shapes), -1)
    return Described(np.zeros((len(shapes), faces.ratios.shape[1])), shapes, faces.reference)


def sharpen(p: np.ndarray, temperature: float) -> np.ndarray:
    return softmax(np.log(np.maximum(p, 1e-12)) / temperature)


def calibrate(grouped: np.ndarray, random: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Temperature and thresholds from out-of-fold probabilities.

    A new face is neither as foreign as a held-out cluster of look-alikes (grouped folds, pessimistic) nor as familiar as another
    photo of a training face (random folds, optimistic), so both count equally.
    """
    both, twice = np.concatenate([grouped, random]), np.tile(labels, 2)
    candidates = np.arange(0.6, 1.61, 0.02)
    temperature = float(candidates[np.argmin([metrics.log_loss(sharpen(both, t), twice) for t in candidates])])
    p = sharpen(both, temperature)
    ordered, first = -np.sort(-p, axis=1), p.argmax(axis=1) == twice
    clear = metrics.threshold_for(ordered[:, 0], first, CLEAR_PRECISION)
    rest = ordered[:, 0] < clear
    one_of_two = (np.argsort(-p, axis=1)[:, :2] == twice[:, None]).any(axis=1)
    mixed = metrics.threshold_for(ordered[rest][:, :2].sum(axis=1), one_of_two[rest], MIXED_PRECISION)
    return {"temperature": round(temperature, 3), "clear": round(clear, 4), "mixed": round(mixed, 4)}


def scored(p: np.ndarray, labels: np.ndarray, tests: list[np.ndarray]) -> dict[str, Any]:
    """The summary over all faces, with the standard deviation over folds beside it."""
    per_fold = [metrics.summary(p[test], labels[test]) for test in tests]
    return {**metrics.summary(p, labels), "folds": {k: float(np.std([f[k] for f in per_fold])) for k in per_fold[0]}}


def evaluate(data: FaceShapeData, noise: np.ndarray, recipe: Recipe, *, say: Say) -> dict[str, Any]:
    """Everything the model card reports, from one run."""
    faces = describe(data.landmarks)
    imitations = imitate(data.landmarks, faces.reference, noise, recipe)
    say("model:")
    grouped, tests = out_of_fold(data, faces, imitations, recipe, grouped=True, say=say)
    random, random_tests = out_of_fold(data, faces, imitations, recipe, grouped=False, say=say)
    say("interior landmarks only (control):")
    inside, inside_imitations = interior_only(faces), [interior_only(f) for f in imitations]
    modest = replace(recipe, components=min(recipe.components, 100), members=min(recipe.members, 2))
    control, _ = out_of_fold(data, inside, inside_imitations, modest, grouped=True, say=say)
    control_random, _ = out_of_fold(data, inside, inside_imitations, modest, grouped=False, say=say)

    limits = calibrate(grouped, random, data.labels)
    p, q = sharpen(grouped, limits["temperature"]), sharpen(random, limits["temperature"])
    centroid = np.zeros(len(data), int)
    for train, test in splits(data, grouped=True):
        centroid[test] = metrics.nearest_centroid(faces.ratios, data.labels, train, test)
    rule = metrics.threshold_rule(data.landmarks)
    return {
        "faces": len(data),
        "people": len(np.unique(data.groups)),
        "thresholds": limits,
        "grouped": {
            **scored(p, data.labels, tests),
            "decisions": metrics.decided(p, data.labels, limits["clear"], limits["mixed"]),
            "reliability": metrics.reliability(p, data.labels),
            "confusion": metrics.confusion(p, data.labels),
        },
        "random": {
            **scored(q, data.labels, random_tests),
            "decisions": metrics.decided(q, data.labels, limits["clear"], limits["mixed"]),
            "reliability": metrics.reliability(q, data.labels),
        },
        "interior_only": {
            "grouped": metrics.summary(control, data.labels),
            "random": metrics.summary(control_random, data.labels),
        },
        "threshold_rule": {
            "top1": float((rule == data.labels).mean()),
            "answers": {name: int((rule == i).sum()) for i, name in enumerate(CLASSES)},
        },
        "nearest_centroid": {"top1": float((centroid == data.labels).mean())},
    }


def report(result: dict[str, Any]) -> str:
    """The result as lines to read."""
    lines = [
        f"{result['faces']} faces, {result['people']} pseudo-identities, chance 0.200",
        metrics.format_scores("model, people on one side only (grouped)", result["grouped"]),
        metrics.format_scores("model, random folds (same people)", result["random"]),
        metrics.format_scores("interior landmarks only, grouped", result["interior_only"]["grouped"]),
        metrics.format_scores("interior landmarks only, random", result["interior_only"]["random"]),
        metrics.format_scores("nearest centroid, five ratios, grouped", result["nearest_centroid"]),
        metrics.format_scores("usual threshold rule", result["threshold_rule"])
        + f"  answers {result['threshold_rule']['answers']}",
        f"thresholds {result['thresholds']}",
    ]
    for kind in ("grouped", "random"):
        for name, d in result[kind]["decisions"].items():
            lines.append(
                f"{kind:<8} {name:<7} share {d['share']:.3f}  first right {d['top1']:.3f}  one of two right {d['top2']:.3f}"
            )
    lines += [
        "",
        metrics.format_confusion(result["grouped"]["confusion"]),
        "",
        "grouped reliability: confidence -> share right (faces)",
    ]
    lines += [f"  {r['confidence']:.3f} -> {r['accuracy']:.3f} ({r['count']})" for r in result["grouped"]["reliability"]]
    return "\n".join(lines)
