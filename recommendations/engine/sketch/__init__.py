"""A parametric drawing of a hairstyle on a face: one inline SVG per style, on the person's own features or a neutral model.

Pure: needs no settings, no database, no network. The same entry, features and colours always give the same text.
"""

from __future__ import annotations

from recommendations.engine.catalogue import StyleEntry

from .compose import compose
from .face import Features
from .neutral import neutral_features
from .palette import Lab

__all__ = ["draw_sketch", "neutral_features"]


def draw_sketch(
    entry: StyleEntry,
    *,
    features: Features | None = None,
    hair_lab: Lab | None = None,
    skin_lab: Lab | None = None,
    title: str,
    description: str,
    uid: str,
) -> str:
    """A complete ``<svg>`` element (viewBox 240 x 300) showing ``entry``.

    ``features``: as ``FaceReading.features`` (unit = face width, origin between the eyes); None draws the neutral oval face.
    ``hair_lab``, ``skin_lab``: CIELAB D65; None uses the neutral model's colours. ``title`` and ``description`` are escaped here.
    ``uid`` prefixes every id and must differ between sketches on one page. Raises ValueError when ``features`` has an outline
    of fewer than four points.
    """
    return compose(entry, features=features, hair_lab=hair_lab, skin_lab=skin_lab, uid=uid).svg(title, description)
