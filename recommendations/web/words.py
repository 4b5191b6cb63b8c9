"""Vocabulary words and readings in the words of the active language."""

from __future__ import annotations

from django.utils.text import capfirst

from ..engine import corrections, vocabulary
from ..engine.catalogue import MULTIPLE, SINGLE
from ..models import Style, is_korean

#: field -> the vocabulary its words come from.
FIELDS: dict[str, vocabulary.Vocabulary] = {
    **SINGLE,
    **MULTIPLE,
    "presentation": vocabulary.PRESENTATIONS,
    "hair_type": vocabulary.HAIR_TYPES,
    "face_shape": vocabulary.FACE_SHAPES,
    "season": vocabulary.SEASONS,
}


def word(field: str, key: str) -> str:
    """The label of one key, as it stands alone."""
    label = FIELDS[field][key]
    return label.ko if is_korean() else capfirst(label.en)


def looks(style: Style) -> str:
    """What a drawing of the style shows, in a few words."""
    shown = [("length", style.length), ("texture", style.texture)]
    if style.fringe != "none":
        shown.append(("fringe", style.fringe))
    if style.arrangement != "loose":
        shown.append(("arrangement", style.arrangement))
    return " · ".join(word(field, key) for field, key in shown)


def said_word(field: str, key: str) -> str:
    """The label of a word that a person may say about their reading (``corrections.FIELDS``)."""
    label = corrections.FIELDS[field][key]
    return label.ko if is_korean() else capfirst(label.en)
