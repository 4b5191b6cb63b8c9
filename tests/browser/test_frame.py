"""Theme, language, skip link: the frame around every page."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


LIGHT, DARK = "rgb(250, 247, 242)", "rgb(21, 18, 16)"


def test_theme_goes_round_three_states_and_is_remembered(page: Page, live_server: Any) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(live_server.url)
    button = page.locator("[data-theme-form] button")
    assert background(page) == LIGHT
    button.click()
    expect(button).to_have_attribute("data-state", "light")
    button.click()
    expect(button).to_have_attribute("data-state", "dark")
    assert background(page) == DARK
    page.reload()
    assert background(page) == DARK
    expect(button).to_have_attribute("data-state", "dark")
    button.click()
    expect(button).to_have_attribute("data-state", "auto")
    assert background(page) == LIGHT
    page.reload()
    expect(button).to_have_attribute("data-state", "auto")


def test_theme_follows_the_device_until_one_is_chosen(page: Page, live_server: Any, prefer: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(live_server.url)
    assert background(page) == DARK
    prefer(theme="light")
    page.reload()
    assert background(page) == LIGHT


def test_language_changes_on_the_same_page(page: Page, live_server: Any) -> None:
    page.goto(live_server.url + "/styles/?length=chin")
    assert page.locator("html").get_attribute("lang") == "ko"
    expect(page.get_by_role("heading", level=1)).to_have_text("스타일")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Styles")
    assert page.url == live_server.url + "/styles/?length=chin"
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")


def test_theme_and_language_work_without_scripts(browser: Browser, live_server: Any, result: Any) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ko-KR", color_scheme="light")
    page = context.new_page()
    page.goto(live_server.url + "/privacy/")
    page.locator("[data-theme-form] button").click()
    assert page.url == live_server.url + "/privacy/"
    page.locator("[data-theme-form] button").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    context.close()


def test_first_tab_skips_to_the_content(page: Page, live_server: Any) -> None:
    page.goto(live_server.url)
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_motion_stops_where_it_is_not_wanted(page: Page, live_server: Any) -> None:
    from hairme.common.models import Job
    from tests.recommendations.pages import new_analysis

    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{live_server.url}/analyses/{new_analysis(state=Job.State.RUNNING, job_stage='reading').pk}/")
    assert page.evaluate("getComputedStyle(document.querySelector('.grow')).animationName") == "none"
