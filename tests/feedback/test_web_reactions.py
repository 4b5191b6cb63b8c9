"""Like, dislike and undo from a result page, with htmx and without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from feedback.models import Reaction
from recommendations.models import Recommendation
from tests.recommendations.pages import Page, finished_analysis, load_styles, new_analysis

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def item() -> Recommendation:
    load_styles()
    return finished_analysis().recommendations.get(rank=1)


def press(client: Client, item: Recommendation, reaction: Any, **headers: Any) -> Any:
    return client.post(
        "/reactions/", {"analysis_id": item.analysis_id, "impression_id": item.pk, "reaction": reaction}, headers=headers or None
    )


def pressed(html: str, item: Recommendation) -> dict[str, str]:
    return dict(re.findall(rf'id="(like|pass)-{item.pk}"[^>]*aria-pressed="(\w+)"', html))


def test_htmx_gets_the_buttons_alone_with_what_was_saved(client: Client, item: Recommendation) -> None:
    html = press(client, item, 1, **HTMX).content.decode()
    assert "<html" not in html
    assert pressed(html, item) == {"like": "true", "pass": "false"}
    assert "피드백이 저장되었습니다" in html
    assert f'id="undo-{item.pk}"' in html
    html = press(client, item, 0, **HTMX).content.decode()
    assert pressed(html, item) == {"like": "false", "pass": "true"}
    assert Reaction.objects.get().reaction == 0


def test_undo_takes_it_back(client: Client, item: Recommendation) -> None:
    press(client, item, 1, **HTMX)
    html = press(client, item, -1, **HTMX).content.decode()
    assert pressed(html, item) == {"like": "false", "pass": "false"}
    assert "undo-" not in html
    assert not Reaction.objects.exists()


def test_without_scripts_it_leads_back_to_the_same_card(client: Client, item: Recommendation) -> None:
    response = press(client, item, 1)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/analyses/{item.analysis_id}/#style-{item.pk}"
    html = client.get(response.headers["Location"]).content.decode()
    assert pressed(html, item) == {"like": "true", "pass": "false"}
    assert html.count('aria-pressed="true"') == 1


@pytest.mark.parametrize("reaction", ["2", "", "like"])
def test_odd_reactions_are_refused(client: Client, item: Recommendation, reaction: str) -> None:
    response = press(client, item, reaction)
    assert response.status_code == 400
    assert Page(response).headings == 1
    assert not Reaction.objects.exists()


def test_style_of_another_analysis_is_refused(client: Client, item: Recommendation) -> None:
    other = new_analysis()
    response = client.post("/reactions/", {"analysis_id": other.pk, "impression_id": item.pk, "reaction": 1})
    assert response.status_code == 404
    assert not Reaction.objects.exists()


def test_form_of_another_site_ends_on_a_page_that_says_so(item: Recommendation) -> None:
    response = press(Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"}), item, 1)
    assert response.status_code == 403
    assert "open too long" in Page(response).text
    assert not Reaction.objects.exists()
