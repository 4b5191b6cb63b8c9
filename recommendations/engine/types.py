"""What travels between the parts of the engine: a face reading, a person's wishes, a ranked list. Plain data, JSON both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["stop", "warn"]
Decision = Literal["clear", "mixed", "unsure"]


class PhotoRejected(ValueError):
    """The photo cannot be read. ``code`` is a key of ``quality.CODES``; the sentence for people lives with the translations."""

    def __init__(self, code: str, **metrics: float) -> None:
        super().__init__(code)
        self.code = code
        self.metrics = metrics


@dataclass(frozen=True, slots=True)
class QualityIssue:
    code: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Quality:
    issues: tuple[QualityIssue, ...]
    metrics: Mapping[str, float]  # face_px, sharpness, brightness, yaw_deg, pitch_deg, roll_deg, ...


@dataclass(frozen=True, slots=True)
class FaceShape:
    """Calibrated belief over ``vocabulary.FACE_SHAPES``; probabilities sum to 1."""

    probabilities: Mapping[str, float]
    label: str
    second: str
    confidence: float  # probability of ``label``
    decision: Decision


@dataclass(frozen=True, slots=True)
class Axis:
    """A colour axis from -1 (cool, deep) to 1 (warm, light) with a 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Season:
    probabilities: Mapping[str, float]
    label: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Colour:
    lab: tuple[float, float, float]  # CIELAB D65: L* 0..100, a*, b*
    ita: float  # individual typology angle, degrees
    warm_cool: Axis
    light_deep: Axis
    season: Season
    cast: float  # strength of coloured light, 0 (neutral) upward, in Lab chroma units
    hair_lab: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One scale-free ratio (or angle in degrees) of the face and where it lies among the reference faces."""

    value: float
    percentile: float  # 0..100


@dataclass(frozen=True, slots=True)
class FaceReading:
    face_shape: FaceShape
    colour: Colour
    quality: Quality
    measurements: Mapping[str, Measurement]
    #: Face features for the sketch, x right and y down, origin between the eyes, unit = face width. Keys: outline, left_eye,
    #: right_eye, left_brow, right_brow, nose, lips_outer, lips_inner; each a list of [x, y].
    features: Mapping[str, list[list[float]]]
    versions: Mapping[str, str] = field(default_factory=dict)  # model name -> version

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, numbers to five decimals: what is stored and sent claims no more than was measured."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FaceReading:
        """Inverse of ``to_json``; raises KeyError/TypeError where the data are not a reading."""
        colour = data["colour"]
        return cls(
            face_shape=FaceShape(**data["face_shape"]),
            colour=Colour(
                lab=tuple(colour["lab"]),
                ita=colour["ita"],
                warm_cool=Axis(**colour["warm_cool"]),
                light_deep=Axis(**colour["light_deep"]),
                season=Season(**colour["season"]),
                cast=colour["cast"],
                hair_lab=tuple(colour["hair_lab"]) if colour.get("hair_lab") else None,
            ),
            quality=Quality(tuple(QualityIssue(**issue) for issue in data["quality"]["issues"]), data["quality"]["metrics"]),
            measurements={name: Measurement(**value) for name, value in data["measurements"].items()},
            features=data["features"],
            versions=data.get("versions", {}),
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(float(value), 5)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for; None means no wish. Values are vocabulary words; ``lengths`` may name several."""

    presentation: str | None = None
    lengths: tuple[str, ...] = ()
    upkeep: str | None = None
    hair_type: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One style named by an advisor (Gemini or the stylist's rules), before merging."""

    name: str  # as the advisor said it
    slug: str | None  # catalogue entry it was grounded in, None = free text kept as said
    cut: str | None  # canonical cut of that entry
    reason: str  # in the person's language
    source: str  # "gemini" | "stylist"
    description: str = ""  # what free text is embedded by


@dataclass(frozen=True, slots=True)
class RankedStyle:
    """One item of the merged list, as shown and logged."""

    rank: int  # 1..n
    name: str
    slug: str | None
    cut: str | None
    source: str  # "gemini" | "stylist" | "ml"
    ml_score: float  # 0..100
    reason: str
    drawback: str
    candidate: str = "learned"  # "advised" | "learned" | "explored"
    propensity: float = 1.0  # probability that this item is in this list at all
