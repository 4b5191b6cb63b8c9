"""``python manage.py evaluate_text_encoder``: recall of the right cut on held-out queries, beside TF-IDF."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hairme.ml.artifacts import ArtifactError, get_store
from hairme.ml.text_encoder import MODEL_NAME, TextEncoderError, is_light, load_text_encoder
from mltraining.learn.text_encoder_corpus import LexiconError, load_corpus
from mltraining.learn.text_encoder_eval import evaluate, leaked, load_queries
from mltraining.learn.text_encoder_report import to_text
from recommendations.engine.catalogue import CatalogueError, load_catalogue


class Command(BaseCommand):
    help = "Recall of the right canonical cut on held-out Korean, English and misspelt queries, beside a TF-IDF baseline."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--encoder", default="", help="Hub id or path of a sentence-transformers model; empty: the shipped one."
        )
        parser.add_argument("--json", action="store_true", help="Print JSON instead of tables.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            corpus = load_corpus(load_catalogue())
            groups = load_queries(corpus)
            encoder = load_text_encoder(options["encoder"])
        except (CatalogueError, LexiconError, ArtifactError, TextEncoderError) as error:
            raise CommandError(str(error)) from error
        if seen := leaked(corpus, (query for queries in groups.values() for query in queries)):
            raise CommandError("Held-out queries occur in the training texts: " + "; ".join(seen))
        if is_light(options["encoder"]) and get_store().resolve(MODEL_NAME).card.dataset_hash != corpus.dataset_hash:
            self.stderr.write(
                "The catalogue or the lexicon has changed since this encoder was trained: train_text_encoder makes a new one."
            )
        report = evaluate(encoder, corpus, groups)
        self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2) if options["json"] else to_text(report))
