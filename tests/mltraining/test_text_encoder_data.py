"""The data the text encoder learns from and is judged by."""

from __future__ import annotations

import random
from pathlib import Path
from shutil import copytree

import pytest

from mltraining.learn.text_encoder_corpus import DATA_DIR, Corpus, LexiconError, QueryStream, load_corpus
from mltraining.learn.text_encoder_eval import GROUPS, HeldOut, leaked, load_queries, nearest_training_text
from mltraining.learn.text_encoder_noise import misspell
from recommendations.engine.catalogue import load_catalogue
from recommendations.engine.style_text import LANGUAGES, is_korean, style_document, style_names, style_passages


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(load_catalogue())


@pytest.fixture(scope="module")
def groups(corpus: Corpus) -> dict[str, list[HeldOut]]:
    return load_queries(corpus)


def test_there_are_enough_held_out_queries(groups: dict[str, list[HeldOut]]) -> None:
    assert set(groups) == set(GROUPS)
    assert len(groups["korean"]) >= 120
    assert len(groups["english"]) >= 120
    assert len(groups["misspelt_korean"]) + len(groups["misspelt_english"]) >= 80


def test_held_out_queries_ask_for_most_of_the_catalogue(corpus: Corpus, groups: dict[str, list[HeldOut]]) -> None:
    for group in ("korean", "english"):
        asked = frozenset[int]().union(*(query.cuts for query in groups[group]))
        assert len(asked) >= 0.9 * len(corpus.members)


def test_no_held_out_query_occurs_in_the_training_texts(corpus: Corpus, groups: dict[str, list[HeldOut]]) -> None:
    assert leaked(corpus, [query for queries in groups.values() for query in queries]) == []


def test_a_leak_would_be_noticed_whatever_its_spacing_and_case(corpus: Corpus) -> None:
    seen = next(text for text in corpus.training_texts() if len(text) > 10)
    query = HeldOut(f"  {seen.upper()} !", frozenset({0}))
    assert leaked(corpus, [query]) == [query.text]
    assert nearest_training_text(corpus, [HeldOut(seen, frozenset({0})), HeldOut("zzzqqqxxx", frozenset({0}))]).tolist() == [1, 0]


def test_queries_are_in_the_language_of_their_group(groups: dict[str, list[HeldOut]]) -> None:
    for group, queries in groups.items():
        assert all(is_korean(query.text) == ("korean" in group) for query in queries)


def test_every_cut_has_paraphrases(corpus: Corpus) -> None:
    described = {corpus.cut_of[entry] for group in corpus.paraphrases for entry in group.entries}
    lacking = [cut.slug for number, cut in enumerate(corpus.catalogue.cuts) if number not in described]
    assert lacking == []


@pytest.mark.parametrize(
    ("concept", "holds"),
    [
        ("length_buzz", lambda e: e.length == "buzz"),
        ("fringe_any", lambda e: e.fringe != "none"),
        ("quick_morning", lambda e: e.daily_minutes <= 5),
        ("face_round", lambda e: e.flatters["round"] >= 1),
        ("density_fine", lambda e: "fine" in e.densities),
    ],
)
def test_concepts_hold_for_the_right_styles(corpus: Corpus, concept: str, holds) -> None:
    group = next(group for group in corpus.concepts if group.name == concept)
    assert group.entries == {number for number, entry in enumerate(corpus.catalogue.entries) if holds(entry)}
    assert group.entries


def test_a_concept_without_condition_says_nothing_about_styles(corpus: Corpus) -> None:
    assert next(group for group in corpus.concepts if group.name == "trendy").entries == frozenset()


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("paraphrases_extra.yaml", "no-such-cut: {ko: [가], en: [a]}\n", "the catalogue has no 'no-such-cut'"),
        ("paraphrases_extra.yaml", "hush-cut: {ko: [가]}\n", "no en forms"),
        ("paraphrases_extra.yaml", "hush-cut: {ko: [가 나, 가나], en: [a]}\n", "repeats a ko form"),
        ("concepts.yaml", "- {id: x, when: {length: [endless]}, ko: [가], en: [a]}\n", "length has no value 'endless'"),
        ("concepts.yaml", "- {id: x, when: {colour: [red]}, ko: [가], en: [a]}\n", "unknown attribute 'colour'"),
        ("terms.tsv", "단발 bob\n", "needs Korean, a tab, English"),
    ],
)
def test_faults_in_the_lexicon_are_named(corpus: Corpus, tmp_path: Path, file: str, line: str, fault: str) -> None:
    folder = copytree(DATA_DIR, tmp_path / "data")
    with (folder / file).open("a", encoding="utf-8") as stream:
        stream.write(line)
    with pytest.raises(LexiconError, match=fault):
        load_corpus(corpus.catalogue, folder)


def test_a_held_out_query_for_an_unknown_cut_is_named(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "queries.yaml").write_text('korean:\n  "짧은 머리": no-such-cut\n', encoding="utf-8")
    with pytest.raises(LexiconError, match="no-such-cut"):
        load_queries(corpus, tmp_path / "queries.yaml")


def test_the_data_set_hash_follows_the_lexicon(corpus: Corpus, tmp_path: Path) -> None:
    folder = copytree(DATA_DIR, tmp_path / "data")
    assert load_corpus(corpus.catalogue, folder).dataset_hash == corpus.dataset_hash
    with (folder / "terms.tsv").open("a", encoding="utf-8") as stream:
        stream.write("새말\tnew word\n")
    assert load_corpus(corpus.catalogue, folder).dataset_hash != corpus.dataset_hash


def test_the_stream_is_repeatable_and_its_targets_are_styles(corpus: Corpus) -> None:
    first, second = QueryStream(corpus, 3), QueryStream(corpus, 3)
    queries = [first.query() for _ in range(300)]
    assert queries == [second.query() for _ in range(300)]
    assert [first.pair() for _ in range(50)] == [second.pair() for _ in range(50)]
    assert all(query.entries and query.text.strip() for query in queries)
    assert all(0 <= entry < len(corpus.documents) for query in queries for entry in query.entries)
    assert {query.spread for query in queries} == {True, False}
    assert any(is_korean(query.text) for query in queries)
    assert not all(is_korean(query.text) for query in queries)


def test_without_noise_names_are_asked_as_they_are_written(corpus: Corpus) -> None:
    stream = QueryStream(corpus, 1, noise=0)
    seen = set(corpus.training_texts())
    assert all(first in seen and second in seen for first, second, _ in (stream.pair() for _ in range(100)))


@pytest.mark.parametrize("text", ["레이어드컷", "curtain bangs", "허쉬 컷 hush"])
def test_misspelling_changes_little_and_repeats(text: str) -> None:
    wrong = [misspell(text, random.Random(seed)) for seed in range(60)]
    assert wrong == [misspell(text, random.Random(seed)) for seed in range(60)]
    assert sum(word != text for word in wrong) > 40
    assert all(abs(len(word) - len(text)) <= 2 for word in wrong)


@pytest.mark.parametrize("text", ["", "a", "컷", "🙂", "12"])
def test_very_short_texts_can_be_misspelt(text: str) -> None:
    assert isinstance(misspell(text, random.Random(0), errors=3), str)


def test_a_document_names_and_describes_the_style_in_both_languages(corpus: Corpus) -> None:
    cuts = {cut.slug: cut for cut in corpus.catalogue.cuts}
    for entry, document in zip(corpus.catalogue.entries, corpus.documents, strict=True):
        cut = cuts[entry.cut]
        for text in (entry.name.ko, entry.name.en, *entry.aliases, *cut.aliases, cut.name.ko, entry.description.ko, entry.why.en):
            assert text in document
        assert document == style_document(entry, cut)
        assert style_document(entry) in {style_document(entry, None)}
        assert len(style_document(entry)) <= len(document)


def test_passages_keep_languages_and_names_apart(corpus: Corpus) -> None:
    cut = next(cut for cut in corpus.catalogue.cuts if cut.slug == "buzz-cut")
    entry = next(entry for entry in corpus.catalogue.entries if entry.cut == "buzz-cut")
    assert set(style_passages(entry, cut, "ko")) == {"names", "attributes", "description", "why"}
    assert not is_korean("\n".join(style_passages(entry, cut, "en").values()))
    for language in LANGUAGES:
        names = style_names(entry, cut, language)
        assert names[0] == entry.name[language]
        assert len(set(names)) == len(names)
    assert "buzzed (under 1.5 cm)" in style_passages(entry, cut, "en")["attributes"]
    assert "no perm" not in style_passages(entry, cut, "en")["attributes"]
