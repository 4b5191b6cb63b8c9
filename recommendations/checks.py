"""System checks of the hair door: the catalogue reads, the models are there, a picture can be decoded."""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from hairme.common.images import ImageRejected, decode_image
from hairme.ml.artifacts import ArtifactError, get_store

MODELS = ("face-shape", "text-encoder", "hairstyle-scorer")


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
    if settings.GEMINI_ENDPOINT and not settings.GEMINI_API_KEY:
        return [
            Warning(
                "GEMINI_ENDPOINT is set without GEMINI_API_KEY: Gemini will not be asked.",
                hint="Set GEMINI_API_KEY or unset GEMINI_ENDPOINT.",
                id="recommendations.W001",
            )
        ]
    return []
