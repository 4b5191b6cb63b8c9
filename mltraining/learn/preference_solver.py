"""Bayesian logistic regression with a random effect per group: Newton steps on the Laplace approximation, variances by evidence.

logit = X m + Z theta_g + C e_g, m ~ N(mu, diag(v)), theta_g ~ N(0, diag(t)), e_g ~ N(0, S), and a component per (group, style).
A group's own effects are eliminated from the normal equations (its rows are whitened by their marginal covariance), so that the
cost is rows x columns^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.blas import ssyrk
from scipy.linalg.lapack import dtrtri
from scipy.special import expit

LEAST_CURVATURE: Final = 1e-4
FLOOR: Final = 1e-5  # no variance falls below this
HALVINGS: Final = 6
TOGETHER: Final = 6.0  # pseudo-people like those of the prior, towards whom S is drawn
EM_STEPS: Final = 8
TIE_STEPS: Final = 4


@dataclass(slots=True)
class Problem:
    """r rows in groups. ``starts`` (g + 1,) delimits the groups, whose rows are contiguous."""

    x: np.ndarray  # (r, D) float32
    z: np.ndarray  # (r, A) float64: what a group's own effects act on
    c: np.ndarray  # (r, K) float64
    style: np.ndarray  # (r,) which style, for the component per (group, style)
    liked: np.ndarray  # (r,) 0/1
    weight: np.ndarray  # (r,)
    starts: np.ndarray


@dataclass(slots=True)
class Variances:
    """Prior variances and, for each coefficient, the set whose variance is learned together (-1: fixed)."""

    coefficient: np.ndarray  # (D,)
    coefficient_set: np.ndarray  # (D,) int
    theta: np.ndarray  # (A,)
    theta_set: np.ndarray  # (A,) int
    together: np.ndarray  # (K, K) S
    own: np.ndarray  # (2,) per (group, style); per group


@dataclass(slots=True)
class State:
    mean: np.ndarray  # (D,)
    own: np.ndarray  # (r,) the groups' effects on their rows: kernel @ gradient
    gradient: np.ndarray  # (r,)
    root: np.ndarray  # (D, D) lower Cholesky factor of the posterior's precision
    loss: float  # weighted log loss per unit of weight

    @classmethod
    def at(cls, mean: np.ndarray, variances: Variances, rows: int) -> State:
        """Before any row was looked at."""
        return cls(mean, np.zeros(rows), np.zeros(rows), np.diag(variances.coefficient**-0.5), float("nan"))


def newton_step(problem: Problem, variances: Variances, prior_mean: np.ndarray, state: State) -> tuple[State, list[np.ndarray]]:
    """One step from ``state``, and the Cholesky factor of each group's marginal covariance."""
    logit = problem.x @ state.mean.astype(np.float32) + state.own
    p = expit(logit)
    curvature = np.maximum(problem.weight * p * (1 - p), LEAST_CURVATURE)
    working = logit + problem.weight * (problem.liked - p) / curvature
    scaled = np.hstack([problem.z * np.sqrt(variances.theta), problem.c @ cholesky(variances.together, lower=True)])
    whitened = np.empty_like(problem.x)
    target = np.empty(len(working))
    factors: list[np.ndarray] = []
    kernels: list[np.ndarray] = []
    for a, b in zip(problem.starts[:-1], problem.starts[1:], strict=True):
        kernel = scaled[a:b] @ scaled[a:b].T + variances.own[1]
        kernel += variances.own[0] * (problem.style[a:b, None] == problem.style[a:b])
        factor = cholesky(kernel + np.diag(1 / curvature[a:b]), lower=True, check_finite=False)
        inverse = solve_triangular(factor, np.eye(b - a), lower=True, check_finite=False)
        whitened[a:b] = inverse.astype(np.float32) @ problem.x[a:b]
        target[a:b] = inverse @ working[a:b]
        factors.append(factor)
        kernels.append(kernel)
    precision = ssyrk(1.0, whitened.T, lower=1).astype(np.float64)  # half of it: what the factor below is made from
    moment = whitened.T @ target.astype(np.float32) + prior_mean / variances.coefficient
    precision[np.diag_indices_from(precision)] += 1 / variances.coefficient
    root = cholesky(precision, lower=True, check_finite=False)
    mean = cho_solve((root, True), moment)
    fitted = problem.x @ mean.astype(np.float32)
    own, gradient = np.empty(len(working)), np.empty(len(working))
    for factor, kernel, a, b in zip(factors, kernels, problem.starts[:-1], problem.starts[1:], strict=True):
        gradient[a:b] = cho_solve((factor, True), working[a:b] - fitted[a:b], check_finite=False)
        own[a:b] = kernel @ gradient[a:b]
    goal = State(mean, own, gradient, root, 0.0)
    return _damped(problem, variances, prior_mean, state, goal), factors


def _damped(problem: Problem, variances: Variances, prior_mean: np.ndarray, state: State, goal: State) -> State:
    """The whole step, or the first of its halves that does not make the penalised likelihood worse: Newton overshoots from afar."""
    before, _ = _objective(problem, variances, prior_mean, state)
    share = 1.0
    for _ in range(HALVINGS):
        new = State(
            state.mean + share * (goal.mean - state.mean),
            state.own + share * (goal.own - state.own),
            state.gradient + share * (goal.gradient - state.gradient),
            goal.root,
            0.0,
        )
        after, new.loss = _objective(problem, variances, prior_mean, new)
        if after <= before + 1e-6 * abs(before):
            break
        share /= 2
    return new


def _objective(problem: Problem, variances: Variances, prior_mean: np.ndarray, state: State) -> tuple[float, float]:
    """(penalised negative log likelihood, log loss per unit of weight)."""
    logit = problem.x @ state.mean.astype(np.float32) + state.own
    losses = problem.weight * np.logaddexp(0, np.where(problem.liked > 0.5, -logit, logit))
    penalty = ((state.mean - prior_mean) ** 2 / variances.coefficient).sum() + state.gradient @ state.own
    return float(losses.sum() + penalty / 2), float(losses.sum() / problem.weight.sum())


def learn_variances(
    problem: Problem,
    variances: Variances,
    anchor: Variances,
    prior_mean: np.ndarray,
    state: State,
    factors: list[np.ndarray],
    strength: float,
) -> Variances:
    """MacKay's fixed point for each set (1992, eq. 4.4): squared size over well-determined number, drawn to ``anchor`` by ``strength``
    pseudo-observations; EM for S."""
    inverse_root, _info = dtrtri(state.root, lower=1)
    determined = 1 - (inverse_root**2).sum(axis=0) / variances.coefficient
    coefficient = _update(
        variances.coefficient, anchor.coefficient, variances.coefficient_set, (state.mean - prior_mean) ** 2, determined, strength
    )
    square, known = np.zeros(len(variances.theta)), np.zeros(len(variances.theta))
    own_square, own_known = np.zeros(2), np.zeros(2)
    for factor, a, b in zip(factors, problem.starts[:-1], problem.starts[1:], strict=True):
        gradient = state.gradient[a:b]
        inverse = solve_triangular(factor, np.eye(b - a), lower=True, check_finite=False)
        square += (variances.theta * (problem.z[a:b].T @ gradient)) ** 2
        known += variances.theta * ((inverse @ problem.z[a:b]) ** 2).sum(axis=0)
        styles = (problem.style[a:b, None] == np.unique(problem.style[a:b])).astype(np.float64)
        own_square[0] += ((variances.own[0] * (styles.T @ gradient)) ** 2).sum()
        own_known[0] += variances.own[0] * ((inverse @ styles) ** 2).sum()
        own_square[1] += (variances.own[1] * gradient.sum()) ** 2
        own_known[1] += variances.own[1] * (inverse.sum(axis=1) ** 2).sum()
    theta = _tie_attributes(
        coefficient, anchor, variances, ((state.mean - prior_mean) ** 2, square), (determined, known), strength
    )
    own = np.maximum((strength * anchor.own + own_square) / (strength + own_known), FLOOR)
    together = _learn_together(problem, variances, anchor, state)
    return Variances(coefficient, variances.coefficient_set, theta, variances.theta_set, together, own)


def _tie_attributes(
    coefficient: np.ndarray,
    anchor: Variances,
    variances: Variances,
    squares: tuple[np.ndarray, np.ndarray],
    knowns: tuple[np.ndarray, np.ndarray],
    strength: float,
) -> np.ndarray:
    """How much an attribute matters is one number, learned from what all people share and from where they differ together.

    Writes the shared coefficients' variances into ``coefficient`` and returns those of the people's own taste.
    """
    sets, starts = (variances.coefficient_set, variances.theta_set), (anchor.coefficient, anchor.theta)
    count = int(variances.theta_set.max()) + 1
    square, known = np.zeros((2, count)), np.zeros((2, count))
    scale, first = np.zeros(2), np.zeros(2)
    for i in (0, 1):
        members = (sets[i] >= 0) & (sets[i] < count)
        if not members.any():  # the shared ones are fixed
            continue
        first[i] = scale[i] = starts[i][members].mean()
        for target, values in ((square, squares[i]), (known, knowns[i])):
            target[i] = np.bincount(sets[i][members], values[members], minlength=count)
    used = first > 0
    for _ in range(TIE_STEPS):
        matters = (strength + (square[used] / scale[used, None]).sum(axis=0)) / (strength + known[used].sum(axis=0))
        scale[used] = (strength * first[used] + (square[used] / matters).sum(axis=1)) / (strength + known[used].sum(axis=1))
    for kind in range(count):
        coefficient[sets[0] == kind] = max(FLOOR, scale[0] * matters[kind])
    theta: np.ndarray = np.maximum(FLOOR, scale[1] * matters[variances.theta_set])
    return theta


def _learn_together(problem: Problem, variances: Variances, anchor: Variances, state: State) -> np.ndarray:
    """Some steps of EM for S (Laird & Ware 1982), drawn to ``anchor`` by TOGETHER pseudo-people."""
    fitted = problem.x @ state.mean.astype(np.float32)
    logit = fitted + state.own
    p = expit(logit)
    curvature = np.maximum(problem.weight * p * (1 - p), LEAST_CURVATURE)
    residual = state.own + problem.weight * (problem.liked - p) / curvature
    scaled = problem.z * np.sqrt(variances.theta)
    spans = list(zip(problem.starts[:-1], problem.starts[1:], strict=True))
    moments = []  # per group: what it says of its own effects, as a precision and a weighted mean
    for a, b in spans:
        rest = scaled[a:b] @ scaled[a:b].T + variances.own[1] + np.diag(1 / curvature[a:b])
        rest += variances.own[0] * (problem.style[a:b, None] == problem.style[a:b])
        factor = cholesky(rest, lower=True, check_finite=False)
        solved = cho_solve((factor, True), np.column_stack([problem.c[a:b], residual[a:b]]), check_finite=False)
        said = problem.c[a:b].T @ solved
        moments.append((said[:, :-1], said[:, -1]))
    precision, mean = np.stack([m[0] for m in moments]), np.stack([m[1] for m in moments])
    together = variances.together
    for _ in range(EM_STEPS):
        covariance = np.linalg.inv(np.linalg.inv(together) + precision)
        guess = np.einsum("gij,gj->gi", covariance, mean)
        total = guess.T @ guess + covariance.sum(axis=0)
        together = (TOGETHER * anchor.together + total) / (TOGETHER + len(spans))
    return (together + together.T) / 2


def _update(
    old: np.ndarray, anchor: np.ndarray, sets: np.ndarray, square: np.ndarray, known: np.ndarray, strength: float
) -> np.ndarray:
    new = old.copy()
    for number in np.unique(sets[sets >= 0]):
        members = sets == number
        start = float(anchor[members].mean())
        new[members] = max(FLOOR, (strength * start + square[members].sum()) / (strength + known[members].sum()))
    return new
