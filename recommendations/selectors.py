"""Reads: the catalogue as the engine sees it, style search, analyses a person may open."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet

from hairme.common.errors import ApplicationError
from hairme.ml.artifacts import ArtifactError, get_store
from hairme.ml.text_encoder import TextEncoder, is_light, load_text_encoder

from . import remote_embedding
from .engine.catalogue import MULTIPLE, SINGLE, TEXTS, Bilingual, StyleEntry
from .engine.catalogue import Cut as CutData
from .engine.corrections import FIELDS
from .engine.scoring import StyleTable
from .engine.stylist import Stylist
from .engine.types import Wishes
from .models import Analysis, Cut, Recommendation, Style, StyleVector

SCORER = "hairstyle-scorer"


def styles_with_cut() -> QuerySet[Style]:
    return Style.objects.select_related("cut")


def entry_of(style: Style) -> StyleEntry:
    """The engine's view of a row (with whatever staff edited)."""
    attributes: dict[str, Any] = {name: getattr(style, name) for name in SINGLE}
    attributes |= {name: tuple(getattr(style, name)) for name in MULTIPLE}
    attributes |= {text: Bilingual(getattr(style, f"{text}_ko"), getattr(style, f"{text}_en")) for text in TEXTS}
    return StyleEntry(
        slug=style.slug,
        cut=style.cut.slug,
        family=style.cut.family,
        name=Bilingual(style.name_ko, style.name_en),
        aliases=tuple(style.aliases),
        **attributes,
        flatters=style.flatters,
        salon_weeks=style.salon_weeks,
        daily_minutes=style.daily_minutes,
    )


def cut_of(cut: Cut) -> CutData:
    return CutData(cut.slug, cut.family, Bilingual(cut.name_ko, cut.name_en), tuple(cut.aliases), ())


@dataclass(frozen=True)
class CatalogueSnapshot:
    """All offered styles with their vectors, ready for scoring in one batch. Row i of every array is ``entries[i]``."""

    revision: tuple[Any, ...]
    encoder: str
    ids: tuple[int, ...]
    entries: tuple[StyleEntry, ...]
    vectors: np.ndarray  # (n, 384) float32, L2-normalised

    @cached_property
    def table(self) -> StyleTable:
        return StyleTable(self.entries, self.vectors)

    @cached_property
    def stylist(self) -> Stylist:
        return Stylist(self.entries)


_snapshot: CatalogueSnapshot | None = None
_snapshot_lock = threading.Lock()


def text_encoder() -> TextEncoder:
    return load_text_encoder(settings.TEXT_ENCODER)


def encoder_with_id(identity: str) -> TextEncoder:
    """The encoder whose vectors a model was trained on: the shipped one or the configured one. ArtifactError for any other."""
    for encoder in (load_text_encoder, text_encoder):
        if encoder().id == identity:
            return encoder()
    raise ArtifactError(
        f"{SCORER} was trained on vectors of {identity or 'an unknown encoder'}, which is neither shipped nor configured: "
        "train it again (prepare_training_data, train_scorer)"
    )


def encoders_in_use() -> list[TextEncoder]:
    """The configured encoder, which search uses, and the one that the scorer was trained on, where it takes vectors; often they are
    one."""
    trained_on = get_store().resolve(SCORER).card.features.get("encoder", "")
    encoders = [text_encoder(), *([encoder_with_id(trained_on)] if trained_on else [])]
    return list({encoder.id: encoder for encoder in encoders}.values())


def catalogue_snapshot(encoder: str) -> CatalogueSnapshot:
    """The catalogue in memory, read again when a cut, a style or a vector changed (three small queries to know)."""
    global _snapshot
    revision = (
        encoder,
        *Cut.objects.aggregate(a=Max("updated_at"), b=Count("id")).values(),
        *Style.objects.aggregate(a=Max("updated_at"), b=Count("id"), c=Count("id", filter=Q(is_active=True))).values(),
        *StyleVector.objects.filter(encoder=encoder).aggregate(a=Max("created_at"), b=Count("id")).values(),
    )
    current = _snapshot
    if current is not None and current.revision == revision:
        return current
    with _snapshot_lock:
        rows = list(
            StyleVector.objects.filter(encoder=encoder, style__is_active=True)
            .select_related("style__cut")
            .order_by("style__slug")
        )
        if not rows:
            raise ApplicationError("catalogue_empty")
        _snapshot = CatalogueSnapshot(
            revision=revision,
            encoder=encoder,
            ids=tuple(row.style_id for row in rows),
            entries=tuple(entry_of(row.style) for row in rows),
            vectors=np.stack([np.asarray(row.vector, dtype=np.float32) for row in rows]),
        )
        return _snapshot


def analysis_for(*, user: Any, analysis_id: int) -> Analysis:
    """The analysis if this person may open it. Raises ``analysis_not_found`` for any other, existing or not."""
    analysis = Analysis.objects.open_to(user).select_related("job").filter(pk=analysis_id).first()
    if analysis is None:
        raise ApplicationError("analysis_not_found", field="analysis_id")
    return analysis


def history_of(*, user: Any, visitor: str) -> QuerySet[Analysis]:
    return Analysis.objects.of(user, visitor).select_related("job").prefetch_related("recommendations__style__cut")


def said_about(analysis: Analysis) -> dict[str, str]:
    """What the person says of their reading now: field of ``corrections.FIELDS`` -> word, without what was taken back."""
    latest = dict(analysis.corrections.order_by("pk").values_list("field", "value"))
    return {field: latest[field] for field in FIELDS if latest.get(field)}


@dataclass(frozen=True)
class ListChange:
    """How the shown list differs from the one before the last correction."""

    added: list[Recommendation]
    removed: list[Recommendation]
    kept: int
    reordered: bool

    @property
    def changed(self) -> int:
        return max(len(self.added), len(self.removed))


def list_change(analysis: Analysis) -> ListChange | None:
    """None where there was no correction, or its list is not there yet."""
    if not analysis.revision:
        return None
    rows = list(analysis.recommendations.select_related("style").order_by("rank"))
    now = [row for row in rows if row.revision == analysis.revision]
    earlier = max((row.revision for row in rows if row.revision < analysis.revision), default=0)
    before = [row for row in rows if row.revision == earlier]
    names, names_before = {row.wears for row in now}, {row.wears for row in before}
    return ListChange(
        added=[row for row in now if row.wears not in names_before],
        removed=[row for row in before if row.wears not in names],
        kept=len(names & names_before),
        reordered=[row.wears for row in now] != [row.wears for row in before],
    )


def revision_state(analysis: Analysis) -> str:
    """``current``, or ``pending`` or ``failed`` where what was said has not made a list yet."""
    last = analysis.corrections.select_related("job").last()
    if last is None or last.revision == analysis.revision:
        return "current"
    return "failed" if last.job is None or last.job.is_final else "pending"


def search_styles(*, text: str, wishes: Wishes, fringe: str | None = None) -> QuerySet[Style]:
    """Offered styles that fit every filter; nearest in meaning first where ``text`` is given, by cut and name otherwise.

    Raises ``search_unavailable`` where the query cannot be embedded at the moment.
    """
    styles = (
        Style.objects.offered()
        .select_related("cut")
        .wearing(
            presentation=wishes.presentation,
            lengths=wishes.lengths,
            fringe=fringe,
            upkeep=wishes.upkeep,
            hair_type=wishes.hair_type,
        )
    )
    text = " ".join(text.split())
    if not text:
        return styles.order_by("cut__slug", "slug")
    encoder, vector = embed_query(text)
    if not StyleVector.objects.filter(encoder=encoder).exists():  # an empty list would say that nothing like it is there
        raise ApplicationError("search_unavailable")
    return styles.nearest(vector, encoder)


def embed_query(text: str) -> tuple[str, np.ndarray]:
    """(encoder id, (384,) float32). A light encoder runs here; a heavy one in a worker, which is asked and waited for."""
    if is_light(settings.TEXT_ENCODER):
        encoder = text_encoder()
        return encoder.id, encoder.encode([text])[0]
    return remote_embedding.ask(text)


def related_styles(style: Style, limit: int = 6) -> list[Style]:
    """The cut's other variants, then styles near in meaning of other cuts, one per cut."""
    siblings = list(Style.objects.offered().filter(cut=style.cut).exclude(pk=style.pk).select_related("cut")[:limit])
    own = StyleVector.objects.filter(style=style).order_by("-created_at").first()
    if own is None or len(siblings) >= limit:
        return siblings
    near = Style.objects.offered().exclude(cut=style.cut).select_related("cut").nearest(own.vector, own.encoder)[: limit * 8]
    seen: set[int] = set()
    for other in near:
        if len(siblings) == limit:
            break
        if other.cut_id not in seen:
            seen.add(other.cut_id)
            siblings.append(other)
    return siblings
