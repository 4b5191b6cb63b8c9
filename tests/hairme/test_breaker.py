"""The circuit breaker on a real Redis: it opens, lets one probe through, recovers, and stands aside without Redis."""

from __future__ import annotations

import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hairme.common import breaker as module
from hairme.common.breaker import CircuitBreaker, Ticket


def make(name: str | None = None, *, failures: int = 3, cool_down: float = 0.4, probe_seconds: float = 5.0) -> CircuitBreaker:
    return CircuitBreaker(name or uuid.uuid4().hex, failures=failures, cool_down=cool_down, probe_seconds=probe_seconds)


def entered(breaker: CircuitBreaker) -> Ticket:
    ticket = breaker.enter()
    assert ticket is not None
    return ticket


def trip(breaker: CircuitBreaker, failures: int = 3) -> None:
    for _ in range(failures):
        breaker.failed(entered(breaker))


def test_it_opens_after_failures_in_a_row_and_for_all_processes() -> None:
    breaker = make("shared-" + uuid.uuid4().hex, cool_down=5)
    trip(breaker, 2)
    assert entered(breaker).kind == "closed"
    breaker.failed(entered(breaker))
    assert breaker.enter() is None
    other_process = CircuitBreaker(breaker._keys[0].split("{")[1].split("}")[0], failures=3, cool_down=5)
    assert other_process.enter() is None
    assert make().enter() is not None  # another name is another circuit


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = make()
    for _ in range(4):
        trip(breaker, 2)
        breaker.succeeded(entered(breaker))
    assert entered(breaker).kind == "closed"


def test_one_probe_after_the_cool_down_and_its_success_closes() -> None:
    breaker = make()
    trip(breaker)
    assert breaker.enter() is None
    time.sleep(0.5)
    probe = entered(breaker)
    assert probe.kind == "probe"
    assert breaker.enter() is None
    breaker.succeeded(probe)
    assert entered(breaker).kind == "closed"
    trip(breaker, 2)
    assert entered(breaker).kind == "closed"  # the count began at zero


def test_a_failed_probe_opens_again() -> None:
    breaker = make()
    trip(breaker)
    time.sleep(0.5)
    breaker.failed(entered(breaker))
    assert breaker.enter() is None
    time.sleep(0.5)
    assert entered(breaker).kind == "probe"


def test_exactly_one_of_many_gets_the_probe() -> None:
    breaker = make()
    trip(breaker)
    time.sleep(0.5)
    with ThreadPoolExecutor(16) as pool:
        tickets = list(pool.map(lambda _: breaker.enter(), range(64)))
    assert [ticket.kind for ticket in tickets if ticket] == ["probe"]


def test_a_probe_that_never_comes_back_frees_its_place() -> None:
    breaker = make(probe_seconds=0.4)
    trip(breaker)
    time.sleep(0.5)
    assert entered(breaker).kind == "probe"
    assert breaker.enter() is None
    time.sleep(0.5)
    assert entered(breaker).kind == "probe"


def test_stragglers_from_before_the_opening_change_nothing() -> None:
    breaker = make()
    late_success, late_failure = entered(breaker), entered(breaker)
    trip(breaker)
    breaker.succeeded(late_success)
    assert breaker.enter() is None
    time.sleep(0.5)
    probe = entered(breaker)
    breaker.failed(late_failure)
    breaker.succeeded(late_success)
    assert breaker.enter() is None  # the probe is still out
    breaker.succeeded(probe)
    assert entered(breaker).kind == "closed"


def test_concurrent_failures_are_all_counted() -> None:
    breaker = make(failures=40, cool_down=5)
    tickets = [entered(breaker) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(breaker.failed, tickets[:39]))
    assert entered(breaker).kind == "closed"
    breaker.failed(tickets[39])
    assert breaker.enter() is None


def test_what_needs_a_person_opens_at_once_and_for_longer() -> None:
    breaker = make(cool_down=0.05)
    breaker.failed(entered(breaker), at_once_for=1.0)
    time.sleep(0.2)
    assert breaker.enter() is None
    time.sleep(1.0)
    assert entered(breaker).kind == "probe"


def test_failures_long_ago_do_not_count() -> None:
    breaker = CircuitBreaker(uuid.uuid4().hex, failures=2, cool_down=5, memory=0.4)
    breaker.failed(entered(breaker))
    time.sleep(0.5)
    breaker.failed(entered(breaker))
    assert entered(breaker).kind == "closed"
    breaker.failed(entered(breaker))
    assert breaker.enter() is None


def test_reset_forgets() -> None:
    breaker = make(cool_down=60)
    trip(breaker)
    breaker.reset()
    assert entered(breaker).kind == "closed"


def test_without_redis_it_is_closed_and_quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(module, "client", module.client.__wrapped__)
    breaker = make(failures=1)
    start = time.monotonic()
    for _ in range(3):
        breaker.failed(entered(breaker))
    breaker.succeeded(entered(breaker))
    breaker.reset()
    assert time.monotonic() - start < 1.0


def test_a_redis_that_does_not_answer_costs_little(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setattr(module, "client", module.client.__wrapped__)
        start = time.monotonic()
        assert entered(make()).kind == "closed"
        assert time.monotonic() - start < 3 * module.PATIENCE


@pytest.mark.parametrize("wrong", [{"failures": 0}, {"cool_down": 0}, {"probe_seconds": -1}, {"memory": 0}])
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least one failure"):
        CircuitBreaker("x", **wrong)  # type: ignore[arg-type]
