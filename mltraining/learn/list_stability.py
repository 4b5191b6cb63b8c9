"""How much of a person's list stays when the photo or a near-tie of the reading changes a little, and how much is the person's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any, Final

import numpy as np

from recommendations.engine import ranking, retakes
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.scoring import Scorer, StyleTable
from recommendations.engine.stylist import Stylist
from recommendations.engine.types import FaceReading, FaceShape, Measurement, RankedStyle, Season, Wishes

from .face_population import FacePopulation, rule_measures
from .face_shape_photos import STABLE_UNDER, Change, attempt

#: How a second photo of the same face differs, as the changes of ``STABLE_UNDER`` move real readings: the labels' lead that
#: turns round, percentile points (standard deviation) and the logarithm of a season's weight (standard deviation).
TIE: Final = 0.10
PERCENTILE_SD: Final = 3.0
SEASON_SD: Final = 0.2


@dataclass(frozen=True)
class Lister:
    """The site's list without Gemini: ``advised`` styles of the stylist's rules and ``learned`` of the scorer."""

    entries: Sequence[StyleEntry]
    vectors: np.ndarray  # (n, 384) float32, L2-normalised
    stylist: Stylist
    scorer: Scorer
    advised: int
    learned: int

    @cached_property
    def table(self) -> StyleTable:
        return StyleTable(tuple(self.entries), self.vectors)

    def __call__(self, reading: FaceReading, language: str = "en") -> list[RankedStyle]:
        wishes = Wishes()
        mask, preference = ranking.allowed(self.entries, wishes), ranking.hair_fit(self.entries, wishes)
        return ranking.merge(
            suggestions=self.stylist.suggest(reading, mask, preference, language=language, n=self.advised),
            scores=self.scorer.score(reading, self.table),
            entries=self.entries,
            allowed=mask,
            preference=preference,
            reading=reading,
            language=language,
            advised=self.advised,
            learned=self.learned,
            score_text=lambda text: 0.0,  # nobody suggests free text here
        )

    def gap(self, reading: FaceReading) -> float:
        """Points of the stylist's scale by which the suggestions lie below the best of as many different cuts, on average."""
        wishes = Wishes()
        mask, preference = ranking.allowed(self.entries, wishes), ranking.hair_fit(self.entries, wishes)
        scores = self.stylist.score(reading) + preference
        worth = {entry.slug: float(score) for entry, score in zip(self.entries, scores, strict=True)}
        best: dict[str, float] = {}
        for entry, score in zip(self.entries, scores, strict=True):
            best[entry.cut] = max(best.get(entry.cut, -np.inf), float(score))
        given = self.stylist.suggest(reading, mask, preference, language="en", n=self.advised)
        unconstrained = sorted(best.values())[-self.advised :]
        return float(np.mean(unconstrained) - np.mean([worth[str(one.slug)] for one in given]))


def overlap(a: Sequence[RankedStyle], b: Sequence[RankedStyle]) -> float:
    """The share of the longer list's cuts that both have, 0..1; 1 for two empty lists."""
    longest = max(len(a), len(b))
    return len({item.cut for item in a} & {item.cut for item in b}) / longest if longest else 1.0


def on_photos(
    images: Sequence[np.ndarray],
    list_of: Lister,
    *,
    people: Sequence[str] | None = None,
    changes: Mapping[str, Change] = STABLE_UNDER,
    say: Callable[[str], Any],
) -> dict[str, Any]:
    """Every photo against its changed selves, and the photos against each other; ``people`` names who is on each.

    Photos that cannot be read as they are, are left out and counted. Raises ValueError where none can be read.
    """
    attempts = [attempt(image) for image in images]
    names = [
        name for name, reading in zip(people or range(len(images)), attempts, strict=True) if isinstance(reading, FaceReading)
    ]
    readings = [(image, reading) for image, reading in zip(images, attempts, strict=True) if isinstance(reading, FaceReading)]
    if not readings:
        raise ValueError("none of these photos can be read")
    result: dict[str, Any] = {"photos": len(images), "read": len(readings), "changes": {}}
    for name, change in changes.items():
        pairs = [(a, b) for image, a in readings if isinstance(b := attempt(change(image)), FaceReading)]
        result["changes"][name] = {"read": len(pairs) / len(readings), **_agreement(pairs, list_of)}
        say(f"  {name}")
    overlaps = [row["overlap"] for row in result["changes"].values() if row["read"]]
    result["mean_overlap"] = float(np.mean(overlaps)) if overlaps else 0.0
    result["personal"] = personal([reading for _, reading in readings], list_of, names)
    return result


def personal(readings: Sequence[FaceReading], list_of: Lister, names: Sequence[Any]) -> dict[str, Any]:
    """What lists of different people share, and lists of several photos of one person, with how far such readings lie apart.

    ``names`` says who is read. Shares are 0..1 and None where nobody has two photos, or there is only one person.
    """
    lists = [list_of(reading) for reading in readings]
    pairs = [(names[i] == names[j], overlap(lists[i], lists[j])) for i, j in combinations(range(len(lists)), 2)]
    own, other = ([share for same, share in pairs if same is wanted] for wanted in (True, False))
    return {
        "people": len(set(names)),
        "other_people": float(np.mean(other)) if other else None,
        "other_photo": float(np.mean(own)) if own else None,
        "distinct_cuts": len({item.cut for items in lists for item in items}),
        "gap": float(np.mean([list_of.gap(reading) for reading in readings])),
        **_spread(readings, names),
    }


def _spread(readings: Sequence[FaceReading], names: Sequence[Any]) -> dict[str, float | None]:
    """Standard deviations within a person: of percentiles, averaged over the rules' measures, and of centred log probabilities."""
    groups = [[r for r, who in zip(readings, names, strict=True) if who == name] for name in dict.fromkeys(names)]
    several = [group for group in groups if len(group) > 1]
    if not several:
        return {"percentile_sd": None, "shape_log_sd": None}
    percentiles = [np.array([[r.measurements[m].percentile for m in rule_measures()] for r in group]) for group in several]
    logs = [np.log(np.array([[*r.face_shape.probabilities.values()] for r in group]) + retakes.FLOOR) for group in several]
    centred = [log - log.mean(axis=1, keepdims=True) for log in logs]
    found = [np.sqrt(np.mean([v.var(axis=0, ddof=1) for v in values], axis=0)).mean() for values in (percentiles, centred)]
    return {"percentile_sd": float(found[0]), "shape_log_sd": float(found[1])}


def on_near_ties(population: FacePopulation, list_of: Lister, *, faces: int, seed: int = 20_260_101) -> dict[str, Any]:
    """Invented faces whose first two shapes are nearly equal, against themselves with the label flipped and all else jittered."""
    rng = np.random.default_rng(seed)
    pairs = [flipped(reading, rng) for reading in population.sample(faces, rng)]
    found = [overlap(list_of(a), list_of(b)) for a, b in pairs]
    return {"faces": faces, "mean_overlap": float(np.mean(found)), "tenth": float(np.quantile(found, 0.1))}


def flipped(reading: FaceReading, rng: np.random.Generator) -> tuple[FaceReading, FaceReading]:
    """The face with its two likeliest shapes TIE apart, and what a second photo might read: the other one first."""
    shape = dict(reading.face_shape.probabilities)
    first, second = sorted(shape, key=lambda key: -shape[key])[:2]
    middle = (shape[first] + shape[second]) / 2
    near = min(TIE, 2 * middle) / 2
    season = dict(reading.colour.season.probabilities)
    weights = {key: p * float(np.exp(SEASON_SD * rng.standard_normal())) for key, p in season.items()}
    measurements = {
        name: Measurement(m.value, float(np.clip(m.percentile + PERCENTILE_SD * rng.standard_normal(), 0, 100)))
        for name, m in reading.measurements.items()
    }
    return (
        _with(reading, {**shape, first: middle + near, second: middle - near}, season, reading.measurements),
        _with(reading, {**shape, first: middle - near, second: middle + near}, weights, measurements),
    )


def _with(
    reading: FaceReading, shape: dict[str, float], season: dict[str, float], measurements: Mapping[str, Measurement]
) -> FaceReading:
    first, second = sorted(shape, key=lambda key: -shape[key])[:2]
    total = sum(season.values())
    season = {key: value / total for key, value in season.items()}
    return replace(
        reading,
        face_shape=FaceShape(shape, first, second, shape[first], "mixed"),
        colour=replace(reading.colour, season=Season(season, max(season, key=lambda key: season[key]), "mixed")),
        measurements=measurements,
    )


def _agreement(pairs: Sequence[tuple[FaceReading, FaceReading]], list_of: Lister) -> dict[str, float]:
    if not pairs:
        return {"same_label": 0.0, "same_season": 0.0, "overlap": 0.0}
    return {
        "same_label": float(np.mean([a.face_shape.label == b.face_shape.label for a, b in pairs])),
        "same_season": float(np.mean([a.colour.season.label == b.colour.season.label for a, b in pairs])),
        "overlap": float(np.mean([overlap(list_of(a), list_of(b)) for a, b in pairs])),
    }


def report(result: Mapping[str, Any]) -> str:
    photos, ties = result["photos"], result["near_ties"]
    lines = [f"{photos['read']} of {photos['photos']} photos read", "change: still read, same shape, same season, list kept"]
    lines += [
        f"  {name:<20} {row['read']:.2f}  {row['same_label']:.2f}  {row['same_season']:.2f}  {row['overlap']:.3f}"
        for name, row in photos["changes"].items()
    ]
    lines.append(f"list kept over all changes: {photos['mean_overlap']:.3f}")
    own = photos["personal"]
    if own["other_people"] is not None:
        lines.append(
            f"lists of two of the {own['people']} people share {own['other_people']:.3f}; "
            f"{own['distinct_cuts']} different cuts among all lists"
        )
    lines.append(f"the stylist's choice is {own['gap']:.2f} points of 100 below the best as read, for being sure and different")
    if own["other_photo"] is not None:
        lines.append(
            f"another photo of the same person: list kept {own['other_photo']:.3f}; standard deviation "
            f"{own['percentile_sd']:.1f} percentiles, {own['shape_log_sd']:.2f} of a shape's log probability"
        )
    lines.append(
        f"near-tie flipped on {ties['faces']} invented faces: list kept {ties['mean_overlap']:.3f}, "
        f"worst tenth {ties['tenth']:.2f}"
    )
    return "\n".join(lines)
