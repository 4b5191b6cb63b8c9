"""The engine's parts in one process, one thread, after warm-up."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from .timing import line, milliseconds

if TYPE_CHECKING:
    from recommendations.engine.scoring import Scorer, StyleTable
    from recommendations.engine.types import FaceReading


def portrait(width: int = 1080, height: int = 1440) -> np.ndarray:
    """A real face (NASA, public domain) on a phone-sized canvas, (height, width, 3) uint8."""
    from PIL import Image
    from skimage import data

    face = Image.fromarray(np.asarray(data.astronaut())).crop((40, 0, 424, 512)).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(face)


def portrait_jpeg(width: int = 1080, height: int = 1440) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(portrait(width, height)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def run() -> None:
    import django

    django.setup()
    from hairme.common.images import decode_image
    from hairme.ml.artifacts import get_store
    from hairme.ml.text_encoder import load_text_encoder
    from mltraining.learn.face_population import FacePopulation
    from mltraining.services.seed_mlp import catalogue_vectors
    from recommendations.engine import reader
    from recommendations.engine.scoring import StyleTable, load_scorer

    _encoder, entries, vectors = catalogue_vectors()
    (reading,) = FacePopulation.load().sample(1, np.random.default_rng(0))
    table = StyleTable(entries, vectors)
    scorer = load_scorer(get_store().resolve("hairstyle-scorer"))
    line(
        f"score the whole catalogue ({len(entries)} styles, one batch)",
        milliseconds(lambda: scorer.score(reading, table), 500, 20),
    )
    line("give a place of a list to chance, half of the time", milliseconds(_chance(reading, table, scorer), 500, 20))
    encoder = load_text_encoder("")
    line("embed a search query", milliseconds(lambda: encoder.encode(["볼살 가려주는 단발"]), 500, 20))
    photo, small = portrait_jpeg(), portrait(500, 667)
    line("decode a 1080 x 1440 JPEG", milliseconds(lambda: decode_image(photo, max_side=1600), 30))
    image = decode_image(photo, max_side=1600)
    reader.warm()
    line("read the face of a 1080 x 1440 photo", milliseconds(lambda: reader.read_face(image), 30))
    line("read the face of a 500-pixel photo", milliseconds(lambda: reader.read_face(small), 30))
    _training()


def _chance(reading: FaceReading, table: StyleTable, scorer: Scorer) -> Callable[[], object]:
    """Another draw on the same list at each call."""
    from recommendations.engine import ranking
    from recommendations.engine.exploration import explore
    from recommendations.engine.types import Wishes

    scores, allowed = scorer.score(reading, table), ranking.allowed(table.entries, Wishes())
    shared: dict[str, Any] = {
        "entries": table.entries,
        "scores": scores,
        "preference": ranking.hair_fit(table.entries, Wishes()),
        "allowed": allowed,
        "reading": reading,
        "language": "ko",
    }
    items = ranking.merge(suggestions=(), advised=0, learned=7, score_text=lambda text: 0.0, **shared)
    seeds = count()
    return lambda: explore(items, rate=0.5, seed=next(seeds), **shared)


def _training() -> None:
    from mltraining.learn import scorer, scorer_data
    from mltraining.learn.synthetic import stylist_faces
    from mltraining.services.seed_mlp import catalogue_vectors

    encoder, entries, vectors = catalogue_vectors()
    candidates = islice(stylist_faces(entries, seed=0), 1000)
    labelled = [face for candidate in candidates if (face := candidate.label()) is not None]
    table = dict(zip((e.slug for e in entries), vectors, strict=True))
    for faces in (100, 1000):
        data = scorer_data.build(labelled[:faces], table, encoder)
        start = time.perf_counter()
        result = scorer.train(*data.part(validation=False), scorer.TrainConfig())
        seconds = time.perf_counter() - start
        print(
            f"train seed-mlp on {6 * faces} pairs: {seconds:.2f} s, {len(result.history)} epochs (the mission: 2.2 s on 600 pairs)"
        )
