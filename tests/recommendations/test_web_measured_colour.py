"""The page of measurements says of the colour reading what was measured of it, its limits included."""

from __future__ import annotations

import pytest
from django.test import Client

from recommendations.services.measured import colour_figures
from recommendations.web.measured_colour import LIGHTS, present_colour
from recommendations.web.measured_figures import CHANGES
from tests.recommendations.pages import Page

FIGURES = {
    "as_they_are": {"photos": 31, "decisions": {"clear": 2, "mixed": 7, "unsure": 22}, "refused": 4},
    "all_changes": {"pairs": 600, "flips": 81, "flips_unmarked": 3},
    "lights": {"inside_warm_cool": 0.93},
    "exposures": {"inside_light_deep": 0.88},
    "changes": {
        "warm 4000 K": {"pairs": 31, "same_season": 0.5, "named": 0.1, "refused": 0.9, "flips_unmarked": 2},
        "seen through glass": {"pairs": 31, "same_season": 1.0, "named": 0.3, "refused": 0.1, "flips_unmarked": 0},
        "never readable": {"pairs": 0},
    },
}


def test_figures_become_rows() -> None:
    shown = present_colour(FIGURES)
    assert (shown["named"], shown["unmarked"], shown["warm_cool"], shown["light_deep"]) == (9, 3, 93, 88)
    assert [row["same"] for row in shown["changes"]] == [50, 100]
    assert shown["changes"][1] == {"label": "seen through glass", "same": 100, "named": 30, "refused": 10, "unmarked": 0}


def test_every_change_of_the_card_has_a_name_in_the_page() -> None:
    assert set(colour_figures()["changes"]) <= {*LIGHTS, *CHANGES}
    assert set(LIGHTS) <= set(colour_figures()["changes"])


@pytest.mark.django_db
def test_the_page_shows_the_shipped_card(client: Client) -> None:
    page = Page(client.get("/measured/", headers={"Accept-Language": "en"}))
    figures = colour_figures()
    everything, base = figures["all_changes"], figures["as_they_are"]
    assert page.inline == []
    for words in (
        "Colour, when the light changes",
        f"{base['photos']} photos were read again under other lights and exposures, {everything['pairs']} readings in all",
        f"In {everything['flips']} of them the season changed; in {everything['flips_unmarked']} it had been named in both",
        "Nobody in these photos has a known season",
        "Blue sky (10000 K), not balanced",
    ):
        assert words in page.text, words
