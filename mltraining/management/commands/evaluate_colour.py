from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.common.images import ImageRejected, decode_image
from hairme.ml.artifacts import ArtifactError
from mltraining.learn import colour_stability
from recommendations.services.batch import WORKING_SIDE, files_under


class Command(BaseCommand):
    help = (
        "Measure how far the colour reading follows the light: photos read as they are and under simulated lights, exposures and "
        "compressions. Prints how many seasons changed without having been marked unsure, and how well the intervals held. "
        "Needs no labels and no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, help="photos and folders of photos, one face each; no labels needed")
        parser.add_argument("--limit", type=int, default=100, help="at most this many photos, evenly spread")
        parser.add_argument(
            "--correction", choices=colour_stability.CORRECTIONS, default="none",
            help="none: the live reading, which refuses a season in coloured light; sclera: the light corrected by the white of "
            "the eye and the background, for comparison",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        parser.add_argument("--card", type=Path, help="also write the figures to this file, as /measured/ shows them")

    def handle(self, *args: Any, paths: list[Path], limit: int, **options: Any) -> None:
        quiet = options["json"]
        images = self._photos(paths, limit)
        try:
            result = colour_stability.evaluate(
                images, correction=options["correction"], say=(lambda line: None) if quiet else self.stdout.write
            )
        except (ArtifactError, ValueError) as error:
            raise CommandError(str(error)) from error
        if options["card"]:
            rounded = json.loads(json.dumps(result), parse_float=lambda text: round(float(text), 4))
            options["card"].write_text(json.dumps(rounded, indent=2) + "\n")
        self.stdout.write(json.dumps(result) if quiet else colour_stability.report(result))

    def _photos(self, paths: list[Path], limit: int) -> list[np.ndarray]:
        try:
            files = files_under(paths)
        except OSError as error:
            raise CommandError(str(error)) from None
        images = []
        for file in files[:: max(1, -(-len(files) // limit))]:
            try:
                images.append(decode_image(file.read_bytes(), max_side=WORKING_SIDE))
            except (ImageRejected, OSError) as error:
                self.stderr.write(f"{file}: {error}")
        if not images:
            raise CommandError("no pictures there")
        return images
