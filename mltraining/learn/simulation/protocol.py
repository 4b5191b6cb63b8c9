"""What a world of simulated people must offer, so that anyone can bring theirs: ``simulate_users --simulator module:Class``.

A simulator is made once per seed. It samples people, who show a face reading and wishes and keep the rest to themselves, and answers
a shown list with one reaction per item. What it does with positions, moods, fashion and noise is its own affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.types import FaceReading, Wishes


class Person(Protocol):
    """Anything with a reading and wishes. Policies see these two and the person's own reactions, nothing else."""

    @property
    def reading(self) -> FaceReading: ...

    @property
    def wishes(self) -> Wishes: ...


class Simulator(Protocol):
    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        """``seed`` decides the rules of this world; equal seeds are equal worlds."""

    def sample_person(self, rng: np.random.Generator) -> Any:
        """Somebody new: a ``Person``."""

    def react(self, person: Any, shown: Sequence[StyleEntry], rng: np.random.Generator) -> Sequence[int | None]:
        """One answer per shown style, first position first: 1 like, 0 dislike, None no reaction."""


@runtime_checkable
class KnowsProbabilities(Simulator, Protocol):
    """A simulator that can also say what it would do. Where it cannot, the oracle finds out by asking it many times."""

    def like_probability(self, person: Any, styles: Sequence[StyleEntry]) -> np.ndarray:
        """(n,) chance of a like where the person reacts, at the first position and at this moment."""
