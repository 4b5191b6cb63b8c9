"""The preference scorer at serving time: a Bayesian logistic model of likes that learns each person at once from their past.

logit P(like) = b + rho h(p, s) + a_s' beta + o_s + p' W c_s + a_s' theta_u + c_s' e_u, with p the person's features, a_s the style's,
c_s = R' a_s their main directions, h the logit of the score head (what synthetic data say) and o_s an offset per style.
theta_u ~ N(0, diag) and e_u ~ N(0, S) are the person's own taste, single attributes and what tends to be liked together; their
posterior given the past is found here by Laplace's approximation (Rasmussen & Williams 2006, algorithm 3.1).
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import expit

from hairme.ml.artifacts import Artifact, ArtifactError

from .preference_features import PERSON_FEATURES, RATIOS, StyleSchema, person_features
from .scoring import Past, StyleTable
from .types import FaceReading

MOST_PAST: Final = 200  # newest reactions that are looked at
NEIGHBOURS: Final = 12  # catalogue styles that stand for one that is known by its text alone
#: Names of the arrays in ``weights.safetensors``.
ARRAYS: Final = (
    "centre", "head_scale", "head", "head_projection", "intercept", "rho", "beta", "offset", "offset_variance", "projection", "interaction",
    "theta_variance", "taste_root", "own_variance", "draws",
)  # fmt: skip


def head_person(people: np.ndarray) -> np.ndarray:
    """(m, P) -> (m, 1 + P + 2 ratios): the score head also sees both halves of each ratio, since the craft's rules have thresholds."""
    ratios = people[:, RATIOS]
    return np.hstack([np.ones((len(people), 1)), people, np.maximum(ratios - 0.25, 0), np.maximum(-ratios - 0.25, 0)])


@dataclass(frozen=True, eq=False)
class StyleView:
    """A catalogue as the model sees it; row i is one style."""

    features: np.ndarray  # (n, A), centred
    head: np.ndarray  # (n, Kh)
    interaction: np.ndarray  # (n, K)
    taste: np.ndarray  # (n, A + K): own taste's prior covariance between styles is taste @ taste.T
    known: np.ndarray  # (n,) index of the style's offset, -1 where the model never saw it
    row: Mapping[str, int]  # slug -> i


@dataclass(frozen=True, eq=False)
class PreferenceModel:
    """The weights. ``draws`` (k, D) are samples of the posterior around (intercept, rho, beta, offset, interaction)."""

    schema: StyleSchema
    slugs: tuple[str, ...]  # of ``offset``
    centre: np.ndarray  # (A,) mean of the style features over the catalogue
    head_scale: np.ndarray  # (2,) mean and deviation of the head's logit
    head: np.ndarray  # (Ph, Kh)
    head_projection: np.ndarray  # (A, Kh)
    intercept: np.ndarray  # ()
    rho: np.ndarray  # ()
    beta: np.ndarray  # (A,)
    offset: np.ndarray  # (S,)
    offset_variance: np.ndarray  # () of a style never seen
    projection: np.ndarray  # (A, K)
    interaction: np.ndarray  # (P, K)
    theta_variance: np.ndarray  # (A,) how much people differ in their taste for each attribute
    taste_root: np.ndarray  # (K, K) S = root @ root.T: which directions people who like one thing tend to like
    own_variance: np.ndarray  # (2,) person by single style; person's general leniency
    draws: np.ndarray  # (k, D)

    @property
    def mean(self) -> np.ndarray:
        """(D,) what ``draws`` scatter about."""
        return np.concatenate([[self.intercept.item(), self.rho.item()], self.beta, self.offset, self.interaction.ravel()])

    def view(self, entries: Sequence[Any]) -> StyleView:
        plain = self.schema.matrix(entries)
        features = plain - self.centre
        directions = features @ self.projection
        place = {slug: i for i, slug in enumerate(self.slugs)}
        return StyleView(
            features,
            plain @ self.head_projection,
            directions,
            np.hstack([features * np.sqrt(self.theta_variance), directions @ self.taste_root]),
            np.array([place.get(entry.slug, -1) for entry in entries], dtype=np.int64),
            {entry.slug: i for i, entry in enumerate(entries)},
        )

    def head_logits(self, people: np.ndarray, view: StyleView) -> np.ndarray:
        """(m, P) -> (m, n): what the synthetic labels make one expect of a like, as a logit."""
        return head_person(people) @ self.head @ view.head.T

    def logits(self, people: np.ndarray, view: StyleView, globals_: np.ndarray | None = None) -> np.ndarray:
        """(m, P) -> (m, n) before the person's own taste. ``globals_``: (D,) to use in place of the mean, as one of ``draws``."""
        values = self.mean if globals_ is None else globals_
        a, s = len(self.beta), len(self.offset)
        intercept, rho, beta = values[0], values[1], values[2 : 2 + a]
        offset = np.append(values[2 + a : 2 + a + s], 0.0)
        interaction = values[2 + a + s :].reshape(self.interaction.shape)
        head = (self.head_logits(people, view) - self.head_scale[0]) / self.head_scale[1]
        plain = intercept + view.features @ beta + offset[view.known]
        logits: np.ndarray = plain + rho * head + (people @ interaction) @ view.interaction.T
        return logits

    def personal(self, base: np.ndarray, view: StyleView, rows: np.ndarray, liked: np.ndarray) -> PersonalTaste:
        """What reactions ``liked`` (r,) 0/1 to different styles ``rows`` (r,) say of the person whose logits before are ``base`` (n,)."""
        z = view.taste[rows]
        kernel = z @ z.T + self.own_variance[0] * (rows[:, None] == rows) + self.own_variance[1]
        gradient, root, chol = laplace(base[rows], kernel, liked)
        return PersonalTaste(self, view, rows, z, gradient, root, chol)


@dataclass(frozen=True, eq=False)
class PersonalTaste:
    """The posterior of one person's own taste."""

    model: PreferenceModel
    view: StyleView
    rows: np.ndarray  # (r,) styles reacted to, each once
    z: np.ndarray  # (r, A + K) their rows of ``view.taste``
    gradient: np.ndarray  # (r,)
    root: np.ndarray  # (r,) square roots of the likelihood's curvature
    chol: np.ndarray  # (r, r)

    def _cross(self) -> np.ndarray:
        cross: np.ndarray = self.view.taste @ self.z.T + self.model.own_variance[1]
        cross[self.rows, np.arange(len(self.rows))] += self.model.own_variance[0]
        return cross

    def shift(self) -> np.ndarray:
        """(n,) what is to be added to the person's logits."""
        shift: np.ndarray = self.view.taste @ (self.z.T @ self.gradient) + self.model.own_variance[1] * self.gradient.sum()
        shift[self.rows] += self.model.own_variance[0] * self.gradient
        return shift

    def variance(self) -> np.ndarray:
        """(n,) how uncertain the person's own part is, in squared logits."""
        solved = solve_triangular(self.chol, self.root[:, None] * self._cross().T, lower=True)
        return np.maximum(prior_variance(self.model, self.view) - (solved**2).sum(0), 0.0)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(n,) one plausible taste: a sample of the posterior of the shift (Matheron's rule: a prior draw, conditioned)."""
        prior, at_rows = prior_draw(self.model, self.view, rng), self.rows
        noise = rng.standard_normal(len(at_rows)) / np.maximum(self.root, 1e-3)
        gap = self.root * (prior[at_rows] + noise)
        back = self.root * cho_solve((self.chol, True), gap)
        drawn: np.ndarray = self.shift() + prior - self._cross() @ back
        return drawn


def prior_variance(model: PreferenceModel, view: StyleView) -> np.ndarray:
    """(n,) of the person's own part where nothing is known of them."""
    variance: np.ndarray = (view.taste**2).sum(axis=1) + model.own_variance.sum()
    return variance


def prior_draw(model: PreferenceModel, view: StyleView, rng: np.random.Generator) -> np.ndarray:
    """(n,) the own part of somebody of whom nothing is known."""
    taste = view.taste @ rng.standard_normal(view.taste.shape[1])
    own = rng.standard_normal(len(view.features)) * np.sqrt(model.own_variance[0])
    drawn: np.ndarray = taste + own + rng.standard_normal() * np.sqrt(model.own_variance[1])
    return drawn


def laplace(
    base: np.ndarray, kernel: np.ndarray, liked: np.ndarray, steps: int = 12
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mode of r logits with prior N(base, kernel) given 0/1 reactions: (gradient, root of curvature, Cholesky factor of B).

    The kernel times the gradient is the mode's shift from ``base``; B = 1 + root kernel root (Rasmussen & Williams 2006, 3.27).
    """
    shift = np.zeros(len(base))
    previous = -np.inf
    for _ in range(steps):
        p = expit(base + shift)
        root = np.sqrt(np.maximum(p * (1 - p), 1e-6))
        chol = cholesky(np.eye(len(base)) + root[:, None] * kernel * root, lower=True)
        b = root**2 * shift + (liked - p)
        a = b - root * cho_solve((chol, True), root * (kernel @ b))
        shift = kernel @ a
        logit = base + shift
        value = float(-0.5 * a @ shift - np.logaddexp(0, np.where(liked > 0.5, -logit, logit)).sum())
        if abs(value - previous) < 1e-6:
            break
        previous = value
    return a, root, chol


class PreferenceScorer:
    """A version of ``hairstyle-scorer`` of the architecture ``preference``. Raises ArtifactError where the files are no such model."""

    encoder = ""

    def __init__(self, artifact: Artifact) -> None:
        self.key = artifact.key
        self.encoder = str(artifact.card.features.get("encoder", ""))
        self.model = read_model(artifact)
        self._views: weakref.WeakKeyDictionary[StyleTable, StyleView] = weakref.WeakKeyDictionary()

    def view(self, styles: StyleTable) -> StyleView:
        view = self._views.get(styles)
        if view is None:
            view = self._views[styles] = self.model.view(styles.entries)
        return view

    def score(self, reading: FaceReading, styles: StyleTable, past: Sequence[Past] = ()) -> np.ndarray:
        """(n,) float32: the probability of a like in percent."""
        base, _view, taste = self._read(reading, styles, past)
        return (100.0 * expit(base if taste is None else base + taste.shift())).astype(np.float32)

    def score_unlisted(
        self, reading: FaceReading, vectors: np.ndarray, styles: StyleTable, past: Sequence[Past] = ()
    ) -> np.ndarray:
        """(m,): the mean score of the nearest styles in meaning, the nearer ones counting more."""
        near = vectors @ styles.vectors.T
        weight = np.exp(12.0 * (near - near.max(axis=1, keepdims=True)))
        weight[weight < np.partition(weight, -NEIGHBOURS, axis=1)[:, [-NEIGHBOURS]]] = 0.0
        scores: np.ndarray = weight @ self.score(reading, styles, past) / weight.sum(axis=1)
        return scores

    def spread(self, reading: FaceReading, styles: StyleTable, past: Sequence[Past] = ()) -> np.ndarray:
        """(n,) standard deviation of the score in points: what is not known of the weights and of the person's taste."""
        base, view, taste = self._read(reading, styles, past)
        person = person_features(reading)[None]
        drawn = np.stack([self.model.logits(person, view, self.model.mean + draw)[0] for draw in self.model.draws])
        own = prior_variance(self.model, view) if taste is None else taste.variance()
        variance = drawn.var(axis=0) + own + np.where(view.known < 0, self.model.offset_variance, 0.0)
        p = expit(base if taste is None else base + taste.shift())
        return (100.0 * p * (1 - p) * np.sqrt(variance)).astype(np.float32)

    def thompson(self, reading: FaceReading, styles: StyleTable, past: Sequence[Past], rng: np.random.Generator) -> np.ndarray:
        """(n,) scores under one sample of everything that is not known (Thompson 1933): its order explores as much as it should."""
        view, person = self.view(styles), person_features(reading)[None]
        draw = self.model.draws[int(rng.integers(len(self.model.draws)))]
        base = self.model.logits(person, view, self.model.mean + draw)[0]
        rows, liked = _past_rows(view, past)
        own = self.model.personal(base, view, rows, liked).draw(rng) if len(rows) else prior_draw(self.model, view, rng)
        return (100.0 * expit(base + own)).astype(np.float32)

    def _read(
        self, reading: FaceReading, styles: StyleTable, past: Sequence[Past]
    ) -> tuple[np.ndarray, StyleView, PersonalTaste | None]:
        view = self.view(styles)
        base = self.model.logits(person_features(reading)[None], view)[0]
        rows, liked = _past_rows(view, past)
        return base, view, self.model.personal(base, view, rows, liked) if len(rows) else None


def _past_rows(view: StyleView, past: Sequence[Past]) -> tuple[np.ndarray, np.ndarray]:
    """Styles that are still offered and the newest word on each: rows (r,), liked (r,) float."""
    latest = {view.row[item.slug]: item.liked for item in past[-MOST_PAST:] if item.slug in view.row}
    return np.array(list(latest), dtype=np.int64), np.array(list(latest.values()), dtype=np.float64)


def read_model(artifact: Artifact) -> PreferenceModel:
    """The weights of a version; raises ArtifactError where they do not fit this code."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = artifact.file("weights.safetensors")
    features = artifact.card.features
    try:
        arrays = load_file(str(file))
        model = PreferenceModel(
            StyleSchema(tuple(features["families"]), tuple(features["cuts"])),
            tuple(features["slugs"]),
            **{name: arrays[name].astype(np.float64) for name in ARRAYS},
        )
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise ArtifactError(f"{file} holds no preference model: restore the folder or train it again") from error
    columns = len(model.schema.names)
    shapes = (model.beta.shape, model.interaction.shape[0], model.projection.shape[0], model.offset.shape, model.draws.shape[1:])
    if shapes != ((columns,), len(PERSON_FEATURES), columns, (len(model.slugs),), model.mean.shape):
        raise ArtifactError(f"{file} was made for other features than this code's: train it again")
    return model
