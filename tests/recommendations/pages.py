"""What page tests share: a small catalogue, finished analyses from a real reading, a look at the HTML that comes back."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from typing import Any

from django.utils import timezone

from hairme.common.models import Job
from recommendations.engine.catalogue import Catalogue, load_catalogue
from recommendations.engine.explain import explain
from recommendations.engine.types import FaceReading, Wishes
from recommendations.models import Analysis, Recommendation, Style
from recommendations.selectors import entry_of
from recommendations.services.catalogue import load_catalogue as load_into_database

#: Every fifth cut: all lengths and presentations, a fraction of the rows.
EVERY = 5


@cache
def astronaut_reading() -> dict[str, Any]:
    """A real reading of a real face, as an analysis stores it."""
    from skimage import data

    from recommendations.engine.reader import read_face

    return read_face(data.astronaut(), views=2).to_json()


@cache
def small_catalogue() -> Catalogue:
    whole = load_catalogue()
    cuts = whole.cuts[::EVERY]
    kept = {cut.slug for cut in cuts}
    return Catalogue(cuts, tuple(entry for entry in whole.entries if entry.cut in kept), "small")


def load_styles() -> None:
    load_into_database(small_catalogue())


def new_analysis(*, state: str = Job.State.QUEUED, **fields: Any) -> Analysis:
    """An analysis with its job; ``job_*`` fields go to the job, the others to the analysis."""
    of_job = {name.removeprefix("job_"): fields.pop(name) for name in list(fields) if name.startswith("job_")}
    job = Job.objects.create(task="recommendations.analyze", queue="inference", state=state, **of_job)
    return Analysis.objects.create(job=job, **{"photo_sha256": "0" * 64, "language": "ko", **fields})


def finished_analysis(*, reading: dict[str, Any] | None = None, wishes: Wishes | None = None, **fields: Any) -> Analysis:
    """A finished analysis with seven recommendations of the styles in the database."""
    stored = reading or astronaut_reading()
    face = FaceReading.from_json(stored)
    wishes = wishes or Wishes()
    analysis = new_analysis(
        state=Job.State.SUCCEEDED,
        reading=stored,
        face_shape=face.face_shape.label,
        season=face.colour.season.label,
        wishes=wishes.to_json(),
        completed_at=timezone.now(),
        **{"meta": {"advisor_status": "no_key", "styles_considered": 99, "versions": {"face-shape": "1"}}, **fields},
    )
    styles = list(Style.objects.select_related("cut").distinct("cut__slug").order_by("cut__slug", "slug"))
    for rank, style in enumerate(styles[:7], start=1):
        reason, drawback = explain(face, entry_of(style), analysis.language)
        Recommendation.objects.create(
            analysis=analysis,
            style=style,
            cut_slug=style.cut.slug,
            style_name=style.name_ko if analysis.language == "ko" else style.name_en,
            rank=rank,
            source=Recommendation.Source.STYLIST if rank < 5 else Recommendation.Source.ML,
            ml_score=95 - rank,
            reason=reason,
            drawback=drawback,
            model_version="hairstyle-scorer 1",
        )
    return analysis


class Page(HTMLParser):
    """The parts of an HTML page that tests look at."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.headings = 0
        self.language = ""
        self.ids: list[str] = []
        self.inline: list[str] = []  # what a strict content security policy would block
        self.assets: list[str] = []
        self.text = ""
        self._script = False
        self.html: str = response.content.decode()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.headings += tag == "h1"
        if tag == "html":
            self.language = values.get("lang") or ""
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "style" or "style" in values or any(name.startswith("on") for name in values):
            self.inline.append(self.get_starttag_text() or tag)
        if (tag == "script" and not values.get("src")) or str(values.get("href") or "").startswith("javascript:"):
            self.inline.append(self.get_starttag_text() or tag)
        if tag in ("script", "img") and values.get("src"):
            self.assets.append(str(values["src"]))
        if tag == "link" and values.get("rel") in ("stylesheet", "icon"):
            self.assets.append(str(values["href"]))

    def handle_data(self, data: str) -> None:
        self.text += data
