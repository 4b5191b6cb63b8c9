"""How the site does, read from the hourly sums: by source, model version, style, face shape or arm; in total and by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone
from django.utils.translation import gettext as _

from hairme.common.models import OutboxEvent
from recommendations.engine.vocabulary import FACE_SHAPES
from recommendations.models import Recommendation, Style, is_korean

from ..engine.events import ALL, COUNTS, FAILURE, FREE, OF_ANALYSES, OF_ITEMS, UNNAMED, Sums, hour_of
from ..engine.figures import gini, quantile, share, wilson
from ..models import WindowAggregate

DIMENSIONS = tuple(dimension for dimension in OF_ITEMS if dimension != ALL)


@dataclass(frozen=True)
class Group:
    """The sums of a period for one value of a dimension. Shares are in [0, 1], times in ms; nan where nothing was counted."""

    value: str
    label: str
    sums: Sums

    @property
    def likes(self) -> int:
        """Never below 0, which taking back what was given before the period would make it."""
        return max(self.sums.likes, 0)

    @property
    def dislikes(self) -> int:
        return max(self.sums.dislikes, 0)

    @property
    def reactions(self) -> int:
        return self.likes + self.dislikes

    @property
    def like_rate(self) -> float:
        """Likes among reactions: what people who answered thought."""
        return share(self.likes, self.reactions)

    @cached_property
    def like_interval(self) -> tuple[float, float]:
        return wilson(self.likes, self.reactions)

    @property
    def reaction_rate(self) -> float:
        """Reactions among what was shown."""
        return share(self.reactions, self.sums.impressions)

    @property
    def error_rate(self) -> float:
        return share(self.sums.errors, self.sums.analyses + self.sums.errors)

    @property
    def latency_p50(self) -> float:
        return quantile(self.sums.latency, 0.5)

    @property
    def latency_p95(self) -> float:
        return quantile(self.sums.latency, 0.95)


@dataclass(frozen=True)
class Coverage:
    """How much of the offered catalogue was shown, and how unevenly (Gini, 0: all alike)."""

    shown: int
    offered: int
    gini: float

    @property
    def share(self) -> float:
        return share(self.shown, self.offered)


def period_start(days: int, now: datetime | None = None) -> datetime:
    """The first hour of the last ``days`` days, today included, in the site's time zone."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return hour_of(today - timedelta(days=days - 1))


def groups(dimension: str, since: datetime) -> list[Group]:
    """The values of a dimension, most shown first."""
    rows = _rows(dimension, since)
    summed = rows.order_by().values("value").annotate(**{f"sum_{name}": Sum(name) for name in COUNTS})
    found = {row["value"]: _sums(row) for row in summed}
    if dimension in OF_ANALYSES:
        for value, latency in rows.exclude(latency_counts={}).values_list("value", "latency_counts"):
            found[value].add(Sums(latency=latency))
    names = _labels(dimension, found)
    made = [Group(value, names.get(value, value), sums) for value, sums in found.items() if not sums.is_nothing]
    return sorted(made, key=lambda group: (-group.sums.impressions, -group.sums.analyses, -group.sums.errors, group.value))


def total(since: datetime) -> Group:
    return next(iter(groups(ALL, since)), Group(ALL, ALL, Sums()))


def failures(since: datetime) -> list[Group]:
    """Failed analyses by their code, the photos that were refused among them."""
    return groups(FAILURE, since)


def daily(dimension: str, since: datetime) -> dict[str, dict[date, Group]]:
    """value -> day (of the site's time zone) -> sums. Days on which nothing happened are left out."""
    rows = _rows(dimension, since).order_by().annotate(day=TruncDay("window", tzinfo=timezone.get_current_timezone()))
    found: dict[str, dict[date, Sums]] = {}
    for row in rows.values("value", "day").annotate(**{f"sum_{name}": Sum(name) for name in COUNTS}):
        found.setdefault(row["value"], {})[row["day"].date()] = _sums(row)
    if dimension in OF_ANALYSES:
        for value, day, latency in rows.exclude(latency_counts={}).values_list("value", "day", "latency_counts"):
            found[value][day.date()].add(Sums(latency=latency))
    names = _labels(dimension, found)
    return {
        value: {day: Group(value, names.get(value, value), sums) for day, sums in sorted(days.items())}
        for value, days in found.items()
    }


def coverage(since: datetime) -> Coverage:
    """Of the styles that are offered now; suggestions in free words and styles taken off are not among them."""
    shown = dict(_rows("style", since).order_by().values_list("value").annotate(n=Sum("impressions")))
    counts = [int(shown.get(str(pk), 0)) for pk in Style.objects.offered().values_list("pk", flat=True)]
    return Coverage(sum(count > 0 for count in counts), len(counts), gini(counts))


def events_by_hour(hours: int = 48) -> list[tuple[datetime, int]]:
    """(hour, events that happened in it) of the last ``hours`` hours, those without any included."""
    last = hour_of(timezone.now())
    first = last - timedelta(hours=hours - 1)
    rows = OutboxEvent.objects.filter(occurred_at__gte=first).order_by().values_list(TruncHour("occurred_at"))
    counted = {hour_of(hour): n for hour, n in rows.annotate(n=Count("pk"))}
    return [(first + timedelta(hours=step), counted.get(first + timedelta(hours=step), 0)) for step in range(hours)]


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums.of((row[f"sum_{name}"] for name in COUNTS), {})


def _rows(dimension: str, since: datetime) -> QuerySet[WindowAggregate]:
    return WindowAggregate.objects.filter(dimension=dimension, window__gte=since)


def _labels(dimension: str, values: Iterable[str]) -> dict[str, str]:
    """What a value is called in the active language, where it is not called by itself."""
    if dimension == "face_shape":
        return {key: label.ko if is_korean() else label.en for key, label in FACE_SHAPES.items()}
    if dimension == "source":
        return {str(key): str(name) for key, name in Recommendation.Source.choices}
    if dimension == "candidate":
        return {**{str(key): str(name) for key, name in Recommendation.Candidate.choices}, UNNAMED: _("not recorded")}
    if dimension == "style":
        numbers = [int(value) for value in values if value != FREE]
        styles = {str(pk): style.name for pk, style in Style.objects.in_bulk(numbers).items()}
        return {str(number): _("taken off (%(id)s)") % {"id": number} for number in numbers} | styles | {FREE: _("in free words")}
    return {}
