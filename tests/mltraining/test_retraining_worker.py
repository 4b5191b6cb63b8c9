"""The command as it is used: a real training worker does the work, and the command waits for its verdict."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import crontab
from django.conf import settings as django_settings
from django.core.management import call_command

from hairme.common.models import Job
from mltraining.models import TrainingRun
from mltraining.services import registry, retraining, snapshots
from mltraining.tasks import training
from tests.mltraining.test_retraining import few


@pytest.mark.usefixtures("catalogue", "worker")
def test_worker_trains_and_the_command_waits_for_it(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR, settings.MODELS_DIR = tmp_path, tmp_path / "models"
    monkeypatch.setattr(snapshots, "SYNTHETIC_FACES", 30)
    registry.register_shipped()
    few(12)
    out = StringIO()
    call_command("retrain_from_feedback", "--min-feedbacks", "10", "--wait", stdout=out)
    run = TrainingRun.objects.get()
    assert run.job is not None
    assert (run.state, run.job.state, run.job.attempts) == (TrainingRun.State.ACCEPTED, Job.State.SUCCEEDED, 1)
    assert f"run {run.pk}: seed-mlp from 70% synthetic" in out.getvalue()
    assert "12 reactions of 12 people (50% likes), 180 synthetic scores" in out.getvalue()
    assert run.verdict in out.getvalue()


def test_monday_at_four_where_the_site_is() -> None:
    entry = django_settings.CELERY_BEAT_SCHEDULE["retrain-weekly"]
    assert entry["task"] == training.retrain_weekly.name
    schedule = entry["schedule"]
    assert isinstance(schedule, crontab)
    assert (schedule.day_of_week, schedule.hour, schedule.minute) == ({1}, {4}, {0})
    assert str(schedule.tz) == django_settings.TIME_ZONE == "Asia/Seoul"
    assert training.retrain.name == retraining.TASK
