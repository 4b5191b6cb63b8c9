"""A face, the catalogue with vectors of its real texts, and good answers: what the tests of the Gemini advisor share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from hairme.ml.vectors import l2_normalise
from recommendations.engine.catalogue import Catalogue, StyleEntry, load_catalogue
from recommendations.engine.style_text import style_document
from recommendations.engine.types import Axis, Colour, FaceReading, FaceShape, Measurement, Quality, Season

REASON_KO = "턱선을 부드럽게 감싸고 볼 옆에 결을 만들어 얼굴 길이와 폭의 균형을 맞춰 줘요."
REASON_EN = "It wraps the jaw softly and adds movement beside the cheeks, which balances length and width."


class TrigramEncoder:
    """Character trigrams hashed to 384 dimensions: texts that share letters are near, which is meaning enough for these tests."""

    id = "trigrams@1"
    dim = 384

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            padded = f" {text.casefold()} "
            for i in range(len(padded) - 2):
                digest = hashlib.blake2b(padded[i : i + 3].encode(), digest_size=4).digest()
                number = int.from_bytes(digest, "big")
                vectors[row, number % self.dim] += 1 if number & 0x80000000 else -1
        return l2_normalise(vectors)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def vectors() -> np.ndarray:
    cuts = {cut.slug: cut for cut in catalogue().cuts}
    return TrigramEncoder().encode([style_document(entry, cuts[entry.cut]) for entry in catalogue().entries])


def reading() -> FaceReading:
    return FaceReading(
        face_shape=FaceShape(
            {"heart": 0.1, "oblong": 0.2, "oval": 0.45, "round": 0.15, "square": 0.1}, "oval", "oblong", 0.45, "mixed"
        ),
        colour=Colour(
            lab=(68.2, 11.1, 17.3),
            ita=46.4,
            warm_cool=Axis(0.31, 0.05, 0.55),
            light_deep=Axis(0.42, 0.2, 0.6),
            season=Season({"spring": 0.6, "summer": 0.2, "autumn": 0.15, "winter": 0.05}, "spring", "clear"),
            cast=1.2,
        ),
        quality=Quality((), {"face_px": 420.0}),
        measurements={"length_to_width": Measurement(1.35, 82.0), "jaw_to_cheek": Measurement(0.81, 40.0)},
        features={"outline": [[0.0, 0.0]]},
    )


def photo(height: int = 1440, width: int = 1080) -> np.ndarray:
    """(height, width, 3) uint8 noise, which compresses badly: a large picture."""
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def one_of_each_cut(count: int) -> list[StyleEntry]:
    """``count`` entries of different cuts."""
    first = {entry.cut: entry for entry in reversed(catalogue().entries)}
    return list(first.values())[:count]


def style(
    name: str, cut: str = "", reason: str = REASON_KO, description: str = "턱 길이, 시스루 뱅, 가벼운 레이어"
) -> dict[str, Any]:
    return {"name": name, "cut": cut, "reason": reason, "description": description}


def good(count: int = 4) -> list[dict[str, Any]]:
    return [style(entry.name.ko, entry.cut) for entry in one_of_each_cut(count)]
