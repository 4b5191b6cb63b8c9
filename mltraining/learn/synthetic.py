"""Synthetic training data: faces with styles to recommend and styles to avoid, one JSON line per face.

Collecting is resumable: a face is written whole and flushed to disk before the next begins, and a half-written last line (the
machine died) is dropped and collected again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A face that can be had: its id is known before the work (or the money) that labelling it takes."""

    face_id: str
    label: Callable[[], SyntheticFace | None]  # None: it cannot be had after all (a photo without a face)


def stylist_faces(entries: Sequence[StyleEntry], seed: int) -> Iterator[Candidate]:
    """Faces without end, sampled from the population and labelled by the stylist's rules. The n-th is the same for a seed."""
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

    return (Candidate(f"stylist-{seed}-{number}", partial(face, number)) for number in count())


def read_faces(path: Path) -> list[SyntheticFace]:
    """All whole lines. Raises ValueError naming the line where one is broken; a last line without its end is passed over."""
    faces = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        if not line:
            continue
        try:
            faces.append(SyntheticFace.from_json(line.decode()))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}, line {number} is not a synthetic face: {error}") from error
    return faces


def collect(path: Path, n: int, candidates: Iterable[Candidate], progress: Callable[[int, int], None]) -> int:
    """Bring the file to ``n`` faces, continuing after those it has. Returns how many it holds.

    A candidate whose face is there is passed over before it is labelled, and so is one that cannot be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _drop_half_line(path)
    known = {face.face_id for face in read_faces(path)} if path.exists() else set()
    with path.open("a", encoding="utf-8") as stream:
        for candidate in candidates:
            if len(known) >= n:
                break
            if candidate.face_id in known or (face := candidate.label()) is None:
                continue
            stream.write(json.dumps(asdict(face), ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
            known.add(face.face_id)
            progress(len(known), n)
    return len(known)


def _drop_half_line(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("r+b") as stream:
            stream.truncate(data.rfind(b"\n") + 1)
