from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mltraining.gemini_labels import LabellerAway
from mltraining.learn.synthetic import Candidate, collect, stylist_faces
from mltraining.services.seed_mlp import gemini_faces
from recommendations.engine.catalogue import load_catalogue


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # needs no service
    help = (
        "Collect synthetic training data: per face 3 styles to recommend and 3 to avoid, with scores. Continues where it stopped; "
        "every face is on disk before the next begins."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-n", type=int, default=100, help="faces in all (100 faces give 600 pairs)")
        parser.add_argument(
            "--source", choices=("stylist", "gemini"), default="stylist", help="who labels: the rules, or Gemini on photos"
        )
        parser.add_argument("--images", type=Path, help="folder of photos, for --source gemini")
        parser.add_argument("--delay", type=float, default=0.6, help="seconds between calls of Gemini")
        parser.add_argument("--seed", type=int, default=0, help="of the sampled faces, for --source stylist")
        parser.add_argument("--out", type=Path, help="JSON lines file (default: var/training/synthetic-SOURCE.jsonl)")

    def handle(
        self, *args: Any, n: int, source: str, images: Path | None, delay: float, seed: int, out: Path | None, **options: Any
    ) -> None:
        out = out or settings.VAR_DIR / "training" / f"synthetic-{source}.jsonl"
        start = time.perf_counter()
        try:
            count = collect(out, n, self._source(source, images, delay, seed), self._progress)
        except KeyboardInterrupt:
            raise CommandError(f"stopped; what was collected is in {out}. Run the same command to continue.") from None
        except LabellerAway as away:
            raise CommandError(f"{away} What was collected is in {out}; run the same command to continue.") from None
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"\n{count} faces, {6 * count} pairs in {out} ({time.perf_counter() - start:.1f} s)")
        if count < n:
            self.stdout.write(self.style.WARNING(f"{n - count} fewer than asked for: no more usable photos"))

    def _source(self, source: str, images: Path | None, delay: float, seed: int) -> Iterable[Candidate]:
        entries = load_catalogue().entries
        if source == "stylist":
            return stylist_faces(entries, seed)
        if not settings.GEMINI_API_KEY:
            raise CommandError("--source gemini needs GEMINI_API_KEY; without one use --source stylist")
        if images is None or not images.is_dir():
            raise CommandError("--source gemini needs --images FOLDER with photos of faces")
        return gemini_faces(images, delay, report=lambda line: self.stderr.write(line))

    def _progress(self, done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            self.stdout.write(f"  {done}/{total} faces", ending="\r")
            self.stdout.flush()
