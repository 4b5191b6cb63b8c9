"""Which days are compared with which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
REFERENCE_WEEKS: Final = 4
LEAST_WEEKS: Final = 2  # of a champion's own that make a reference


@dataclass(frozen=True)
class Periods:
    """Half-open: from ``start`` up to but not including ``end``. All are whole weeks, so a weekly rhythm is in both alike."""

    reference_start: datetime
    reference_end: datetime
    start: datetime
    end: datetime


def periods(now: datetime, promoted: datetime | None) -> Periods:
    """The week up to the last full hour, and what it is compared with.

    That is the champion's own first weeks: four, or as many whole ones as there are between its promotion and the window, at least
    two. While there are fewer, or there is no champion, it is the four weeks before the window.
    """
    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - WEEK
    own = 0 if promoted is None else (start - promoted) // WEEK
    if promoted is not None and own >= LEAST_WEEKS:
        first = promoted.astimezone(UTC)
        return Periods(first, first + min(own, REFERENCE_WEEKS) * WEEK, start, end)
    return Periods(start - REFERENCE_WEEKS * WEEK, start, start, end)
