from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.common.images import ImageRejected, decode_image
from hairme.ml.artifacts import ArtifactError, get_store
from mltraining.learn import list_stability
from mltraining.learn.face_population import FacePopulation
from mltraining.services import catalogue_vectors
from recommendations.engine.scoring import HairstyleScorer
from recommendations.engine.stylist import Stylist
from recommendations.selectors import SCORER
from recommendations.services.batch import WORKING_SIDE, files_under
from recommendations.services.recommend import ADVISED, LEARNED


class Command(BaseCommand):
    help = (
        "Measure how much of a list of styles stays when a photo is mirrored, halved, compressed, rolled or darkened, and when a "
        "near-tie between two face shapes flips. Without paths: scikit-image's astronaut. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, help="photos and folders of photos, one face each; no labels needed")
        parser.add_argument("--limit", type=int, default=100, help="at most this many photos, evenly spread")
        parser.add_argument("--faces", type=int, default=200, help="invented faces for the near-tie test")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, paths: list[Path], limit: int, faces: int, **options: Any) -> None:
        quiet = options["json"]
        images = self._photos(paths, limit) if paths else [_astronaut()]
        try:
            list_of = _lister()
            result = {
                "photos": list_stability.on_photos(images, list_of, say=(lambda line: None) if quiet else self.stdout.write),
                "near_ties": list_stability.on_near_ties(FacePopulation.load(), list_of, faces=faces),
            }
        except (ArtifactError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result) if quiet else list_stability.report(result))

    def _photos(self, paths: list[Path], limit: int) -> list[np.ndarray]:
        try:
            files = files_under(paths)
        except OSError as error:
            raise CommandError(str(error)) from None
        images = []
        for file in files[:: max(1, -(-len(files) // limit))]:
            try:
                images.append(decode_image(file.read_bytes(), max_side=WORKING_SIDE))
            except (ImageRejected, OSError) as error:
                self.stderr.write(f"{file}: {error}")
        if not images:
            raise CommandError("no pictures there")
        return images


def _lister() -> list_stability.Lister:
    _encoder, entries, vectors = catalogue_vectors()
    scorer = HairstyleScorer(get_store().resolve(SCORER))
    return list_stability.Lister(entries, vectors, Stylist(entries), scorer, ADVISED, LEARNED)


def _astronaut() -> np.ndarray:
    try:
        from skimage import data
    except ImportError:
        raise CommandError("give photos: scikit-image, whose picture would be used, is not installed") from None
    return np.asarray(data.astronaut())
