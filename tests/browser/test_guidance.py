"""Before the shutter: advice in words and outline, from the server or without it, and never in the way of the photo."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

CHECK = "**/api/v2/photo-check"


@pytest.fixture
def camera(page: Page, live_server: Any, context: BrowserContext) -> Page:
    context.grant_permissions(["camera"])
    return page


def answering(route: Route, issues: list[dict[str, str]]) -> None:
    route.fulfill(status=200, content_type="application/json", body=json.dumps({"success": True, "data": {"issues": issues}}))


def open_camera(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("[data-camera]").click()
    expect(page.locator("[data-take]")).to_be_enabled()


def test_servers_advice_is_said_and_drawn_until_all_is_well(camera: Page, live_server: Any) -> None:
    issues = [{"code": "too_dark", "severity": "stop", "message": "얼굴이 너무 어두워요."}]
    frames: list[bytes] = []

    def answer(route: Route) -> None:
        frames.append(route.request.post_data_buffer or b"")
        answering(route, issues)

    camera.route(CHECK, answer)
    open_camera(camera, live_server.url)
    said = camera.locator("[data-say]")
    assert said.get_attribute("role") == "status"
    expect(said).to_have_text("얼굴이 너무 어두워요.")
    expect(camera.locator("[data-guide]")).to_have_attribute("data-state", "stop")
    expect(camera.locator("[data-take]")).to_be_enabled()
    issues.clear()
    expect(camera.locator("[data-guide]")).to_have_attribute("data-state", "good")
    expect(said).to_contain_text("좋아요")
    assert all(b"\xff\xd8\xff" in frame and len(frame) < 128 * 1024 for frame in frames)


def test_without_the_server_the_browser_judges_the_light(camera: Page, live_server: Any) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, content_type="application/json", body="{}")

    camera.route(CHECK, refuse)
    open_camera(camera, live_server.url)
    expect(camera.locator("[data-say]")).to_have_text(re.compile("빛은 좋아요|어두|밝|뿌옇"), timeout=5000)
    camera.wait_for_timeout(3000)
    assert len(asked) == 3  # then it leaves the server in peace
    expect(camera.locator("[data-take]")).to_be_enabled()


def test_browsers_measures_are_the_servers(page: Page, live_server: Any) -> None:
    """L* of known greys, halves of known difference, a fine pattern sharper than a smooth one."""
    page.goto(live_server.url)
    module = """async (pixels) => {
        const { measure } = await import('/static/js/guidance.js');
        const data = new Uint8ClampedArray(256 * 320 * 4);
        for (let y = 0; y < 320; y += 1) for (let x = 0; x < 256; x += 1) {
            const v = pixels === 'grey' ? 119 : pixels === 'halves' ? (x < 128 ? 60 : 160)
                : pixels === 'fine' ? 90 + 60 * ((x + y) % 2) : 90 + 60 * Math.sin(x / 20);
            data.fill(v, 4 * (y * 256 + x), 4 * (y * 256 + x) + 3);
        }
        return measure({ data, width: 256, height: 320 }, 0.48);
    }"""
    grey = page.evaluate(module, "grey")
    assert grey["brightness"] == pytest.approx(50.0, abs=0.5)  # sRGB 119 is L* 50
    assert (grey["uneven"], grey["sharpness"], grey["burnt"]) == (0, 0, 0)
    halves = page.evaluate(module, "halves")
    assert halves["uneven"] == pytest.approx(65.9 - 25.3, abs=1.0)
    assert page.evaluate(module, "fine")["sharpness"] > 1 > 0.11 > page.evaluate(module, "smooth")["sharpness"]


def test_codes_by_limits(page: Page, live_server: Any) -> None:
    from recommendations.engine.frame_check import client_limits

    page.goto(live_server.url)
    judged = """async ([found, limits]) => (await import('/static/js/guidance.js')).judge(found, limits)"""
    fine = {"brightness": 60, "uneven": 3, "contrast": 12, "burnt": 0, "sharpness": 0.3}
    for change, codes in (
        ({}, []), ({"brightness": 4}, ["too_dark"]), ({"brightness": 20}, ["dim"]), ({"burnt": 0.7}, ["too_bright"]),
        ({"uneven": 30}, ["uneven_light"]), ({"sharpness": 0.01}, ["too_blurry"]), ({"contrast": 1}, ["low_contrast"]),
    ):  # fmt: skip
        assert page.evaluate(judged, [{**fine, **change}, client_limits()]) == codes
    placed = """async ([boxes, limits]) => (await import('/static/js/guidance.js')).place(boxes, limits)"""
    middle = {"x": 0.25, "y": 0.18, "width": 0.5, "height": 0.6}
    for boxes, codes in (
        ([], ["no_face"]), ([middle, middle], ["several_faces"]), ([middle], []), ([{**middle, "x": 0.5}], ["off_centre"]),
        ([{"x": 0.4, "y": 0.38, "width": 0.2, "height": 0.2}], ["too_far"]),
        ([{"x": 0.1, "y": 0.08, "width": 0.8, "height": 0.8}], ["too_near"]),
    ):  # fmt: skip
        assert page.evaluate(placed, [boxes, client_limits()]) == codes


def test_guidance_ends_with_the_panel(camera: Page, live_server: Any) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        answering(route, [])

    camera.route(CHECK, answer)
    open_camera(camera, live_server.url)
    expect(camera.locator("[data-guide]")).to_have_attribute("data-state", "good")
    camera.keyboard.press("Escape")
    camera.wait_for_timeout(300)
    count = len(asked)
    camera.wait_for_timeout(1500)
    assert len(asked) == count
