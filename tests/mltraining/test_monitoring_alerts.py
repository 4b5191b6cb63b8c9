"""Alerts: one per thing, told when it matters, quiet otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from hairme.metrics import exposition
from mltraining.models import Alert
from mltraining.monitoring.findings import KINDS
from mltraining.selectors.monitoring import open_by_severity
from mltraining.services import alerts, monitoring
from tests.mltraining.monitored_site import staff_user

pytestmark = pytest.mark.django_db
NOW = timezone.now()
ROOT = Path(__file__).resolve().parents[2]

Raise = Callable[..., Alert]


@pytest.fixture
def found(settings: Any, django_capture_on_commit_callbacks: Any) -> Raise:
    """Raise an alert ``hours`` from NOW, with its commit."""
    settings.ALERT_EMAIL, settings.ALERT_COOLDOWN_HOURS = ["team@example.com"], 24

    def raise_it(hours: float = 0, severity: str = "warn", kind: str = "labels") -> Alert:
        with django_capture_on_commit_callbacks(execute=True):
            return alerts.raise_alert(kind, severity, {"x": hours}, now=NOW + timedelta(hours=hours))

    return raise_it


def test_the_same_thing_again_adds_to_it(found: Raise, mailoutbox: list[Any]) -> None:
    first = found()
    again = found(5)
    assert (again.pk, again.count, again.details) == (first.pk, 2, {"x": 5})
    assert (again.first_at, again.last_at) == (NOW, NOW + timedelta(hours=5))
    assert len(mailoutbox) == 1
    found(5, kind="errors")
    assert (Alert.objects.count(), len(mailoutbox)) == (2, 2)


def test_told_again_after_the_cooldown_and_no_sooner(found: Raise, mailoutbox: list[Any]) -> None:
    for hours, letters in ((0, 1), (23.9, 1), (24, 2), (30, 2), (48, 3)):
        found(hours)
        assert len(mailoutbox) == letters, hours


def test_worse_is_told_at_once(found: Raise, mailoutbox: list[Any]) -> None:
    alert = found()
    alerts.acknowledge(alert, user=staff_user())
    assert found(1).state == "acknowledged"
    worse = found(2, "critical")
    assert (worse.severity, worse.state, len(mailoutbox)) == ("critical", "open", 2)
    assert found(3).severity == "warn", "it says how it is now"
    assert len(mailoutbox) == 2


def test_who_looks_after_it_is_left_in_peace(found: Raise, mailoutbox: list[Any]) -> None:
    user = staff_user()
    alert = found()
    assert alerts.acknowledge(alert, user=user)
    assert not alerts.acknowledge(alert, user=user)
    assert found(100).state == "acknowledged"
    assert len(mailoutbox) == 1
    assert Alert.objects.get().handled_by == user


def test_one_that_flaps_is_told_once(found: Raise, mailoutbox: list[Any]) -> None:
    first = found()
    assert alerts.resolve(first, user=staff_user())
    assert not alerts.resolve(first, user=first.handled_by)
    second = found(2)
    assert (second.pk != first.pk, second.count, second.notified_at) == (True, 1, None)
    assert len(mailoutbox) == 1
    found(3, "critical")
    assert len(mailoutbox) == 2


def test_steady_ends_only_what_was_looked_at(found: Raise) -> None:
    for kind in ("labels", "errors", "features"):
        found(kind=kind)

    def after(hours: float, kinds: list[str], again: tuple[str, ...] = ()) -> int:
        return alerts.resolve_steady(kinds, set(again), now=NOW + timedelta(hours=hours))

    assert after(23, ["labels"]) == 0
    assert after(25, ["labels"], ("labels",)) == 0
    assert after(25, ["labels", "errors"], ("errors",)) == 1
    assert set(Alert.objects.exclude(state="resolved").values_list("kind", flat=True)) == {"errors", "features"}
    assert Alert.objects.get(kind="labels").resolved_at == NOW + timedelta(hours=25)


def test_a_letter_that_cannot_be_sent_stops_nothing(found: Raise, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise ConnectionRefusedError("no mail server")

    monkeypatch.setattr("mltraining.services.alerts.send_mail", refuse)
    assert found().notified_at == NOW


def test_nobody_is_written_to_by_default(found: Raise, settings: Any, mailoutbox: list[Any]) -> None:
    settings.ALERT_EMAIL = []
    found()
    assert mailoutbox == []


@pytest.mark.django_db(transaction=True)
def test_nothing_is_told_of_what_was_never_written(settings: Any, mailoutbox: list[Any]) -> None:
    settings.ALERT_EMAIL = ["team@example.com"]

    def interrupted(now: datetime) -> None:
        with transaction.atomic():
            alerts.raise_alert("labels", "warn", {}, now=now)
            raise KeyError

    with pytest.raises(KeyError):
        interrupted(NOW)
    assert (Alert.objects.count(), mailoutbox) == (0, [])


def test_every_kind_has_a_runbook() -> None:
    for kind in (*KINDS, *monitoring.STALE, monitoring.CHAMPION):
        text = (ROOT / alerts.RUNBOOKS / f"{kind}.md").read_text(encoding="utf-8")
        assert text.startswith("# "), kind
        assert "**Then.**" in text, kind


def test_metrics_say_how_many_there_are(found: Raise) -> None:
    found()
    found(severity="critical", kind="errors")
    alerts.resolve(found(severity="critical", kind="latency"), user=staff_user())
    assert open_by_severity() == {"info": 0, "warn": 1, "critical": 1}
    assert 'hairme_alerts_unresolved{severity="critical"} 1.0' in exposition()[0].decode()
