"""Record what a person thought of a shown style; change or take it back. Idempotent; every step is a ReactionEntry and an event."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Q

from hairme.common import outbox
from hairme.common.errors import ApplicationError
from recommendations.engine import vocabulary
from recommendations.models import Analysis, Recommendation
from recommendations.selectors import analysis_for

from .models import Reaction, ReactionEntry


def react(
    *, user: Any, analysis_id: int, reaction: int, style_name: str = "", impression_id: int | None = None
) -> tuple[Reaction, bool]:
    """Like (1) or dislike (0) a style that this analysis showed, named as shown, in either language, or by impression.

    Returns (reaction, changed). Raises ``analysis_not_found`` or ``style_not_shown``.
    """
    analysis = analysis_for(user=user, analysis_id=analysis_id)
    shown = _shown(analysis, style_name, impression_id)
    with transaction.atomic():
        _take_turns(analysis)
        row = _given(shown)
        created = row is None
        if row is None:
            row = Reaction.objects.create(
                recommendation=shown,
                analysis=analysis,
                reaction=reaction,
                face_shape=vocabulary.FACE_SHAPES[analysis.face_shape].ko,
                skin_tone=vocabulary.SEASONS[analysis.season].ko,
                hairstyle=shown.style.name_ko if shown.style else shown.style_name,
                ml_score=shown.ml_score,
                source=shown.source,
            )
        elif row.reaction == reaction:
            return row, False
        before = None if created else row.reaction
        if not created:
            Reaction.objects.filter(pk=row.pk).update(reaction=reaction, changes=F("changes") + 1)
            row.refresh_from_db()
        _record("feedback.given", row, before)
        _remember(row, reaction)
    return row, True


def take_back(*, user: Any, analysis_id: int, impression_id: int) -> bool:
    """Undo a reaction. True where there was one. Its history keeps that it was given and taken back."""
    analysis = analysis_for(user=user, analysis_id=analysis_id)
    shown = _shown(analysis, "", impression_id)
    with transaction.atomic():
        _take_turns(analysis)
        row = _given(shown)
        if row is None:
            return False
        _record("feedback.taken_back", row, row.reaction)
        _remember(row, None)
        row.delete()
    return True


def reactions_of(analysis: Analysis) -> dict[int, int]:
    """{impression id: 0 or 1}; a style that is in several lists of the analysis has its one reaction in all of them."""
    given = {
        row.recommendation.wears: row.reaction
        for row in Reaction.objects.filter(analysis=analysis).select_related("recommendation")
    }
    return {shown.pk: given[shown.wears] for shown in analysis.recommendations.all() if shown.wears in given} if given else {}


def _given(shown: Recommendation) -> Reaction | None:
    """The reaction to this style, given at this impression or at one in an earlier or later list of the analysis."""
    same = Q(recommendation=shown)
    same |= Q(recommendation__style=shown.style_id) if shown.style_id else Q(hairstyle=shown.style_name)
    return Reaction.objects.filter(same, analysis=shown.analysis_id).select_related("recommendation").first()


def _take_turns(analysis: Analysis) -> None:
    """Two clicks at once follow each other; the second may find the analysis deleted."""
    if Analysis.objects.select_for_update().filter(pk=analysis.pk).first() is None:
        raise ApplicationError("analysis_not_found", field="analysis_id")


def _shown(analysis: Analysis, style_name: str, impression_id: int | None) -> Recommendation:
    shown = analysis.recommendations.select_related("style")
    if impression_id is not None:
        found = shown.filter(pk=impression_id).first()
    else:
        name = " ".join(style_name.split())
        found = (
            shown.filter(Q(style_name=name) | Q(style__name_ko=name) | Q(style__name_en__iexact=name))
            .order_by("-revision", "rank")
            .first()
        )
    if found is None:
        raise ApplicationError("style_not_shown", field="style_name")
    return found


def _remember(row: Reaction, reaction: int | None) -> None:
    """A step of the reaction's history, at the impression that it belongs to."""
    ReactionEntry.objects.create(analysis_id=row.analysis_id, recommendation_id=row.recommendation_id, reaction=reaction)


def _record(topic: str, row: Reaction, before: int | None) -> None:
    shown = row.recommendation
    outbox.record(
        topic,
        row.analysis_id,
        {
            "reaction_id": row.pk,
            "analysis_id": row.analysis_id,
            "impression_id": shown.pk,
            "style": shown.style_id,
            "cut": shown.cut_slug,
            "source": row.source,
            "rank": shown.rank,
            "model_version": shown.model_version,
            "experiment": shown.experiment,
            "arm": shown.arm,
            "candidate": shown.candidate,
            "propensity": shown.propensity,
            "face_shape": row.face_shape,
            "season": row.skin_tone,
            "score": row.ml_score,
            "reaction": row.reaction,
            "before": before,
        },
    )
