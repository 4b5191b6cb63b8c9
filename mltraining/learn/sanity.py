"""What a version must do before anyone compares it: answer with numbers, in range, not all the same, in time, again the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from recommendations.engine.scoring import Past, Scorer, StyleTable
from recommendations.engine.types import FaceReading

BINS: Final = 10
LEAST_SPREAD: Final = 1.0  # points between the styles of one face, median over faces
MOST_PSI: Final = 4.0  # nearly every score in one tenth of the parent's range (5.9 where all are)
MOST_MILLISECONDS: Final = 50.0  # for the whole catalogue; it takes a tenth of that on a machine that is not busy
MOST_BYTES: Final = 50 * 2**20
REPEATS: Final = 15
PAST: Final = 20  # reactions that the timed person is known by


@dataclass(frozen=True, slots=True)
class Check:
    """``limit`` is what ``value`` was held against."""

    name: str
    value: float
    limit: float
    passed: bool

    def to_json(self) -> Mapping[str, Any]:
        return asdict(self)


def checks(
    scorer: Scorer, again: Scorer, parent: Scorer | None, faces: Sequence[FaceReading], styles: StyleTable, size: int
) -> list[Check]:
    """``again``: the same version loaded a second time; ``parent``: the version it was trained on from, where its scores should
    keep that one's scale; ``size``: bytes of its folder."""
    scores = np.stack([scorer.score(face, styles) for face in faces])
    wrong = float((~np.isfinite(scores)).sum())
    outside = float(((scores < 0) | (scores > 100)).sum())
    spread = float(np.median(scores.std(axis=1))) if not wrong else 0.0
    other = float(np.abs(again.score(faces[0], styles) - scores[0]).max()) if not wrong else float("inf")
    spent = milliseconds(scorer, faces[0], styles)
    found = [
        Check("not_numbers", wrong, 0.0, wrong == 0),
        Check("outside_0_to_100", outside, 0.0, outside == 0),
        Check("spread", spread, LEAST_SPREAD, spread >= LEAST_SPREAD),
        Check("replay_difference", other, 1e-3, other <= 1e-3),
        Check("catalogue_ms", spent, MOST_MILLISECONDS, spent <= MOST_MILLISECONDS),
        Check("megabytes", size / 2**20, MOST_BYTES / 2**20, size <= MOST_BYTES),
    ]
    if parent is not None:
        before = np.stack([parent.score(face, styles) for face in faces])
        shift = psi(before.ravel(), scores.ravel()) if not wrong else float("inf")
        found.append(Check("psi_against_parent", shift, MOST_PSI, shift <= MOST_PSI))
    return found


def psi(expected: np.ndarray, found: np.ndarray) -> float:
    """Population stability index over tenths of ``expected``: sum of (q - p) log(q / p); 0 where both are alike."""
    edges = np.unique(np.quantile(expected, np.linspace(0, 1, BINS + 1)[1:-1]))
    p, q = (
        np.maximum(np.bincount(np.searchsorted(edges, v, side="right"), minlength=len(edges) + 1) / len(v), 1e-3)
        for v in (expected, found)
    )
    return float(((q - p) * np.log(q / p)).sum())


def milliseconds(scorer: Scorer, face: FaceReading, styles: StyleTable) -> float:
    """Median time of scoring the whole catalogue for somebody with a past."""
    past = [Past(entry.slug, i % 2 == 0) for i, entry in enumerate(styles.entries[:PAST])]
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        scorer.score(face, styles, past)
        spent.append(1000 * (time.perf_counter() - start))
    return float(np.median(spent))
