"""Pages about the site itself: what happens to data, light or dark, the components that pages are made of."""

from __future__ import annotations

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from ..models import Style
from .forms import WishesForm
from .presenters import AxisView, Share

COLOURS = (
    "paper", "surface", "raised", "sunken", "ink", "ink-2", "ink-3", "line", "line-strong", "accent", "accent-soft",
    "accent-line", "warn", "warn-soft",
)  # fmt: skip
THEME_COOKIE_AGE = 365 * 24 * 3600


@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    context = {"gemini": bool(settings.GEMINI_API_KEY), "keep_minutes": settings.UPLOAD_KEEP_MINUTES}
    return render(request, "recommendations/privacy.html", context)


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep light or dark in a cookie; anything else follows the system again."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        target = reverse("home")
    response = HttpResponseRedirect(target)
    theme = request.POST.get("theme", "")
    if theme in ("light", "dark"):
        response.set_cookie("theme", theme, max_age=THEME_COOKIE_AGE, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


@staff_member_required
@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Every token and component in its states, for whoever builds pages."""
    context = {
        "colours": COLOURS,
        "form": WishesForm(initial={"presentation": "feminine", "length": ["chin"]}),
        "style": Style.objects.offered().select_related("cut").first(),
        "shares": [Share("round", "round", 48), Share("oval", "oval", 32), Share("square", "square", 20)],
        "axis": AxisView(62, 48, 80),
    }
    return render(request, "recommendations/components.html", context)
