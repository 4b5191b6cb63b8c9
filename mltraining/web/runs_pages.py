from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HTMX_STOP_POLLING

from hairme.common.errors import ApplicationError
from hairme.common.staff import add_page, staff_only, staff_page
from recommendations.selectors import SCORER

from ..learn.architectures import ARCHITECTURES
from ..models import TrainingRun
from ..selectors import training as reads
from ..services import retraining
from . import run_figures

HERE = "staff-runs"
PER_PAGE = 20


class StartForm(forms.Form):
    architecture = forms.ChoiceField(label=gettext_lazy("Architecture"), choices=[(name, name) for name in ARCHITECTURES])
    min_feedbacks = forms.IntegerField(
        label=gettext_lazy("Fewest reactions"), min_value=1, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )
    force_experiment = forms.BooleanField(label=gettext_lazy("Try it on people whatever the hold-out says"), required=False)


@staff_only
@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    return _list(request, _form())


@staff_only
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Form: ``StartForm``."""
    _may_change(request)
    form = StartForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=400)
    try:
        run = retraining.start_retraining(TrainingRun.Trigger.STAFF, **form.cleaned_data, **_who(request))
    except ApplicationError as error:
        return _list(request, form, problem=error)
    return redirect("staff-run", number=run.pk)


@staff_only
@require_safe
def run(request: HttpRequest, number: int) -> HttpResponse:
    return _page(request, _known(number))


@staff_only
@require_safe
def progress(request: HttpRequest, number: int) -> HttpResponse:
    """The moving part alone, asked for by htmx; at the end the browser is sent to the whole page. ``seen``: what it shows now."""
    found = _known(number)
    if found.is_final:
        return HttpResponse(status=HTMX_STOP_POLLING, headers={"HX-Refresh": "true"})
    context = run_figures.live(found)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "staff/run_live.html", context)


@staff_only
@require_POST
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    _may_change(request)
    found = _known(number)
    try:
        retraining.cancel_run(found, actor=_who(request)["actor"])
    except ApplicationError as error:
        return _page(request, _known(number), problem=error)
    messages.success(request, _("The run is cancelled. The champion is as it was."))
    return redirect("staff-run", number=number)


def _list(request: HttpRequest, form: StartForm, problem: ApplicationError | None = None, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "runs": Paginator(reads.runs(), PER_PAGE).get_page(request.GET.get("page")),
        "form": form,
        "may_change": request.user.has_perm("mltraining.change_trainingrun"),
        "problem": problem,
    }
    return staff_page(request, "staff/runs.html", context, here=HERE, status=problem.status if problem else status)


def _page(request: HttpRequest, found: TrainingRun, problem: ApplicationError | None = None) -> HttpResponse:
    context: dict[str, Any] = {
        **run_figures.live(found),
        "gate": run_figures.gate_rows(found),
        "checks": run_figures.check_rows(found),
        "data": run_figures.data_figures(found),
        "params": run_figures.param_rows(found),
        "may_change": request.user.has_perm("mltraining.change_trainingrun"),
        "problem": problem,
    }
    return staff_page(request, "staff/run.html", context, here=HERE, status=problem.status if problem else 200)


def _form() -> StartForm:
    champion = retraining.champions_architecture(SCORER) or ARCHITECTURES[0]
    return StartForm(initial={"architecture": champion, "min_feedbacks": settings.RETRAIN_MIN_FEEDBACKS})


def _known(number: int) -> TrainingRun:
    found: TrainingRun = get_object_or_404(reads.runs(), pk=number)
    return found


def _may_change(request: HttpRequest) -> None:
    if not request.user.has_perm("mltraining.change_trainingrun"):
        raise PermissionDenied


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": f"staff:{request.user.get_username()}", "user": request.user}


add_page(20, gettext_lazy("Runs"), HERE)
urlpatterns: list[URLPattern] = [
    path("runs/", runs, name="staff-runs"),
    path("runs/start/", start, name="staff-run-start"),
    path("runs/<int:number>/", run, name="staff-run"),
    path("runs/<int:number>/progress/", progress, name="staff-run-progress"),
    path("runs/<int:number>/cancel/", cancel, name="staff-run-cancel"),
]
