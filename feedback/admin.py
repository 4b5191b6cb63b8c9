from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hairme.common.admin import ReadOnlyAdmin

from .models import ConsumedEvent, PoisonMessage, Reaction, ReactionEntry, StreamOffset, WindowAggregate
from .stream import poison


@admin.register(Reaction)
class ReactionAdmin(ReadOnlyAdmin):
    list_display = ("id", "hairstyle", "reaction", "source", "ml_score", "face_shape", "skin_tone", "changes", "created_at")
    list_filter = ("reaction", "source", "face_shape", "skin_tone")
    search_fields = ("hairstyle", "=analysis__id")
    list_select_related = False


@admin.register(ReactionEntry)
class ReactionEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "analysis_id", "recommendation_id", "reaction", "at")
    list_filter = ("reaction",)
    search_fields = ("=analysis__id", "=recommendation__id")
    date_hierarchy = "at"
    list_select_related = False


@admin.register(StreamOffset)
class StreamOffsetAdmin(ReadOnlyAdmin):
    list_display = ("consumer", "stream_id", "events", "skipped", "kept_from", "moved_at")


@admin.register(ConsumedEvent)
class ConsumedEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "consumer", "event_id")
    search_fields = ("=event_id",)


@admin.register(WindowAggregate)
class WindowAggregateAdmin(ReadOnlyAdmin):
    list_display = ("window", "dimension", "value", "impressions", "likes", "dislikes", "analyses", "errors", "latency_ms")
    list_filter = ("dimension",)
    search_fields = ("=value",)
    date_hierarchy = "window"


@admin.register(PoisonMessage)
class PoisonMessageAdmin(ReadOnlyAdmin):
    list_display = ("stream_id", "reason", "outcome", "resolved_by", "at", "resolved_at")
    list_filter = ("outcome",)
    search_fields = ("=stream_id", "reason")
    actions = ("try_again", "dismiss")

    @admin.action(description=_("Take the selected messages in, if possible"), permissions=("resolve",))
    def try_again(self, request: HttpRequest, queryset: QuerySet[PoisonMessage]) -> None:
        waiting = queryset.filter(outcome=PoisonMessage.Outcome.WAITING)
        reasons = [poison.retry(message, actor=self._actor(request)) for message in waiting]
        taken_in = reasons.count("")
        level = messages.SUCCESS if taken_in == len(reasons) else messages.WARNING
        said = _("%(taken_in)d taken in, %(left)d still set aside.") % {"taken_in": taken_in, "left": len(reasons) - taken_in}
        self.message_user(request, said, level)

    @admin.action(description=_("Dismiss the selected messages"), permissions=("resolve",))
    def dismiss(self, request: HttpRequest, queryset: QuerySet[PoisonMessage]) -> None:
        waiting = list(queryset.filter(outcome=PoisonMessage.Outcome.WAITING))
        for message in waiting:
            poison.dismiss(message, actor=self._actor(request))
        self.message_user(request, _("%(count)d dismissed.") % {"count": len(waiting)})

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("feedback.change_poisonmessage")

    @staticmethod
    def _actor(request: HttpRequest) -> str:
        return f"staff:{request.user.get_username()}"
