from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin
from hairme.common.errors import ApplicationError

from ..models import Experiment, ExperimentLook, ExperimentTransition
from ..services import experiments


class LookInline(admin.TabularInline):
    model = ExperimentLook
    fields = ("day", "until", "exposed_share", "decision", "reason")
    readonly_fields = fields
    can_delete = False
    max_num = 0


@admin.register(Experiment)
class ExperimentAdmin(ReadOnlyAdmin):
    list_display = ("key", "title", "layer", "state", "decision", "challenger", "ramp_step", "started_at", "ended_at")
    list_filter = ("state", "decision", "layer")
    search_fields = ("key", "title", "hypothesis", "challenger__version")
    list_select_related = ("challenger",)
    date_hierarchy = "created_at"
    inlines = (LookInline,)
    actions = ("kill",)

    @admin.action(description=_("Stop the selected experiments: everybody gets the champion"), permissions=("kill",))
    def kill(self, request: HttpRequest, queryset: Any) -> None:
        for experiment in queryset:
            try:
                experiments.kill(
                    experiment, actor=f"staff:{request.user.get_username()}", reason="stopped in the admin", user=request.user
                )
            except ApplicationError as error:
                self.message_user(request, error.message, messages.ERROR)
            else:
                self.message_user(request, _("%(key)s is stopped.") % {"key": experiment.key})

    def has_kill_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mltraining.change_experiment")


@admin.register(ExperimentLook)
class ExperimentLookAdmin(ReadOnlyAdmin):
    list_display = ("experiment", "day", "exposed_share", "decision", "reason", "at")
    list_filter = ("decision", "experiment")
    search_fields = ("experiment__key", "reason")
    list_select_related = ("experiment",)
    date_hierarchy = "at"


@admin.register(ExperimentTransition)
class ExperimentTransitionAdmin(ReadOnlyAdmin):
    list_display = ("at", "experiment", "before", "after", "actor", "reason")
    list_filter = ("after", "experiment")
    search_fields = ("experiment__key", "actor", "reason")
    list_select_related = ("experiment",)
    date_hierarchy = "at"
