"""Correcting a reading and giving several photos, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from recommendations.models import Analysis, FurtherPhoto, Recommendation
from recommendations.services.photos import forget_photo
from tests.recommendations.test_corrections import make_list


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommendations.web.corrections.WAIT_SECONDS", 0)


def work(result: Analysis) -> Analysis:
    """The worker's part, with two styles less."""
    last = result.corrections.last()
    assert last is not None
    return make_list(result, last.job)


def test_correction_is_followed_to_the_new_list_and_undone(page: Page, live_server: Any, result: Analysis) -> None:
    page.goto(f"{live_server.url}/analyses/{result.pk}/")
    page.locator(".correct-form summary").click()
    page.locator("#id_face_shape").select_option("heart")
    page.check("#id_vein_2")
    page.locator(".correct-form [data-submit]").click()
    expect(page.locator(".correct [role=status]")).to_contain_text("다시 고르고 있어요")
    expect(page.locator(".said li")).to_have_count(2)
    work(result)
    expect(page.locator(".changed")).to_contain_text("2개가 바뀌었어요", timeout=8000)
    expect(page.locator(".pick")).to_have_count(5)
    page.get_by_role("button", name="취소: 얼굴형").click()
    expect(page.locator(".said li")).to_have_count(1)
    assert Recommendation.objects.filter(analysis=result).count() == 12


def test_correction_works_without_scripts(browser: Browser, live_server: Any, result: Analysis) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ko-KR", viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto(f"{live_server.url}/analyses/{result.pk}/")
    page.locator(".correct-form summary").click()
    page.locator("#id_season").select_option("winter")
    page.locator(".correct-form [data-submit]").click()
    expect(page.locator(".correct [role=status]")).to_contain_text("다시 고르고 있어요")
    work(result)
    expect(page.locator(".correct .changed")).to_be_visible(timeout=8000)
    context.close()


def test_up_to_three_photos_are_shown_and_sent(
    page: Page, live_server: Any, tmp_path: Path, face_jpeg: bytes, context: BrowserContext
) -> None:
    files = [tmp_path / f"{name}.jpg" for name in "abcd"]
    for number, file in enumerate(files):
        file.write_bytes(face_jpeg + bytes(number))
    page.goto(live_server.url)
    page.set_input_files("#id_file", files[:2])
    expect(page.locator("[data-name]")).to_have_text("a.jpg, b.jpg")
    expect(page.locator("[data-others] img")).to_have_count(1)
    with page.expect_file_chooser() as chooser:
        page.locator("[data-more]").click()
    chooser.value.set_files(files[2:])
    expect(page.locator("[data-name]")).to_have_text("a.jpg, b.jpg, c.jpg")
    expect(page.locator("#file-problem")).to_contain_text("최대 3장")
    expect(page.locator("[data-more]")).to_be_hidden()
    page.locator("[data-submit]").click()
    page.wait_for_url("**/analyses/*/")
    analysis = Analysis.objects.latest("created_at")
    assert FurtherPhoto.objects.filter(analysis=analysis).count() == 2
    forget_photo(analysis)


def test_camera_adds_to_what_was_chosen(
    page: Page, live_server: Any, tmp_path: Path, face_jpeg: bytes, context: BrowserContext
) -> None:
    context.grant_permissions(["camera"])
    # A slow phone: "use" is pressed long before the JPEG is written.
    page.add_init_script(
        "const write = HTMLCanvasElement.prototype.toBlob;"
        "HTMLCanvasElement.prototype.toBlob = function (...all) { setTimeout(() => write.apply(this, all), 800); };"
    )
    file = tmp_path / "a.jpg"
    file.write_bytes(face_jpeg)
    page.goto(live_server.url)
    page.set_input_files("#id_file", file)
    page.locator("[data-camera-more]").click()
    page.locator("[data-take]").click()
    page.locator("[data-use]").click(timeout=10_000)
    expect(page.locator("[data-name]")).to_have_text("a.jpg, camera.jpg")
    assert page.evaluate("document.getElementById('id_file').files.length") == 2
