from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.ml.artifacts import PRETRAINED_ROOT, ArtifactError
from mltraining.learn import face_shape_evaluation, face_shape_noise, face_shape_photos, face_shape_publish
from mltraining.learn.face_shape import Recipe, mean_face
from mltraining.learn.face_shape_data import DatasetError, load


class Command(BaseCommand):
    help = "Train the face-shape model: cross-validate, calibrate, fit on every face, write a version and make it current."

    # Models may be missing when one is about to be trained.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help=".npz with landmarks, label and pseudo_identity")
        parser.add_argument(
            "--photos",
            type=Path,
            help="folder of face photos, one folder per person: mesh noise is measured on every second person and the new model's "
            "steadiness on the others (default: the current version's noise, and no steadiness on the card)",
        )
        parser.add_argument("--limit", type=int, default=100, help="at most this many photos for the steadiness")
        parser.add_argument("--out", type=Path, default=PRETRAINED_ROOT, help="root of model folders (default: %(default)s)")
        parser.add_argument("--model-version", required=True, help="name of the new version, for example 1.0.0")
        parser.add_argument("--code-revision", default="", help="commit that this run was made from")
        parser.add_argument("--members", type=int, default=Recipe().members, help="perceptrons in the ensemble")
        parser.add_argument("--cv-members", type=int, default=2, help="perceptrons while cross-validating")
        parser.add_argument("--replace", action="store_true", help="overwrite a version of that name")

    def handle(self, *args: Any, data: Path, photos: Path | None, out: Path, model_version: str, **options: Any) -> None:
        recipe = Recipe(members=options["members"])
        try:
            faces = load(data)
            if photos:
                for_noise, others = face_shape_noise.halves(photos)
                for_steadiness = face_shape_noise.spread(others, options["limit"])
                self.stdout.write(f"measuring mesh noise on {len(for_noise)} of the photos in {photos}")
                noise = face_shape_noise.measure(for_noise, mean_face(faces.landmarks))
            else:
                for_steadiness = []
                noise = face_shape_publish.noise_of(out)
            result = face_shape_evaluation.evaluate(
                faces, noise, replace(recipe, members=options["cv_members"]), say=self.stdout.write
            )
            self.stdout.write(face_shape_evaluation.report(result))
            artifact = face_shape_publish.publish(
                faces,
                noise,
                recipe,
                result,
                root=out,
                version=model_version,
                code_revision=options["code_revision"],
                replace_version=options["replace"],
                photos=for_steadiness,
                say=self.stdout.write,
            )
        except (DatasetError, ArtifactError, FileExistsError, ValueError) as error:
            raise CommandError(str(error)) from error
        if for_steadiness:
            self.stdout.write(face_shape_photos.report(artifact.card.metrics["photos"]))
        size = sum(path.stat().st_size for path in artifact.path.iterdir())
        self.stdout.write(self.style.SUCCESS(f"{artifact.key} is current in {out} ({size / 1e6:.2f} MB)"))
