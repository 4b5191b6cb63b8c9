"""From the photo form to the result, without a browser and without JavaScript."""

from __future__ import annotations

import copy
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from hairme.common.models import Job
from recommendations.engine.types import Wishes
from recommendations.models import Analysis, private_storage
from tests.recommendations.pages import Page, astronaut_reading, finished_analysis, load_styles, new_analysis

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english(client: Client) -> None:
    client.cookies["django_language"] = "en"


def photo(content: bytes | None = None, name: str = "me.jpg") -> SimpleUploadedFile:
    if content is None:
        stream = io.BytesIO()
        Image.new("RGB", (320, 400), "#c9a58b").save(stream, "JPEG")
        content = stream.getvalue()
    return SimpleUploadedFile(name, content)


def give(client: Client, file: Any = None, **fields: Any) -> Any:
    return client.post("/analyses/", {"file": photo() if file is None else file, "once": "once-1", **fields})


def test_form_works_without_scripts(client: Client) -> None:
    response = give(client, presentation="feminine", length=["chin", "shoulder"], upkeep="low", hair_type="wavy")
    analysis = Analysis.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/analyses/{analysis.pk}/")
    assert analysis.wishes == {"presentation": "feminine", "lengths": ["chin", "shoulder"], "upkeep": "low", "hair_type": "wavy"}
    assert analysis.visitor == client.session["visitor"] != ""
    page = client.get(f"/analyses/{analysis.pk}/")
    assert '<noscript><meta http-equiv="refresh"' in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    private_storage().delete(analysis.photo.name)


def test_the_same_form_sent_twice_is_one_analysis(client: Client) -> None:
    first, second = give(client), give(client)
    assert first.headers["Location"] == second.headers["Location"]
    assert Analysis.objects.count() == Job.objects.count() == 1
    give(client, once="once-2")
    assert Analysis.objects.count() == 2
    for analysis in Analysis.objects.all():
        private_storage().delete(analysis.photo.name)


@pytest.mark.parametrize(
    ("file", "status", "said"),
    [
        ("", 400, "Choose a photo first."),
        (photo(b""), 400, "The file is empty."),
        (photo(b"not a picture at all" * 9), 415, "This kind of file cannot be read."),
        (photo(b"\xff\xd8\xff\xe0" + bytes(15 * 1024 * 1024)), 413, "The file is too large."),
    ],
    ids=["none", "empty", "no picture", "too large"],
)
def test_what_cannot_be_a_photo_is_said_in_the_form(client: Client, file: Any, status: int, said: str) -> None:
    response = give(client, file, presentation="masculine", length="crop")
    page = Page(response)
    assert response.status_code == status
    assert said in page.text
    assert page.headings == 1
    assert Analysis.objects.count() == 0
    assert re.search(r'value="masculine"[^>]* checked', page.html)
    assert re.search(r'value="crop"[^>]* checked', page.html)
    assert 'name="once" value="once-1"' not in page.html  # the next try is a new one


def test_unknown_wish_is_refused(client: Client) -> None:
    assert give(client, presentation="alien").status_code == 400
    assert Analysis.objects.count() == 0


def test_the_forms_address_opened_by_hand_leads_to_the_first_page(client: Client) -> None:
    assert client.get("/analyses/").headers["Location"] == "/"


def test_wishes_in_the_address_fill_the_form(client: Client) -> None:
    html = client.get("/?presentation=feminine&length=chin&length=long&upkeep=low").content.decode()
    for value in ("feminine", "chin", "long", "low"):
        assert f'value="{value}"' in html
    assert html.count(" checked") == 5  # these four, and "not sure" of the hair type
    assert '<details class="wishes" open>' in html
    assert '<details class="wishes">' in client.get("/").content.decode()


def test_progress_is_silent_until_something_changes(client: Client) -> None:
    analysis = new_analysis(state=Job.State.RUNNING, job_stage="reading")
    address = f"/analyses/{analysis.pk}/progress/"
    part = client.get(address)
    assert part.status_code == 200
    assert "?seen=reading" in part.content.decode()
    assert "<html" not in part.content.decode()
    assert client.get(f"{address}?seen=reading").status_code == 204
    assert client.get(f"{address}?seen=waiting").status_code == 200
    Job.objects.update(stage="advising")
    assert "Choosing styles" in client.get(f"{address}?seen=reading").content.decode()
    Analysis.objects.update(created_at=timezone.now() - timedelta(seconds=30))
    slow = client.get(f"{address}?seen=advising")
    assert slow.status_code == 200
    assert "longer than usual" in slow.content.decode()


@pytest.mark.parametrize("state", [Job.State.SUCCEEDED, Job.State.FAILED, Job.State.CANCELLED])
def test_progress_ends_with_the_whole_page(client: Client, state: str) -> None:
    response = client.get(f"/analyses/{new_analysis(state=state).pk}/progress/")
    assert response.status_code == 286
    assert response.headers["HX-Refresh"] == "true"


def test_failure_of_the_photo_asks_for_another(client: Client) -> None:
    page = Page(client.get(f"/analyses/{new_analysis(state=Job.State.FAILED, job_error_code='too_dark').pk}/"))
    assert "The face is too dark. Face a window and take it again." in page.text
    assert "Give another photo" in page.text
    assert "/retry/" not in page.html


def test_failure_of_ours_can_be_tried_again_with_the_same_photo(client: Client) -> None:
    analysis = new_analysis(state=Job.State.FAILED, job_error_code="worker_lost", photo="uploads/kept")
    page = Page(client.get(f"/analyses/{analysis.pk}/"))
    assert f'action="/analyses/{analysis.pk}/retry/"' in page.html
    assert "The work was interrupted several times." in page.text
    assert client.post(f"/analyses/{analysis.pk}/retry/").headers["Location"] == f"/analyses/{analysis.pk}/"
    analysis.job.refresh_from_db()
    assert analysis.job.state == Job.State.QUEUED


def test_cancelled_analysis_offers_no_retry(client: Client) -> None:
    analysis = new_analysis(state=Job.State.CANCELLED, photo="uploads/kept")
    page = Page(client.get(f"/analyses/{analysis.pk}/"))
    assert "This was stopped" in page.text
    assert "/retry/" not in page.html


@pytest.mark.parametrize("path", ["", "progress/", "delete/"])
def test_a_signed_in_persons_analysis_is_theirs_alone(client: Client, path: str) -> None:
    owner = get_user_model().objects.create_user("owner", "owner@example.org", "secret-word-9")
    stranger = get_user_model().objects.create_user("stranger", "stranger@example.org", "secret-word-9")
    analysis = new_analysis(user=owner)
    address = f"/analyses/{analysis.pk}/{path}"
    assert client.get(address).status_code == 404
    client.force_login(stranger)
    assert client.get(address).status_code == 404
    assert client.post(f"/analyses/{analysis.pk}/delete/").status_code == 404
    client.force_login(owner)
    assert client.get(address).status_code == 200


def test_deleting_asks_first_and_then_says_so(client: Client) -> None:
    load_styles()
    analysis = finished_analysis()
    assert "cannot be undone" in client.get(f"/analyses/{analysis.pk}/delete/").content.decode()
    assert Analysis.objects.filter(pk=analysis.pk).exists()
    response = client.post(f"/analyses/{analysis.pk}/delete/", follow=True)
    assert response.redirect_chain == [("/history/", 302)]
    assert "has been deleted" in Page(response).text
    assert not Analysis.objects.filter(pk=analysis.pk).exists()


def reading_with(shape: str, season: str, warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    reading = copy.deepcopy(astronaut_reading())
    reading["face_shape"]["decision"] = shape
    reading["colour"]["season"]["decision"] = season
    reading["quality"]["issues"] = [{"code": code, "severity": "warn"} for code in warnings]
    return reading


@pytest.mark.parametrize(
    ("shape", "season", "said"),
    [
        ("clear", "clear", ("Your face reads as", "Your colouring is", "stands out at")),
        ("mixed", "mixed", ("Your face is between", "Your colouring leans towards", "are both likely")),
        ("unsure", "unsure", ("Your face fits no single shape", "does not settle your colouring", "come first, but not clearly")),
    ],
)
def test_result_says_how_sure_it_is(client: Client, shape: str, season: str, said: tuple[str, ...]) -> None:
    load_styles()
    page = Page(client.get(f"/analyses/{finished_analysis(reading=reading_with(shape, season)).pk}/"))
    for sentence in said:
        assert sentence in page.text


def test_result_shows_reading_styles_and_who_advised(client: Client) -> None:
    load_styles()
    analysis = finished_analysis(
        reading=reading_with("clear", "clear", ("dim", "covered_forehead")), wishes=Wishes(presentation="feminine"), language="en"
    )
    page = Page(client.get(f"/analyses/{analysis.pk}/"))
    items = list(analysis.recommendations.order_by("rank"))
    assert len(items) == 7
    for item in items:
        assert item.style_name in page.text
        assert item.reason in page.text
        assert item.drawback in page.text
        assert f'id="style-{item.pk}"' in page.html
    assert page.html.count('class="sketch"') == 7
    assert "The light is dim." in page.text
    assert "The forehead is covered." in page.text
    assert "Face length to width" in page.text
    assert "Gemini is not connected on this server" in page.text
    assert "99 styles that fit your wishes: Feminine" in page.text
    assert "/?presentation=feminine" in page.html


def test_suggestion_outside_the_catalogue_is_shown_without_a_link(client: Client) -> None:
    load_styles()
    analysis = finished_analysis()
    analysis.recommendations.filter(rank=1).update(style=None, style_name="Cloud bob", source="gemini")
    page = Page(client.get(f"/analyses/{analysis.pk}/"))
    assert "Cloud bob" in page.text
    assert "Gemini" in page.text
    assert page.html.count('class="sketch"') == 6
    assert client.get("/history/").status_code == 200


def test_result_without_any_style_says_why(client: Client) -> None:
    assert "No style fits all of these wishes" in Page(client.get(f"/analyses/{finished_analysis().pk}/")).text


def test_history_is_this_browsers_own(client: Client) -> None:
    load_styles()
    session = client.session
    session["visitor"] = "mine"
    session.save()
    mine, other = finished_analysis(visitor="mine"), finished_analysis(visitor="another")
    for address in ("/history/", "/"):
        html = client.get(address).content.decode()
        assert f"/analyses/{mine.pk}/" in html
        assert f"/analyses/{other.pk}/" not in html
    assert "Nothing here yet" in Client(headers={"Accept-Language": "en"}).get("/history/").content.decode()
