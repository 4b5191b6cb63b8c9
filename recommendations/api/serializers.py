"""Shapes of API v2. The mission's fields come first and never change; ours follow."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from hairme.common.api import PageNumberPagination
from hairme.common.errors import sentence
from hairme.common.models import Job

from ..engine import vocabulary
from ..engine.types import Wishes
from ..models import Analysis, Cut, Recommendation, Style


class WishesSerializer(serializers.Serializer):
    """Optional filters, honoured strictly."""

    presentation = serializers.ChoiceField(list(vocabulary.PRESENTATIONS), required=False, allow_blank=True)
    length = serializers.ListField(
        child=serializers.ChoiceField(list(vocabulary.LENGTHS), allow_blank=True),
        required=False,
        help_text="One or more; repeat the field.",
    )
    upkeep = serializers.ChoiceField(list(vocabulary.UPKEEPS), required=False, allow_blank=True)
    hair_type = serializers.ChoiceField(list(vocabulary.HAIR_TYPES), required=False, allow_blank=True)

    def to_wishes(self) -> Wishes:
        data = self.validated_data
        return Wishes(
            presentation=data.get("presentation") or None,
            lengths=tuple(dict.fromkeys(filter(None, data.get("length", ())))),
            upkeep=data.get("upkeep") or None,
            hair_type=data.get("hair_type") or None,
        )


class AnalyzeSerializer(WishesSerializer):
    file = serializers.FileField(
        help_text="A photo of one face: JPEG, PNG, WebP or HEIC, at most 15 MB and 50 megapixels.", allow_empty_file=True
    )


class RecommendationSerializer(serializers.ModelSerializer):
    id = serializers.IntegerField(read_only=True, help_text="The impression's id.")
    style = serializers.SlugRelatedField(  # type: ignore[assignment, var-annotated]
        slug_field="slug", read_only=True, help_text="Catalogue slug; null for a free suggestion."
    )
    ml_score = serializers.SerializerMethodField(help_text="0 to 100")
    cut = serializers.CharField(source="cut_slug", read_only=True)

    class Meta:
        model = Recommendation
        fields = ("style_name", "reason", "source", "ml_score", "rank", "id", "style", "cut", "drawback")

    def get_ml_score(self, item: Recommendation) -> float:
        return round(item.ml_score, 1)


class StyleSerializer(serializers.ModelSerializer):
    cut: serializers.SlugRelatedField[Cut] = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    why = serializers.CharField(read_only=True)
    cost = serializers.CharField(read_only=True)
    distance = serializers.FloatField(read_only=True, required=False, help_text="Cosine distance to the query; only in a search.")

    class Meta:
        model = Style
        fields = (
            "slug", "name", "name_ko", "name_en", "cut", "aliases", "length", "fringe", "layers", "sides", "texture", "perm", "volume",
            "parting", "arrangement", "upkeep", "presentations", "hair_types", "densities", "effects", "flatters", "salon_weeks",
            "daily_minutes", "description", "why", "cost", "distance",
        )  # fmt: skip


class StyleQuerySerializer(WishesSerializer):
    q = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Free text in Korean or English; by meaning."
    )
    fringe = serializers.ChoiceField(list(vocabulary.FRINGES), required=False, allow_blank=True)
    page = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=PageNumberPagination.max_page_size, required=False)


class JobStatusSerializer(serializers.Serializer):
    state = serializers.ChoiceField(Job.State.choices)
    stage = serializers.CharField()
    progress = serializers.IntegerField()
    total = serializers.IntegerField()


class HybridAnalysisSerializer(serializers.Serializer):
    face_shape = serializers.CharField(help_text="계란형, 둥근형, 각진형, 긴형 or 하트형")
    personal_color = serializers.CharField(help_text="봄웜, 여름쿨, 가을웜 or 겨울쿨")
    reading = serializers.JSONField(help_text="Probabilities, intervals, measurements and photo quality behind the two labels.")


class HybridDataSerializer(serializers.Serializer):
    analysis = HybridAnalysisSerializer()
    recommendations = RecommendationSerializer(many=True)
    meta = serializers.JSONField()


class HybridResponseSerializer(serializers.Serializer):
    """A finished analysis."""

    success = serializers.BooleanField()
    data = HybridDataSerializer()  # type: ignore[assignment]  # the contract names this field
    analysis_id = serializers.IntegerField()
    method = serializers.CharField()
    status = serializers.ChoiceField(Job.State.choices)


class PendingResponseSerializer(serializers.Serializer):
    """Still in work: ask ``status_url`` again."""

    success = serializers.BooleanField()
    analysis_id = serializers.IntegerField()
    status = serializers.ChoiceField(Job.State.choices)
    status_url = serializers.CharField()
    job = JobStatusSerializer()


def finished_body(analysis: Analysis) -> dict[str, Any]:
    reading = {key: value for key, value in (analysis.reading or {}).items() if key != "features"}
    items = analysis.recommendations.select_related("style").order_by("rank")
    return {
        "success": True,
        "data": {
            "analysis": {
                "face_shape": vocabulary.FACE_SHAPES[analysis.face_shape].ko,
                "personal_color": vocabulary.SEASONS[analysis.season].ko,
                "reading": reading,
            },
            "recommendations": RecommendationSerializer(items, many=True).data,
            "meta": analysis.meta,
        },
        "analysis_id": analysis.pk,
        "method": analysis.meta.get("method", "hybrid"),
        "status": analysis.job.state,
    }


def pending_body(analysis: Analysis) -> dict[str, Any]:
    return {
        "success": True,
        "analysis_id": analysis.pk,
        "status": analysis.job.state,
        "status_url": reverse("api:analysis", args=[analysis.pk]),
        "job": JobStatusSerializer(analysis.job).data,
    }


def failed_body(analysis: Analysis) -> dict[str, Any]:
    code = "cancelled" if analysis.job.state == Job.State.CANCELLED else analysis.job.error_code
    error: dict[str, Any] = {"code": code, "message": sentence(code, analysis.job.error_params)}
    if not analysis.photo:
        error["field"] = "file"
    return {
        "success": False,
        "error": error,
        "analysis_id": analysis.pk,
        "status": analysis.job.state,
        "can_retry": bool(analysis.photo) and analysis.job.state == Job.State.FAILED,
    }
