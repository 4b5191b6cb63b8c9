"""The event stream as its consumer sees it: what comes after an entry, what has been lost, how far behind one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from hairme.common import outbox, wake

START = "0-0"
COUNTED_AT_MOST = 10_000  # entries behind; a consumer further behind than this has a problem whose size does not matter


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Gap:
    """Entries after the consumer's place may be gone. ``resume``: the place from which the stream can be read on."""

    resume: str


def read(after: str, count: int, block_ms: int = 0) -> list[Entry]:
    """At most ``count`` entries after ``after``; waits up to ``block_ms`` for the first. Raises RedisError where Redis is away."""
    found: Any = wake.client().xread({outbox.STREAM: after}, count=count, block=block_ms or None)
    entries = found[0][1] if found else []
    return [Entry(_text(key), {_text(name): _text(value) for name, value in (fields or {}).items()}) for key, fields in entries]


def gap(after: str) -> Gap | None:
    """Whether entries after ``after`` may be gone: trimmed away, or Redis was emptied. Raises RedisError where Redis is away.

    A trimmed stream may have lost only what was read before; who asks looks into the outbox, which knows.
    """
    try:
        info: Any = wake.client().xinfo_stream(outbox.STREAM)
    except ResponseError:  # there is no stream
        return Gap(START) if after != START else None
    last, first = _text(info["last-generated-id"]), info["first-entry"]
    if place(last) < place(after):  # another stream than the one that was read
        return Gap(START)
    if not first:
        return Gap(last) if place(last) > place(after) else None
    return Gap(after) if after != START and place(after) < place(_text(first[0])) else None


def behind(after: str) -> tuple[int, float]:
    """(entries not read yet, at most COUNTED_AT_MOST; time of the oldest in seconds since 1970, 0 where there is none)."""
    count, oldest, last = 0, 0.0, after
    while count < COUNTED_AT_MOST:
        page: Sequence[Any] = wake.client().xrange(outbox.STREAM, min=f"({last}", count=1000)  # type: ignore[assignment]
        if not page:
            break
        if not count:
            oldest = place(_text(page[0][0]))[0] / 1000
        count, last = count + len(page), _text(page[-1][0])
    return count, oldest


def place(entry_id: str) -> tuple[int, int]:
    """An entry's id, so that it can be compared: (milliseconds since 1970, number within)."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def _text(value: bytes | str) -> str:
    """As text that PostgreSQL can hold, whatever it was."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
    return text.replace("\0", "\\x00")
