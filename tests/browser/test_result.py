"""Likes with undo, the catalogue's filters and a style on another face: parts that change without a new page."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from feedback.models import Reaction
from recommendations.models import Analysis, Style


def test_like_change_of_mind_and_undo_keep_the_focus(page: Page, live_server: Any, result: Analysis) -> None:
    first = result.recommendations.get(rank=1)
    page.goto(f"{live_server.url}/analyses/{result.pk}/")
    like, passing, undo = (page.locator(f"#{name}-{first.pk}") for name in ("like", "pass", "undo"))
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(like).to_be_focused()
    expect(page.locator("#said")).to_have_text("피드백이 저장되었습니다")
    assert Reaction.objects.get().reaction == 1
    passing.click()
    expect(passing).to_have_attribute("aria-pressed", "true")
    expect(like).to_have_attribute("aria-pressed", "false")
    undo.click()
    expect(undo).to_have_count(0)
    expect(like).to_be_focused()
    assert not Reaction.objects.exists()


def test_lost_connection_is_said_and_nothing_pretends(
    page: Page, live_server: Any, result: Analysis, context: BrowserContext
) -> None:
    page.goto(f"{live_server.url}/analyses/{result.pk}/")
    like = page.locator(".react-like").first
    context.set_offline(True)
    like.click()
    expect(page.locator(".toast")).to_have_text("연결이 끊겼어요. 네트워크를 확인하고 다시 시도해 주세요.")
    expect(like).to_have_attribute("aria-pressed", "false")
    context.set_offline(False)
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")


def test_server_error_is_said(page: Page, live_server: Any, result: Analysis) -> None:
    page.goto(f"{live_server.url}/analyses/{result.pk}/")
    page.route("**/reactions/", lambda route: route.fulfill(status=503, body="no"))
    page.locator(".react-like").first.click()
    expect(page.locator(".toast")).to_have_text("처리하지 못했어요. 잠시 뒤에 다시 시도해 주세요.")


def test_filter_changes_the_grid_the_count_and_the_address(page: Page, live_server: Any, result: Analysis) -> None:
    page.goto(live_server.url + "/styles/")
    page.locator(".finder-more summary").click()
    chin = page.locator("#id_length_3")
    chin.check()
    number = Style.objects.filter(length="chin").count()
    expect(page.locator("#styles-count")).to_have_text(f"{number}가지 스타일")
    expect(page.locator("#styles .card")).to_have_count(min(24, number))
    assert "length=chin" in page.url
    expect(chin).to_be_focused()
    page.go_back()
    expect(page.locator("#styles-count")).to_have_text(f"{Style.objects.count()}가지 스타일")


def test_style_is_drawn_on_another_face_in_place(page: Page, live_server: Any, result: Analysis) -> None:
    style = result.recommendations.get(rank=1).style
    assert style is not None
    page.goto(f"{live_server.url}/styles/{style.slug}/")
    before = page.locator("#picture .sketch").inner_html()
    page.locator("#face-round").click()
    expect(page.locator("#face-round")).to_have_attribute("aria-current", "true")
    expect(page.locator("#face-round")).to_be_focused()
    assert page.locator("#picture .sketch").inner_html() != before
    page.locator("#face-mine").click()
    expect(page.locator("#face-mine")).to_have_attribute("aria-current", "true")
    expect(page.locator("#picture .sketch")).to_have_count(1)
