"""What people thought of what they were shown: like rates with their uncertainty."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hairme.common.api_schema import errors

from ..engine.events import Sums
from ..selectors.kpis import DIMENSIONS, Group, groups, period_start, total

MIN_REACTIONS = 20  # below, a rate says more about single people than about what was shown


class StatisticsQuerySerializer(serializers.Serializer):
    days = serializers.IntegerField(min_value=1, max_value=366, default=30, help_text="The last days, today included.")
    by = serializers.ChoiceField(DIMENSIONS, default="source", help_text="What the reactions are grouped by.")


class StatisticsRowSerializer(serializers.Serializer):
    """``shown`` and what follows it are there for staff only."""

    value = serializers.CharField(help_text="Source, model version, id of the style, face shape, arm.")
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="The same in the caller's language."
    )
    reactions = serializers.IntegerField()
    likes = serializers.IntegerField()
    dislikes = serializers.IntegerField()
    like_rate = serializers.FloatField(allow_null=True, help_text="Likes among reactions, 0 to 1; null where there are none.")
    like_rate_low = serializers.FloatField(allow_null=True, help_text="Lower end of its 95 % Wilson interval.")
    like_rate_high = serializers.FloatField(allow_null=True)
    shown = serializers.IntegerField(required=False)
    reaction_rate = serializers.FloatField(required=False, allow_null=True)
    analyses = serializers.IntegerField(required=False)
    errors = serializers.IntegerField(required=False)  # type: ignore[assignment]
    latency_p50_ms = serializers.FloatField(required=False, allow_null=True)
    latency_p95_ms = serializers.FloatField(required=False, allow_null=True)


class StatisticsDataSerializer(serializers.Serializer):
    days = serializers.IntegerField()
    by = serializers.CharField()
    since = serializers.DateTimeField()
    total = StatisticsRowSerializer(help_text="For staff everything, for others the sum of what is listed.")
    groups = StatisticsRowSerializer(many=True)
    withheld = serializers.IntegerField(help_text="Groups left out because they have fewer reactions than `min_reactions`.")
    min_reactions = serializers.IntegerField()


class StatisticsResponseSerializer(serializers.Serializer):
    success = serializers.BooleanField()
    data = StatisticsDataSerializer()  # type: ignore[assignment]


class StatisticsView(APIView):
    throttle_scope = "read"

    @extend_schema(
        operation_id="statistics",
        tags=["feedback"],
        parameters=[StatisticsQuerySerializer],
        responses={200: StatisticsResponseSerializer, **errors(400, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        """How much of what was shown people liked, grouped, with intervals.

        Everybody may read it: groups of fewer than 20 reactions are left out, and how much is shown, how long it takes and what
        fails is told to staff only, who see every group.
        """
        query = StatisticsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        days, by = query.validated_data["days"], query.validated_data["by"]
        since = period_start(days)
        is_staff = bool(request.user.is_authenticated and request.user.is_staff)
        found = groups(by, since)
        listed = found if is_staff else [group for group in found if group.reactions >= MIN_REACTIONS]
        data = {
            "days": days,
            "by": by,
            "since": since.isoformat(),
            "total": _row(total(since), for_staff=True) if is_staff else _sum_of(listed),
            "groups": [_row(group, for_staff=is_staff) for group in listed],
            "withheld": len(found) - len(listed),
            "min_reactions": 0 if is_staff else MIN_REACTIONS,
        }
        return Response({"success": True, "data": data})


def _row(group: Group, *, for_staff: bool) -> dict[str, Any]:
    low, high = group.like_interval
    row: dict[str, Any] = {
        "value": group.value,
        "label": group.label,
        "reactions": group.reactions,
        "likes": group.likes,
        "dislikes": group.dislikes,
        "like_rate": _number(group.like_rate),
        "like_rate_low": _number(low),
        "like_rate_high": _number(high),
    }
    if for_staff:
        row |= {
            "shown": group.sums.impressions,
            "reaction_rate": _number(group.reaction_rate),
            "analyses": group.sums.analyses,
            "errors": group.sums.errors,
            "latency_p50_ms": _number(group.latency_p50),
            "latency_p95_ms": _number(group.latency_p95),
        }
    return row


def _sum_of(listed: list[Group]) -> dict[str, Any]:
    """Of the listed groups only: the difference to everything would tell what was left out."""
    whole = Group(
        "all", "all", Sums(likes=sum(group.likes for group in listed), dislikes=sum(group.dislikes for group in listed))
    )
    return _row(whole, for_staff=False)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
