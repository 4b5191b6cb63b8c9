"""The staff's page of everything that happened: any site's history, also none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from feedback.models import WindowAggregate
from mltraining.models import Alert, DriftReport, ModelTransition, ModelVersion, TrainingRun
from mltraining.services import experiments
from tests.mltraining.experiment_people import WHO, live, long_ago, started
from tests.mltraining.monitored_site import promoted, staff_user, version
from tests.recommendations.pages import load_styles

pytestmark = pytest.mark.django_db
URL = "/staff/story/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(staff_user())
    return client


def summed(served: ModelVersion, day: int, likes: int) -> None:
    WindowAggregate.objects.create(
        window=(timezone.now() - timedelta(days=day)).replace(minute=0, second=0, microsecond=0),
        dimension="version",
        value=served.key,
        impressions=20,
        likes=likes,
        dislikes=20 - likes,
    )


def test_only_staff_see_it(client: Client) -> None:
    assert client.get(URL).status_code == 302


def test_a_site_without_a_history_says_so(staff: Client) -> None:
    page = staff.get(URL, headers={"accept-language": "en"}).content.decode()
    assert "Nothing has been learned yet" in page
    assert '<svg class="chart-plot"' not in page


def test_everything_that_happened_is_told_with_its_reason(staff: Client) -> None:
    load_styles()
    old, new = version("first"), version("second")
    promoted(old, timezone.now() - timedelta(days=40), kind="promote")
    promoted(new, timezone.now() - timedelta(days=2), before=old)
    for day in (5, 4, 3):
        summed(old, day, 5)
    for day in (2, 1):
        summed(new, day, 15)
    run = TrainingRun.objects.create(
        model="hairstyle-scorer", architecture="seed-mlp", trigger="alert", state="rejected", verdict="Not shown to be better."
    )
    Alert.objects.create(kind="features", fingerprint="features", severity="critical", last_at=timezone.now(), run=run)
    ModelTransition.objects.create(name=new.name, kind="register", after=new, actor="code", reason="ships with the code")
    experiment = started(long_ago())
    live(experiment, 1, {"champion": 0.5, "challenger": 0.6})
    experiments.kill(experiment, **WHO)
    page = staff.get(URL, headers={"accept-language": "en"}).content.decode()
    assert "Not shown to be better." in page
    assert f"started run {run.pk}" in page
    assert "stopped by hand" in page
    assert "Day 1 of spring" in page
    assert "ships with the code" not in page
    assert page.count('class="chart-level"') == 1, "one promotion lies within the picture"
    assert page.index("stopped by hand") < page.index("Day 1 of spring"), "the latest comes first"


def test_drift_is_told_where_it_changes(staff: Client) -> None:
    now = timezone.now()
    for hour, status in enumerate(("ok", "ok", "alert", "alert", "ok")):
        end = now - timedelta(hours=10 - hour)
        DriftReport.objects.create(
            window_start=end - timedelta(days=7), window_end=end, reference_start=end - timedelta(days=35),
            reference_end=end - timedelta(days=7), reference_rows=7, window_rows=7, status=status, results=[],
        )  # fmt: skip
    page = staff.get(URL, headers={"accept-language": "en"}).content.decode()
    assert page.count("7 people in the week") == 3
