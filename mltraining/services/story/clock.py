"""The one thing about the story that is not real, beside its people: what time it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from django.utils import timezone


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Within the block ``timezone.now()`` starts at ``moment`` and goes on at its usual pace, for every thread of this process.

    So each row is written once, with its time, by the services that always write it: most of the tables of the learning loop are
    append-only and could not be dated afterwards. For a process that does nothing else meanwhile: a command, or a test.
    """
    began = time.monotonic()
    with patch.object(timezone, "now", lambda: moment + timedelta(seconds=time.monotonic() - began)):
        yield
