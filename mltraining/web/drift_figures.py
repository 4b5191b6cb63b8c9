"""What the drift pages draw: histograms of the reference beside the window, small lines over the last reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hairme.common.charts import LineChart, Series
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS
from recommendations.models import is_korean

from ..models import DriftReport
from ..monitoring.data import UNREAD
from ..monitoring.findings import KINDS, Rules

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 260, 44, 44
SPARK_WIDTH, SPARK_HEIGHT = 96, 24
KIND_NAMES: dict[str, Promise] = {
    "features": gettext_lazy("Faces and colours"),
    "predictions": gettext_lazy("Scores and lists"),
    "labels": gettext_lazy("Like rates"),
    "calibration": gettext_lazy("What scores mean"),
    "embeddings": gettext_lazy("Styles shown"),
    "latency": gettext_lazy("Time an analysis takes"),
    "errors": gettext_lazy("Failed analyses"),
    "training_stale": gettext_lazy("Training is overdue"),
    "stream_behind": gettext_lazy("Events are not summed"),
    "vectors_missing": gettext_lazy("Styles without a vector"),
    "champion_worse": gettext_lazy("The champion is liked less"),
}
STATUS_NAMES = {str(value): name for value, name in DriftReport.Status.choices}


@dataclass(frozen=True)
class Bar:
    """Of one bin: geometry of two bars side by side, and the same as text. ``short``: what fits beneath the bars."""

    label: str
    short: str
    x: float
    width: float
    reference_y: float
    window_y: float
    reference: str
    window: str

    @property
    def second_x(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.x + self.width


@dataclass(frozen=True)
class Histogram:
    """Shares of the reference and of the window by bin."""

    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = HEIGHT - BOTTOM
    left: int = LEFT


def histogram(bins: dict[str, Any]) -> Histogram | None:
    """None where the finding rests on no histogram."""
    if "reference" not in bins or "reference_rates" in bins:
        return None
    labels = [_word(word) for word in bins["words"]] if "words" in bins else _ranges(bins["edges"])
    shorts = labels if "words" in bins else ["<", *(f"{edge:.2g}" for edge in bins["edges"]), labels[-1]]
    before, now = (_shares(bins[name]) for name in ("reference", "window"))
    kept = [place for place in range(len(labels)) if before[place] or now[place]]
    most = max([before[i] for i in kept] + [now[i] for i in kept], default=0) or 1.0
    step = (WIDTH - LEFT) / max(len(kept), 1)
    floor = HEIGHT - BOTTOM

    def y(share: float) -> float:
        return round(floor - (floor - 12) * share / most, 1)

    return Histogram(
        [
            Bar(
                labels[i],
                shorts[i],
                round(LEFT + place * step + step * 0.14, 1),
                round(step * 0.36, 1),
                y(before[i]),
                y(now[i]),
                f"{before[i]:.1%}",
                f"{now[i]:.1%}",
            )
            for place, i in enumerate(kept)
        ]
    )


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _ranges(edges: Sequence[float]) -> list[str]:
    texts = [f"{edge:.3g}" for edge in edges]
    if not texts:
        return [_("all"), _("unread")]
    between = [f"{low}–{high}" for low, high in pairwise(texts)]
    return [f"< {texts[0]}", *between, f"≥ {texts[-1]}", _("unread")]


def _word(word: str) -> str:
    label = FACE_SHAPES.get(word) or SEASONS.get(word)
    if label is not None:
        return label.ko if is_korean() else label.en
    return _("unread") if word == UNREAD else word


def main_figure(row: dict[str, Any]) -> float:
    """What a feature's line is drawn from: PSI where there is one, else the kind's own effect; nan where unknown."""
    value = row["psi"] if row["psi"] is not None else row["effect"]
    return math.nan if value is None else float(value)


def spark(values: Sequence[float]) -> str:
    """A path through the known values, oldest first, in a picture of SPARK_WIDTH x SPARK_HEIGHT; "" for fewer than two."""
    known = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if len(known) < 2:
        return ""
    low, high = min(value for _p, value in known), max(value for _p, value in known)
    high = max(high, low + 0.05)  # what hardly moves is to look like it

    def point(place: int, value: float) -> str:
        return f"{place / (len(values) - 1) * SPARK_WIDTH:.1f} {SPARK_HEIGHT - 2 - (value - low) / (high - low) * (SPARK_HEIGHT - 4):.1f}"

    return "M" + " L".join(point(place, value) for place, value in known)


def history_chart(feature: str, history: Sequence[DriftReport]) -> LineChart:
    """PSI, Jensen-Shannon and Kolmogorov-Smirnov of a feature over the reports, or its own figure where it has none of them."""
    rows = [next((row for row in report.results if row["feature"] == feature), None) for report in history]
    texts = _texts(history)
    names = {"psi": "PSI", "js": "Jensen-Shannon", "ks": "Kolmogorov-Smirnov", "effect": _("effect")}
    series = []
    for name, label in names.items():
        points = [(float(place), float(row[name])) for place, row in enumerate(rows) if row and row[name] is not None]
        if points:
            series.append(Series(label, points))
    has_psi = any(line.name == "PSI" for line in series)
    warn, alert = Rules().psi
    levels = ((warn, f"PSI {warn}"), (alert, f"PSI {alert}")) if has_psi else ()
    return LineChart(_("Over the last reports"), _("week until"), _("figure"), series, levels, x_texts=texts if series else {})


def worst_chart(history: Sequence[DriftReport]) -> LineChart:
    """The largest PSI of each kind over the reports."""
    series = []
    for kind in KINDS:
        points = []
        for place, report in enumerate(history):
            known = [row["psi"] for row in report.results if row["kind"] == kind and row["psi"] is not None]
            if known:
                points.append((float(place), float(max(known))))
        if points:
            series.append(Series(str(KIND_NAMES[kind]), points))
    warn, alert = Rules().psi
    levels = ((warn, str(warn)), (alert, str(alert)))
    return LineChart(
        _("Largest PSI of each kind"), _("week until"), "PSI", series, levels, x_texts=_texts(history) if series else {}
    )


def reliability_chart(bins: dict[str, Any]) -> LineChart | None:
    """Like rate by range of the score, then and now. None where the finding is about something else."""
    if "reference_rates" not in bins:
        return None
    texts = _ranges(bins["edges"])[:-1]

    def line(name: str, key: str) -> Series:
        return Series(name, [(float(i), math.nan if rate is None else rate) for i, rate in enumerate(bins[key])])

    return LineChart(
        _("Like rate by score"),
        _("score"),
        _("like rate"),
        [line(_("reference"), "reference_rates"), line(_("window"), "window_rates")],
        percent=True,
        x_texts=dict(zip(map(float, range(len(texts))), texts, strict=True)),
    )


def _texts(history: Sequence[DriftReport]) -> dict[float, str]:
    return {float(place): f"{timezone.localtime(report.window_end):%m-%d %H:%M}" for place, report in enumerate(history)}
