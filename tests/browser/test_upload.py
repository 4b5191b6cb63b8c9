"""Giving a photo: by file, by keyboard, by dropping it, by camera; what is refused before it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hairme.common.models import Job
from recommendations.models import Analysis, private_storage


@pytest.fixture
def photo(tmp_path: Path, face_jpeg: bytes) -> Path:
    file = tmp_path / "selfie.jpg"
    file.write_bytes(face_jpeg)
    return file


def forget_photos() -> None:
    for analysis in Analysis.objects.exclude(photo=""):
        private_storage().delete(analysis.photo.name)


def test_file_is_shown_sent_and_followed_to_the_result(page: Page, live_server: Any, photo: Path) -> None:
    page.goto(live_server.url)
    page.set_input_files("#id_file", photo)
    expect(page.locator("[data-preview]")).to_be_visible()
    expect(page.locator("[data-name]")).to_have_text("selfie.jpg")
    page.locator(".wishes summary").click()
    page.check("#id_length_3")
    page.locator("[data-submit]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("얼굴을 읽고 있어요")
    analysis = Analysis.objects.latest("created_at")
    assert analysis.wishes["lengths"] == ["chin"]
    assert page.url == f"{live_server.url}/analyses/{analysis.pk}/"
    Job.objects.filter(pk=analysis.job_id).update(state=Job.State.RUNNING, stage="advising")
    expect(page.locator(".stages .now")).to_have_text("스타일")
    Job.objects.filter(pk=analysis.job_id).update(state=Job.State.FAILED, error_code="too_dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("분석을 끝내지 못했어요")
    forget_photos()


def test_second_click_sends_nothing(page: Page, live_server: Any, photo: Path) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(live_server.url)
    page.set_input_files("#id_file", photo)
    page.locator("[data-submit]").evaluate("(button) => { button.click(); setTimeout(() => button.click(), 5) }")
    page.wait_for_url("**/analyses/*/")
    assert sent == [live_server.url + "/analyses/"]
    assert Analysis.objects.exclude(photo="").count() == 1
    forget_photos()


def test_nothing_chosen_is_said_without_sending(page: Page, live_server: Any) -> None:
    page.goto(live_server.url)
    page.locator("[data-submit]").click()
    expect(page.locator("#file-problem")).to_contain_text("먼저 사진을 골라 주세요.")
    expect(page.locator("#id_file")).to_be_focused()
    assert page.url == live_server.url + "/"


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [("big.jpg", 15 * 1024 * 1024 + 1, "15 MB보다 커요"), ("notes.pdf", 100, "읽을 수 있는 사진이 아니에요")],
)
def test_what_cannot_be_sent_is_said_at_once(
    page: Page, live_server: Any, tmp_path: Path, name: str, size: int, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(bytes(size))
    page.goto(live_server.url)
    page.set_input_files("#id_file", file)
    expect(page.locator("#file-problem")).to_contain_text(said)
    expect(page.locator("[data-preview]")).to_be_hidden()
    assert page.evaluate("document.getElementById('id_file').files.length") == 0


def test_heic_without_a_preview_can_still_be_sent(page: Page, live_server: Any, tmp_path: Path) -> None:
    file = tmp_path / "IMG_1.HEIC"
    file.write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    page.goto(live_server.url)
    page.set_input_files("#id_file", file)
    expect(page.locator("[data-no-preview]")).to_be_visible()
    expect(page.locator("#file-problem")).to_be_hidden()
    assert page.evaluate("document.getElementById('id_file').files.length") == 1


DROP = """async ([name, type]) => {
    const carrier = new DataTransfer();
    carrier.items.add(new File([new Uint8Array(2000)], name, { type }));
    const target = document.querySelector('[data-drop]');
    for (const event of ['dragenter', 'dragover', 'drop'])
        target.dispatchEvent(new DragEvent(event, { dataTransfer: carrier, bubbles: true, cancelable: true }));
}"""


def test_photo_can_be_dropped(page: Page, live_server: Any) -> None:
    page.goto(live_server.url)
    page.evaluate(DROP, ["me.png", "image/png"])
    expect(page.locator("[data-name]")).to_have_text("me.png")
    page.evaluate(DROP, ["song.mp3", "audio/mpeg"])
    expect(page.locator("#file-problem")).to_be_visible()


def test_camera_counts_down_and_gives_a_photo(page: Page, live_server: Any, context: BrowserContext) -> None:
    context.grant_permissions(["camera"])
    page.goto(live_server.url)
    page.locator("[data-camera]").click()
    take = page.locator("[data-take]")
    expect(take).to_be_enabled()
    expect(take).to_be_focused()
    take.click()
    expect(page.locator("[data-count]")).to_have_text("3")
    use = page.locator("[data-use]")
    expect(use).to_be_focused(timeout=8000)
    use.click()
    expect(page.locator("[data-name]")).to_have_text("camera.jpg")
    expect(page.locator("[data-submit]")).to_be_focused()
    assert page.evaluate("document.getElementById('id_file').files[0].size") > 1000


def test_blocked_camera_says_what_to_do_and_hands_back_the_focus(page: Page, live_server: Any) -> None:
    page.goto(live_server.url)
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError') } }"
    )
    page.locator("[data-camera]").click()
    expect(page.locator("[data-say]")).to_contain_text("카메라가 차단되어 있어요")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.locator("[data-camera]")).to_be_focused()


def test_keyboard_reaches_everything_in_order(page: Page, live_server: Any) -> None:
    page.goto(live_server.url)
    page.locator(".wishes summary").click()
    page.locator("#main").focus()
    seen: list[str] = []
    for _step in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => { const part = document.activeElement;
                return part.id || part.getAttributeNames().find((name) => name.startsWith('data-')) || part.tagName }"""
        )
        seen.append(name)
        if name == "data-busy" or name == "data-submit":
            break
    order = [
        "id_file",
        "data-camera",
        "SUMMARY",
        "id_presentation_0",
        "id_length_0",
        "id_length_6",
        "id_upkeep_0",
        "id_hair_type_0",
    ]
    places = [seen.index(name) for name in order]
    assert places == sorted(places), seen
    assert seen[-1] in ("data-busy", "data-submit")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_form_works_without_scripts(browser: Browser, live_server: Any, result: Analysis, photo: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto(live_server.url)
    expect(page.locator("[data-camera]")).to_be_hidden()
    assert (page.locator("#id_file").bounding_box() or {"height": 0})["height"] >= 44
    page.set_input_files("#id_file", photo)
    page.locator("[data-submit]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("얼굴을 읽고 있어요")
    analysis = Analysis.objects.latest("created_at")
    Job.objects.filter(pk=analysis.job_id).update(state=Job.State.FAILED, error_code="too_dark")
    expect(page.get_by_role("heading", level=1)).to_have_text("분석을 끝내지 못했어요", timeout=8000)
    forget_photos()
    context.close()
