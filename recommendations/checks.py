"""System checks of the hair door: models, encoder and catalogue are there and fit together, a picture can be decoded."""

from __future__ import annotations

import ctypes
import io
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db.utils import Error as DatabaseError

from hairme.common.images import ImageRejected, decode_image
from hairme.ml.artifacts import ArtifactError, get_store
from hairme.ml.text_encoder import MODEL_NAME as ENCODER
from hairme.ml.text_encoder import STATIC_NAME, is_light

from .models import Style, StyleVector

MODELS = ("face-shape", ENCODER, "hairstyle-scorer")
NATIVE_LIBRARIES = ("libGL.so.1", "libglib-2.0.so.0")


@register("models")
def check_models(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for name in MODELS:
        try:
            get_store().resolve(name)
        except ArtifactError as error:
            messages.append(
                Error(
                    str(error),
                    hint="Restore mltraining/pretrained from version control, or train the model again.",
                    id="recommendations.E001",
                )
            )
    return messages


@register("files")
def check_image_codecs(**kwargs: Any) -> list[CheckMessage]:
    from PIL import Image

    messages: list[CheckMessage] = []
    for form in ("JPEG", "PNG", "WEBP"):
        stream = io.BytesIO()
        try:
            Image.new("RGB", (96, 96), "salmon").save(stream, form)
            decode_image(stream.getvalue())
        except (ImageRejected, OSError, KeyError) as error:
            messages.append(
                Error(
                    f"Pillow cannot decode {form}: {error}.", hint="Reinstall Pillow with its wheels.", id="recommendations.E002"
                )
            )
    return messages


@register("compatibility")
def check_gemini(**kwargs: Any) -> list[CheckMessage]:
    endpoint = settings.GEMINI_ENDPOINT
    messages: list[CheckMessage] = []
    if endpoint and not settings.GEMINI_API_KEY:
        messages.append(
            Warning(
                "GEMINI_ENDPOINT is set without GEMINI_API_KEY: Gemini will not be asked.",
                hint="Set GEMINI_API_KEY or unset GEMINI_ENDPOINT.",
                id="recommendations.W001",
            )
        )
    if endpoint.startswith("http://") and urlsplit(endpoint).hostname not in ("localhost", "127.0.0.1", "::1"):
        messages.append(
            Error(
                f"GEMINI_ENDPOINT={endpoint} would send the key and people's photos in clear.",
                hint="Use https://.",
                id="recommendations.E003",
            )
        )
    return messages


@register("models")
def check_native_libraries(**kwargs: Any) -> list[CheckMessage]:
    """MediaPipe imports OpenCV, whose wheel needs two libraries of the system; no wheel brings them."""
    missing = [name for name in NATIVE_LIBRARIES if not _loads(name)] if sys.platform == "linux" else []
    if not missing:
        return []
    return [
        Error(
            f"{', '.join(missing)} cannot be loaded: no photo could be read.",
            hint="On Debian and Ubuntu: sudo apt install libgl1 libglib2.0-0",
            id="recommendations.E004",
        )
    ]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@register("models")
def check_text_encoder(**kwargs: Any) -> list[CheckMessage]:
    """The encoder that is named, and that the scorer was trained on the vectors it is given."""
    spec = settings.TEXT_ENCODER
    if spec.startswith((".", "/", "~")) and not (Path(spec) / "modules.json").is_file():
        return [
            Error(
                f"HAIRME_TEXT_ENCODER={spec} is no folder of a sentence-transformers model (it has no modules.json).",
                hint="Name a saved model's folder or a hub id, or leave the setting empty to use the shipped encoder.",
                id="recommendations.E005",
            )
        ]
    try:
        shipped = f"{STATIC_NAME}@{get_store().resolve(ENCODER).card.version}"
        scorer = get_store().resolve("hairstyle-scorer").card
    except ArtifactError:
        return []  # check_models says it
    if scorer.params.get("architecture") == "preference":
        return []  # it takes no vectors, so it goes with any encoder
    trained_on = str(scorer.features.get("encoder", ""))
    if trained_on == shipped:
        if is_light(spec):
            return []
        return [
            Warning(
                f"Search uses {spec}, but hairstyle-scorer was trained on {shipped}: recommendations go on using that.",
                hint="To use one encoder for both: prepare_training_data, then train_scorer, with HAIRME_TEXT_ENCODER set.",
                id="recommendations.W002",
            )
        ]
    if not is_light(spec) and trained_on.startswith(f"{Path(spec).name}@"):
        return []
    return [
        Error(
            f"hairstyle-scorer was trained on vectors of {trained_on or 'an unknown encoder'}, which is neither {spec or shipped} "
            "nor the shipped one: its scores would mean nothing.",
            hint="Run prepare_training_data and train_scorer, or restore mltraining/pretrained.",
            id="recommendations.E006",
        )
    ]


@register(Tags.database)
def check_catalogue_is_loaded(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs where a database is named (check --database default)."""
    if not databases:
        return []
    name = STATIC_NAME if is_light(settings.TEXT_ENCODER) else Path(settings.TEXT_ENCODER).name
    try:
        if not Style.objects.offered().exists():
            return [Warning("No style is offered.", hint="Run load_catalogue.", id="recommendations.W003")]
        if not StyleVector.objects.filter(encoder__startswith=f"{name}@").exists():
            return [
                Warning(
                    f"No style has a vector of {name}: search finds nothing.",
                    hint="Run build_style_embeddings.",
                    id="recommendations.W004",
                )
            ]
    except DatabaseError:
        pass  # not migrated yet, or away: other checks say it
    return []
