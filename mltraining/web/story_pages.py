from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from feedback.selectors import kpis
from hairme.common.staff import add_page, staff_only, staff_page
from recommendations.selectors import SCORER

from ..selectors import registry as registry_reads
from ..selectors import story as reads
from . import story_figures

HERE = "staff-story"
PER_PAGE = 60


@staff_only
@require_safe
def story(request: HttpRequest) -> HttpResponse:
    """What the site learned so far: like rates with every new champion, and everything that happened, the latest first."""
    since = reads.began()
    page = Paginator(reads.happened(), PER_PAGE).get_page(request.GET.get("page"))
    chart, marks = story_figures.like_chart(since) if since else (None, [])
    context = {
        "champion": registry_reads.champion(SCORER),
        "since": since,
        "total": kpis.total(since) if since else None,
        "chart": chart,
        "marks": marks,
        "page": page,
        "days": story_figures.by_day([story_figures.item(event) for event in page]),
    }
    return staff_page(request, "staff/story.html", context, here=HERE)


add_page(5, gettext_lazy("The story so far"), HERE)
urlpatterns: list[URLPattern] = [path("story/", story, name=HERE)]
