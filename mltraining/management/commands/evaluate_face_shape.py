from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.ml.artifacts import PRETRAINED_ROOT, ArtifactError
from mltraining.learn import face_shape_evaluation, face_shape_photos, face_shape_publish
from mltraining.learn.face_shape import Recipe
from mltraining.learn.face_shape_data import DatasetError, load
from mltraining.learn.face_shape_noise import photos as photos_in
from mltraining.learn.face_shape_noise import spread


class Command(BaseCommand):
    help = (
        "Measure the face reading. --data: cross-validation by people, with controls and baselines. "
        "--photos: the live reading's stability on photos without labels."
    )

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, help=".npz with landmarks, label and pseudo_identity")
        parser.add_argument("--photos", type=Path, help="folder of face photos, no labels needed")
        parser.add_argument("--limit", type=int, default=100, help="at most this many photos, evenly spread")
        parser.add_argument("--members", type=int, default=2, help="perceptrons per fold")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, data: Path | None, photos: Path | None, **options: Any) -> None:
        if data is None and photos is None:
            raise CommandError("give --data FILE, --photos FOLDER or both")
        quiet = options["json"]
        say = (lambda line: None) if quiet else self.stdout.write
        result: dict[str, Any] = {}
        try:
            if data is not None:
                recipe = replace(Recipe(), members=options["members"])
                noise = face_shape_publish.noise_of(PRETRAINED_ROOT)
                result["classes"] = face_shape_evaluation.evaluate(load(data), noise, recipe, say=say)
            if photos is not None:
                images = spread([image for _, image in photos_in(photos)], options["limit"])
                result["photos"] = face_shape_photos.evaluate(images, say=say)
        except (DatasetError, ArtifactError, ValueError) as error:
            raise CommandError(str(error)) from error
        if quiet:
            self.stdout.write(json.dumps(result))
            return
        if "classes" in result:
            self.stdout.write(face_shape_evaluation.report(result["classes"]))
        if "photos" in result:
            self.stdout.write(face_shape_photos.report(result["photos"]))
