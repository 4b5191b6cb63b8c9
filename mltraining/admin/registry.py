from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin

from ..models import ModelAlias, ModelTransition, ModelVersion
from ..services import model_files


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "state", "ships_with_code", "parent", "dataset_hash", "code_revision", "created_at")
    list_filter = ("name", "state", "ships_with_code")
    search_fields = ("name", "version", "dataset_hash", "card_sha256")
    list_select_related = ("parent",)
    date_hierarchy = "created_at"
    actions = ("verify",)

    @admin.action(description=_("Verify the files of the selected versions"), permissions=("verify",))
    def verify(self, request: HttpRequest, queryset: Any) -> None:
        found = model_files.verify(queryset, actor=f"staff:{request.user.get_username()}", user=request.user)
        for finding in found:
            if finding.problem:
                self.message_user(request, f"{finding.version.key}: {finding.problem}", messages.ERROR)
        good = sum(finding.is_good for finding in found)
        self.message_user(request, _("%(count)d versions are whole.") % {"count": good})

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mltraining.change_modelversion")


@admin.register(ModelAlias)
class ModelAliasAdmin(ReadOnlyAdmin):
    list_display = ("name", "alias", "version", "moved_at")
    list_filter = ("name", "alias")
    search_fields = ("name", "version__version")
    list_select_related = ("version",)


@admin.register(ModelTransition)
class ModelTransitionAdmin(ReadOnlyAdmin):
    list_display = ("at", "name", "kind", "before", "after", "actor", "reason")
    list_filter = ("name", "kind", "actor")
    search_fields = ("name", "reason", "actor", "before__version", "after__version")
    list_select_related = ("before", "after")
    date_hierarchy = "at"
