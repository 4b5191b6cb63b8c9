"""Four worlds with different rules, none of which is in the training data (those come from the stylist's rules).

Every seed is another world of its kind. ``LatentTaste`` and ``Segments`` are the ones that the challenger's settings were tried on;
``FashionDrift`` and ``ContraryToStylist`` were not looked at until the settings were fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

import numpy as np
from scipy.special import expit

from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.preference_features import PERSON_FEATURES, StyleSchema
from recommendations.engine.stylist import Stylist

from .people import People, SimulatedPerson

MEAN_LOGIT: Final = -0.9  # about 3 of 10 styles shown at random are liked


class _World:
    """What the worlds share: attributes of styles, sampled people, reactions with noise and position effects."""

    seen_by_position: float = 0.96  # each further position is looked at this much less often
    trust_by_position: float = 0.0  # logits that a like loses with each further position

    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        self.catalogue = tuple(catalogue)
        self.rng = np.random.default_rng([seed, crc32(type(self).__name__.encode())])
        self.people = People()
        schema = StyleSchema.of(catalogue)
        table = schema.matrix(catalogue)
        plain = np.array([kind not in ("cut", "family", "flatters", "effects") for kind in schema.kinds])
        kinds = np.array(schema.kinds)[plain]
        matters = dict(zip(sorted(set(kinds)), self.rng.exponential(size=len(set(kinds))) ** 2, strict=True))
        self.attributes = (table[:, plain] - table[:, plain].mean(axis=0)) * [matters[kind] for kind in kinds]
        self.row = {entry.slug: i for i, entry in enumerate(catalogue)}
        self.time = 0

    def rows(self, styles: Sequence[StyleEntry]) -> list[int]:
        return [self.row[style.slug] for style in styles]

    def tastes(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(n, count) utilities over the catalogue, linear in its attributes, each of mean 0 and deviation 1.

        How much each attribute matters (length, fringe, ...) is drawn once per world: a few matter much, most hardly.
        """
        utilities = self.attributes @ rng.standard_normal((self.attributes.shape[1], count))
        return _standard(utilities)

    def sample_person(self, rng: np.random.Generator) -> SimulatedPerson:
        raise NotImplementedError

    def logits(self, person: SimulatedPerson) -> np.ndarray:
        """(n,) over the catalogue."""
        raise NotImplementedError

    def like_probability(self, person: SimulatedPerson, styles: Sequence[StyleEntry]) -> np.ndarray:
        probability: np.ndarray = expit(self.logits(person)[self.rows(styles)])
        return probability

    def react(self, person: SimulatedPerson, shown: Sequence[StyleEntry], rng: np.random.Generator) -> Sequence[int | None]:
        self.time += 1
        place = np.arange(len(shown))
        chance = expit(self.logits(person)[self.rows(shown)] - self.trust_by_position * place)
        looked = rng.random(len(shown)) < self.seen_by_position**place
        liked = rng.random(len(shown)) < chance
        return [int(like) if look else None for like, look in zip(liked, looked, strict=True)]


def _standard(utilities: np.ndarray) -> np.ndarray:
    return (utilities - utilities.mean(axis=0)) / utilities.std(axis=0)


class LatentTaste(_World):
    """Common taste, a taste that comes with the face (random ratios and shapes, drawn per seed), and everybody's own on top."""

    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        super().__init__(catalogue, seed)
        self.common = self.tastes(1, self.rng)[:, 0]
        columns = [i for i, name in enumerate(PERSON_FEATURES) if name.startswith(("ratio:", "shape_p:"))]
        self.columns = self.rng.choice(columns, 4, replace=False)
        self.by_face = self.tastes(4, self.rng)
        self.quirk = self.rng.standard_normal((len(catalogue), 8))

    def sample_person(self, rng: np.random.Generator) -> SimulatedPerson:
        return self.people.with_private(rng, {"taste": self.tastes(1, rng)[:, 0], "quirk": rng.standard_normal(8)})

    def logits(self, person: SimulatedPerson) -> np.ndarray:
        face = np.clip(person.features[self.columns], -2, 2)
        private = person.private
        utility: np.ndarray = (
            MEAN_LOGIT + 0.9 * self.common + self.by_face @ face * 0.7 + 0.5 * private["taste"]
            + 0.2 / np.sqrt(8) * (self.quirk @ private["quirk"])
        )  # fmt: skip
        return utility


class Segments(_World):
    """Three hidden groups of people with conflicting tastes, to which face and colouring point without deciding; beside it, hits."""

    trust_by_position = 0.08
    groups = 3

    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        super().__init__(catalogue, seed)
        tastes = self.tastes(self.groups, self.rng)
        self.by_group = _standard(tastes - tastes.mean(axis=1, keepdims=True))
        self.hits = self.rng.standard_normal(len(catalogue))
        self.pointers = 0.6 * self.rng.standard_normal((len(PERSON_FEATURES), self.groups))

    def sample_person(self, rng: np.random.Generator) -> SimulatedPerson:
        person = self.people.with_private(rng, {})
        weights = person.features @ self.pointers
        chance = np.exp(weights - weights.max())
        person.private["group"] = int(rng.choice(self.groups, p=chance / chance.sum()))
        return person

    def logits(self, person: SimulatedPerson) -> np.ndarray:
        utility: np.ndarray = MEAN_LOGIT + 1.4 * self.by_group[:, person.private["group"]] + 0.5 * self.hits
        return utility


class FashionDrift(_World):
    """What is in fashion turns into its neighbour with every list that is shown; beside it, what suits the colouring, and own taste."""

    turn: float = 1 / 400  # radians per list: a quarter of the way in about 630 lists

    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        super().__init__(catalogue, seed)
        self.fashions = self.tastes(2, self.rng)
        self.by_colour = self.tastes(2, self.rng)
        self.axes = [PERSON_FEATURES.index("axis:warm_cool"), PERSON_FEATURES.index("axis:light_deep")]

    def sample_person(self, rng: np.random.Generator) -> SimulatedPerson:
        return self.people.with_private(rng, {"taste": self.tastes(1, rng)[:, 0]})

    def logits(self, person: SimulatedPerson) -> np.ndarray:
        angle = self.turn * self.time
        fashion = np.cos(angle) * self.fashions[:, 0] + np.sin(angle) * self.fashions[:, 1]
        colour = self.by_colour @ person.features[self.axes] * 1.6
        utility: np.ndarray = MEAN_LOGIT + 1.0 * fashion + colour + 0.4 * person.private["taste"]
        return utility


class ContraryToStylist(_World):
    """For faces of two shapes (drawn per seed) the stylist's rules hold half; everybody else likes what the rules advise against.
    Beside it, a taste for some families of cuts, and own taste."""

    def __init__(self, catalogue: Sequence[StyleEntry], seed: int) -> None:
        super().__init__(catalogue, seed)
        self.stylist = Stylist(self.catalogue)
        shapes = [i for i, name in enumerate(PERSON_FEATURES) if name.startswith("shape_is:")]
        self.obedient = set(self.rng.choice(shapes, 2, replace=False).tolist())
        families = sorted({entry.family for entry in catalogue})
        liking = dict(zip(families, self.rng.standard_normal(len(families)), strict=True))
        self.family = np.array([liking[entry.family] for entry in catalogue])

    def sample_person(self, rng: np.random.Generator) -> SimulatedPerson:
        person = self.people.with_private(rng, {"taste": self.tastes(1, rng)[:, 0]})
        advice = _standard(self.stylist.score(person.reading))
        obeys = any(person.features[column] > 0 for column in self.obedient)
        person.private["advice"] = (0.5 if obeys else -1.0) * advice
        return person

    def logits(self, person: SimulatedPerson) -> np.ndarray:
        private: dict[str, Any] = person.private
        utility: np.ndarray = MEAN_LOGIT + 1.0 * private["advice"] + 0.7 * self.family + 0.4 * private["taste"]
        return utility
