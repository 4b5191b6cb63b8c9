"""Reasons and drawbacks: from what was measured, in both languages, honest where nothing stands out."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mltraining.learn.face_population import FacePopulation
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.explain import _DOES_KO, explain
from recommendations.engine.stylist_rules import load_rules
from recommendations.engine.vocabulary import EFFECTS, FACE_SHAPES
from tests.recommendations.faces import face
from tests.recommendations.gemini_cases import catalogue


@cache
def entry(**changes: object) -> StyleEntry:
    return replace(catalogue().entries[0], flatters=dict.fromkeys(FACE_SHAPES, 0), effects=(), **changes)


def with_effects(*effects: str, **flatters: int) -> StyleEntry:
    return replace(entry(), effects=effects, flatters={**dict.fromkeys(FACE_SHAPES, 0), **flatters})


def test_reason_names_the_measurement_that_speaks_for_it() -> None:
    reason, drawback = explain(face(length_to_width=92.0), with_effects("shortens_face"), "en")
    assert reason.startswith("Your face is longer for its width than 92 % of faces.")
    assert reason.endswith(entry().why.en)
    assert drawback == entry().cost.en


def test_drawback_names_the_measurement_that_speaks_against_it() -> None:
    reason, drawback = explain(face(length_to_width=92.0), with_effects("lengthens_face"), "en")
    assert drawback.startswith("Your face is longer for its width than 92 % of faces, and this style lengthens the face")
    assert drawback.endswith(entry().cost.en)
    assert "92 %" not in reason


def test_the_stronger_voice_is_heard() -> None:
    """Two measurements ask for the same effect: the one that stands out more is told."""
    reason, _ = explain(face(length_to_width=66.0, upper_third=95.0), with_effects("covers_forehead"), "en")
    assert "forehead takes more" in reason


def test_without_a_measurement_the_likely_shape_is_told_as_what_it_is() -> None:
    reason, _ = explain(face("round"), with_effects(round=2), "en")
    assert reason.startswith("Chosen for a face that reads 90 % round.")
    reason, _ = explain(face("round"), with_effects(round=2), "ko")
    assert reason.startswith("둥근형일 가능성 90%인 얼굴")


@pytest.mark.parametrize("flatters", [{}, {"round": -2}, {"heart": 2}])
def test_a_style_for_another_shape_claims_none(flatters: dict[str, int]) -> None:
    """Not "chosen for a face that reads 2 % heart"."""
    for language in ("ko", "en"):
        reason, _ = explain(face("round"), with_effects(**flatters), language)
        assert "Chosen for" not in reason
        assert "골랐어요" not in reason
        assert "heart" not in reason
        assert "하트형" not in reason
        assert "90" in reason, "what is said is of the shape that it most probably is"
        assert reason.endswith(entry().why[language])


def test_every_effect_can_be_said_in_korean() -> None:
    assert set(_DOES_KO) == set(EFFECTS)


def test_every_face_and_style_has_whole_sentences_in_one_language() -> None:
    rng = np.random.default_rng(3)
    styles = catalogue().entries
    for reading in FacePopulation.load().sample(25, rng):
        for i in rng.integers(0, len(styles), 12):
            for language in ("ko", "en"):
                for text in explain(reading, styles[i], language):
                    assert text.strip() == text
                    assert len(text) > 15
                    assert "{" not in text
                    assert ".." not in text
                    assert "  " not in text
                    assert re.search(r"[.!요다]$|\.$", text), text
                    assert any("가" <= c <= "힣" for c in text) == (language == "ko"), text


def test_rules_read_well_at_every_percentage() -> None:
    for rule in load_rules():
        for percentile in (0.0, 5.0, 95.0, 100.0):
            assert 1 <= rule.percent(percentile) <= 99
