"""What the preference scorer is trained on, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.preference_features import PERSON_FEATURES, StyleSchema, person_features
from recommendations.engine.types import Measurement

from .face_population import synthetic_reading
from .synthetic import SyntheticFace

MANY: Final = 10_000  # reactions above which one pass must do
#: Arrays of a reaction, and of a synthetic score.
REACTION: Final = ("person", "style", "liked", "weight", "unit", "position")
SYNTHETIC: Final = ("synthetic_person", "synthetic_style", "synthetic_score", "synthetic_weight")


@dataclass(frozen=True, eq=False)
class PreferenceData:
    """Everything a training run sees. Row i of ``styles`` is the style called ``slugs[i]``.

    Reactions of one ``unit`` are one person's; a person whose reading changed has several rows in ``people``. Weights count as
    given: the sums of both kinds decide how far synthetic knowledge is believed (70 : 30 in the mission).
    """

    schema: StyleSchema
    slugs: tuple[str, ...]
    styles: np.ndarray  # (n, A), ``schema.matrix``
    people: np.ndarray  # (m, P), ``person_features``
    person: np.ndarray  # (r,) row of ``people``
    style: np.ndarray  # (r,) row of ``styles``
    liked: np.ndarray  # (r,) 0/1
    weight: np.ndarray  # (r,) above 0
    unit: np.ndarray  # (r,) int: whose reaction it is
    position: np.ndarray  # (r,) place in the shown list from 1; 0 where it is not known
    synthetic_person: np.ndarray  # (q,) row of ``people``
    synthetic_style: np.ndarray  # (q,) row of ``styles``
    synthetic_score: np.ndarray  # (q,) 0..100
    synthetic_weight: np.ndarray  # (q,) above 0

    def check(self) -> None:
        """Raises ValueError for rows that point nowhere, arrays of unequal length, and numbers that are not finite."""
        for names in (REACTION, SYNTHETIC):
            if len({len(getattr(self, name)) for name in names}) != 1:
                raise ValueError(f"{', '.join(names)} must be of one length")
        if self.people.shape[1:] != (len(PERSON_FEATURES),) or self.styles.shape != (len(self.slugs), len(self.schema.names)):
            raise ValueError("people or styles have other columns than the feature schema")
        for rows, table in (("person", self.people), ("style", self.styles)):
            for name in (rows, f"synthetic_{rows}"):
                index = getattr(self, name)
                if len(index) and not (index.min() >= 0 and index.max() < len(table)):
                    raise ValueError(f"{name} points outside its table")
        for name in ("people", "styles", "liked", "weight", "synthetic_score", "synthetic_weight"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} holds a number that is not finite")
        if (self.weight <= 0).any() or (self.synthetic_weight <= 0).any():
            raise ValueError("weights must be above 0: leave such rows out")

    @property
    def hash(self) -> str:
        """sha256 of everything."""
        arrays = [getattr(self, name) for name in ("styles", "people", *REACTION, *SYNTHETIC)]
        return _digest(self.schema, self.slugs, *arrays)

    @property
    def synthetic_hash(self) -> str:
        """sha256 of what the score head is fitted on, "" where there is nothing: a child keeps its parent's head where it is the same.

        Only the proportions of the weights count.
        """
        if not len(self.synthetic_person):
            return ""
        weight = np.round(self.synthetic_weight / self.synthetic_weight.mean(), 6)
        return _digest(self.schema, self.slugs, self.styles, self.people[self.synthetic_person], self.synthetic_style,
                       self.synthetic_score, weight)  # fmt: skip


def _digest(schema: StyleSchema, slugs: Sequence[str], *arrays: np.ndarray) -> str:
    digest = hashlib.sha256(repr((schema, tuple(slugs))).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype=np.float64).tobytes())
    return digest.hexdigest()


def no_reactions() -> dict[str, np.ndarray]:
    """The reaction arrays of ``PreferenceData`` where there are none."""
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return {"person": whole, "style": whole, "liked": real, "weight": real, "unit": whole, "position": whole}


def from_synthetic(faces: Iterable[SyntheticFace], entries: Sequence[StyleEntry]) -> PreferenceData:
    """The data of a first version: labelled faces, every row of weight 1, no reactions. Styles that left are passed over."""
    schema = StyleSchema.of(entries)
    place = {entry.slug: i for i, entry in enumerate(entries)}
    people, rows = [], []
    for number, face in enumerate(faces):
        people.append(person_of(face))
        rows += [(number, place[style.slug], style.score) for style in face.styles if style.slug in place]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return PreferenceData(
        schema,
        tuple(place),
        schema.matrix(entries),
        np.array(people).reshape(-1, len(PERSON_FEATURES)),
        **no_reactions(),
        synthetic_person=table[:, 0].astype(np.int64),
        synthetic_style=table[:, 1].astype(np.int64),
        synthetic_score=table[:, 2],
        synthetic_weight=np.ones(len(table)),
    )


def person_of(face: SyntheticFace) -> np.ndarray:
    """(P,) of a labelled face."""
    measured = {name: Measurement(float("nan"), value) for name, value in face.percentiles.items()}
    return person_features(synthetic_reading(face.face_shape, face.season, measured))


@dataclass(frozen=True, slots=True)
class PreferenceConfig:
    """How to train. ``parent_as``: ``start`` takes the parent's head, variances and weights to begin with, for data that hold all
    reactions; ``prior`` takes its weights as the prior's mean at its own certainty, for data that hold only new reactions."""

    seed: int = 0
    steps: int = 3  # Newton steps of a pass at most
    passes: int = 3  # times that the style directions are chosen again, by the attributes that were found to matter
    learn_from: int = 1  # the step from which variances are learned
    strength: float = 1.0  # pseudo-observations that hold a variance where it is
    offset_from: int = 3  # reactions from which a style gets an offset of its own
    directions: int = 24  # style directions that meet the person's features
    draws: int = 32  # samples of the posterior that are kept
    tolerance: float = 1e-4  # of the loss, at which it has converged
    parent_as: str = "start"
    #: Prior standard deviations in logits of each component as a whole, over the catalogue and ordinary people.
    sd_intercept: float = 1.0
    sd_rho: float = 0.5  # at equal weight of synthetic scores and reactions
    sd_position: float = 0.3
    sd_attribute: float = 0.6
    sd_offset: float = 0.3
    sd_interaction: float = 0.6
    sd_taste: float = 0.3
    sd_together: float = 0.4
    sd_own: float = 0.2
    sd_lenient: float = 0.3

    def __post_init__(self) -> None:
        if min(self.steps, self.passes, self.draws, self.directions) < 1:
            raise ValueError("steps, passes, draws and directions must be at least 1")
        if self.parent_as not in ("start", "prior"):
            raise ValueError("parent_as is 'start' or 'prior'")

    def passes_for(self, reactions: int) -> int:
        """Once where directions stay the parent's, where there is nothing to learn, and where it would take minutes."""
        return self.passes if self.parent_as == "start" and 0 < reactions <= MANY else 1

    @property
    def most_steps(self) -> int:
        """Newton steps of a whole training, at most."""
        return self.steps * self.passes

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
