from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.ml.artifacts import PRETRAINED_ROOT, FolderStore
from hairme.ml.text_encoder import TextEncoderError
from mltraining.learn import scorer, scorer_data
from mltraining.services.seed_mlp import publish_seed_mlp


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # needs no service, and is the way out where the scorer does not fit the encoder
    help = "Train seed-mlp (392 -> 256 -> 128 -> 64 -> 1) and write a version: weights, ONNX, card; history JSON and curve PNG beside it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, help="prepared folder (default: var/training/prepared)")
        parser.add_argument(
            "--out", type=Path, help="root of model folders (default: var/models); the shipped ones: mltraining/pretrained"
        )
        parser.add_argument("--model-version", help="version name (default: seed-mlp-<first 8 of the data hash>)")
        parser.add_argument("--epochs", type=int, default=scorer.TrainConfig().epochs)
        parser.add_argument("--learning-rate", type=float, default=scorer.TrainConfig().learning_rate)
        parser.add_argument("--seed", type=int, default=0)

    def handle(
        self,
        *args: Any,
        data: Path | None,
        out: Path | None,
        model_version: str | None,
        epochs: int,
        learning_rate: float,
        seed: int,
        **options: Any,
    ) -> None:
        try:
            prepared = scorer_data.load(data or settings.VAR_DIR / "training" / "prepared")
        except FileNotFoundError:
            raise CommandError("no prepared data: run prepare_training_data first") from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        root = (out or settings.VAR_DIR / "models").resolve()
        try:
            config = scorer.TrainConfig(seed=seed, epochs=epochs, learning_rate=learning_rate)
            result = scorer.train(*prepared.part(validation=False), config, self._progress)
            version = model_version or f"seed-mlp-{prepared.hash[:8]}"
            artifact, metrics = publish_seed_mlp(root, version, prepared, result, config)
        except (ValueError, TextEncoderError) as error:
            raise CommandError(str(error)) from None
        store = FolderStore(root)
        store.set_current(artifact)
        history = settings.VAR_DIR / "training" / f"{artifact.card.version}-history.json"
        history.parent.mkdir(parents=True, exist_ok=True)
        history.write_text(json.dumps(scorer.history_json(result, config, metrics), indent=2) + "\n", encoding="utf-8")
        scorer.draw_curves(result.history, result.best_epoch, history.with_name(f"{artifact.card.version}-curves.png"))
        self._report(artifact.path, history, result, metrics)
        if root != PRETRAINED_ROOT:
            self.stdout.write("served only from mltraining/pretrained; this one is for you to compare")

    def _progress(self, epoch: int, mae: float) -> None:
        self.stdout.write(f"  epoch {epoch:3d}  stopping MAE {mae:6.2f}", ending="\r")
        self.stdout.flush()

    def _report(self, path: Path, history: Path, result: scorer.TrainResult, m: dict[str, Any]) -> None:
        low, high = m["validation_mae_95"]
        self.stdout.write(
            f"\n{m['parameters']:,} parameters; {len(result.history)} epochs (kept {result.best_epoch}) in {result.seconds:.2f} s\n"
            f"validation MAE {m['validation_mae']:.2f} (95 % {low:.2f}-{high:.2f}) on {m['validation_faces']} unseen faces; "
            f"predicting the mean {m['mean_mae']:.2f}, linear model {m['linear_mae']:.2f}, mission's own data {m['mission_mae']}\n"
            f"whole catalogue, fresh faces: Spearman {m['agreement']['spearman']:.3f} with its labeller, "
            f"top-10 overlap {m['agreement']['top10_overlap']:.2f}\n{path}\n{history}"
        )
