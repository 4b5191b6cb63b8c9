from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mltraining.learn import preference, preference_data
from mltraining.learn.synthetic import read_faces
from mltraining.services.preference import publish_preference
from recommendations.engine.catalogue import load_catalogue


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # needs no service
    help = (
        "Train the first version of the preference scorer from collected synthetic faces (no reactions) and write its folder. "
        "Later versions come from retrain_from_feedback. Which version serves is left as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--data", type=Path, nargs="*", help="JSON lines files (default: every var/training/synthetic-*.jsonl)"
        )
        parser.add_argument(
            "--out", type=Path, help="root of model folders (default: var/models); the shipped ones: mltraining/pretrained"
        )
        parser.add_argument("--model-version", help="version name (default: preference-<first 8 of the data hash>)")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--replace", action="store_true", help="write over a version of that name")

    def handle(
        self,
        *args: Any,
        data: list[Path] | None,
        out: Path | None,
        model_version: str | None,
        seed: int,
        replace: bool,
        **options: Any,
    ) -> None:
        entries = load_catalogue().entries
        config = preference_data.PreferenceConfig(seed=seed)
        files = data or sorted((settings.VAR_DIR / "training").glob("synthetic-*.jsonl"))
        try:
            faces = [face for file in files for face in read_faces(file)]
            if len(faces) < 5:
                raise CommandError("too few synthetic faces: run collect_synthetic_data -n 1000 first")
            prepared = preference_data.from_synthetic(faces, entries)
            result = preference.train(prepared, config=config)
            version = model_version or f"preference-{prepared.hash[:8]}"
            root = (out or settings.VAR_DIR / "models").resolve()
            artifact = publish_preference(root, version, prepared, result, config, entries, replace=replace)
        except FileExistsError as error:
            raise CommandError(f"{error}: choose another --model-version, or --replace") from None
        except FileNotFoundError as error:
            raise CommandError(f"{error.filename} is not there") from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        m = artifact.card.metrics
        self.stdout.write(
            f"{m['parameters']:,} parameters from {m['synthetic_pairs']:,} synthetic scores in {result.seconds:.2f} s\n"
            f"score head: MAE {m['synthetic_mae']:.2f} points on held-out faces\n"
            f"whole catalogue, fresh faces: Spearman {m['agreement']['spearman']:.3f} with its labeller, "
            f"top-10 overlap {m['agreement']['top10_overlap']:.2f}\n{artifact.path}"
        )
