from __future__ import annotations

import json

import pytest
from django.db import transaction

from hairme.common import outbox, wake
from hairme.common.models import OutboxEvent


@pytest.fixture(autouse=True)
def empty_stream(transactional_db: None) -> None:
    wake.client().delete(outbox.STREAM)


def test_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        outbox.record("t", 1, {})


def test_event_of_a_rolled_back_change_never_was() -> None:
    with pytest.raises(RuntimeError, match="no"), transaction.atomic():
        outbox.record("t", 1, {})
        raise RuntimeError("no")
    assert outbox.relay() == 0


def test_events_reach_the_stream_once_in_order() -> None:
    with transaction.atomic():
        for n in range(5):
            outbox.record("topic", n, {"n": n, "이름": "단발"})
    assert outbox.relay(limit=3) == 3
    assert outbox.relay(limit=3) == 2
    assert outbox.relay() == 0
    entries = [fields for _id, fields in wake.client().xrange(outbox.STREAM)]
    assert [json.loads(e[b"payload"])["n"] for e in entries] == [0, 1, 2, 3, 4]
    assert json.loads(entries[0][b"payload"])["이름"] == "단발"


def test_events_wait_where_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    with transaction.atomic():
        outbox.record("t", 1, {})
    monkeypatch.setattr(wake, "client", lambda: redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2))
    assert outbox.relay() == 0
    assert OutboxEvent.objects.filter(relayed_at=None).count() == 1
    monkeypatch.undo()
    assert outbox.relay() == 1
