"""A data set of simulated people who were shown lists drawn by chance: for ablations where an installation has few reactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from recommendations.engine import ranking
from recommendations.engine.catalogue import StyleEntry

from . import dataset as datasets
from .dataset import Dataset, HistoryRow, ReactionRow
from .packed_readings import pack
from .simulation.protocol import Simulator
from .synthetic import SyntheticFace

SHOWN: Final = 7
RETURNING: Final = 0.6  # chance that a seat keeps its person from one day to the next
DAY: Final = 86_400_000_000  # microseconds
SECOND: Final = 1_000_000


def simulate(
    simulator: Simulator,
    entries: Sequence[StyleEntry],
    faces: Sequence[SyntheticFace],
    *,
    users: int,
    rounds: int,
    share: float,
    seed: int,
) -> Dataset:
    """``users`` lists a day on ``rounds`` days. A person answers a minute after being shown a list."""
    arrivals, choices, answers = (np.random.default_rng([seed, part]) for part in (1, 2, 3))
    seats: list[tuple[str, Any]] = []
    rows: list[ReactionRow] = []
    known = 0
    for day in range(rounds):
        for seat in range(users):
            if not (seat < len(seats) and arrivals.random() < RETURNING):
                somebody = (f"person {known}", simulator.sample_person(arrivals))
                known += 1
                seats[seat : seat + 1] = [somebody]
            name, person = seats[seat]
            shown = _any_seven(entries, ranking.allowed(entries, person.wishes), choices)
            at = day * DAY + seat * 60 * SECOND
            said = simulator.react(person, [entries[i] for i in shown], answers)
            reading = tuple(pack(person.reading))
            rows += [
                ReactionRow(
                    reading, name, f"{name}, day {day}", entries[i].slug, int(reaction), position, 50.0, 1.0, "explored", "ml",
                    "random", at, at + 60 * SECOND,
                )
                for position, (i, reaction) in enumerate(zip(shown, said, strict=True), start=1)
                if reaction is not None
            ]  # fmt: skip
    history = [HistoryRow(row.unit, row.analysis, row.slug, row.liked, row.given_at) for row in rows]
    return datasets.build(share=share, reactions=rows, history=history, faces=faces)


def _any_seven(entries: Sequence[StyleEntry], allowed: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Allowed styles in random order, one per cut."""
    chosen: dict[str, int] = {}
    for i in rng.permutation(np.flatnonzero(allowed)):
        chosen.setdefault(entries[i].cut, int(i))
        if len(chosen) == SHOWN:
            break
    return list(chosen.values())
