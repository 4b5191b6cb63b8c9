"""GET /api/v2/statistics, for anonymous people, a person who gave the reactions, a stranger, and staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from feedback.models import WindowAggregate
from feedback.selectors import kpis

pytestmark = pytest.mark.django_db

PUBLIC = {"value", "label", "reactions", "likes", "dislikes", "like_rate", "like_rate_low", "like_rate_high"}
FOR_STAFF = PUBLIC | {"shown", "reaction_rate", "analyses", "errors", "latency_p50_ms", "latency_p95_ms"}


def note(dimension: str, value: str, *, days_ago: float = 0, **counts: Any) -> None:
    window = (timezone.now() - timedelta(days=days_ago)).replace(minute=0, second=0, microsecond=0)
    WindowAggregate.objects.create(window=window, dimension=dimension, value=value, **counts)


@pytest.fixture
def sums() -> None:
    note("source", "ml", impressions=100, likes=30, dislikes=10)
    note("source", "ml", days_ago=3, impressions=50, likes=0, dislikes=10)
    note("source", "gemini", impressions=90, likes=2, dislikes=1)
    note("source", "ml", days_ago=40, impressions=5000, likes=3000)
    note(
        "all",
        "all",
        impressions=240,
        likes=32,
        dislikes=21,
        analyses=4,
        errors=1,
        latency_ms=900,
        latency_counts={"200": 2, "300": 2},
    )


@pytest.fixture(params=["anonymous", "person", "staff"])
def visitor(request: Any) -> tuple[Client, bool]:
    client = Client()
    if request.param != "anonymous":
        client.force_login(get_user_model().objects.create_user(request.param, is_staff=request.param == "staff"))
    return client, request.param == "staff"


def ask(client: Client, **query: Any) -> Any:
    response = client.get("/api/v2/statistics", query)
    assert response.status_code == 200, response.content
    return response.json()["data"]


def test_rates_by_source(sums: None, visitor: tuple[Client, bool]) -> None:
    client, is_staff = visitor
    data = ask(client)
    assert (data["days"], data["by"]) == (30, "source")
    learned = data["groups"][0]
    assert (learned["value"], learned["likes"], learned["dislikes"], learned["like_rate"]) == ("ml", 30, 20, 0.6)
    assert learned["like_rate_low"] == pytest.approx(0.4618, abs=1e-4)
    assert learned["like_rate_high"] == pytest.approx(0.7239, abs=1e-4)
    if is_staff:
        assert [group["value"] for group in data["groups"]] == ["ml", "gemini"]
        assert set(learned) == FOR_STAFF
        assert (learned["shown"], learned["reaction_rate"]) == (150, pytest.approx(50 / 150, abs=1e-4))
        assert (data["total"]["analyses"], data["total"]["errors"], data["total"]["latency_p50_ms"]) == (4, 1, 200)
        assert (data["withheld"], data["min_reactions"]) == (0, 0)
    else:
        assert [group["value"] for group in data["groups"]] == ["ml"]
        assert set(learned) == set(data["total"]) == PUBLIC
        assert (data["withheld"], data["min_reactions"]) == (1, 20)
        assert data["total"]["reactions"] == 50, "the total does not tell what was left out"


def test_period_bounds_what_is_counted(sums: None) -> None:
    staff = Client()
    staff.force_login(get_user_model().objects.create_user("s", is_staff=True))
    likes = [ask(staff, days=days)["groups"][0]["dislikes"] for days in (1, 4, 30)]
    assert likes == [10, 20, 20]
    assert ask(staff, days=60)["groups"][0]["likes"] == 3030


def test_nothing_yet(client: Client) -> None:
    data = ask(client, by="version")
    assert (data["groups"], data["total"]["like_rate"]) == ([], None)


@pytest.mark.parametrize(
    ("query", "field"), [({"days": 0}, "days"), ({"days": "x"}, "days"), ({"days": 400}, "days"), ({"by": "user"}, "by")]
)
def test_bad_questions(query: dict[str, Any], field: str, client: Client) -> None:
    response = client.get("/api/v2/statistics", query)
    assert (response.status_code, response.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize("by", kpis.DIMENSIONS)
def test_every_dimension_has_labels(by: str, client: Client) -> None:
    values = {"style": "free", "face_shape": "oval", "source": "ml", "candidate": "-"}
    note(by, values.get(by, "some"), likes=25, impressions=30)
    label = ask(client, by=by)["groups"][0]["label"]
    assert label
    assert label == "some" or label != values[by]


def test_undone_likes_of_an_earlier_period_never_show_as_less_than_nothing(client: Client) -> None:
    note("source", "ml", likes=-3, dislikes=25)
    group = ask(client)["groups"][0]
    assert (group["likes"], group["like_rate"]) == (0, 0.0)
