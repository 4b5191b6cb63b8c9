"""The styles that reactions may be about, with the text vectors that a scorer takes: those that are no longer offered too."""

from __future__ import annotations

import hashlib

import numpy as np

from hairme.common.errors import ApplicationError
from recommendations.engine.scoring import StyleTable
from recommendations.engine.style_text import style_document
from recommendations.models import Style, StyleVector
from recommendations.selectors import cut_of, encoder_with_id, entry_of, text_encoder


def training_styles(encoder: str = "") -> tuple[str, StyleTable]:
    """(encoder id, every style by slug, offered or not, with vectors of that encoder; missing ones are made).

    "": the configured encoder. Raises ArtifactError for one that is neither shipped nor configured, ``catalogue_empty``.
    """
    model = encoder_with_id(encoder) if encoder else text_encoder()
    styles = list(Style.objects.select_related("cut").order_by("slug"))
    if not styles:
        raise ApplicationError("catalogue_empty")
    known = {row.style_id: row.vector for row in StyleVector.objects.filter(encoder=model.id)}
    missing = [style for style in styles if style.pk not in known]
    if missing:
        made = model.encode([style_document(entry_of(style), cut_of(style.cut)) for style in missing])
        known |= {style.pk: vector for style, vector in zip(missing, made, strict=True)}
    vectors = np.stack([np.asarray(known[style.pk], dtype=np.float32) for style in styles])
    return model.id, StyleTable(tuple(entry_of(style) for style in styles), vectors)


def styles_hash(styles: StyleTable) -> str:
    """sha256 of slugs, attributes and vectors."""
    digest = hashlib.sha256(repr(styles.entries).encode())
    digest.update(np.ascontiguousarray(styles.vectors).tobytes())
    return digest.hexdigest()
