"""The pages of the learning loop in a browser, with a history: accessible in both themes and languages, narrow enough for a telephone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from feedback.models import WindowAggregate
from mltraining.models import Alert, TrainingRun
from mltraining.services import monitoring, registry
from recommendations.models import Analysis
from recommendations.selectors import SCORER
from tests.mltraining.experiment_people import live, started
from tests.mltraining.monitored_site import fill, promoted, version

NAMES = ("story", "models", "model", "runs", "run", "experiments", "experiment", "drift", "feature", "alerts")


@pytest.fixture
def staff_page(page: Page, live_server: Any, result: Analysis) -> Page:
    """The browser of a signed-in member of staff."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ann"))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    return page


@pytest.fixture
def history(staff_page: Page) -> dict[str, str]:
    """A site that has learned something; returns the address of each page."""
    now = timezone.now()
    registry.register_shipped()
    first = version("first-with-a-rather-long-name-20260101-1")
    promoted(first, now - timedelta(days=9))
    fill(now, first, days=9, a_day=15, shift=25.0, late_days=3)
    for day in range(9):
        window = (now - timedelta(days=day)).replace(minute=0, second=0, microsecond=0)
        WindowAggregate.objects.create(
            window=window, dimension="version", value=first.key, impressions=30, likes=10 + day % 3, dislikes=10
        )
    run = TrainingRun.objects.create(
        model=SCORER, architecture="preference", trigger="alert", state="rejected", finished_at=now, started_at=now,
        verdict="Not shown to be better than the champion.", curves=[{"epoch": n, "train": 1 / n, "valid": 1 / n} for n in (1, 2, 3)],
    )  # fmt: skip
    experiment = started(now - timedelta(days=3))
    live(experiment, 2, {"champion": 0.5, "challenger": 0.6}, people=20)
    report = monitoring.check()
    Alert.objects.create(
        kind="features", fingerprint="by hand", severity="critical", last_at=now, run=run, details={"features": {}}
    )
    feature = next(row["feature"] for row in report.results if row["kind"] == "features")
    return {
        "story": "/staff/story/",
        "models": "/staff/models/",
        "model": f"/staff/models/{SCORER}/",
        "runs": "/staff/runs/",
        "run": f"/staff/runs/{run.pk}/",
        "experiments": "/staff/experiments/",
        "experiment": f"/staff/experiments/{experiment.key}/",
        "drift": "/staff/drift/",
        "feature": f"/staff/drift/{feature}/",
        "alerts": "/staff/alerts/",
    }


def test_axe_finds_nothing(staff_page: Page, live_server: Any, history: dict[str, str], prefer: Any) -> None:
    problems = []
    for name in NAMES:
        for theme, language in (("light", "ko"), ("dark", "en")):
            prefer(language=language, theme=theme)
            answer = staff_page.goto(live_server.url + history[name])
            assert answer is not None
            assert answer.status == 200, name
            staff_page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
            found = Axe().run(staff_page, options={"resultTypes": ["violations"]}).response["violations"]
            problems += [(name, theme, v["id"], v["nodes"][0]["target"], v["nodes"][0]["failureSummary"]) for v in found]
    assert problems == []


def test_nothing_scrolls_sideways_at_360_pixels(staff_page: Page, live_server: Any, history: dict[str, str], prefer: Any) -> None:
    staff_page.set_viewport_size({"width": 360, "height": 740})
    wide = []
    for name in NAMES:
        for language in ("ko", "en"):
            prefer(language=language)
            staff_page.goto(live_server.url + history[name])
            staff_page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
            width = staff_page.evaluate("document.documentElement.scrollWidth")
            wide += [(name, language, width)] if width > 360 else []
    assert wide == []
