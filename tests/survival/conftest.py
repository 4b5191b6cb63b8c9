"""One whole site for all of these tests; each gets it in good health."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.survival.site import Site, new_site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On several processors they stay together (``--dist loadgroup``): a second site costs more than it saves."""
    for item in items:
        if "tests/survival/" in item.path.as_posix():
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("survival"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How long healing took, for the record."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if report.when == "call" and "tests/survival/" in report.nodeid:
                terminalreporter.write_line(f"{value:5.1f} s  {name}")


@pytest.fixture
def since(record_property: Callable[[str, object], None]) -> Callable[[float, str], None]:
    """``since(begin, what)`` notes the seconds from ``begin`` (time.monotonic()) until now."""
    return lambda begin, what: record_property(what, time.monotonic() - begin)


@pytest.fixture(scope="session")
def started() -> Iterator[Site]:
    with new_site() as site:
        yield site


@pytest.fixture
def site(started: Site) -> Iterator[Site]:
    if started.process is None or started.has_ended():
        started.start()
    started.heal()
    yield started
    started.resume()
