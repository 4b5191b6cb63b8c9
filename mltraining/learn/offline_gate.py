"""Whether a challenger is let in front of people: it must beat the champion on reactions that neither was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .hold_out import MOST_WEIGHT, Predictions, auc, interval_of, interval_of_mean, log_losses, people_of

LEVEL: Final = 0.90
#: Fewer than these and a bound says nothing that could be relied on.
LEAST_ROWS: Final = 50
LEAST_PEOPLE: Final = 20
LEAST_OF_EACH: Final = 10

BETTER, UNPROVEN, WORSE, TOO_FEW = "better", "unproven", "worse", "too_few"


@dataclass(frozen=True)
class Gate:
    """``outcome``: better, unproven, worse or too_few; ``figures`` are JSON."""

    outcome: str
    reason: str
    figures: Mapping[str, Any]


def judge(
    champion: Predictions, challenger: Predictions, liked: np.ndarray, unit: np.ndarray, propensity: np.ndarray, cold: np.ndarray
) -> Gate:
    """All (n,), of the same hold-out rows. ``cold``: whose person was never heard of in the training part.

    Better: the lower 90 % bound of the saved log loss lies above 0. Worse: its upper bound lies below 0.
    """
    rows, people = len(liked), people_of(unit)
    likes = int(liked.sum())
    figures: dict[str, Any] = {"rows": rows, "people": len(people), "likes": likes, "level": LEVEL}
    if rows and people:
        figures |= _figures(champion, challenger, liked, people, propensity, cold)
    least = (rows, LEAST_ROWS), (len(people), LEAST_PEOPLE), (min(likes, rows - likes), LEAST_OF_EACH)
    if any(there < needed for there, needed in least):
        return Gate(
            TOO_FEW,
            f"The hold-out has {rows} reactions of {len(people)} people ({likes} likes): too few to tell. It takes {LEAST_ROWS} of "
            f"{LEAST_PEOPLE}, with {LEAST_OF_EACH} likes and dislikes each.",
            figures,
        )
    saved: float = figures["saved"]
    low, high = figures["saved_interval"]
    said = f"saves {saved:+.4f} nats of log loss per reaction (90 % {low:+.4f} to {high:+.4f}) on {rows} reactions of {len(people)} people"
    if low > 0:
        return Gate(BETTER, f"Better than the champion: {said}.", figures)
    if high < 0:
        return Gate(WORSE, f"Worse than the champion: {said}.", figures)
    return Gate(UNPROVEN, f"Not shown to be better than the champion: {said}.", figures)


def _figures(
    champion: Predictions,
    challenger: Predictions,
    liked: np.ndarray,
    people: list[np.ndarray],
    propensity: np.ndarray,
    cold: np.ndarray,
) -> dict[str, Any]:
    losses = [log_losses(side.chances, liked) for side in (champion, challenger)]
    saved = losses[0] - losses[1]
    weights = np.minimum(1 / propensity, MOST_WEIGHT)

    def auc_gain(rows: np.ndarray) -> float:
        return auc(challenger.scores[rows], liked[rows]) - auc(champion.scores[rows], liked[rows])

    return {
        "like_rate": float(liked.mean()),
        "log_loss": {"champion": float(losses[0].mean()), "challenger": float(losses[1].mean())},
        "auc": {"champion": _number(auc(champion.scores, liked)), "challenger": _number(auc(challenger.scores, liked))},
        "saved": float(saved.mean()),
        "saved_interval": list(interval_of_mean(saved, people, LEVEL)),
        "saved_by_propensity": float((saved * weights).sum() / weights.sum()),
        "saved_by_propensity_interval": list(interval_of_mean(saved, people, LEVEL, weights)),
        "auc_gain": _number(auc_gain(np.arange(len(liked)))),
        "auc_gain_interval": [_number(bound) for bound in interval_of(auc_gain, people, LEVEL)],
        "saved_cold": float(saved[cold].mean()) if cold.any() else None,
        "saved_warm": float(saved[~cold].mean()) if (~cold).any() else None,
        "cold_rows": int(cold.sum()),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
