"""Training jobs as services: where data come from, and how a trained model becomes a version."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from hairme.ml.artifacts import Artifact, write_artifact
from hairme.ml.text_encoder import load_text_encoder
from recommendations.engine.catalogue import StyleEntry, load_catalogue
from recommendations.engine.style_text import style_document

from .learn import scorer, scorer_eval
from .learn.scorer_data import ScorerData

GOLDEN_ROWS = 8
NOTES = {
    "trained_on": "Synthetic faces sampled from aggregate statistics of reference faces; scores given by the stylist's rules "
    "(recommendations/engine/stylist_rules.yaml) or by Gemini. No person's taste is in it.",
    "tested_how": "On faces held out whole (20 %); early stopping looked at other faces. Beside it the training mean and a ridge.",
    "means": "The error says how well the network imitates its labeller, not whether anyone likes the style.",
    "fails_where": "It sees a face only as shape and season probabilities, so it cannot follow rules about single measurements; "
    "seasons carry no signal in rule-made labels; it knows styles only by their text.",
}


def catalogue_vectors() -> tuple[str, tuple[StyleEntry, ...], np.ndarray]:
    """(encoder id, entries, vectors (n, 384)) of the catalogue under version control; needs no database."""
    encoder = load_text_encoder(settings.TEXT_ENCODER)
    catalogue = load_catalogue()
    cuts = {cut.slug: cut for cut in catalogue.cuts}
    return encoder.id, catalogue.entries, encoder.encode([style_document(entry, cuts[entry.cut]) for entry in catalogue.entries])


def publish_seed_mlp(
    root: Path, version: str, data: ScorerData, result: scorer.TrainResult, config: scorer.TrainConfig
) -> tuple[Artifact, dict[str, Any]]:
    """Measure, then write the version's folder under ``root``; an existing version of that name is replaced."""

    def predict(inputs: np.ndarray) -> np.ndarray:
        return scorer.predict(result.model, inputs)

    _encoder, entries, vectors = catalogue_vectors()
    metrics = {
        **scorer_eval.validation_metrics(data, predict),
        "agreement": scorer_eval.agreement_with_stylist(predict, entries, vectors),
        "parameters": scorer.parameter_count(result.model),
        "training_seconds": round(result.seconds, 2),
        "training_pairs": int((~data.is_validation).sum()),
    }
    artifact = write_artifact(
        root,
        name="hairstyle-scorer",
        version=version,
        fill=lambda folder: scorer.write_files(result, data.part(validation=True)[0][:GOLDEN_ROWS], folder),
        dataset_hash=data.hash,
        code_revision=code_revision(),
        metrics=metrics,
        features={"encoder": data.encoder, "inputs": scorer.INPUT_DIM},
        params={"architecture": "seed-mlp", **{name: getattr(config, name) for name in config.__dataclass_fields__}},
        notes=NOTES,
        replace=True,
    )
    return artifact, metrics


def code_revision() -> str:
    """The commit this code is of, "" outside a checkout."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def gemini_faces(images: Path, delay: float, report: Callable[[str], Any]) -> Callable[[int], Any]:
    """A source for ``learn.synthetic.collect``: the photos of a folder, read by our engine, labelled by Gemini.

    Photos that cannot be read are reported and passed over. The call waits ``delay`` seconds between two calls of Gemini.
    """
    from .gemini_labels import label_photo

    files = sorted(path for path in images.rglob("*") if path.is_file())
    last = [0.0]

    def face(number: int) -> Any:
        if number >= len(files):
            raise StopIteration
        time.sleep(max(0.0, last[0] + delay - time.monotonic()))
        try:
            return label_photo(files[number])
        except ValueError as error:
            report(f"{files[number].name}: {error}")
            return None
        finally:
            last[0] = time.monotonic()

    return face
