"""Training jobs as services: where data come from, and how a trained model becomes a version."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from hairme.ml.artifacts import Artifact, write_artifact
from hairme.ml.text_encoder import load_text_encoder
from recommendations.engine.catalogue import StyleEntry, load_catalogue
from recommendations.engine.style_text import style_document

from ..learn import scorer, scorer_eval
from ..learn.scorer_data import ScorerData
from ..learn.synthetic import Candidate, SyntheticFace

GOLDEN_ROWS = 8
MOST_FAILURES = 3  # of Gemini in a row, before collecting stops to be continued later
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
    """Measure, then write the version's folder under ``root``; an existing version of that name is replaced.

    Raises ValueError where the data were prepared with another text encoder.
    """

    def predict(inputs: np.ndarray) -> np.ndarray:
        return scorer.predict(result.model, inputs)

    encoder, entries, vectors = catalogue_vectors()
    if encoder != data.encoder:
        raise ValueError(f"the data were prepared with {data.encoder}, the encoder now is {encoder}: prepare the data again")
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


def gemini_faces(images: Path, delay: float, report: Callable[[str], Any]) -> Iterator[Candidate]:
    """The photos of a folder, read by our engine, labelled by Gemini, at least ``delay`` seconds after the label before.

    A photo that cannot be used is reported and passed over. Raises LabellerAway where Gemini fails MOST_FAILURES times in a row.
    """
    from ..gemini_labels import LabellerAway, face_id_of, label_photo

    last, failures = float("-inf"), 0

    def label(photo: Path) -> SyntheticFace | None:
        nonlocal last, failures
        time.sleep(max(0.0, last + delay - time.monotonic()))
        try:
            face = label_photo(photo)
            failures = 0
            return face
        except LabellerAway as away:
            failures += 1
            if away.needs_a_person or failures == MOST_FAILURES:
                raise
            report(f"{photo.name}: {away}")
        except ValueError as error:
            report(f"{photo.name}: {error}")
        finally:
            last = time.monotonic()
        return None

    for photo in sorted(path for path in images.rglob("*") if path.is_file()):
        try:
            face_id = face_id_of(photo)
        except OSError as error:
            report(f"{photo.name}: {error.strerror}")
            continue
        yield Candidate(face_id, partial(label, photo))
