"""Who chooses the seven styles: random, popular, the stylist's rules, seed-mlp retrained, the preference challenger, the oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.preference_features import person_features
from recommendations.engine.stylist import Stylist

from ..preference import PreferenceResult, train
from ..preference_data import PreferenceConfig, PreferenceData
from .protocol import KnowsProbabilities, Person, Simulator

LIST: Final = 7
EXPLORED: Final = 1  # places of a list that the policies without a way of their own fill at random while they learn
EXPLORE: Final = 0.3  # how far the challenger's order is moved towards a sample of its posterior while it learns
SYNTHETIC_SHARE: Final = 0.7  # the mission's


@dataclass(eq=False)
class Visitor:
    """A person as a policy knows them."""

    unit: int
    person: Person
    features: np.ndarray  # (P,)
    allowed: np.ndarray  # (n,) bool: the wishes
    past_rows: list[int] = field(default_factory=list)  # oldest first
    past_liked: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Log:
    """All reactions so far, in order."""

    visitors: list[Visitor] = field(default_factory=list)  # by unit
    unit: list[int] = field(default_factory=list)
    style: list[int] = field(default_factory=list)
    liked: list[int] = field(default_factory=list)
    position: list[int] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Material:
    """What every policy may start from: the catalogue and models made of synthetic data only."""

    entries: tuple[StyleEntry, ...]
    vectors: np.ndarray  # (n, 384)
    cuts: np.ndarray  # (n,) int
    synthetic: PreferenceData  # with no reactions
    first: PreferenceResult  # trained on ``synthetic``
    seed_mlp: Callable[[int], Any]  # seed -> SeedLearner


class Policy(Protocol):
    name: str

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        """(v, n), higher is shown earlier. ``explore``: whether what is learned from the answers counts too."""

    def learn(self, log: Log) -> None:
        """Called between rounds with everything so far."""


def best_by_cut(scores: np.ndarray, allowed: np.ndarray, cuts: np.ndarray, count: int = LIST) -> np.ndarray:
    """Rows of the ``count`` best allowed styles, one per cut, best first; fewer where there are fewer cuts."""
    order = np.argsort(-scores, kind="stable")
    order = order[allowed[order]]
    _cuts, first = np.unique(cuts[order], return_index=True)
    chosen: np.ndarray = order[np.sort(first)[:count]]
    return chosen


def with_random_place(scores: np.ndarray, rng: np.random.Generator, places: int = EXPLORED) -> np.ndarray:
    """Scores by which ``places`` random styles come first, whatever they were worth."""
    raised = scores.astype(np.float64)
    for row in raised:
        row[rng.choice(len(row), places, replace=False)] = row.max() + 1.0
    return raised


class Random:
    name = "random"

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        return rng.random((len(visitors), len(visitors[0].allowed)))

    def learn(self, log: Log) -> None:
        pass


class Popular:
    """Styles by their like rate, smoothed towards the mean with PRIOR reactions; equal ones in random order."""

    name = "popular"
    prior: Final = 4.0

    def __init__(self, material: Material) -> None:
        self.rate = np.full(len(material.entries), 0.5)

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        scores = self.rate + 1e-6 * rng.random((len(visitors), len(self.rate)))
        return with_random_place(scores, rng) if explore else scores

    def learn(self, log: Log) -> None:
        style, liked = np.array(log.style), np.array(log.liked, dtype=float)
        shown = np.bincount(style, minlength=len(self.rate))
        likes = np.bincount(style, liked, minlength=len(self.rate))
        self.rate = (likes + self.prior * liked.mean()) / (shown + self.prior)


class StylistRules:
    name = "stylist"

    def __init__(self, material: Material) -> None:
        self.stylist = Stylist(material.entries)

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        return np.stack([self.stylist.score(visitor.person.reading) for visitor in visitors])

    def learn(self, log: Log) -> None:
        pass


class SeedMLPRetrained:
    """The mission's network, fine-tuned between rounds from the shipped weights on 70 % synthetic and 30 % reactions."""

    name = "seed-mlp"

    def __init__(self, material: Material, seed: int) -> None:
        self.learner = material.seed_mlp(seed)

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        scores: np.ndarray = self.learner.scores([visitor.person.reading for visitor in visitors])
        return with_random_place(scores, rng) if explore else scores

    def learn(self, log: Log) -> None:
        readings = [visitor.person.reading for visitor in log.visitors]
        self.learner.retrain(readings, np.array(log.unit), np.array(log.style), np.array(log.liked, dtype=np.float32))


class Challenger:
    """The preference scorer: retrained between rounds, and told each person's own past at every list."""

    name = "challenger"

    def __init__(self, material: Material, seed: int, explore: float = EXPLORE, config: PreferenceConfig | None = None) -> None:
        self.material, self.explore = material, explore
        self.config = config or PreferenceConfig(seed=seed)
        self.result = material.first
        self.view = self.result.model.view(material.entries)

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        """Logits of the posterior mean; while exploring, moved by ``explore`` towards a sample of the posterior."""
        model = self.result.model
        people = np.stack([visitor.features for visitor in visitors])
        head = model.logits(people, self.view)
        scores = np.empty_like(head)
        for i, visitor in enumerate(visitors):
            latest = dict(zip(visitor.past_rows, visitor.past_liked, strict=True))
            rows, liked = np.array(list(latest), dtype=np.int64), np.array(list(latest.values()), dtype=float)
            taste = model.personal(head[i], self.view, rows, liked) if len(rows) else None
            scores[i] = head[i] if taste is None else head[i] + taste.shift()
            if explore and self.explore:
                scores[i] += self.explore * self._noise(people[i : i + 1], rng)
        return scores

    def _noise(self, person: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) what one posterior sample of the common weights adds."""
        model = self.result.model
        draw = model.draws[int(rng.integers(len(model.draws)))]
        fresh = rng.standard_normal(len(self.view.known)) * np.sqrt(model.offset_variance.item())
        head = (model.head_logits(person, self.view)[0] - model.head_scale[0]) / model.head_scale[1]
        a, s = len(model.beta), len(model.offset)
        noise = self.view.features @ draw[2 : 2 + a] + draw[1] * head
        noise += np.where(self.view.known < 0, fresh, np.append(draw[2 + a : 2 + a + s], 0.0)[self.view.known])
        noise += self.view.interaction @ (person[0] @ draw[2 + a + s :].reshape(model.interaction.shape))
        return noise

    def learn(self, log: Log) -> None:
        synthetic = self.material.synthetic
        real = len(log.style)
        share = SYNTHETIC_SHARE / (1 - SYNTHETIC_SHARE) * real / max(1, len(synthetic.synthetic_person))
        people = len(synthetic.people)
        data = PreferenceData(
            synthetic.schema,
            synthetic.slugs,
            synthetic.styles,
            np.vstack([synthetic.people, *[visitor.features for visitor in log.visitors]]),
            person=people + np.array(log.unit),
            style=np.array(log.style),
            liked=np.array(log.liked, dtype=float),
            weight=np.ones(real),
            unit=np.array(log.unit),
            position=np.array(log.position),
            synthetic_person=synthetic.synthetic_person,
            synthetic_style=synthetic.synthetic_style,
            synthetic_score=synthetic.synthetic_score,
            synthetic_weight=synthetic.synthetic_weight * share,
        )
        self.result = train(data, self.result, self.config)
        self.view = self.result.model.view(self.material.entries)


class Oracle:
    """Knows the simulator's probabilities, or has asked it ``asks`` times about every style where it does not tell them."""

    name = "oracle"

    def __init__(self, material: Material, simulator: Simulator, seed: int) -> None:
        self.entries, self.simulator = material.entries, simulator
        self.rng = np.random.default_rng([seed, 77])
        self.asked: dict[int, np.ndarray] = {}

    def scores(self, visitors: Sequence[Visitor], rng: np.random.Generator, explore: bool) -> np.ndarray:
        return np.stack([self.probability(visitor) for visitor in visitors])

    def probability(self, visitor: Visitor) -> np.ndarray:
        """(n,)."""
        if isinstance(self.simulator, KnowsProbabilities):
            return np.asarray(self.simulator.like_probability(visitor.person, self.entries), dtype=float)
        if visitor.unit not in self.asked:
            self.asked[visitor.unit] = self._ask(visitor)
        return self.asked[visitor.unit]

    def _ask(self, visitor: Visitor, first: int = 6, then: int = 40, pool: int = 40) -> np.ndarray:
        """Every allowed style alone, ``first`` times; then the ``pool`` that did best, ``then`` times more."""
        likes, answers = np.zeros(len(self.entries)), np.zeros(len(self.entries))

        def ask(row: int, times: int) -> None:
            for _ in range(times):
                (answer,) = self.simulator.react(visitor.person, [self.entries[row]], self.rng)
                if answer is not None:
                    likes[row] += answer
                    answers[row] += 1

        for row in np.flatnonzero(visitor.allowed):
            ask(int(row), first)
        for row in np.argsort(-(likes + 0.5) / (answers + 1))[:pool]:
            ask(int(row), then)
        estimate: np.ndarray = (likes + 0.5) / (answers + 1.5)
        return estimate

    def learn(self, log: Log) -> None:
        pass


POLICIES: Final = ("random", "popular", "stylist", "seed-mlp", "challenger", "oracle")


def make_policy(name: str, material: Material, simulator: Simulator, seed: int) -> Policy:
    """Raises ValueError for a name that is not in ``POLICIES``."""
    makers: dict[str, Callable[[], Policy]] = {
        "random": Random,
        "popular": lambda: Popular(material),
        "stylist": lambda: StylistRules(material),
        "seed-mlp": lambda: SeedMLPRetrained(material, seed),
        "challenger": lambda: Challenger(material, seed),
        "oracle": lambda: Oracle(material, simulator, seed),
    }
    if name not in makers:
        raise ValueError(f"policy {name!r} is none of {', '.join(POLICIES)}")
    return makers[name]()


def visitor_of(unit: int, person: Person, allowed: np.ndarray) -> Visitor:
    return Visitor(unit, person, person_features(person.reading), allowed)
