"""What the site has learned and what became of it, in order of time: the rows of every part of the loop side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Min
from django.utils import timezone

from feedback.models import WindowAggregate

from ..models import Alert, DriftReport, ExperimentLook, ExperimentTransition, ModelTransition, TrainingRun

MOST: Final = 500  # of each table; older ones are on the tables' own pages
SHIPPED: Final = "code"  # actor of what came with an installation
LONGEST: Final = timedelta(days=120)  # that the chart goes back

RUN, MOVE, EXPERIMENT, LOOK, DRIFT, ALERT, RESOLVED = "run", "move", "experiment", "look", "drift", "alert", "resolved"


@dataclass(frozen=True)
class Happened:
    """``row``: the row that says so, of the table that ``kind`` is about."""

    at: datetime
    kind: str
    row: Any


def happened() -> list[Happened]:
    """The latest first. Drift reports are in it where their status changed, what ships with the code is not."""
    found = [Happened(run.finished_at or run.created_at, RUN, run) for run in _runs()]
    found += [Happened(move.at, MOVE, move) for move in moves()[:MOST]]
    transitions = ExperimentTransition.objects.select_related("experiment").order_by("-at", "-pk")
    found += [Happened(step.at, EXPERIMENT, step) for step in transitions[:MOST]]
    found += [
        Happened(look.at, LOOK, look) for look in ExperimentLook.objects.select_related("experiment").order_by("-at")[:MOST]
    ]
    found += _changes_of_drift()
    for alert in Alert.objects.select_related("run").order_by("-last_at")[:MOST]:
        found.append(Happened(alert.first_at, ALERT, alert))
        if alert.resolved_at:
            found.append(Happened(alert.resolved_at, RESOLVED, alert))
    return sorted(found, key=lambda event: event.at, reverse=True)


def moves(name: str = "") -> Any:
    """Moves of aliases, the latest first; of one model where it is named."""
    found = ModelTransition.objects.exclude(actor=SHIPPED).select_related("before", "after").order_by("-at", "-pk")
    return found.filter(name=name) if name else found


def began(now: datetime | None = None) -> datetime | None:
    """When the first event was summed, ``LONGEST`` ago at most; None where nothing has happened."""
    first = WindowAggregate.objects.aggregate(at=Min("window"))["at"]
    return max(first, (now or timezone.now()) - LONGEST) if first else None


def _runs() -> list[TrainingRun]:
    return list(TrainingRun.objects.select_related("version", "snapshot").order_by("-pk")[:MOST])


def _changes_of_drift() -> list[Happened]:
    changes, before = [], ""
    for report in reversed(DriftReport.objects.defer("results").order_by("-window_end", "-pk")[:MOST]):
        if report.status != before:
            changes.append(Happened(report.created_at, DRIFT, report))
        before = report.status
    return changes
