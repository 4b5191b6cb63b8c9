from __future__ import annotations

import threading
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hairme.common import wake
from hairme.common.api import PageNumberPagination
from hairme.common.api_schema import errors
from hairme.common.errors import MESSAGES
from hairme.common.models import Job

from ..models import Analysis, Style
from ..selectors import analysis_for, search_styles
from ..services import analyses
from . import serializers as s

#: Threads of this process that may wait for a worker at once; the others answer 202, so that some are free for everything else.
_seats = threading.BoundedSemaphore(settings.ANALYZE_WAITERS)


def analysis_response(analysis: Analysis) -> Response:
    """200 with the result, 202 while in work, or the failure with its own status."""
    state = analysis.job.state
    if state == Job.State.SUCCEEDED:
        return Response(s.finished_body(analysis))
    if state in (Job.State.FAILED, Job.State.CANCELLED):
        body = s.failed_body(analysis)
        return Response(body, status=MESSAGES.get(body["error"]["code"], (500, ""))[0])
    address = reverse("api:analysis", args=[analysis.pk])
    return Response(s.pending_body(analysis), status=202, headers={"Location": address, "Retry-After": "1"})


class AnalyzeHybridView(APIView):
    """Read a face and recommend hairstyles."""

    parser_classes = (MultiPartParser, FormParser)
    throttle_scope = "analyze"

    @extend_schema(
        operation_id="analyze_hybrid",
        tags=["hair"],
        request={"multipart/form-data": s.AnalyzeSerializer},
        parameters=[
            OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="`respond-async`: answer 202 at once."),
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key and photo give the same analysis."
            ),
        ],
        responses={
            200: s.HybridResponseSerializer,
            202: s.PendingResponseSerializer,
            **errors(400, 413, 415, 422, 429, 503, 507),
        },
    )
    def post(self, request: Request) -> Response:
        """Send one photo, or up to three of the same face; get the face's reading and up to seven different hairstyles.

        Several photos are averaged. One of them that cannot be read is left out, and `meta.photos` says which and why; where none can
        be read, the error is the first one's. Nobody checks that they show the same person.

        Waits for the worker; when that takes longer than the server's limit, answers 202 with an address to ask again.
        """
        form = s.AnalyzeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        first, *further = request.FILES.getlist("file")
        analysis, _created = analyses.start_analysis(
            photo=first,
            further=further,
            user=request.user,
            visitor=request.session.get("visitor", ""),
            wishes=form.to_wishes(),
            language=get_language() or "ko",
            idempotency_key=request.headers.get("Idempotency-Key", "")[:200],
        )
        if "respond-async" not in request.headers.get("Prefer", "") and _seats.acquire(blocking=False):
            try:
                wake.wait(analysis.job_id, settings.ANALYZE_WAIT_SECONDS)
            finally:
                _seats.release()
        return analysis_response(analysis_for(user=request.user, analysis_id=analysis.pk))


class AnalysisView(APIView):
    @extend_schema(
        operation_id="get_analysis",
        tags=["hair"],
        responses={200: s.HybridResponseSerializer, 202: s.PendingResponseSerializer, **errors(400, 404, 422, 429, 503)},
    )
    def get(self, request: Request, analysis_id: int) -> Response:
        """The state of an analysis, and its result once it is there. Knowing an anonymous analysis's id opens it."""
        return analysis_response(analysis_for(user=request.user, analysis_id=analysis_id))

    @extend_schema(operation_id="delete_analysis", tags=["hair"], responses={204: None, **errors(404, 429)})
    def delete(self, request: Request, analysis_id: int) -> Response:
        """Delete the analysis with its reading, recommendations and reactions."""
        analyses.delete_analysis(analysis_for(user=request.user, analysis_id=analysis_id))
        return Response(status=204)


class RetryAnalysisView(APIView):
    throttle_scope = "analyze"

    @extend_schema(
        operation_id="retry_analysis",
        tags=["hair"],
        request=None,
        responses={202: s.PendingResponseSerializer, **errors(404, 409, 429)},
    )
    def post(self, request: Request, analysis_id: int) -> Response:
        """Try a failed analysis again while its photo is still there."""
        analysis = analysis_for(user=request.user, analysis_id=analysis_id)
        analyses.retry_analysis(analysis)
        return analysis_response(analysis_for(user=request.user, analysis_id=analysis_id))


class StyleListView(APIView):
    pagination_class = PageNumberPagination
    serializer_class = s.StyleSerializer

    @extend_schema(
        operation_id="list_styles",
        tags=["hair"],
        parameters=[s.StyleQuerySerializer],
        responses={200: s.StyleSerializer(many=True), **errors(400, 404, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        """The catalogue, filtered, and by meaning where ``q`` is given (nearest first)."""
        query = s.StyleQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        styles: QuerySet[Style] = search_styles(
            text=query.validated_data.get("q", ""), wishes=query.to_wishes(), fringe=query.validated_data.get("fringe") or None
        )
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(styles, request, view=self)
        return paginator.get_paginated_response(s.StyleSerializer(page, many=True).data)


class StyleView(APIView):
    @extend_schema(operation_id="get_style", tags=["hair"], responses={200: s.StyleSerializer, **errors(404, 429)})
    def get(self, request: Request, slug: str) -> Response:
        """One style of the catalogue."""
        style = get_object_or_404(Style.objects.offered().select_related("cut"), slug=slug)
        data: dict[str, Any] = dict(s.StyleSerializer(style).data)
        return Response({"success": True, "data": data})
