"""A small, planned chance for styles that nobody chose, so that what is liked can be learned beyond what is shown anyway.

With probability ``rate`` one place of the list is given to a style drawn at random. The place is drawn evenly from the learned
model's places below the first ``PROTECTED``; what an advisor named stays. The style is drawn from all that fit the wishes, are of no
cut in the list and of no name in it: with weight ``EVEN`` evenly, with the rest in proportion to exp(score / ``POINTS``), so that
every style has a chance and a promising one a larger.

Propensity is the probability that an item is in the list at all, given the request and what was advised: 1 for protected items,
1 - rate / places for the others that may be replaced, rate * q for a drawn one. Over all styles they add up to the list's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from .catalogue import StyleEntry
from .ranking import from_entry
from .types import FaceReading, RankedStyle

PROTECTED: Final = 3  # first places that are never given away
EVEN: Final = 0.5  # share of the draw that every style gets alike
POINTS: Final = 10.0  # points of score that multiply the other share's chance by e


@dataclass(frozen=True, eq=False, slots=True)
class Exploration:
    """What may happen to one list. ``chances`` (n,) is q: how probable each style is where a place is given away, 0 outside."""

    rate: float
    places: tuple[int, ...]  # indices of the list's items that may be replaced
    chances: np.ndarray

    @property
    def is_possible(self) -> bool:
        return self.rate > 0 and bool(self.places) and bool(self.chances.any())

    def kept(self, place: int) -> float:
        """Propensity of the item at ``place`` (index from 0)."""
        return 1.0 - self.rate / len(self.places) if self.is_possible and place in self.places else 1.0

    def drawn(self, style: int) -> float:
        """Propensity of style ``style``, which the list does not hold."""
        return self.rate * float(self.chances[style]) if self.is_possible else 0.0

    def draw(self, uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(k, 3) numbers in [0, 1) -> ((k,) places, (k,) styles); place -1 where the list stays as it is."""
        if not self.is_possible:
            none = np.full(len(uniforms), -1)
            return none, none
        styles = np.flatnonzero(self.chances)
        steps = np.cumsum(self.chances[styles])
        chosen = styles[np.minimum(np.searchsorted(steps, uniforms[:, 2] * steps[-1], side="right"), len(styles) - 1)]
        places = np.array(self.places)[(uniforms[:, 1] * len(self.places)).astype(int)]
        stays = uniforms[:, 0] >= self.rate
        return np.where(stays, -1, places), np.where(stays, -1, chosen)


def possibilities(
    items: Sequence[RankedStyle],
    *,
    entries: Sequence[StyleEntry],
    scores: np.ndarray,
    allowed: np.ndarray,
    language: str,
    rate: float,
) -> Exploration:
    """What may happen to the list ``items``. scores (n,) points, allowed (n,) bool; rate in 0..1."""
    cuts, names = {item.cut for item in items}, {item.name for item in items}
    free = allowed & np.array([e.cut not in cuts and e.name[language] not in names for e in entries], dtype=bool)
    places = tuple(i for i, item in enumerate(items) if item.rank > PROTECTED and item.candidate == "learned")
    chances = np.zeros(len(entries))
    if free.any():
        likely = np.exp((scores[free] - scores[free].max()) / POINTS)
        chances[free] = EVEN / free.sum() + (1 - EVEN) * likely / likely.sum()
    return Exploration(rate, places, chances)


def explore(
    items: Sequence[RankedStyle],
    *,
    entries: Sequence[StyleEntry],
    scores: np.ndarray,
    preference: np.ndarray,
    allowed: np.ndarray,
    reading: FaceReading,
    language: str,
    rate: float,
    seed: int,
) -> list[RankedStyle]:
    """The list with one place given away or not, every item with its propensity. The same seed gives the same list.

    scores (n,) 0..100 are shown; preference (n,) is added where the style is drawn, as where the scorer chooses. ``seed``: a whole
    number, 0 or more.
    """
    policy = possibilities(items, entries=entries, scores=scores + preference, allowed=allowed, language=language, rate=rate)
    places, styles = policy.draw(np.random.default_rng(seed).random((1, 3)))
    place, style = int(places[0]), int(styles[0])
    result = [replace(item, propensity=policy.kept(i)) for i, item in enumerate(items)]
    if place >= 0:
        drawn = from_entry(entries[style], "ml", float(scores[style]), reading, language)
        result[place] = replace(drawn, rank=items[place].rank, candidate="explored", propensity=policy.drawn(style))
    return result
