from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hairme.common import wake
from hairme.common.api_schema import errors
from hairme.common.models import Job

from ..engine.corrections import FIELDS
from ..models import Analysis
from ..selectors import analysis_for, revision_state
from ..services import corrections
from . import serializers as s


class CorrectionsView(APIView):
    throttle_scope = "feedback"

    @extend_schema(
        operation_id="correct_reading",
        tags=["hair"],
        request=s.CorrectionsSerializer,
        responses={200: s.HybridResponseSerializer, 202: s.HybridResponseSerializer, **errors(400, 404, 409, 429, 503)},
    )
    def post(self, request: Request, analysis_id: int) -> Response:
        """Correct readings or answer questions about one's colouring, and get the list that is chosen with it.

        A correction counts as near-certain, an answer as weak evidence beside what was measured. The measured reading and the lists
        shown before are kept, and so are reactions to them. Answers 202 with the list as it was where the new one takes longer
        than the server waits: `data.corrections.state` then is `pending`; ask the analysis again.
        """
        form = s.CorrectionsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        analysis = analysis_for(user=request.user, analysis_id=analysis_id)
        return _answer(analysis, corrections.correct(analysis=analysis, user=request.user, values=form.validated_data))

    @extend_schema(
        operation_id="take_back_correction",
        tags=["hair"],
        parameters=[OpenApiParameter("field", str, enum=list(FIELDS), description="Left out: everything that was said.")],
        responses={200: s.HybridResponseSerializer, 202: s.HybridResponseSerializer, **errors(400, 404, 409, 429, 503)},
    )
    def delete(self, request: Request, analysis_id: int) -> Response:
        """Take a correction or an answer back: that reading is again as it was measured, and the list is chosen with it."""
        analysis = analysis_for(user=request.user, analysis_id=analysis_id)
        job = corrections.take_back(analysis=analysis, user=request.user, field=request.query_params.get("field", ""))
        return _answer(analysis, job)


def _answer(analysis: Analysis, job: Job | None) -> Response:
    if job is not None:
        wake.wait(job.pk, settings.ANALYZE_WAIT_SECONDS)
    analysis = analysis_for(user=analysis.user, analysis_id=analysis.pk)
    current = revision_state(analysis) == "current"
    return Response(s.finished_body(analysis), status=200 if current else 202)
