"""The part of a result where a person corrects their reading and answers questions about their colouring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from hairme.common import wake
from hairme.common.errors import ApplicationError

from ..engine.corrections import FIELDS, SKIN_DEPTH, kind
from ..engine.types import FaceReading
from ..models import Analysis
from ..selectors import ListChange, analysis_for, list_change, revision_state, said_about
from ..services import corrections
from .presenters import present_result
from .words import said_word

WAIT_SECONDS = 4.0  # a new list takes a fraction of a second where a worker is free; the page says so where it takes longer

NAMES = {
    "face_shape": gettext_lazy("Face shape"),
    "season": gettext_lazy("Personal colour"),
    "warm_cool": gettext_lazy("Warm or cool"),
    "light_deep": gettext_lazy("Light or deep"),
    "skin": gettext_lazy("Skin"),
    "hair": gettext_lazy("Hair colour"),
    "vein": gettext_lazy("The veins at my wrist look"),
    "jewellery": gettext_lazy("What suits me better"),
    "tanning": gettext_lazy("My skin in the sun"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One correction or answer, as the page names it."""

    field: str
    name: str
    word: str
    measured: str  # "" where nothing comparable was measured


class CorrectionForm(forms.Form):
    """Every reading and question; the empty choice is "as measured" or "no answer"."""

    def __init__(self, *args: Any, measured: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """``measured``: field -> what the photo said there, in words."""
        super().__init__(*args, **kwargs)
        for field, words in FIELDS.items():
            unsaid = _("Not sure") if kind(field) == "answer" else _("As measured")
            if word := (measured or {}).get(field):
                unsaid = _("Measured: %(word)s") % {"word": word}
            self.fields[field] = forms.ChoiceField(
                label=NAMES[field],
                choices=[("", unsaid), *((word, said_word(field, word)) for word in words)],
                required=False,
                widget=forms.RadioSelect if kind(field) == "answer" else forms.Select,
            )

    @property
    def readings(self) -> list[forms.BoundField]:
        return [self[field] for field in FIELDS if kind(field) == "correction"]

    @property
    def questions(self) -> list[forms.BoundField]:
        return [self[field] for field in FIELDS if kind(field) == "answer"]


@dataclass(frozen=True, slots=True)
class CorrectionPart:
    form: CorrectionForm
    said: list[Said]
    state: str  # selectors.revision_state
    change: ListChange | None
    problem: str = ""


def part_of(analysis: Analysis, form: CorrectionForm | None = None, problem: str = "") -> CorrectionPart:
    """What a result page shows of the corrections of a finished analysis."""
    said, measured = said_about(analysis), _measured_words(analysis)
    return CorrectionPart(
        form=form or CorrectionForm(initial=said, measured=measured),
        said=[Said(field, str(NAMES[field]), said_word(field, word), measured.get(field, "")) for field, word in said.items()],
        state=revision_state(analysis),
        change=list_change(analysis),
        problem=problem,
    )


def _measured_words(analysis: Analysis) -> dict[str, str]:
    """What the photo said, in the words of corrections. Hair has none: it was measured as a colour, not as a name."""
    if not analysis.reading:
        return {}
    reading = FaceReading.from_json(analysis.reading)
    colour = reading.colour
    words = {
        "face_shape": reading.face_shape.label,
        "season": colour.season.label,
        "warm_cool": "warm" if colour.warm_cool.value > 0.1 else "cool" if colour.warm_cool.value < -0.1 else "neutral",
        "skin": _skin_class(colour.ita),
        "light_deep": SKIN_DEPTH[_skin_class(colour.ita)],
    }
    return {field: said_word(field, word) for field, word in words.items()}


def _skin_class(angle: float) -> str:
    limits = {"very_light": 55, "light": 41, "intermediate": 28, "tan": 10, "brown": -30}
    return next((name for name, low in limits.items() if angle > low), "dark")


def result_page(request: HttpRequest, row: Analysis, part: CorrectionPart, status: int = 200) -> HttpResponse:
    """A finished analysis, with the part where it can be corrected."""
    said = {item.field for item in part.said}
    context = {**present_result(row), "correcting": part, "corrected": said, "colour_said": bool(said - {"face_shape"})}
    return kept_private(render(request, "recommendations/result.html", context, status=status))


def kept_private(response: HttpResponse) -> HttpResponse:
    """A face and what was read from it stay out of shared computers' caches."""
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_POST
def correct(request: HttpRequest, analysis_id: int) -> HttpResponse:
    """Keep what the form says and lead back to the result, whose list has then been chosen again."""
    analysis = analysis_for(user=request.user, analysis_id=analysis_id)
    form = CorrectionForm(request.POST, measured=_measured_words(analysis))
    if not form.is_valid():
        raise ApplicationError("bad_request")
    given = {field: form.cleaned_data[field] for field in FIELDS if field in request.POST}
    try:
        job = corrections.correct(analysis=analysis, user=request.user, values=given)
    except ApplicationError as problem:
        if problem.code != "contradiction":
            raise
        return result_page(request, analysis, part_of(analysis, form, problem.message), status=problem.status)
    if job is not None:
        wake.wait(job.pk, WAIT_SECONDS)
    return redirect(f"{reverse('analysis', args=[analysis_id])}#correct")


@require_POST
def take_back(request: HttpRequest, analysis_id: int) -> HttpResponse:
    """Undo one correction or answer (``field``), or all of them."""
    analysis = analysis_for(user=request.user, analysis_id=analysis_id)
    try:
        job = corrections.take_back(analysis=analysis, user=request.user, field=request.POST.get("field", ""))
    except ApplicationError as problem:
        if problem.code != "nothing_said":  # a second press
            raise
        job = None
    if job is not None:
        wake.wait(job.pk, WAIT_SECONDS)
    return redirect(f"{reverse('analysis', args=[analysis_id])}#correct")
