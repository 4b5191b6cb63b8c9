from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin

from ..models import Alert, DriftReport
from ..services import alerts


@admin.register(DriftReport)
class DriftReportAdmin(ReadOnlyAdmin):
    list_display = ("window_end", "status", "model_version", "window_rows", "reference_rows", "reference_start", "created_at")
    list_filter = ("status", "model_version")
    search_fields = ("model_version",)
    date_hierarchy = "window_end"


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("kind", "severity", "state", "count", "owner", "first_at", "last_at", "notified_at", "handled_by", "run")
    list_filter = ("state", "severity", "kind")
    search_fields = ("kind", "fingerprint", "owner")
    list_select_related = ("handled_by", "run")
    date_hierarchy = "last_at"
    actions = ("acknowledge", "resolve")

    @admin.action(description=_("Mark the selected alerts as seen"), permissions=("handle",))
    def acknowledge(self, request: HttpRequest, queryset: Any) -> None:
        done = sum(alerts.acknowledge(alert, user=request.user) for alert in queryset)
        self.message_user(request, _("%(count)d alerts are marked as seen.") % {"count": done})

    @admin.action(description=_("Resolve the selected alerts"), permissions=("handle",))
    def resolve(self, request: HttpRequest, queryset: Any) -> None:
        done = sum(alerts.resolve(alert, user=request.user) for alert in queryset)
        self.message_user(request, _("%(count)d alerts are resolved.") % {"count": done})

    def has_handle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("mltraining.change_alert")
