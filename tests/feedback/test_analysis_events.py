"""The end of an analysis is an event: with its time, or with the code of what went wrong, however it went wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hairme.common import jobs
from hairme.common.errors import ApplicationError
from hairme.common.models import Job, OutboxEvent
from hairme.ml import serving
from recommendations.services import analyses
from tests.recommendations.pages import new_analysis

pytestmark = pytest.mark.django_db


def running(**fields: Any) -> Any:
    started = timezone.now() - timedelta(seconds=2)
    return new_analysis(state=Job.State.QUEUED, job_started_at=started, **fields)


def ends() -> list[tuple[str, dict[str, Any]]]:
    return [(event.topic, event.payload) for event in OutboxEvent.objects.filter(topic__startswith="analysis.")]


@pytest.mark.parametrize(
    ("error", "code", "ours"),
    [
        (ApplicationError("no_face"), "no_face", False),
        (ValueError("bug"), "internal_error", True),
        (OSError("disk"), "internal_error", True),
    ],
)
def test_failure_is_recorded(error: Exception, code: str, ours: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise error

    monkeypatch.setattr(analyses, "_read_photos", broken)
    analysis = running()
    if isinstance(error, ApplicationError):
        analyses.run_analysis(analysis.job_id)
    else:
        with pytest.raises(type(error)):
            analyses.run_analysis(analysis.job_id)
    ((topic, payload),) = ends()
    assert topic == "analysis.failed"
    assert (payload["analysis_id"], payload["code"], payload["ours"], payload["arm"]) == (analysis.pk, code, ours, "champion")
    assert 0 <= payload["ms"] < 60_000


def test_worker_that_keeps_dying_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Planner:
        def plan_for(self, layer: str, unit: str) -> serving.Plan:
            return serving.Plan(arm="b", experiment="methods")

    monkeypatch.setattr(serving, "_planner", Planner())
    dead = timezone.now() - timedelta(minutes=5)
    analysis = new_analysis(
        state=Job.State.RUNNING, job_attempts=3, job_worker="gone:1:1", job_lease_until=dead, job_started_at=dead
    )
    assert jobs.recover_lost()["failed"] == 1
    ((_topic, payload),) = ends()
    assert (payload["code"], payload["ours"], payload["experiment"], payload["arm"]) == ("worker_lost", True, "methods", "b")
    assert payload["ms"] >= 300_000
    assert not jobs.fail(analysis.job, "again"), "it is over"
    assert len(ends()) == 1


def test_failure_of_another_task_is_not_its_business() -> None:
    job = Job.objects.create(task="other", queue="default", state=Job.State.RUNNING)
    assert jobs.fail(job, "internal_error")
    assert ends() == []
