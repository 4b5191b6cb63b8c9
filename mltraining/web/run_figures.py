"""What the page of a run draws: stages, curves, the data set, the checks and the gate."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hairme.common.charts import LineChart, Series

from ..models import TrainingRun

STAGES = {
    "snapshot": gettext_lazy("Data"),
    "backup": gettext_lazy("Backup"),
    "train": gettext_lazy("Training"),
    "test": gettext_lazy("Checks"),
    "gate": gettext_lazy("Gate"),
    "register": gettext_lazy("Verdict"),
}
CHECKS = {
    "not_numbers": gettext_lazy("Answers that are no number"),
    "outside_0_to_100": gettext_lazy("Answers outside 0 to 100"),
    "spread": gettext_lazy("Spread of a face's scores (points)"),
    "psi_against_parent": gettext_lazy("Shift of the scores against the parent (PSI)"),
    "replay_difference": gettext_lazy("Difference when loaded again (points)"),
    "catalogue_ms": gettext_lazy("Time for the whole catalogue (ms)"),
    "megabytes": gettext_lazy("Size (MB)"),
    "golden_replay": gettext_lazy("Golden answers that differ"),
}
AT_LEAST = ("spread",)
OUTCOMES = {
    "better": gettext_lazy("better than the champion"),
    "unproven": gettext_lazy("not shown to be better"),
    "worse": gettext_lazy("worse than the champion"),
    "too_few": gettext_lazy("too few reactions to tell"),
}


def live(run: TrainingRun) -> dict[str, Any]:
    """What moves while it runs. ``seen`` changes exactly when something else is to be drawn."""
    names = list(STAGES)
    at = names.index(run.stage) if run.stage in names else len(names) if run.stage == "done" else -1
    return {
        "run": run,
        "stages": [
            {"name": STAGES[name], "is_past": number < at, "is_now": number == at and not run.is_final}
            for number, name in enumerate(names)
        ],
        "chart": curves(run),
        "share": min(100, round(100 * run.epoch / run.epochs)) if run.epochs else 0,
        "seen": f"{run.state}-{run.stage}-{run.epoch}-{len(run.curves)}",
    }


def curves(run: TrainingRun) -> LineChart:
    def line(name: str, key: str) -> Series:
        points = [(float(row["epoch"]), float("nan") if row.get(key) is None else float(row[key])) for row in run.curves]
        return Series(name, points)

    series = [line(_("training"), "train")]
    if any(row.get("valid") is not None for row in run.curves):
        series.append(line(_("validation"), "valid"))
    return LineChart(_("Loss by epoch"), _("epoch"), _("loss"), series if run.curves else [])


def gate_rows(run: TrainingRun) -> dict[str, Any] | None:
    """None before the gate."""
    gate = run.metrics.get("gate")
    if not gate:
        return None
    rows: list[dict[str, str]] = []
    if "log_loss" in gate:
        rows = [
            _row(_("Log loss saved per reaction (nats)"), gate["log_loss"], gate["saved"], gate["saved_interval"]),
            _row(
                _("The same, unlikely impressions counting more"),
                {},
                gate["saved_by_propensity"],
                gate["saved_by_propensity_interval"],
            ),
            _row(
                _("Chance that a like is ranked above a dislike (AUC)"), gate["auc"], gate["auc_gain"], gate["auc_gain_interval"]
            ),
            _row(_("Log loss saved, people without a past"), {}, gate["saved_cold"], None),
            _row(_("Log loss saved, people with a past"), {}, gate["saved_warm"], None),
        ]
    return {
        "outcome": OUTCOMES.get(gate["outcome"], gate["outcome"]),
        "is_good": gate["outcome"] == "better",
        "rows": rows,
        "reactions": gate["rows"],
        "people": gate["people"],
        "likes": gate["likes"],
    }


def check_rows(run: TrainingRun) -> list[dict[str, Any]]:
    return [
        {
            "name": CHECKS.get(check["name"], check["name"]),
            "value": f"{check['value']:.3g}",
            "limit": f"{'≥' if check['name'] in AT_LEAST else '≤'} {check['limit']:.3g}",
            "passed": check["passed"],
        }
        for check in run.metrics.get("sanity", [])
    ]


def data_figures(run: TrainingRun) -> dict[str, Any] | None:
    snapshot = run.snapshot
    if snapshot is None:
        return None
    details = snapshot.details
    return {
        "hash": snapshot.content_hash,
        "first": datetime.fromisoformat(details["first"]) if details["first"] else None,
        "last": datetime.fromisoformat(details["last"]) if details["last"] else None,
        "like_rate": _percent(details["like_rate"]),
        "sources": [
            {"name": name, "count": details["reactions_by_source"][name], "like_rate": _percent(rate)}
            for name, rate in sorted(details["like_rate_by_source"].items())
        ],
        "synthetic_by": details["synthetic_by"],
        "share": f"{snapshot.synthetic_share:.0%}",
        "left_out": sum(details["left_out"].values()),
    }


def param_rows(run: TrainingRun) -> list[tuple[str, Any]]:
    card = run.version.card.get("params", {}) if run.version else {}
    return sorted((key, value) for key, value in {**run.params, **card}.items() if not isinstance(value, (dict, list)))


def _row(name: str, sides: dict[str, float | None], gain: float | None, interval: list[float | None] | None) -> dict[str, str]:
    return {
        "name": name,
        "champion": _number(sides.get("champion")),
        "challenger": _number(sides.get("challenger")),
        "gain": _number(gain, signed=True),
        "interval": "–" if not interval or None in interval else f"{interval[0]:+.4f} … {interval[1]:+.4f}",
    }


def _number(value: float | None, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.4f}" if signed else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
