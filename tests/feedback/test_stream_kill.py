"""Consumers killed outright while people react, two at a time, and a replay in the middle: every event counts once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest
from django.db import connection, connections, transaction

from feedback.models import ConsumedEvent, PoisonMessage, StreamOffset
from feedback.selectors.aggregates import recompute_aggregates, stored_aggregates
from feedback.stream import replay
from hairme.common import outbox, wake
from hairme.common.models import OutboxEvent
from recommendations.models import Recommendation
from tests.feedback.stream_help import react_at_random, relay_all, shown_event
from tests.recommendations.pages import finished_analysis

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("catalogue")]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def items() -> list[Recommendation]:
    wake.client().delete(outbox.STREAM)
    analyses = [finished_analysis(language=language) for language in ("ko", "en")]
    with transaction.atomic():
        for analysis in analyses:
            shown_event(analysis)
    return [item for analysis in analyses for item in analysis.recommendations.all()]


@pytest.fixture
def consumers() -> Iterator[Callable[[int], psutil.Process]]:
    """``consumers(n)`` starts n of them, on this test's database; they end with the test."""
    url = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "hairme.settings",
        "HAIRME_LOG_LEVEL": "ERROR",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(count: int) -> psutil.Process:
        script = str(ROOT / "tests" / "feedback" / "consumer_process.py")
        started.append(subprocess.Popen([sys.executable, script, str(count), "7"], env=environment, cwd=ROOT))
        return psutil.Process(started[-1].pid)

    yield start
    for process in started:
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(30) == 0, "a consumer does not stop when it is told to"
        finally:
            for left in [*children, process]:
                with suppress(psutil.Error):
                    left.kill()


def until_all_is_in(seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while ConsumedEvent.objects.count() < OutboxEvent.objects.count():
        assert time.monotonic() < deadline, f"{ConsumedEvent.objects.count()} of {OutboxEvent.objects.count()} events are in"
        time.sleep(0.05)


def while_killed(runner: psutil.Process, work: Callable[[int], None], kills: int, seed: int) -> None:
    """Do ``work(0)``, ``work(1)``, ... until ``kills`` consumers have been killed, at moments drawn by chance."""
    killed, over, chance = 0, threading.Event(), random.Random(seed)

    def kill() -> None:
        nonlocal killed
        while not over.is_set():
            over.wait(chance.uniform(0.02, 0.2))
            with suppress(psutil.Error, IndexError):
                chance.choice(runner.children()).kill()
                killed += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        part, deadline = 0, time.monotonic() + 120
        while killed < kills:
            assert time.monotonic() < deadline, f"only {killed} were killed"
            work(part)
            part += 1
    finally:
        over.set()
        thread.join()


def test_killed_anywhere_every_event_counts_once(items: list[Recommendation], consumers: Callable[[int], psutil.Process]) -> None:
    def work(part: int) -> None:
        react_at_random(items, 10, seed=part)
        relay_all()
        if part == 4:
            replay.replay()

    while_killed(consumers(2), work, kills=12, seed=5)
    until_all_is_in()
    assert stored_aggregates() == recompute_aggregates()
    assert StreamOffset.objects.get().events == OutboxEvent.objects.count()
    assert not PoisonMessage.objects.exists()
    connections.close_all()


def test_redis_emptied_under_it(items: list[Recommendation], consumers: Callable[[int], psutil.Process]) -> None:
    """What was in the stream and not yet read comes from the outbox; what comes afterwards from the new stream."""
    consumers(1)
    for part in range(4):
        react_at_random(items, 12, seed=part)
        relay_all()
        wake.client().delete(outbox.STREAM)
    react_at_random(items, 12, seed=99)
    relay_all()
    until_all_is_in()
    assert stored_aggregates() == recompute_aggregates()
    connections.close_all()


def cut_connections() -> int:
    """End every other connection to this database and the consumers' to Redis, as a restart of both does. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        cut = int(cursor.fetchone()[0])
    client = wake.client()
    database = str(client.connection_pool.connection_kwargs.get("db", 0))
    for other in client.client_list(_type="normal"):
        if other["db"] == database and other["cmd"] in ("xread", "xinfo|stream"):
            cut += client.client_kill_filter(_id=other["id"])
    return cut


def test_outages_are_waited_for(items: list[Recommendation], consumers: Callable[[int], psutil.Process]) -> None:
    """The process goes on by itself: one that ends, even to be started again, fails the test."""
    consumers(1)
    cut = 0
    for part in range(4):
        react_at_random(items, 10, seed=part)
        relay_all()
        if part:
            until_all_is_in()  # it lives and is connected
        cut += cut_connections()
    assert cut >= 4, "nothing was cut: the test shows nothing"
    react_at_random(items, 10, seed=99)
    relay_all()
    until_all_is_in()
    assert stored_aggregates() == recompute_aggregates()
    connections.close_all()
