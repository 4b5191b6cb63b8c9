"""Which variant serves a unit (a person, or a browser where nobody is signed in): the seam between serving and experiments.

Serving asks ``plan_for``; the default answers the champion for everybody, and an experiment platform may put itself in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a unit is served. ``params``: ``method`` (hybrid, gemini, ml), ``scorer`` (version of the scorer; absent: the champion)."""

    arm: str = CHAMPION
    experiment: str = ""  # its key; "" where the unit is in none
    params: Mapping[str, Any] = field(default_factory=dict)


class Planner(Protocol):
    def plan_for(self, layer: str, unit: str) -> Plan:
        """The same unit gets the same arm for as long as an experiment runs. Never raises: doubt is answered with ``Plan()``."""


class ChampionForAll:
    def plan_for(self, layer: str, unit: str) -> Plan:
        return Plan()


_planner: Planner = ChampionForAll()


def get_planner() -> Planner:
    return _planner


def set_planner(planner: Planner) -> None:
    """Put an experiment platform in the default's place (called once, from an application's start-up)."""
    global _planner
    _planner = planner
