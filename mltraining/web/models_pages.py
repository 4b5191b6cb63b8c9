from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from hairme.common.errors import ApplicationError
from hairme.common.staff import add_page, staff_only, staff_page

from ..models import ModelAlias, ModelVersion
from ..selectors import registry as reads
from ..services import registry

MOVES_PER_PAGE = 20
NOTES = {
    "trained_on": gettext_lazy("Trained on"),
    "tested_how": gettext_lazy("Tested how"),
    "means": gettext_lazy("What the figures mean"),
    "fails_where": gettext_lazy("Where it fails"),
    "licence": gettext_lazy("Licence"),
}


@staff_only
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    return staff_page(request, "staff/models.html", {"models": reads.overview()}, here="staff-models")


@staff_only
@require_safe
def model(request: HttpRequest, name: str) -> HttpResponse:
    """``?version=``: whose card is shown, the champion's by default; ``?beside=``: the version it is compared with."""
    return _page(request, name)


@staff_only
@require_POST
def promote(request: HttpRequest, name: str) -> HttpResponse:
    """Form: ``version``, ``reason``."""
    _may_move(request)
    version = _known(name, request.POST.get("version", ""))
    try:
        registry.promote(version, reason=_reason(request), **_who(request))
    except ApplicationError as error:
        return _page(request, name, problem=error)
    messages.success(request, _("%(version)s is the champion.") % {"version": version.version})
    return redirect("staff-model", name=name)


@staff_only
@require_POST
def rollback(request: HttpRequest, name: str) -> HttpResponse:
    """Form: ``reason``."""
    _may_move(request)
    try:
        version = registry.rollback(name, reason=_reason(request), **_who(request))
    except ApplicationError as error:
        return _page(request, name, problem=error)
    messages.success(request, _("%(version)s is the champion again.") % {"version": version.version})
    return redirect("staff-model", name=name)


def _page(request: HttpRequest, name: str, problem: ApplicationError | None = None) -> HttpResponse:
    served, _source = reads.served(name)  # first: it may find out that files are damaged
    views = reads.views(name)
    if not views:
        raise Http404(name)
    aliases = reads.aliases(name)
    champion, previous = aliases.get(ModelAlias.Alias.CHAMPION), aliases.get(ModelAlias.Alias.PREVIOUS)
    shown = _known(name, request.GET["version"]) if "version" in request.GET else champion or views[0].version
    others = [view.version for view in views if view.version != shown]
    beside: ModelVersion | None
    if request.GET.get("beside"):
        beside = _known(name, request.GET["beside"])
    else:
        choices = (aliases.get(ModelAlias.Alias.CHALLENGER), champion, previous)
        beside = next((version for version in choices if version and version != shown), others[0] if others else None)
    context: dict[str, Any] = {
        "name": name,
        "views": views,
        "champion": champion,
        "previous": previous,
        "served": served,
        "shown": shown,
        "shown_view": next(view for view in views if view.version == shown),
        "notes": [(NOTES.get(key, key), text) for key, text in shown.card.get("notes", {}).items() if isinstance(text, str)],
        "params": sorted(
            (key, value) for key, value in shown.card.get("params", {}).items() if not isinstance(value, (dict, list))
        ),
        "files": sorted(shown.card.get("files", {}).items()),
        "others": others,
        "beside": beside,
        "compared": reads.compare(shown, beside or shown),
        "lineage": reads.lineage(views),
        "moves": Paginator(reads.transitions(name), MOVES_PER_PAGE).get_page(request.GET.get("page")),
        "may_move": request.user.has_perm("mltraining.change_modelalias"),
        "problem": problem,
    }
    return staff_page(request, "staff/models_one.html", context, here="staff-models", status=problem.status if problem else 200)


def _known(name: str, version: str) -> ModelVersion:
    found = ModelVersion.objects.filter(name=name, version=version).select_related("parent").first()
    if found is None:
        raise Http404(f"{name}@{version}")
    return found


def _may_move(request: HttpRequest) -> None:
    if not request.user.has_perm("mltraining.change_modelalias"):
        raise PermissionDenied


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": f"staff:{request.user.get_username()}", "user": request.user}


add_page(10, gettext_lazy("Models"), "staff-models")
urlpatterns: list[URLPattern] = [
    path("models/", models, name="staff-models"),
    path("models/<slug:name>/", model, name="staff-model"),
    path("models/<slug:name>/promote/", promote, name="staff-model-promote"),
    path("models/<slug:name>/rollback/", rollback, name="staff-model-rollback"),
]
