"""How the site does: satisfaction with its uncertainty, traffic, errors, latency, and how much of the catalogue is shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from hairme.common.charts import LineChart, Series
from hairme.common.staff import add_page, staff_only, staff_page

from ..engine.events import ALL
from ..selectors import kpis
from ..selectors.kpis import Group

PERIODS = (7, 30, 90)
LINES = 5  # of one chart; more cannot be told apart
TOP = 15  # rows of a table
NAMES = {
    "source": gettext_lazy("By source"),
    "version": gettext_lazy("By model version"),
    "arm": gettext_lazy("By experiment arm"),
    "candidate": gettext_lazy("By why it was a candidate"),
    "face_shape": gettext_lazy("By face shape"),
    "style": gettext_lazy("By style"),
}


@staff_only
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """``?days=``: 7, 30 (the default) or 90."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else 30
    since = kpis.period_start(days)
    context = {
        "days": days,
        "periods": PERIODS,
        "total": kpis.total(since),
        "coverage": kpis.coverage(since),
        "charts": _charts(since, days),
        "tables": [(name, kpis.groups(dimension, since)[:TOP]) for dimension, name in NAMES.items()],
        "failures": kpis.failures(since)[:TOP],
    }
    return staff_page(request, "staff/kpis.html", context, here="staff-kpis")


def _charts(since: datetime, days: int) -> list[LineChart]:
    first = timezone.localtime(since).date()
    calendar = [first + timedelta(days=step) for step in range(days)]
    everything = kpis.daily(ALL, since).get(ALL, {})
    return [
        _rates(_("Like rate by source"), kpis.daily("source", since), calendar),
        _rates(_("Like rate by model version"), kpis.daily("version", since), calendar),
        _lines(
            _("Analyses a day"),
            _("analyses"),
            everything,
            calendar,
            {
                _("analyses"): lambda group: float(group.sums.analyses),
                _("errors"): lambda group: float(group.sums.errors),
            },
            without=0.0,
        ),
        _lines(
            _("Time an analysis takes (ms)"),
            _("ms"),
            everything,
            calendar,
            {
                _("half are done in"): lambda group: group.latency_p50,
                _("95 of 100 are done in"): lambda group: group.latency_p95,
            },
        ),
        _lines(
            _("Reactions per recommendation shown"),
            _("share"),
            everything,
            calendar,
            {_("reaction rate"): lambda group: group.reaction_rate},
            percent=True,
        ),
    ]


def _rates(title: str, values: dict[str, dict[date, Group]], calendar: list[date]) -> LineChart:
    """Like rates of the values with most reactions, with 95 % Wilson intervals."""
    most = sorted(values.values(), key=lambda by_day: -sum(group.reactions for group in by_day.values()))[:LINES]
    series = []
    for by_day in most:
        here = [(float(place), by_day[day]) for place, day in enumerate(calendar) if day in by_day]
        if any(group.reactions for _x, group in here):
            points = [(x, group.like_rate) for x, group in here]
            series.append(Series(here[0][1].label, points, [(x, *group.like_interval) for x, group in here]))
    return LineChart(title, _("day"), _("like rate"), series, percent=True, x_texts=_texts(calendar) if series else {})


def _lines(
    title: str,
    y_name: str,
    by_day: dict[date, Group],
    calendar: list[date],
    values: dict[str, Callable[[Group], float]],
    *,
    percent: bool = False,
    without: float = math.nan,
) -> LineChart:
    """``without``: what a day on which nothing happened counts as."""
    series = []
    for name, value in values.items() if by_day else ():
        points = [(float(place), value(by_day[day]) if day in by_day else without) for place, day in enumerate(calendar)]
        series.append(Series(name, points))
    return LineChart(title, _("day"), y_name, series, percent=percent, x_texts=_texts(calendar) if series else {})


def _texts(calendar: list[date]) -> dict[float, str]:
    return {float(place): f"{day.month}/{day.day}" for place, day in enumerate(calendar)}


add_page(60, gettext_lazy("Key figures"), "staff-kpis")
urlpatterns: list[URLPattern] = [path("figures/", figures, name="staff-kpis")]
