from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from hairme.common.errors import ApplicationError
from hairme.common.staff import add_page, staff_only, staff_page

from ..models import Experiment
from ..selectors import experiments as reads
from ..services import experiments
from . import experiment_figures as drawn

HERE = "staff-experiments"


@staff_only
@require_safe
def all_experiments(request: HttpRequest) -> HttpResponse:
    """All experiments, the ready-made ones, and the power calculator (``?base=&lift=&people=&reactions=&icc=&horizon=``)."""
    return _list(request)


@staff_only
@require_safe
def one_experiment(request: HttpRequest, key: str) -> HttpResponse:
    return _page(request, _known(key))


@staff_only
@require_POST
def register(request: HttpRequest, key: str) -> HttpResponse:
    """Register a ready-made experiment and, with ``start``, let the first people in."""
    _may_change(request)
    try:
        experiment = experiments.create_ready_made(key, **_who(request))
        if "start" in request.POST:
            experiments.start(experiment, reason="started with one press", **_who(request))
    except ApplicationError as error:
        return _list(request, problem=error)
    return redirect("staff-experiment", key=experiment.key)


@staff_only
@require_POST
def start(request: HttpRequest, key: str) -> HttpResponse:
    """Form: ``reason``."""
    _may_change(request)
    experiment = _known(key)
    try:
        experiments.start(experiment, reason=request.POST.get("reason", ""), **_who(request))
    except ApplicationError as error:
        return _page(request, experiment, problem=error)
    messages.success(request, _("The first people are in."))
    return redirect("staff-experiment", key=key)


@staff_only
@require_POST
def kill(request: HttpRequest, key: str) -> HttpResponse:
    """The kill switch: one press, everybody gets the champion."""
    _may_change(request)
    experiment = _known(key)
    try:
        experiments.kill(experiment, reason=request.POST.get("reason", "").strip() or "stopped by hand", **_who(request))
    except ApplicationError as error:
        return _page(request, experiment, problem=error)
    messages.success(request, _("Stopped: everybody gets the champion."))
    return redirect("staff-experiment", key=key)


@staff_only
@require_POST
def take_out_of_force(request: HttpRequest, key: str) -> HttpResponse:
    """Form: ``reason``."""
    _may_change(request)
    experiment = _known(key)
    try:
        experiments.take_out_of_force(experiment, reason=request.POST.get("reason", ""), **_who(request))
    except ApplicationError as error:
        return _page(request, experiment, problem=error)
    messages.success(request, _("The winning method no longer serves everybody."))
    return redirect("staff-experiment", key=key)


def _list(request: HttpRequest, problem: ApplicationError | None = None) -> HttpResponse:
    asked = "base" in request.GET
    form = drawn.PowerForm(request.GET if asked else None)
    context: dict[str, Any] = {
        "experiments": reads.experiments(),
        "ready_made": [{"key": key, **fields} for key, fields in experiments.READY_MADE.items()],
        "form": form,
        "answer": form.answer() if asked and form.is_valid() else None,
        "may_change": request.user.has_perm("mltraining.change_experiment"),
        "problem": problem,
    }
    return staff_page(request, "staff/experiments.html", context, here=HERE, status=problem.status if problem else 200)


def _page(request: HttpRequest, experiment: Experiment, problem: ApplicationError | None = None) -> HttpResponse:
    looks = list(experiment.looks.order_by("day"))
    last = looks[-1] if looks else None
    novelty, segments = drawn.finding_rows(last)
    context: dict[str, Any] = {
        "experiment": experiment,
        "looks": looks[::-1],
        "last": last,
        "chart": drawn.sequence_chart(experiment, looks),
        "reach": f"{drawn.chart_reach(looks):.0%}",
        "arms": drawn.arm_rows(experiment, last),
        "exposed": f"{experiment.exposed_share:.0%}",
        "min_lift": f"{experiment.min_lift:.0%}",
        "guardrails": drawn.guardrail_rows(experiment, last),
        "ramp": [
            {"share": f"{share:.0%}", "is_now": step == experiment.ramp_step, "is_past": step < experiment.ramp_step}
            for step, share in enumerate(experiment.ramp)
        ],
        "reasons": drawn.reasons_of(experiment, last),
        "novelty": novelty,
        "segments": segments,
        "moves": experiment.transitions.select_related("user").order_by("-id"),
        "memo_text": json.dumps(experiment.memo, ensure_ascii=False, indent=2),
        "in_force": experiments.is_in_force(experiment),
        "may_change": request.user.has_perm("mltraining.change_experiment"),
        "problem": problem,
    }
    return staff_page(request, "staff/experiment.html", context, here=HERE, status=problem.status if problem else 200)


def _known(key: str) -> Experiment:
    found = reads.experiments().filter(key=key).first()
    if found is None:
        raise Http404(key)
    return found


def _may_change(request: HttpRequest) -> None:
    if not request.user.has_perm("mltraining.change_experiment"):
        raise PermissionDenied


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": f"staff:{request.user.get_username()}", "user": request.user}


add_page(30, gettext_lazy("Experiments"), HERE)
urlpatterns: list[URLPattern] = [
    path("experiments/", all_experiments, name="staff-experiments"),
    path("experiments/ready-made/<slug:key>/", register, name="staff-experiment-register"),
    path("experiments/<slug:key>/", one_experiment, name="staff-experiment"),
    path("experiments/<slug:key>/start/", start, name="staff-experiment-start"),
    path("experiments/<slug:key>/kill/", kill, name="staff-experiment-kill"),
    path("experiments/<slug:key>/out-of-force/", take_out_of_force, name="staff-experiment-out-of-force"),
]
