"""The story in words and one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.selectors import kpis
from hairme.common.charts import LineChart, Series
from recommendations.selectors import SCORER

from ..models import Alert, DriftReport, Experiment, ExperimentLook, ExperimentTransition, ModelTransition, TrainingRun
from ..selectors import story as reads
from ..selectors.experiments import EXPOSED
from ..selectors.story import Happened
from .drift_figures import KIND_NAMES

WIDEST = 2.0  # bounds of a lift that are still worth writing down
LINES = 5  # versions that are drawn; more cannot be told apart
CHAMPIONS = (ModelTransition.Kind.PROMOTE, ModelTransition.Kind.ROLLBACK)


@dataclass(frozen=True)
class Item:
    """One line of the timeline. ``tone``: good, bad, or "" for what only has to be known."""

    at: datetime
    kind: str
    title: str
    detail: str
    url: str
    tone: str = ""
    by: str = ""


@dataclass(frozen=True)
class Mark:
    """``number`` stands in the picture, the rest beneath it."""

    number: int
    move: ModelTransition


def item(event: Happened) -> Item:
    makers: dict[str, Callable[..., Item]] = {
        reads.RUN: _run,
        reads.MOVE: _move,
        reads.EXPERIMENT: _experiment,
        reads.LOOK: _look,
        reads.DRIFT: _drift,
        reads.ALERT: _alert,
        reads.RESOLVED: _resolved,
    }
    return makers[event.kind](event.row, event.at)


def _run(run: TrainingRun, at: datetime) -> Item:
    tone = {TrainingRun.State.ACCEPTED: "good", TrainingRun.State.FAILED: "bad"}.get(TrainingRun.State(run.state), "")
    title = _("Run %(number)s: %(state)s") % {"number": run.pk, "state": run.get_state_display()}
    by = _("started by: %(trigger)s") % {"trigger": run.get_trigger_display()}
    return Item(at, _("Training"), title, run.verdict, reverse("staff-run", args=[run.pk]), tone, by)


def _move(move: ModelTransition, at: datetime) -> Item:
    version = move.after or move.before
    tones = {
        ModelTransition.Kind.PROMOTE: "good",
        ModelTransition.Kind.ROLLBACK: "bad",
        ModelTransition.Kind.REJECT: "bad",
        ModelTransition.Kind.DAMAGE: "bad",
    }
    title = f"{version.version if version else move.name}: {move.get_kind_display()}"
    url = reverse("staff-model", args=[move.name])
    url = f"{url}?version={version.version}" if version else url
    return Item(at, _("Model"), title, move.reason, url, tones.get(ModelTransition.Kind(move.kind), ""), move.actor)


def _experiment(step: ExperimentTransition, at: datetime) -> Item:
    tones = {Experiment.Decision.PROMOTE: "good", Experiment.Decision.ROLLBACK: "bad", Experiment.State.KILLED: "bad"}
    title = f"{step.experiment.key}: {state_words(step.after)}"
    url = reverse("staff-experiment", args=[step.experiment.key])
    return Item(at, _("Experiment"), title, step.reason, url, tones.get(step.after, ""), step.actor)  # type: ignore[call-overload]


def state_words(word: str) -> str:
    """What an experiment's transition ended in, in the active language."""
    if word.startswith(EXPOSED):
        return _("%(share)s of the people") % {"share": f"{float(word.removeprefix(EXPOSED)):.0%}"}
    names = {str(value): str(name) for value, name in [*Experiment.State.choices, *Experiment.Decision.choices]}
    return names.get(word, word)


def _look(look: ExperimentLook, at: datetime) -> Item:
    compared = [_lift(found) for found in look.results.get("comparisons", ())]
    title = _("Day %(day)s of %(experiment)s: %(decision)s") % {
        "day": look.day,
        "experiment": look.experiment.key,
        "decision": look.get_decision_display(),
    }
    return Item(at, _("Look"), title, ", ".join(compared), reverse("staff-experiment", args=[look.experiment.key]))


def _lift(found: dict[str, Any]) -> str:
    """The lift, with its bounds where they say more than that nothing is known yet."""
    text = f"{found['arm']} {found['lift']:+.0%}"
    return f"{text} ({found['low']:+.0%} … {found['high']:+.0%})" if found["high"] - found["low"] < WIDEST else text


def _drift(report: DriftReport, at: datetime) -> Item:
    tone = "bad" if report.status == DriftReport.Status.ALERT else ""
    detail = _("%(rows)s people in the week, %(reference)s in the reference") % {
        "rows": report.window_rows,
        "reference": report.reference_rows,
    }
    return Item(at, _("Drift"), report.get_status_display(), detail, reverse("staff-drift"), tone)


def _alert(alert: Alert, at: datetime) -> Item:
    seen = _("seen %(count)s times") % {"count": alert.count}
    started = _("started run %(number)s") % {"number": alert.run_id} if alert.run_id else ""
    title = f"{KIND_NAMES.get(alert.kind, alert.kind)}: {alert.get_severity_display()}"
    tone = "bad" if alert.severity == Alert.Severity.CRITICAL else ""
    return Item(at, _("Alert"), title, ", ".join(filter(None, (seen, started))), reverse("staff-alerts"), tone)


def _resolved(alert: Alert, at: datetime) -> Item:
    title = f"{KIND_NAMES.get(alert.kind, alert.kind)}: {Alert.State.RESOLVED.label}"
    return Item(at, _("Alert"), title, "", reverse("staff-alerts"), "good")


def by_day(items: Sequence[Item]) -> list[tuple[date, list[Item]]]:
    days: dict[date, list[Item]] = {}
    for line in items:
        days.setdefault(timezone.localtime(line.at).date(), []).append(line)
    return list(days.items())


def like_chart(since: datetime) -> tuple[LineChart, list[Mark]]:
    """Like rates by day of the versions with most reactions, with 95 % Wilson intervals; a numbered mark for every new champion."""
    first = timezone.localtime(since).date()
    days = (timezone.localtime().date() - first).days + 1
    texts = {float(n): f"{first + timedelta(days=n):%m-%d}" for n in range(days)}
    most = sorted(kpis.daily("version", since).values(), key=lambda found: -sum(group.reactions for group in found.values()))
    series = []
    for found in most[:LINES]:
        known = [(float((day - first).days), group) for day, group in found.items() if group.reactions]
        if known:
            name = known[0][1].label.removeprefix(f"{SCORER}@")
            series.append(Series(name, [(x, g.like_rate) for x, g in known], [(x, *g.like_interval) for x, g in known]))
    moves = [move for move in reads.moves(SCORER)[: reads.MOST] if move.kind in CHAMPIONS and move.at >= since]
    marks = [Mark(number, move) for number, move in enumerate(reversed(moves), start=1)]
    places = [((timezone.localtime(mark.move.at).date() - first).days, str(mark.number)) for mark in marks]
    chart = LineChart(
        _("Like rate by model version"),
        _("day"),
        _("like rate"),
        series,
        percent=True,
        x_texts=texts if series else {},
        moments=[(float(x), name) for x, name in places],
    )
    return chart, marks
