"""Simulated people on the real site: a list by the service that every photo's reading goes to, reactions through the API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.test import Client
from django.utils import timezone

from hairme.common import jobs
from hairme.common.models import Job
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.face_shape import model
from recommendations.engine.measurements import NAMES
from recommendations.engine.sketch import neutral_features
from recommendations.engine.types import FaceReading, Measurement
from recommendations.models import Analysis
from recommendations.services.analyses import TASK, answer

from ...learn.simulation.protocol import Person, Simulator
from .clock import at

MARK: Final = "story"  # request id of the jobs
NO_PHOTO: Final = np.zeros((64, 64, 3), np.uint8)
MOST_DRAWS: Final = 10_000  # people looked at for one of the wanted kind

Kind = Callable[[Person], bool]


@dataclass(frozen=True, eq=False)
class Visitor:
    """``unit``: the browser's id; ``address``: where its requests come from, so that rate limits count each person alone."""

    person: Any
    unit: str
    address: str


@dataclass(eq=False)
class Crowd:
    """Everybody who comes. The same ``rng`` and simulator make the same people and, of the same lists, the same reactions."""

    simulator: Simulator
    entries: tuple[StyleEntry, ...]
    rng: np.random.Generator
    known: list[Visitor] = field(default_factory=list)
    visits: int = 0
    reactions: int = 0

    def __post_init__(self) -> None:
        host = next((name for name in settings.ALLOWED_HOSTS if not name.startswith((".", "*"))), "localhost")
        self._client = Client(SERVER_NAME=host)
        self._entries = {entry.slug: entry for entry in self.entries}

    def somebody(self, kind: Kind | None = None) -> Visitor:
        """Somebody new, of a kind where one is wanted. Raises ValueError where the simulator has no such people."""
        number = len(self.known) + 1
        for _ in range(MOST_DRAWS):
            person = self.simulator.sample_person(self.rng)
            if kind is None or kind(person):
                unit = str(uuid.UUID(bytes=self.rng.bytes(16), version=4))
                visitor = Visitor(person, unit, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
                self.known.append(visitor)
                return visitor
        raise ValueError(f"{type(self.simulator).__name__} has nobody of the wanted kind")

    def come(self, count: int, day: datetime, *, returning: float = 0.0, kind: Kind | None = None) -> None:
        """``count`` visits spread over the 22 hours from ``day`` on; a share ``returning`` is by people who were here before."""
        hours = np.sort(self.rng.uniform(0.0, 22.0, count))
        for hour in hours.tolist():
            is_back = bool(self.known) and self.rng.random() < returning
            visitor = self.known[int(self.rng.integers(len(self.known)))] if is_back else self.somebody(kind)
            self.visit(visitor, day + timedelta(hours=hour))

    def visit(self, visitor: Visitor, moment: datetime) -> Analysis:
        """One list, made as any other, and what the visitor says of it through ``POST /api/v2/feedback``."""
        with at(moment):
            job = Job.objects.create(task=TASK, queue="inference", sent_at=timezone.now(), request_id=MARK)
            analysis = Analysis.objects.create(
                visitor=visitor.unit, job=job, language="ko", wishes=visitor.person.wishes.to_json(), photo_sha256=""
            )
            with jobs.claimed(job.pk) as mine:
                if mine is None:
                    raise RuntimeError("another process took a job of the story")
                answer(mine, analysis, as_stored(visitor.person.reading), image=NO_PHOTO, ask_advisor=False)
        self.visits += 1
        self._react(visitor, analysis, moment + timedelta(minutes=1))
        return analysis

    def _react(self, visitor: Visitor, analysis: Analysis, moment: datetime) -> None:
        shown = [item for item in analysis.recommendations.select_related("style").order_by("rank") if item.style]
        entries = [self._entries[item.style.slug] for item in shown if item.style]
        said = self.simulator.react(visitor.person, entries, self.rng)
        with at(moment):
            for item, reaction in zip(shown, said, strict=True):
                if reaction is not None:
                    self._post(visitor, {"analysis_id": analysis.pk, "style_name": item.style_name, "reaction": reaction})

    def _post(self, visitor: Visitor, body: dict[str, Any]) -> None:
        response = self._client.post(
            "/api/v2/feedback",
            json.dumps(body),
            content_type="application/json",
            secure=settings.SECURE_SSL_REDIRECT,
            REMOTE_ADDR=visitor.address,
        )
        if response.status_code != 200:
            raise RuntimeError(f"the API refused a reaction: {response.status_code} {response.content[:300]!r}")
        self.reactions += 1


def as_stored(reading: FaceReading) -> FaceReading:
    """A sampled reading as the database takes it: sampled faces know the rank of a measurement only, and no outline."""
    measurements = {
        name: Measurement(value_at(name, found.percentile), found.percentile) for name, found in reading.measurements.items()
    }
    return replace(reading, measurements=measurements, features=neutral_features(reading.face_shape.label))


def value_at(measure: str, percentile: float) -> float:
    """The measurement that the reference faces have at this percentile (0 to 100)."""
    quantiles = model().quantiles[NAMES.index(measure)]
    return float(np.interp(percentile, np.linspace(0, 100, len(quantiles)), quantiles))
