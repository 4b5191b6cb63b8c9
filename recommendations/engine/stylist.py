"""The stylist: rules of the craft applied to measurements and shape probabilities, never to a label alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from . import retakes
from .catalogue import StyleEntry
from .explain import explain
from .stylist_rules import load_rules, voices
from .types import FaceReading, Suggestion
from .vocabulary import EFFECTS, FACE_SHAPES

BASE: Final = 55.0  # points of a style that nothing speaks for or against
SHAPE_POINTS: Final = 8.0  # points per step of ``flatters`` for a face that is surely of that shape
SPREAD: Final = 22.0  # raw points that squash to about three quarters of the way from BASE to the end of the scale


class Stylist:
    """Scores every style of a catalogue for a face and suggests the best different ones, with measured reasons."""

    def __init__(self, entries: Sequence[StyleEntry]) -> None:
        self.entries = entries
        #: (n, effects) 0/1 and (n, shapes) -2..2, so that a face is one matrix product away from all scores.
        self._effects = np.array([[effect in entry.effects for effect in EFFECTS] for entry in entries], dtype=np.float64)
        self._flatters = np.array([[entry.flatters[shape] for shape in FACE_SHAPES] for entry in entries], dtype=np.float64)
        self._measures = tuple(dict.fromkeys(rule.measure for rule in load_rules()))

    def score(self, reading: FaceReading) -> np.ndarray:
        """(n,) float64 in 0..100: BASE where nothing speaks, squashed smoothly towards the ends.

        What counts is the expected ``flatters`` over the shape probabilities and every rule's points at its strength.
        """
        shape = np.array([reading.face_shape.probabilities[name] for name in FACE_SHAPES])
        wanted = np.zeros(len(EFFECTS))
        for voice in voices(reading):
            wanted += [voice.strength * (voice.rule.wants.get(e, 0.0) - voice.rule.avoids.get(e, 0.0)) for e in EFFECTS]
        return _squash(SHAPE_POINTS * (self._flatters @ shape) + self._effects @ wanted)

    def sure_score(self, reading: FaceReading) -> np.ndarray:
        """(n,) float64 in 0..100: what a style is surely worth, however the photo was taken.

        The points over the readings that other photos of the face might have given (``retakes``): their mean less their standard
        deviation, a lower confidence bound. A style that suits the face only as this one photo shows it comes later.
        """
        wanted = np.zeros((retakes.DRAWS, len(EFFECTS)))
        percentiles = retakes.percentiles(reading, self._measures)
        for rule in load_rules():
            if rule.measure in percentiles:
                points = [rule.wants.get(e, 0.0) - rule.avoids.get(e, 0.0) for e in EFFECTS]
                wanted += np.outer(rule.strengths(percentiles[rule.measure]), points)
        raw = SHAPE_POINTS * (retakes.shapes(reading) @ self._flatters.T) + wanted @ self._effects.T
        return _squash(raw.mean(axis=0) - raw.std(axis=0))

    def suggest(
        self, reading: FaceReading, mask: np.ndarray, preference: np.ndarray, *, language: str, n: int = 4
    ) -> list[Suggestion]:
        """The ``n`` styles of those that ``mask`` (n,) allows which are surely best: one per cut, at most half of one family.

        ``preference`` (n,) is added to the scores: what speaks for or against a style apart from the face.
        """
        scores = self.sure_score(reading) + preference
        order = [int(i) for i in np.argsort(-scores, kind="stable") if mask[i]]
        chosen: list[StyleEntry] = []
        for most_of_family in (max(1, n // 2), n):
            for entry in (self.entries[i] for i in order):
                if len(chosen) == n:
                    break
                if any(other.cut == entry.cut for other in chosen):
                    continue
                if sum(other.family == entry.family for other in chosen) < most_of_family:
                    chosen.append(entry)
        return [
            Suggestion(entry.name[language], entry.slug, entry.cut, explain(reading, entry, language)[0], "stylist")
            for entry in chosen
        ]


def _squash(raw: np.ndarray) -> np.ndarray:
    return BASE + np.where(raw > 0, 100.0 - BASE, BASE) * np.tanh(raw / SPREAD)
