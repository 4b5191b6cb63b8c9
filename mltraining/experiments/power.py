"""Before the start: how many people, how many days, how small a lift could be seen.

Two shares, two-sided test (Fleiss, Levin and Paik 2003, section 4.2); several reactions of one person are alike by the intraclass
correlation, which multiplies the variance by 1 + ((1 + cv^2) m - 1) icc (Kish 1965; Eldridge, Ashby and Kerry 2006 for unequal m).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import ndtri

from .sequential import multiplier, rho_for


@dataclass(frozen=True)
class Traffic:
    """What people bring: ``reactions`` per person (mean m), their coefficient of variation ``cv``, how alike they are ``icc``."""

    reactions: float = 1.0
    cv: float = 0.0
    icc: float = 0.0

    @property
    def inflation(self) -> float:
        """By how much the variance is larger than with independent reactions."""
        return max(1.0, 1 + ((1 + self.cv**2) * self.reactions - 1) * self.icc)


def people_per_arm(base: float, lift: float, *, alpha: float = 0.05, power: float = 0.8, traffic: Traffic = Traffic()) -> int:
    """People in each of two arms so that a relative ``lift`` over the ``base`` rate is found, looking once at the end.

    Raises ValueError where a rate would leave (0, 1) or the lift is zero.
    """
    other = _other(base, lift)
    middle = (base + other) / 2
    reach = -ndtri(alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    reach += ndtri(power) * math.sqrt(base * (1 - base) + other * (1 - other))
    return math.ceil((reach / (other - base)) ** 2 * traffic.inflation / traffic.reactions)


def people_per_arm_always_valid(
    base: float, lift: float, *, tuned_for: float, alpha: float = 0.05, power: float = 0.8, traffic: Traffic = Traffic()
) -> int:
    """The same where bounds hold at every look, and the last look decides. ``tuned_for``: people of both arms (sequential.rho_for)."""
    other = _other(base, lift)
    spread = (base * (1 - base) + other * (1 - other)) * traffic.inflation / traffic.reactions
    rho = rho_for(tuned_for, alpha)

    def short_of(people: float) -> float:
        return abs(other - base) - (multiplier(int(2 * people), alpha, rho) + ndtri(power)) * math.sqrt(spread / people)

    return math.ceil(brentq(short_of, 2, 1e12, xtol=0.5))


def smallest_lift(
    base: float, people: int, *, alpha: float = 0.05, power: float = 0.8, traffic: Traffic = Traffic()
) -> float | None:
    """The smallest relative lift that ``people`` per arm find; None where not even doubling, or reaching 100 %, would be found."""
    most = min(1.0, (1 - base) / base - 1e-6)
    if people_per_arm(base, most, alpha=alpha, power=power, traffic=traffic) > people:
        return None
    found = brentq(
        lambda lift: people_per_arm(base, lift, alpha=alpha, power=power, traffic=traffic) - people, 1e-6, most, xtol=1e-6
    )
    return float(found)


def days(people: int, per_day_and_arm: float) -> int:
    """Days until each arm has its people, where the same number of new ones comes every day."""
    return math.ceil(people / per_day_and_arm)


def _other(base: float, lift: float) -> float:
    other = base * (1 + lift)
    if not (0 < base < 1 and 0 < other < 1) or lift == 0:
        raise ValueError("rates lie between 0 and 1, and a lift is not 0")
    return other
