"""From a face to the merged list with Gemini as it is, good and bad: the shipped encoder and scorer, the real database."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from recommendations.engine.advisors.gemini import GeminiClient
from recommendations.engine.advisors.prompt import PROMPT_VERSION
from recommendations.engine.types import Wishes
from recommendations.selectors import text_encoder
from recommendations.services.catalogue import load_catalogue as load_into_database
from recommendations.services.recommend import Advice, recommend
from recommendations.services.style_vectors import build_style_vectors
from tests.recommendations.fake_gemini import FakeGemini, Reply, advised, blocked, failed
from tests.recommendations.gemini_cases import REASON_KO, catalogue, good, one_of_each_cut, photo, reading, style


@pytest.fixture(scope="module", autouse=True)
def _library_is_loaded() -> None:
    """Importing it takes seconds on a busy machine, which belong to no test's budget."""
    GeminiClient(key="any", model="any").warm()


@pytest.fixture
def with_gemini(db: None, settings: Any) -> Any:
    """``with_gemini(reply, ...)``: one recommendation while Gemini answers so; None: without a key."""
    load_into_database(catalogue())
    build_style_vectors(text_encoder())

    def call(reply: Reply | None, wishes: Wishes | None = None) -> Advice:
        with FakeGemini(reply or failed(500)) as server:
            settings.GEMINI_API_KEY = f"AIza{uuid.uuid4().hex}" if reply else ""
            settings.GEMINI_ENDPOINT = server.url
            settings.GEMINI_SECONDS = 3.0
            return recommend(image=photo(160, 120), reading=reading(), wishes=wishes or Wishes(), language="ko", unit="1")

    return call


def assert_whole(advice: Advice, sources: dict[str, int]) -> None:
    assert [item.rank for item in advice.items] == list(range(1, 8))
    assert {source: sum(item.source == source for item in advice.items) for source in ("gemini", "stylist", "ml")} == sources
    assert len({item.cut or item.name for item in advice.items}) == 7
    assert all(item.reason for item in advice.items)


def test_what_gemini_names_is_joined_by_what_was_learned(with_gemini: Any) -> None:
    advice = with_gemini(advised(good()))
    assert_whole(advice, {"gemini": 4, "stylist": 0, "ml": 3})
    assert {item.cut for item in advice.items if item.source == "gemini"} == {entry.cut for entry in one_of_each_cut(4)}
    assert {item.reason for item in advice.items if item.source == "gemini"} == {REASON_KO}
    assert (advice.meta["advisor"], advice.meta["advisor_status"], advice.meta["gemini_count"]) == ("gemini", "ok", 4)
    assert advice.meta["prompt_version"] == PROMPT_VERSION

    # A style that the catalogue lacks is scored by its meaning.
    advice = with_gemini(advised([*good(3), style("Zyqqu Vhoxx")]))
    assert_whole(advice, {"gemini": 4, "stylist": 0, "ml": 3})
    [free] = [item for item in advice.items if item.slug is None]
    assert free.name == "Zyqqu Vhoxx"
    assert 0 <= free.ml_score <= 100

    # What is missing is filled up by the scorer.
    advice = with_gemini(advised([*good(2), style("무거운 앞머리는 피하세요")]))
    assert_whole(advice, {"gemini": 2, "stylist": 0, "ml": 5})
    assert (advice.meta["advisor"], advice.meta["advisor_status"]) == ("gemini", "too_few")


def test_the_stylist_advises_in_geminis_place(with_gemini: Any) -> None:
    for reply, status in (
        (None, "no_key"),
        (failed(504), "server_error"),
        (failed(429), "rate_limited"),
        (blocked("SAFETY"), "safety_block"),
        (advised([style("무거운 앞머리는 피하세요")]), "too_few"),
    ):
        advice = with_gemini(reply)
        assert_whole(advice, {"gemini": 0, "stylist": 4, "ml": 3})
        assert (advice.meta["advisor"], advice.meta["advisor_status"]) == ("stylist", status)


def test_wishes_bind_gemini_too(with_gemini: Any) -> None:
    wishes = Wishes(lengths=("long", "very_long"))
    inside = next(entry for entry in catalogue().entries if entry.length == "long")
    outside = next(entry for entry in catalogue().entries if entry.length == "buzz")
    advice = with_gemini(advised([style(outside.name.ko), style(inside.name.ko), style("Zyqqu Vhoxx")]), wishes)
    lengths = {entry.slug: entry.length for entry in catalogue().entries}
    assert [item.slug for item in advice.items if item.source == "gemini"] == [inside.slug]
    assert {lengths[item.slug] for item in advice.items} <= set(wishes.lengths)
