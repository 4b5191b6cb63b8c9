from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from feedback.selectors import kpis
from hairme.common.staff import add_page, staff_only, staff_page

from ..models import Alert, DriftReport
from ..monitoring.findings import KINDS
from ..selectors import monitoring as reads
from ..services import alerts as service
from . import drift_figures as drawn

HISTORY = 240  # latest reports that lines are drawn from
POINTS = 60  # of one line
LATE = timedelta(hours=3)  # a report should come every hour
PER_PAGE = 20


@staff_only
@require_safe
def drift(request: HttpRequest) -> HttpResponse:
    """The latest report, and how it came to that."""
    history = _history()
    report = history[-1] if history else None
    kinds = (
        [{"key": kind, "name": drawn.KIND_NAMES[kind], "rows": _rows(kind, report, history)} for kind in KINDS] if report else []
    )
    context = {
        "report": report,
        "is_late": report is not None and timezone.now() - report.created_at > LATE,
        "unresolved": reads.open_by_severity(),
        "kinds": kinds,
        "chart": drawn.worst_chart(history),
        "versions": kpis.groups("version", report.window_start) if report else [],
    }
    return staff_page(request, "staff/drift.html", context, here="staff-drift")


@staff_only
@require_safe
def feature(request: HttpRequest, name: str) -> HttpResponse:
    """One feature: its reference and its window, and its figures over the last reports."""
    history = _history()
    row = next((row for row in history[-1].results if row["feature"] == name), None) if history else None
    if row is None:
        raise Http404(name)
    context = {
        "report": history[-1],
        "row": _named(row),
        "kind": drawn.KIND_NAMES[row["kind"]],
        "histogram": drawn.histogram(row["bins"]),
        "reliability": drawn.reliability_chart(row["bins"]),
        "chart": drawn.history_chart(name, history),
        "rates": [
            (label, row["bins"].get(key)) for key, label in (("reference_rate", _("reference")), ("window_rate", _("window")))
        ]
        if "reference_rate" in row["bins"]
        else [],
    }
    return staff_page(request, "staff/drift_feature.html", context, here="staff-drift")


@staff_only
@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    found = reads.alerts().filter(state=Alert.State.RESOLVED)
    context = {
        "unresolved": [_shown(alert) for alert in reads.unresolved()],
        "resolved": (page := Paginator(found, PER_PAGE).get_page(request.GET.get("page"))),
        "resolved_rows": [_shown(alert) for alert in page],
        "may_handle": request.user.has_perm("mltraining.change_alert"),
    }
    return staff_page(request, "staff/alerts.html", context, here="staff-alerts")


@staff_only
@require_POST
def acknowledge(request: HttpRequest, number: int) -> HttpResponse:
    if service.acknowledge(_known(request, number), user=request.user):
        messages.success(request, _("Marked as seen: it is not told again unless it gets worse."))
    return redirect("staff-alerts")


@staff_only
@require_POST
def resolve(request: HttpRequest, number: int) -> HttpResponse:
    if service.resolve(_known(request, number), user=request.user):
        messages.success(request, _("Resolved. If it is found again, another alert opens."))
    return redirect("staff-alerts")


@staff_only
@require_safe
def runbook(request: HttpRequest, kind: str) -> HttpResponse:
    """What to do about an alert, as it is written in the docs."""
    file = settings.BASE_DIR / service.RUNBOOKS / f"{kind}.md"
    if kind not in drawn.KIND_NAMES or not file.is_file():
        raise Http404(kind)
    title, _line, text = file.read_text(encoding="utf-8").partition("\n")
    context = {"title": title.lstrip("# "), "text": text.strip(), "kind": drawn.KIND_NAMES[kind]}
    return staff_page(request, "staff/runbook.html", context, here="staff-alerts")


def _history() -> list[DriftReport]:
    """The last reports, oldest first, thinned evenly; the latest is always among them."""
    last = list(reads.reports()[:HISTORY])
    return last[:: max(1, -(-len(last) // POINTS))][::-1]


def _rows(kind: str, report: DriftReport, history: list[DriftReport]) -> list[dict[str, Any]]:
    before: dict[str, list[float]] = {}
    for past in history:
        known = {row["feature"]: drawn.main_figure(row) for row in past.results if row["kind"] == kind}
        for row in report.results:
            if row["kind"] == kind:
                before.setdefault(row["feature"], []).append(known.get(row["feature"], float("nan")))
    return [{**_named(row), "spark": drawn.spark(before[row["feature"]])} for row in report.results if row["kind"] == kind]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "status_name": drawn.STATUS_NAMES[row["status"]], "is_bad": row["status"] in ("warn", "alert")}


def _shown(alert: Alert) -> dict[str, Any]:
    details = dict(alert.details)
    return {
        "alert": alert,
        "name": drawn.KIND_NAMES.get(alert.kind, alert.kind),
        "features": [(feature, _figures(found)) for feature, found in sorted(details.pop("features", {}).items())],
        "details": sorted((name, value) for name, value in details.items() if name != "report"),
    }


def _figures(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Three digits say enough; a probability of 80 zeros says no more than one of three."""
    figures = {name: value for name, value in found.items() if name != "status"}
    return [(name, "< 0.001" if name == "p" and value < 0.001 else f"{value:.3g}") for name, value in figures.items()]


def _known(request: HttpRequest, number: int) -> Alert:
    if not request.user.has_perm("mltraining.change_alert"):
        raise PermissionDenied
    return get_object_or_404(Alert, pk=number)


add_page(40, gettext_lazy("Drift"), "staff-drift")
add_page(45, gettext_lazy("Alerts"), "staff-alerts")
urlpatterns: list[URLPattern] = [
    path("drift/", drift, name="staff-drift"),
    path("drift/<str:name>/", feature, name="staff-drift-feature"),
    path("alerts/", alerts, name="staff-alerts"),
    path("alerts/<int:number>/acknowledge/", acknowledge, name="staff-alert-acknowledge"),
    path("alerts/<int:number>/resolve/", resolve, name="staff-alert-resolve"),
    path("runbooks/<slug:kind>/", runbook, name="staff-runbook"),
]
