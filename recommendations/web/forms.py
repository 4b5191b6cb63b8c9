from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..engine import vocabulary
from ..engine.types import Wishes
from .words import word


def _options(field: str, words: vocabulary.Vocabulary, unasked: Any = None) -> Any:
    """Choices in the active language, without their explanations in brackets; ``unasked`` is the label of having no wish."""
    first = [] if unasked is None else [("", unasked)]
    return lambda: [*first, *((key, word(field, key).split(" (")[0]) for key in words)]


#: Short labels for segmented controls, whose legend says the rest.
PRESENTATIONS = [("", _("Any")), ("feminine", _("Women")), ("masculine", _("Men")), ("any", _("Neutral"))]
UPKEEPS = [("", _("Any")), ("low", _("Low")), ("medium", _("Medium")), ("high", _("High"))]


class WishesForm(forms.Form):
    """Optional filters."""

    presentation = forms.ChoiceField(label=_("Style for"), choices=PRESENTATIONS, required=False, widget=forms.RadioSelect)
    length = forms.MultipleChoiceField(
        label=_("Length"), choices=_options("length", vocabulary.LENGTHS), required=False, widget=forms.CheckboxSelectMultiple
    )
    upkeep = forms.ChoiceField(label=_("Upkeep at most"), choices=UPKEEPS, required=False, widget=forms.RadioSelect)
    hair_type = forms.ChoiceField(
        label=_("My hair"),
        choices=_options("hair_type", vocabulary.HAIR_TYPES, _("Not sure")),
        required=False,
        widget=forms.RadioSelect,
    )

    def to_wishes(self) -> Wishes:
        data = self.cleaned_data
        return Wishes(
            presentation=data["presentation"] or None,
            lengths=tuple(data["length"]),
            upkeep=data["upkeep"] or None,
            hair_type=data["hair_type"] or None,
        )

    @property
    def has_wishes(self) -> bool:
        """Whether any filter is chosen, so that a page may show them open."""
        names = ("presentation", "length", "upkeep", "hair_type")
        return any(self[name].value() for name in names)


class PhotoForm(WishesForm):
    file = forms.FileField(
        label=_("Photo"),
        allow_empty_file=True,
        error_messages={"required": _("Choose a photo first."), "missing": _("Choose a photo first.")},
    )
    once = forms.CharField(max_length=64, widget=forms.HiddenInput)  # the same form sent twice is one analysis


class StyleSearchForm(WishesForm):
    q = forms.CharField(label=_("Describe what you want"), max_length=500, required=False)
    fringe = forms.ChoiceField(label=_("Fringe"), choices=_options("fringe", vocabulary.FRINGES, _("Any")), required=False)
    upkeep = forms.ChoiceField(label=_("Upkeep at most"), choices=UPKEEPS, required=False)
    hair_type = forms.ChoiceField(
        label=_("My hair"), choices=_options("hair_type", vocabulary.HAIR_TYPES, _("Any")), required=False
    )

    @property
    def has_wishes(self) -> bool:
        return super().has_wishes or bool(self["fringe"].value())
