"""From a photo through the site's API to the hourly sums and the statistics."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from feedback.models import WindowAggregate
from feedback.selectors.aggregates import recompute_aggregates, stored_aggregates
from feedback.stream import consumer
from hairme.common import outbox, wake
from tests.feedback.stream_help import relay_all

pytestmark = pytest.mark.usefixtures("catalogue", "worker")


def test_photo_list_and_reactions_reach_the_sums(upload: Callable[..., Any], client: Any) -> None:
    wake.client().delete(outbox.STREAM)
    body = upload().json()
    shown = body["data"]["recommendations"]
    for item, reaction in ((shown[0], 1), (shown[1], 0), (shown[1], 1)):
        sent = {"analysis_id": body["analysis_id"], "style_name": item["style_name"], "reaction": reaction}
        assert client.post("/api/v2/feedback", json.dumps(sent), content_type="application/json").status_code == 200
    assert upload(content=b"no picture").status_code >= 400
    relay_all()
    consumer.drain()
    everything = WindowAggregate.objects.filter(dimension="all")
    assert sum(everything.values_list("impressions", flat=True)) == len(shown)
    assert sum(everything.values_list("likes", flat=True)) == 2
    assert sum(everything.values_list("dislikes", flat=True)) == 0
    assert sum(everything.values_list("analyses", flat=True)) == 1
    assert 0 < sum(everything.values_list("latency_ms", flat=True)) < 120_000
    assert WindowAggregate.objects.filter(dimension="version", value__startswith="hairstyle-scorer", analyses=1).exists()
    assert stored_aggregates() == recompute_aggregates()
    assert client.get("/api/v2/statistics").json()["data"]["withheld"] > 0, "two reactions are too few to be told"
