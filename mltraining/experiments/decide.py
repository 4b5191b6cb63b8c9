"""What a look says: promote, roll back, go on, or (at the horizon) keep the champion.

Promote: arms are of the promised sizes, enough people, a whole week, a point lift of at least ``min_lift``, an always-valid lower bound
above zero, and every guardrail shown to be no worse than its margin. Roll back: always-valid upper bound below zero and a point
lift of at most ``-min_lift``; or a guardrail worse by an always-valid bound; or arms of the wrong sizes. A bare rule on the point
lift promotes a null effect half the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from . import holm, sequential, srm
from .ratio import Difference, Estimate, Moments, adjusted_ratios, difference, ratio

PROMOTE = "promote_to_production"
ROLLBACK = "rollback"
CONTINUE = "continue_experiment"
KEEP = "keep_champion"


@dataclass(frozen=True)
class Guardrail:
    """A ratio that must not get worse by more than ``margin`` (share of the control's where ``relative``, else absolute)."""

    metric: str
    margin: float
    relative: bool = False
    higher_is_worse: bool = True
    is_share: bool = True  # between 0 and 1: gets a variance even where nobody, or everybody, was counted


@dataclass(frozen=True)
class Rules:
    """Registered before the start. ``arms``: the first is the control. ``tuning``: people (all arms) the bounds are tightest at."""

    arms: tuple[str, ...]
    weights: tuple[float, ...]
    tuning: float
    guardrails: tuple[Guardrail, ...] = ()
    min_lift: float = 0.05
    alpha: float = 0.05
    min_people: int = 200
    min_days: int = 7
    horizon_days: int = 14
    guardrail_alpha: float = 0.01  # of all guardrails and arms together, for rolling back
    srm_alpha: float = 0.001

    @property
    def rho(self) -> float:
        return sequential.rho_for(self.tuning, self.alpha)


@dataclass(frozen=True)
class ArmData:
    """Of the people of one arm. ``metric``: moments of likes, reactions and, where there is a pre-period, the same before the start;
    ``guardrails``: moments of numerator and denominator by name."""

    people: int
    metric: Moments
    guardrails: Mapping[str, Moments] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """One challenger against the control. ``low`` and ``high`` bound the relative lift at every look, at the ``level`` of Holm."""

    arm: str
    lift: float
    low: float
    high: float
    level: float
    p: float
    variance: float
    people: int


@dataclass(frozen=True)
class GuardrailCheck:
    """``change``: in the guardrail's own terms (relative or absolute), positive is worse. ``worst``: always-valid upper bound of it."""

    metric: str
    arm: str
    control: float
    challenger: float
    change: float
    best: float
    worst: float
    margin: float
    is_safe: bool
    is_worse: bool


@dataclass(frozen=True)
class Verdict:
    """``reasons``: words with an optional detail after a colon, for a program to translate."""

    decision: str
    reasons: tuple[str, ...]
    winner: str = ""
    comparisons: tuple[Comparison, ...] = ()
    guardrails: tuple[GuardrailCheck, ...] = ()
    srm_p: float | None = None
    holds: bool = True  # nothing speaks against showing it to more people

    def to_json(self) -> dict[str, Any]:
        """As it reads when it comes back from JSON: lists for tuples."""
        return {
            **asdict(self),
            "reasons": list(self.reasons),
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
            "guardrails": [asdict(check) for check in self.guardrails],
        }


def decide(rules: Rules, arms: Mapping[str, ArmData], day: int, lowest_srm_p: float = 1.0) -> Verdict:
    """Judge what has been seen until the end of ``day`` (1 is the first). ``lowest_srm_p``: of the looks before this one."""
    data = [arms[name] for name in rules.arms]
    srm_p = srm.p_value([arm.people for arm in data], rules.weights)
    if min(lowest_srm_p, 1.0 if srm_p is None else srm_p) < rules.srm_alpha:
        return Verdict(ROLLBACK, ("sample_ratio_mismatch",), srm_p=srm_p, holds=False)
    comparisons = compare(rules, data)
    enough = min(arm.people for arm in data) >= rules.min_people
    checks = check_guardrails(rules, data) if enough else ()
    worse = [check for check in checks if check.is_worse]
    harmful = [c for c in comparisons if c.high < 0 and c.lift <= -rules.min_lift]
    verdict = Verdict(
        CONTINUE,
        (),
        comparisons=comparisons,
        guardrails=checks,
        srm_p=srm_p,
        holds=not worse and not any(c.high < 0 for c in comparisons),
    )
    if enough and worse:
        return _with(verdict, ROLLBACK, tuple(f"guardrail_worse:{check.metric}" for check in worse))
    if enough and harmful and len(harmful) == len(rules.arms) - 1:
        return _with(verdict, ROLLBACK, tuple(f"worse:{c.arm}" for c in harmful))
    why_not = _why_not_promote(rules, comparisons, checks, enough=enough, day=day)
    winners = [c for c in comparisons if not why_not[c.arm]]
    if winners:
        best = max(winners, key=lambda c: c.lift)
        return _with(verdict, PROMOTE, (f"better:{best.arm}",), winner=best.arm)
    reasons = tuple(dict.fromkeys(reason for arm in why_not.values() for reason in arm)) or ("nothing_measured",)
    if day >= rules.horizon_days:
        return _with(verdict, KEEP, ("horizon_reached", *reasons))
    return _with(verdict, CONTINUE, reasons)


def compare(rules: Rules, data: Sequence[ArmData]) -> tuple[Comparison, ...]:
    """Every challenger that can be compared, against the control; bounds at the levels that Holm leaves each."""
    control, *others = adjusted_ratios([arm.metric for arm in data])
    found: list[tuple[str, Difference]] = []
    for name, estimate in zip(rules.arms[1:], others, strict=True):
        gap = difference(control, estimate, relative=True) if control and estimate else None
        if gap and gap.variance > 0:
            found.append((name, gap))
    p_values = [sequential.p_value(gap, rules.rho) for _name, gap in found]
    absent = [1.0] * (len(others) - len(found))  # an arm without data still counts as a comparison
    levels = holm.levels([*p_values, *absent], rules.alpha)
    return tuple(
        Comparison(name, gap.value, *sequential.bounds(gap, level, rules.rho), level, p, gap.variance, gap.n)
        for (name, gap), p, level in zip(found, p_values, levels, strict=False)
    )


def check_guardrails(rules: Rules, data: Sequence[ArmData]) -> tuple[GuardrailCheck, ...]:
    """Safe: the always-valid bound at ``alpha`` is within the margin. Worse: the bound at ``guardrail_alpha``, shared among all
    guardrails and arms, is beyond zero."""
    checks = []
    strict_level = rules.guardrail_alpha / max(1, len(rules.guardrails) * (len(rules.arms) - 1))
    for guardrail in rules.guardrails:
        control = _guarded(data[0], guardrail)
        for name, arm in zip(rules.arms[1:], data[1:], strict=True):
            challenger = _guarded(arm, guardrail)
            gap = difference(control, challenger, relative=guardrail.relative) if control and challenger else None
            if control is None or challenger is None or gap is None:
                continue
            sign = 1 if guardrail.higher_is_worse else -1
            harm = Difference(sign * gap.value, gap.variance, gap.n)
            _low, worst = sequential.bounds(harm, rules.alpha, rules.rho)
            best, _high = sequential.bounds(harm, strict_level, rules.rho)
            checks.append(
                GuardrailCheck(
                    guardrail.metric,
                    name,
                    control.value,
                    challenger.value,
                    harm.value,
                    best,
                    worst,
                    guardrail.margin,
                    is_safe=worst <= guardrail.margin,
                    is_worse=best > 0,
                )
            )
    return tuple(checks)


def _guarded(arm: ArmData, guardrail: Guardrail) -> Estimate | None:
    moments = arm.guardrails.get(guardrail.metric)
    estimate = ratio(moments) if moments is not None else None
    if estimate is None or moments is None or not guardrail.is_share or 0 < estimate.value < 1:
        return estimate
    # nothing (or all) counted yet: the variance of a share by Laplace's rule of succession, not zero
    count = float(moments.sums[1])
    share = (float(moments.sums[0]) + 1) / (count + 2)
    return Estimate(estimate.value, share * (1 - share) / (count + 2), estimate.n)


def _why_not_promote(
    rules: Rules, comparisons: Sequence[Comparison], checks: Sequence[GuardrailCheck], *, enough: bool, day: int
) -> dict[str, list[str]]:
    """By arm, what stands against promoting it; empty: nothing."""
    against: dict[str, list[str]] = {}
    for comparison in comparisons:
        reasons = [] if enough else ["too_few_people"]
        if day < rules.min_days:
            reasons.append("too_few_days")
        if comparison.lift < rules.min_lift:
            reasons.append("lift_too_small")
        if comparison.low <= 0:
            reasons.append("not_certain")
        safe = {check.metric for check in checks if check.arm == comparison.arm and check.is_safe}
        reasons += [f"guardrail_open:{g.metric}" for g in rules.guardrails if g.metric not in safe]
        against[comparison.arm] = reasons
    return against


def _with(verdict: Verdict, decision: str, reasons: tuple[str, ...], winner: str = "") -> Verdict:
    return Verdict(
        decision, reasons, winner, verdict.comparisons, verdict.guardrails, verdict.srm_p, verdict.holds and decision != ROLLBACK
    )
