"""Which arm serves a unit: the running experiment of the layer, asked of the database about once a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import Error as DatabaseError

from hairme.ml.serving import Plan

from ..experiments.assignment import Share, arm_of, is_exposed
from ..models import Experiment

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 1.0
CHAMPION = Plan()
WITHDRAWN = "withdrawn"  # a transition after which a winning method is no longer in force


@dataclass(frozen=True, slots=True)
class Layer:
    """What is being tried in a layer, and what everybody else there is served."""

    key: str = ""
    salt: str = ""
    arms: tuple[Share, ...] = ()
    params: Mapping[str, Mapping[str, Any]] | None = None
    exposed: float = 0.0
    others: Plan = CHAMPION

    def plan(self, unit: str) -> Plan:
        if not self.key or not is_exposed(self.salt, unit, self.exposed):
            return self.others
        arm = arm_of(self.salt, unit, self.arms)
        return Plan(arm, self.key, (self.params or {}).get(arm, {}))


class ExperimentPlanner:
    """A ``hairme.ml.serving.Planner`` over the experiments. Thread-safe; while the database is away everybody gets the champion."""

    def __init__(self, seconds: float = REFRESH_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._layers: dict[str, Layer] = {}
        self._ask_after = float("-inf")
        self._asking = threading.Lock()

    def plan_for(self, layer: str, unit: str) -> Plan:
        try:
            self._ask()
            return self._layers.get(layer, Layer()).plan(unit)
        except Exception:  # an experiment must never be what keeps somebody from an answer
            log.exception("experiment_not_planned", layer=layer)
            return CHAMPION

    def forget(self) -> None:
        """Ask again at the next call: this process has just changed an experiment."""
        self._ask_after = float("-inf")

    def _ask(self) -> None:
        """One thread asks; the others go on with the last answer, or wait where there is none yet."""
        if self._clock() < self._ask_after or not self._asking.acquire(blocking=self._ask_after == float("-inf")):
            return
        try:
            if self._clock() >= self._ask_after:
                self._layers = _layers()
                self._ask_after = self._clock() + self._seconds
        except DatabaseError as error:
            self._layers = {}
            self._ask_after = self._clock() + self._seconds
            log.warning("experiments_not_asked", error=type(error).__name__)
        finally:
            self._asking.release()


def _layers() -> dict[str, Layer]:
    found = {layer: Layer(others=plan) for layer, plan in _methods_in_force().items()}
    for experiment in Experiment.objects.filter(state=Experiment.State.RUNNING):
        found[experiment.layer] = Layer(
            experiment.key,
            experiment.salt,
            tuple(Share(arm["name"], float(arm["weight"])) for arm in experiment.arms),
            {arm["name"]: arm["params"] for arm in experiment.arms},
            experiment.exposed_share,
            found.get(experiment.layer, Layer()).others,
        )
    return found


def _methods_in_force() -> dict[str, Plan]:
    """The winning arm of each layer's last comparison of methods that staff have not taken out of force."""
    won = (
        Experiment.objects.filter(
            state=Experiment.State.DECIDED, decision=Experiment.Decision.PROMOTE, challenger=None, memo__winner__isnull=False
        )
        .exclude(transitions__after=WITHDRAWN)
        .order_by("ended_at")
    )
    plans = {}
    for experiment in won:
        params = {arm["name"]: arm["params"] for arm in experiment.arms}.get(experiment.memo["winner"], {})
        plans[experiment.layer] = Plan(params=params)
    return plans


planner = ExperimentPlanner()
