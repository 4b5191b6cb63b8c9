"""Clients that keep asking while something is broken, and what each of them was told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.survival.whole_site import Site


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each gave, all begun at the same moment."""
    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result() for future in [pool.submit(action) for action in actions]]


@dataclass(frozen=True)
class Told:
    seconds: float  # how long the answer took
    response: requests.Response

    @property
    def status(self) -> int:
        return self.response.status_code


@dataclass
class Traffic:
    """``asked`` by name of the client. ``broken`` holds what was no answer at all: a hang, a reset, an exception."""

    asked: dict[str, list[Told]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    analyses: list[int] = field(default_factory=list)  # taken on, by 200 or 202
    reactions: list[tuple[str, int, bool]] = field(default_factory=list)  # style, value, whether it was confirmed
    _over: threading.Event = field(default_factory=threading.Event)

    def keep(self, name: str, ask: Callable[[int], requests.Response], pause: float) -> threading.Thread:
        self.asked[name] = []

        def run() -> None:
            turn = 0
            while not self._over.is_set():
                begin = time.monotonic()
                try:
                    response = ask(turn)
                except (requests.RequestException, AssertionError) as error:
                    self.broken.append(f"{name}: {error!r}")
                else:
                    self.asked[name].append(Told(time.monotonic() - begin, response))
                turn += 1
                self._over.wait(pause)

        thread = threading.Thread(target=run, name=name)
        thread.start()
        return thread

    def statuses(self) -> set[int]:
        return {told.status for answers in self.asked.values() for told in answers}

    def outages(self) -> list[requests.Response]:
        return [told.response for answers in self.asked.values() for told in answers if told.status == 503]


@contextmanager
def traffic(site: Site, photo: bytes, analysis_id: int, names: list[str]) -> Iterator[Traffic]:
    """Two clients that send photos, one that reacts to the styles of ``analysis_id``, one that reads pages with a session."""
    seen = Traffic()
    browser = requests.Session()

    def analyze(turn: int) -> requests.Response:
        response = site.analyze(photo)
        if response.status_code in (200, 202):
            seen.analyses.append(int(response.json()["analysis_id"]))
        return response

    def react(turn: int) -> requests.Response:
        name, value = names[turn % len(names)], turn // len(names) % 2
        seen.reactions.append((name, value, False))
        response = site.react(analysis_id, name, value)
        seen.reactions[-1] = (name, value, response.status_code == 200)
        return response

    def read(turn: int) -> requests.Response:
        path = ("/", "/history/", f"/analyses/{analysis_id}/", f"/api/v2/analyses/{analysis_id}")[turn % 4]
        return browser.get(site.address(path), timeout=30)

    browser.cookies.set("sessionid", "0" * 32)  # looked up in the database at every page
    threads = [
        seen.keep("photo 1", analyze, 0.1),
        seen.keep("photo 2", analyze, 0.1),
        seen.keep("reaction", react, 0.05),
        seen.keep("page", read, 0.05),
    ]
    try:
        yield seen
    finally:
        seen._over.set()
        for thread in threads:
            thread.join()
