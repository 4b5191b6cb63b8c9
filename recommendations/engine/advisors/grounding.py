"""From a model's answer to suggestions: each style found in the catalogue or kept as said, one per cut, within the wishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from hairme.ml.text_encoder import TextEncoder
from recommendations.engine.catalogue import Cut, StyleEntry, normalise_name
from recommendations.engine.explain import explain
from recommendations.engine.types import FaceReading, Suggestion

from .wording import LONGEST_DESCRIPTION, in_language, is_fit, is_style_name, tidy

SOURCE: Final = "gemini"
MOST_READ: Final = 20  # items of one answer that are looked at
#: A name may mean a cut only where its cosine exceeds what this share of the catalogue's own names reach with a foreign cut.
FOREIGN_QUANTILE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Match:
    """``index`` into the entries, None where the style is in the catalogue but outside the wishes; ``by``: how it was found."""

    index: int | None
    by: Literal["name", "cut", "meaning"]


@dataclass(slots=True)
class Grounded:
    suggestions: list[Suggestion] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)  # why -> how many
    foreign_reasons: int = 0  # reasons in another language than asked for
    reasons: int = 0  # reasons that were read


class Grounder:
    """Finds what a name means in one state of the catalogue. Row i of ``vectors`` (n, d), L2-normalised, is ``entries[i]``."""

    def __init__(
        self,
        *,
        entries: Sequence[StyleEntry],
        vectors: np.ndarray,
        cuts: Sequence[Cut],
        encoder: TextEncoder,
        threshold: float | None = None,
    ) -> None:
        """``threshold``: least cosine of a match by meaning; None measures it on this catalogue with this encoder."""
        self._entries = entries
        self._vectors = vectors
        self._encoder = encoder
        self._given_threshold = threshold
        self._cut_of = np.array([entry.cut for entry in entries])
        self._entry_names = {normalise_name(name): i for i, entry in enumerate(entries) for name in _names(entry)}
        self._cut_names = {normalise_name(name): cut.slug for cut in cuts for name in _cut_names(cut)}

    def find(self, name: str, cut: str, allowed: np.ndarray, *, by_meaning: bool = True) -> Match | None:
        """What ``name`` (with ``cut``, a slug the model may have given) means: by name, by slug, by meaning, or nothing.

        A cut stands for its allowed entry that is nearest to ``name`` in meaning. ``allowed`` is (n,) bool.
        """
        key, slug = normalise_name(name), normalise_name(cut)
        if key and (index := self._entry_names.get(key)) is not None:
            return Match(index if allowed[index] else None, "name")
        if (found := self._cut_names.get(key) or self._cut_names.get(slug)) is not None:
            return Match(self._nearest_of(found, name, allowed), "cut")
        if slug and (index := self._entry_names.get(slug)) is not None:
            return Match(index if allowed[index] else None, "name")
        if not by_meaning or not key:
            return None
        likeness = self._vectors @ self._encoder.encode([name])[0]
        best = int(np.argmax(likeness))
        if likeness[best] < self.threshold:
            return None
        return Match(self._nearest_of(str(self._cut_of[best]), name, allowed), "meaning")

    def _nearest_of(self, cut: str, name: str, allowed: np.ndarray) -> int | None:
        candidates = np.flatnonzero((self._cut_of == cut) & allowed)
        if not len(candidates):
            return None
        likeness = self._vectors[candidates] @ self._encoder.encode([name or cut])[0]
        return int(candidates[int(np.argmax(likeness))])

    @cached_property
    def threshold(self) -> float:
        """The cosine below which FOREIGN_QUANTILE of the catalogue's names stay with every cut but their own.

        It is what a name of a cut that the catalogue lacks would reach, so it fits any encoder. Names: the first entry of each
        cut, in both languages.
        """
        if self._given_threshold is not None:
            return self._given_threshold
        first = {entry.cut: entry for entry in reversed(self._entries)}
        said = [(entry.name[language], cut) for cut, entry in first.items() for language in ("ko", "en")]
        likeness = self._encoder.encode([name for name, _cut in said]) @ self._vectors.T
        likeness[np.array([cut for _name, cut in said])[:, None] == self._cut_of[None, :]] = -1.0
        return float(np.quantile(likeness.max(axis=1), FOREIGN_QUANTILE))

    def ground(
        self,
        items: Sequence[Any],
        *,
        allowed: np.ndarray,
        reading: FaceReading,
        language: str,
        count: int,
    ) -> Grounded:
        """At most ``count`` suggestions of different cuts from ``items``, mappings with name, cut, description and reason.

        A style whose reason is in another language, personal or broken is kept with the reason measured on this face; free
        text has no such reason and is dropped then. Free text is kept only where nothing was wished: nothing is known of it.
        """
        result = Grounded()
        seen: set[str] = set()
        for item in items[:MOST_READ]:
            if len(result.suggestions) == count:
                break
            suggestion = self._one(item, allowed, reading, language, result)
            if suggestion is None:
                continue
            identity = suggestion.cut or normalise_name(suggestion.name)
            if identity in seen:
                result.dropped["duplicate"] += 1
                continue
            seen.add(identity)
            result.suggestions.append(suggestion)
        return result

    def _one(self, item: Any, allowed: np.ndarray, reading: FaceReading, language: str, result: Grounded) -> Suggestion | None:
        if not isinstance(item, Mapping):
            result.dropped["not_an_object"] += 1
            return None
        name, cut = tidy(item.get("name")), tidy(item.get("cut"))
        named = is_style_name(name)
        # What is no name is not guessed at by meaning: "avoid heavy bangs" lies next to heavy bangs.
        match = self.find(name, cut if named else "", allowed, by_meaning=named)
        if match is None and not named:
            result.dropped["not_a_name"] += 1
            return None
        if match is not None and match.index is None:
            result.dropped["outside_wishes"] += 1
            return None
        reason = tidy(item.get("reason"))
        result.reasons += 1
        spoken = in_language(reason, language)
        result.foreign_reasons += not spoken
        usable = spoken and is_fit(reason)
        if match is not None and match.index is not None:
            entry = self._entries[match.index]
            return Suggestion(name, entry.slug, entry.cut, reason if usable else explain(reading, entry, language)[0], SOURCE)
        return self._free(name, tidy(item.get("description")), reason if usable else "", allowed, language, result)

    def _free(
        self, name: str, description: str, reason: str, allowed: np.ndarray, language: str, result: Grounded
    ) -> Suggestion | None:
        why = None
        if not allowed.all():
            why = "outside_wishes"
        elif not reason:
            why = "no_reason"
        elif not language.startswith("ko") and not in_language(name, language):
            why = "foreign_name"  # a Korean reader knows Latin names; the reverse does not hold
        if why:
            result.dropped[why] += 1
            return None
        kept = description if is_fit(description) and len(description) <= LONGEST_DESCRIPTION else ""
        return Suggestion(name, None, None, reason, SOURCE, kept)


def _names(entry: StyleEntry) -> Iterator[str]:
    yield from (entry.slug, entry.name.ko, entry.name.en, *entry.aliases)


def _cut_names(cut: Cut) -> Iterator[str]:
    yield from (cut.slug, cut.name.ko, cut.name.en, *cut.aliases)
