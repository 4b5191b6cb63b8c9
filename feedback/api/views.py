from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hairme.common.api_schema import errors
from hairme.common.errors import ApplicationError

from ..models import Reaction
from ..services import react, take_back

MAX_ID = 2**63 - 1


class FeedbackSerializer(serializers.Serializer):
    analysis_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    style_name = serializers.CharField(max_length=120, help_text="As shown, in Korean or English.")
    reaction = serializers.ChoiceField(Reaction.Value.choices, help_text="1 like, 0 dislike")

    def to_internal_value(self, data: Any) -> Any:
        value = data.get("reaction") if hasattr(data, "get") else None
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise serializers.ValidationError({"reaction": [_("Write 1 for a like or 0 for a dislike.")]})
        return super().to_internal_value(data)


class FeedbackResponseSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    feedback_id = serializers.IntegerField()
    message = serializers.CharField()


class FeedbackView(APIView):
    throttle_scope = "feedback"

    @extend_schema(
        operation_id="give_feedback",
        tags=["feedback"],
        request=FeedbackSerializer,
        responses={200: FeedbackResponseSerializer, **errors(400, 404, 429, 503)},
    )
    def post(self, request: Request) -> Response:
        """Like (1) or dislike (0) a style that an analysis showed. The same answer twice is one; another answer changes it."""
        form = FeedbackSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        row, _changed = react(user=request.user, **{**form.validated_data, "reaction": int(form.validated_data["reaction"])})
        return Response({"success": True, "feedback_id": row.pk, "message": _("Your feedback has been saved")})

    @extend_schema(
        operation_id="take_back_feedback",
        tags=["feedback"],
        parameters=[
            OpenApiParameter("analysis_id", int, required=True),
            OpenApiParameter("impression_id", int, required=True, description="`id` of the recommendation."),
        ],
        responses={204: None, **errors(400, 404, 429)},
    )
    def delete(self, request: Request) -> Response:
        """Take a reaction back."""
        query = TakeBackSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        if not take_back(user=request.user, **query.validated_data):
            raise ApplicationError("not_found")
        return Response(status=204)


class TakeBackSerializer(serializers.Serializer):
    analysis_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    impression_id = serializers.IntegerField(min_value=1, max_value=MAX_ID)
