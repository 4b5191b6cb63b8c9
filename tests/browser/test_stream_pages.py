"""Stream and key figures in a browser: accessible in both themes, narrow enough for a telephone, filled and empty."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from feedback.models import PoisonMessage, WindowAggregate
from recommendations.models import Analysis

ADDRESSES = ("/staff/stream/", "/staff/figures/")


@pytest.fixture
def staff_page(page: Page, live_server: Any, result: Analysis) -> Page:
    """The browser of a signed-in member of staff."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ann"))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    return page


def fill(result: Analysis) -> None:
    """A month of sums, and a message set aside."""
    style = result.recommendations.get(rank=1).style_id
    values = [("all", "all"), ("source", "ml"), ("source", "stylist"), ("version", "hairstyle-scorer@20260102-long-name")]
    for day in range(30):
        window = (timezone.now() - timedelta(days=day)).replace(minute=0, second=0, microsecond=0)
        for place, (dimension, value) in enumerate([*values, ("style", str(style)), ("face_shape", "oval"), ("arm", "champion")]):
            WindowAggregate.objects.create(
                window=window,
                dimension=dimension,
                value=value,
                impressions=1200 + 40 * day,
                likes=30 + day % 5 + 9 * place,
                dislikes=20 + day % 7,
                analyses=170 + 6 * day,
                errors=day % 3,
                latency_counts={"500": 90, "750": 60, "1500": 20 + day % 4},
            )
    fields = {"id": "5", "payload": "{" * 300}
    PoisonMessage.objects.create(
        consumer="hourly-sums", stream_id="1795306145599-0", fields=fields, reason="not readable: Expecting value"
    )


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_accessible_and_narrow_enough(staff_page: Page, live_server: Any, result: Analysis, address: str, filled: bool) -> None:
    if filled:
        fill(result)
    for theme in ("light", "dark"):
        staff_page.emulate_media(color_scheme=theme)
        staff_page.set_viewport_size({"width": 360, "height": 740})
        staff_page.goto(live_server.url + address)
        staff_page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
        assert staff_page.evaluate("document.documentElement.scrollWidth") <= 360
        found = Axe().run(staff_page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]][:3], v["nodes"][0]["failureSummary"]) for v in found] == [], theme
        if folder := os.environ.get("SHOTS"):
            staff_page.screenshot(
                path=Path(folder) / f"{address.strip('/').replace('/', '-')}-{filled}-{theme}-360.png", full_page=True
            )
            staff_page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = false })")
            staff_page.set_viewport_size({"width": 1280, "height": 900})
            staff_page.screenshot(
                path=Path(folder) / f"{address.strip('/').replace('/', '-')}-{filled}-{theme}.png", full_page=True
            )
