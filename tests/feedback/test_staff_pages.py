"""Stream and key figures: staff only, empty and full, and what staff does with messages that were set aside."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils import timezone

from feedback.models import PoisonMessage, WindowAggregate
from feedback.stream import consumer, state
from hairme import metrics
from hairme.common import heartbeat, outbox, wake
from recommendations.models import Style
from tests.recommendations.pages import Page, load_styles

pytestmark = pytest.mark.django_db

PAGES = ("/staff/stream/", "/staff/figures/", "/staff/figures/?days=7")


@pytest.fixture(autouse=True)
def own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    wake.client().delete(outbox.STREAM)
    monkeypatch.setattr(heartbeat, "PREFIX", "hairme:test-stream-worker:")


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ann"))
    return client


def broken() -> PoisonMessage:
    with transaction.atomic():
        outbox.record("feedback.given", 1, {"reaction": 7, "impression_id": 1, "note": "<b>"})
    outbox.relay()
    consumer.drain()
    return PoisonMessage.objects.get()


@pytest.mark.parametrize("page", PAGES)
def test_only_staff_sees_them(page: str, client: Client, staff: Client) -> None:
    assert client.get(page).status_code == 302
    client.force_login(get_user_model().objects.create_user("stranger"))
    assert client.get(page).status_code == 302
    response = staff.get(page)
    assert response.status_code == 200
    looked = Page(response)
    assert looked.headings == 1
    assert looked.inline == []
    assert len(looked.ids) == len(set(looked.ids))


def test_full_pages(staff: Client) -> None:
    load_styles()
    style = Style.objects.order_by("pk")[0]
    for days_ago in range(5):
        window = (timezone.now() - timedelta(days=days_ago)).replace(minute=0, second=0, microsecond=0)
        shown = {"impressions": 50, "likes": 9 + days_ago, "dislikes": 6}
        rows = [
            ("all", "all"),
            ("source", "ml"),
            ("version", "hairstyle-scorer@2"),
            ("style", str(style.pk)),
            ("arm", "champion"),
        ]
        for dimension, value in rows:
            WindowAggregate.objects.create(
                window=window, dimension=dimension, value=value, analyses=3, latency_counts={"300": 3}, latency_ms=700, **shown
            )
    WindowAggregate.objects.create(window=window, dimension="failure", value="no_face", errors=2)
    looked = Page(staff.get("/staff/figures/", headers={"Accept-Language": "en"}))
    for text in ("hairstyle-scorer@2", style.name_en, "learned model", "no_face", "250"):
        assert text in looked.text, text
    assert looked.html.count('<svg class="chart-plot"') == 5
    assert "nan" not in looked.text.lower().replace("korean", "")
    korean = Page(staff.get("/staff/figures/", headers={"Accept-Language": "ko"}))
    assert style.name_ko in korean.text


def test_message_set_aside_is_retried_and_dismissed(staff: Client) -> None:
    message = broken()
    looked = Page(staff.get("/staff/stream/"))
    assert "reaction is out of range: 7" in looked.text
    assert '<b>"' not in looked.html
    staff.post(f"/staff/stream/{message.pk}/retry/")
    message.refresh_from_db()
    assert message.outcome == "waiting"
    assert staff.post(f"/staff/stream/{message.pk}/dismiss/").status_code == 302
    message.refresh_from_db()
    assert (message.outcome, message.resolved_by) == ("dismissed", "staff:ann")
    assert message.resolved_at is not None
    assert staff.post(f"/staff/stream/{message.pk}/dismiss/").status_code == 404
    assert "staff:ann" in Page(staff.get("/staff/stream/")).text


@pytest.mark.parametrize("action", ["retry", "dismiss"])
def test_who_may_resolve(action: str, client: Client) -> None:
    message = broken()
    address = f"/staff/stream/{message.pk}/{action}/"
    assert client.post(address).status_code == 302
    person = get_user_model().objects.create_user("reader", is_staff=True)
    client.force_login(person)
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 403
    assert address not in client.get("/staff/stream/").content.decode()
    person.user_permissions.add(Permission.objects.get(codename="change_poisonmessage"))
    assert client.post(address).status_code == 302
    assert client.post("/staff/stream/999999/dismiss/").status_code == 404


def lines() -> dict[str, float]:
    text = metrics.exposition()[0].decode()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("hairme_stream")
    }


def test_lag_is_a_metric() -> None:
    with transaction.atomic():
        for number in range(3):
            outbox.record("t", number, {})
    outbox.relay()
    found = lines()
    assert (found["hairme_stream_entries_behind"], found["hairme_stream_events"], found["hairme_stream_consumers"]) == (3, 0, 0)
    assert 0 < found["hairme_stream_seconds_behind"] < 60
    consumer.drain()
    heartbeat.beat("stream@here:1", consumer.SERVICE)
    found = lines()
    assert (found["hairme_stream_entries_behind"], found["hairme_stream_seconds_behind"]) == (0, 0)
    assert (found["hairme_stream_events"], found["hairme_stream_consumers"]) == (3, 1)
    heartbeat.end("stream@here:1")
    assert lines()["hairme_stream_consumers"] == 0


def test_redis_away(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=wake.NO_RETRY)
    monkeypatch.setattr(wake, "client", lambda: away)
    assert state.stream_state().entries is None
    assert "hairme_stream_entries_behind" not in lines()
    assert "Redis" in Page(staff.get("/staff/stream/", headers={"Accept-Language": "en"})).text


@pytest.mark.parametrize(
    "table", ["reaction", "reactionentry", "streamoffset", "consumedevent", "windowaggregate", "poisonmessage"]
)
def test_admin_lists_every_table(table: str, staff: Client) -> None:
    broken()
    assert staff.get(f"/admin/feedback/{table}/").status_code == 200
    assert staff.get(f"/admin/feedback/{table}/add/").status_code == 403


def test_admin_actions(staff: Client) -> None:
    message = broken()
    for action in ("try_again", "dismiss"):
        staff.post("/admin/feedback/poisonmessage/", {"action": action, "_selected_action": [message.pk]})
    message.refresh_from_db()
    assert (message.outcome, message.resolved_by) == ("dismissed", "staff:ann")
    staff.post("/admin/feedback/poisonmessage/", {"action": "dismiss", "_selected_action": [message.pk]})
    assert PoisonMessage.objects.count() == 1
