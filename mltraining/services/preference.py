"""From synthetic faces to a published version of the preference scorer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from hairme.ml.artifacts import Artifact, write_artifact
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.preference import PreferenceModel
from recommendations.engine.preference_features import person_features
from recommendations.engine.stylist import Stylist

from ..learn import preference
from ..learn.face_population import FacePopulation
from ..learn.preference_data import PreferenceConfig, PreferenceData
from .seed_mlp import code_revision

NOTES = {
    "trained_on": "Synthetic scores (the stylist's rules, or Gemini) and, in later versions, reactions of people.",
    "tested_how": "Score head: mean absolute error on a fifth of the synthetic people, held out whole. Reactions: the hold-out of the "
    "retraining run, and simulated people (simulate_users).",
    "means": "The score is the probability of a like in percent. Without reactions it is the synthetic score, and nobody's taste.",
    "fails_where": "Taste is linear in the attributes of a cut: who likes two attributes only together is understood halfway. "
    "Nothing is forgotten with time: when fashion turns, old reactions count like new ones.",
}


def publish_preference(
    root: Path,
    version: str,
    data: PreferenceData,
    result: preference.PreferenceResult,
    config: PreferenceConfig,
    entries: Sequence[StyleEntry],
    *,
    parent: str | None = None,
    metrics: dict[str, Any] | None = None,
    replace: bool = False,
) -> Artifact:
    """Write the version's folder ``root/hairstyle-scorer/version``: weights, golden answers over ``entries``, card.

    Raises FileExistsError where it is there and ``replace`` is False.
    """

    def fill(folder: Path) -> None:
        preference.write_files(result, folder)
        np.savez(folder / "golden.npz", **preference.golden(result.model, entries))

    return write_artifact(
        root,
        name="hairstyle-scorer",
        version=version,
        fill=fill,
        dataset_hash=data.hash,
        code_revision=code_revision(),
        parent=parent,
        metrics={
            "synthetic_mae": None if np.isnan(result.head_mae) else result.head_mae,
            "agreement": agreement_with_stylist(result.model, entries),
            "reactions": len(data.person),
            "synthetic_pairs": len(data.synthetic_person),
            "parameters": int(len(result.model.mean) + result.model.head.size + len(result.model.theta_variance)),
            "training_seconds": round(result.seconds, 2),
            **(metrics or {}),
        },
        features=preference.features_of(result.model),
        params={"architecture": "preference", **config.to_json()},
        notes=NOTES,
        replace=replace,
    )


def agreement_with_stylist(
    model: PreferenceModel, entries: Sequence[StyleEntry], faces: int = 200, seed: int = 10_007
) -> dict[str, float]:
    """As for seed-mlp: mean Spearman correlation with the rules over the catalogue on fresh faces, shared part of the top 10."""
    stylist, view = Stylist(entries), model.view(entries)
    rho, overlap = [], []
    for reading in FacePopulation.load().sample(faces, np.random.default_rng(seed)):
        truth, guess = stylist.score(reading), model.logits(person_features(reading)[None], view)[0]
        rho.append(float(spearmanr(truth, guess).statistic))
        overlap.append(len(set(np.argsort(-truth)[:10]) & set(np.argsort(-guess)[:10])) / 10)
    return {"spearman": float(np.mean(rho)), "top10_overlap": float(np.mean(overlap)), "faces": float(faces)}
