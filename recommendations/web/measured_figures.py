"""The model card's figures as the page of measurements shows them. Whatever a card lacks is None or empty and is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hairme.ml.artifacts import ModelCard

from ..models import is_korean
from ..services.measured import classes_of, photo_figures
from .presenters import Share
from .words import word

#: The reliability diagram's box and the frame that its axes leave free, in SVG units.
PLOT: Final = 320
FRAME: Final = 44
SHADES: Final = 8  # steps of the confusion matrix's colour

#: The disturbances and lights of ``evaluate_face_shape --photos``, by the names it gives them.
CHANGES: Final = {
    "mirrored": gettext_lazy("Mirrored"),
    "half size": gettext_lazy("Half the size"),
    "jpeg quality 30": gettext_lazy("Strongly compressed (JPEG quality 30)"),
    "rolled 8 degrees": gettext_lazy("Head tilted by 8 degrees"),
    "brightness x 0.7": gettext_lazy("Darker (brightness × 0.7)"),
    "warm (R+10 B-12 %)": gettext_lazy("Warm light (red +10 %, blue −12 %)"),
    "cool (R-8 B+12 %)": gettext_lazy("Cool light (red −8 %, blue +12 %)"),
    "tungsten (R+25 B-30 %)": gettext_lazy("Light bulb (red +25 %, blue −30 %)"),
    "half a stop darker": gettext_lazy("Half a stop darker"),
    "0.4 stops brighter": gettext_lazy("0.4 stops brighter"),
}
#: The notes of a card that are shown, with their headings.
NOTES: Final = {
    "trained_on": gettext_lazy("What it learnt from"),
    "tested_how": gettext_lazy("How it was tested"),
    "fails_where": gettext_lazy("Where it fails, and whom it knows little"),
    "licence": gettext_lazy("Licence"),
}
DECISIONS: Final = {
    "clear": gettext_lazy("“clearly this shape”"),
    "mixed": gettext_lazy("“between two shapes”"),
    "unsure": gettext_lazy("“no single shape”"),
}

#: The limits of ``evaluate_face_shape``, by the names that cards give them.
THRESHOLDS: Final = {
    "temperature": gettext_lazy("Temperature of the probabilities (below 1: sharpened, above 1: softened)"),
    "clear": gettext_lazy("Least probability for “clearly this shape”"),
    "mixed": gettext_lazy("Least probability of both for “between two shapes”"),
}


@dataclass(frozen=True, slots=True)
class Scores:
    """One test's figures; percentages are of faces."""

    label: str
    first: str
    second: str
    gap: str  # expected calibration error in percentage points
    loss: str


@dataclass(frozen=True, slots=True)
class Bin:
    """One step of stated probability, and its point in the diagram."""

    said: float
    right: float
    count: int
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Cell:
    percent: int
    count: int
    shade: int
    right: bool


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Note:
    heading: str
    text: str
    language: str


def number(source: Any, *path: str) -> float | None:
    """The number at ``path``, None where any step of it is missing."""
    for name in path:
        source = source.get(name) if isinstance(source, Mapping) else None
    return float(source) if isinstance(source, (int, float)) and not isinstance(source, bool) else None


def percent(value: float | None) -> int | None:
    return None if value is None else round(100 * value)


def present(card: ModelCard) -> dict[str, Any]:
    """Everything that the template needs."""
    metrics, photos = card.metrics, photo_figures(card.metrics)
    classes = classes_of(card)
    decisions = metrics.get("grouped", {}).get("decisions", {})
    rule = metrics.get("threshold_rule", {})
    return {
        "card": card,
        "created": _moment(card.created),
        "faces": metrics.get("faces"),
        "people": metrics.get("people"),
        "chance": percent(1 / len(classes)),
        "first": percent(number(metrics, "grouped", "top1")),
        "two": percent(number(metrics, "grouped", "top2")),
        "gap": percent(number(metrics, "grouped", "ece")),
        "clear_share": percent(number(decisions, "clear", "share")),
        "clear_right": percent(number(decisions, "clear", "top1")),
        "control": percent(number(metrics, "interior_only", "grouped", "top1")),
        "seen": percent(number(metrics, "random", "top1")),
        "rule": percent(number(rule, "top1")),
        "rule_favourite": _favourite(rule.get("answers", {})),
        "compared": compared(metrics, len(classes)),
        "decisions": [
            {"label": name_, "share": percent(number(decisions, key, "share")), "first": percent(number(decisions, key, "top1")),
             "two": percent(number(decisions, key, "top2"))}
            for key, name_ in DECISIONS.items() if key in decisions
        ],
        "scores": scores(metrics),
        "bins": bins(metrics.get("grouped", {}).get("reliability", ())),
        "plot": {"size": PLOT, "low": FRAME, "high": PLOT - 16, "top": 16, "bottom": PLOT - FRAME, "ticks": ticks()},
        "classes": [word("face_shape", name) for name in classes],
        "confusion": confusion(metrics.get("grouped", {}).get("confusion", ()), classes),
        "confused": most_confused(metrics.get("grouped", {}).get("confusion", ()), classes),
        "photos": photos.get("read"),
        "stability": [
            {"label": _change(name), "same": percent(number(row, "same_label")), "moved": percent(number(row, "variation"))}
            for name, row in _stability(metrics, photos, "stability").items()
        ],
        "light": [
            {"label": _change(name), "kept": percent(number(row, "season_kept")),
             "honest": percent(number(row, "flips_marked_unsure")), "seen": percent(number(row, "cast_seen"))}
            for name, row in _stability(metrics, photos, "light").items()
        ],
        "notes": notes(card),
        "thresholds": [
            (str(THRESHOLDS.get(name, name)), f"{value:g}") for name, value in sorted(metrics.get("thresholds", {}).items())
        ],
    }  # fmt: skip


def compared(metrics: Mapping[str, Any], classes: int) -> list[Share]:
    """How often each way of answering is right, ours first, then from best to worst."""
    others = [
        (
            "procrustes_svm",
            _("Support vectors on the aligned mesh"),
            number(metrics, "references", "procrustes_svm", "grouped", "top1"),
        ),
        ("shrinkage_lda", _("Linear discriminant on ratios"), number(metrics, "references", "shrinkage_lda", "grouped", "top1")),
        ("centroid", _("Nearest class mean in five ratios"), number(metrics, "nearest_centroid", "top1")),
        ("rule", _("The usual threshold rule"), number(metrics, "threshold_rule", "top1")),
        ("chance", _("Guessing"), 1 / classes),
    ]
    ours = number(metrics, "grouped", "top1")
    if ours is None:
        return []
    rows = [("ours", _("This reading"), ours), *sorted((o for o in others if o[2] is not None), key=lambda o: -(o[2] or 0))]
    return [Share(key, label, round(100 * (value or 0))) for key, label, value in rows]


def scores(metrics: Mapping[str, Any]) -> list[Scores]:
    references = metrics.get("references", {})
    rows = [
        (_("This reading, people it had never seen"), metrics.get("grouped")),
        (_("This reading, other photos of the same people allowed"), metrics.get("random")),
        (_("Control: eyes, nose and mouth only, people never seen"), metrics.get("interior_only", {}).get("grouped")),
        (_("Control: eyes, nose and mouth only, same people allowed"), metrics.get("interior_only", {}).get("random")),
        (_("Support vectors on the aligned mesh, people never seen"), references.get("procrustes_svm", {}).get("grouped")),
        (_("Linear discriminant on ratios, people never seen"), references.get("shrinkage_lda", {}).get("grouped")),
        (_("Nearest class mean in five ratios"), metrics.get("nearest_centroid")),
        (_("The usual threshold rule"), metrics.get("threshold_rule")),
    ]
    return [
        Scores(label, _figure(row, "top1", 100), _figure(row, "top2", 100), _figure(row, "ece", 100), _figure(row, "log_loss", 1))
        for label, row in rows
        if row
    ]


def _figure(row: Mapping[str, Any], name: str, unit: int) -> str:
    """A figure with its standard deviation over the folds where that is known; "" where the card has none."""
    value, spread = number(row, name), number(row, "folds", name)
    if value is None:
        return ""
    digits = 1 if unit == 100 else 2
    return f"{unit * value:.{digits}f}" + ("" if spread is None else f" ± {unit * spread:.{digits}f}")


def place(share: float) -> float:
    """A share 0..1 along an axis of the diagram, from its origin."""
    return share * (PLOT - FRAME - 16)


def ticks() -> list[dict[str, float]]:
    return [
        {"percent": round(100 * share), "x": FRAME + place(share), "y": PLOT - FRAME - place(share)}
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]


def bins(reliability: Sequence[Mapping[str, Any]]) -> list[Bin]:
    """Points grow with the number of faces: area in proportion, never too small to see."""
    most = max((row["count"] for row in reliability), default=1)
    return [
        Bin(
            said=100 * row["confidence"],
            right=100 * row["accuracy"],
            count=row["count"],
            x=FRAME + place(row["confidence"]),
            y=PLOT - FRAME - place(row["accuracy"]),
            radius=max(3.0, 11 * (row["count"] / most) ** 0.5),
        )
        for row in reliability
    ]


def confusion(table: Sequence[Sequence[int]], classes: Sequence[str]) -> list[Row]:
    rows = []
    for i, counts in enumerate(table):
        total = max(1, sum(counts))
        cells = (Cell(round(100 * n / total), n, round(SHADES * n / total), i == j) for j, n in enumerate(counts))
        rows.append(Row(word("face_shape", classes[i]), tuple(cells)))
    return rows


def most_confused(table: Sequence[Sequence[int]], classes: Sequence[str]) -> dict[str, Any] | None:
    """The wrong answer that is given most often, as a share of its row."""
    wrong = [(n / max(1, sum(row)), i, j) for i, row in enumerate(table) for j, n in enumerate(row) if i != j and n]
    if not wrong:
        return None
    share, i, j = max(wrong)
    return {"label": word("face_shape", classes[i]), "answer": word("face_shape", classes[j]), "percent": round(100 * share)}


def notes(card: ModelCard) -> list[Note]:
    """The card's own words: in the reader's language where the card has it (``trained_on_ko``), else as they are."""
    found = []
    for name, heading in NOTES.items():
        korean = card.notes.get(f"{name}_ko") if is_korean() else None
        if text := korean or card.notes.get(name):
            found.append(Note(str(heading), text, "ko" if korean else "en"))
    return found


def _favourite(answers: Mapping[str, int]) -> dict[str, Any] | None:
    """The answer that a rule gives most."""
    total = sum(answers.values())
    if not total:
        return None
    name = max(answers, key=lambda key: answers[key])
    return {"label": word("face_shape", name), "percent": round(100 * answers[name] / total)}


def _stability(metrics: Mapping[str, Any], photos: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = photos.get(name) or metrics.get(name)
    return found if isinstance(found, Mapping) else {}


def _change(name: str) -> str:
    return str(CHANGES.get(name, name))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
