"""Staff pages of drift and alerts, and the admin: who sees and changes what, and what is drawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone, translation

from mltraining.models import Alert, DriftReport
from mltraining.monitoring.compare import Baseline
from mltraining.monitoring.findings import KINDS, worst
from mltraining.monitoring.simulated_site import DAY, Drift, simulate, style_space
from mltraining.services import alerts
from mltraining.web import drift_figures
from tests.mltraining.monitored_site import staff_user
from tests.recommendations.pages import Page

pytestmark = pytest.mark.django_db
PATHS = ("/staff/drift/", "/staff/drift/measure:length_to_width/", "/staff/alerts/", "/staff/runbooks/features/")


@pytest.fixture(scope="module")
def findings() -> list[dict[str, Any]]:
    data = simulate(42, 120, np.random.default_rng(1), Drift("measure", 1.0, 35))
    found = Baseline(data.between(0, 28 * DAY), style_space()).compare(data.between(35 * DAY, 42 * DAY))
    assert worst(f.status for f in found) == "alert"
    return [f.to_json() for f in found]


@pytest.fixture
def reports(findings: list[dict[str, Any]]) -> list[DriftReport]:
    now = timezone.now()
    return [
        DriftReport.objects.create(
            model_version="hairstyle-scorer@1",
            window_start=now - timedelta(days=7, hours=hours),
            window_end=now - timedelta(hours=hours),
            reference_start=now - timedelta(days=60),
            reference_end=now - timedelta(days=32),
            reference_rows=900,
            window_rows=300,
            status="alert",
            results=findings,
        )
        for hours in (2, 1, 0)
    ]


@pytest.fixture
def alert() -> Alert:
    details = {"features": {"measure:length_to_width": {"status": "alert", "psi": 0.7}}, "report": 1, "retraining": "<b>no</b>"}
    return alerts.raise_alert("features", "critical", details, now=timezone.now())


def staff(*permissions: str) -> Client:
    client = Client()
    client.force_login(staff_user(*permissions))
    return client


@pytest.mark.parametrize("path", PATHS)
def test_staff_only(path: str, reports: list[DriftReport], alert: Alert, client: Client) -> None:
    assert client.get(path).status_code == 302
    client.force_login(get_user_model().objects.create_user("guest", password="long enough 1"))
    assert client.get(path).status_code == 302
    response = staff("change_alert").get(path)
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    page = Page(response)
    assert (page.headings, page.inline) == (1, [])
    assert len(page.ids) == len(set(page.ids))


def test_before_anything_was_compared() -> None:
    client = staff()
    assert client.get("/staff/drift/").status_code == 200
    assert client.get("/staff/alerts/").status_code == 200
    assert client.get("/staff/drift/season/").status_code == 404
    assert client.get("/staff/runbooks/nothing/").status_code == 404


def test_the_drift_page_shows_every_feature(reports: list[DriftReport], findings: list[dict[str, Any]], alert: Alert) -> None:
    response = staff().get("/staff/drift/")
    page = Page(response)
    for row in findings:
        assert f"/staff/drift/{row['feature']}/" in page.html
    assert [kind["key"] for kind in response.context["kinds"]] == list(KINDS)
    row = next(r for r in response.context["kinds"][0]["rows"] if r["feature"] == "measure:length_to_width")
    assert row["is_bad"]
    assert row["spark"].count("L") == 2
    assert "notice-bad" in page.html, "a critical alert"
    assert not response.context["is_late"]
    DriftReport.objects.update(created_at=timezone.now() - timedelta(hours=4))
    client = Client()
    client.force_login(get_user_model().objects.get(username="lee"))
    assert client.get("/staff/drift/").context["is_late"]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_feature_can_be_opened(reports: list[DriftReport], findings: list[dict[str, Any]], language: str) -> None:
    client = staff()
    for row in findings:
        response = client.get(f"/staff/drift/{row['feature']}/", headers={"accept-language": language})
        assert response.status_code == 200, row["feature"]
        drawn = response.context["histogram"] or response.context["reliability"] or response.context["rates"]
        assert drawn or row["kind"] == "embeddings", row["feature"]


def test_a_histogram_holds_the_shares() -> None:
    with translation.override("en"):
        drawn = drift_figures.histogram({"edges": [1.0, 2.0], "reference": [1, 1, 2, 0], "window": [0, 0, 3, 1]})
    assert drawn is not None
    assert [(bar.label, bar.reference, bar.window) for bar in drawn.bars] == [
        ("< 1", "25.0%", "0.0%"),
        ("1–2", "25.0%", "0.0%"),
        ("≥ 2", "50.0%", "75.0%"),
        ("unread", "0.0%", "25.0%"),
    ]
    assert [bar.short for bar in drawn.bars] == ["<", "1", "2", "unread"]
    assert min(bar.window_y for bar in drawn.bars) == 12, "the tallest fills the picture"
    assert drawn.bars[0].window_y == drawn.floor
    assert drift_figures.histogram({"reference_rate": 0.3}) is None


def test_a_spark_needs_two_points() -> None:
    assert drift_figures.spark([0.1]) == ""
    assert drift_figures.spark([float("nan"), 0.1]) == ""
    assert drift_figures.spark([0.1, float("nan"), 0.6]) == "M0.0 22.0 L96.0 2.0"


def test_alerts_are_seen_and_resolved_with_a_name(alert: Alert) -> None:
    client = staff("change_alert")
    page = Page(client.get("/staff/alerts/"))
    assert "measure:length_to_width" in page.text
    assert "<b>no</b>" in page.text
    assert client.post(f"/staff/alerts/{alert.pk}/acknowledge/").status_code == 302
    alert.refresh_from_db()
    assert (alert.state, getattr(alert.handled_by, "username", "")) == ("acknowledged", "lee")
    assert client.get(f"/staff/alerts/{alert.pk}/resolve/").status_code == 405
    assert client.post(f"/staff/alerts/{alert.pk}/resolve/").status_code == 302
    response = client.get("/staff/alerts/")
    assert response.context["unresolved"] == []
    assert [shown["alert"] for shown in response.context["resolved_rows"]] == [alert]


def test_without_the_permission_nothing_changes(alert: Alert) -> None:
    client = staff()
    assert "/resolve/" not in client.get("/staff/alerts/").content.decode()
    for act in ("acknowledge", "resolve"):
        assert client.post(f"/staff/alerts/{alert.pk}/{act}/").status_code == 403
    alert.refresh_from_db()
    assert alert.state == "open"


def test_the_admin(alert: Alert, reports: list[DriftReport]) -> None:
    client = staff("view_alert", "change_alert", "view_driftreport")
    for name in ("alert", "driftreport"):
        assert client.get(f"/admin/mltraining/{name}/").status_code == 200
    assert client.get(f"/admin/mltraining/driftreport/{reports[0].pk}/change/").status_code == 200
    chosen = {"action": "acknowledge", "_selected_action": [alert.pk]}
    client.post("/admin/mltraining/alert/", chosen)
    alert.refresh_from_db()
    assert alert.state == "acknowledged"
    assert client.get("/admin/mltraining/alert/add/").status_code == 403
