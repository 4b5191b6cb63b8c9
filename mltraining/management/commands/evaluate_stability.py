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
from mltraining.services.seed_mlp import catalogue_vectors
from recommendations.engine.scoring import load_scorer
from recommendations.engine.stylist import Stylist
from recommendations.selectors import SCORER
from recommendations.services.batch import WORKING_SIDE, files_under
from recommendations.services.recommend import ADVISED, LEARNED


class Command(BaseCommand):
    help = (
        "Measure how much of a list of styles stays when a photo is mirrored, halved, compressed, rolled or darkened, and when a "
        "near-tie between two face shapes flips, and how much of it different people share. Without paths: scikit-image's "
        "astronaut. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, help="photos and folders of photos, one face each; no labels needed")
        parser.add_argument("--people", action="store_true", help="the photos of one folder show one person")
        parser.add_argument("--fold", type=int, choices=(0, 1), help="only one half of the folders (with --people) or photos")
        parser.add_argument("--limit", type=int, default=100, help="at most this many photos, evenly spread")
        parser.add_argument("--faces", type=int, default=200, help="invented faces for the near-tie test")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, paths: list[Path], limit: int, faces: int, **options: Any) -> None:
        quiet = options["json"]
        photos = self._photos(paths, limit, options["people"], options["fold"]) if paths else [("astronaut", _astronaut())]
        people, images = zip(*photos, strict=True)
        try:
            list_of = _lister()
            result = {
                "photos": list_stability.on_photos(
                    images, list_of, people=people, say=(lambda line: None) if quiet else self.stdout.write
                ),
                "near_ties": list_stability.on_near_ties(FacePopulation.load(), list_of, faces=faces),
            }
        except (ArtifactError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result) if quiet else list_stability.report(result))

    def _photos(self, paths: list[Path], limit: int, by_folder: bool, fold: int | None) -> list[tuple[str, np.ndarray]]:
        """(whose, picture): every photo is somebody else's unless ``by_folder``."""
        try:
            files = files_under(paths)
        except OSError as error:
            raise CommandError(str(error)) from None
        owners = {file: str(file.parent if by_folder else file) for file in files}
        half = sorted(set(owners.values()))[slice(fold, None, 1 if fold is None else 2)]
        files = [file for file in files if owners[file] in set(half)]
        photos = []
        for file in files[:: max(1, -(-len(files) // limit))]:
            try:
                photos.append((owners[file], decode_image(file.read_bytes(), max_side=WORKING_SIDE)))
            except (ImageRejected, OSError) as error:
                self.stderr.write(f"{file}: {error}")
        if not photos:
            raise CommandError("no pictures there")
        return photos


def _lister() -> list_stability.Lister:
    _encoder, entries, vectors = catalogue_vectors()
    scorer = load_scorer(get_store().resolve(SCORER))
    return list_stability.Lister(entries, vectors, Stylist(entries), scorer, ADVISED, LEARNED)


def _astronaut() -> np.ndarray:
    try:
        from skimage import data
    except ImportError:
        raise CommandError("give photos: scikit-image, whose picture would be used, is not installed") from None
    return np.asarray(data.astronaut())
