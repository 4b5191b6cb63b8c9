"""What a comparison found, and the rules by which it counts as drift."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from scipy.stats import false_discovery_control

KINDS: Final = ("features", "predictions", "labels", "calibration", "embeddings", "latency", "errors")
OK, WARN, ALERT, TOO_FEW = "ok", "warn", "alert", "too_few"
_LEVELS: Final = (OK, WARN, ALERT)


@dataclass(frozen=True)
class Rules:
    """Each pair: from which effect on it is a warning, and from which an alert. An effect counts only where it is certain (``alpha``)
    and rests on enough: ``people`` in both periods, ``answers`` for rates, ``analyses`` for times and errors.

    ``ks`` are Cohen's small and medium shift of a normal mean (0.2 and 0.5 standard deviations: 2 Phi(d / 2) - 1); ``psi`` the
    customary 0.1 and 0.25. ``like_fall`` is relative, ``calibration`` a difference of like rates at the same score, ``embedding`` in
    standard deviations of a person, ``slower`` a ratio of 95 % quantiles, ``errors`` a difference of shares.
    """

    alpha: float = 1e-4
    people: int = 100
    answers: int = 100
    analyses: int = 50
    psi: tuple[float, float] = (0.1, 0.25)
    ks: tuple[float, float] = (0.08, 0.2)
    like_fall: tuple[float, float] = (0.1, 0.2)
    calibration: tuple[float, float] = (0.05, 0.1)
    embedding: tuple[float, float] = (0.2, 0.5)
    slower: tuple[float, float] = (1.5, 3.0)
    errors: tuple[float, float] = (0.02, 0.1)


@dataclass(frozen=True)
class Finding:
    """One feature of one kind. ``level`` is how large the effect is (0, 1 warning, 2 alert); ``status`` says whether it counts.

    ``effect``: the figure that ``level`` goes by, where it is none of psi, js and ks. ``bins``: what the comparison is drawn from.
    """

    feature: str
    kind: str
    n: int
    n_reference: int
    p: float = 1.0
    level: int = 0
    psi: float | None = None
    js: float | None = None
    ks: float | None = None
    effect: float | None = None
    bins: dict[str, Any] = field(default_factory=dict)
    status: str = OK

    def to_json(self) -> dict[str, Any]:
        figures = asdict(self)
        for name in ("p", "psi", "js", "ks", "effect"):
            value = figures[name]
            figures[name] = float(f"{value:.5g}") if value is not None and np.isfinite(value) else None
        return figures


def level(value: float, limits: tuple[float, float]) -> int:
    return int(value >= limits[0]) + int(value >= limits[1])


def judge(findings: Sequence[Finding], alpha: float) -> list[Finding]:
    """Status of each. Within a kind the p-values are corrected together (Benjamini and Yekutieli 2001, any dependence): where nothing
    has drifted, that bounds the probability of any finding of the kind at ``alpha`` a look."""
    certain: dict[tuple[str, str], bool] = {}
    for kind in KINDS:
        tested = [found for found in findings if found.kind == kind and found.status != TOO_FEW]
        if tested:
            adjusted = false_discovery_control([found.p for found in tested], method="by")
            certain |= {(kind, found.feature): p <= alpha for found, p in zip(tested, adjusted, strict=True)}
    return [
        found
        if found.status == TOO_FEW
        else replace(found, status=_LEVELS[found.level] if certain[found.kind, found.feature] else OK)
        for found in findings
    ]


def worst(statuses: Iterable[str]) -> str:
    """The report's status: alert before warning before steady; too few only where nothing at all could be said."""
    found = set(statuses)
    return next((status for status in (ALERT, WARN, OK) if status in found), TOO_FEW)
