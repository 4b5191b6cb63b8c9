"""A period as arrays for the drift checks, what has gone stale, and the reports and alerts that pages show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Avg, Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from feedback.models import Reaction, WindowAggregate
from hairme.common.models import OutboxEvent
from recommendations.models import Analysis, Recommendation, Style, StyleVector
from recommendations.selectors import SCORER

from ..models import Alert, DriftReport, TrainingRun
from ..monitoring.data import ADVISORS, BUCKETS, NUMBERS, SOURCES, WORDS, Data, Table
from ..monitoring.embedding import StyleSpace
from . import registry
from .experiments import unit_of

MOST_ANALYSES = 20_000  # of one period; beyond, every k-th of their random numbers stands for all
TRAINING_DAYS, TRAINING_REACTIONS = 14, 10
STREAM_BEHIND = timedelta(hours=1)
_MEASURE, _COLOUR, _SHAPE = "measure:", "colour:", "shape:"


@dataclass(frozen=True)
class Stale:
    """Something that should be newer. ``details``: figures for the alert."""

    kind: str
    details: dict[str, Any]


def period_data(start: datetime, end: datetime, champion: str, styles: Sequence[int]) -> Data:
    """What happened from ``start`` up to ``end``. ``champion``: key of the serving version; ``styles``: ids in the order of the
    style space."""
    during = Q(created_at__gte=start, created_at__lt=end)
    total = Analysis.objects.filter(during, reading__isnull=False).count()
    every = max(1, math.ceil(total / MOST_ANALYSES))
    own = Recommendation.objects.filter(during, model_version=champion)
    return Data(
        analyses=_analyses(_sampled(Analysis.objects.filter(during, reading__isnull=False), "pk", every)),
        lists=_lists(_sampled(own, "analysis_id", every)),
        shown=_shown(_sampled(own, "analysis_id", every), styles),
        reactions=_reactions(_sampled(Reaction.objects.filter(during), "analysis_id", every), champion),
        hours=_hours(start, end),
    )


def _sampled(rows: QuerySet[Any], number: str, every: int) -> QuerySet[Any]:
    return rows if every == 1 else rows.annotate(spread=F(number) % every).filter(spread=0)


def _table(rows: Iterable[tuple[Any, ...]], names: Sequence[str]) -> Table:
    """Rows are (when, unit, one number per name), in order of time."""
    found = list(rows)
    at = np.array([row[0].timestamp() for row in found], float)
    _, person = np.unique(np.array([row[1] for row in found], dtype=str), return_inverse=True)
    columns = np.array([row[2:] for row in found], dtype=float).reshape(len(found), len(names))
    return Table(at, person, {name: columns[:, place] for place, name in enumerate(names)})


def _analyses(rows: QuerySet[Analysis]) -> Table:
    read = (
        rows.annotate(who=unit_of())
        .order_by("created_at")
        .values_list(
            "created_at",
            "who",
            "face_shape",
            "season",
            "reading__face_shape__probabilities",
            "reading__measurements",
            "reading__colour",
        )
        .iterator(2000)
    )
    return _table((_reading(*row) for row in read), (*NUMBERS, *WORDS))


def _reading(at: datetime, who: str, face_shape: str, season: str, shapes: Any, measures: Any, colour: Any) -> tuple[Any, ...]:
    """A stored reading as a row. What an older reading does not hold is unread."""
    flat: dict[str, Any] = {f"{_SHAPE}{name}": value for name, value in (shapes or {}).items()}
    flat |= {f"{_MEASURE}{name}": value.get("percentile") for name, value in (measures or {}).items()}
    colour = colour or {}
    for axis in ("warm_cool", "light_deep"):
        flat[f"{_COLOUR}{axis}"] = colour.get(axis, {}).get("value")
    flat |= {f"{_COLOUR}{name}": colour.get(name) for name in ("ita", "cast")}
    numbers = [math.nan if flat.get(name) is None else float(flat[name]) for name in NUMBERS]
    unsure = colour.get("season", {}).get("decision") == "unsure"
    words = {"face_shape": face_shape, "season": "" if unsure else season}
    return at, who, *numbers, *(WORDS[name].index(word) if word in WORDS[name] else -1 for name, word in words.items())


def _lists(rows: QuerySet[Recommendation]) -> Table:
    found = (
        rows.annotate(who=unit_of("analysis__"))
        .values("who", "analysis_id", "revision")
        .annotate(
            at=Min("created_at"),
            mean=Avg("ml_score"),
            top=Max("ml_score"),
            gemini=Count("pk", filter=Q(source=Recommendation.Source.GEMINI)),
            stylist=Count("pk", filter=Q(source=Recommendation.Source.STYLIST)),
        )
        .order_by("at")
    )
    return _table(
        ((row["at"], row["who"], row["mean"], row["top"], _advisor(row)) for row in found), ("score_mean", "score_top", "advisor")
    )


def _advisor(row: dict[str, Any]) -> int:
    return next((place for place, name in enumerate(ADVISORS) if row[name]), -1)


def _shown(rows: QuerySet[Recommendation], styles: Sequence[int]) -> Table:
    place = {pk: row for row, pk in enumerate(styles)}
    found = rows.annotate(who=unit_of("analysis__")).order_by("created_at").values_list("created_at", "who", "style_id")
    table = _table(((at, who, place[pk]) for at, who, pk in found.iterator(5000) if pk in place), ("style",))
    return Table(table.at, table.person, {"style": table["style"].astype(int)})


def _reactions(rows: QuerySet[Reaction], champion: str) -> Table:
    found = (
        rows.annotate(who=unit_of("analysis__"))
        .order_by("created_at")
        .values_list("created_at", "who", "reaction", "ml_score", "source", "recommendation__model_version")
    )
    return _table(
        (
            (at, who, liked, score, SOURCES.index(source) if source in SOURCES else -1, version == champion)
            for at, who, liked, score, source, version in found.iterator(5000)
        ),
        ("liked", "score", "source", "champion"),
    )


def _hours(start: datetime, end: datetime) -> Table:
    rows = list(
        WindowAggregate.objects.filter(dimension="all", window__gte=start, window__lt=end)
        .order_by("window")
        .values_list("window", "analyses", "errors", "latency_counts")
    )
    at = np.array([row[0].timestamp() for row in rows], float)
    latency = np.array([[row[3].get(bound, 0) for bound in BUCKETS] for row in rows], int).reshape(len(rows), len(BUCKETS))
    counts = np.array([row[1:3] for row in rows], int).reshape(len(rows), 2)
    return Table(at, np.arange(len(rows)), {"analyses": counts[:, 0], "errors": counts[:, 1], "latency": latency})


def style_space() -> tuple[list[int], StyleSpace | None]:
    """(style ids, their space) in the encoder that most styles have a vector of; None where there are too few to compare."""
    encoder = StyleVector.objects.order_by().values("encoder").annotate(n=Count("pk")).order_by("-n").first()
    rows = list(StyleVector.objects.filter(encoder=encoder["encoder"]).order_by("style_id")) if encoder else []
    if len(rows) < 3:
        return [], None
    return [row.style_id for row in rows], StyleSpace.of(np.stack([np.asarray(row.vector, np.float64) for row in rows]))


def stale(now: datetime) -> Iterator[Stale]:
    """What has not been renewed although there was reason to."""
    yield from _training(now)
    newest = OutboxEvent.objects.filter(topic="recommendations.shown", occurred_at__lt=now).aggregate(at=Max("occurred_at"))["at"]
    summed = WindowAggregate.objects.aggregate(at=Max("window"))["at"]
    if newest is not None and now - newest > STREAM_BEHIND and (summed is None or newest - summed > STREAM_BEHIND):
        yield Stale("stream_behind", {"last_event": newest.isoformat(), "last_sum": summed.isoformat() if summed else None})
    bare = Style.objects.offered().filter(vectors=None).count()
    if bare and StyleVector.objects.exists():
        yield Stale("vectors_missing", {"styles": bare})


def _training(now: datetime) -> Iterator[Stale]:
    finished = (TrainingRun.State.ACCEPTED, TrainingRun.State.REJECTED)
    last = TrainingRun.objects.filter(model=SCORER, state__in=finished, finished_at__lt=now).aggregate(at=Max("finished_at"))[
        "at"
    ]
    champion = registry.champion(SCORER)
    since = last or (champion.created_at if champion else None)
    if since is None or (now - since) < timedelta(days=TRAINING_DAYS):
        return
    new = Reaction.objects.filter(created_at__gte=since, created_at__lt=now).count()
    if new >= TRAINING_REACTIONS:
        yield Stale("training_stale", {"days": (now - since).days, "reactions": new})


def reports() -> QuerySet[DriftReport]:
    """The latest first, by the time that they are about."""
    return DriftReport.objects.order_by("-window_end", "-pk")


def alerts() -> QuerySet[Alert]:
    return Alert.objects.select_related("run", "handled_by").order_by("-last_at", "-pk")


def unresolved() -> QuerySet[Alert]:
    return alerts().exclude(state=Alert.State.RESOLVED)


def open_by_severity() -> dict[str, int]:
    counted = dict(unresolved().order_by().values_list("severity").annotate(n=Count("pk")))
    return {str(severity): counted.get(severity, 0) for severity in Alert.Severity.values}


def report_age(now: datetime | None = None) -> float | None:
    """Seconds since the last report was made; None where there is none."""
    last = DriftReport.objects.aggregate(at=Max("created_at"))["at"]
    return ((now or timezone.now()) - last).total_seconds() if last else None
