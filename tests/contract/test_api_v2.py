"""The mission's API contract, on a real worker, database and broker."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.cache import cache

from feedback.models import Reaction
from hairme.common.models import Job
from recommendations.models import Analysis, Recommendation, private_storage

pytestmark = pytest.mark.usefixtures("catalogue", "worker")

Upload = Callable[..., Any]


def stored_photos() -> list[str]:
    storage = private_storage()
    return storage.listdir("uploads")[1] if storage.exists("uploads") else []


def test_analysis_has_the_missions_fields(upload: Upload) -> None:
    response = upload()
    body = response.json()
    assert response.status_code == 200, body
    assert body["success"] is True
    assert set(body) >= {"success", "data", "analysis_id", "method"}
    assert body["method"] == "hybrid"
    assert body["data"]["analysis"]["face_shape"] in {"계란형", "둥근형", "각진형", "긴형", "하트형"}
    assert body["data"]["analysis"]["personal_color"] in {"봄웜", "여름쿨", "가을웜", "겨울쿨"}
    items = body["data"]["recommendations"]
    meta = body["data"]["meta"]
    assert [item["rank"] for item in items] == list(range(1, len(items) + 1))
    for item in items:
        assert {"style_name", "reason", "source", "ml_score", "rank"} <= set(item)
        assert item["style_name"]
        assert item["reason"]
        assert item["source"] in {"gemini", "ml", "stylist"}
        assert 0 <= item["ml_score"] <= 100
    assert meta["total_count"] == len(items) == 7
    assert (meta["gemini_count"], meta["stylist_count"], meta["ml_count"], meta["method"]) == (0, 4, 3, "hybrid")
    assert meta["advisor_status"] == "no_key"
    assert len({item["cut"] for item in items}) == 7
    assert isinstance(body["analysis_id"], int)
    assert body["analysis_id"] < 2**53


def test_every_shown_style_is_an_impression(upload: Upload) -> None:
    body = upload().json()
    rows = list(Recommendation.objects.filter(analysis_id=body["analysis_id"]).order_by("rank"))
    assert [row.style_name for row in rows] == [item["style_name"] for item in body["data"]["recommendations"]]
    assert all(row.model_version.startswith("hairstyle-scorer@") for row in rows)


def test_photo_is_gone_when_the_answer_is_there(upload: Upload) -> None:
    analysis = Analysis.objects.get(pk=upload().json()["analysis_id"])
    assert not analysis.photo
    assert stored_photos() == []


def test_feedback_as_json_and_as_form(upload: Upload, client: Any) -> None:
    body = upload().json()
    names = [item["style_name"] for item in body["data"]["recommendations"]]
    given = {"analysis_id": body["analysis_id"], "style_name": names[0], "reaction": 1}
    first = client.post("/api/v2/feedback", json.dumps(given), content_type="application/json")
    assert first.status_code == 200
    assert first.json() == {"success": True, "feedback_id": first.json()["feedback_id"], "message": "피드백이 저장되었습니다"}
    again = client.post("/api/v2/feedback", given)
    assert again.json()["feedback_id"] == first.json()["feedback_id"]
    changed = client.post("/api/v2/feedback", {**given, "reaction": 0})
    assert changed.json()["feedback_id"] == first.json()["feedback_id"]
    row = Reaction.objects.get()
    assert (row.reaction, row.changes, row.hairstyle) == (0, 1, names[0])
    assert row.face_shape == body["data"]["analysis"]["face_shape"]
    assert row.skin_tone == body["data"]["analysis"]["personal_color"]
    assert row.source in {"ml", "stylist"}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"analysis_id": 1}, 404, "analysis_id"),
        ({"style_name": "세상에 없는 머리"}, 404, "style_name"),
        ({"reaction": 2}, 400, "reaction"),
        ({"reaction": "like"}, 400, "reaction"),
        ({"reaction": None}, 400, "reaction"),
        ({"reaction": 0.5}, 400, "reaction"),
        ({"reaction": True}, 400, "reaction"),
        ({"analysis_id": "x"}, 400, "analysis_id"),
        ({"analysis_id": 10**30}, 400, "analysis_id"),
        ({"style_name": ""}, 400, "style_name"),
        ({"style_name": "가" * 500}, 400, "style_name"),
        ({"style_name": "a\u0000b"}, 400, "style_name"),
    ],
)
def test_bad_feedback_says_which_field(upload: Upload, client: Any, change: dict[str, Any], status: int, field: str) -> None:
    body = upload().json()
    given = {
        "analysis_id": body["analysis_id"],
        "style_name": body["data"]["recommendations"][0]["style_name"],
        "reaction": 1,
        **change,
    }
    response = client.post("/api/v2/feedback", json.dumps(given), content_type="application/json")
    assert response.status_code == status, response.content
    assert response.json()["success"] is False
    assert response.json()["error"]["field"] == field
    assert not Reaction.objects.exists()


@pytest.mark.parametrize("raw", ["", "{", "[]", "null", "1", '"x"'])
def test_feedback_that_is_not_an_object(client: Any, raw: str) -> None:
    response = client.post("/api/v2/feedback", raw, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["success"] is False


def test_feedback_can_be_taken_back(upload: Upload, client: Any) -> None:
    body = upload().json()
    item = body["data"]["recommendations"][2]
    client.post("/api/v2/feedback", {"analysis_id": body["analysis_id"], "style_name": item["style_name"], "reaction": 1})
    address = f"/api/v2/feedback?analysis_id={body['analysis_id']}&impression_id={item['id']}"
    assert client.delete(address).status_code == 204
    assert not Reaction.objects.exists()
    assert client.delete(address).status_code == 404


def test_analysis_can_be_read_again_and_deleted(upload: Upload, client: Any) -> None:
    body = upload().json()
    address = f"/api/v2/analyses/{body['analysis_id']}"
    assert client.get(address).json()["data"] == body["data"]
    client.post(
        "/api/v2/feedback",
        {"analysis_id": body["analysis_id"], "style_name": body["data"]["recommendations"][0]["style_name"], "reaction": 1},
    )
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert not Recommendation.objects.exists()
    assert not Reaction.objects.exists()
    assert not Job.objects.exists()


def test_someone_elses_analysis_does_not_exist(upload: Upload, client: Any) -> None:
    owner, stranger = (get_user_model().objects.create_user(name, password="x") for name in ("owner", "stranger"))
    client.force_login(owner)
    body = upload().json()
    address = f"/api/v2/analyses/{body['analysis_id']}"
    assert client.get(address).status_code == 200
    given = {"analysis_id": body["analysis_id"], "style_name": body["data"]["recommendations"][0]["style_name"], "reaction": 1}
    for person in (stranger, None):
        client.logout()
        if person:
            client.force_login(person)
        assert client.get(address).status_code == 404
        assert client.delete(address).status_code == 404
        assert client.post("/api/v2/feedback", given).status_code == 404
    assert Analysis.objects.filter(pk=body["analysis_id"]).exists()


def test_respond_async_and_poll(upload: Upload, client: Any) -> None:
    response = upload(headers={"Prefer": "respond-async"})
    body = response.json()
    assert response.status_code in (200, 202)
    if response.status_code == 202:
        assert body["status_url"] == response.headers["Location"]
    from hairme.common import wake

    wake.wait(Analysis.objects.get(pk=body["analysis_id"]).job_id, 20)
    done = client.get(f"/api/v2/analyses/{body['analysis_id']}")
    assert done.status_code == 200
    assert len(done.json()["data"]["recommendations"]) == 7


def test_same_idempotency_key_and_photo_is_one_analysis(upload: Upload) -> None:
    one, two = (upload(headers={"Idempotency-Key": "a"}).json() for _ in range(2))
    other = upload(headers={"Idempotency-Key": "b"}).json()
    assert one["analysis_id"] == two["analysis_id"] != other["analysis_id"]
    assert Analysis.objects.count() == 2


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "image_empty"),
        (b"hello, this is text and no picture", 415, "image_unsupported_type"),
        (b"\xff\xd8\xff" + b"\0" * 40, 400, None),
        (b"x" * (15 * 1024 * 1024 + 1), 413, "image_too_many_bytes"),
    ],
)
def test_bad_files_are_refused_and_nothing_is_stored(upload: Upload, content: bytes, status: int, code: str | None) -> None:
    response = upload(content)
    assert response.status_code == status, response.content
    error = response.json()["error"]
    assert error["field"] == "file"
    assert code is None or error["code"] == code
    assert "{" not in error["message"]
    assert stored_photos() == []


def test_photo_without_a_face_says_what_to_do(upload: Upload) -> None:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.effect_noise((640, 640), 40).convert("RGB").save(stream, "JPEG")
    response = upload(stream.getvalue())
    assert response.status_code == 422, response.content
    assert response.json()["error"]["code"] == "no_face"
    assert stored_photos() == []


def test_missing_file_is_a_field_error(client: Any) -> None:
    response = client.post("/api/v2/analyze-hybrid", {})
    assert response.status_code == 400
    assert response.json()["error"] == {"code": "required", "message": response.json()["error"]["message"], "field": "file"}


def test_wishes_are_honoured(upload: Upload) -> None:
    body = upload(presentation="masculine", length=["crop", "short"], upkeep="low").json()
    items = Recommendation.objects.filter(analysis_id=body["analysis_id"]).select_related("style")
    assert items
    for item in items:
        assert item.style is not None
        assert {"masculine", "any"} & set(item.style.presentations)
        assert item.style.length in ("crop", "short")
        assert item.style.upkeep == "low"


def test_unknown_wish_is_a_field_error(upload: Upload) -> None:
    response = upload(length="enormous")
    assert response.status_code == 400
    assert response.json()["error"]["field"].startswith("length")


def test_english_by_accept_language_keeps_the_korean_labels(upload: Upload) -> None:
    body = upload(headers={"Accept-Language": "en"}).json()
    assert body["data"]["analysis"]["face_shape"].endswith("형")
    assert all(
        item["reason"].isascii() or "’" in item["reason"] or "é" in item["reason"] for item in body["data"]["recommendations"]
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_missions_two_curl_calls(live_server: Any, face_jpeg: bytes, tmp_path: Path) -> None:
    """Word for word, but for the port of the test's server."""
    (tmp_path / "face_photo.jpg").write_bytes(face_jpeg)

    def curl(command: str) -> dict[str, Any]:
        command = command.replace("http://localhost:8000", live_server.url)
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    analysis = curl('curl -s -X POST "http://localhost:8000/api/v2/analyze-hybrid" -F "file=@face_photo.jpg"')
    assert analysis["success"] is True
    name = analysis["data"]["recommendations"][0]["style_name"]
    feedback = curl(
        'curl -s -X POST "http://localhost:8000/api/v2/feedback" -H "Content-Type: application/json" '
        f'-d \'{{"analysis_id": {analysis["analysis_id"]}, "style_name": "{name}", "reaction": 1}}\''
    )
    assert feedback["success"] is True
    assert feedback["message"] == "피드백이 저장되었습니다"


def test_full_disk_is_a_507_and_nothing_is_left(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from django.core.files.storage import FileSystemStorage

    def full(self: Any, name: str, content: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    response = upload()
    assert response.status_code == 507
    assert response.json()["error"]["code"] == "storage_full"
    assert not Analysis.objects.exists()
    assert not Job.objects.exists()


def test_api_is_throttled(upload: Upload, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from hairme.common.throttles import ScopedThrottle

    cache.clear()
    monkeypatch.setitem(ScopedThrottle.THROTTLE_RATES, "feedback", "2/min")
    codes = [client.post("/api/v2/feedback", {}).status_code for _ in range(3)]
    assert codes == [400, 400, 429]
    limited = client.post("/api/v2/feedback", {})
    assert int(limited.headers["Retry-After"]) > 0
    assert limited.json()["error"]["code"] == "throttled"


def test_schema_is_valid_and_names_every_operation(client: Any) -> None:
    from django.core.management import call_command

    call_command("spectacular", validate=True, fail_on_warn=True, file="/dev/null")
    text = client.get("/api/schema/").content.decode()
    for operation in ("analyze_hybrid", "get_analysis", "give_feedback", "list_styles"):
        assert operation in text
    assert client.get("/api/docs/").status_code == 200
    assert django_settings.SPECTACULAR_SETTINGS["SERVE_PUBLIC"]
