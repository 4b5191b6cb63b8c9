"""What /metrics says of jobs, queues, workers, the outbox and the workers' stages; and when database or Redis are away."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError, transaction
from django.utils import timezone

from hairme import metrics
from hairme.common import heartbeat, outbox, wake
from hairme.common.models import Job

pytestmark = pytest.mark.django_db


def lines() -> dict[str, float]:
    """{'name{labels}': value} of what is asked at scrape time."""
    text = metrics.exposition()[0].decode()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if not line.startswith("#")}


def test_unfinished_jobs_and_the_oldest_one() -> None:
    for state in ("queued", "queued", "running", "failed"):
        Job.objects.create(task="t", queue="inference", state=state)
    Job.objects.filter(state="queued").update(created_at=timezone.now() - timedelta(seconds=90))
    found = lines()
    assert found['hairme_jobs_unfinished{queue="inference",state="queued"}'] == 2
    assert found['hairme_jobs_unfinished{queue="inference",state="running"}'] == 1
    assert not any("failed" in name for name in found if name.startswith("hairme_jobs_unfinished"))
    assert 90 <= found['hairme_oldest_waiting_job_seconds{queue="inference"}'] < 100
    assert found["hairme_database_up"] == found["hairme_broker_up"] == 1


def test_events_that_wait() -> None:
    with transaction.atomic():
        outbox.record("t", 1, {})
    assert lines()["hairme_outbox_waiting"] == 1


def test_queues_and_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "PREFIX", f"hairme:test-worker:{uuid.uuid4().hex}:")
    wake.client().set(heartbeat.PREFIX + "one@here", "training", ex=30)
    found = lines()
    assert found['hairme_workers{queue="training"}'] == 1
    assert found['hairme_workers{queue="default"}'] == 0
    assert found['hairme_queue_depth{queue="training"}'] == 0


def test_stages_that_workers_measured() -> None:
    """Nothing of it is kept in this process: workers count, and the web process answers."""
    stage = f"test-{uuid.uuid4().hex}"
    for seconds in (0.005, 0.05, 0.05, 99):
        metrics.ANALYSIS_SECONDS.observe(stage, seconds)
    found = lines()
    bucket = f'hairme_analysis_seconds_bucket{{le="%s",stage="{stage}"}}'
    assert [found[bucket % limit] for limit in ("0.01", "0.03", "0.06", "10.0", "+Inf")] == [1, 1, 3, 3, 4]
    assert found[f'hairme_analysis_seconds_count{{stage="{stage}"}}'] == 4
    assert found[f'hairme_analysis_seconds_sum{{stage="{stage}"}}'] == pytest.approx(99.105)
    wake.client().hdel("hairme:metrics:hairme_analysis_seconds", *(f"{stage}|{b}" for b in ("0.01", "0.06", "+Inf", "sum")))


def test_redis_away_is_a_figure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=wake.NO_RETRY)
    monkeypatch.setattr(wake, "client", lambda: away)
    metrics.ANALYSIS_SECONDS.observe("decode", 1)
    found = lines()
    assert (found["hairme_broker_up"], found["hairme_database_up"]) == (0, 1)


def test_database_away_is_a_figure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(Job.objects.__class__, "get_queryset", away)
    found = lines()
    assert (found["hairme_broker_up"], found["hairme_database_up"]) == (1, 0)


def test_requests_of_the_site_are_counted(client: Any) -> None:
    name = 'django_http_responses_total_by_status_total{status="404"}'
    before = lines().get(name, 0)
    client.get("/nowhere")
    assert lines()[name] == before + 1
