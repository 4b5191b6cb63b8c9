"""Write down what is shown: one impression per item, one event per list."""

from __future__ import annotations

from hairme.common import outbox

from ..models import Analysis, Recommendation
from .recommend import Advice


def show(analysis: Analysis, advice: Advice, *, request_id: str) -> None:
    """Record the list of ``analysis.revision``. Lists of earlier revisions stay, with the reactions to them.

    Must run inside the transaction that makes this revision the shown one.
    """
    shown = Recommendation.objects.bulk_create(
        Recommendation(
            analysis=analysis,
            revision=analysis.revision,
            style_id=advice.style_ids.get(item.slug or ""),
            cut_slug=item.cut or "",
            style_name=item.name,
            rank=item.rank,
            source=item.source,
            ml_score=item.ml_score,
            reason=item.reason,
            drawback=item.drawback,
            model_version=advice.model_version,
            candidate=item.candidate,
            experiment=advice.experiment,
            arm=advice.arm,
            propensity=item.propensity,
            request_id=request_id,
        )
        for item in advice.items
    )
    outbox.record(
        "recommendations.shown",
        analysis.pk,
        {
            "analysis_id": analysis.pk,
            "revision": analysis.revision,
            "face_shape": analysis.face_shape,
            "season": analysis.season,
            "model_version": advice.model_version,
            "experiment": advice.experiment,
            "arm": advice.arm,
            "items": [
                {
                    "id": r.pk,
                    "style": r.style_id,
                    "cut": r.cut_slug,
                    "rank": r.rank,
                    "source": r.source,
                    "candidate": r.candidate,
                    "propensity": r.propensity,
                    "score": r.ml_score,
                }
                for r in shown
            ],
        },
    )
