"""A site whose truth is known: visitors with a weekly rhythm who come again, what they are shown and what they like. Needs no database.

Faces vary as the reference faces do (``learn.face_population``); the rest are round figures of the same order as a small live site's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.special import expit, logit, ndtr

from recommendations.engine.catalogue import load_catalogue
from recommendations.engine.preference_features import MEASURES
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS

from ..learn.face_population import SEASON_CONCENTRATION, FacePopulation
from ..learn.simulation.people import LIGHTNESS, WARMTH
from .data import BUCKETS, NUMBERS, SOURCES, Data, Table
from .embedding import StyleSpace

DAY: Final = 86_400.0
VISITS: Final = np.array([0.9, 0.85, 0.85, 0.9, 1.05, 1.3, 1.15])  # of the days of a week, mean 1
HOURS: Final = np.array([2, 1, 1, 1, 1, 1, 2, 4, 6, 7, 7, 8, 9, 8, 7, 7, 7, 8, 9, 10, 11, 11, 9, 5]) / 142
WEEKEND_FACES: Final = 0.2  # standard deviations by which weekend visitors' first measures differ
WEEKEND_LIKES: Final = 0.06  # log odds by which weekends like more
RETURNING, MEMORY_DAYS = 0.2, 28
SHOWN, REACTS, LIKE_RATE, PERSON_SD = 7, 0.25, 0.35, 0.5
UNREAD, STYLIST = 0.03, 0.03  # shares of faces in coloured light, of lists without Gemini
SCORE_MEAN, SCORE_SD = 66.0, 5.0
ERRORS, LATENCY_MS, LATENCY_SD = 0.01, 900.0, 0.45
_EDGES: Final = np.array([float(bound) for bound in BUCKETS[:-1]])


@dataclass(frozen=True)
class Drift:
    """From day ``day`` on. ``size`` of: measure, standard deviations by which one measurement grows; likes, relative fall of the
    like rate; score, standard deviations by which scores grow; season, share of visitors who become winters; styles, share of what
    is shown that comes from one family; errors, share of analyses that fail in addition; latency, factor."""

    what: str
    size: float
    day: int


#: what -> (kind of finding that should tell, sizes that the command plants).
DRIFTS: Final = {
    "measure": ("features", (0.25, 0.5, 1.0)),
    "season": ("features", (0.1, 0.2, 0.4)),
    "score": ("predictions", (0.25, 0.5, 1.0)),
    "likes": ("labels", (0.1, 0.2, 0.3)),
    "styles": ("embeddings", (0.1, 0.2, 0.4)),
    "errors": ("errors", (0.03, 0.1, 0.3)),
    "latency": ("latency", (1.5, 2.0, 4.0)),
}


@cache
def _families() -> tuple[np.ndarray, StyleSpace]:
    """(family of each style of the catalogue, a space in which styles of a family and of a cut lie together)."""
    entries = load_catalogue().entries
    rng = np.random.default_rng(20)
    names = sorted({entry.family for entry in entries})
    around = {name: rng.standard_normal(48) for name in (*names, *sorted({entry.cut for entry in entries}))}
    vectors = np.stack([around[e.family] + 0.7 * around[e.cut] + 0.5 * rng.standard_normal(48) for e in entries])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.array([names.index(entry.family) for entry in entries]), StyleSpace.of(vectors)


def style_space() -> StyleSpace:
    return _families()[1]


@cache
def _population() -> tuple[FacePopulation, np.ndarray]:
    population = FacePopulation.load()
    return population, np.linalg.cholesky(population.correlation + 1e-5 * np.eye(len(population.correlation)))


def simulate(days: int, rows_per_day: int, rng: np.random.Generator, drift: Drift | None = None) -> Data:
    """``days`` days from time 0, about ``rows_per_day`` analyses each."""
    day_of, at = _times(days, rows_per_day, rng)
    first = _first_visits(day_of, rows_per_day, rng)
    size = np.where(day_of >= drift.day, drift.size, 0.0) if drift else np.zeros(len(at))

    def planted(what: str) -> np.ndarray:
        return size if drift and drift.what == what else np.zeros(len(at))

    weekend = day_of % 7 >= 5
    columns = _faces(len(at), weekend, planted("measure"), planted("season"), rng)
    columns = {name: _kept(column, first, size) for name, column in columns.items()}
    analyses = Table(at, first, columns)
    taste = rng.standard_normal(len(at))[first]
    score = SCORE_MEAN + SCORE_SD * (0.6 * taste + 0.8 * rng.standard_normal(len(at)) + planted("score"))
    styles = _styles(first, planted("styles"), rng)
    item_score = np.clip(score[:, None] + 6 * rng.standard_normal(styles.shape), 0, 100)
    lists = Table(
        at,
        first,
        {
            "score_mean": item_score.mean(1),
            "score_top": item_score.max(1),
            "advisor": (rng.random(len(at)) < STYLIST).astype(int),
        },
    )
    who, when = np.repeat(first, SHOWN), np.repeat(at, SHOWN)
    shown = Table(when, who, {"style": styles.ravel()})
    odds = logit(LIKE_RATE) + PERSON_SD * np.repeat(rng.standard_normal(len(at))[first], SHOWN)
    odds += 0.03 * (item_score.ravel() - SCORE_MEAN - np.repeat(SCORE_SD * planted("score"), SHOWN))
    odds += WEEKEND_LIKES * np.repeat(weekend, SHOWN)
    liked = rng.random(len(who)) < expit(odds) * (1 - np.repeat(planted("likes"), SHOWN))
    source = np.tile(np.array([SOURCES.index("gemini")] * 4 + [SOURCES.index("ml")] * 3), len(at))
    reacted = rng.random(len(who)) < REACTS
    reactions = Table(
        when[reacted],
        who[reacted],
        {
            "liked": liked[reacted].astype(float),
            "score": item_score.ravel()[reacted],
            "source": source[reacted],
            "champion": np.ones(int(reacted.sum()), int),
        },
    )
    return Data(analyses, lists, shown, reactions, _hours(days, at, planted("errors"), planted("latency"), rng))


def _times(days: int, rows_per_day: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    counts = rng.poisson(rows_per_day * VISITS[np.arange(days) % 7])
    day_of = np.repeat(np.arange(days), counts)
    hour = rng.choice(24, len(day_of), p=HOURS / HOURS.sum())
    at = day_of * DAY + (hour + rng.random(len(day_of))) * 3600
    return day_of, np.sort(at)


def _first_visits(day_of: np.ndarray, rows_per_day: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) row of each visitor's first visit, which names them."""
    n = len(day_of)
    first = np.arange(n)
    for row in np.flatnonzero(rng.random(n) < RETURNING):
        if row:
            first[row] = first[rng.integers(max(0, row - MEMORY_DAYS * rows_per_day), row)]
    return first


def _kept(column: np.ndarray, first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """A visitor keeps their face, unless the drift came between: then they are read the new way."""
    return np.where(size[first] == size, column[first], column)


def _faces(
    n: int, weekend: np.ndarray, shift: np.ndarray, winters: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    population, root = _population()
    z = rng.standard_normal((n, len(root))) @ root.T
    measures = {name: z[:, place] for place, name in enumerate(population.measures)}
    measures |= {name: rng.standard_normal(n) for name in MEASURES if name not in measures}
    for name in MEASURES[:3]:
        measures[name] = measures[name] + WEEKEND_FACES * weekend
    measures[MEASURES[0]] = measures[MEASURES[0]] + shift
    logits = population.logit_mean + population.logit_sd * z[:, len(population.measures) :]
    shapes = np.exp(logits - logits.max(1, keepdims=True))
    shapes /= shapes.sum(1, keepdims=True)
    season = rng.dirichlet([SEASON_CONCENTRATION] * len(SEASONS), n).argmax(1)
    season = np.where(rng.random(n) < winters, list(SEASONS).index("winter"), season)
    warm, light = (np.array([table[name] for name in SEASONS])[season] for table in (WARMTH, LIGHTNESS))
    unread = rng.random(n) < UNREAD
    columns = {f"shape:{name}": shapes[:, place] for place, name in enumerate(FACE_SHAPES)}
    columns |= {f"measure:{name}": 100 * ndtr(values) for name, values in measures.items()}
    columns["colour:warm_cool"] = np.clip(warm + 0.25 * rng.standard_normal(n), -1, 1)
    columns["colour:light_deep"] = np.clip(light + 0.35 * rng.standard_normal(n), -1, 1)
    columns["colour:ita"] = 43 + 12 * rng.standard_normal(n)
    columns["colour:cast"] = rng.gamma(2.0, 1.5, n)
    for name in NUMBERS:
        if name.startswith("colour:"):
            columns[name] = np.where(unread, np.nan, columns[name])
    columns["face_shape"] = shapes.argmax(1)
    columns["season"] = np.where(unread, -1, season)
    return columns


def _styles(first: np.ndarray, planted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, SHOWN) rows of the style space. Each visitor has families that suit them better than others."""
    family, _space = _families()
    families, n = int(family.max()) + 1, len(first)
    suits = rng.gamma(0.7, 1.0, (n, families))[first] * rng.permutation(np.linspace(0.3, 1.7, families))
    cumulated = np.cumsum(suits, axis=1)
    drawn = (rng.random((n, SHOWN, 1)) * cumulated[:, None, -1:] > cumulated[:, None, :]).sum(2)
    chosen = np.where(rng.random((n, SHOWN)) < planted[:, None], 0, drawn)
    by_family = np.argsort(family, kind="stable")
    starts, sizes = np.searchsorted(family[by_family], np.arange(families)), np.bincount(family)
    return np.asarray(by_family[starts[chosen] + (rng.random(chosen.shape) * sizes[chosen]).astype(int)])


def _hours(days: int, at: np.ndarray, errors: np.ndarray, slower: np.ndarray, rng: np.random.Generator) -> Table:
    hour = (at // 3600).astype(int)
    failed = rng.random(len(at)) < ERRORS + errors
    took = np.exp(np.log(LATENCY_MS) + LATENCY_SD * rng.standard_normal(len(at))) * np.where(slower > 0, slower, 1.0)
    bucket = np.searchsorted(_EDGES, took)
    latency = np.zeros((days * 24, len(BUCKETS)), int)
    np.add.at(latency, (hour[~failed], bucket[~failed]), 1)
    columns = {"analyses": latency.sum(1), "errors": np.bincount(hour[failed], minlength=days * 24), "latency": latency}
    return Table(np.arange(days * 24) * 3600.0, np.arange(days * 24), columns)
