"""The look before the photo: what a frame is told, that it leaves nothing behind, and that the camera works without it."""

from __future__ import annotations

import io
import json
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from hairme.common import wake
from recommendations.engine.frame_check import FRAME, FRAMING, Box, check_frame, client_limits, framing
from recommendations.engine.quality import CODES, LIMITS
from recommendations.models import private_storage
from recommendations.services import photo_check
from recommendations.templatetags.guidance import LOCAL, camera_guidance

ADDRESS = "/api/v2/photo-check"


@pytest.fixture(scope="module")
def frame(face_photo: np.ndarray) -> np.ndarray:
    """What a webcam shows: the face in the outline, (320, 256, 3)."""
    return np.ascontiguousarray(cv2.resize(face_photo[0:325, 95:355], (256, 320), interpolation=cv2.INTER_AREA))


def codes(image: np.ndarray) -> list[str]:
    return [issue.code for issue in check_frame(np.ascontiguousarray(image)).issues]


def jpeg(image: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def stored() -> set[str]:
    storage = private_storage()
    return set(storage.listdir("uploads")[1]) if storage.exists("uploads") else set()


def post(client: Client, content: bytes, **headers: str) -> Any:
    return client.post(ADDRESS, {"file": SimpleUploadedFile("frame.jpg", content, "image/jpeg")}, headers=headers)


def test_a_good_frame_needs_nothing(frame: np.ndarray) -> None:
    found = check_frame(frame)
    assert found.issues == ()
    assert found.face is not None
    assert FRAME.far < found.face.width < FRAME.near
    assert json.loads(json.dumps(found.to_json()))["issues"] == []


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("no_face", lambda image: np.full_like(image, 120)),
        ("several_faces", lambda image: np.hstack([image, image])),
        ("too_dark", lambda image: (image * 0.08).astype(np.uint8)),
        ("too_blurry", lambda image: cv2.GaussianBlur(image, (0, 0), 5)),
        ("off_centre", lambda image: np.roll(image, 70, axis=1)),
        ("dim", lambda image: (image * 0.3).astype(np.uint8)),
        ("too_small", lambda image: image[:9, :9]),
    ],
)
def test_what_is_wrong_comes_first(frame: np.ndarray, code: str, spoil: Any) -> None:
    assert codes(spoil(frame))[0] == code


def test_tilt_is_said(frame: np.ndarray) -> None:
    turn = cv2.getRotationMatrix2D((128, 120), 33, 1)
    assert "tilted" in codes(cv2.warpAffine(frame, turn, (256, 320), borderMode=cv2.BORDER_REPLICATE))


def test_distance_is_said_before_place(face_photo: np.ndarray) -> None:
    wide = cv2.resize(face_photo[:, 50:460], (256, 320), interpolation=cv2.INTER_AREA)
    assert codes(wide)[:2] == ["too_far", "off_centre"]


def test_framing_by_its_limits() -> None:
    middle = Box(0.25, FRAME.middle_y - 0.3, 0.5, 0.6)
    assert framing(middle) == []
    assert framing(Box(0.4, FRAME.middle_y - 0.1, 0.2, 0.2)) == ["too_far"]
    assert framing(Box(0.1, FRAME.middle_y - 0.4, 0.8, 0.8)) == ["too_near"]
    assert framing(Box(0.5, FRAME.middle_y - 0.3, 0.5, 0.6)) == ["off_centre"]
    assert framing(Box(0.25, 0.0, 0.5, 0.6)) == ["off_centre"]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_browser_gets_the_servers_limits_and_words(language: str) -> None:
    with translation.override(language):
        given = json.loads(camera_guidance())
    assert given["limits"] == client_limits()
    assert given["limits"]["dark"] == LIMITS.lightness_dark_stop
    assert given["limits"]["blurry"] == LIMITS.sharpness_stop
    assert set(given["say"]) == {*LOCAL, "good", "light"}
    assert set(LOCAL) <= {*CODES, *FRAMING}
    for text in given["say"].values():
        assert any("가" <= letter <= "힣" for letter in text) is (language == "ko"), text


@pytest.mark.django_db(transaction=True)
def test_a_worker_looks_and_nothing_stays(client: Client, worker: Any, frame: np.ndarray) -> None:
    before = stored()
    answer = post(client, jpeg(frame))
    assert answer.status_code == 200, answer.content
    assert answer.json()["data"]["issues"] == []
    assert answer.json()["data"]["face"]["width"] == pytest.approx(0.353, abs=0.03)
    dark = post(client, jpeg((frame * 0.08).astype(np.uint8)), **{"Accept-Language": "en"}).json()["data"]["issues"]
    assert dark[0] == {
        "code": "too_dark",
        "severity": "stop",
        "message": "The face is too dark. Face a window and take it again.",
    }
    assert stored() == before
    assert not list(wake.client().scan_iter("hairme:photo-check:*"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"not a picture", 415, "image_unsupported_type"),
        (b"", 400, "image_empty"),
        (bytes(photo_check.MAX_BYTES + 1), 413, "payload_too_large"),
    ],
    ids=["text", "empty", "large"],
)
def test_what_is_no_frame_is_refused(client: Client, content: bytes, status: int, code: str) -> None:
    before = stored()
    answer = post(client, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert stored() == before


@pytest.mark.django_db
def test_without_a_worker_it_says_so_and_the_frame_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch, frame: np.ndarray
) -> None:
    monkeypatch.setattr(photo_check, "WAIT_SECONDS", 0.2)
    before = stored()
    answer = post(client, jpeg(frame))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "check_unavailable")
    assert stored() == before
    wake.client().delete("inference")


def test_a_frame_that_nobody_waits_for_is_left_alone() -> None:
    photo_check.answer("uploads/nothing", "hairme:photo-check:nobody")
    assert not wake.client().exists("hairme:photo-check:nobody")


def test_an_answer_does_not_outlive_its_question(frame: np.ndarray) -> None:
    from django.core.files.base import ContentFile

    private_storage().save("uploads/frame-test", ContentFile(jpeg(frame)))
    photo_check.answer("uploads/frame-test", "hairme:photo-check:late")
    assert not private_storage().exists("uploads/frame-test")
    assert 0 < wake.client().ttl("hairme:photo-check:late") <= photo_check.REPLY_SECONDS
    wake.client().delete("hairme:photo-check:late")


@pytest.mark.django_db
def test_too_many_frames_are_asked_to_wait(client: Client, monkeypatch: pytest.MonkeyPatch, frame: np.ndarray) -> None:
    from django.core.cache import cache

    from hairme.common.throttles import ScopedThrottle

    cache.clear()
    monkeypatch.setattr(photo_check, "ask", lambda content: {"issues": [], "face": None})
    monkeypatch.setitem(ScopedThrottle.THROTTLE_RATES, "check", "2/min")
    assert [post(client, jpeg(frame)).status_code for _ in range(3)] == [200, 200, 429]
    cache.clear()
