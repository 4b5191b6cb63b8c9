"""Synthetic training data: faces with styles to recommend and styles to avoid, one JSON line per face.

Collecting is resumable: a face is written whole and flushed to disk before the next begins, and a half-written last line (the
machine died) is dropped and collected again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.stylist import Stylist
from recommendations.engine.types import FaceReading

from .face_population import FacePopulation

RECOMMENDED: Final = 3  # per face, as in the mission
AVOIDED: Final = 3
BEST_SHARE: Final = 0.15  # the recommended are drawn from the best 15 % of the catalogue for the face
WORST_SHARE: Final = 0.40  # the avoided from the worst 40 %


@dataclass(frozen=True, slots=True)
class LabelledStyle:
    slug: str
    score: float  # 0..100
    kind: str  # "recommended" | "avoid"


@dataclass(frozen=True, slots=True)
class SyntheticFace:
    face_id: str
    source: str  # "stylist" | "gemini"
    face_shape: dict[str, float]
    season: dict[str, float]
    percentiles: dict[str, float]
    styles: tuple[LabelledStyle, ...]

    @classmethod
    def from_json(cls, line: str) -> SyntheticFace:
        data = json.loads(line)
        return cls(**{**data, "styles": tuple(LabelledStyle(**style) for style in data["styles"])})


def face_from_reading(face_id: str, source: str, reading: FaceReading, styles: Sequence[LabelledStyle]) -> SyntheticFace:
    return SyntheticFace(
        face_id,
        source,
        {key: round(float(p), 5) for key, p in reading.face_shape.probabilities.items()},
        {key: round(float(p), 5) for key, p in reading.colour.season.probabilities.items()},
        {key: round(m.percentile, 2) for key, m in reading.measurements.items()},
        tuple(styles),
    )


def stylist_faces(entries: Sequence[StyleEntry], seed: int) -> Callable[[int], SyntheticFace]:
    """A source: face number -> face, sampled from the population and labelled by the stylist's rules. Deterministic by seed."""
    population, stylist = FacePopulation.load(), Stylist(entries)

    def face(number: int) -> SyntheticFace:
        rng = np.random.default_rng([seed, number])
        (reading,) = population.sample(1, rng)
        scores = stylist.score(reading)
        order = np.argsort(-scores, kind="stable")
        best = rng.choice(order[: max(RECOMMENDED, int(BEST_SHARE * len(order)))], RECOMMENDED, replace=False)
        worst = rng.choice(order[-max(AVOIDED, int(WORST_SHARE * len(order))) :], AVOIDED, replace=False)
        styles = [
            LabelledStyle(entries[i].slug, round(float(scores[i]), 2), kind)
            for kind, chosen in (("recommended", best), ("avoid", worst))
            for i in chosen
        ]
        return face_from_reading(f"stylist-{seed}-{number}", "stylist", reading, styles)

    return face


def read_faces(path: Path) -> list[SyntheticFace]:
    """All whole lines. Raises ValueError naming the line where one in the middle is broken."""
    return list(_whole_lines(path)) if path.exists() else []


def _whole_lines(path: Path) -> Iterator[SyntheticFace]:
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            yield SyntheticFace.from_json(line)
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):  # no newline after it: the write was interrupted
                return
            raise ValueError(f"{path}, line {number} is not a synthetic face: {error}") from error


def collect(path: Path, n: int, source: Callable[[int], SyntheticFace | None], progress: Callable[[int, int], None]) -> int:
    """Bring the file to ``n`` faces, continuing after those it has. Returns how many it holds.

    ``source`` may give None for a face that cannot be had (a photo without a face); it is passed over.
    """
    have = read_faces(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_half_line(path)
    known = {face.face_id for face in have}
    count, number = len(have), 0
    with path.open("a", encoding="utf-8") as stream:
        while count < n:
            try:
                face = source(number)
            except StopIteration:
                break
            number += 1
            if face is None or face.face_id in known:
                continue
            stream.write(json.dumps(asdict(face), ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
            count += 1
            progress(count, n)
    return count


def _drop_half_line(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("r+b") as stream:
            stream.truncate(data.rfind(b"\n") + 1)
