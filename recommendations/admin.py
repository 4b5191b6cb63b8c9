from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin
from hairme.ml.text_encoder import is_light

from .engine.vocabulary import FACE_SHAPES
from .models import Analysis, Cut, ReadingCorrection, Recommendation, Style
from .services.catalogue import mark_staff_edits
from .services.style_vectors import renew_style_vectors


class StyleForm(ModelForm):
    def clean_flatters(self) -> dict[str, int]:
        """The stylist's rules compute with it, so a face shape that is missing would end every analysis."""
        flatters = self.cleaned_data["flatters"]
        values = flatters.values() if isinstance(flatters, dict) and set(flatters) == set(FACE_SHAPES) else [None]
        if not all(type(value) is int and -2 <= value <= 2 for value in values):
            example = ", ".join(f'"{shape}": 0' for shape in FACE_SHAPES)
            raise ValidationError(
                _("Give each face shape a whole number from -2 to 2: %(example)s"), params={"example": f"{{{example}}}"}
            )
        return dict(sorted(flatters.items()))


class CatalogueAdmin(admin.ModelAdmin):
    """Rows that the catalogue under version control fills. Staff may change them, and a reload leaves what they changed.

    A deleted row would come back with the next load, and a changed slug would come back beside it.
    """

    actions = ("follow_catalogue",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "staff_edited") if obj else ("staff_edited",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("edited by staff"), boolean=True)
    def edited(self, row: Style | Cut) -> bool:
        return bool(row.staff_edited)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        mark_staff_edits(obj, [*(form.changed_data if change else form.fields)])
        super().save_model(request, obj, form, change)
        if is_light(settings.TEXT_ENCODER):
            transaction.on_commit(renew_style_vectors)
        else:
            self.message_user(request, _("Search finds the new words once build_style_embeddings has run."), messages.WARNING)

    @admin.action(description=_("Forget staff edits at the next catalogue load"), permissions=("change",))
    def follow_catalogue(self, request: HttpRequest, queryset: Any) -> None:
        queryset.update(staff_edited=[])


@admin.register(Style)
class StyleAdmin(CatalogueAdmin):
    form = StyleForm
    list_display = ("slug", "name_ko", "name_en", "cut", "length", "upkeep", "is_active", "edited")
    list_filter = ("is_active", "length", "fringe", "texture", "upkeep")
    search_fields = ("slug", "name_ko", "name_en", "cut__slug")
    autocomplete_fields = ("cut",)
    list_select_related = ("cut",)


@admin.register(Cut)
class CutAdmin(CatalogueAdmin):
    list_display = ("slug", "family", "name_ko", "name_en", "edited")
    list_filter = ("family",)
    search_fields = ("slug", "name_ko", "name_en")


class RecommendationInline(admin.TabularInline):
    model = Recommendation
    fields = (
        "revision",
        "rank",
        "style_name",
        "source",
        "candidate",
        "ml_score",
        "model_version",
        "experiment",
        "arm",
        "propensity",
    )
    readonly_fields = fields
    can_delete = False
    max_num = 0


@admin.register(Analysis)
class AnalysisAdmin(ReadOnlyAdmin):
    list_display = ("id", "face_shape", "season", "state", "created_at", "completed_at")
    list_filter = ("face_shape", "season", "job__state")
    search_fields = ("=id", "=photo_sha256")
    list_select_related = ("job",)
    exclude = ("photo", "reading", "corrected_reading")
    inlines = (RecommendationInline,)

    @admin.display(description=_("state"), ordering="job__state")
    def state(self, analysis: Analysis) -> str:
        return str(analysis.job.get_state_display())


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    list_display = (
        "id", "rank", "style_name", "source", "candidate", "ml_score", "model_version", "experiment", "arm", "propensity", "created_at",
    )  # fmt: skip
    list_filter = ("source", "candidate", "model_version", "experiment", "arm")
    search_fields = ("style_name", "=analysis__id")


@admin.register(ReadingCorrection)
class ReadingCorrectionAdmin(ReadOnlyAdmin):
    list_display = ("id", "field", "previous", "value", "revision", "created_at")
    list_filter = ("field", "value")
    search_fields = ("=analysis__id",)
    list_select_related = False
    exclude = ("job",)
