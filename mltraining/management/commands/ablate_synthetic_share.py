from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.module_loading import import_string

from hairme.ml.artifacts import PRETRAINED_ROOT, Artifact, ArtifactError, FolderStore, open_artifact
from hairme.ml.text_encoder import TextEncoderError
from mltraining.learn import ablation
from mltraining.learn.ablation import Result
from mltraining.learn.architectures import ARCHITECTURES
from mltraining.learn.dataset import Dataset
from mltraining.learn.simulated_dataset import simulate
from mltraining.services.seed_mlp import catalogue_vectors
from mltraining.services.snapshots import load_snapshot, synthetic_faces, take_snapshot
from mltraining.services.training_catalogue import training_styles
from recommendations.engine.scoring import StyleTable
from recommendations.selectors import SCORER


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # with a simulator it needs no service
    help = (
        "Train on the same reactions with 0, 30, 50, 70 and 100 % of the weight synthetic, and print how well each tells later likes "
        "from dislikes: cold and warm people, cold and warm styles. On the database's reactions, or on simulated ones."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--architecture", choices=ARCHITECTURES, action="append", help="default: both")
        parser.add_argument("--simulator", metavar="MODULE:CLASS", help="simulated people instead of the database's reactions")
        parser.add_argument("--users", type=int, default=100, help="simulated lists a day")
        parser.add_argument("--rounds", type=int, default=5, help="simulated days")
        parser.add_argument("--seed", type=int, default=0, help="of the simulation")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(
        self,
        *args: Any,
        architecture: list[str] | None,
        simulator: str | None,
        users: int,
        rounds: int,
        seed: int,
        as_json: bool,
        **options: Any,
    ) -> None:
        try:
            encoder, styles, data = self._simulated(simulator, users, rounds, seed) if simulator else self._real()
            results = [
                result
                for name in architecture or ARCHITECTURES
                for result in ablation.ablate(name, data, styles, encoder, _parent(name), said=self._said)
            ]
        except (ValueError, ArtifactError, TextEncoderError) as error:
            raise CommandError(str(error)) from None
        if as_json:
            self.stdout.write(json.dumps({"reactions": len(data), "hash": data.hash, "results": [asdict(r) for r in results]}))
            return
        self.stdout.write(
            f"{len(data)} reactions, {len(data.synthetic_score)} synthetic scores; intervals {ablation.LEVEL:.0%} over people"
        )
        self.stdout.write(f"{'':11} share  {'slice':12} {'rows':>5} {'likes':>6}  {'AUC':22} {'log loss':22}")
        for result in results:
            self.stdout.write(_line(result))

    def _real(self) -> tuple[str, StyleTable, Dataset]:
        encoder, styles = training_styles()
        return encoder, styles, load_snapshot(take_snapshot(timezone.now(), styles.entries))

    def _simulated(self, simulator: str, users: int, rounds: int, seed: int) -> tuple[str, StyleTable, Dataset]:
        try:
            made = import_string(simulator.replace(":", "."))
        except ImportError as error:
            raise CommandError(f"--simulator {simulator}: {error}") from None
        encoder, entries, vectors = catalogue_vectors()
        faces, _made_by = synthetic_faces(entries)
        data = simulate(
            made(entries, seed), entries, faces, users=users, rounds=rounds, share=settings.SYNTHETIC_SHARE, seed=seed
        )
        return encoder, StyleTable(entries, vectors), data

    def _said(self, line: str) -> None:
        self.stderr.write(f"  {line}", ending="\n")


def _parent(architecture: str) -> Artifact | None:
    """What ships of this architecture: it has seen no reaction. None: trained from nothing."""
    store = FolderStore(PRETRAINED_ROOT)
    for card in sorted((store.root / SCORER).glob("*/card.json")):
        artifact = open_artifact(card.parent)
        if artifact.card.params.get("architecture") == architecture:
            return artifact
    return None


def _line(r: Result) -> str:
    rate = "–" if r.like_rate is None else f"{r.like_rate:.0%}"
    return (
        f"{r.architecture:11} {r.share:5.0%}  {r.slice:12} {r.rows:5} {rate:>6}  {_figure(r.auc, r.auc_interval):22} "
        f"{_figure(r.log_loss, r.log_loss_interval):22}"
    )


def _figure(value: float | None, interval: tuple[float, float] | None) -> str:
    return "–" if value is None or interval is None else f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})"
