"""A window compared with its reference, feature by feature. The reference is prepared once and may be compared with many windows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np

from feedback.engine.figures import quantile

from . import distances, embedding, reliability
from .data import ADVISORS, BUCKETS, NUMBERS, SOURCES, UNREAD, WORDS, Data, Table
from .findings import OK, TOO_FEW, Finding, Rules, judge, level
from .rates import Rate, change, change_of_counts, clustered_rate, exact_rise_p

DAY: Final = 86_400.0  # seconds: times and errors are those of the window's last day, which is what somebody can still help
SLOWER_MS: Final = 200.0  # a quantile that grows by less bothers nobody
SCORES: Final = ("score_mean", "score_top")


class Baseline:
    """Raises nothing: what rests on too few rows says so in its status."""

    def __init__(self, reference: Data, space: embedding.StyleSpace | None, rules: Rules | None = None) -> None:
        self.reference, self.space, self.rules = reference, space, rules or Rules()
        self.people = reference.analyses.latest_per_person()
        self.readers = reference.lists.latest_per_person()
        self._prepared: dict[str, tuple[np.ndarray, np.ndarray, distances.Sorted]] = {}

    def compare(self, window: Data) -> list[Finding]:
        """Every feature of every kind, judged."""
        people, readers = window.analyses.latest_per_person(), window.lists.latest_per_person()
        found = [self._number(name, "features", self.people, people) for name in NUMBERS]
        found += [self._word(name, "features", words, self.people, people) for name, words in WORDS.items()]
        found += [self._number(name, "predictions", self.readers, readers) for name in SCORES]
        found += [self._word("advisor", "predictions", ADVISORS, self.readers, readers)]
        found += self._labels(window.reactions)
        found += [self._calibration(window.reactions), *self._embedding(window.shown)]
        found += self._operations(window.hours)
        return judge(found, self.rules.alpha)

    def _too_few(self, *counts: int) -> bool:
        return min(counts) < self.rules.people

    def _number(self, name: str, kind: str, reference: Table, window: Table) -> Finding:
        if name not in self._prepared:
            edges = distances.quantile_edges(reference[name])
            self._prepared[name] = edges, distances.binned(reference[name], edges), distances.Sorted.of(reference[name])
        edges, before, ordered = self._prepared[name]
        now = distances.binned(window[name], edges)
        n, n_reference = int(now[:-1].sum()), int(before[:-1].sum())
        bins: dict[str, Any] = {"edges": np.round(edges, 5).tolist(), "reference": before.tolist(), "window": now.tolist()}
        if self._too_few(len(window), len(reference)) or not n_reference:
            return Finding(name, kind, n, n_reference, bins=bins, status=TOO_FEW)
        psi, (ks, ks_p) = distances.psi(before, now), distances.ks(ordered, distances.Sorted.of(window[name]))
        unread = change_of_counts((int(before[-1]), len(reference)), (int(now[-1]), len(window)))
        size = max(level(psi, self.rules.psi), level(ks, self.rules.ks))
        js, p = distances.jensen_shannon(before, now), min(1.0, 2 * min(ks_p, unread.p))
        return Finding(name, kind, n, n_reference, p, size, psi, js, ks, bins=bins)

    def _word(self, name: str, kind: str, words: tuple[str, ...], reference: Table, window: Table) -> Finding:
        before, now = (
            np.roll(np.bincount(table[name].astype(int) + 1, minlength=len(words) + 1), -1) for table in (reference, window)
        )
        bins = {"words": [*words, UNREAD], "reference": before.tolist(), "window": now.tolist()}
        n, n_reference = len(window), len(reference)
        if self._too_few(n, n_reference):
            return Finding(name, kind, n, n_reference, bins=bins, status=TOO_FEW)
        psi = distances.psi(before, now)
        p, js = distances.psi_p(psi, before, now), distances.jensen_shannon(before, now)
        return Finding(name, kind, n, n_reference, p, level(psi, self.rules.psi), psi, js, bins=bins)

    @cached_property
    def _rates(self) -> dict[str, Rate]:
        return dict(_like_rates(self.reference.reactions))

    def _labels(self, reactions: Table) -> list[Finding]:
        return [self._label(name, self._rates[name], rate) for name, rate in _like_rates(reactions)]

    def _label(self, name: str, before: Rate, now: Rate) -> Finding:
        bins = {"reference_rate": _known(before.value), "window_rate": _known(now.value)}
        if min(before.n, now.n) < self.rules.answers:
            return Finding(name, "labels", now.n, before.n, bins=bins, status=TOO_FEW)
        moved = change(before, now)
        size = level(-moved.relative, self.rules.like_fall) or min(1, level(moved.relative, self.rules.like_fall))
        return Finding(name, "labels", now.n, before.n, moved.p, size, effect=moved.relative, bins=bins)

    @cached_property
    def _reliability(self) -> reliability.Reliability:
        own = self.reference.reactions.where(self.reference.reactions["champion"] == 1)
        return reliability.Reliability.of(own["score"], own["liked"], own.person)

    def _calibration(self, reactions: Table) -> Finding:
        own, before = reactions.where(reactions["champion"] == 1), self._reliability
        now = reliability.Reliability.of(own["score"], own["liked"], own.person, before.edges)
        n, n_reference = len(own), sum(rate.n for rate in before.rates)
        bins = {
            "edges": np.round(before.edges, 3).tolist(),
            "reference_rates": [_known(rate.value) for rate in before.rates],
            "window_rates": [_known(rate.value) for rate in now.rates],
            "reference": [rate.n for rate in before.rates],
            "window": [rate.n for rate in now.rates],
            "ece": _known(reliability.expected_calibration_error(own["score"], own["liked"])),
        }
        if min(n, n_reference) < self.rules.answers:
            return Finding("score_to_like", "calibration", n, n_reference, bins=bins, status=TOO_FEW)
        moved = reliability.reliability_change(before, now)
        size = level(moved.error, self.rules.calibration)
        return Finding("score_to_like", "calibration", n, n_reference, moved.p, size, effect=moved.error, bins=bins)

    @cached_property
    def _coordinates(self) -> np.ndarray:
        assert self.space is not None
        return self.space.people(self.reference.shown["style"], self.reference.shown.person)

    def _embedding(self, shown: Table) -> Iterator[Finding]:
        if self.space is None:
            return
        before, now = self._coordinates, self.space.people(shown["style"], shown.person)
        name, kind, n, n_reference = "shown_styles", "embeddings", len(now), len(before)
        if self._too_few(n, n_reference):
            yield Finding(name, kind, n, n_reference, status=TOO_FEW)
            return
        moved = embedding.discrepancy(before, now)
        yield Finding(name, kind, n, n_reference, moved.p, level(moved.effect, self.rules.embedding), effect=moved.effect)

    def _operations(self, hours: Table) -> Iterator[Finding]:
        """The window ends an hour after its last row at the latest, so its last day begins a day before that."""
        before = self.reference.hours
        last = hours.between(hours.at[-1] + 3600 - DAY, np.inf) if len(hours) else hours
        (errors_before, fine_before), (errors, fine) = (
            (int(table["errors"].sum()), int(table["analyses"].sum())) for table in (before, last)
        )
        n, n_reference = fine + errors, fine_before + errors_before
        status = TOO_FEW if min(n, n_reference) < self.rules.analyses else OK
        rates = {"reference_rate": _share(errors_before, n_reference), "window_rate": _share(errors, n)}
        rise = errors / n - errors_before / n_reference if status == OK else 0.0
        p, size = exact_rise_p((errors_before, n_reference), (errors, n)), level(rise, self.rules.errors)
        yield Finding("error_rate", "errors", n, n_reference, p, size, effect=rise, bins=rates, status=status)
        yield self._latency(before["latency"].sum(0), last["latency"].sum(0))

    def _latency(self, before: np.ndarray, now: np.ndarray) -> Finding:
        slow_before, slow = (quantile(dict(zip(BUCKETS, map(int, counts), strict=True)), 0.95) for counts in (before, now))
        bins = {"words": list(BUCKETS), "reference": before.tolist(), "window": now.tolist()}
        bins |= {"reference_p95": _known(slow_before), "window_p95": _known(slow)}
        n, n_reference = int(now.sum()), int(before.sum())
        if min(n, n_reference) < self.rules.analyses:
            return Finding("latency", "latency", n, n_reference, bins=bins, status=TOO_FEW)
        psi = distances.psi(before, now)
        size = level(slow / slow_before, self.rules.slower) if slow - slow_before >= SLOWER_MS else 0
        p = distances.psi_p(psi, before, now)
        return Finding("latency", "latency", n, n_reference, p, size, psi, effect=slow / slow_before, bins=bins)


def _like_rates(reactions: Table) -> Iterator[tuple[str, Rate]]:
    chosen = {"like_rate": np.ones(len(reactions), bool), "like_rate:champion": reactions["champion"] == 1}
    chosen |= {f"like_rate:{name}": reactions["source"] == place for place, name in enumerate(SOURCES)}
    for name, rows in chosen.items():
        yield name, clustered_rate(reactions["liked"][rows], reactions.person[rows])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _known(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None
