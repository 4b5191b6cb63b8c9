"""The demonstration accounts are made by the real engine, and making them again replaces them; the story is never mixed with history."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from feedback.models import Reaction
from feedback.selectors.aggregates import recompute_aggregates, stored_aggregates
from hairme.common import heartbeat
from hairme.common.models import Job
from mltraining.models import TrainingRun
from mltraining.services.story import plot
from recommendations.models import Analysis

pytestmark = pytest.mark.usefixtures("catalogue")


def demo(**options: Any) -> str:
    out = StringIO()
    call_command("demo", analyses=2, stdout=out, **options)
    return out.getvalue()


def test_demo_fills_the_database_and_replaces_itself() -> None:
    made = []
    for options in ({}, {}, {"again": True}):
        demo(no_story=True, **options)
        assert Analysis.objects.count() == Job.objects.count() == 6
        assert Reaction.objects.exists()
        made.append(set(Analysis.objects.values_list("pk", flat=True)))
    assert made[0] == made[1]
    assert not made[1] & made[2]
    for analysis in Analysis.objects.all():
        assert analysis.recommendations.count() == 7
        assert analysis.face is not None
    assert stored_aggregates() == recompute_aggregates()


def test_the_story_is_told_once_and_never_between_what_a_site_has_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(plot, "tell", lambda *args, **kwargs: asked.append(args))
    TrainingRun.objects.create(model="hairstyle-scorer", architecture="seed-mlp", trigger="command", state="failed")
    assert "history of its own" in demo()
    TrainingRun.objects.all().delete()
    get_user_model().objects.create_user(plot.STAFF)
    assert "is there" in demo()
    get_user_model().objects.all().delete()
    monkeypatch.setattr(heartbeat, "alive_queues", lambda: {"training": 1})
    assert "while the site runs" in demo()
    assert not asked
