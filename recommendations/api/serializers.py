"""Shapes of API v2. The mission's fields come first and never change; ours follow."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import serializers

from hairme.common.api import PageNumberPagination
from hairme.common.errors import sentence
from hairme.common.models import Job

from ..engine import corrections, vocabulary
from ..engine.types import Wishes
from ..models import Analysis, Cut, Recommendation, Style
from ..selectors import list_change, revision_state, said_about


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
        help_text="A photo of one face: JPEG, PNG, WebP or HEIC, at most 15 MB and 50 megapixels. Repeat the field for up to three photos.",
        allow_empty_file=True,
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
        fields = ("style_name", "reason", "source", "ml_score", "rank", "id", "style", "cut", "drawback", "candidate")

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


class CorrectionsSerializer(serializers.Serializer):
    """What the person says of their reading. Give any of them; an empty one takes back what was said."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {
            field: serializers.ChoiceField(list(words), required=False, allow_blank=True, help_text=CORRECTION_HELP[field])
            for field, words in corrections.FIELDS.items()
        }

    def validate(self, data: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(self.initial_data) - set(corrections.FIELDS)):
            raise serializers.ValidationError({unknown[0]: [_("There is no such reading.")]})
        if not data:
            raise serializers.ValidationError({"corrections": [_("Say what is not right, or answer a question.")]})
        return data


CORRECTION_HELP = {
    "face_shape": "Correction of the face shape.",
    "season": "Correction of the personal colour.",
    "warm_cool": "Correction of the temperature.",
    "light_deep": "Correction of the depth.",
    "skin": "Correction of the skin's depth, by the classes of the individual typology angle.",
    "hair": "Correction of the hair's colour.",
    "vein": "Colour of the veins at the wrist in daylight.",
    "jewellery": "Which jewellery suits.",
    "tanning": "What the sun does to the skin.",
}


class SaidSerializer(serializers.Serializer):
    field = serializers.ChoiceField(list(corrections.FIELDS))
    value = serializers.CharField()
    kind = serializers.ChoiceField(["correction", "answer"])


class ListChangeSerializer(serializers.Serializer):
    """Styles by name, as shown."""

    added = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    kept = serializers.IntegerField()


class CorrectionStateSerializer(serializers.Serializer):
    state = serializers.ChoiceField(
        ["current", "pending", "failed"], help_text="`pending`: the list is being chosen again; `failed`: send the same again."
    )
    revision = serializers.IntegerField(help_text="Which list of the analysis is shown; 0 is the first.")
    said = SaidSerializer(many=True)
    measured = serializers.JSONField(help_text="The two labels, and the probabilities behind them, before what was said.")
    changed = ListChangeSerializer(allow_null=True, help_text="What the last correction did to the list.")


class HybridAnalysisSerializer(serializers.Serializer):
    face_shape = serializers.CharField(help_text="계란형, 둥근형, 각진형, 긴형 or 하트형")
    personal_color = serializers.CharField(help_text="봄웜, 여름쿨, 가을웜 or 겨울쿨")
    reading = serializers.JSONField(help_text="Probabilities, intervals, measurements and photo quality behind the two labels.")


class HybridDataSerializer(serializers.Serializer):
    analysis = HybridAnalysisSerializer()
    recommendations = RecommendationSerializer(many=True)
    meta = serializers.JSONField()
    corrections = CorrectionStateSerializer(required=False, help_text="Only where the person said something about the reading.")


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


def correction_state(analysis: Analysis) -> dict[str, Any] | None:
    """What was said and what it did; None where nothing ever was."""
    if not analysis.corrections.exists():
        return None
    measured, change = analysis.reading or {}, list_change(analysis)
    shape, season = measured["face_shape"], measured["colour"]["season"]
    return {
        "state": revision_state(analysis),
        "revision": analysis.revision,
        "said": [
            {"field": field, "value": word, "kind": corrections.kind(field)} for field, word in said_about(analysis).items()
        ],
        "measured": {
            "face_shape": vocabulary.FACE_SHAPES[shape["label"]].ko,
            "personal_color": vocabulary.SEASONS[season["label"]].ko,
            "face_shape_probabilities": shape["probabilities"],
            "season_probabilities": season["probabilities"],
        },
        "changed": change
        and {
            "added": [row.style_name for row in change.added],
            "removed": [row.style_name for row in change.removed],
            "kept": change.kept,
        },
    }


def finished_body(analysis: Analysis) -> dict[str, Any]:
    reading = {key: value for key, value in (analysis.used_reading or {}).items() if key != "features"}
    items = analysis.recommendations.filter(revision=analysis.revision).select_related("style").order_by("rank")
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
            **({"corrections": said} if (said := correction_state(analysis)) else {}),
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
