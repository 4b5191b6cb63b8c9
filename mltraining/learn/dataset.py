"""What one training run sees: reactions with what was known when each style was shown, their history, and synthetic scores.

The order of rows is canonical and the hash is of the contents alone, so that the same facts give the same data set, whichever way
they were read. People are pseudonyms; faces are ``packed_readings``.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple
from zipfile import BadZipFile

import numpy as np

from recommendations.engine.scoring import Past

from .packed_readings import COLUMNS, pack
from .synthetic import SyntheticFace

SCHEMA: Final = 1
HOLD_OUT_SHARE: Final = 0.2
TAKEN_BACK: Final = -1


class ReactionRow(NamedTuple):
    """One reaction as it stood. Times in microseconds since 1970."""

    reading: tuple[float, ...]  # ``packed_readings`` of what the list was made from
    unit: str  # pseudonym of the person
    analysis: str  # pseudonym
    slug: str
    liked: int  # 0/1
    position: int  # place in the shown list, from 1
    score: float  # as shown, 0..100
    propensity: float  # chance with which it was shown there
    candidate: str
    source: str
    model_version: str  # that scored it
    shown_at: int
    given_at: int  # when the person last said so


class HistoryRow(NamedTuple):
    """One step of a reaction: given, changed, taken back (TAKEN_BACK)."""

    unit: str
    analysis: str
    slug: str
    reaction: int
    at: int


@dataclass(frozen=True, eq=False)
class Dataset:
    """``readings`` (m, R) and ``synthetic_readings`` (f, R) are tables; the other arrays are columns, one kind of length each."""

    share: np.ndarray  # () of the weight that is synthetic, 0 to 1
    readings: np.ndarray
    reading: np.ndarray
    unit: np.ndarray
    analysis: np.ndarray
    slug: np.ndarray
    liked: np.ndarray
    position: np.ndarray
    score: np.ndarray
    propensity: np.ndarray
    candidate: np.ndarray
    source: np.ndarray
    model_version: np.ndarray
    shown_at: np.ndarray
    given_at: np.ndarray
    history_unit: np.ndarray
    history_analysis: np.ndarray
    history_slug: np.ndarray
    history_reaction: np.ndarray
    history_at: np.ndarray
    synthetic_readings: np.ndarray
    synthetic_reading: np.ndarray
    synthetic_slug: np.ndarray
    synthetic_score: np.ndarray

    def __len__(self) -> int:
        """Reactions."""
        return len(self.liked)

    @property
    def hash(self) -> str:
        """sha256 of everything."""
        digest = hashlib.sha256(f"{SCHEMA}|{COLUMNS}".encode())
        for name, part in self.part_hashes().items():
            digest.update(f"{name}:{part}".encode())
        return digest.hexdigest()

    def part_hashes(self) -> dict[str, str]:
        return {field.name: _digest(getattr(self, field.name)) for field in fields(self)}

    def pasts(self, rows: np.ndarray) -> list[tuple[Past, ...]]:
        """What each of ``rows`` (indices) could know of its person: reactions as they stood before the list was shown, newest last."""
        order = np.lexsort((np.arange(len(self.history_at)), self.history_at))
        by_unit: dict[str, list[HistoryRow]] = {}
        for i in order:
            step = HistoryRow(
                str(self.history_unit[i]), str(self.history_analysis[i]), str(self.history_slug[i]),
                int(self.history_reaction[i]), int(self.history_at[i]),
            )  # fmt: skip
            by_unit.setdefault(step.unit, []).append(step)
        times = {unit: [step.at for step in steps] for unit, steps in by_unit.items()}
        found: dict[tuple[str, int], tuple[Past, ...]] = {}
        pasts = []
        for i in rows:
            key = (str(self.unit[i]), int(self.shown_at[i]))
            if key not in found:
                steps = by_unit.get(key[0], [])
                found[key] = _past(steps[: bisect_left(times.get(key[0], []), key[1])])
            pasts.append(found[key])
        return pasts

    def split(self, not_before: int = 0) -> Split:
        """By time: the hold-out is the newest HOLD_OUT_SHARE of the reactions, whole lists, shown at ``not_before`` or later.

        A reaction that was given after the cut to a list from before it is in neither part: its label was not known at the cut.
        """
        if not len(self):
            return Split(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool), 0)
        newest = np.sort(self.shown_at)[-max(1, round(HOLD_OUT_SHARE * len(self)))]
        hold_out = self.shown_at >= newest
        if hold_out.all():  # one list is all there is: nothing could be learned from
            hold_out = np.zeros(len(self), dtype=bool)
            newest = int(self.given_at.max()) + 1
        return Split(self.given_at < newest, hold_out & (self.shown_at >= not_before), int(newest))

    def save(self, path: Path) -> None:
        with path.open("wb") as stream:
            np.savez_compressed(stream, **{field.name: getattr(self, field.name) for field in fields(self)})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Raises FileNotFoundError, or ValueError where the file is damaged."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**{field.name: stored[field.name] for field in fields(cls)})
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} holds no data set ({error}): take the snapshot again") from error


@dataclass(frozen=True, eq=False)
class Split:
    train: np.ndarray  # (r,) bool
    hold_out: np.ndarray  # (r,) bool
    cut: int  # microseconds since 1970; everything in ``train`` was said before


def build(
    *, share: float, reactions: Iterable[ReactionRow], history: Iterable[HistoryRow], faces: Sequence[SyntheticFace]
) -> Dataset:
    """Bring rows of any order into the canonical one. A face that is there twice counts once."""
    if not 0 <= share <= 1:
        raise ValueError("the synthetic share lies between 0 and 1")
    rows = sorted(reactions, key=lambda row: (row.shown_at, row.analysis, row.slug, row.given_at))
    steps = sorted(history, key=lambda step: (step.at, step.analysis, step.slug, step.reaction))
    readings, reading = _table([row.reading for row in rows])
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in ReactionRow._fields[1:]}
    faces = list({face.face_id: face for face in faces}.values())
    pairs = [(tuple(pack_face(face)), style.slug, style.score) for face in faces for style in face.styles]
    pairs.sort(key=repr)
    synthetic_readings, synthetic_reading = _table([pair[0] for pair in pairs])
    return Dataset(
        share=np.array(share, dtype=np.float64),
        readings=readings,
        reading=reading,
        **{name: np.array(values, dtype=_TYPES[name]) for name, values in columns.items()},
        **{f"history_{name}": np.array([getattr(s, name) for s in steps], dtype=_HISTORY[name]) for name in HistoryRow._fields},
        synthetic_readings=synthetic_readings,
        synthetic_reading=synthetic_reading,
        synthetic_slug=np.array([pair[1] for pair in pairs], dtype=str),
        synthetic_score=np.array([pair[2] for pair in pairs], dtype=np.float64),
    )


_TYPES: Final[Mapping[str, Any]] = {
    "unit": str, "analysis": str, "slug": str, "liked": np.int8, "position": np.int16, "score": np.float64,
    "propensity": np.float64, "candidate": str, "source": str, "model_version": str, "shown_at": np.int64, "given_at": np.int64,
}  # fmt: skip
_HISTORY: Final[Mapping[str, Any]] = {"unit": str, "analysis": str, "slug": str, "reaction": np.int8, "at": np.int64}


def pack_face(face: SyntheticFace) -> np.ndarray:
    """(R,) of a labelled face: its colour axes are unknown."""
    from recommendations.engine.types import Measurement

    from .face_population import synthetic_reading

    measured = {name: Measurement(float("nan"), value) for name, value in face.percentiles.items()}
    return pack(synthetic_reading(face.face_shape, face.season, measured))


def _past(steps: Sequence[HistoryRow]) -> tuple[Past, ...]:
    latest: dict[tuple[str, str], HistoryRow] = {}
    for step in steps:
        latest.pop((step.analysis, step.slug), None)  # its newest word moves it to the end
        latest[step.analysis, step.slug] = step
    return tuple(Past(step.slug, step.reaction == 1) for step in latest.values() if step.reaction != TAKEN_BACK)


def _table(rows: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows in sorted order, and where each row is among them."""
    if not rows:
        return np.zeros((0, len(COLUMNS))), np.zeros(0, dtype=np.int64)
    table, place = np.unique(np.array(rows, dtype=np.float64), axis=0, return_inverse=True)
    return table, place.reshape(-1).astype(np.int64)


def _digest(array: np.ndarray) -> str:
    if array.dtype.kind == "U":
        return hashlib.sha256("\0".join(array.tolist()).encode() + b"|%d" % len(array)).hexdigest()
    plain = np.ascontiguousarray(array)
    return hashlib.sha256(f"{plain.dtype.str}{plain.shape}".encode() + plain.tobytes()).hexdigest()
