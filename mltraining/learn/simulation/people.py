"""People for simulators: faces as the reference faces vary, colours that fit their season, wishes such as visitors have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from recommendations.engine.preference_features import person_features
from recommendations.engine.types import Axis, FaceReading, Wishes

from ..face_population import FacePopulation

WARMTH: Final = {"spring": 0.6, "summer": -0.5, "autumn": 0.5, "winter": -0.6}
LIGHTNESS: Final = {"spring": 0.5, "summer": 0.5, "autumn": -0.5, "winter": -0.5}
#: Shares of what visitors ask for.
PRESENTATIONS: Final[dict[str | None, float]] = {"feminine": 0.5, "masculine": 0.4, None: 0.1}
LENGTH_WISH: Final = 0.15
LENGTH_RANGES: Final = (("buzz", "crop", "short"), ("short", "chin"), ("chin", "shoulder"), ("shoulder", "long", "very_long"))


@dataclass(frozen=True, eq=False)
class SimulatedPerson:
    reading: FaceReading
    wishes: Wishes
    features: np.ndarray  # (P,) ``person_features`` of the reading
    private: Any  # what the simulator alone knows


class People:
    def __init__(self) -> None:
        self.population = FacePopulation.load()

    def sample(self, rng: np.random.Generator) -> tuple[FaceReading, Wishes]:
        (reading,) = self.population.sample(1, rng)
        season = reading.colour.season.probabilities
        warm = float(np.clip(sum(p * WARMTH[name] for name, p in season.items()) + 0.15 * rng.standard_normal(), -1, 1))
        light = float(np.clip(sum(p * LIGHTNESS[name] for name, p in season.items()) + 0.3 * rng.standard_normal(), -1, 1))
        colour = replace(reading.colour, warm_cool=_axis(warm), light_deep=_axis(light))
        words, shares = tuple(PRESENTATIONS), list(PRESENTATIONS.values())
        lengths = LENGTH_RANGES[rng.integers(len(LENGTH_RANGES))] if rng.random() < LENGTH_WISH else ()
        return replace(reading, colour=colour), Wishes(presentation=words[rng.choice(len(words), p=shares)], lengths=lengths)

    def with_private(self, rng: np.random.Generator, private: Any) -> SimulatedPerson:
        reading, wishes = self.sample(rng)
        return SimulatedPerson(reading, wishes, person_features(reading), private)


def _axis(value: float) -> Axis:
    return Axis(value, max(-1.0, value - 0.2), min(1.0, value + 0.2))
