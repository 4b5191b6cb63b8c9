"""Styles in templates: drawings and vocabulary words."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from ..engine.types import FaceReading
from ..models import Style
from ..web import sketches, words

register = template.Library()
register.filter("looks", words.looks)


@register.simple_tag
def sketch(style: Style, reading: FaceReading | None = None, uid: str = "", face_shape: str = "oval") -> SafeString:
    """An inline drawing; on the person's own face where ``reading`` is given (``uid`` then sets it apart on the page)."""
    if reading is not None:
        drawn = sketches.own_sketch(style, reading, uid or f"s{style.pk}")
    else:
        drawn = sketches.neutral_sketch(style, face_shape)
    return mark_safe(drawn)  # noqa: S308 - draw_sketch escapes every text it is given


@register.simple_tag
def sketch_url(style: Style, face_shape: str = "") -> str:
    """Address of the drawing on the neutral face; it changes when the style does, so that browsers may keep it."""
    face = f"face={face_shape}&" if face_shape else ""
    return f"{reverse('style-sketch', args=[style.slug])}?{face}v={style.updated_at.timestamp():.0f}"


@register.filter
def word(key: str, field: str) -> str:
    """``{{ style.length|word:"length" }}``: the label of a vocabulary word."""
    return words.word(field, key)


@register.filter
def wordlist(keys: Iterable[str], field: str) -> str:
    """Labels of several words, set apart by dots."""
    return " · ".join(words.word(field, key) for key in keys)
