"""How far the colour reading follows the light instead of the face: photos read as they are and changed, without labels.

The rule that is measured: a season that changes must have been marked unsure. Beside the live reading, which refuses a season in
coloured light, the same photos can be read with the light corrected by the white of the eye and the background, for comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

import numpy as np

from recommendations.engine import landmarks
from recommendations.engine.colour import CAST_LIMIT, LIGHT_SD, WITNESSED, estimate_cast, read_colour
from recommendations.engine.colour_patches import Patch, Patches, take
from recommendations.engine.colour_space import lab_of_linear, linear, linear_of_lab
from recommendations.engine.portrait import portrait
from recommendations.engine.reader import read_face
from recommendations.engine.season import NORMAL_L
from recommendations.engine.types import Axis, Colour, PhotoRejected

from .colour_light import CHANGES, EXPOSURE_CHANGES, LIGHT_CHANGES, Change, adaptation

Correction = Literal["none", "sclera"]
CORRECTIONS: Final[tuple[Correction, ...]] = ("none", "sclera")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One photo's colour, whether it is colourless, and whether its light was corrected before."""

    colour: Colour
    colourless: bool
    corrected: bool = False

    @property
    def named(self) -> bool:
        return self.colour.season.decision != "unsure"

    @property
    def refused(self) -> bool:
        return self.colour.cast > CAST_LIMIT


def read_photo(image: np.ndarray, correction: Correction = "none") -> Outcome | str:
    """The colour of an (h, w, 3) uint8 sRGB photo, or the code of its refusal. ``none`` is the live reading."""
    try:
        reading = read_face(image, views=0)
    except PhotoRejected as refusal:
        return refusal.code
    colourless = any(issue.code == "no_colour" for issue in reading.quality.issues)
    if correction == "none" or colourless:
        return Outcome(reading.colour, colourless)
    patches = _patches_of(image)
    known = patches is not None and estimate_cast(patches).sd < WITNESSED * LIGHT_SD
    if patches is None or not known:
        return Outcome(reading.colour, colourless)
    return Outcome(read_colour(balanced(patches), colourless=False), colourless, corrected=True)


def balanced(patches: Patches) -> Patches:
    """The colours as in neutral light, if the light is what the white of the eye and the background say (``estimate_cast``)."""
    cast = estimate_cast(patches)
    white = linear_of_lab(np.array([NORMAL_L, cast.a, cast.b])) / linear_of_lab(np.array([NORMAL_L, 0.0, 0.0]))
    matrix = np.linalg.inv(adaptation(white))
    found: dict[str, Any] = {field.name: getattr(patches, field.name) for field in fields(patches)}
    seen = {name: _balanced(patch, matrix) for name, patch in found.items() if isinstance(patch, Patch)}
    return Patches(**{**found, **seen})


def _balanced(patch: Patch, matrix: np.ndarray) -> Patch:
    light = np.clip(matrix @ np.array(patch.light), 1e-5, 1.0)
    (red, green, blue), (lightness, a, b) = light, lab_of_linear(light)
    return replace(patch, light=(float(red), float(green), float(blue)), lab=(float(lightness), float(a), float(b)))


def _patches_of(image: np.ndarray) -> Patches | None:
    finder = landmarks.finder()
    close = landmarks.close_up(image, finder.find(image)[0])
    gain = landmarks.exposure_gain(close.image, close.face)
    view = portrait(close.image, finder.look(close.image, close.face, landmarks.FIRST_VIEWS, gain).mean(axis=0))
    light = linear(view.pixels)
    return take(view, light, lab_of_linear(light))


def evaluate(
    images: Sequence[np.ndarray],
    *,
    correction: Correction = "none",
    changes: Mapping[str, Change] = CHANGES,
    say: Callable[[str], Any],
) -> dict[str, Any]:
    """Every readable colour photo against its changed selves; the others are left out and counted.

    Raises ValueError where no photo with a readable face and colour is among them.
    """
    outcomes = [read_photo(image, correction) for image in images]
    read = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    before = [
        (image, outcome)
        for image, outcome in zip(images, outcomes, strict=True)
        if isinstance(outcome, Outcome) and not outcome.colourless
    ]
    if not before:
        raise ValueError("none of these photos shows a readable face in colour")
    say(f"{len(before)} of {len(images)} photos")
    result: dict[str, Any] = {
        "correction": correction,
        "photos": len(images),
        "colourless": len(read) - len(before),
        "as_they_are": as_they_are([outcome for _, outcome in before]),
        "changes": {},
    }
    pairs_of: dict[str, list[tuple[Outcome, Outcome]]] = {}
    for name, change in changes.items():
        after = [(a, read_photo(change(image), correction)) for image, a in before]
        pairs = [(a, b) for a, b in after if isinstance(b, Outcome)]
        result["changes"][name] = compare(pairs)
        pairs_of[name] = pairs
        say(f"  {name}")
    for group, names in (("lights", LIGHT_CHANGES), ("exposures", EXPOSURE_CHANGES), ("all_changes", CHANGES)):
        result[group] = compare([pair for name, pairs in pairs_of.items() if name in names for pair in pairs])
    return result


def as_they_are(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What is said of the unchanged photos: how many of each decision, of refused and corrected lights, and the intervals' width."""
    colours = [outcome.colour for outcome in outcomes]
    return {
        "photos": len(outcomes),
        "decisions": {word: sum(c.season.decision == word for c in colours) for word in ("clear", "mixed", "unsure")},
        "labels": {word: sum(c.season.label == word for c in colours) for word in colours[0].season.probabilities},
        "refused": sum(outcome.refused for outcome in outcomes),
        "corrected": sum(outcome.corrected for outcome in outcomes),
        "warm_cool_width": float(np.median([c.warm_cool.high - c.warm_cool.low for c in colours])),
        "light_deep_width": float(np.median([c.light_deep.high - c.light_deep.low for c in colours])),
    }


def compare(pairs: Sequence[tuple[Outcome, Outcome]]) -> dict[str, Any]:
    """Photos as they are (first) and changed (second). Shares are of the pairs; ``flips_*`` are numbers of pairs whose season
    changed: in all, while neither, the first or the second reading was marked unsure, and while the first was clear.

    ``inside_*``: share of the changed values within the first reading's 90 % interval, over the pairs whose light was refused in
    neither reading; None where there is none. ``moved_*``: medians, ITA in degrees.
    """
    if not pairs:
        return {"pairs": 0}
    flips = [(a, b) for a, b in pairs if a.colour.season.label != b.colour.season.label]
    kept = [(a, b) for a, b in pairs if not (a.refused or b.refused)]
    return {
        "pairs": len(pairs),
        "same_season": 1 - len(flips) / len(pairs),
        "flips": len(flips),
        "flips_unmarked": sum(a.named and b.named for a, b in flips),
        "flips_named_before": sum(a.named for a, b in flips),
        "flips_clear_before": sum(a.colour.season.decision == "clear" for a, b in flips),
        "flips_named_after": sum(b.named for a, b in flips),
        "named": float(np.mean([b.named for _, b in pairs])),
        "refused": float(np.mean([b.refused for _, b in pairs])),
        "corrected": float(np.mean([b.corrected for _, b in pairs])),
        "moved_ita": float(np.median([abs(a.colour.ita - b.colour.ita) for a, b in pairs])),
        "moved_warm_cool": float(np.median([abs(a.colour.warm_cool.value - b.colour.warm_cool.value) for a, b in pairs])),
        "moved_light_deep": float(np.median([abs(a.colour.light_deep.value - b.colour.light_deep.value) for a, b in pairs])),
        "inside_warm_cool": _inside([(a.colour.warm_cool, b.colour.warm_cool) for a, b in kept]),
        "inside_light_deep": _inside([(a.colour.light_deep, b.colour.light_deep) for a, b in kept]),
    }


def _inside(axes: Sequence[tuple[Axis, Axis]]) -> float | None:
    if not axes:
        return None
    return float(np.mean([a.low - 1e-9 <= b.value <= a.high + 1e-9 for a, b in axes]))


def report(result: Mapping[str, Any]) -> str:
    """The figures as a table of text."""
    base = result["as_they_are"]
    decisions = ", ".join(f"{count} {word}" for word, count in base["decisions"].items())
    lines = [
        f"correction by the white of the eye: {'no, coloured light is refused' if result['correction'] == 'none' else 'yes'}",
        f"{base['photos']} of {result['photos']} photos are readable in colour; {result['colourless']} readable without colour",
        f"as they are: {decisions}; light refused {base['refused']}, corrected {base['corrected']}; median width of the 90 % "
        f"interval: warm-cool {base['warm_cool_width']:.2f}, light-deep {base['light_deep_width']:.2f}",
        "columns: read again, same season | flips: all, unmarked in both, named before, clear before, named after |",
        "         named, refused, corrected | moved: ITA degrees, warm-cool, light-deep | inside: warm-cool, light-deep",
    ]
    pooled = [("all lights", result["lights"]), ("all exposures", result["exposures"]), ("all", result["all_changes"])]
    for name, row in [*result["changes"].items(), *pooled]:
        if not row["pairs"]:
            lines.append(f"  {name:<24} none read")
            continue
        flips = "".join(
            f"{row[key]:4d}"
            for key in ("flips", "flips_unmarked", "flips_named_before", "flips_clear_before", "flips_named_after")
        )
        shares = "  ".join(f"{row[key]:.2f}" for key in ("named", "refused", "corrected"))
        moved = f"{row['moved_ita']:5.1f}  {row['moved_warm_cool']:.2f}  {row['moved_light_deep']:.2f}"
        inside = "  ".join("   ·" if row[key] is None else f"{row[key]:.2f}" for key in ("inside_warm_cool", "inside_light_deep"))
        lines.append(f"  {name:<24} {row['pairs']:4d}  {row['same_season']:.2f} |{flips} | {shares} | {moved} | {inside}")
    return "\n".join(lines)
