"""The stylist's rules as data (``stylist_rules.yaml``): what a measured face asks of a haircut, and how to say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from .catalogue import Bilingual
from .types import FaceReading
from .vocabulary import EFFECTS

RULES_FILE: Final = Path(__file__).with_name("stylist_rules.yaml")


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    measure: str
    start: float  # percentile at which the rule begins to speak
    full: float  # percentile from which it speaks with its whole strength
    wants: Mapping[str, float]
    avoids: Mapping[str, float]
    says: Bilingual
    source: str

    def strength(self, percentile: float) -> float:
        """0..1, piecewise linear: continuous, so that a small change of the measurement is a small change of the list."""
        return float(self.strengths(np.asarray(percentile)))

    def strengths(self, percentiles: np.ndarray) -> np.ndarray:
        """``strength`` of many percentiles at once, in their shape."""
        return np.asarray(np.clip((percentiles - self.start) / (self.full - self.start), 0.0, 1.0))

    def percent(self, percentile: float) -> int:
        """The share of faces that this one exceeds, in the rule's own direction (1..99)."""
        return int(np.clip(round(percentile if self.full > self.start else 100 - percentile), 1, 99))


@dataclass(frozen=True, slots=True)
class Voice:
    """One rule as it speaks about one face."""

    rule: Rule
    strength: float
    percentile: float

    def points(self, effects: Sequence[str]) -> float:
        """What a style with these effects gains (or loses) by the rule."""
        gain = sum(self.rule.wants.get(effect, 0.0) - self.rule.avoids.get(effect, 0.0) for effect in effects)
        return self.strength * gain

    def sentence(self, language: str) -> str:
        return self.rule.says[language].format(percent=self.rule.percent(self.percentile))


@cache
def load_rules(path: Path = RULES_FILE) -> tuple[Rule, ...]:
    """The rules, in file order. Raises ValueError for an unknown effect or an empty ramp."""
    rules = tuple(_rule(item) for item in yaml.safe_load(path.read_text(encoding="utf-8")))
    for rule in rules:
        if unknown := {*rule.wants, *rule.avoids} - set(EFFECTS):
            raise ValueError(f"rule {rule.id} names unknown effects {sorted(unknown)}")
        if rule.start == rule.full:
            raise ValueError(f"rule {rule.id} has an empty ramp")
    return rules


def _rule(item: Mapping[str, Any]) -> Rule:
    return Rule(
        item["id"], item["measure"], float(item["from"]), float(item["to"]), item["wants"], item["avoids"],
        Bilingual(item["says_ko"], item["says_en"]), item["source"],
    )  # fmt: skip


def voices(reading: FaceReading) -> list[Voice]:
    """The rules that have something to say about this face, strongest first."""
    found = []
    for rule in load_rules():
        measurement = reading.measurements.get(rule.measure)
        if measurement is not None and (strength := rule.strength(measurement.percentile)) > 0:
            found.append(Voice(rule, strength, measurement.percentile))
    return sorted(found, key=lambda voice: -voice.strength)
