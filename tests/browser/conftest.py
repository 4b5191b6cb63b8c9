"""A real Chromium on a real server. Without a Chromium these tests are skipped and say so; on CI that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from recommendations.models import Analysis
from tests.recommendations.pages import finished_analysis, load_styles

# Playwright's synchronous interface keeps an event loop running in this thread; the ORM is still called from it alone.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VISITOR = "browser-test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = "no Chromium found; install one (apt-get install chromium) or name it in CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--use-fake-device-for-media-stream"]
    return {**browser_type_launch_args, "executable_path": found, "args": arguments}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "locale": "ko-KR", "viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def result(live_server: Any) -> Analysis:
    """A small catalogue and one finished analysis of this browser."""
    load_styles()
    return finished_analysis(visitor=VISITOR)


@pytest.fixture
def page(context: BrowserContext, live_server: Any, result: Analysis) -> Iterator[Page]:
    """A page of the visitor whose ``result`` it is. Fails the test where a page breaks its security policy or a script throws."""
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session["visitor"] = VISITOR
    session.create()
    context.add_cookies([{"name": "sessionid", "value": str(session.session_key), "url": live_server.url}])
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    page.set_default_timeout(10_000)
    yield page
    assert faults == []


@pytest.fixture
def prefer(context: BrowserContext, live_server: Any) -> Any:
    """``prefer(language="en", theme="dark")`` as a visitor who chose them earlier."""

    def choose(*, language: str = "ko", theme: str = "") -> None:
        cookies = [{"name": "django_language", "value": language, "url": live_server.url}]
        if theme:
            cookies.append({"name": "theme", "value": theme, "url": live_server.url})
        context.add_cookies(cookies)  # type: ignore[arg-type]

    return choose
