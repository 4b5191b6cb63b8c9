from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.ml.text_encoder import TextEncoderError
from mltraining.learn import scorer_data
from mltraining.learn.synthetic import read_faces
from mltraining.services.seed_mlp import catalogue_vectors


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # needs no service, and is the way out where the scorer does not fit the encoder
    help = "Join collected faces with style embeddings into training arrays (npz, metadata JSON, sample CSV), split by face."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--data", type=Path, nargs="*", help="JSON lines files (default: every var/training/synthetic-*.jsonl)"
        )
        parser.add_argument("--out", type=Path, help="folder (default: var/training/prepared)")
        parser.add_argument("--seed", type=int, default=0, help="of the split")

    def handle(self, *args: Any, data: list[Path] | None, out: Path | None, seed: int, **options: Any) -> None:
        training = settings.VAR_DIR / "training"
        files = data or sorted(training.glob("synthetic-*.jsonl"))
        try:
            faces = [face for file in files for face in read_faces(file)]
            if not faces:
                raise CommandError("no synthetic data: run collect_synthetic_data first")
            encoder, entries, vectors = catalogue_vectors()
            prepared = scorer_data.build(faces, dict(zip((e.slug for e in entries), vectors, strict=True)), encoder, seed)
        except FileNotFoundError as error:
            raise CommandError(f"{error.filename} is not there") from None
        except (ValueError, TextEncoderError) as error:
            raise CommandError(str(error)) from None
        for file in scorer_data.save(prepared, out or training / "prepared"):
            self.stdout.write(str(file))
        held = int(prepared.is_validation.sum())
        self.stdout.write(f"{len(prepared.scores) - held} training / {held} validation pairs; hash {prepared.hash[:16]}")
