"""What holds on every page: accessible in both themes and languages, no sideways scrolling, light."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from hairme.common.models import Job
from recommendations.models import Analysis
from tests.recommendations.pages import new_analysis

NAMES = ("home", "styles", "style", "result", "history", "privacy", "measured", "progress", "failed", "delete", "missing")


def address(name: str, result: Analysis) -> str:
    style = result.recommendations.get(rank=1).style
    assert style is not None
    if name == "progress":
        return f"/analyses/{new_analysis(state=Job.State.RUNNING, job_stage='reading').pk}/"
    if name == "failed":
        return f"/analyses/{new_analysis(state=Job.State.FAILED, job_error_code='too_dark').pk}/"
    return {
        "home": "/",
        "styles": "/styles/?presentation=feminine",
        "style": f"/styles/{style.slug}/",
        "result": f"/analyses/{result.pk}/",
        "history": "/history/",
        "privacy": "/privacy/",
        "measured": "/measured/",
        "delete": f"/analyses/{result.pk}/delete/",
        "missing": "/nothing-here/",
    }[name]


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(page: Page, live_server: Any, result: Analysis, prefer: Any, name: str) -> None:
    target = live_server.url + address(name, result)
    for theme in ("light", "dark"):
        for language in ("ko", "en"):
            prefer(language=language, theme=theme)
            page.goto(target)
            page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
            found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            assert [(v["id"], [n["target"] for n in v["nodes"]][:3], v["nodes"][0]["failureSummary"]) for v in found] == [], (
                theme,
                language,
            )


@pytest.mark.parametrize("name", NAMES)
def test_nothing_scrolls_sideways_at_360_pixels(page: Page, live_server: Any, result: Analysis, prefer: Any, name: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    target = live_server.url + address(name, result)
    for language in ("ko", "en"):
        prefer(language=language)
        page.goto(target)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, language


@pytest.mark.parametrize("name", ["home", "styles", "style", "result"])
def test_everything_that_can_be_pressed_is_large_enough(page: Page, live_server: Any, result: Analysis, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(live_server.url + address(name, result))
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, summary, select, input, .button, nav a')]
            .filter((part) => !['hidden', 'file'].includes(part.type))
            .filter((part) => part.offsetParent && !part.closest('[hidden]'))
            .map((part) => [part.outerHTML.slice(0, 80), part.getBoundingClientRect()])
            .filter(([, box]) => box.height < 42 || box.width < 24)
            .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
    )
    assert small == []


def test_first_page_is_light(page: Page, live_server: Any) -> None:
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    page.goto(live_server.url)
    page.wait_for_load_state("networkidle")
    assert all(response.url.startswith(live_server.url) for response in responses)
    assert len(responses) < 20
    assert sum(len(response.body()) for response in responses) < 150_000


def test_pictures_have_their_place_before_they_arrive(page: Page, live_server: Any) -> None:
    page.goto(live_server.url + "/styles/")
    shift = page.evaluate(
        """() => new Promise((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((entry) => { sum += entry.value }))
                .observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => resolve(sum), 800);
        })"""
    )
    assert shift < 0.05
