"""How often the checks cry wolf on a quiet site, and how soon they see a planted drift: the checks themselves, on a simulated site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from scipy.stats import chi2

from .compare import Baseline
from .findings import ALERT, OK, TOO_FEW, Finding, Rules, worst
from .periods import REFERENCE_WEEKS
from .simulated_site import DAY, DRIFTS, Data, Drift, simulate, style_space

REFERENCE_DAYS: Final = 7 * REFERENCE_WEEKS
FIRST_DAY: Final = REFERENCE_DAYS + 7  # the first window after the reference ends here
SITE_DAYS: Final = 100  # checked per simulated site; then another one with another reference
PATIENCE_DAYS: Final = 9  # after which a drift counts as missed: two days after the window holds nothing else
STEADY_DAYS: Final = 1.0  # without a finding, after which an alert is over


def calibrate(
    *, days: int, rows_per_day: int, runs: int, looks_per_day: int, seed: int, rules: Rules | None = None
) -> dict[str, Any]:
    """False alarms over ``days`` quiet days and delays of ``runs`` plantings of each drift, all numbers as they are printed."""
    rules = rules or Rules()
    return {
        "rules": asdict(rules),
        "rows_per_day": rows_per_day,
        "looks_per_day": looks_per_day,
        "seed": seed,
        "quiet": _quiet(days, rows_per_day, looks_per_day, seed, rules),
        "planted": [
            _planted(what, kind, size, runs, rows_per_day, looks_per_day, [seed, 1, i, j], rules)
            for i, (what, (kind, sizes)) in enumerate(DRIFTS.items())
            for j, size in enumerate(sizes)
        ],
    }


def looks(data: Data, rules: Rules, first: float, last: float, per_day: int) -> Iterator[tuple[float, list[Finding]]]:
    """(time in days, findings) of every look after ``first`` and up to ``last``; the reference is the first four weeks."""
    baseline = Baseline(data.between(0, REFERENCE_DAYS * DAY), style_space(), rules)
    for step in range(1, round((last - first) * per_day) + 1):
        end = first + step / per_day
        yield end, baseline.compare(data.between((end - 7) * DAY, end * DAY))


def _quiet(days: int, rows_per_day: int, per_day: int, seed: int, rules: Rules) -> dict[str, Any]:
    opened: Counter[str] = Counter()
    for site, start in enumerate(range(0, days, SITE_DAYS)):
        span = min(SITE_DAYS, days - start)
        data = simulate(FIRST_DAY + span, rows_per_day, np.random.default_rng([seed, 0, site]))
        seen: dict[str, float] = {}
        for at, findings in looks(data, rules, FIRST_DAY, FIRST_DAY + span, per_day):
            for kind, status in _bad(findings).items():
                if at - seen.get(kind, -np.inf) > STEADY_DAYS:
                    opened[kind] += 1
                    opened["critical"] += status == ALERT
                seen[kind] = at
    alarms = sum(count for kind, count in opened.items() if kind != "critical")
    low, high = _poisson_interval(alarms)
    scale = 1000 / days
    return {
        "days": days,
        "alarms": alarms,
        "per_1000_days": alarms * scale,
        "interval_95": [low * scale, high * scale],
        "critical": opened.pop("critical", 0),
        "by_kind": dict(sorted(opened.items())),
    }


def _planted(
    what: str, kind: str, size: float, runs: int, rows_per_day: int, per_day: int, seed: list[int], rules: Rules
) -> dict[str, Any]:
    delays, critical = [], 0
    for run in range(runs):
        rng = np.random.default_rng([*seed, run])
        data = simulate(FIRST_DAY + PATIENCE_DAYS, rows_per_day, rng, Drift(what, size, FIRST_DAY))
        told = [
            (at - FIRST_DAY, status)
            for at, findings in _until_critical(data, rules, kind, per_day)
            if (status := _bad(findings).get(kind))
        ]
        delays.append(told[0][0] if told else np.inf)
        critical += any(status == ALERT for _at, status in told)
    median, late = (float(np.quantile(delays, q, method="higher")) for q in (0.5, 0.95))
    return {
        "drift": what,
        "size": size,
        "runs": runs,
        "detected": float(np.mean(np.isfinite(delays))),
        "critical": critical / runs,
        "median_days": round(median, 2) if np.isfinite(median) else None,
        "p95_days": round(late, 2) if np.isfinite(late) else None,
    }


def _until_critical(data: Data, rules: Rules, kind: str, per_day: int) -> Iterator[tuple[float, list[Finding]]]:
    for at, findings in looks(data, rules, FIRST_DAY, FIRST_DAY + PATIENCE_DAYS, per_day):
        yield at, findings
        if _bad(findings).get(kind) == ALERT:
            return


def _bad(findings: list[Finding]) -> dict[str, str]:
    """kind -> the worst status of its findings, of the kinds that are not steady."""
    kinds = {found.kind for found in findings}
    statuses = {kind: worst(found.status for found in findings if found.kind == kind) for kind in sorted(kinds)}
    return {kind: status for kind, status in statuses.items() if status not in (OK, TOO_FEW)}


def _poisson_interval(count: int) -> tuple[float, float]:
    """95 %, exact (Garwood 1936)."""
    return float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0, float(chi2.ppf(0.975, 2 * count + 2)) / 2
