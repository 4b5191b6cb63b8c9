"""Training of the preference scorer (``recommendations.engine.preference``) from synthetic scores and from reactions.

Two heads. The score head is a ridge regression of the synthetic scores; its logit is one input of the reaction head, whose
coefficient says how far synthetic knowledge is to be believed. The reaction head is a Bayesian logistic regression with a random
effect per person. Nothing here knows who a person is: ``unit`` only says which reactions are of one person.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from hairme.ml.artifacts import Artifact, ArtifactError
from recommendations.engine.preference import ARRAYS, PreferenceModel, read_model
from recommendations.engine.preference_features import PERSON_FEATURES

from .preference_data import PreferenceConfig, PreferenceData
from .preference_layout import Fit, Layout
from .preference_solver import State, Variances, learn_variances, newton_step

GOLDEN_PEOPLE: Final = 4
GOLDEN_PAST: Final = 5
Report = Callable[[int, dict[str, float]], None]


@dataclass(slots=True)
class PreferenceResult:
    model: PreferenceModel
    fit: Fit  # what a child starts from
    history: list[dict[str, float]] = field(default_factory=list)  # per Newton step: step, loss (log loss of the training rows)
    head_mae: float = float("nan")  # points, on held-out synthetic people
    seconds: float = 0.0


def train(
    data: PreferenceData,
    parent: PreferenceResult | None = None,
    config: PreferenceConfig | None = None,
    report: Report | None = None,
) -> PreferenceResult:
    """Fit both heads. Without reactions the score is what the synthetic labels say; without either, everything is 50.

    One thread: matrices of this size gain little from two, and lose much where the second core is busy with something else.
    ``report`` hears each Newton step and may raise to stop. Raises ValueError for rows that point nowhere or numbers that are not
    finite.
    """
    with threadpool_limits(1):
        return _train(data, parent, config or PreferenceConfig(), report)


def _train(
    data: PreferenceData, parent: PreferenceResult | None, config: PreferenceConfig, report: Report | None
) -> PreferenceResult:
    data.check()
    start = time.perf_counter()
    history: list[dict[str, float]] = []
    layout = Layout(data, config, (parent.model, parent.fit) if parent else None)
    state, variances = _fit(layout, config, history, report)
    for _ in range(config.passes_for(len(data.person)) - 1):
        layout = Layout(data, config, (layout.model(state, variances), layout.fit_of(state, variances)))
        state, variances = _fit(layout, config, history, report)
    model, fit = layout.model(state, variances), layout.fit_of(state, variances)
    return PreferenceResult(model, fit, history, layout.head.mae, time.perf_counter() - start)


def _fit(
    layout: Layout, config: PreferenceConfig, history: list[dict[str, float]], report: Report | None
) -> tuple[State, Variances]:
    """The reaction head on one choice of style directions: Newton steps and variances in turn."""
    variances = layout.variances
    state = State.at(layout.start, variances, len(layout.data.person))
    if not len(layout.data.person):
        return state, variances
    problem, previous = layout.problem(), np.inf
    for step in range(1, config.steps + 1):
        state, factors = newton_step(problem, variances, layout.prior_mean, state)
        history.append({"step": float(len(history) + 1), "loss": state.loss})
        if report:
            report(len(history), history[-1])
        if abs(previous - state.loss) < config.tolerance and step > config.learn_from:
            break
        previous = state.loss
        if config.learn_from <= step < config.steps:
            variances = learn_variances(problem, variances, layout.anchor, layout.prior_mean, state, factors, config.strength)
    return state, variances


def write_files(result: PreferenceResult, folder: Path) -> None:
    """``weights.safetensors`` and ``golden.npz`` (people, pasts and the scores every build must give)."""
    from safetensors.numpy import save_file

    model, fit = result.model, result.fit
    arrays = {name: np.ascontiguousarray(getattr(model, name), dtype=np.float32) for name in ARRAYS}
    arrays |= {f"fit.{name}": np.ascontiguousarray(getattr(fit, name), dtype=np.float32) for name in Fit.ARRAYS}
    file = folder / "weights.safetensors"
    save_file(arrays, str(file), metadata={"synthetic_hash": fit.synthetic_hash})
    file.chmod(0o644)  # as the other files: the library makes it its writer's alone


def golden(model: PreferenceModel, entries: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """people (4, P), past rows (4, 5) and likes (4, 5), scores (4, n) before and after the past, over ``entries``."""
    rng = np.random.default_rng(seed)
    view = model.view(entries)
    people = rng.normal(0, 0.5, (GOLDEN_PEOPLE, len(PERSON_FEATURES)))
    rows = np.stack([rng.choice(len(view.features), GOLDEN_PAST, replace=False) for _ in people])
    liked = rng.integers(0, 2, rows.shape)
    before = model.logits(people, view)
    after = np.stack([b + model.personal(b, view, r, y).shift() for b, r, y in zip(before, rows, liked, strict=True)])
    return {"people": people, "past_rows": rows, "past_liked": liked, "before": before, "after": after}


def features_of(model: PreferenceModel) -> dict[str, Any]:
    """The feature schema that belongs on the version's card."""
    return {
        "encoder": "",
        "person": list(PERSON_FEATURES),
        "families": list(model.schema.families),
        "cuts": list(model.schema.cuts),
        "slugs": list(model.slugs),
    }


def load(artifact: Artifact) -> PreferenceResult:
    """A version to go on from. Raises ArtifactError where the folder holds no such model."""
    from safetensors import SafetensorError, safe_open

    model = read_model(artifact)
    file = artifact.file("weights.safetensors")
    try:
        with safe_open(str(file), framework="numpy") as stream:
            arrays = {name: stream.get_tensor(f"fit.{name}").astype(np.float64) for name in Fit.ARRAYS}
            fit = Fit(synthetic_hash=stream.metadata()["synthetic_hash"], **arrays)
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ArtifactError(f"{file} holds no preference model to go on from: train it again") from error
    return PreferenceResult(model, fit)
