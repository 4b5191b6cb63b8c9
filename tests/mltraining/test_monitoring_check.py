"""One look at the tables: the arrays it reads, the report, the alerts it raises and ends, and the one retraining a day."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from hairme.common.errors import ApplicationError
from hairme.common.models import Job, OutboxEvent
from mltraining.models import Alert, DriftReport, Experiment, ModelVersion, TrainingRun
from mltraining.monitoring.data import SOURCES, WORDS
from mltraining.selectors import monitoring as reads
from mltraining.services import champion_watch, monitoring
from mltraining.tasks.monitoring import monitor
from recommendations.models import Analysis, Recommendation
from recommendations.selectors import SCORER
from tests.mltraining.monitored_site import fill, promoted, reading, version

pytestmark = pytest.mark.django_db
Severity = Alert.Severity


@pytest.fixture
def champion() -> ModelVersion:
    served = version("1")
    promoted(served, timezone.now() - timedelta(days=36))
    return served


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Alert]:
    """Alerts that a retraining was started for."""
    asked: list[Alert] = []

    def start(trigger: str, *, alert: Alert, **_more: Any) -> TrainingRun:
        asked.append(alert)
        return TrainingRun.objects.create(model=SCORER, architecture="seed-mlp", trigger=trigger, state="rejected")

    monkeypatch.setattr("mltraining.services.retraining.start_retraining", start)
    return asked


def alert(kind: str) -> Alert:
    return Alert.objects.exclude(state="resolved").get(kind=kind)


def test_the_arrays_of_one_analysis(champion: ModelVersion) -> None:
    now = timezone.now()
    stored = reading(np.random.default_rng(0))
    stored["colour"]["season"]["decision"] = "unsure"
    del stored["measurements"]["eye_spacing"]
    for i in range(2):
        job = Job.objects.create(task="recommendations.analyze", queue="inference")
        row = Analysis.objects.create(
            job=job, visitor="anna", photo_sha256="0", language="ko", reading=stored, face_shape="oval", season="winter"
        )
        for rank, (source, score) in enumerate((("stylist", 50.0), ("ml", 80.0)), start=1):
            model = champion.key if i == 0 else f"{SCORER}@0"
            Recommendation.objects.create(
                analysis=row, rank=rank, style_name=source, source=source, ml_score=score, reason="", model_version=model
            )
    data = reads.period_data(now - timedelta(hours=1), now + timedelta(hours=1), champion.key, [])
    assert len(data.analyses) == 2
    assert len(data.analyses.latest_per_person()) == 1
    assert data.analyses["measure:jaw_angle"][0] == stored["measurements"]["jaw_angle"]["percentile"]
    assert np.isnan(data.analyses["measure:eye_spacing"]).all()
    assert data.analyses["shape:oval"][0] == stored["face_shape"]["probabilities"]["oval"]
    assert data.analyses["season"][0] == -1, "a refused season is unread"
    assert WORDS["face_shape"][int(data.analyses["face_shape"][0])] == "oval"
    assert (data.lists["score_mean"].tolist(), data.lists["score_top"].tolist()) == ([65.0], [80.0]), "the champion's only"
    assert data.lists["advisor"].tolist() == [1]
    assert len(reads.period_data(now + timedelta(hours=1), now + timedelta(hours=2), champion.key, []).analyses) == 0


def test_large_periods_are_sampled(champion: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    fill(now, champion, days=4)
    monkeypatch.setattr(reads, "MOST_ANALYSES", 32)
    sampled = reads.period_data(now - timedelta(days=4), now, champion.key, [])
    assert 10 <= len(sampled.analyses) <= 60
    assert set(np.unique(sampled.reactions["source"]).astype(int)) <= set(range(len(SOURCES)))
    assert len(sampled.reactions) == 2 * len(sampled.analyses)


def test_a_steady_week(champion: ModelVersion, started: list[Alert]) -> None:
    fill(timezone.now(), champion)
    report = monitoring.check()
    assert report.status == "ok"
    assert (report.model_version, DriftReport.objects.count()) == (champion.key, 1)
    assert report.window_rows == 140
    assert report.reference_end - report.reference_start == timedelta(days=28)
    assert not Alert.objects.exists()
    assert started == []


def test_an_empty_site() -> None:
    report = monitoring.check()
    assert report.status == "too_few"
    assert not Alert.objects.exists()
    monitor()
    assert DriftReport.objects.count() == 2


def test_faces_drift_opens_one_alert_and_starts_one_retraining(
    champion: ModelVersion, started: list[Alert], mailoutbox: list[Any], settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.ALERT_EMAIL, settings.ALERT_OWNER = ["team@example.com"], "Lee"
    now = timezone.now()
    fill(now, champion, shift=25)
    with django_capture_on_commit_callbacks(execute=True):
        assert monitoring.check(now).status == "alert"
    first = alert("features")
    assert (first.severity, first.count, first.owner, first.runbook) == ("critical", 1, "Lee", "docs/runbooks/features.md")
    assert "measure:jaw_angle" in first.details["features"]
    assert "shape:oval" not in first.details["features"]
    assert started == [first]
    assert first.run is not None
    assert [mail.subject for mail in mailoutbox] == ["[HairMe] critical: features"]
    assert "docs/runbooks/features.md" in mailoutbox[0].body
    with django_capture_on_commit_callbacks(execute=True):
        monitoring.check(now)
    assert alert("features").count == 2
    assert (len(started), len(mailoutbox)) == (1, 1)


def test_one_retraining_a_day_whatever_the_alerts_are(champion: ModelVersion, started: list[Alert]) -> None:
    now = timezone.now()
    fill(now, champion, shift=25, late_like_rate=0.15)
    monitoring.check(now)
    assert {a.kind for a in Alert.objects.filter(severity="critical")} >= {"features", "labels"}
    assert len(started) == 1
    TrainingRun.objects.update(created_at=now - timedelta(hours=23))
    monitoring.check(now)
    assert len(started) == 1
    TrainingRun.objects.update(created_at=now - timedelta(hours=25))
    monitoring.check(now)
    assert [a.kind for a in started] == ["features", "labels"], "the same alert not again within a week, another one may"
    TrainingRun.objects.update(created_at=now - timedelta(hours=25))
    monitoring.check(now)
    assert (
        len({a.pk for a in started}) == len(started) == 2 + Alert.objects.filter(kind="calibration", severity="critical").count()
    )


def test_no_retraining_while_an_experiment_runs_or_just_after_a_promotion(champion: ModelVersion, started: list[Alert]) -> None:
    now = timezone.now()
    fill(now, champion, shift=25)
    running = Experiment.objects.create(key="x", title="x", hypothesis="x", salt="x", arms=[], state="running", started_at=now)
    monitoring.check(now)
    assert alert("features").severity == "critical"
    assert started == []
    Experiment.objects.filter(pk=running.pk).update(state="decided")
    promoted(version("2"), now - timedelta(days=3), champion)
    monitoring.check(now)
    assert started == []
    promoted(champion, now - timedelta(days=8))
    monitoring.check(now)
    assert len(started) == 1


def test_a_refused_retraining_is_noted(champion: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise ApplicationError("training_too_few", params={"have": 1, "need": 10})

    monkeypatch.setattr("mltraining.services.retraining.start_retraining", refuse)
    fill(timezone.now(), champion, shift=25)
    monitoring.check()
    assert alert("features").details["retraining"]
    assert alert("features").run is None


def test_the_real_retraining_is_queued(champion: ModelVersion, settings: Any) -> None:
    settings.RETRAIN_MIN_FEEDBACKS = 0
    fill(timezone.now(), champion, shift=25)
    monitoring.check()
    run = TrainingRun.objects.get()
    assert (run.trigger, alert("features").run) == ("alert", run)


def test_steady_again_for_a_day_ends_it(champion: ModelVersion, started: list[Alert]) -> None:
    now = timezone.now()
    fill(now, champion, shift=25)
    monitoring.check(now)
    Analysis.objects.filter(created_at__gte=now - timedelta(days=7)).delete()
    monitoring.check(now + timedelta(days=2))
    assert alert("features").state == "open", "too few to say is not steady"
    fill(now, champion, days=7, seed=1)
    monitoring.check(now + timedelta(hours=23))
    assert alert("features").state == "open", "not a day yet"
    monitoring.check(now + timedelta(hours=25))
    assert Alert.objects.get(kind="features").state == "resolved"


def test_what_has_gone_stale(champion: ModelVersion) -> None:
    now = timezone.now()
    fill(now, champion, days=2)
    assert list(reads.stale(now)) == []
    event = OutboxEvent.objects.create(topic="recommendations.shown", key="1", payload={})
    later = now + timedelta(hours=5)
    assert [found.kind for found in reads.stale(later)] == ["stream_behind"]
    OutboxEvent.objects.filter(pk=event.pk).delete()
    ModelVersion.objects.update(created_at=now - timedelta(days=15))
    assert [found.kind for found in reads.stale(now)] == ["training_stale"]
    run = TrainingRun.objects.create(model=SCORER, architecture="x", trigger="weekly", state="rejected", finished_at=now)
    TrainingRun.objects.filter(pk=run.pk).update(finished_at=now - timedelta(days=1))
    assert list(reads.stale(now)) == []
    ModelVersion.objects.update(created_at=now)
    assert monitoring.check().pk


def test_reports_are_thinned() -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    for hours in (1, 2, 240, 241, 9600):
        at = noon - timedelta(hours=hours)
        spans = {"window_start": at, "reference_start": at, "reference_end": at}
        DriftReport.objects.create(window_end=at, reference_rows=1, window_rows=1, status="ok", results=[], **spans)
    monitoring._prune(noon)
    kept = DriftReport.objects.order_by("-window_end").values_list("window_end", flat=True)
    assert [(noon - at) // timedelta(hours=1) for at in kept] == [1, 2, 240]


def test_the_command(champion: ModelVersion) -> None:
    fill(timezone.now(), champion, shift=25)
    out = StringIO()
    call_command("monitor", json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert said["status"] == "alert"
    assert said["alerts"][0]["kind"] == "features"
    out = StringIO()
    call_command("monitor", stdout=out)
    assert "alert: features (critical, open, 2x) docs/runbooks/features.md" in out.getvalue()


@pytest.fixture
def successor(champion: ModelVersion) -> ModelVersion:
    """Version 2, promoted three days ago over version 1."""
    promoted(second := version("2"), timezone.now() - timedelta(days=3), champion)
    return second


def _liked(champion: ModelVersion, successor: ModelVersion, rate: float) -> None:
    now = timezone.now()
    fill(now - timedelta(days=3), champion, days=10, a_day=20, like_rate=0.4)
    fill(now, successor, days=3, a_day=60, like_rate=rate, seed=1)


def test_a_champion_that_is_liked_as_before_stays(champion: ModelVersion, successor: ModelVersion) -> None:
    _liked(champion, successor, 0.4)
    assert champion_watch.watch(timezone.now(), "beat") is None


@pytest.mark.parametrize("case", ["by itself", "experiment", "too late", "never"])
def test_a_harmful_champion_is_rolled_back_where_nobody_else_decides(
    case: str,
    champion: ModelVersion,
    successor: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    started: list[Alert],
) -> None:
    calls: list[dict[str, Any]] = []

    def rollback(name: str, **more: Any) -> ModelVersion:
        calls.append({"name": name, **more})
        return champion

    monkeypatch.setattr("mltraining.services.registry.rollback", rollback)
    _liked(champion, successor, 0.2)
    now = timezone.now()
    if case == "experiment":
        Experiment.objects.create(key="x", title="x", hypothesis="x", salt="x", arms=[], state="running", started_at=now)
    settings.ROLLBACK_DAYS = {"too late": 2, "never": 0}.get(case, 7)
    monitoring.check(now)
    found = alert("champion_worse")
    assert (found.severity, found.details["champion"], found.details["previous"]) == ("critical", successor.key, champion.key)
    assert found.details["upper"] < found.details["lower"]
    if case == "by itself":
        assert [(call["name"], call["actor"]) for call in calls] == [(SCORER, "beat")]
        assert found.details["done"] == f"rolled back to {champion.key}"
    else:
        assert calls == []
        assert f"models rollback {SCORER}" in found.details["done"]
    assert started == [], "what changed is the model"


def test_one_that_was_rolled_back_to_is_left_alone(champion: ModelVersion, successor: ModelVersion) -> None:
    _liked(champion, successor, 0.2)
    promoted(successor, timezone.now() - timedelta(days=3), champion, kind="rollback")
    assert champion_watch.watch(timezone.now(), "beat") is None


def test_a_harmful_champion_that_cannot_be_replaced(champion: ModelVersion, successor: ModelVersion) -> None:
    """No earlier champion loads: these versions have no files."""
    _liked(champion, successor, 0.2)
    found = champion_watch.watch(timezone.now(), "beat")
    assert found is not None
    assert found[1].startswith("not rolled back: ")
    assert np.isclose(found[0].lift, -0.5, atol=0.15)
