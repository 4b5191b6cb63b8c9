"""Matching by meaning with the shipped text encoder, on names that it was not trained on."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from hairme.ml.text_encoder import load_text_encoder
from mltraining.learn.text_encoder_corpus import DATA_DIR
from recommendations.engine.advisors.grounding import Grounder
from recommendations.engine.style_text import style_document
from tests.recommendations.gemini_cases import catalogue

Queries = list[tuple[str, frozenset[str]]]


@pytest.fixture(scope="module")
def queries() -> dict[str, Queries]:
    """Group -> (text, cuts of which any is right)."""
    raw = yaml.safe_load((DATA_DIR / "eval_queries.yaml").read_text(encoding="utf-8"))
    return {group: [(str(text), frozenset(slugs.split())) for text, slugs in items.items()] for group, items in raw.items()}


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    cuts = {cut.slug: cut for cut in catalogue().cuts}
    return load_text_encoder().encode([style_document(entry, cuts[entry.cut]) for entry in catalogue().entries])


def grounder(vectors: np.ndarray, without: frozenset[str] = frozenset(), threshold: float | None = None) -> Grounder:
    keep = [i for i, entry in enumerate(catalogue().entries) if entry.cut not in without]
    return Grounder(
        entries=[catalogue().entries[i] for i in keep],
        vectors=vectors[keep],
        cuts=[cut for cut in catalogue().cuts if cut.slug not in without],
        encoder=load_text_encoder(),
        threshold=threshold,
    )


def cut_found(using: Grounder, text: str) -> str | None:
    match = using.find(text, "", np.ones(len(using._entries), dtype=bool))
    return using._entries[match.index].cut if match is not None and match.index is not None else None


def test_what_is_matched_is_nearly_always_right(vectors: np.ndarray, queries: dict[str, Queries]) -> None:
    whole = grounder(vectors)
    found = {group: [(cut_found(whole, text), right) for text, right in items] for group, items in queries.items()}
    matched = [(cut, right) for pairs in found.values() for cut, right in pairs if cut is not None]
    assert np.mean([cut in right for cut, right in matched]) >= 0.9
    for group in ("misspelt_korean", "misspelt_english"):  # what a name from a model looks like
        assert np.mean([cut is not None for cut, _right in found[group]]) >= 0.35, group


def test_a_cut_that_the_catalogue_lacks_is_rarely_taken_for_another(vectors: np.ndarray, queries: dict[str, Queries]) -> None:
    threshold = grounder(vectors).threshold
    asked = [pair for group in ("misspelt_korean", "misspelt_english") for pair in queries[group]]
    wrong = [text for text, right in asked if cut_found(grounder(vectors, right, threshold), text) is not None]
    assert len(wrong) / len(asked) <= 0.1, wrong
