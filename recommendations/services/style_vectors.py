"""Embed the catalogue's texts. One vector per style and encoder, rebuilt only where the text changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.db import transaction

from hairme.ml.text_encoder import TextEncoder

from ..engine.style_text import style_document
from ..models import EMBEDDING_DIM, StyleVector
from ..selectors import cut_of, encoders_in_use, entry_of, styles_with_cut


def build_style_vectors(encoder: TextEncoder, *, batch: int = 64, progress: Callable[[int, int], None] | None = None) -> int:
    """Embed every style whose text this encoder has not seen. Returns how many were embedded."""
    if encoder.dim != EMBEDDING_DIM:
        raise ValueError(f"{encoder.id} gives {encoder.dim} dimensions; style vectors have {EMBEDDING_DIM}")
    seen = dict(StyleVector.objects.filter(encoder=encoder.id).values_list("style_id", "text_hash"))
    waiting: list[tuple[int, str, str]] = []
    for style in styles_with_cut():
        text = style_document(entry_of(style), cut_of(style.cut))
        digest = hashlib.sha256(text.encode()).hexdigest()
        if seen.get(style.pk) != digest:
            waiting.append((style.pk, text, digest))
    for start in range(0, len(waiting), batch):
        part = waiting[start : start + batch]
        vectors = encoder.encode([text for _pk, text, _digest in part])
        with transaction.atomic():
            StyleVector.objects.bulk_create(
                [
                    StyleVector(style_id=pk, encoder=encoder.id, text_hash=digest, vector=vector)
                    for (pk, _text, digest), vector in zip(part, vectors, strict=True)
                ],
                update_conflicts=True,
                unique_fields=["style", "encoder"],
                update_fields=["text_hash", "vector", "created_at"],
            )
        if progress:
            progress(start + len(part), len(waiting))
    return len(waiting)


def renew_style_vectors() -> None:
    """After an edit: every encoder in use sees the new words."""
    for encoder in encoders_in_use():
        build_style_vectors(encoder)
