"""What an event adds: differences at the event's own hour, in any order the same; and what is no event."""

from __future__ import annotations

import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feedback.engine.events import BEYOND, MAX_MS, BadEvent, Event, Key, Sums, bucket, fold, read_entry

TEN = datetime(2026, 3, 2, 10, 59, 59, tzinfo=UTC)
ITEM = {"id": 5, "style": 7, "cut": "bob", "rank": 1, "source": "ml", "score": 80.0, "candidate": "explored"}
SHOWN = {"analysis_id": 1, "face_shape": "oval", "model_version": "hairstyle-scorer@1", "arm": "b", "experiment": "methods"}
REACTION = {**SHOWN, "impression_id": 5, "style": 7, "source": "ml", "candidate": "explored", "face_shape": "계란형"}


def event(topic: str, at: datetime = TEN, **payload: Any) -> Event:
    return Event(1, topic, at, payload)


def sums(*events: Event) -> dict[Key, Sums]:
    total: dict[Key, Sums] = {}
    for one in events:
        for key, change in fold(one, TEN + timedelta(days=1)).items():
            total.setdefault(key, Sums()).add(change)
    return {key: value for key, value in total.items() if not value.is_nothing}


def hour(number: int) -> datetime:
    return TEN.replace(hour=number, minute=0, second=0)


def test_list_counts_each_item_under_every_dimension() -> None:
    items = [ITEM, {**ITEM, "id": 6, "style": None, "source": "gemini", "candidate": "advised"}]
    found = sums(event("recommendations.shown", **SHOWN, items=items))
    assert {(dimension, value): one.impressions for (_hour, dimension, value), one in found.items()} == {
        ("all", "all"): 2,
        ("source", "ml"): 1,
        ("source", "gemini"): 1,
        ("version", "hairstyle-scorer@1"): 2,
        ("style", "7"): 1,
        ("style", "free"): 1,
        ("face_shape", "oval"): 2,
        ("arm", "methods/b"): 2,
        ("candidate", "explored"): 1,
        ("candidate", "advised"): 1,
    }
    assert {key[0] for key in found} == {hour(10)}


def history() -> list[Event]:
    """Liked at 10, disliked at 11, taken back at 12, liked again at 12."""
    at = [TEN + timedelta(hours=hours) for hours in range(3)]
    return [
        event("feedback.given", at[0], **REACTION, reaction=1, before=None),
        event("feedback.given", at[1], **REACTION, reaction=0, before=1),
        event("feedback.taken_back", at[2], **REACTION, reaction=0, before=0),
        event("feedback.given", at[2], **REACTION, reaction=1, before=None),
    ]


def test_change_of_mind_and_undo_are_booked_when_they_happen() -> None:
    found = sums(*history())
    of_all = {key[0]: (one.likes, one.dislikes) for key, one in found.items() if key[1] == "all"}
    assert of_all == {hour(10): (1, 0), hour(11): (-1, 1), hour(12): (1, -1)}
    by_shape = {key[2] for key in found if key[1] == "face_shape"}
    assert by_shape == {"oval"}, "a Korean label and the key are the same shape"


def test_any_order_gives_the_same_sums() -> None:
    expected = sums(*history())
    for order in itertools.permutations(history()):
        assert sums(*order) == expected


def test_hours_are_those_of_the_world_not_of_the_place() -> None:
    seoul = datetime.fromisoformat("2026-03-02T19:30:00+09:00")
    assert {key[0] for key in sums(event("feedback.given", seoul, **REACTION, reaction=1, before=None))} == {hour(10)}


@pytest.mark.parametrize(
    ("milliseconds", "bound"), [(0, "100"), (100, "100"), (101, "200"), (60_000, "60000"), (60_001, BEYOND), (MAX_MS, BEYOND)]
)
def test_latency_falls_into_the_bucket_that_ends_at_or_above_it(milliseconds: int, bound: str) -> None:
    assert bucket(milliseconds) == bound
    found = sums(event("analysis.completed", **SHOWN, ms=milliseconds))
    assert found[hour(10), "all", "all"] == Sums(analyses=1, latency_ms=milliseconds, latency={bound: 1})
    assert {key[1] for key in found} == {"all", "version", "face_shape", "arm"}


def test_only_faults_of_ours_are_errors_but_every_code_is_counted() -> None:
    photo = sums(event("analysis.failed", ms=5, code="no_face", ours=False, arm="b"))
    assert photo == {(hour(10), "failure", "no_face"): Sums(errors=1)}
    ours = sums(event("analysis.failed", ms=5, code="worker_lost", ours=True, arm="b"))
    assert set(ours) == {(hour(10), "failure", "worker_lost"), (hour(10), "all", "all"), (hour(10), "arm", "b")}


def test_other_topics_add_nothing() -> None:
    assert sums(event("somebody.else", anything=1), event("analysis.deleted", analysis_id=1)) == {}


GIVEN = {**REACTION, "reaction": 1, "before": None}
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("feedback.given", {**GIVEN, "reaction": 2}, "out of range"),
    ("feedback.given", {**GIVEN, "reaction": True}, "no whole number"),
    ("feedback.given", {**GIVEN, "reaction": "1"}, "no whole number"),
    ("feedback.given", {**GIVEN, "before": 1}, "changes nothing"),
    ("feedback.given", {**GIVEN, "impression_id": None}, "impression_id is no whole number"),
    ("feedback.given", {key: value for key, value in GIVEN.items() if key != "source"}, "source is missing"),
    ("feedback.given", {**GIVEN, "source": "x" * 121}, "source is no word"),
    ("feedback.given", {**GIVEN, "source": "a\nb"}, "source is no word"),
    ("feedback.given", {**GIVEN, "face_shape": "triangle"}, "no face shape"),
    ("feedback.given", {**GIVEN, "style": -4}, "style is out of range"),
    ("feedback.taken_back", {**GIVEN, "before": 0}, "not what was given"),
    ("feedback.taken_back", {**GIVEN, "before": None}, "not what was given"),
    ("recommendations.shown", SHOWN, "items is no list"),
    ("recommendations.shown", {**SHOWN, "items": [ITEM] * 51}, "items is no list"),
    ("recommendations.shown", {**SHOWN, "items": ["bob"]}, "an item is no object"),
    ("recommendations.shown", {**SHOWN, "items": [{**ITEM, "id": 0}]}, "id is out of range"),
    ("analysis.completed", {**SHOWN, "ms": -1}, "ms is out of range"),
    ("analysis.completed", {**SHOWN, "ms": MAX_MS + 1}, "ms is out of range"),
    ("analysis.completed", {**SHOWN, "ms": 1.5}, "ms is no whole number"),
    ("analysis.failed", {"ms": 1, "code": "x", "arm": "b"}, "ours is neither"),
]


@pytest.mark.parametrize(("topic", "payload", "reason"), BAD)
def test_what_cannot_be_is_refused_with_a_reason(topic: str, payload: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadEvent, match=reason):
        fold(event(topic, **payload), TEN)


def test_future_is_refused() -> None:
    with pytest.raises(BadEvent, match="future"):
        fold(event("feedback.given", TEN + timedelta(days=2), **GIVEN), TEN)


ENTRY = {"id": "4", "topic": "t", "key": "1", "at": "2026-03-02T10:00:00+00:00", "request_id": "", "payload": '{"a": 1}'}


def test_entry_is_read() -> None:
    assert read_entry(ENTRY) == Event(4, "t", hour(10), {"a": 1})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "no"}, "not readable"),
        ({"id": "0"}, "id is out of range"),
        ({"id": str(2**63)}, "id is out of range"),
        ({"at": "yesterday"}, "not readable"),
        ({"at": "2026-03-02T10:00:00"}, "no zone"),
        ({"payload": "{"}, "not readable"),
        ({"payload": "[]"}, "no object"),
        ({"payload": '{"a": NaN}'}, "NaN is no number"),
        ({"payload": "[" * 100_000}, "nested too deeply|not readable"),
    ],
)
def test_entry_that_cannot_be_read(change: dict[str, str], reason: str) -> None:
    with pytest.raises(BadEvent, match=reason):
        read_entry({**ENTRY, **change})


@pytest.mark.parametrize("field", ["id", "topic", "at", "payload"])
def test_entry_without_a_field(field: str) -> None:
    with pytest.raises(BadEvent, match=f"'{field}' is missing"):
        read_entry({name: value for name, value in ENTRY.items() if name != field})


def test_nonsense_never_breaks_out() -> None:
    """Whatever a payload holds, it is folded or refused, nothing else."""
    chance = random.Random(3)
    values = [None, True, -1, 0, 1, 2**70, 1.5, "", "x", "oval", [], [1], [{}], [ITEM], {}, {"a": []}]
    names = [
        "items",
        "reaction",
        "before",
        "style",
        "source",
        "model_version",
        "arm",
        "experiment",
        "face_shape",
        "ms",
        "code",
        "ours",
    ]
    topics = ["recommendations.shown", "feedback.given", "feedback.taken_back", "analysis.completed", "analysis.failed"]
    refused = 0
    for _ in range(3000):
        base = json.loads(json.dumps({**GIVEN, "items": [ITEM], "ms": 5, "code": "x", "ours": True}))
        payload = {**base, **{name: chance.choice(values) for name in chance.sample(names, 3)}}
        try:
            fold(event(chance.choice(topics), **payload), TEN)
        except BadEvent:
            refused += 1
    assert 0 < refused < 3000
