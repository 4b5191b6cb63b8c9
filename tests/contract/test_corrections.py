"""Correcting a reading over the API, on a real worker: the list is chosen again, and nothing that was shown is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from feedback.models import Reaction
from hairme.common.models import Job
from recommendations.models import Analysis, ReadingCorrection, Recommendation

pytestmark = pytest.mark.usefixtures("catalogue", "worker")

Upload = Callable[..., Any]


def say(client: Any, analysis_id: int, **values: Any) -> Any:
    return client.post(f"/api/v2/analyses/{analysis_id}/corrections", json.dumps(values), content_type="application/json")


def test_correction_chooses_again_and_undo_brings_the_first_list_back(upload: Upload, client: Any) -> None:
    before = upload().json()
    pk = before["analysis_id"]
    assert "corrections" not in before["data"], "an analysis of which nothing was said looks as it always did"
    shape = "square" if before["data"]["analysis"]["face_shape"] != "각진형" else "heart"
    response = say(client, pk, face_shape=shape, season="winter")
    after = response.json()
    assert response.status_code == 200, after
    assert after["data"]["analysis"]["face_shape"] == {"square": "각진형", "heart": "하트형"}[shape]
    assert after["data"]["analysis"]["personal_color"] == "겨울쿨"
    assert after["data"]["analysis"]["reading"]["face_shape"]["probabilities"][shape] == pytest.approx(0.97)
    names = [[item["style_name"] for item in body["data"]["recommendations"]] for body in (before, after)]
    assert names[0] != names[1]
    state = after["data"]["corrections"]
    assert (state["state"], state["revision"]) == ("current", 1)
    assert state["said"] == [
        {"field": "face_shape", "value": shape, "kind": "correction"},
        {"field": "season", "value": "winter", "kind": "correction"},
    ]
    assert state["measured"]["face_shape"] == before["data"]["analysis"]["face_shape"]
    assert state["changed"]["added"] == [name for name in names[1] if name not in names[0]]
    assert state["changed"]["removed"] == [name for name in names[0] if name not in names[1]]
    assert state["changed"]["kept"] == len(set(names[0]) & set(names[1]))
    assert after["data"]["meta"]["advisor_status"] == "photo_gone"
    assert client.get(f"/api/v2/analyses/{pk}").json() == after

    undone = client.delete(f"/api/v2/analyses/{pk}/corrections").json()
    assert undone["data"]["analysis"] == before["data"]["analysis"]
    assert [item["style_name"] for item in undone["data"]["recommendations"]] == names[0]
    assert undone["data"]["corrections"]["said"] == []
    assert Recommendation.objects.filter(analysis_id=pk).count() == 21, "every list that was shown stays"
    assert ReadingCorrection.objects.filter(analysis_id=pk).count() == 4


def test_feedback_on_both_lists(upload: Upload, client: Any) -> None:
    body = upload().json()
    pk = body["analysis_id"]
    gone_or_kept = [item["style_name"] for item in body["data"]["recommendations"]]
    for name in gone_or_kept:
        client.post("/api/v2/feedback", {"analysis_id": pk, "style_name": name, "reaction": 1})
    after = say(client, pk, face_shape="heart").json()
    assert Reaction.objects.count() == 7
    for item in after["data"]["recommendations"]:
        given = client.post("/api/v2/feedback", {"analysis_id": pk, "style_name": item["style_name"], "reaction": 0})
        assert given.status_code == 200
    changed = after["data"]["corrections"]["changed"]
    assert Reaction.objects.count() == 7 + len(changed["added"])
    assert set(Reaction.objects.filter(reaction=1).values_list("hairstyle", flat=True)) == set(changed["removed"])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"face_shape": "diamond"}, "face_shape"),
        ({"vein": 3}, "vein"),
        ({"vein": ["green"]}, "vein"),
        ({"nose": "long"}, "nose"),
        ({}, "corrections"),
        ({"season": "winter", "warm_cool": "warm"}, "season"),
    ],
)
def test_bad_corrections_say_which_field(upload: Upload, client: Any, values: dict[str, Any], field: str) -> None:
    response = say(client, upload().json()["analysis_id"], **values)
    assert response.status_code == 400, response.content
    assert response.json()["error"]["field"] == field
    assert not ReadingCorrection.objects.exists()


def test_strangers_unread_and_unsaid(upload: Upload, client: Any) -> None:
    owner, stranger = (get_user_model().objects.create_user(name, password="x") for name in ("owner", "stranger"))
    client.force_login(owner)
    pk = upload().json()["analysis_id"]
    address = f"/api/v2/analyses/{pk}/corrections"
    assert client.delete(address).status_code == 404
    assert client.delete(f"{address}?field=nose").json()["error"]["field"] == "field"
    for person in (None, stranger):
        client.logout()
        if person:
            client.force_login(person)
        assert say(client, pk, vein="green").status_code == 404
        assert client.delete(address).status_code == 404
    client.force_login(owner)
    Analysis.objects.filter(pk=pk).update(reading=None)
    assert say(client, pk, vein="green").json()["error"]["code"] == "not_read_yet"


def test_deleting_the_analysis_takes_what_was_said_with_it(upload: Upload, client: Any) -> None:
    pk = upload().json()["analysis_id"]
    say(client, pk, vein="green")
    say(client, pk, tanning="burns")
    assert client.delete(f"/api/v2/analyses/{pk}").status_code == 204
    assert not ReadingCorrection.objects.exists()
    assert not Recommendation.objects.exists()
    assert not Job.objects.exists()
