"""What the live face reading is measured to be: the model card that came with its weights, for whoever asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import structlog

from hairme.common.errors import ApplicationError
from hairme.ml import text_encoder
from hairme.ml.artifacts import ArtifactError, ModelCard, get_store

from ..engine import face_shape
from ..selectors import SCORER

log = structlog.get_logger(__name__)

#: What ``evaluate_colour --card`` wrote. It belongs to the engine's code: the colour reading has no weights.
COLOUR_CARD: Final = Path(face_shape.__file__).with_name("colour_card.json")


def live_card() -> ModelCard:
    """The card of the face-shape version that serves. Raises ``service_unavailable`` where none is installed."""
    try:
        return get_store().resolve(face_shape.MODEL_NAME).card
    except ArtifactError as error:
        log.error("no_live_model", model=face_shape.MODEL_NAME, error=str(error))
        raise ApplicationError("service_unavailable") from error


def live_versions() -> dict[str, str]:
    """Model name -> version that serves, of every model that a result rests on."""
    versions = {}
    for name in (face_shape.MODEL_NAME, SCORER, text_encoder.MODEL_NAME):
        try:
            versions[name] = get_store().resolve(name).card.version
        except ArtifactError:
            continue  # what is not there does not serve
    return versions


def measured(card: ModelCard) -> dict[str, Any]:
    """The card as data: figures and notes are passed on as they are, names of input features are left out."""
    return {
        "model": {
            "name": card.name,
            "version": card.version,
            "created": card.created,
            "dataset_hash": card.dataset_hash,
            "code_revision": card.code_revision,
            "parent": card.parent,
        },
        "classes": classes_of(card),
        "metrics": dict(card.metrics),
        "colour": colour_figures(),
        "notes": dict(card.notes),
        "versions": live_versions(),
    }


def classes_of(card: ModelCard) -> list[str]:
    """The names of the confusion matrix's rows and columns, in their order."""
    return list(card.features.get("classes") or face_shape.CLASSES)


def photo_figures(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """What ``evaluate_face_shape --photos`` measured on photos, where the card carries it."""
    found = metrics.get("photos")
    return found if isinstance(found, Mapping) else {}


@cache
def colour_figures() -> Mapping[str, Any]:
    """What ``evaluate_colour`` measured of the colour reading: ``compare`` and ``as_they_are`` of mltraining's colour_stability."""
    figures: Mapping[str, Any] = json.loads(COLOUR_CARD.read_text())
    return figures
