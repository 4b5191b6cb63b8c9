"""Cross-validation of the face-shape model by people, its controls and baselines, and the thresholds that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from mltraining.learn import face_shape_metrics as metrics
from mltraining.learn.face_shape import Described, Recipe, describe, fit, imitate, predict
from mltraining.learn.face_shape_data import FaceShapeData
from mltraining.learn.face_shape_reference import cross_validated
from recommendations.engine.face_shape import CLASSES, HALF, softmax
from recommendations.engine.mesh_topology import INTERIOR

FOLDS: Final = 5
#: What ``clear`` promises: the first answer right in this share, and given to this share of faces.
CLEAR_PRECISION: Final = 0.85
CLEAR_SHARE: Final = 0.25
#: What ``mixed`` promises: one of the first two right.
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
    photo of a training face (random folds, optimistic). So the temperature is the one whose calibration error is smallest where it
    is larger, and ``clear`` is what ``clear_limit`` finds between both; ``mixed`` counts both alike.
    """
    candidates = np.arange(0.6, 1.61, 0.02)
    worse = [max(metrics.calibration_error(sharpen(p, t), labels) for p in (grouped, random)) for t in candidates]
    temperature = float(candidates[np.argmin(worse)])
    far, near = sharpen(grouped, temperature), sharpen(random, temperature)
    clear = clear_limit(far, near, labels)
    both, twice = np.concatenate([far, near]), np.tile(labels, 2)
    ordered = -np.sort(-both, axis=1)
    rest = ordered[:, 0] < clear
    one_of_two = (np.argsort(-both, axis=1)[:, :2] == twice[:, None]).any(axis=1)
    mixed = metrics.threshold_for(ordered[rest][:, :2].sum(axis=1), one_of_two[rest], MIXED_PRECISION)
    return {"temperature": round(temperature, 3), "clear": round(clear, 4), "mixed": round(mixed, 4)}


def clear_limit(far: np.ndarray, near: np.ndarray, labels: np.ndarray) -> float:
    """The first probability from which on an answer is ``clear``: the one with which both promises, right in CLEAR_PRECISION and
    given to CLEAR_SHARE of the faces, hold on the longest part of the way from grouped (``far``) to random (``near``) folds; where
    they hold nowhere, the lowest one that keeps the first.
    """
    right = [p.argmax(axis=1) == labels for p in (far, near)]
    way = np.linspace(0, 1, 101)
    best, longest = 1.0, 0.0
    for limit in np.arange(0.5, 0.96, 0.005):
        chosen = [p.max(axis=1) >= limit for p in (far, near)]
        share = np.interp(way, (0, 1), [c.mean() for c in chosen])
        correct = np.interp(way, (0, 1), [(c & r).mean() for c, r in zip(chosen, right, strict=True)])
        held = float(((share >= CLEAR_SHARE) & (correct >= CLEAR_PRECISION * share)).mean())
        if held > longest:
            best, longest = float(limit), held
    if longest:
        return best
    return metrics.threshold_for(np.concatenate([far.max(axis=1), near.max(axis=1)]), np.concatenate(right), CLEAR_PRECISION)


def strict_clear(far: np.ndarray, near: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What ``clear`` would cover were CLEAR_PRECISION demanded of grouped folds alone: the limit, and shares with both folds."""
    limit = metrics.threshold_for(far.max(axis=1), far.argmax(axis=1) == labels, CLEAR_PRECISION)
    return {"limit": limit, **{k: float((p.max(axis=1) >= limit).mean()) for k, p in (("grouped", far), ("random", near))}}


def evaluate(data: FaceShapeData, noise: np.ndarray, recipe: Recipe, *, say: Say) -> dict[str, Any]:
    """Everything the model card reports, from one run."""
    faces = describe(data.landmarks)
    imitations = imitate(data.landmarks, faces.reference, noise, recipe)
    say("model:")
    grouped, tests = out_of_fold(data, faces, imitations, recipe, grouped=True, say=say)
    random, random_tests = out_of_fold(data, faces, imitations, recipe, grouped=False, say=say)
    say("reference methods")
    folds = {"grouped": splits(data, grouped=True), "random": splits(data, grouped=False)}
    references = cross_validated(faces, data.labels, folds)
    say("interior landmarks only (control):")
    inside, inside_imitations = interior_only(faces), [interior_only(f) for f in imitations]
    modest = replace(recipe, components=min(recipe.components, 100), members=min(recipe.members, 2))
    control, _ = out_of_fold(data, inside, inside_imitations, modest, grouped=True, say=say)
    control_random, _ = out_of_fold(data, inside, inside_imitations, modest, grouped=False, say=say)

    limits = calibrate(grouped, random, data.labels)
    p, q = sharpen(grouped, limits["temperature"]), sharpen(random, limits["temperature"])
    centroid = np.zeros(len(data), int)
    for train, test in folds["grouped"]:
        centroid[test] = metrics.nearest_centroid(faces.ratios, data.labels, train, test)
    rule = metrics.threshold_rule(data.landmarks)
    return {
        "faces": len(data),
        "people": len(np.unique(data.groups)),
        "thresholds": limits,
        "grouped": {
            **metrics.scored(p, data.labels, tests),
            "decisions": metrics.decided(p, data.labels, limits["clear"], limits["mixed"]),
            "reliability": metrics.reliability(p, data.labels),
            "confusion": metrics.confusion(p, data.labels),
        },
        "random": {
            **metrics.scored(q, data.labels, random_tests),
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
        "clear_when_strict": strict_clear(p, q, data.labels),
        "references": {
            name: {
                "grouped": metrics.scored(found["grouped"], data.labels, tests),
                "random": metrics.scored(found["random"], data.labels, random_tests),
                "lead": metrics.lead(grouped, found["grouped"], data.labels, tests),
            }
            for name, found in references.items()
        },
    }


def report(result: dict[str, Any]) -> str:
    """The result as lines to read."""
    strict = result["clear_when_strict"]
    lines = [
        f"{result['faces']} faces, {result['people']} pseudo-identities, chance 0.200",
        metrics.format_scores("model, people on one side only (grouped)", result["grouped"]),
        metrics.format_scores("model, random folds (same people)", result["random"]),
        metrics.format_scores("interior landmarks only, grouped", result["interior_only"]["grouped"]),
        metrics.format_scores("interior landmarks only, random", result["interior_only"]["random"]),
        *(
            metrics.format_scores(f"{name.replace('_', ' ')}, {kind}", result["references"][name][kind])
            for name in result["references"]
            for kind in ("grouped", "random")
        ),
        *(
            f"lead over {name.replace('_', ' ')}, grouped, fold by fold: first right {r['lead']['top1']:+.3f} +- "
            f"{r['lead']['top1_sd']:.3f}, one of two right {r['lead']['top2']:+.3f} +- {r['lead']['top2_sd']:.3f}"
            for name, r in result["references"].items()
        ),
        metrics.format_scores("nearest centroid, five ratios, grouped", result["nearest_centroid"]),
        metrics.format_scores("usual threshold rule", result["threshold_rule"])
        + f"  answers {result['threshold_rule']['answers']}",
        f"thresholds {result['thresholds']}",
        f"clear only where grouped folds alone are right in {CLEAR_PRECISION:.0%}: from {strict['limit']:.3f} on, "
        f"share {strict['grouped']:.3f} grouped, {strict['random']:.3f} random",
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
