from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin

from .models import Analysis, Cut, Recommendation, Style
from .services.catalogue import mark_staff_edits


@admin.register(Style)
class StyleAdmin(admin.ModelAdmin):
    list_display = ("slug", "name_ko", "name_en", "cut", "length", "upkeep", "is_active", "edited")
    list_filter = ("is_active", "length", "fringe", "texture", "upkeep")
    search_fields = ("slug", "name_ko", "name_en", "cut__slug")
    autocomplete_fields = ("cut",)
    list_select_related = ("cut",)
    readonly_fields = ("staff_edited",)
    actions = ("follow_catalogue",)

    @admin.display(description=_("edited by staff"), boolean=True)
    def edited(self, style: Style) -> bool:
        return bool(style.staff_edited)

    def save_model(self, request: HttpRequest, obj: Style, form: ModelForm, change: bool) -> None:
        if change:
            mark_staff_edits(obj, [*form.changed_data])
        super().save_model(request, obj, form, change)

    @admin.action(description=_("Forget staff edits at the next catalogue load"), permissions=("change",))
    def follow_catalogue(self, request: HttpRequest, queryset: Any) -> None:
        queryset.update(staff_edited=[])


@admin.register(Cut)
class CutAdmin(admin.ModelAdmin):
    list_display = ("slug", "family", "name_ko", "name_en")
    list_filter = ("family",)
    search_fields = ("slug", "name_ko", "name_en")


class RecommendationInline(admin.TabularInline):
    model = Recommendation
    fields = ("rank", "style_name", "source", "ml_score", "model_version", "arm", "propensity")
    readonly_fields = fields
    can_delete = False
    max_num = 0


@admin.register(Analysis)
class AnalysisAdmin(ReadOnlyAdmin):
    list_display = ("id", "face_shape", "season", "state", "created_at", "completed_at")
    list_filter = ("face_shape", "season", "job__state")
    search_fields = ("=id", "=photo_sha256")
    list_select_related = ("job",)
    exclude = ("photo", "reading")
    inlines = (RecommendationInline,)

    @admin.display(description=_("state"), ordering="job__state")
    def state(self, analysis: Analysis) -> str:
        return str(analysis.job.get_state_display())


@admin.register(Recommendation)
class RecommendationAdmin(ReadOnlyAdmin):
    list_display = ("id", "rank", "style_name", "source", "ml_score", "model_version", "arm", "created_at")
    list_filter = ("source", "model_version", "arm")
    search_fields = ("style_name", "=analysis__id")
