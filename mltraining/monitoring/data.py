"""What happened in a period, as arrays: the site's own, or a simulated site's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from feedback.engine.events import BEYOND, BOUNDS_MS
from recommendations.engine.preference_features import MEASURES
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS

UNREAD: Final = "unread"
#: Columns of ``Data.analyses`` that hold numbers, NaN where unread: probabilities, percentiles among the reference faces, axes in
#: -1..1, ITA in degrees, strength of coloured light in units of Lab chroma.
NUMBERS: Final = (
    *(f"shape:{shape}" for shape in FACE_SHAPES),
    *(f"measure:{name}" for name in MEASURES),
    "colour:warm_cool",
    "colour:light_deep",
    "colour:ita",
    "colour:cast",
)
#: Columns that hold a word as its place in these; -1 where unread.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {"face_shape": tuple(FACE_SHAPES), "season": tuple(SEASONS)}
ADVISORS: Final = ("gemini", "stylist")
SOURCES: Final = ("gemini", "stylist", "ml")
BUCKETS: Final = (*map(str, BOUNDS_MS), BEYOND)


@dataclass(frozen=True)
class Table:
    """Rows in order of time. ``at`` (n,) seconds since 1970, ``person`` (n,) whole numbers, ``columns`` arrays of n rows each."""

    at: np.ndarray
    person: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def between(self, start: float, end: float) -> Table:
        """Rows from ``start`` up to but not including ``end``."""
        return self._take(slice(*np.searchsorted(self.at, (start, end), side="left")))

    def where(self, chosen: np.ndarray) -> Table:
        """``chosen`` (n,) booleans."""
        return self._take(chosen)

    def latest_per_person(self) -> Table:
        """One row each, their last: somebody who comes ten times is one person's face, not ten."""
        _, from_the_end = np.unique(self.person[::-1], return_index=True)
        return self._take(np.sort(len(self) - 1 - from_the_end))

    def _take(self, chosen: slice | np.ndarray) -> Table:
        return Table(self.at[chosen], self.person[chosen], {name: column[chosen] for name, column in self.columns.items()})


@dataclass(frozen=True)
class Data:
    """``analyses``: NUMBERS and WORDS, one row per analysis. Of the champion alone: ``lists`` (score_mean, score_top in 0..100, advisor
    as its place in ADVISORS), ``shown`` (style: row of the style space) and, in ``reactions``, those with ``champion`` 1. ``reactions``:
    liked 0/1, score 0..100, source as its place in SOURCES. ``hours``: analyses, errors, latency (n, len(BUCKETS)), one row per hour.
    """

    analyses: Table
    lists: Table
    shown: Table
    reactions: Table
    hours: Table

    def between(self, start: float, end: float) -> Data:
        return Data(*(table.between(start, end) for table in self.tables))

    @property
    def tables(self) -> tuple[Table, Table, Table, Table, Table]:
        return self.analyses, self.lists, self.shown, self.reactions, self.hours
