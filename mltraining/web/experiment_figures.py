"""What the experiment page draws and tabulates, made from the stored looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hairme.common.charts import LineChart, Series
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS
from recommendations.models import Recommendation, is_korean

from ..experiments import defaults, power
from ..models import Experiment, ExperimentLook
from ..services.experiment_words import METRICS, sentences

NONE = "–"
REACH = 0.4  # bounds of the first days go far beyond what the rest of the picture shows


class PowerForm(forms.Form):
    """Text fields with a numeric keyboard: number inputs round and scroll."""

    base = forms.FloatField(label=gettext_lazy("Base like rate, in percent"), initial=30, min_value=0.1, max_value=99)
    lift = forms.FloatField(
        label=gettext_lazy("Lift to find, in percent of the base rate"), initial=5, min_value=0.1, max_value=400
    )
    people = forms.FloatField(label=gettext_lazy("People per day and arm"), initial=200, min_value=0.01, max_value=1e9)
    reactions = forms.FloatField(label=gettext_lazy("Reactions per person"), initial=1, min_value=0.01, max_value=100)
    icc = forms.FloatField(
        label=gettext_lazy("How alike one person's reactions are (0 to 1)"), initial=0.1, min_value=0, max_value=1
    )
    horizon = forms.IntegerField(label=gettext_lazy("Horizon (days)"), initial=14, min_value=1, max_value=365)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
            field.localize = False

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not given["base"] / 100 * (1 + given["lift"] / 100) < 1:
            self.add_error("lift", _("The lifted rate would be above one."))
        return given

    def answer(self) -> dict[str, Any]:
        """People and days for one look at the end and for bounds that hold at every look, and what the horizon can find."""
        given = self.cleaned_data
        base, lift, people = given["base"] / 100, given["lift"] / 100, given["people"]
        traffic = power.Traffic(reactions=given["reactions"], icc=given["icc"])
        horizon = people * given["horizon"]
        once = power.people_per_arm(base, lift, traffic=traffic)
        tuned_for = 2 * horizon * defaults.TUNING_SHARE
        always = power.people_per_arm_always_valid(base, lift, tuned_for=max(2.0, tuned_for), traffic=traffic)
        return {
            "once": once,
            "once_days": power.days(once, people),
            "always": always,
            "always_days": power.days(always, people),
            "inflation": traffic.inflation,
            "smallest": _percent(power.smallest_lift(base, int(horizon), traffic=traffic)),
        }


@dataclass(frozen=True)
class ArmRow:
    """One arm as it is written down, every figure as text; "–" where there is none yet."""

    name: str
    is_control: bool
    params: str
    people: str
    rate: str
    lift: str
    bounds: str
    p: str
    better: str
    counts: str
    p95: str


@dataclass(frozen=True)
class GuardrailRow:
    name: str
    arm: str
    control: str
    challenger: str
    worst: str
    margin: str
    is_checked: bool
    is_safe: bool
    is_worse: bool


@dataclass(frozen=True)
class FindingRow:
    segment: str
    arm: str
    people: int
    lift: str
    bounds: str
    p: str


def arm_rows(experiment: Experiment, look: ExperimentLook | None) -> list[ArmRow]:
    results: dict[str, Any] = look.results if look else {}
    compared = {comparison["arm"]: comparison for comparison in results.get("comparisons", ())}
    rows = []
    for number, arm in enumerate(experiment.arms):
        name = arm["name"]
        seen = results.get("arms", {}).get(name, {})
        found = compared.get(name, {})
        opinion = results.get("bayes", {}).get(name, {})
        rows.append(
            ArmRow(
                name=name,
                is_control=number == 0,
                params=", ".join(f"{key}: {value}" for key, value in arm["params"].items()),
                people=f"{seen['people']:,}" if seen else NONE,
                rate=_percent(seen.get("rate")),
                lift=_percent(found.get("lift"), signed=True),
                bounds=_bounds(found),
                p=_p(found.get("p")),
                better=_percent(opinion.get("better")),
                counts=_percent(opinion.get("counts")),
                p95=NONE if seen.get("p95_seconds") is None else f"{seen['p95_seconds']:.1f} s",
            )
        )
    return rows


def guardrail_rows(experiment: Experiment, look: ExperimentLook | None) -> list[GuardrailRow]:
    """Each guardrail's check by arm; registered ones that no look has checked yet come without figures."""
    checks = look.results["guardrails"] if look else []
    rows: list[GuardrailRow] = []
    for guardrail in experiment.guardrails:
        name = str(METRICS.get(guardrail["metric"], guardrail["metric"]))
        say = _percent if guardrail["is_share"] else _plain
        rows += [
            GuardrailRow(
                name=name,
                arm=check.get("arm", NONE),
                control=say(check.get("control")),
                challenger=say(check.get("challenger")),
                worst=_percent(check.get("worst"), signed=True),
                margin=_percent(guardrail["margin"], signed=True),
                is_checked=bool(check),
                is_safe=check.get("is_safe", False),
                is_worse=check.get("is_worse", False),
            )
            for check in [check for check in checks if check["metric"] == guardrail["metric"]] or [{}]
        ]
    return rows


def finding_rows(look: ExperimentLook | None) -> tuple[list[FindingRow], list[FindingRow]]:
    """(by week, by segment)."""
    novelty: list[FindingRow] = []
    segments: list[FindingRow] = []
    for found in look.results["exploratory"] if look else ():
        lift = _percent(found["lift"], signed=True)
        row = FindingRow(_segment(found), found["arm"], found["people"], lift, _bounds(found), _p(found["p"]))
        (novelty if found["what"] == "novelty" else segments).append(row)
    return novelty, segments


def _segment(found: dict[str, Any]) -> str:
    what, value = found["what"], found["value"]
    if what == "novelty":
        return _("lists of the first week") if value == "first week" else _("later lists")
    words = {"face_shape": FACE_SHAPES, "season": SEASONS}.get(what, {})
    if value in words:
        return words[value].ko if is_korean() else words[value].en
    return dict(Recommendation.Source.choices).get(value, value)


def _percent(value: float | None, *, signed: bool = False) -> str:
    return NONE if value is None else f"{100 * value:+.1f} %" if signed else f"{100 * value:.1f} %"


def _plain(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _p(value: float | None) -> str:
    return NONE if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _bounds(found: dict[str, Any]) -> str:
    return f"{_percent(found['low'], signed=True)} … {_percent(found['high'], signed=True)}" if found else NONE


def sequence_chart(experiment: Experiment, looks: list[ExperimentLook]) -> LineChart:
    """Relative lift by day with the always-valid bounds of each day."""
    reach = chart_reach(looks)
    series = []
    for arm in experiment.arms[1:]:
        known = [(look.day, c) for look in looks for c in look.results["comparisons"] if c["arm"] == arm["name"]]
        series.append(
            Series(
                arm["name"],
                [(day, _cut(c["lift"], reach)) for day, c in known],
                band=[(day, _cut(c["low"], reach), _cut(c["high"], reach)) for day, c in known],
            )
        )
    return LineChart(
        _("Lift over the control, with bounds that hold on every day"),
        _("day"),
        _("lift"),
        series,
        levels=(
            (0.0, ""),
            (experiment.min_lift, f"+{experiment.min_lift:.0%}"),
            (-experiment.min_lift, f"−{experiment.min_lift:.0%}"),
        ),
        percent=True,
    )


def reasons_of(experiment: Experiment, look: ExperimentLook | None) -> list[str]:
    """Why it was decided, or why it goes on, in the active language."""
    if experiment.memo:
        return sentences(experiment.memo["reasons"])
    return sentences(look.results["reasons"]) if look else []


def chart_reach(looks: list[ExperimentLook]) -> float:
    """How far from zero the picture goes: past the last look's lifts, rounded up to tenths."""
    lifts = [abs(c["lift"]) for c in looks[-1].results["comparisons"]] if looks else []
    return max(REACH, math.ceil(13 * max(lifts, default=0.0)) / 10)


def _cut(value: float, reach: float) -> float:
    return max(-reach, min(reach, value))
