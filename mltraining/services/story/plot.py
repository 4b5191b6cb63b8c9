"""Five weeks of a site that learns, told by its own services: a challenger earns promotion, a harmful one is rolled back, drift fires.

Nothing is faked but the clock (``clock.at``) and the people (a simulator). Versions are trained, gated, tried, promoted and rejected
by the code that does so on any site.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.contrib.auth import get_user_model
from django.utils import timezone

from feedback.stream import consumer
from hairme.common import outbox
from hairme.ml.artifacts import get_store
from recommendations.selectors import SCORER, catalogue_snapshot, text_encoder

from ...experiments.decide import Guardrail
from ...learn.simulation.protocol import Person, Simulator
from ...models import Alert, DriftReport, Experiment, ModelVersion, TrainingRun
from ...selectors import registry as registry_reads
from .. import experiment_looks, experiments, monitoring, registry, retraining
from ..training_run import run_training
from .clock import at
from .harm import inverted
from .visits import Crowd

DAY: Final = timedelta(days=1)
STAFF: Final = "demo-staff"
ACTOR: Final = f"staff:{STAFF}"
#: Days of the story on which something begins.
TRAINING, HARM, DRIFT, END = 7, 14, 29, 36
SERVED_WITHIN: Final = 30.0  # seconds in which a promoted version must serve

Make = Callable[..., Simulator]


class StoryBroken(Exception):
    """The story did not go as told: what was expected, and what happened instead."""


@dataclass(frozen=True)
class Plot:
    """How many come on each day of each part, and what is registered for the two experiments (``experiments.create``, in JSON).
    ``check_every``: days between two looks for drift before the other people come; from then on it is every day.

    A site has thousands of people and the usual settings; here a few hundred have to do, so the experiments are registered with
    a shorter ramp, fewer people and days, and wider margins for the guardrails that such numbers cannot tell. All of that is on
    their pages like any other registration.
    """

    seed: int = 0
    before: int = 40
    trial: int = 60
    harm: int = 60
    quiet: int = 16
    drift: int = 30
    returning: float = 0.3
    check_every: int = 1
    registered: Mapping[str, Any] = field(
        default_factory=lambda: {
            "ramp": [0.75, 1.0],
            "ramp_people": 10,
            "min_people": 30,
            "min_days": 2,
            "horizon_days": 7,
            "people_per_day": 15,
            "guardrails": [
                asdict(Guardrail("dislike_rate", margin=0.10, relative=True)),
                asdict(Guardrail("error_rate", margin=0.20)),
                asdict(Guardrail("latency_p95", margin=0.20)),
                asdict(Guardrail("list_diversity", margin=0.20, relative=True, higher_is_worse=False, is_share=False)),
            ],
        }
    )


@dataclass(frozen=True)
class Told:
    """How it ended. ``began``, ``ended``: the story's own time."""

    began: datetime
    ended: datetime
    people: int
    visits: int
    reactions: int
    promoted: ModelVersion
    rejected: ModelVersion
    alert: Alert
    run: TrainingRun  # that the alert started


def is_told() -> bool:
    return get_user_model().objects.filter(username=STAFF).exists()


def has_history() -> bool:
    """Whether the site has learned something itself: its rows are append-only, and the story's would stand between them."""
    return Experiment.objects.exists() or TrainingRun.objects.exists() or DriftReport.objects.exists()


def other_kind(person: Person) -> bool:
    """Cool and deep colours and a face longer than most: whom the story's last week brings."""
    reading = person.reading
    return reading.colour.season.label == "winter" and reading.measurements["length_to_width"].percentile > 60


def tell(plot: Plot, simulator: Make, say: Callable[[str], None] = lambda line: None, now: datetime | None = None) -> Told:
    """Tell the story so that it ends ``now``. ``simulator``: a class of ``learn.simulation.protocol``.

    Raises StoryBroken where an act does not end as told, ApplicationError where the site cannot serve.
    """
    with _without_news():
        return _Story(plot, simulator, say, now or timezone.now()).tell()


@contextmanager
def _without_news() -> Iterator[None]:
    """Thousands of lists and reactions would each log their line; warnings still do."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


class _Story:
    def __init__(self, plot: Plot, simulator: Make, say: Callable[[str], None], now: datetime) -> None:
        self.plot, self.say = plot, say
        self.start = now - END * DAY
        self.day = 0
        with at(self.start):
            registry.register_shipped()
        entries = catalogue_snapshot(text_encoder().id).entries
        self.crowd = Crowd(simulator(entries, plot.seed), entries, np.random.default_rng([plot.seed, 1]))
        self.staff = get_user_model().objects.create_user(STAFF, password=None, is_staff=True)

    def tell(self) -> Told:
        self._say("people come; the shipped scorer serves")
        while self.day < TRAINING:
            self._live(self.plot.before)
        promoted = self._challenger_earns_it()
        while self.day < HARM:
            self._live(self.plot.quiet)
        rejected = self._harm_is_stopped()
        self._say("quiet weeks")
        while self.day < DRIFT:
            self._live(self.plot.quiet)
        alert, run = self._others_come()
        crowd = self.crowd
        return Told(self.start, self.now, len(crowd.known), crowd.visits, crowd.reactions, promoted, rejected, alert, run)

    # --- acts ------------------------------------------------------------------------------------------------------------------

    def _challenger_earns_it(self) -> ModelVersion:
        run = self._retrain()
        self._say(f"run {run.pk}: {run.verdict}")
        experiment = Experiment.objects.filter(state=Experiment.State.RUNNING, challenger=run.version).first()
        if run.version is None or experiment is None:
            raise StoryBroken(f"the challenger should have got its experiment: {run.verdict}")
        while self.day < HARM and experiment.state == Experiment.State.RUNNING:
            self._live(self.plot.trial)
            experiment.refresh_from_db()
        self._expect(experiment, Experiment.Decision.PROMOTE)
        self._wait_until_served()
        self._say(f"{experiment.key}: promoted by itself")
        return run.version

    def _harm_is_stopped(self) -> ModelVersion:
        champion = registry_reads.champion(SCORER)
        assert champion is not None
        with at(self.now):
            harmful = inverted(champion, actor=ACTOR, user=self.staff)
            guardrails = [Guardrail(**guardrail) for guardrail in self.plot.registered["guardrails"]]
            fields = {**self.plot.registered, "guardrails": guardrails}
            experiment = experiments.create_for(harmful, actor=ACTOR, user=self.staff, **fields)
            experiments.start(experiment, actor=ACTOR, reason="Staff want to see what becomes of it.", user=self.staff)
        self._say(f"staff put {harmful.version} on trial")
        while self.day < DRIFT - 7 and self._is_running(experiment):
            self._live(self.plot.harm)
        self._expect(experiment, Experiment.Decision.ROLLBACK)
        self._say(f"{experiment.key}: rolled back by itself")
        return harmful

    def _others_come(self) -> tuple[Alert, TrainingRun]:
        self._say("another kind of people comes")
        while self.day < END:
            self._live(self.plot.drift, returning=0.0, kind=other_kind)
        runs = TrainingRun.objects.filter(trigger=TrainingRun.Trigger.ALERT)
        alert = Alert.objects.filter(kind="features", severity=Alert.Severity.CRITICAL, run__in=runs).order_by("first_at").first()
        if alert is None or alert.run is None:
            raise StoryBroken(f"drift should have started a retraining: {list(Alert.objects.values_list('kind', 'severity'))}")
        self._say(f"alert {alert.kind}, seen {alert.count} times; run {alert.run.pk}: {alert.run.verdict}")
        return alert, alert.run

    # --- what acts share -------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.start + self.day * DAY

    def _live(self, people: int, returning: float | None = None, kind: Callable[[Person], bool] | None = None) -> None:
        """One day: people come, events are summed, and what beat does every hour is done at its end."""
        self.crowd.come(people, self.now, returning=self.plot.returning if returning is None else returning, kind=kind)
        self.day += 1
        with at(self.now):
            catch_up()
            experiment_looks.watch()
            if self.day > DRIFT or self.day % self.plot.check_every == 0:
                monitoring.check()
            for run in TrainingRun.objects.filter(state=TrainingRun.State.QUEUED):
                self._work(run)
            catch_up()

    def _retrain(self) -> TrainingRun:
        with at(self.now):
            run = retraining.start_retraining(
                TrainingRun.Trigger.STAFF,
                architecture="preference",
                actor=ACTOR,
                user=self.staff,
                experiment=self.plot.registered,
            )
            return self._work(run)

    def _work(self, run: TrainingRun) -> TrainingRun:
        """What the training worker does with it."""
        assert run.job_id is not None
        run_training(run.job_id)
        run.refresh_from_db()
        return run

    def _is_running(self, experiment: Experiment) -> bool:
        experiment.refresh_from_db()
        return experiment.state == Experiment.State.RUNNING

    def _expect(self, experiment: Experiment, decision: str) -> None:
        experiment.refresh_from_db()
        if experiment.decision != decision:
            last = experiment.looks.order_by("-day").first()
            raise StoryBroken(f"{experiment.key} should have ended in {decision}: {last.reason if last else 'no look'}")

    def _wait_until_served(self) -> None:
        """A promoted version serves within the seconds in which every process asks the registry again."""
        champion = registry_reads.champion(SCORER)
        deadline = time.monotonic() + SERVED_WITHIN
        while champion is None or get_store().resolve(SCORER).key != champion.key:
            if time.monotonic() > deadline:
                raise StoryBroken(f"{champion and champion.key} is the champion and does not serve")
            time.sleep(0.05)

    def _say(self, line: str) -> None:
        self.say(f"day {self.day + 1:2d}  {line}")


def catch_up() -> None:
    """Everything that happened is in the hourly sums afterwards."""
    while outbox.relay():
        pass
    consumer.drain()
