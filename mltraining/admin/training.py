from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin
from hairme.common.errors import ApplicationError

from ..models import DatasetSnapshot, TrainingRun
from ..services import retraining


@admin.register(DatasetSnapshot)
class DatasetSnapshotAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "as_of", "reactions", "people", "synthetic", "synthetic_share", "created_at")
    list_filter = ("synthetic_share",)
    search_fields = ("content_hash",)
    date_hierarchy = "created_at"


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "model", "architecture", "trigger", "state", "stage", "parent", "version", "created_at", "finished_at")
    list_filter = ("state", "trigger", "architecture", "model")
    search_fields = ("=id", "verdict", "version__version", "parent__version", "snapshot__content_hash")
    list_select_related = ("parent", "version")
    date_hierarchy = "created_at"
    actions = ("cancel",)

    @admin.action(description=_("Cancel the selected runs"), permissions=("cancel",))
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        for run in queryset:
            try:
                retraining.cancel_run(run, actor=f"staff:{request.user.get_username()}")
            except ApplicationError as error:
                self.message_user(request, error.message, messages.ERROR)
            else:
                self.message_user(request, _("Run %(run)s is cancelled.") % {"run": run.pk})

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mltraining.change_trainingrun")
