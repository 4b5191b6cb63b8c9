from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from recommendations.selectors import text_encoder
from recommendations.services.style_vectors import build_style_vectors


class Command(BaseCommand):
    help = "Embed every style's text with the configured text encoder (HAIRME_TEXT_ENCODER). Only changed texts are embedded."

    def handle(self, *args: Any, **options: Any) -> None:
        encoder = text_encoder()
        start = time.perf_counter()
        count = build_style_vectors(encoder, progress=lambda done, total: self.stdout.write(f"  {done}/{total}", ending="\r"))
        self.stdout.write(f"{encoder.id} ({encoder.dim}-d): {count} styles embedded in {time.perf_counter() - start:.2f} s")
