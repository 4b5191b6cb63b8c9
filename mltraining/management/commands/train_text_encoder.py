"""``python manage.py train_text_encoder``: train the shipped Korean/English text encoder from the repository's own data."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import torch
from django.core.management.base import BaseCommand, CommandError

from hairme.ml.artifacts import PRETRAINED_ROOT, FolderStore
from mltraining.learn.text_encoder import TrainingConfig
from mltraining.learn.text_encoder_corpus import LexiconError, load_corpus
from mltraining.learn.text_encoder_export import cross_check, train_and_export
from mltraining.learn.text_encoder_report import check_to_text, to_text
from recommendations.engine.catalogue import CatalogueError, load_catalogue


class Command(BaseCommand):
    help = "Train the Korean/English text encoder on the catalogue and the lexicon, evaluate it, and write it as a model version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--model-version", help="Version to write; vectors carry it, so new weights need a new one.")
        what.add_argument("--check", action="store_true", help="Write nothing: leave some paraphrases out and measure on them.")
        parser.add_argument(
            "--replace", action="store_true", help="Overwrite that version (only before anyone holds vectors of it)."
        )
        parser.add_argument("--root", type=Path, default=PRETRAINED_ROOT, help="Folder of model versions.")
        parser.add_argument("--steps", type=int, default=TrainingConfig().steps)
        parser.add_argument("--seed", type=int, default=TrainingConfig().seed)

    def handle(self, *args: Any, **options: Any) -> None:
        torch.set_num_threads(1)
        config = TrainingConfig(steps=options["steps"], seed=options["seed"])
        try:
            corpus = load_corpus(load_catalogue())
            if options["check"]:
                self.stdout.write(check_to_text(cross_check(corpus, config, self.stdout.write)))
                return
            artifact, report = train_and_export(
                corpus,
                config,
                options["root"],
                version=options["model_version"],
                replace=options["replace"],
                say=self.stdout.write,
            )
        except (CatalogueError, LexiconError, FileExistsError) as error:
            raise CommandError(str(error)) from error
        FolderStore(options["root"]).set_current(artifact)
        self.stdout.write(to_text(report))
        self.stdout.write(self.style.SUCCESS(f"{artifact.path} is now the current text encoder."))
