from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.ml.artifacts import ArtifactError
from mltraining.learn import quality_evaluation
from mltraining.learn.face_shape_noise import photos as photos_in


class Command(BaseCommand):
    help = "Measure the quality gate on photos without labels: what it says of them as they are, and of damage planted on them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("photos", type=Path, help="folder of face photos")
        parser.add_argument("--first", action="store_true", help="only files named 1.*: one photo of each person of the AT&T set")
        parser.add_argument("--limit", type=int, default=60, help="at most this many photos, evenly spread")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, photos: Path, first: bool, limit: int, **options: Any) -> None:
        found = [(path, image) for path, image in photos_in(photos) if not first or path.stem == "1"]
        if not found:
            raise CommandError("no pictures there")
        quiet = options["json"]
        say = (lambda line: None) if quiet else self.stderr.write
        try:
            result = quality_evaluation.evaluate(found[:: max(1, -(-len(found) // limit))], say=say)
        except (ArtifactError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result) if quiet else quality_evaluation.report(result))
