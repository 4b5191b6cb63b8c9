"""One whole site for all of these tests; each gets it in good health."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.survival.whole_site import Site, new_site

#: Lines of the log that say "internal error", of a request and of a task, and those among them that an outage explains.
UNFORESEEN = re.compile(r"unhandled_error|Internal Server Error|request_failed|raised unexpected|Task handler raised")
OUTAGE = re.compile(r"WorkerLostError|OperationalError|InterfaceError")


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
    read = started.log.stat().st_size
    yield started
    started.resume()
    with started.log.open(errors="replace") as log:
        log.seek(read)
        said = [line for line in log if UNFORESEEN.search(line) and not OUTAGE.search(line)]
    assert said == [], "the site met what it was not made for"
