"""Where each coefficient of the preference scorer's reaction head stands: from data to a problem for the solver, and back to a model.

Columns: intercept, rho (belief in the score head), position, one per style feature, one offset per style that was reacted to,
person features x style directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from recommendations.engine.preference import PreferenceModel, head_person
from recommendations.engine.preference_features import PERSON_FEATURES

from . import preference_head
from .preference_data import PreferenceConfig, PreferenceData
from .preference_head import ScoreHead, main_directions
from .preference_solver import FLOOR, Problem, State, Variances

FIXED: Final = 3  # intercept, rho, position
MEAN_LOG_POSITION: Final = float(np.log(np.arange(1, 8)).mean())  # of a list of seven
MOST_LEAST_RHO: Final = (0.2, 3.0)  # bounds of the prior deviation of rho in units of ``sd_rho``


@dataclass(slots=True)
class Fit:
    """What a child takes from its parent beside the model itself."""

    synthetic_hash: str
    position: np.ndarray  # () effect per unit of log(place)
    coefficient_variance: np.ndarray  # (D,) without position: prior variances as they were learned
    said: np.ndarray  # (D,) without position: what the data said of each coefficient, as a precision
    head_mae: np.ndarray  # ()

    ARRAYS: ClassVar = ("position", "coefficient_variance", "said", "head_mae")


class Layout:
    def __init__(self, data: PreferenceData, config: PreferenceConfig, parent: tuple[PreferenceModel, Fit] | None = None) -> None:
        self.data, self.config, self.parent = data, config, parent
        #: A parent that saw reactions gives more than its score head.
        self.learned_from = parent is not None and bool(parent[1].said.any())
        self.kinds = data.schema.kinds
        self.head = self._head()
        shown = np.bincount(data.style, minlength=len(data.slugs))
        kept = [slug for slug in parent[0].slugs if slug in set(data.slugs)] if parent else []
        fresh = [data.slugs[i] for i in np.flatnonzero(shown >= config.offset_from)]
        self.slugs = tuple(sorted({*kept, *fresh}))
        self.projection = self._directions()
        self.centre = data.styles.mean(axis=0)
        self.styles = data.styles - self.centre
        a, s = len(self.kinds), len(self.slugs)
        self.beta, self.offset = slice(FIXED, FIXED + a), slice(FIXED + a, FIXED + a + s)
        self.interaction = slice(FIXED + a + s, FIXED + a + s + len(PERSON_FEATURES) * self.projection.shape[1])
        self.anchor = self._variances()  # what variances are drawn to, however a parent's turned out
        self.variances = self._variances()
        self.prior_mean = self._prior_mean()
        self.start = self.prior_mean.copy()
        if self.learned_from:
            self._take_over()

    def _directions(self) -> np.ndarray:
        """(A, K) main directions of the catalogue, attributes counting as far as they were found to matter (``parent``)."""
        data, config = self.data, self.config
        weight = np.array([kind != "cut" for kind in self.kinds], dtype=np.float64)
        if self.parent and self.learned_from:
            model, fit = self.parent
            if config.parent_as == "prior":
                return carry(model.projection, model.schema.names, data.schema.names)
            matters = model.theta_variance + fit.coefficient_variance[2 : 2 + len(model.beta)]
            there = carry(matters[:, None], model.schema.names, data.schema.names)[:, 0]
            weight = np.sqrt(np.where(there > 0, there, matters.mean())) / np.sqrt(matters.mean())
        return weight[:, None] * main_directions(data.styles * weight, self.kinds, config.directions, ())

    def _head(self) -> ScoreHead:
        data = self.data
        if self.parent and data.synthetic_hash in ("", self.parent[1].synthetic_hash):
            model, fit = self.parent
            projection = carry(model.head_projection, model.schema.names, data.schema.names)
            return ScoreHead(model.head, projection, model.head_scale, 0.0, fit.head_mae.item())
        if not len(data.synthetic_person):
            return preference_head.untaught(data.styles, data.schema, data.people.shape[1])
        return preference_head.fit(
            data.people, data.styles, data.schema, data.synthetic_person, data.synthetic_style, data.synthetic_score,
            data.synthetic_weight, self.config.seed,
        )  # fmt: skip

    def _variances(self) -> Variances:
        """Priors as configured; what an attribute weighs is learned together for all its words."""
        c, kinds = self.config, list(dict.fromkeys(self.kinds))
        total = np.zeros(self.interaction.stop)
        sets = np.full(self.interaction.stop, -1)
        synthetic, real = float(self.data.synthetic_weight.sum()), float(self.data.weight.sum())
        ratio = np.sqrt(real / synthetic) if synthetic and real else MOST_LEAST_RHO[1]
        total[:FIXED] = [c.sd_intercept**2, (c.sd_rho * float(np.clip(ratio, *MOST_LEAST_RHO))) ** 2, c.sd_position**2]
        kind_of = np.array([kinds.index(kind) for kind in self.kinds])
        total[self.beta] = c.sd_attribute**2 / _size(self.styles)
        sets[self.beta] = kind_of
        total[self.offset] = c.sd_offset**2
        sets[self.offset] = len(kinds)
        total[self.interaction] = c.sd_interaction**2 / _size(self.styles @ self.projection) / _size(self.data.people)
        sets[self.interaction] = np.repeat(len(kinds) + 1 + np.arange(len(PERSON_FEATURES)), self.projection.shape[1])
        taste = np.full(len(self.kinds), c.sd_taste**2 / _size(self.styles))
        width = self.projection.shape[1]
        together = c.sd_together**2 / _size(self.styles @ self.projection) * np.eye(width)
        return Variances(total, sets, taste, kind_of, together, np.array([c.sd_own**2, c.sd_lenient**2]))

    def _prior_mean(self) -> np.ndarray:
        mean = np.zeros(len(self.variances.coefficient))
        mean[:2] = self.head.scale  # so that without reactions the score is the head's
        return mean

    def _take_over(self) -> None:
        assert self.parent is not None
        model, fit = self.parent
        self._turn = np.linalg.lstsq(self.styles @ self.projection, self.styles @ self._parents_projection(), rcond=None)[0]
        values = self._spread(model.mean, fit.position.item(), self._turned)
        variance = self._spread(fit.coefficient_variance, self.config.sd_position**2, self._per_feature)
        known = np.isfinite(variance) & (np.arange(len(variance)) >= FIXED)
        self.variances.coefficient[known] = variance[known]
        self.variances.theta = carry(model.theta_variance[:, None], model.schema.names, self.data.schema.names)[:, 0]
        missing = ~np.isin(self.data.schema.names, model.schema.names)
        self.variances.theta[missing] = self.config.sd_taste**2 / _size(self.styles)
        self.variances.own = model.own_variance.copy()
        turned = self._turn @ model.taste_root
        self.variances.together = turned @ turned.T
        floor = 1e-3 * float(np.trace(self.variances.together)) / len(turned) + FLOOR
        self.variances.together[np.diag_indices_from(turned)] += floor
        self.start = np.where(np.isfinite(values), values, self.prior_mean)
        if self.config.parent_as == "prior":
            said = np.nan_to_num(self._spread(fit.said, 0.0, lambda interaction: interaction))  # the directions are the parent's
            self.prior_mean = self.start.copy()
            self.variances.coefficient = 1 / (1 / self.variances.coefficient + said)
            self.variances.coefficient_set[:] = -1  # they are no plain priors any more

    def _parents_projection(self) -> np.ndarray:
        assert self.parent is not None
        return carry(self.parent[0].projection, self.parent[0].schema.names, self.data.schema.names)

    def _turned(self, interaction: np.ndarray) -> np.ndarray:
        """Weights on the parent's directions as weights on these."""
        turned: np.ndarray = interaction @ self._turn.T
        return turned

    def _per_feature(self, variance: np.ndarray) -> np.ndarray:
        """One variance per person feature, whatever the direction, at the size that these directions have."""
        size = _size(self.styles @ self._parents_projection()) / _size(self.styles @ self.projection)
        return np.repeat(variance.mean(axis=1, keepdims=True) * size, self.projection.shape[1], axis=1)

    def _spread(self, values: np.ndarray, position: float, turn: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """The parent's (D,) without position on this layout's columns; NaN where the parent had none."""
        assert self.parent is not None
        model = self.parent[0]
        a, s = len(model.beta), len(model.offset)
        spread = np.full(self.interaction.stop, np.nan)
        spread[:2], spread[2] = values[:2], position
        names = {name: i for i, name in enumerate(model.schema.names)}
        spread[self.beta] = [values[2 + names[name]] if name in names else np.nan for name in self.data.schema.names]
        slugs = {slug: i for i, slug in enumerate(model.slugs)}
        spread[self.offset] = [values[2 + a + slugs[slug]] if slug in slugs else np.nan for slug in self.slugs]
        spread[self.interaction] = turn(values[2 + a + s :].reshape(len(PERSON_FEATURES), -1)).ravel()
        return spread

    def problem(self) -> Problem:
        """Rows sorted by person."""
        data = self.data
        order = np.argsort(data.unit, kind="stable")
        person, style = data.person[order], data.style[order]
        left, right = head_person(data.people) @ self.head.weights, data.styles @ self.head.projection
        x = np.zeros((len(order), self.interaction.stop), dtype=np.float32)
        x[:, 0] = 1.0
        x[:, 1] = ((left[person] * right[style]).sum(axis=1) - self.head.scale[0]) / self.head.scale[1]
        place = data.position[order]
        x[:, 2] = np.where(place > 0, np.log(np.maximum(place, 1)) - MEAN_LOG_POSITION, 0.0)
        x[:, self.beta] = self.styles[style]
        column = {slug: self.offset.start + i for i, slug in enumerate(self.slugs)}
        place_of = np.array([column.get(slug, -1) for slug in data.slugs])[style]
        known = np.flatnonzero(place_of >= 0)
        x[known, place_of[known]] = 1.0
        directions = (self.styles @ self.projection).astype(np.float32)
        people = data.people.astype(np.float32)
        x[:, self.interaction] = (people[person][:, :, None] * directions[style][:, None, :]).reshape(len(order), -1)
        _names, counts = np.unique(data.unit[order], return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return Problem(
            x,
            self.styles[style],
            directions[style].astype(np.float64),
            style,
            data.liked[order].astype(np.float64),
            data.weight[order],
            starts,
        )

    def model(self, state: State, variances: Variances) -> PreferenceModel:
        mean = state.mean
        noise = np.random.default_rng(self.config.seed).standard_normal((len(mean), self.config.draws))
        draws = solve_triangular(state.root, noise, lower=True, trans="T")
        return PreferenceModel(
            self.data.schema,
            self.slugs,
            self.centre,
            self.head.scale,
            self.head.weights,
            self.head.projection,
            mean[0],
            mean[1],
            mean[self.beta],
            mean[self.offset],
            variances.coefficient[self.offset][:1].mean() if self.slugs else np.array(self.config.sd_offset**2),
            self.projection,
            mean[self.interaction].reshape(len(PERSON_FEATURES), -1),
            variances.theta,
            cholesky(variances.together, lower=True),
            variances.own,
            np.delete(draws, 2, axis=0).T,
        )

    def fit_of(self, state: State, variances: Variances) -> Fit:
        said = (state.root**2).sum(axis=1) - 1 / variances.coefficient
        return Fit(
            self.data.synthetic_hash or (self.parent[1].synthetic_hash if self.parent else ""),
            state.mean[2],
            np.delete(variances.coefficient, 2),
            np.delete(np.maximum(said, 0.0), 2),
            np.array(self.head.mae),
        )


def _size(table: np.ndarray) -> float:
    """Mean squared length of the rows: variances divided by it give a component its configured deviation in logits."""
    return max(1e-6, float((table**2).sum(axis=1).mean()))


def carry(values: np.ndarray, names: Sequence[str], onto: Sequence[str]) -> np.ndarray:
    """(a, k) rows called ``names`` -> rows called ``onto``; 0 for a name that is new."""
    place = {name: i for i, name in enumerate(names)}
    padded = np.vstack([values, np.zeros((1, values.shape[1]))])
    carried: np.ndarray = padded[[place.get(name, len(values)) for name in onto]]
    return carried
