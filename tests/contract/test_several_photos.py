"""Two or three photos of one face in one analysis."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from recommendations.models import Analysis, FurtherPhoto, private_storage
from recommendations.services.photos import delete_expired_uploads

pytestmark = pytest.mark.usefixtures("catalogue", "worker")

Send = Callable[..., Any]


def stored_photos() -> list[str]:
    storage = private_storage()
    return storage.listdir("uploads")[1] if storage.exists("uploads") else []


@pytest.fixture(autouse=True)
def _nothing_stored() -> None:
    """What other tests left waiting is not counted here."""
    for name in stored_photos():
        private_storage().delete(f"uploads/{name}")


@pytest.fixture(scope="session")
def faces(face_photo: Any) -> list[bytes]:
    """Three photos of one face: as it is, brighter, smaller."""
    picture = Image.fromarray(face_photo)
    variants = (picture, picture.point(lambda v: min(255, int(v * 1.1))), picture.resize((400, 400)))
    return [jpeg(variant) for variant in variants]


def jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=92)
    return stream.getvalue()


def nobody() -> bytes:
    return jpeg(Image.effect_noise((640, 640), 40).convert("RGB"))


@pytest.fixture
def send(client: Any) -> Send:
    def post(*contents: bytes, **headers: str) -> Any:
        files = [SimpleUploadedFile(f"{i}.jpg", content) for i, content in enumerate(contents)]
        return client.post("/api/v2/analyze-hybrid", {"file": files}, headers=headers)

    return post


def test_three_photos_are_averaged_and_leave_no_trace(send: Send, faces: list[bytes]) -> None:
    response = send(*faces)
    body = response.json()
    assert response.status_code == 200, body
    note = body["data"]["meta"]["photos"]
    assert (note["given"], [used["photo"] for used in note["used"]], note["left_out"]) == (3, [1, 2, 3], [])
    assert body["data"]["analysis"]["reading"]["quality"]["metrics"]["photos"] == 3
    assert len(body["data"]["recommendations"]) == 7
    assert stored_photos() == []
    assert not FurtherPhoto.objects.exists()
    single = send(faces[0]).json()["data"]["analysis"]["reading"]["colour"]["warm_cool"]
    several = body["data"]["analysis"]["reading"]["colour"]["warm_cool"]
    assert several["high"] - several["low"] < single["high"] - single["low"]


def test_one_photo_is_answered_as_ever(send: Send, faces: list[bytes]) -> None:
    data = send(faces[0]).json()["data"]
    assert "photos" not in data["meta"]
    assert "photos" not in data["analysis"]["reading"]["quality"]["metrics"]


def test_refused_photos_are_named_and_left_out(send: Send, faces: list[bytes]) -> None:
    body = send(b"no picture at all", nobody(), faces[0]).json()
    note = body["data"]["meta"]["photos"]
    assert [(fault["photo"], fault["code"]) for fault in note["left_out"]] == [(1, "image_unsupported_type"), (2, "no_face")]
    assert all(fault["message"] and "{" not in fault["message"] for fault in note["left_out"])
    assert [used["photo"] for used in note["used"]] == [3]
    one = send(faces[0]).json()
    assert body["data"]["analysis"] == one["data"]["analysis"]
    assert stored_photos() == []


def test_all_refused_is_the_error_of_the_first(send: Send) -> None:
    response = send(nobody(), b"no picture at all")
    assert (response.status_code, response.json()["error"]["code"], response.json()["error"]["field"]) == (422, "no_face", "file")
    response = send(b"", b"no picture at all")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "image_empty")
    assert stored_photos() == []


def test_the_same_file_twice_is_one_photo(send: Send, faces: list[bytes]) -> None:
    note = send(faces[0], faces[0]).json()["data"]["meta"]["photos"]
    assert [used["photo"] for used in note["used"]] == [1]
    assert [(fault["photo"], fault["code"]) for fault in note["left_out"]] == [(2, "photo_repeated")]


def test_four_are_too_many(send: Send, faces: list[bytes]) -> None:
    response = send(*faces, nobody())
    assert response.status_code == 400
    assert (response.json()["error"]["code"], response.json()["error"]["field"]) == ("too_many_photos", "file")
    assert not Analysis.objects.exists()


def test_same_key_and_photos_is_one_analysis(send: Send, faces: list[bytes]) -> None:
    pair = [send(*faces[:2], **{"Idempotency-Key": "a"}).json()["analysis_id"] for _ in range(2)]
    alone = send(faces[0], **{"Idempotency-Key": "a"}).json()["analysis_id"]
    assert pair[0] == pair[1] != alone


def test_photos_that_were_never_read_are_deleted_together(
    send: Send, faces: list[bytes], monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    monkeypatch.setattr("recommendations.services.analyses.recommend", lambda **_kwargs: 1 / 0)
    ids = [send(*faces).json()["analysis_id"] for _ in range(2)]
    assert len(stored_photos()) == 6
    assert FurtherPhoto.objects.count() == 4
    assert client.delete(f"/api/v2/analyses/{ids[0]}").status_code == 204
    assert len(stored_photos()) == 3
    Analysis.objects.filter(pk=ids[1]).update(created_at=timezone.now() - timedelta(days=1))
    assert delete_expired_uploads() == 3
    assert stored_photos() == []
    assert not FurtherPhoto.objects.exists()
    assert client.post(f"/api/v2/analyses/{ids[1]}/retry").status_code == 409


def test_interrupted_analysis_of_several_can_be_tried_again(
    send: Send, faces: list[bytes], monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("recommendations.services.analyses.recommend", lambda **_kwargs: 1 / 0)
        pk = send(*faces[:2]).json()["analysis_id"]
    client.post(f"/api/v2/analyses/{pk}/retry")
    from hairme.common import wake

    wake.wait(Analysis.objects.get(pk=pk).job_id, 20)
    note = client.get(f"/api/v2/analyses/{pk}").json()["data"]["meta"]["photos"]
    assert [used["photo"] for used in note["used"]] == [1, 2]
    assert stored_photos() == []
