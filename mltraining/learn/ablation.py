"""What the share of synthetic scores is worth: the same reactions with 0 to 100 % of the weight synthetic, judged on later reactions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from hairme.ml.artifacts import Artifact, write_artifact
from recommendations.engine.scoring import Scorer, StyleTable, load_scorer

from . import candidates, hold_out
from .candidates import Candidate
from .dataset import Dataset
from .hold_out import Predictions, auc, interval_of, interval_of_mean, log_losses, people_of

SHARES: Final = (0.0, 0.3, 0.5, 0.7, 1.0)
LEVEL: Final = 0.90
FEW: Final = 3  # reactions in the training part below which a style counts as cold


@dataclass(frozen=True)
class Result:
    """One share on one slice; intervals at LEVEL over people drawn again. None where the slice is empty or of one kind only."""

    architecture: str
    share: float
    slice: str
    rows: int
    people: int
    like_rate: float | None
    auc: float | None
    auc_interval: tuple[float, float] | None
    log_loss: float | None
    log_loss_interval: tuple[float, float] | None


def ablate(
    architecture: str,
    dataset: Dataset,
    styles: StyleTable,
    encoder: str,
    parent: Artifact | None,
    shares: Sequence[float] = SHARES,
    said: Callable[[str], Any] = lambda line: None,
) -> Iterator[Result]:
    """Every share is trained from the same ``parent``, which must not have seen the reactions. Raises ValueError where the reactions
    cannot be split by time."""
    split = dataset.split()
    train, rows = hold_out.usable(dataset, split.train, styles), hold_out.usable(dataset, split.hold_out, styles)
    if not len(train) or not len(rows):
        raise ValueError("there are no reactions to train on and later ones to judge by")
    trained = np.zeros(len(dataset), dtype=bool)
    trained[train] = True
    slices = slices_of(dataset, train, rows)
    for share in shares:
        said(f"{architecture}, {share:.0%} synthetic")
        candidate = candidates.make(architecture, dataset, trained, styles, encoder, parent, share=share)
        found = hold_out.predict(_load(candidate), dataset, rows, styles)
        for name, mask in slices.items():
            yield _result(architecture, share, name, found, dataset.liked[rows], dataset.unit[rows], mask)


def slices_of(dataset: Dataset, train: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of ``rows``: people nobody had heard of, people with a past, styles with few reactions so far, styles with more."""
    heard = set(dataset.unit[train].tolist())
    names, counts = np.unique(dataset.slug[train], return_counts=True)
    often = set(names[counts >= FEW].tolist())
    cold = np.array([unit not in heard for unit in dataset.unit[rows].tolist()], dtype=bool)
    rare = np.array([slug not in often for slug in dataset.slug[rows].tolist()], dtype=bool)
    everything = np.ones(len(rows), dtype=bool)
    return {"all": everything, "cold people": cold, "warm people": ~cold, "cold styles": rare, "warm styles": ~rare}


def _load(candidate: Candidate) -> Scorer:
    """As serving would load it."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = write_artifact(
            Path(folder), name="hairstyle-scorer", version="ablation", fill=candidate.fill, dataset_hash="",
            features=candidate.features, params=candidate.params,
        )  # fmt: skip
        return load_scorer(artifact)


def _result(
    architecture: str, share: float, name: str, found: Predictions, liked: np.ndarray, unit: np.ndarray, mask: np.ndarray
) -> Result:
    y, scores, losses = liked[mask], found.scores[mask], log_losses(found.chances, liked)[mask]
    people = people_of(unit[mask])
    if not len(y):
        return Result(architecture, share, name, 0, 0, None, None, None, None, None)
    area = auc(scores, y)
    known = bool(np.isfinite(area))
    return Result(
        architecture, share, name, len(y), len(people), float(y.mean()),
        area if known else None,
        interval_of(lambda rows: auc(scores[rows], y[rows]), people, LEVEL) if known else None,
        float(losses.mean()),
        interval_of_mean(losses, people, LEVEL),
    )  # fmt: skip
