"""A small site in the database: five weeks of analyses, impressions and reactions, with what changes in the last week."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Model

from feedback.models import Reaction, WindowAggregate
from hairme.common.models import Job
from mltraining.models import ModelAlias, ModelTransition, ModelVersion
from recommendations.engine.preference_features import MEASURES
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS
from recommendations.models import Analysis, Recommendation
from recommendations.selectors import SCORER

DAYS, A_DAY = 36, 20


def version(name: str, **fields: Any) -> ModelVersion:
    return ModelVersion.objects.create(
        name=SCORER,
        version=name,
        path=name,
        card={"metrics": {}, "params": {"architecture": "seed-mlp"}},
        card_sha256="0",
        **fields,
    )


def promoted(after: ModelVersion, at: datetime, before: ModelVersion | None = None, kind: str = "promote") -> None:
    ModelAlias.objects.update_or_create(name=SCORER, alias="champion", defaults={"version": after})
    with patch("django.utils.timezone.now", return_value=at):  # the row cannot be changed afterwards
        ModelTransition.objects.create(name=SCORER, kind=kind, before=before, after=after, actor="command", reason="test")


def reading(rng: np.random.Generator, shift: float = 0.0) -> dict[str, Any]:
    shapes = rng.dirichlet(np.ones(len(FACE_SHAPES)))
    percent = np.clip(rng.uniform(0, 100, len(MEASURES)) + shift, 0, 100)
    return {
        "face_shape": {"probabilities": dict(zip(FACE_SHAPES, shapes.tolist(), strict=True))},
        "measurements": {name: {"value": None, "percentile": p} for name, p in zip(MEASURES, percent.tolist(), strict=True)},
        "colour": {
            "warm_cool": {"value": rng.uniform(-1, 1)},
            "light_deep": {"value": rng.uniform(-1, 1)},
            "ita": rng.normal(43, 12),
            "cast": rng.gamma(2, 1.5),
            "season": {"decision": "clear"},
        },
    }


def fill(
    end: datetime,
    served: ModelVersion,
    *,
    days: int = DAYS,
    a_day: int = A_DAY,
    shift: float = 0.0,
    like_rate: float = 0.4,
    late_like_rate: float | None = None,
    late_days: float = 7,
    seed: int = 0,
) -> None:
    """``shift``: of all measurements in the last ``late_days``, in percentiles; ``late_like_rate``: of that time."""
    rng = np.random.default_rng(seed)
    count = days * a_day
    times = [end - timedelta(days=days) + timedelta(days=days) * ((i + 0.5) / count) for i in range(count)]
    late = [end - at <= timedelta(days=late_days) for at in times]
    with _own_times(Analysis, Recommendation, Reaction):
        jobs = Job.objects.bulk_create(Job(task="recommendations.analyze", queue="inference", state="succeeded") for _ in times)
        analyses = Analysis.objects.bulk_create(
            Analysis(
                job=job,
                visitor=f"{seed}-{i}",
                photo_sha256="0",
                language="ko",
                reading=reading(rng, shift * late[i]),
                face_shape=list(FACE_SHAPES)[int(rng.integers(5))],
                season=list(SEASONS)[int(rng.integers(4))],
                created_at=times[i],
            )
            for i, job in enumerate(jobs)
        )
        shown = Recommendation.objects.bulk_create(
            Recommendation(
                analysis=analysis,
                rank=rank,
                style_name=f"style {rank}",
                source=("gemini", "ml")[rank - 1],
                ml_score=float(rng.uniform(40, 90)),
                reason="",
                model_version=served.key,
                created_at=analysis.created_at,
            )
            for analysis in analyses
            for rank in (1, 2)
        )
        rates = [late_like_rate if late_like_rate is not None and is_late else like_rate for is_late in late for _rank in (1, 2)]
        Reaction.objects.bulk_create(
            Reaction(
                analysis=row.analysis,
                recommendation=row,
                reaction=int(rng.random() < rate),
                face_shape="계란형",
                skin_tone="봄웜",
                hairstyle=row.style_name,
                ml_score=row.ml_score,
                source=row.source,
                created_at=row.created_at,
            )
            for row, rate in zip(shown, rates, strict=True)
        )
    WindowAggregate.objects.bulk_create(
        [
            WindowAggregate(
                window=(end - timedelta(hours=hour)).replace(minute=0, second=0, microsecond=0),
                dimension="all",
                value="all",
                analyses=10,
                latency_counts={"1000": 8, "1500": 2},
            )
            for hour in range(1, days * 24)
        ],
        ignore_conflicts=True,
    )


@contextmanager
def _own_times(*models: type[Model]) -> Iterator[None]:
    """Rows keep the ``created_at`` that they are made with."""
    with ExitStack() as stack:
        for model in models:
            stack.enter_context(patch.object(model._meta.get_field("created_at"), "auto_now_add", False))
        yield


def staff_user(*permissions: str) -> Any:
    user = get_user_model().objects.create_user("lee", password="long enough 1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user
