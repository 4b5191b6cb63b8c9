"""From a data set to a version of the scorer, whatever its architecture: who is trained on from, what is written, what it was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from hairme.ml.artifacts import Artifact, ArtifactError
from recommendations.engine.preference_features import StyleSchema, person_features
from recommendations.engine.scoring import StyleTable, join_inputs, person_inputs

from . import preference, scorer
from .architectures import ARCHITECTURES, FineTuneConfig
from .dataset import Dataset
from .fine_tune import Rows, fine_tune
from .packed_readings import unpack
from .preference_data import PreferenceConfig, PreferenceData, no_reactions

GOLDEN_ROWS: Final = 8
Report = Callable[[int, float, float | None], None]


@dataclass(frozen=True, eq=False)
class Candidate:
    """``history``: one object per epoch with epoch, train, valid (None where there is none)."""

    fill: Callable[[Path], Any]
    features: Mapping[str, Any]
    params: Mapping[str, Any]
    history: list[dict[str, Any]]
    seconds: float


def make(
    architecture: str,
    dataset: Dataset,
    train: np.ndarray,
    styles: StyleTable,
    encoder: str,
    parent: Artifact | None,
    *,
    share: float | None = None,
    report: Report | None = None,
    checkpoint: Path | None = None,
) -> Candidate:
    """Train on the reactions ``train`` (r,) bool and the synthetic rows. ``share``: synthetic share of the weight, the data set's
    own where none is given. ``styles`` have vectors of ``encoder``; styles that are not among them are passed over.

    ``report(epoch, training loss, validation loss)`` may raise to stop. Raises ValueError for data nothing can be learned from and
    ArtifactError for a parent that cannot be gone on from.
    """
    share = float(dataset.share) if share is None else share
    makers = {"seed-mlp": _seed_mlp, "preference": _preference}
    if architecture not in makers:
        raise ValueError(f"architecture {architecture!r} is none of {', '.join(ARCHITECTURES)}")
    return makers[architecture](dataset, train, styles, encoder, parent, share, report, checkpoint)


def row_weights(real: int, synthetic: int, share: float) -> tuple[float, float]:
    """(weight of a reaction, weight of a synthetic row): a reaction counts 1 and synthetic rows make up ``share`` of the sum; where
    there is only one kind, or its share is all, it counts 1 and the other 0."""
    if not real or share >= 1:
        return 0.0, 1.0
    if not synthetic or share <= 0:
        return 1.0, 0.0
    return 1.0, share / (1 - share) * real / synthetic


def _known(dataset: Dataset, train: np.ndarray, styles: StyleTable) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(reactions, their rows of ``styles``, synthetic rows, their rows of ``styles``), without styles that left."""
    place = {entry.slug: i for i, entry in enumerate(styles.entries)}
    style = np.array([place.get(slug, -1) for slug in dataset.slug.tolist()], dtype=np.int64)
    synthetic = np.array([place.get(slug, -1) for slug in dataset.synthetic_slug.tolist()], dtype=np.int64)
    rows, pairs = np.flatnonzero(train & (style >= 0)), np.flatnonzero(synthetic >= 0)
    return rows, style[rows], pairs, synthetic[pairs]


def _seed_mlp(
    dataset: Dataset, train: np.ndarray, styles: StyleTable, encoder: str, parent: Artifact | None, share: float,
    report: Report | None, checkpoint: Path | None,
) -> Candidate:  # fmt: skip
    from safetensors.torch import load_file

    if parent is None:
        raise ValueError("seed-mlp is fine-tuned from a parent: register one first (train_scorer, models register)")
    if parent.card.features.get("encoder") != encoder:
        raise ArtifactError(
            f"{parent.key} was trained on vectors of {parent.card.features.get('encoder')}, these are of {encoder}"
        )
    try:
        weights = load_file(str(parent.file("weights.safetensors")))
        scorer.SeedMLP().load_state_dict(weights)
    except Exception as error:  # safetensors' own and torch's: they share no base class
        raise ArtifactError(f"{parent.key} holds no weights of seed-mlp: {error}") from error
    rows, style, pairs, pair_style = _known(dataset, train, styles)
    real, synthetic = row_weights(len(rows), len(pairs), share)
    _units, unit = np.unique(dataset.unit[rows], return_inverse=True)
    faces = len(dataset.synthetic_readings)
    people = _seed_people(dataset.synthetic_readings)
    data = Rows(
        np.concatenate(
            [
                join_inputs(people[dataset.synthetic_reading[pairs]], styles.vectors[pair_style]),
                join_inputs(_seed_people(dataset.readings)[dataset.reading[rows]], styles.vectors[style]),
            ]
        ),
        np.concatenate([dataset.synthetic_score[pairs], 100.0 * dataset.liked[rows]]),
        np.concatenate([np.full(len(pairs), synthetic), np.full(len(rows), real)]),
        np.concatenate([dataset.synthetic_reading[pairs], faces + unit]),
    )
    config = FineTuneConfig()
    result = fine_tune(weights, data, config, report, checkpoint)
    golden = data.inputs[:GOLDEN_ROWS]
    return Candidate(
        lambda folder: scorer.write_files(result, golden, folder),
        {"encoder": encoder, "inputs": scorer.INPUT_DIM},
        {"architecture": "seed-mlp", "best_epoch": result.best_epoch, **{n: getattr(config, n) for n in config.__slots__}},
        result.history,
        result.seconds,
    )


def _seed_people(readings: np.ndarray) -> np.ndarray:
    """(m, 8) of ``packed_readings``."""
    faces = [unpack(row) for row in readings]
    rows = [person_inputs(dict(f.face_shape.probabilities), dict(f.colour.season.probabilities)) for f in faces]
    return np.array(rows, dtype=np.float32).reshape(-1, 8)


def _preference(
    dataset: Dataset, train: np.ndarray, styles: StyleTable, encoder: str, parent: Artifact | None, share: float,
    report: Report | None, checkpoint: Path | None,
) -> Candidate:  # fmt: skip
    rows, style, pairs, pair_style = _known(dataset, train, styles)
    real, synthetic = row_weights(len(rows), len(pairs), share)
    if not real:
        rows, style = rows[:0], style[:0]
    if not synthetic:
        pairs, pair_style = pairs[:0], pair_style[:0]
    _units, unit = np.unique(dataset.unit[rows], return_inverse=True)
    reactions = no_reactions()
    if len(rows):
        reactions = {
            "person": dataset.reading[rows],
            "style": style,
            "liked": dataset.liked[rows].astype(np.float64),
            "weight": np.full(len(rows), real),
            "unit": unit,
            "position": dataset.position[rows].astype(np.int64),
        }
    schema = StyleSchema.of(styles.entries)
    data = PreferenceData(
        schema,
        tuple(entry.slug for entry in styles.entries),
        schema.matrix(styles.entries),
        np.array([person_features(unpack(row)) for row in np.vstack([dataset.readings, dataset.synthetic_readings])]),
        **reactions,
        synthetic_person=len(dataset.readings) + dataset.synthetic_reading[pairs],
        synthetic_style=pair_style,
        synthetic_score=dataset.synthetic_score[pairs],
        synthetic_weight=np.full(len(pairs), synthetic),
    )
    history: list[dict[str, Any]] = []

    def heard(step: int, figures: dict[str, float]) -> None:
        history.append({"epoch": float(step), "train": figures["loss"], "valid": None})
        if report:
            report(step, figures["loss"], None)

    config = PreferenceConfig()
    result = preference.train(data, preference.load(parent) if parent else None, config, heard)

    def fill(folder: Path) -> None:
        preference.write_files(result, folder)
        np.savez(folder / "golden.npz", **preference.golden(result.model, styles.entries))

    return Candidate(
        fill,
        preference.features_of(result.model),
        {"architecture": "preference", **config.to_json()},
        history,
        result.seconds,
    )
