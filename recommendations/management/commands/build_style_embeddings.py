from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hairme.ml.artifacts import ArtifactError
from hairme.ml.text_encoder import TextEncoderError
from recommendations.selectors import encoders_in_use
from recommendations.services.style_vectors import build_style_vectors


class Command(BaseCommand):
    help = (
        "Embed every style's text with the configured text encoder (HAIRME_TEXT_ENCODER) and with the one that the scorer was "
        "trained on, where that is another. Only changed texts are embedded."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            encoders = encoders_in_use()
        except (ArtifactError, TextEncoderError) as error:
            raise CommandError(str(error)) from None
        for encoder in encoders:
            start = time.perf_counter()
            count = build_style_vectors(encoder, progress=lambda done, total: self.stdout.write(f"  {done}/{total}", ending="\r"))
            self.stdout.write(f"{encoder.id} ({encoder.dim}-d): {count} styles embedded in {time.perf_counter() - start:.2f} s")
