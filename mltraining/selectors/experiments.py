"""What an experiment's people were shown and said, one row per person: the data of a look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Case, CharField, Count, F, Min, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat

from feedback.models import Reaction
from hairme.common.errors import MESSAGES, ApplicationError
from hairme.common.models import Job
from recommendations.models import Analysis, Recommendation

from ..experiments.assignment import Share, arm_of, is_exposed
from ..experiments.decide import ArmData, Guardrail, Rules
from ..experiments.ratio import Moments
from ..models import Experiment, ExperimentTransition
from ..registry import experiment_errors  # noqa: F401

PRE_PERIOD = timedelta(days=28)
EXPOSED = "exposed "  # transitions of the ramp end in "exposed 0.25"
SEGMENTS = ("face_shape", "season", "source")


@dataclass(frozen=True)
class Tried:
    """Sums of one person since the start of an experiment."""

    likes: int = 0
    reactions: int = 0
    likes_before: int = 0
    reactions_before: int = 0
    dislikes: int = 0
    impressions: int = 0
    lists: int = 0
    families: int = 0
    analyses: int = 0
    failed: int = 0
    timed: int = 0
    late: int = 0


METRIC = ("likes", "reactions", "likes_before", "reactions_before")
GUARDED = {
    "dislike_rate": ("dislikes", "impressions"),
    "error_rate": ("failed", "analyses"),
    "latency_p95": ("late", "timed"),
    "list_diversity": ("families", "lists"),
}


@dataclass
class ExperimentData:
    """``people``: arm -> unit -> sums. ``switched``: units seen in several arms, left out. ``segments`` and ``halves``: arm ->
    (what, value) -> unit -> [likes, reactions]; halves by when the list was shown. ``p95``: seconds by arm."""

    people: dict[str, dict[str, Tried]]
    switched: int = 0
    impressions: int = 0
    segments: dict[str, dict[tuple[str, str], dict[str, list[int]]]] = field(default_factory=dict)
    p95: dict[str, float | None] = field(default_factory=dict)

    def arms(self) -> dict[str, ArmData]:
        return {
            arm: ArmData(
                len(units),
                moments(units.values(), METRIC),
                {name: moments(units.values(), columns) for name, columns in GUARDED.items()},
            )
            for arm, units in self.people.items()
        }


def moments(people: Iterable[Tried], columns: Sequence[str]) -> Moments:
    rows = [[getattr(person, column) for column in columns] for person in people]
    return Moments.of(np.asarray(rows, float).reshape(len(rows), len(columns)))


def experiments() -> QuerySet[Experiment]:
    return Experiment.objects.select_related("challenger")


def find(key: str) -> Experiment:
    """Raises ApplicationError experiment_unknown."""
    found = experiments().filter(key=key).first()
    if found is None:
        raise ApplicationError("experiment_unknown", params={"key": key})
    return found


def running(layer: str | None = None) -> QuerySet[Experiment]:
    found = experiments().filter(state=Experiment.State.RUNNING)
    return found if layer is None else found.filter(layer=layer)


def rules_of(experiment: Experiment) -> Rules:
    """The registered rules, as the decision reads them."""
    statistics = experiment.settings_json
    return Rules(
        arms=tuple(arm["name"] for arm in experiment.arms),
        weights=tuple(float(arm["weight"]) for arm in experiment.arms),
        tuning=float(statistics["tuning"]),
        guardrails=tuple(Guardrail(**guardrail) for guardrail in experiment.guardrails),
        min_lift=experiment.min_lift,
        alpha=experiment.alpha,
        min_people=experiment.min_people,
        min_days=experiment.min_days,
        horizon_days=experiment.horizon_days,
        guardrail_alpha=float(statistics["guardrail_alpha"]),
        srm_alpha=float(statistics["srm_alpha"]),
    )


def unit_of(prefix: str = "") -> Case:
    """``Analysis.unit`` in SQL."""
    return Case(
        When(
            **{f"{prefix}user__isnull": False},
            then=Concat(Value("user:"), Cast(f"{prefix}user_id", CharField()), output_field=CharField()),
        ),
        When(~Q(**{f"{prefix}visitor": ""}), then=Concat(Value("visitor:"), F(f"{prefix}visitor"), output_field=CharField())),
        default=Concat(Value("analysis:"), Cast(f"{prefix}pk", CharField()), output_field=CharField()),
    )


def experiment_data(experiment: Experiment, until: datetime) -> ExperimentData:
    """Everything shown in the experiment since its start and before ``until``, with the reactions given before ``until``.

    Who was never shown a list of the experiment is not in it (triggered analysis). Failed analyses have no list: they count for the
    arm that their unit's hash and the ramp of that moment would have served.
    """
    assert experiment.started_at is not None
    names = [arm["name"] for arm in experiment.arms]
    sums: dict[str, dict[str, dict[str, int]]] = {name: defaultdict(lambda: defaultdict(int)) for name in names}
    segments: dict[str, dict[tuple[str, str], dict[str, list[int]]]] = {
        name: defaultdict(lambda: defaultdict(lambda: [0, 0])) for name in names
    }
    arms_of: dict[str, set[str]] = defaultdict(set)
    total = 0
    for row in _lists(experiment, until):
        arm, unit = row["arm"], row["who"]
        if arm not in sums:
            continue
        arms_of[unit].add(arm)
        total += row["impressions"]
        person = sums[arm][unit]
        for column in ("likes", "reactions", "dislikes", "impressions"):
            person[column] += row[column]
        _segment(segments[arm], unit, row, experiment.started_at)
    for row in _diversity(experiment, until):
        if row["arm"] in sums:
            sums[row["arm"]][row["who"]]["lists"] += 1
            sums[row["arm"]][row["who"]]["families"] += row["families"]
    switched = {unit for unit, arms in arms_of.items() if len(arms) > 1}
    seconds = _add_work(experiment, until, sums, arms_of)
    _add_pre_period(experiment, sums)
    return ExperimentData(
        people={
            arm: {
                unit: Tried(**person)
                for unit, person in units.items()
                if unit not in switched and person.get("impressions", 0) + person.get("failed", 0) > 0
            }
            for arm, units in sums.items()
        },
        switched=len(switched),
        impressions=total,
        segments={
            arm: {key: {u: v for u, v in units.items() if u not in switched} for key, units in by.items()}
            for arm, by in segments.items()
        },
        p95={arm: float(np.quantile(values, 0.95)) if values else None for arm, values in seconds.items()},
    )


def _lists(experiment: Experiment, until: datetime) -> Iterable[dict[str, Any]]:
    """Per unit, arm, list and source."""
    given = Q(reaction__created_at__lt=until)
    return (
        _impressions(experiment, until)
        .annotate(face_shape=F("analysis__face_shape"), season=F("analysis__season"))
        .values("who", "arm", "analysis_id", "revision", "source", "face_shape", "season")
        .annotate(
            impressions=Count("pk"),
            reactions=Count("reaction", filter=given),
            likes=Count("reaction", filter=given & Q(reaction__reaction=Reaction.Value.LIKE)),
            dislikes=Count("reaction", filter=given & Q(reaction__reaction=Reaction.Value.DISLIKE)),
            shown=Min("created_at"),
        )
        .order_by()
    )


def _diversity(experiment: Experiment, until: datetime) -> Iterable[dict[str, Any]]:
    """Per list: how many families of cuts it holds."""
    return (
        _impressions(experiment, until)
        .filter(style__isnull=False)
        .values("who", "arm", "analysis_id", "revision")
        .annotate(families=Count("style__cut__family", distinct=True))
        .order_by()
    )


def _impressions(experiment: Experiment, until: datetime) -> Any:
    return Recommendation.objects.filter(
        experiment=experiment.key, created_at__gte=experiment.started_at, created_at__lt=until
    ).annotate(who=unit_of("analysis__"))


def _segment(by: dict[tuple[str, str], dict[str, list[int]]], unit: str, row: dict[str, Any], start: datetime) -> None:
    week = "first week" if row["shown"] < start + timedelta(days=7) else "later"
    for what, value in (*((name, row[name]) for name in SEGMENTS), ("novelty", week)):
        pair = by[(what, value)][unit]
        pair[0] += row["likes"]
        pair[1] += row["reactions"]


def _add_work(
    experiment: Experiment, until: datetime, sums: dict[str, dict[str, dict[str, int]]], arms_of: Mapping[str, set[str]]
) -> dict[str, list[float]]:
    """Count analyses, our failures and slow ones for each person; returns the seconds of each arm's analyses."""
    budget = float(experiment.settings_json["latency_budget_seconds"])
    faults = [code for code, (status, _text) in MESSAGES.items() if status >= 500]
    shares = [Share(arm["name"], float(arm["weight"])) for arm in experiment.arms]
    ramp = ramp_history(experiment)
    seconds: dict[str, list[float]] = {arm: [] for arm in sums}
    work = (
        Analysis.objects.filter(created_at__gte=experiment.started_at, created_at__lt=until)
        .filter(Q(job__state=Job.State.FAILED, job__error_code__in=faults) | Q(job__state=Job.State.SUCCEEDED))
        .annotate(who=unit_of())
        .values_list("who", "job__state", "job__started_at", "job__finished_at", "created_at")
    )
    for unit, state, started, finished, created in work:
        seen = arms_of.get(unit)
        if seen:
            arm = next(iter(seen))
        elif state == Job.State.FAILED and is_exposed(experiment.salt, unit, _share_at(ramp, created)):
            arm = arm_of(experiment.salt, unit, shares)
        else:
            continue
        person = sums[arm][unit]
        person["analyses"] += 1
        person["failed"] += state == Job.State.FAILED
        if state == Job.State.SUCCEEDED and started and finished:
            took = (finished - started).total_seconds()
            seconds[arm].append(took)
            person["timed"] += 1
            person["late"] += took > budget
    return seconds


def _add_pre_period(experiment: Experiment, sums: dict[str, dict[str, dict[str, int]]]) -> None:
    """What the same people said in the four weeks before the start (what CUPED removes)."""
    assert experiment.started_at is not None
    before = (
        Reaction.objects.filter(created_at__gte=experiment.started_at - PRE_PERIOD, created_at__lt=experiment.started_at)
        .annotate(who=unit_of("analysis__"))
        .values("who")
        .annotate(reactions=Count("pk"), likes=Count("pk", filter=Q(reaction=Reaction.Value.LIKE)))
        .order_by()
    )
    for row in before:
        for units in sums.values():
            if row["who"] in units:
                units[row["who"]]["likes_before"] = row["likes"]
                units[row["who"]]["reactions_before"] = row["reactions"]


def ramp_history(experiment: Experiment) -> list[tuple[datetime, float]]:
    """(from when, exposed share), the first at the start."""
    steps = ExperimentTransition.objects.filter(experiment=experiment, after__startswith=EXPOSED).order_by("at", "id")
    later = [(step.at, float(step.after.removeprefix(EXPOSED))) for step in steps]
    first = float(experiment.ramp[0]) if experiment.ramp else 1.0
    assert experiment.started_at is not None
    return [(experiment.started_at, first), *later]


def _share_at(ramp: Sequence[tuple[datetime, float]], at: datetime) -> float:
    return [share for since, share in ramp if since <= at or since == ramp[0][0]][-1]
