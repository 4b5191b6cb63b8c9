"""Several comparisons at once: Holm's step-down procedure (Holm 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """p-values that may be compared with the error rate of the whole family, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    result = [0.0] * len(p_values)
    highest = 0.0
    for step, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[i]))
        result[i] = highest
    return result


def levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """The level at which each comparison's own bounds are drawn: alpha / m for the strongest, then alpha / (m - 1) while the ones
    before it were significant; after the first that is not, its level stays for the rest."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    result = [alpha] * len(p_values)
    left = len(p_values)
    for i in order:
        result[i] = alpha / left
        if p_values[i] <= alpha / left and left > 1:
            left -= 1
    return result
