from __future__ import annotations

from django.contrib import admin

from hairme.common.admin import ReadOnlyAdmin

from .models import Reaction


@admin.register(Reaction)
class ReactionAdmin(ReadOnlyAdmin):
    list_display = ("id", "hairstyle", "reaction", "source", "ml_score", "face_shape", "skin_tone", "changes", "created_at")
    list_filter = ("reaction", "source", "face_shape", "skin_tone")
    search_fields = ("hairstyle", "=analysis__id")
    list_select_related = False
