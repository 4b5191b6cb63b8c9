"""People of an experiment, straight into the tables: who was shown what in which arm, and what they said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import time_machine
from django.utils import timezone

from feedback.models import Reaction
from hairme.common.models import Job
from mltraining.models import Experiment, ExperimentLook
from mltraining.services import experiment_looks, experiments
from recommendations.models import Analysis, Recommendation, Style

WHO = {"actor": "test", "reason": "because"}
LIST = 3  # styles of a list here


def registered(key: str = "spring", **fields: Any) -> Experiment:
    """Two arms, no ramp, small numbers, unless said otherwise."""
    arms = (
        {"name": "champion", "weight": 1, "params": {"method": "hybrid"}},
        {"name": "challenger", "weight": 1, "params": {"method": "ml"}},
    )
    given = {"title": "T", "hypothesis": "H", "arms": arms, "ramp": (1.0,), "people_per_day": 40, "min_people": 100, **fields}
    return experiments.create(key, actor="test", **given)


def started(at: datetime, key: str = "spring", **fields: Any) -> Experiment:
    with time_machine.travel(at, tick=False):
        return experiments.start(registered(key, **fields), **WHO)


def visit(
    experiment: Experiment | None, arm: str, visitors: list[str], liked: int, at: datetime, *, seconds: float = 4.0
) -> list[Analysis]:
    """Each visitor is shown one list at ``at`` and reacts to its first style: the first ``liked`` of them like it."""
    styles = list(Style.objects.select_related("cut").order_by("cut__family", "slug").distinct("cut__family")[:LIST])
    assert len(styles) == LIST
    with time_machine.travel(at, tick=False):
        jobs = Job.objects.bulk_create(
            Job(
                task="t", queue="inference", state=Job.State.SUCCEEDED, started_at=at, finished_at=at + timedelta(seconds=seconds)
            )
            for _ in visitors
        )
        analyses = Analysis.objects.bulk_create(
            Analysis(job=job, visitor=visitor, photo_sha256="0" * 64, language="ko", face_shape="oval", season="spring")
            for job, visitor in zip(jobs, visitors, strict=True)
        )
        rows = Recommendation.objects.bulk_create(
            Recommendation(
                analysis=analysis,
                style=style,
                cut_slug=style.cut.slug,
                style_name=style.name_ko,
                rank=rank,
                source="ml",
                ml_score=50,
                reason="-",
                model_version="m",
                experiment=experiment.key if experiment else "",
                arm=arm,
            )
            for analysis in analyses
            for rank, style in enumerate(styles, 1)
        )
        Reaction.objects.bulk_create(
            Reaction(
                analysis=row.analysis,
                recommendation=row,
                reaction=int(number < liked),
                face_shape="-",
                skin_tone="-",
                hairstyle=row.style_name,
                ml_score=50,
                source="ml",
            )
            for number, row in enumerate(rows[::LIST])
        )
    return analyses


def fail(visitors: list[str], at: datetime, code: str = "worker_lost") -> None:
    """Analyses that ended in an error of ours, with no list."""
    with time_machine.travel(at, tick=False):
        for visitor in visitors:
            job = Job.objects.create(task="t", queue="inference", state=Job.State.FAILED, error_code=code)
            Analysis.objects.create(job=job, visitor=visitor, photo_sha256="0" * 64, language="ko")


def live(experiment: Experiment, days: int, rates: dict[str, float], *, people: int = 40) -> list[ExperimentLook]:
    """Day after day ``people`` new visitors per arm of whom that share likes, and the hourly task just after each day."""
    assert experiment.started_at
    looks = []
    for day in range(days):
        at = experiment.started_at + timedelta(days=day, hours=5)
        for arm, rate in rates.items():
            visit(experiment, arm, [f"{arm}-{day}-{n}" for n in range(people)], round(rate * people), at)
        with time_machine.travel(experiment.started_at + timedelta(days=day + 1, minutes=40), tick=False):
            looks += experiment_looks.watch()
    return looks


def long_ago() -> datetime:
    return timezone.now().replace(microsecond=0) - timedelta(days=60)
