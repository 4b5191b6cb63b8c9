"""Drawings of styles for pages: on the neutral face, kept in this process; on a person's own face, never kept."""

from __future__ import annotations

from django.core.cache.backends.locmem import LocMemCache
from django.utils.translation import get_language

from ..engine.sketch import draw_sketch, neutral_features
from ..engine.types import FaceReading
from ..models import Style
from ..selectors import entry_of
from .words import looks

#: In the process and not in Redis: a drawing costs about as much as the way there and back, and a page needs two dozen.
_drawn = LocMemCache("sketches", {"TIMEOUT": None, "OPTIONS": {"MAX_ENTRIES": 1500}})

#: Warnings under which the skin's measured colour is not the person's.
_FALSE_COLOUR = {"colour_cast", "no_colour", "dim", "glare"}


def neutral_sketch(style: Style, face_shape: str = "oval") -> str:
    """An ``<svg>`` of the style on the neutral model with a textbook face shape (a word of ``vocabulary.FACE_SHAPES``)."""
    key = f"{style.pk}|{style.updated_at.timestamp()}|{face_shape}|{get_language()}"
    drawn: str | None = _drawn.get(key)
    if drawn is None:
        drawn = draw_sketch(
            entry_of(style),
            features=neutral_features(face_shape),
            title=style.name,
            description=looks(style),
            uid=f"n{style.pk}-{face_shape}",
        )
        _drawn.set(key, drawn)
    return drawn


def own_sketch(style: Style, reading: FaceReading, uid: str) -> str:
    """An ``<svg>`` of the style on the face that was read, in its own colours as far as the light let them be read."""
    true_colour = not _FALSE_COLOUR & {issue.code for issue in reading.quality.issues}
    return draw_sketch(
        entry_of(style),
        features=reading.features,
        hair_lab=reading.colour.hair_lab if true_colour else None,
        skin_lab=reading.colour.lab if true_colour else None,
        title=style.name,
        description=looks(style),
        uid=uid,
    )
