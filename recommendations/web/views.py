from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hairme.common.errors import ApplicationError, sentence
from hairme.common.models import Job

from ..engine import vocabulary
from ..engine.types import Wishes
from ..models import Analysis, Style
from ..selectors import analysis_for, history_of, related_styles, revision_state, search_styles
from ..services import analyses
from .corrections import kept_private, part_of, result_page
from .forms import PhotoForm, StyleSearchForm
from .sketches import neutral_sketch

HTMX_STOP_POLLING = 286
SLOW_AFTER = timedelta(seconds=12)  # from then on the progress page says that waiting is not needed

#: Drawn on the first page, as far as the catalogue offers them.
COVER_STYLES = ("c-curl-bob-wispy", "leaf-cut-perm", "hush-classic", "comma-hair-classic", "glam-deep-side")


def visitor_of(request: HttpRequest, *, make: bool = False) -> str:
    """The random name of this browser; made at its first analysis."""
    visitor: str = request.session.get("visitor", "")
    if not visitor and make:
        visitor = request.session["visitor"] = str(uuid.uuid4())
    return visitor


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first page; a query of wishes fills the form (``?presentation=feminine&length=chin``)."""
    given = {name: request.GET.get(name, "") for name in ("presentation", "upkeep", "hair_type")}
    return _home(request, _fresh_form({**given, "length": request.GET.getlist("length")}))


def _fresh_form(initial: dict[str, Any]) -> PhotoForm:
    return PhotoForm(initial={**initial, "once": uuid.uuid4().hex})


def _home(request: HttpRequest, form: PhotoForm, problem: str = "", status: int = 200) -> HttpResponse:
    cover = {style.slug: style for style in Style.objects.offered().filter(slug__in=COVER_STYLES)}
    context = {
        "form": form,
        "problem": problem,
        "recent": history_of(user=request.user, visitor=visitor_of(request)).filter(job__state=Job.State.SUCCEEDED)[:4],
        "cover": [cover[slug] for slug in COVER_STYLES if slug in cover],
        "style_count": Style.objects.offered().count(),
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_photos": settings.UPLOAD_MAX_PHOTOS,
        "max_megabytes": settings.UPLOAD_MAX_BYTES // 1024**2,
        "gemini": bool(settings.GEMINI_API_KEY),
    }
    return render(request, "recommendations/home.html", context, status=status)


@require_http_methods(["GET", "POST"])
def analyze(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":  # the address of a rejected photo, opened again
        return redirect("home")
    form = PhotoForm(request.POST, request.FILES)
    given = {name: request.POST.get(name, "") for name in ("presentation", "upkeep", "hair_type")} | {
        "length": request.POST.getlist("length")
    }
    if not form.is_valid():
        fault = next(iter(form.errors.get("file") or [_("Some of the wishes could not be read. Choose them again.")]))
        return _home(request, _fresh_form(given), str(fault), 400)
    try:
        files: list[Any] = request.FILES.getlist("file")
        first, *further = files
        analysis, created = analyses.start_analysis(
            photo=first,
            further=further,
            user=request.user,
            visitor=visitor_of(request, make=True),
            wishes=form.to_wishes(),
            language=get_language() or "ko",
            idempotency_key=form.cleaned_data["once"],
        )
    except ApplicationError as problem:
        if problem.field != "file":
            raise
        return _home(request, _fresh_form(given), problem.message, problem.status)
    if not created and analysis.visitor:  # a double click before there was a session: both belong to one browser
        request.session["visitor"] = analysis.visitor
    return redirect("analysis", analysis_id=analysis.pk)


@require_GET
def analysis(request: HttpRequest, analysis_id: int) -> HttpResponse:
    """The result, or how far it is, or why it failed."""
    row = analysis_for(user=request.user, analysis_id=analysis_id)
    if row.job.state == Job.State.SUCCEEDED:
        return result_page(request, row, part_of(row))
    if row.job.is_final:
        response = render(request, "recommendations/failed.html", _failure(row))
    else:
        response = render(request, "recommendations/progress.html", _progress(row))
    return kept_private(response)


@require_GET
def progress(request: HttpRequest, analysis_id: int) -> HttpResponse:
    """The progress part alone, asked for by htmx; at the end the browser is sent to the whole page.

    ``seen`` names what the browser shows: while that is still true there is nothing to swap, and screen readers stay silent.
    """
    row = analysis_for(user=request.user, analysis_id=analysis_id)
    if row.job.is_final and revision_state(row) == "pending":  # the result page waits for its new list
        return HttpResponse(status=204)
    if row.job.is_final:
        return HttpResponse(status=HTMX_STOP_POLLING, headers={"HX-Refresh": "true"})
    context = _progress(row)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "recommendations/partials/progress.html", context)


def _progress(row: Analysis) -> dict[str, Any]:
    stage = row.job.stage if row.job.state == Job.State.RUNNING and row.job.stage in ("reading", "advising") else "waiting"
    slow = timezone.now() - row.created_at > SLOW_AFTER
    return {"analysis": row, "job": row.job, "stage": stage, "slow": slow, "seen": f"{stage}-slow" if slow else stage}


def _failure(row: Analysis) -> dict[str, Any]:
    cancelled = row.job.state == Job.State.CANCELLED
    code = "cancelled" if cancelled else row.job.error_code or "internal_error"
    return {
        "analysis": row,
        "code": code,
        "message": sentence(code, row.job.error_params),
        "can_retry": bool(row.photo) and not cancelled,
        "about_photo": not row.photo and not cancelled,
    }


@require_POST
def retry(request: HttpRequest, analysis_id: int) -> HttpResponse:
    analyses.retry_analysis(analysis_for(user=request.user, analysis_id=analysis_id))
    return redirect("analysis", analysis_id=analysis_id)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, analysis_id: int) -> HttpResponse:
    row = analysis_for(user=request.user, analysis_id=analysis_id)
    if request.method == "GET":
        return render(request, "recommendations/delete.html", {"analysis": row})
    analyses.delete_analysis(row)
    messages.success(request, _("The analysis has been deleted, with everything that belonged to it."))
    return redirect("history")


@require_GET
def styles(request: HttpRequest) -> HttpResponse:
    form = StyleSearchForm(request.GET or None)
    text, wishes, fringe = "", Wishes(), None
    if form.is_bound and form.is_valid():
        text, wishes, fringe = form.cleaned_data["q"], form.to_wishes(), form.cleaned_data["fringe"] or None
    page = Paginator(search_styles(text=text, wishes=wishes, fringe=fringe), 24).get_page(request.GET.get("page"))
    part = request.headers.get("HX-Target") == "styles"
    template = "recommendations/partials/style_grid.html" if part else "recommendations/styles.html"
    response = render(request, template, {"form": form, "page": page, "text": text, "part": part})
    patch_vary_headers(response, ["HX-Target"])
    return response


@require_GET
def style(request: HttpRequest, slug: str) -> HttpResponse:
    """One style; ``?face=`` draws it on another face shape, ``?face=mine`` on the face of this browser's last result."""
    row = get_object_or_404(Style.objects.select_related("cut"), slug=slug)
    mine = history_of(user=request.user, visitor=visitor_of(request)).filter(job__state=Job.State.SUCCEEDED).first()
    face = request.GET.get("face", "oval")
    if face not in vocabulary.FACE_SHAPES and not (face == "mine" and mine):
        face = "oval"
    context = {
        "style": row,
        "related": related_styles(row),
        "face": face,
        "reading": mine.face if mine and face == "mine" else None,
        "has_own": mine is not None,
        "face_shapes": list(vocabulary.FACE_SHAPES),
        "flatters": [(shape, row.flatters.get(shape, 0)) for shape in vocabulary.FACE_SHAPES],
    }
    return render(request, "recommendations/style.html", context)


@gzip_page
@require_GET
def style_sketch(request: HttpRequest, slug: str) -> HttpResponse:
    """The drawing as a picture that browsers keep, for pages with many of them."""
    row = get_object_or_404(Style.objects.select_related("cut"), slug=slug)
    face = request.GET.get("face", "oval")
    drawn = neutral_sketch(row, face if face in vocabulary.FACE_SHAPES else "oval").encode()
    etag = f'W/"{hashlib.sha256(drawn).hexdigest()[:16]}"'
    response = HttpResponse(drawn, content_type="image/svg+xml", headers={"ETag": etag})
    patch_cache_control(response, public=True, max_age=86400)
    return get_conditional_response(request, etag=etag, response=response) or response


@require_GET
def history(request: HttpRequest) -> HttpResponse:
    page = Paginator(history_of(user=request.user, visitor=visitor_of(request)), 12).get_page(request.GET.get("page"))
    return render(request, "recommendations/history.html", {"page": page, "signed_in": request.user.is_authenticated})
