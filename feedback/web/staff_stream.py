"""How the event stream fares, and what was set aside from it."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from hairme.common.charts import LineChart, Series
from hairme.common.staff import add_page, staff_only, staff_page

from ..models import PoisonMessage
from ..selectors.kpis import events_by_hour
from ..stream import poison
from ..stream.state import stream_state

PER_PAGE = 20


@staff_only
@require_safe
def stream(request: HttpRequest) -> HttpResponse:
    waiting = PoisonMessage.objects.filter(outcome=PoisonMessage.Outcome.WAITING)
    resolved = PoisonMessage.objects.exclude(outcome=PoisonMessage.Outcome.WAITING).order_by("-resolved_at")[:PER_PAGE]
    context = {
        "state": stream_state(),
        "chart": _throughput(events_by_hour()),
        "waiting": Paginator(waiting, PER_PAGE).get_page(request.GET.get("page")),
        "resolved": resolved,
        "may_resolve": request.user.has_perm("feedback.change_poisonmessage"),
    }
    return staff_page(request, "staff/stream.html", context, here="staff-stream")


@staff_only
@require_POST
def retry(request: HttpRequest, number: int) -> HttpResponse:
    message = _message(request, number)
    reason = poison.retry(message, actor=_actor(request))
    if reason:
        messages.warning(
            request, _("%(entry)s still cannot be taken in: %(reason)s") % {"entry": message.stream_id, "reason": reason}
        )
    else:
        messages.success(request, _("%(entry)s is taken in.") % {"entry": message.stream_id})
    return redirect("staff-stream")


@staff_only
@require_POST
def dismiss(request: HttpRequest, number: int) -> HttpResponse:
    message = _message(request, number)
    poison.dismiss(message, actor=_actor(request))
    messages.success(request, _("%(entry)s is dismissed.") % {"entry": message.stream_id})
    return redirect("staff-stream")


def _message(request: HttpRequest, number: int) -> PoisonMessage:
    if not request.user.has_perm("feedback.change_poisonmessage"):
        raise PermissionDenied
    return get_object_or_404(PoisonMessage, pk=number)


def _actor(request: HttpRequest) -> str:
    return f"staff:{request.user.get_username()}"


def _throughput(hours: list[tuple[datetime, int]]) -> LineChart:
    texts = {float(place): f"{timezone.localtime(hour):%d. %H:%M}" for place, (hour, _n) in enumerate(hours)}
    happened = any(n for _hour, n in hours)
    points = [(float(place), float(n)) for place, (_hour, n) in enumerate(hours)] if happened else []
    return LineChart(
        _("Events by hour"), _("hour"), _("events"), [Series(_("events"), points)], x_texts=texts if happened else {}
    )


add_page(50, gettext_lazy("Stream"), "staff-stream")
urlpatterns: list[URLPattern] = [
    path("stream/", stream, name="staff-stream"),
    path("stream/<int:number>/retry/", retry, name="staff-stream-retry"),
    path("stream/<int:number>/dismiss/", dismiss, name="staff-stream-dismiss"),
]
