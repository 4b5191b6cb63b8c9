"""The page of measurements says what the live model's card says, and nothing that the card lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from hairme.ml import artifacts
from recommendations.web.measured_figures import FRAME, PLOT, bins, compared, confusion, most_confused, percent
from tests.recommendations.pages import Page, finished_analysis, load_styles

FULL: dict[str, Any] = {
    "faces": 1234,
    "people": 56,
    "thresholds": {"clear": 0.8},
    "grouped": {
        "top1": 0.61, "top2": 0.83, "ece": 0.043, "log_loss": 1.02, "folds": {"top1": 0.02},
        "decisions": {"clear": {"share": 0.27, "top1": 0.88, "top2": 0.95}},
        "reliability": [{"from": 0.3, "count": 400, "confidence": 0.35, "accuracy": 0.31},
                        {"from": 0.9, "count": 100, "confidence": 0.95, "accuracy": 0.9}],
        "confusion": [[70, 10, 20, 0, 0], [0, 90, 10, 0, 0], [33, 7, 60, 0, 0], [0, 0, 0, 100, 0], [5, 5, 5, 5, 80]],
    },
    "random": {"top1": 0.77},
    "interior_only": {"grouped": {"top1": 0.52}},
    "threshold_rule": {"top1": 0.19, "answers": {"oval": 94, "round": 6}},
    "nearest_centroid": {"top1": 0.39},
    "photos": {
        "read": 42,
        "stability": {"mirrored": {"same_label": 0.99, "variation": 0.01}, "seen through glass": {"same_label": 0.71}},
        "light": {"tungsten (R+25 B-30 %)": {"season_kept": 0.64, "flips_marked_unsure": 0.97, "cast_seen": 0.9}},
    },
}  # fmt: skip
CLASSES = ["heart", "oblong", "oval", "round", "square"]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``live(metrics, **notes)`` makes a card with these the one that serves."""

    def install(metrics: dict[str, Any], **notes: str) -> None:
        store = artifacts.FolderStore(tmp_path)
        made = artifacts.write_artifact(
            tmp_path, name="face-shape", version="9.9.9", fill=lambda folder: None, dataset_hash="abc123def456789",
            metrics=metrics, features={"classes": CLASSES}, notes=notes, replace=True,
        )  # fmt: skip
        store.set_current(made)
        monkeypatch.setattr(artifacts, "_store", store)

    return install


def english(client: Client) -> Page:
    return Page(client.get("/measured/", headers={"Accept-Language": "en"}))


@pytest.mark.django_db
def test_every_figure_of_the_card_is_on_the_page(client: Client, live: Callable[..., None]) -> None:
    live(FULL, trained_on="On painted eggs.", fails_where="On real people.")
    page = english(client)
    assert page.headings == 1
    assert page.inline == []
    for words in (
        "right for about 61 of 100", "For 83 of 100", "to 27 of 100", "88 of 100 are right", "right for 19 of 100",
        "To 94 of 100 people the rule says “Oval”", "4 percentage points", "33 of 100 faces labelled “Oval” are read as “Heart”",
        "rises to 77 of 100", "right for 52 of 100", "61.0 ± 2.0", "seen through glass", "Mirrored", "Measured on 42 photos",
        "Light bulb (red +25 %, blue −30 %)", "On painted eggs.", "On real people.", "1,234", "9.9.9", "abc123def456…", "0.8",
    ):  # fmt: skip
        assert words in page.text, words


@pytest.mark.django_db
def test_what_the_card_lacks_is_left_out(client: Client, live: Callable[..., None]) -> None:
    live({})
    page = english(client)
    assert page.headings == 1
    assert "9.9.9" in page.text
    for words in ("of 100", "percentage points", "None", "How steady", "What is taken for what", "<svg class="):
        assert words not in page.text, words


@pytest.mark.django_db
def test_another_model_another_page(client: Client, live: Callable[..., None]) -> None:
    live(FULL)
    assert "about 61 of 100" in english(client).text
    live({**FULL, "grouped": {"top1": 0.34}})
    text = english(client).text
    assert "about 34 of 100" in text
    assert "about 61" not in text
    assert "What its words are worth" not in text


@pytest.mark.django_db
def test_notes_are_in_korean_where_the_card_has_them(client: Client, live: Callable[..., None]) -> None:
    live(FULL, trained_on="On painted eggs.", trained_on_ko="색칠한 달걀로 배웠어요.", fails_where="On real people.")
    page = Page(client.get("/measured/"))
    assert "색칠한 달걀로 배웠어요." in page.text
    assert "On painted eggs." not in page.text
    assert '<p class="small" lang="en">On real people.</p>' in page.html
    assert "On painted eggs." in english(client).text


@pytest.mark.django_db
def test_api_passes_the_card_on(client: Client, live: Callable[..., None]) -> None:
    live(FULL, trained_on="On painted eggs.")
    data = client.get("/api/v2/measured").json()["data"]
    assert data["metrics"] == FULL
    assert data["notes"] == {"trained_on": "On painted eggs."}
    assert data["classes"] == CLASSES
    assert data["model"]["version"] == data["versions"]["face-shape"] == "9.9.9"


@pytest.mark.django_db
def test_the_shipped_card_has_what_the_page_promises(client: Client) -> None:
    data = client.get("/api/v2/measured").json()["data"]
    assert data["metrics"]["grouped"]["top1"] > data["metrics"]["threshold_rule"]["top1"]
    assert set(data["versions"]) == {"face-shape", "hairstyle-scorer", "text-encoder"}
    first = percent(data["metrics"]["grouped"]["top1"])
    assert f"right for about {first} of 100" in english(client).text
    assert f"{first}명" in Page(client.get("/measured/")).text


@pytest.mark.django_db
def test_without_a_model_the_page_says_so(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_store", artifacts.FolderStore(tmp_path))
    assert client.get("/measured/").status_code == 503
    answer = client.get("/api/v2/measured")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "service_unavailable"


@pytest.mark.django_db
def test_it_is_linked_from_every_page_and_every_result(client: Client) -> None:
    load_styles()
    session = client.session
    session["visitor"] = "reader"
    session.save()
    result = finished_analysis(visitor="reader")
    assert client.get("/privacy/").content.decode().count('href="/measured/"') == 1
    for address in ("/", f"/analyses/{result.pk}/"):
        assert client.get(address).content.decode().count('href="/measured/"') == 2, address


def test_figures() -> None:
    low, high = bins(FULL["grouped"]["reliability"])
    assert (low.said, low.right, low.count) == (35, 31, 400)
    assert FRAME < low.x < high.x < PLOT
    assert 0 < high.y < low.y < PLOT - FRAME
    assert low.radius == pytest.approx(2 * high.radius)
    assert bins([]) == []
    assert [(share.key, share.percent) for share in compared(FULL, 5)] == [
        ("ours", 61), ("centroid", 39), ("chance", 20), ("rule", 19),
    ]  # fmt: skip
    assert compared({}, 5) == []
    rows = confusion(FULL["grouped"]["confusion"], CLASSES)
    assert [cell.percent for cell in rows[0].cells] == [70, 10, 20, 0, 0]
    assert [cell.right for cell in rows[1].cells] == [False, True, False, False, False]
    assert rows[3].cells[3].shade == 8
    assert most_confused([], CLASSES) is None
    assert most_confused([[5]], CLASSES[:1]) is None
