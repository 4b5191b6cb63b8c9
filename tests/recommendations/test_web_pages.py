"""Every page in both languages: its status, its frame, nothing that the content security policy would block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory

from hairme.common.errors import MESSAGES
from hairme.common.models import Job
from hairme.common.pages import error_page
from tests.recommendations.pages import Page, finished_analysis, load_styles, new_analysis

PAGES = (
    "home",
    "styles",
    "styles-empty",
    "style",
    "style-face",
    "history",
    "history-empty",
    "privacy",
    "result",
    "progress",
    "failed",
    "delete",
)
LANGUAGES = ("ko", "en")


def addresses(client: Client) -> dict[str, str]:
    """An address for every page, and what has to be in the database behind it."""
    load_styles()
    session = client.session
    session["visitor"] = "browser"
    session.save()
    result = finished_analysis(visitor="browser")
    failed = new_analysis(state=Job.State.FAILED, job_error_code="too_dark", visitor="browser")
    running = new_analysis(state=Job.State.RUNNING, job_stage="reading", visitor="browser")
    style = result.recommendations.get(rank=1).style
    assert style is not None
    return {
        "home": "/",
        "styles": "/styles/",
        "styles-empty": "/styles/?length=buzz&fringe=full",
        "style": f"/styles/{style.slug}/",
        "style-face": f"/styles/{style.slug}/?face=mine",
        "history": "/history/",
        "history-empty": "/history/?page=1",
        "privacy": "/privacy/",
        "result": f"/analyses/{result.pk}/",
        "progress": f"/analyses/{running.pk}/",
        "failed": f"/analyses/{failed.pk}/",
        "delete": f"/analyses/{result.pk}/delete/",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_page(client: Client, name: str, language: str) -> None:
    address = addresses(client)[name]
    client.cookies["django_language"] = language
    visitor = Client() if name == "history-empty" else client
    visitor.cookies["django_language"] = language
    response = visitor.get(address)
    page = Page(response)
    assert response.status_code == 200
    assert page.headings == 1
    assert page.language == language
    assert page.inline == []
    assert len(page.ids) == len(set(page.ids)), sorted(i for i in page.ids if page.ids.count(i) > 1)
    assert all(asset.startswith("/") for asset in page.assets)
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_korean_comes_first_and_english_is_what_the_browser_may_ask_for(client: Client) -> None:
    assert Page(client.get("/")).language == "ko"
    assert Page(client.get("/", headers={"Accept-Language": "en-GB"})).language == "en"
    assert Page(client.get("/", headers={"Accept-Language": "fr"})).language == "ko"


@pytest.mark.django_db
def test_first_page_is_light(client: Client) -> None:
    load_styles()
    response = client.get("/")
    page = Page(response)
    assert len(page.assets) < 20
    size = len(response.content)
    for asset in page.assets:
        if asset.startswith("/static/"):
            found = finders.find(asset.removeprefix("/static/"))
            assert found, asset
            with open(found, "rb") as file:
                size += len(file.read())
        else:
            size += len(client.get(asset, headers={"Accept-Encoding": "gzip"}).content)
    assert size < 150_000


@pytest.mark.parametrize("code", sorted(MESSAGES))
@pytest.mark.parametrize("language", LANGUAGES)
def test_error_page_needs_no_database_and_says_what_to_do(rf: RequestFactory, code: str, language: str) -> None:
    from django.utils import translation

    request = rf.get("/somewhere/")
    with translation.override(language):
        response = error_page(request, code)
        text = MESSAGES[code][1]
        expected = text[language] if isinstance(text, Mapping) else str(text)
    page = Page(response)
    assert response.status_code == MESSAGES[code][0]
    assert page.headings == 1
    assert page.language == language
    assert page.inline == []
    if "{" not in expected:
        assert expected in page.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/nothing-here/", "/styles/no-such-style/", "/analyses/1/", "/analyses/1/delete/", "/analyses/1/progress/"]
)
def test_unknown_address_is_a_404_page(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert Page(response).headings == 1


@pytest.mark.django_db
def test_error_page_of_a_post_leads_on_by_get(client: Client) -> None:
    """The language and theme forms of a page that answered a POST must not lead back to an address that only takes POST."""
    response = client.post("/analyses/1/retry/")
    assert response.status_code == 404
    assert 'name="next" value="/"' in response.content.decode()


def post_theme(client: Client, **data: Any) -> Any:
    return client.post("/theme/", data)


@pytest.mark.django_db
def test_theme_is_kept_in_a_cookie_and_given_up_again(client: Client) -> None:
    assert "data-theme=" not in client.get("/").content.decode().split(">")[1]
    response = post_theme(client, theme="dark", next="/styles/")
    assert (response.status_code, response.headers["Location"]) == (302, "/styles/")
    assert 'data-theme="dark"' in client.get("/").content.decode()
    post_theme(client, theme="auto")
    assert client.cookies["theme"].value == ""
    assert 'data-theme="' not in client.get("/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_theme_leads_to_no_other_site(client: Client, target: str) -> None:
    assert post_theme(client, theme="light", next=target).headers["Location"] == "/"


@pytest.mark.django_db
def test_unknown_theme_in_the_cookie_is_ignored(client: Client) -> None:
    client.cookies["theme"] = '"><script>'
    assert 'data-theme="' not in client.get("/").content.decode()


@pytest.mark.django_db
def test_components_are_for_staff(client: Client, admin_client: Client) -> None:
    load_styles()
    assert client.get("/components/").status_code == 302
    page = Page(admin_client.get("/components/"))
    assert page.headings == 1
    assert page.inline == []


@pytest.mark.django_db
def test_privacy_says_whether_gemini_sees_the_photo(client: Client, settings: Any) -> None:
    settings.GEMINI_API_KEY = ""
    client.cookies["django_language"] = "en"
    assert "no other service sees it" in Page(client.get("/privacy/")).text
    settings.GEMINI_API_KEY = "key"
    text = Page(client.get("/privacy/")).text
    assert "Gemini" in text
    assert "no other service sees it" not in text
    assert "Gemini" in Page(client.get("/")).text
