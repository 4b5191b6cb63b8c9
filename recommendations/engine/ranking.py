"""From suggestions and scores to one list: filtered, one style per canonical cut, different from each other, ranked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from .catalogue import StyleEntry
from .explain import explain
from .types import FaceReading, RankedStyle, Suggestion, Wishes
from .vocabulary import UPKEEPS

#: Points that an advisor's first, second, ... suggestion gets on top of its score when the list is put in order.
ADVISOR_BONUS: Final = (8.0, 6.0, 4.0, 2.0)
#: How common each hair is taken to be where it is unknown: straight and wavy hair first, as among Korean clients. An assumption.
HAIR_PRIOR: Final = {"straight": 0.5, "wavy": 0.32, "curly": 0.12, "coily": 0.06}
HAIR_POINTS: Final = 16.0
UPKEEP_ORDER: Final = tuple(UPKEEPS)


def allowed(entries: Sequence[StyleEntry], wishes: Wishes) -> np.ndarray:
    """(n,) bool: which entries fit every wish. Upkeep is the most the person wants to have."""
    return np.array([_fits(entry, wishes) for entry in entries], dtype=bool)


def hair_fit(entries: Sequence[StyleEntry], wishes: Wishes) -> np.ndarray:
    """(n,) points, 0 or below, for choosing among styles when the person has not said what hair they have.

    A style that few kinds of hair can wear is a worse bet then; one that says its hair type is filtered instead (``allowed``).
    """
    if wishes.hair_type:
        return np.zeros(len(entries))
    return np.array([HAIR_POINTS * (sum(HAIR_PRIOR[kind] for kind in entry.hair_types) - 1.0) for entry in entries])


def _fits(entry: StyleEntry, wishes: Wishes) -> bool:
    if wishes.presentation and not {wishes.presentation, "any"} & set(entry.presentations):
        return False
    if wishes.lengths and entry.length not in wishes.lengths:
        return False
    if wishes.upkeep and UPKEEP_ORDER.index(entry.upkeep) > UPKEEP_ORDER.index(wishes.upkeep):
        return False
    return not wishes.hair_type or wishes.hair_type in entry.hair_types


def best_different(
    scores: np.ndarray, entries: Sequence[StyleEntry], mask: np.ndarray, count: int, taken: Sequence[int] = ()
) -> list[int]:
    """Indices of the ``count`` best-scored styles, one per family, one per cut and none of a cut in ``taken``.

    scores (n,); mask (n,) bool. Where there are too few families, the best of the other cuts fill up; fewer than ``count`` where
    the mask leaves fewer cuts. Difference is a rule here and no term of the score: a greedy trade of score against likeness to what
    was chosen before turns one small change into another list (docs/decisions/0007).
    """
    used = {entries[i].cut for i in taken}
    best_of_cut: dict[str, int] = {}
    for i in np.argsort(-scores, kind="stable"):
        if mask[i] and entries[i].cut not in used:
            best_of_cut.setdefault(entries[i].cut, int(i))
    best_of_family: dict[str, int] = {}
    for i in best_of_cut.values():
        best_of_family.setdefault(entries[i].family, i)
    first = list(best_of_family.values())
    return (first + [i for i in best_of_cut.values() if i not in set(first)])[:count]


def merge(
    *,
    suggestions: Sequence[Suggestion],
    scores: np.ndarray,
    entries: Sequence[StyleEntry],
    allowed: np.ndarray,
    preference: np.ndarray,
    reading: FaceReading,
    language: str,
    advised: int,
    learned: int,
    score_text: Callable[[str], float],
    fill: bool = True,
) -> list[RankedStyle]:
    """``advised`` suggestions and ``learned`` best-scored styles as one list of different cuts, ranks 1..n.

    A suggestion outside the wishes or of a cut that is already there is dropped, and the scorer fills its place unless ``fill`` is
    False. Free text (no slug) is kept where nothing was wished, since nothing is known of it but its name; ``score_text`` scores
    it by its meaning. ``preference`` (n,) is added to the scores when the scorer chooses, not to the score that is shown.
    """
    index = {entry.slug: i for i, entry in enumerate(entries)}
    free_text_fits = bool(allowed.all())
    cuts = [entry.cut for entry in entries]
    rows: list[tuple[float, RankedStyle]] = []
    taken: list[int] = []
    names: set[str] = set()
    for suggestion in suggestions:
        if len(rows) == advised:
            break
        bonus = ADVISOR_BONUS[min(len(rows), len(ADVISOR_BONUS) - 1)]
        i = index.get(suggestion.slug or "")
        if i is None:
            if suggestion.slug is None and free_text_fits and suggestion.name not in names:
                score = score_text(f"{suggestion.name}. {suggestion.description}")
                rows.append((score + bonus, _free(suggestion, score)))
                names.add(suggestion.name)
        elif allowed[i] and cuts[i] not in {cuts[j] for j in taken} and entries[i].name[language] not in names:
            taken.append(i)
            item = from_entry(entries[i], suggestion.source, float(scores[i]), reading, language, suggestion.reason)
            rows.append((float(scores[i]) + bonus, replace(item, candidate="advised")))
            names.add(item.name)
    unnamed = allowed & np.array([entry.name[language] not in names for entry in entries], dtype=bool)
    rows += [
        (float(scores[i]), from_entry(entries[i], "ml", float(scores[i]), reading, language))
        for i in best_different(scores + preference, entries, unnamed, learned + (advised - len(rows) if fill else 0), taken)
    ]
    rows.sort(key=lambda row: -row[0])
    return [replace(item, rank=rank) for rank, (_utility, item) in enumerate(rows, start=1)]


def from_entry(
    entry: StyleEntry, source: str, score: float, reading: FaceReading, language: str, reason: str = ""
) -> RankedStyle:
    """The item without its rank; what was measured on the face is the reason where the advisor gave none."""
    measured, drawback = explain(reading, entry, language)
    return RankedStyle(0, entry.name[language], entry.slug, entry.cut, source, score, reason or measured, drawback)


def _free(suggestion: Suggestion, score: float) -> RankedStyle:
    return RankedStyle(
        0, suggestion.name, None, None, suggestion.source, score, suggestion.reason, drawback="", candidate="advised"
    )
