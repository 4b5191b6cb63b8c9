"""What a result page shows, computed once in Python so that templates only lay it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from hairme.common.errors import sentence

from ..engine import vocabulary
from ..engine.measurements import HEADLINES
from ..engine.sketch.palette import lab_to_hex
from ..engine.types import Axis, FaceReading
from ..models import Analysis, Recommendation
from .face_chart import chart
from .words import word

MEASUREMENTS = {
    "length_to_width": _("Face length to width"),
    "forehead_to_cheek": _("Forehead width to cheekbone width"),
    "jaw_to_cheek": _("Jaw width to cheekbone width"),
    "jaw_angle": _("Angle of the jaw"),
    "chin_to_jaw": _("Chin width to jaw width"),
    "chin_angle": _("Angle of the chin"),
    "upper_third": _("Forehead's share of the face"),
    "middle_third": _("Middle's share of the face"),
    "lower_third": _("Lower part's share of the face"),
    "eye_spacing": _("Distance between the eyes to face width"),
}

_NOT_SET_UP = _("Gemini is not set up correctly on this server, so the stylist's rules advised in its place.")
_NOT_REACHED = _("Gemini could not be reached this time, so the stylist's rules advised in its place.")
_NOT_USABLE = _("Gemini's answer could not be used this time, so the stylist's rules advised in its place.")
_GEMINI_ALONE = _("Gemini looked at your photo and suggested these styles.")
#: Who advised and why, by ``meta["advisor_status"]``.
ADVISOR_REASONS = {
    "ok": _("Gemini looked at your photo and suggested styles; the learned model added its own."),
    "too_few": _("Gemini looked at your photo and suggested some styles; the learned model added the others."),
    "learned_only": _("The learned model chose all of these styles; no advisor was asked."),
    "nothing_fits": _("So few styles fit your wishes that no advice was needed to choose among them."),
    "no_key": _("Gemini is not connected on this server, so the stylist's rules advised in its place."),
    "photo_gone": _("You told us more after the photo was gone, so the stylist's rules advised this time."),
    "bad_key": _NOT_SET_UP,
    "bad_model": _NOT_SET_UP,
    "timeout": _("Gemini took too long to answer, so the stylist's rules advised in its place."),
    "rate_limited": _("Gemini has answered as often as it may for now, so the stylist's rules advised in its place."),
    "server_error": _NOT_REACHED,
    "unreachable": _NOT_REACHED,
    "breaker_open": _NOT_REACHED,
    "bad_request": _NOT_USABLE,
    "malformed": _NOT_USABLE,
    "refused": _NOT_USABLE,
    "wrong_language": _NOT_USABLE,
}


@dataclass(frozen=True, slots=True)
class Share:
    """One bar of a distribution."""

    key: str
    label: str
    percent: int


@dataclass(frozen=True, slots=True)
class AxisView:
    """A colour axis in percent from its left end, with its interval."""

    value: int
    low: int
    high: int

    @property
    def width(self) -> int:
        return max(1, self.high - self.low)


@dataclass(frozen=True, slots=True)
class Measured:
    label: str
    value: str
    percentile: int


def shares(probabilities: Mapping[str, float], field: str) -> list[Share]:
    """Most probable first; percentages add up to 100 (largest remainder)."""
    ordered = sorted(probabilities.items(), key=lambda item: -item[1])
    floors = {key: int(100 * p) for key, p in ordered}
    by_remainder = sorted(ordered, key=lambda item: floors[item[0]] - 100 * item[1])
    for key, _p in by_remainder[: 100 - sum(floors.values())]:
        floors[key] += 1
    return [Share(key, word(field, key), floors[key]) for key, _p in ordered]


def position(value: float) -> int:
    """An axis value in -1..1 as a percentage from the left."""
    return round(50 * (1 + max(-1.0, min(1.0, value))))


def axis_view(axis: Axis, *, turned: bool = False) -> AxisView:
    """``turned`` puts the axis's 1 at the left."""
    sign = -1 if turned else 1
    ends = sorted((position(sign * axis.low), position(sign * axis.high)))
    return AxisView(position(sign * axis.value), *ends)


def measured(reading: FaceReading) -> list[Measured]:
    rows = []
    for name in HEADLINES:
        if found := reading.measurements.get(name):
            value = f"{found.value:.0f}°" if name.endswith("_angle") else f"{found.value:.2f}"
            rows.append(Measured(str(MEASUREMENTS[name]), value, max(1, min(99, round(found.percentile)))))
    return rows


def wish_words(wishes: Mapping[str, Any]) -> list[str]:
    """What the person asked for, as labels."""
    asked = [("presentation", wishes.get("presentation"))]
    asked += [("length", length) for length in wishes.get("lengths") or ()]
    asked += [("upkeep", wishes.get("upkeep")), ("hair_type", wishes.get("hair_type"))]
    return [word(field, key) for field, key in asked if key and key in _VOCABULARY[field]]


_VOCABULARY = {
    "presentation": vocabulary.PRESENTATIONS,
    "length": vocabulary.LENGTHS,
    "upkeep": vocabulary.UPKEEPS,
    "hair_type": vocabulary.HAIR_TYPES,
}


def wish_query(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The same wishes as the query of the first page."""
    query = {"presentation": wishes.get("presentation"), "upkeep": wishes.get("upkeep"), "hair_type": wishes.get("hair_type")}
    return {**{name: value for name, value in query.items() if value}, "length": list(wishes.get("lengths") or ())}


def advisor_reason(meta: Mapping[str, Any]) -> str:
    if meta.get("method") == "gemini":
        return str(_GEMINI_ALONE)
    return str(ADVISOR_REASONS.get(str(meta.get("advisor_status", "")), _NOT_USABLE))


@dataclass(frozen=True, slots=True)
class PhotoNote:
    """One of several photos: its place among those given, whether it was read, and what was wrong with it."""

    position: int
    used: bool
    said: str


def photo_notes(note: Mapping[str, Any]) -> list[PhotoNote]:
    """Every photo that was given, in order; nothing where it was one."""
    rows = [
        PhotoNote(used["photo"], True, " ".join(sentence(code) for code in used["warnings"])) for used in note.get("used", ())
    ]
    rows += [PhotoNote(fault["photo"], False, sentence(fault["code"], fault["params"])) for fault in note.get("left_out", ())]
    return sorted(rows, key=lambda row: row.position)


def present_result(analysis: Analysis) -> dict[str, Any]:
    reading: FaceReading | None = analysis.face
    if reading is None:
        raise ValueError(f"analysis {analysis.pk} has no reading")
    items: list[Recommendation] = list(
        analysis.recommendations.filter(revision=analysis.revision).select_related("style__cut").order_by("rank")
    )
    colour = reading.colour
    return {
        "analysis": analysis,
        "reading": reading,
        "items": items,
        "meta": analysis.meta,
        "face_shapes": shares(reading.face_shape.probabilities, "face_shape"),
        "seasons": shares(colour.season.probabilities, "season"),
        "warm_cool": axis_view(colour.warm_cool),
        "light_deep": axis_view(colour.light_deep),
        "skin_hex": lab_to_hex(colour.lab),
        "hair_hex": lab_to_hex(colour.hair_lab) if colour.hair_lab else "",
        "chart": chart(reading.features),
        "measured": measured(reading),
        "warnings": [sentence(issue.code) for issue in reading.quality.issues],
        "photos": photo_notes(analysis.meta.get("photos", {})),
        "photos_used": len(analysis.meta.get("photos", {}).get("used", ())),
        "wish_words": wish_words(analysis.wishes),
        "wish_query": wish_query(analysis.wishes),
        "advisor_reason": advisor_reason(analysis.meta),
    }
