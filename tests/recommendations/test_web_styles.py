"""The catalogue's pages: filters, pages, parts for htmx, drawings."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from recommendations.engine.vocabulary import FACE_SHAPES
from recommendations.models import Style
from tests.recommendations.pages import Page, finished_analysis, load_styles

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue_in_english(client: Client) -> None:
    load_styles()
    client.cookies["django_language"] = "en"


def shown(html: str) -> list[str]:
    return re.findall(r'class="card-title"><a href="/styles/([\w-]+)/"', html)


def test_filters_are_honoured_and_kept_across_pages(client: Client) -> None:
    html = client.get("/styles/?presentation=feminine").content.decode()
    fitting = Style.objects.filter(presentations__overlap=["feminine", "any"])
    assert fitting.count() > 24
    assert len(shown(html)) == 24
    assert set(shown(html)) <= set(fitting.values_list("slug", flat=True))
    assert 'href="?presentation=feminine&amp;page=2"' in html
    assert f"{fitting.count()} styles" in html
    second = shown(client.get("/styles/?presentation=feminine&page=2").content.decode())
    assert second
    assert not set(second) & set(shown(html))


def test_htmx_gets_the_grid_and_the_new_count_alone(client: Client) -> None:
    response = client.get("/styles/?length=chin", headers={"HX-Request": "true", "HX-Target": "styles"})
    html = response.content.decode()
    assert "<html" not in html
    assert shown(html)
    assert re.search(r'id="styles-count"[^>]*hx-swap-oob', html)
    assert "HX-Target" in response.headers["Vary"]
    assert "<html" in client.get("/styles/?length=chin").content.decode()


@pytest.mark.usefixtures("catalogue")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("query", "cut"), [("히메컷", "hime-cut"), ("wolf cut", "wolf-cut")])
def test_search_goes_by_meaning(client: Client, query: str, cut: str) -> None:
    page = Page(client.get("/styles/", {"q": query}))
    first = Style.objects.get(slug=shown(page.html)[0])
    assert first.cut.slug == cut
    assert query in page.text
    assert f'value="{query}"' in page.html
    assert "q=" in re.findall(r'rel="next" href="([^"]+)"', page.html)[0]


def test_nothing_found_offers_the_way_back(client: Client) -> None:
    page = Page(client.get("/styles/?length=buzz&fringe=full"))
    assert "No style fits all of that" in page.text
    assert shown(page.html) == []


@pytest.mark.parametrize("query", ["?length=no-such-length", "?page=999", "?page=x", "?upkeep=%00"])
def test_odd_queries_show_styles(client: Client, query: str) -> None:
    response = client.get(f"/styles/{query}")
    assert response.status_code == 200
    assert shown(response.content.decode())


def test_what_a_visitor_types_is_escaped(client: Client) -> None:
    response = client.get("/styles/", {"length": "buzz", "fringe": "full", "q": ""})
    assert response.status_code == 200
    html = client.get("/styles/?fringe=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").content.decode()
    assert "<script>alert" not in html


def test_style_page_tells_all_a_hairdresser_needs(client: Client) -> None:
    style = Style.objects.exclude(aliases=[]).first()
    assert style is not None
    page = Page(client.get(f"/styles/{style.slug}/"))
    for text in (
        style.name_en,
        style.description_en,
        style.why_en,
        style.cost_en,
        style.aliases[0],
        f"{style.daily_minutes} min",
    ):
        assert text in page.text
    assert page.html.count("<svg xmlns") == 1


def test_style_is_drawn_on_each_face_shape_and_on_ones_own(client: Client) -> None:
    style = Style.objects.first()
    assert style is not None

    def drawn(face: str) -> str:
        html = client.get(f"/styles/{style.slug}/?face={face}").content.decode()
        return re.sub(r"\bn\d+-\w+-", "", html[html.index("<svg xmlns") :].split("</svg>")[0])

    pictures = {face: drawn(face) for face in FACE_SHAPES}
    assert len(set(pictures.values())) == len(FACE_SHAPES)
    assert drawn("nonsense") == pictures["oval"]
    assert "My face" not in client.get(f"/styles/{style.slug}/").content.decode()
    session = client.session
    session["visitor"] = "me"
    session.save()
    finished_analysis(visitor="me")
    assert "My face" in client.get(f"/styles/{style.slug}/").content.decode()
    assert drawn("mine") not in pictures.values()


def test_withdrawn_style_says_so_and_is_not_listed(client: Client) -> None:
    style = Style.objects.order_by("cut__slug", "slug").first()
    assert style is not None
    Style.objects.filter(pk=style.pk).update(is_active=False)
    assert "no longer recommend" in client.get(f"/styles/{style.slug}/").content.decode()
    assert style.slug not in shown(client.get("/styles/").content.decode())


def test_drawing_is_kept_by_browsers_and_asked_for_again_only_when_changed(client: Client) -> None:
    style = Style.objects.first()
    assert style is not None
    address = f"/styles/{style.slug}/sketch.svg"
    response = client.get(address)
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "max-age=86400" in response.headers["Cache-Control"]
    assert response.content.startswith(b"<svg xmlns")
    again = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(response.content) / 2
    assert client.get(f"{address}?face=round").content != response.content
    assert client.get("/styles/none/sketch.svg").status_code == 404


def test_drawing_follows_a_staff_edit(client: Client) -> None:
    style = Style.objects.filter(fringe="none", length="long").first()
    assert style is not None
    before = client.get(f"/styles/{style.slug}/sketch.svg").content
    style.fringe = "full"
    style.save()
    assert client.get(f"/styles/{style.slug}/sketch.svg").content != before
