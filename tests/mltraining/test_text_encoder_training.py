"""Losses against worked examples, a short real training, and what ships."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from hairme.ml.artifacts import FolderStore, get_store, open_artifact
from hairme.ml.text_encoder import StaticTextEncoder, load_text_encoder
from mltraining.learn.text_encoder import TrainingConfig, new_model, pair_loss, search_loss, thin, train
from mltraining.learn.text_encoder_corpus import Corpus, Query, load_corpus
from mltraining.learn.text_encoder_eval import (
    HeldOut,
    difference,
    encoder_passage_ranker,
    evaluate,
    hit_ranks,
    hold_out_paraphrases,
    load_queries,
    recall,
)
from mltraining.learn.text_encoder_export import cross_check, export, train_and_export
from mltraining.learn.text_encoder_report import check_to_text, to_text
from recommendations.engine.catalogue import load_catalogue

SMALL = TrainingConfig(rank=32, pieces=1500, pieces_from=500, steps=50, batch=32, pairs=32, learning_rate=0.03)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(load_catalogue())


@pytest.fixture(scope="module")
def few(corpus: Corpus) -> Corpus:
    """The first twelve cuts with their paraphrases: enough to learn something in a second."""
    cuts = corpus.catalogue.cuts[:12]
    slugs = {cut.slug for cut in cuts}
    entries = tuple(entry for entry in corpus.catalogue.entries if entry.cut in slugs)
    assert corpus.catalogue.entries[: len(entries)] == entries
    return replace(
        corpus,
        catalogue=replace(corpus.catalogue, cuts=cuts, entries=entries),
        documents=corpus.documents[: len(entries)],
        by_language={language: texts[: len(entries)] for language, texts in corpus.by_language.items()},
        cut_of=corpus.cut_of[: len(entries)],
        members=corpus.members[:12],
        concepts=tuple(replace(g, entries=frozenset(i for i in g.entries if i < len(entries))) for g in corpus.concepts),
        paraphrases=tuple(group for group in corpus.paraphrases if max(group.entries) < len(entries)),
    )


def test_search_loss_counts_any_and_every_answer() -> None:
    scores = torch.log(torch.tensor([[0.5, 0.25, 0.125, 0.125]] * 2))
    anyone, everyone = Query("", (0, 1), spread=False), Query("", (0, 1), spread=True)
    assert search_loss(scores[:1], [anyone]).item() == pytest.approx(-np.log(0.75))
    assert search_loss(scores[:1], [everyone]).item() == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2)
    assert search_loss(scores, [anyone, everyone]).item() == pytest.approx((-np.log(0.75) - (np.log(0.5) + np.log(0.25)) / 2) / 2)


def test_pair_loss_is_the_mean_of_both_directions_and_shares_positives() -> None:
    scores = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    rows = -np.mean([np.log(np.e**2 / (np.e**2 + 1)), np.log(np.e**3 / (np.e**3 + np.e))])
    columns = -np.mean([np.log(np.e**2 / (np.e**2 + np.e)), np.log(np.e**3 / (np.e**3 + 1))])
    assert pair_loss(scores, torch.tensor([1, 2])).item() == pytest.approx((rows + columns) / 2, rel=1e-5)
    assert pair_loss(scores, torch.tensor([1, 1])).item() == pytest.approx(0, abs=1e-6)


def test_thinning_never_leaves_nothing() -> None:
    torch.manual_seed(0)
    assert thin(torch.arange(3), 0.0).tolist() == [0, 1, 2]
    assert 400 < len(thin(torch.arange(1000), 0.5)) < 600


def test_training_learns_and_repeats(few: Corpus) -> None:
    queries = [HeldOut(form, frozenset({few.cut_of[min(g.entries)]})) for g in few.paraphrases for form in g.forms["ko"]]
    losses: list[float] = []

    def trained() -> np.ndarray:
        model = new_model(few, SMALL)
        train(few, model, SMALL, lambda step, by_name: losses.append(by_name["search"]))
        with torch.no_grad():
            return torch.nn.functional.normalize(
                model([model.rows(t) for t in [*few.documents, *(q.text for q in queries)]])
            ).numpy()

    def mean_recall(vectors: np.ndarray) -> float:
        styles, asked = vectors[: len(few.documents)], vectors[len(few.documents) :]
        return recall(lambda texts: asked @ styles.T, few, queries).at_1[0]

    untrained = new_model(few, SMALL)
    with torch.no_grad():
        before = torch.nn.functional.normalize(
            untrained([untrained.rows(t) for t in [*few.documents, *(q.text for q in queries)]])
        ).numpy()
    first = trained()
    assert mean_recall(first) > mean_recall(before) + 0.3
    np.testing.assert_allclose(first, trained(), atol=1e-5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_an_exported_model_reads_the_same_in_numpy(few: Corpus, tmp_path: Path) -> None:
    model = new_model(few, SMALL)
    artifact = export(model, few, SMALL, tmp_path, version="7", metrics={"note": 1})
    encoder = StaticTextEncoder(open_artifact(artifact.path))
    golden = np.load(artifact.file("golden.npz"))
    np.testing.assert_allclose(encoder.encode(golden["texts"].tolist()), golden["vectors"], atol=1e-5)
    assert encoder.id == "static-ko-en@7"
    assert artifact.card.dataset_hash == few.dataset_hash
    assert artifact.card.params["rank"] == 32


def test_an_existing_version_is_not_trained_over(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "text-encoder" / "1").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="choose another version"):
        train_and_export(corpus, SMALL, tmp_path, version="1")


def test_recall_of_a_perfect_a_useless_and_a_mixed_ranker(corpus: Corpus) -> None:
    queries = [HeldOut(str(cut), frozenset({cut})) for cut in range(40)]
    right = np.array([[float(owner == query) for owner in corpus.cut_of] for query in range(40)])
    half = right.copy()
    half[20:] *= -1
    assert recall(lambda texts: right, corpus, queries).at_1 == (1, 1, 1)
    assert recall(lambda texts: -right, corpus, queries).at_5 == (0, 0, 0)
    value, low, high = recall(lambda texts: half, corpus, queries).at_1
    assert value == 0.5
    assert low == pytest.approx(0.5 - 1.96 * np.sqrt(0.25 / 40), abs=0.03)  # the bootstrap agrees with the normal interval
    assert high == pytest.approx(0.5 + 1.96 * np.sqrt(0.25 / 40), abs=0.03)
    assert difference(lambda texts: right, lambda texts: half, corpus, queries, 1)[0] == 0.5


def test_any_of_several_right_cuts_counts(corpus: Corpus) -> None:
    scores = np.array([[float(len(corpus.members) - owner) for owner in corpus.cut_of]])
    assert hit_ranks(lambda texts: scores, corpus, [HeldOut("", frozenset({9, 4}))]).tolist() == [4]


def test_the_closest_passage_speaks_for_a_style(corpus: Corpus) -> None:
    class Exact:
        id, dim = "exact@1", 3

        def encode(self, texts):  # one axis for the texts equal to a known name, another for all else
            return np.array([[1.0, 0, 0] if text == corpus.catalogue.entries[5].name.ko else [0, 1.0, 0] for text in texts])

    scores = encoder_passage_ranker(Exact(), corpus)([corpus.catalogue.entries[5].name.ko])
    assert np.flatnonzero(scores[0] == 1).tolist() == [5]


@pytest.fixture(scope="module")
def report(corpus: Corpus) -> dict:
    return evaluate(load_text_encoder(""), corpus, load_queries(corpus))


@pytest.mark.parametrize("group", ["korean", "english"])
def test_the_shipped_encoder_beats_tfidf_on_paraphrases_beyond_doubt(report: dict, group: str) -> None:
    for figure in ("recall_at_1", "recall_at_5"):
        assert report["gain"][group][figure][1] > 0, "lower end of the paired 95 % interval"


@pytest.mark.parametrize("group", ["misspelt_korean", "misspelt_english"])
def test_the_shipped_encoder_is_not_worse_than_tfidf_on_misspellings(report: dict, group: str) -> None:
    for figure in ("recall_at_1", "recall_at_5"):
        assert report["gain"][group][figure][2] >= 0, "upper end of the paired 95 % interval"


def test_a_korean_name_finds_an_english_text(report: dict) -> None:
    rows = report["cross_lingual"]["ko names -> en documents"]
    assert rows["encoder"]["recall_at_5"][0] > 0.9
    assert rows["encoder"]["recall_at_1"][0] > rows["tfidf"]["recall_at_1"][0] + 0.5


def test_the_card_tells_the_figures_that_the_command_prints(report: dict, corpus: Corpus) -> None:
    card = get_store().resolve("text-encoder").card
    if card.dataset_hash != corpus.dataset_hash:
        pytest.skip("the catalogue or lexicon has changed since training; the command says so too")
    for group, row in card.metrics["encoder"].items():
        assert row["recall_at_1"] == pytest.approx(report["recall"]["encoder"][group]["recall_at_1"], abs=0.02)


def test_what_ships_is_small() -> None:
    folder = get_store().resolve("text-encoder").path
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 6_000_000


def test_the_tables_name_every_figure(report: dict) -> None:
    text = to_text(report)
    assert "static-ko-en@" in text
    for row in report["recall"]["tfidf"].values():
        assert f"{row['recall_at_5'][0]:.3f}" in text


@pytest.mark.slow
def test_the_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    call_command("evaluate_text_encoder", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed["recall"]["encoder"]["korean"]["queries"] >= 120

    call_command("train_text_encoder", "--model-version", "9", "--root", str(tmp_path), "--steps", "20")
    assert FolderStore(tmp_path).resolve("text-encoder").card.version == "9"
    with pytest.raises(CommandError, match="choose another version"):
        call_command("train_text_encoder", "--model-version", "9", "--root", str(tmp_path))
    with pytest.raises(CommandError, match="cannot be loaded"):
        call_command("evaluate_text_encoder", "--encoder", str(tmp_path))


def test_the_check_leaves_out_what_it_asks(few: Corpus) -> None:
    smaller, held = hold_out_paraphrases(few, seed=1)
    assert {language: len(queries) for language, queries in held.items()} == {"ko": 12, "en": 12}
    left = set(smaller.training_texts())
    assert not [query.text for queries in held.values() for query in queries if query.text in left]
    check = cross_check(few, SMALL)
    assert check["ko"]["encoder"].queries == 12
    assert "ko (12), tfidf" in check_to_text(check)
