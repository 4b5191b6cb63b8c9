"""GET /api/v2/measured: the live reading's measurements as its model card holds them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hairme.common.api_schema import errors

from ..services.measured import live_card, measured


class LiveModelSerializer(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()
    created = serializers.DateTimeField()
    dataset_hash = serializers.CharField(help_text="sha256 of the file it was trained on.")
    code_revision = serializers.CharField(allow_blank=True)
    parent = serializers.CharField(allow_null=True)  # type: ignore[assignment]


class MeasuredSerializer(serializers.Serializer):
    model = LiveModelSerializer()
    classes = serializers.ListField(
        child=serializers.CharField(), help_text="Rows (labels) and columns (answers) of a confusion matrix."
    )
    metrics = serializers.DictField(
        help_text="Shares 0 to 1. `grouped`: people on one side of the split only; `random`: other photos of the same people "
        "seen; `interior_only`: the control; `threshold_rule`, `nearest_centroid`: baselines. What was not measured is absent."
    )
    colour = serializers.DictField(
        help_text="The colour reading under changed light, as `evaluate_colour` measured it: `compare` holds a row per change, "
        "`as_they_are` the photos unchanged. No true seasons are known, so nothing here says how often a season is right."
    )
    notes = serializers.DictField(child=serializers.CharField())
    versions = serializers.DictField(child=serializers.CharField(), help_text="Every model that serves.")


class MeasuredResponseSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    data = MeasuredSerializer()  # type: ignore[assignment]


class MeasuredView(APIView):
    @extend_schema(operation_id="get_measured", tags=["hair"], responses={200: MeasuredResponseSerializer, **errors(429, 503)})
    def get(self, request: Request) -> Response:
        """How often the live reading is right, how well it knows its doubts, and where it fails."""
        return Response({"success": True, "data": measured(live_card())})
