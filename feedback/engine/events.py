"""What an event adds to the hourly sums: pure, so that any order of the same events gives the same sums.

Every event is booked to the hour (UTC) in which it happened, as a difference:

- a list that was shown adds one impression per item;
- a like adds +1 like, a dislike +1 dislike;
- a change of mind from like to dislike adds -1 like and +1 dislike, to the hour of the change (not of the first press);
- a reaction taken back adds -1 of what it was, to the hour in which it was taken back;
- a finished analysis adds one analysis and its milliseconds, from the moment a worker took it up to its result;
- a failed one adds one error where the fault is ours (its code's status is 500 or above); under ``failure`` each code is counted,
  a photo that shows no face as well.

So the sum of a period is what stood at its end minus what stood at its beginning, and a single hour may hold a negative number.
Impressions and reactions are counted under each dimension of ``OF_ITEMS``, analyses under ``OF_ANALYSES``.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from recommendations.engine.vocabulary import FACE_SHAPES

ALL: Final = "all"
OF_ITEMS: Final = (ALL, "source", "version", "style", "face_shape", "arm", "candidate")
OF_ANALYSES: Final = (ALL, "version", "face_shape", "arm")
FAILURE: Final = "failure"
FREE: Final = "free"  # a suggestion in words that the catalogue does not hold
UNNAMED: Final = "-"
BOUNDS_MS: Final = (100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 20_000, 60_000)
BEYOND: Final = "inf"
COUNTS: Final = ("impressions", "likes", "dislikes", "analyses", "errors", "latency_ms")

SHOWN, GIVEN, TAKEN_BACK = "recommendations.shown", "feedback.given", "feedback.taken_back"
COMPLETED, FAILED = "analysis.completed", "analysis.failed"
#: Known events that no sum is made of, too.
TOPICS: Final = (SHOWN, GIVEN, TAKEN_BACK, COMPLETED, FAILED, "analysis.deleted")

MAX_ID: Final = 2**63 - 1
MAX_ITEMS: Final = 50
MAX_MS: Final = 24 * 3600 * 1000
MAX_AHEAD: Final = timedelta(days=1)
_WORD = re.compile(r"[^\x00-\x1f\x7f]{1,120}")
_SHAPE_KEYS: Final = {label.ko: key for key, label in FACE_SHAPES.items()} | {key: key for key in FACE_SHAPES}

Key = tuple[datetime, str, str]  # (hour, dimension, value)


class BadEvent(ValueError):
    """The event cannot be taken in; the text says why."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``at``: when it happened, with a time zone."""

    id: int
    topic: str
    at: datetime
    payload: Mapping[str, Any]

    @property
    def window(self) -> datetime:
        return hour_of(self.at)


@dataclass(slots=True)
class Sums:
    """What one hour holds for one value of one dimension. ``latency``: upper bound in ms, or "inf", to count."""

    impressions: int = 0
    likes: int = 0
    dislikes: int = 0
    analyses: int = 0
    errors: int = 0
    latency_ms: int = 0
    latency: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: Iterable[int], latency: Mapping[str, int]) -> Sums:
        """From the six counts in the order of COUNTS, and the histogram."""
        impressions, likes, dislikes, analyses, errors, latency_ms = map(int, counts)
        return cls(impressions, likes, dislikes, analyses, errors, latency_ms, dict(latency))

    def add(self, other: Sums) -> None:
        self.impressions += other.impressions
        self.likes += other.likes
        self.dislikes += other.dislikes
        self.analyses += other.analyses
        self.errors += other.errors
        self.latency_ms += other.latency_ms
        for bound, count in other.latency.items():
            self.latency[bound] = self.latency.get(bound, 0) + count

    @property
    def is_nothing(self) -> bool:
        return not any((self.impressions, self.likes, self.dislikes, self.analyses, self.errors, self.latency_ms, self.latency))


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def bucket(milliseconds: int) -> str:
    """The bound of the histogram's bucket: the smallest one that is not below ``milliseconds``."""
    place = bisect_left(BOUNDS_MS, milliseconds)
    return str(BOUNDS_MS[place]) if place < len(BOUNDS_MS) else BEYOND


def read_entry(fields: Mapping[str, str]) -> Event:
    """An entry of the stream as an event. Raises BadEvent for what the outbox never writes."""
    try:
        number = int(fields["id"])
        topic, at = fields["topic"], datetime.fromisoformat(fields["at"])
        payload = json.loads(fields["payload"], parse_constant=_no_constant)
    except KeyError as error:
        raise BadEvent(f"the field {error.args[0]!r} is missing") from None
    except RecursionError:
        raise BadEvent("the payload is nested too deeply") from None
    except ValueError as error:
        raise BadEvent(f"not readable: {error}") from None
    if not isinstance(payload, dict):
        raise BadEvent("the payload is no object")
    if at.tzinfo is None:
        raise BadEvent("the time has no zone")
    if not 0 < number <= MAX_ID:
        raise BadEvent("the id is out of range")
    return Event(number, topic, at, payload)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def fold(event: Event, now: datetime) -> dict[Key, Sums]:
    """What the event adds. Empty for a topic that no sum is made of. Raises BadEvent where it says what cannot be."""
    if event.topic not in TOPICS:
        return {}
    if event.at > now + MAX_AHEAD:
        raise BadEvent(f"it happened in the future: {event.at.isoformat()}")
    if event.topic == SHOWN:
        return _shown(event)
    if event.topic in (GIVEN, TAKEN_BACK):
        return _reaction(event)
    if event.topic == COMPLETED:
        return _completed(event)
    if event.topic == FAILED:
        return _failed(event)
    return {}


def _shown(event: Event) -> dict[Key, Sums]:
    items = event.payload.get("items")
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise BadEvent(f"items is no list of at most {MAX_ITEMS}")
    sums: dict[Key, Sums] = {}
    for item in items:
        if not isinstance(item, dict):
            raise BadEvent("an item is no object")
        _whole(item, "id", 1, MAX_ID)
        for key in _keys(event, OF_ITEMS, {**event.payload, **item}):
            sums.setdefault(key, Sums()).impressions += 1
    return sums


def _reaction(event: Event) -> dict[Key, Sums]:
    payload = event.payload
    _whole(payload, "impression_id", 1, MAX_ID)
    reaction = _whole(payload, "reaction", 0, 1)
    before = None if payload.get("before") is None else _whole(payload, "before", 0, 1)
    if event.topic == TAKEN_BACK:
        if before != reaction:
            raise BadEvent("what is taken back is not what was given")
        change = Sums(likes=-reaction, dislikes=reaction - 1)
    else:
        if before == reaction:
            raise BadEvent("the change of mind changes nothing")
        change = Sums(likes=reaction, dislikes=1 - reaction)
        if before is not None:
            change.add(Sums(likes=-before, dislikes=before - 1))
    return dict.fromkeys(_keys(event, OF_ITEMS, payload), change)


def _completed(event: Event) -> dict[Key, Sums]:
    milliseconds = _whole(event.payload, "ms", 0, MAX_MS)
    change = Sums(analyses=1, latency_ms=milliseconds, latency={bucket(milliseconds): 1})
    return dict.fromkeys(_keys(event, OF_ANALYSES, event.payload), change)


def _failed(event: Event) -> dict[Key, Sums]:
    _whole(event.payload, "ms", 0, MAX_MS)
    ours = event.payload.get("ours")
    if not isinstance(ours, bool):
        raise BadEvent("ours is neither true nor false")
    sums = {(event.window, FAILURE, _word(event.payload, "code")): Sums(errors=1)}
    if ours:
        sums |= {key: Sums(errors=1) for key in _keys(event, (ALL, "arm"), event.payload)}
    return sums


def _keys(event: Event, dimensions: tuple[str, ...], payload: Mapping[str, Any]) -> list[Key]:
    return [(event.window, dimension, _value(dimension, payload)) for dimension in dimensions]


def _value(dimension: str, payload: Mapping[str, Any]) -> str:
    if dimension == ALL:
        return ALL
    if dimension == "version":
        return _word(payload, "model_version")
    if dimension == "style":
        return FREE if payload.get("style") is None else str(_whole(payload, "style", 1, MAX_ID))
    if dimension == "face_shape":
        shape = _word(payload, "face_shape")
        if shape not in _SHAPE_KEYS:
            raise BadEvent(f"{shape!r} is no face shape")
        return _SHAPE_KEYS[shape]
    if dimension == "arm":
        experiment = payload.get("experiment") or ""
        arm = _word(payload, "arm")
        return _word({"arm": f"{experiment}/{arm}"}, "arm") if experiment else arm
    if dimension == "candidate":
        return _word(payload, "candidate") if payload.get("candidate") else UNNAMED
    return _word(payload, dimension)


def _whole(payload: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = payload.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadEvent(f"{name} is no whole number" if name in payload else f"{name} is missing")
    if not low <= value <= high:
        raise BadEvent(f"{name} is out of range: {value}")
    return value


def _word(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise BadEvent(f"{name} is no word" if name in payload else f"{name} is missing")
    return value
