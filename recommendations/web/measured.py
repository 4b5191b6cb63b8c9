"""The page of measurements: how often the reading that is live is right, how steady it is, and where it fails."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ..services.measured import colour_figures, live_card, live_versions
from .measured_colour import present_colour
from .measured_figures import present


@require_GET
def measured(request: HttpRequest) -> HttpResponse:
    figures = {**present(live_card()), "colour": present_colour(colour_figures()), "versions": live_versions()}
    return render(request, "recommendations/measured.html", figures)
