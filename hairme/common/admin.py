from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from . import jobs
from .models import Job, OutboxEvent


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the program writes."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "task", "queue", "state", "stage", "attempts", "error_code", "created_at", "finished_at")
    list_filter = ("state", "queue", "task", "error_code")
    search_fields = ("=id", "request_id")
    actions = ("retry_failed",)

    @admin.action(description=_("Try the selected failed jobs again"), permissions=("retry",))
    def retry_failed(self, request: HttpRequest, queryset: Any) -> None:
        again = sum(jobs.retry(job) for job in queryset)
        self.message_user(request, _("%(count)d jobs queued again.") % {"count": again})

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("common.change_job")


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "topic", "key", "occurred_at", "relayed_at")
    list_filter = ("topic",)
    search_fields = ("=key", "request_id")
