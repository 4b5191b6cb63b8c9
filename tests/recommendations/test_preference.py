"""The preference scorer as it is served: the shipped version, what a past changes, uncertainty, what a damaged file is called."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from hairme.ml.artifacts import PRETRAINED_ROOT, Artifact, ArtifactError, open_artifact
from mltraining.learn.face_population import FacePopulation
from mltraining.services.seed_mlp import catalogue_vectors
from recommendations.engine.preference import PreferenceScorer
from recommendations.engine.preference_features import PERSON_FEATURES, StyleSchema, person_features
from recommendations.engine.scoring import HairstyleScorer, Past, StyleTable, load_scorer
from recommendations.engine.stylist import Stylist
from recommendations.engine.types import FaceReading
from tests.recommendations.faces import face


@cache
def shipped() -> Artifact:
    return open_artifact(PRETRAINED_ROOT / "hairstyle-scorer" / "preference-1")


@cache
def scorer() -> PreferenceScorer:
    found = load_scorer(shipped())
    assert isinstance(found, PreferenceScorer)
    return found


@cache
def table() -> StyleTable:
    _encoder, entries, vectors = catalogue_vectors()
    return StyleTable(entries, vectors)


def faces(count: int, seed: int = 0) -> list[FaceReading]:
    return FacePopulation.load().sample(count, np.random.default_rng(seed))


def test_the_architecture_on_the_card_decides_what_is_loaded(tmp_path: Path) -> None:
    assert isinstance(load_scorer(open_artifact(PRETRAINED_ROOT / "hairstyle-scorer" / "seed-mlp-1")), HairstyleScorer)
    unknown = replace(shipped(), card=replace(shipped().card, params={"architecture": "oracle"}))
    with pytest.raises(ArtifactError, match="'oracle', which this code does not know"):
        load_scorer(unknown)


def test_whole_catalogue_on_the_scale() -> None:
    for reading in faces(10):
        scores = scorer().score(reading, table())
        assert scores.shape == (len(table()),)
        assert scores.dtype == np.float32
        assert 0 <= scores.min() < scores.max() <= 100
        assert scores.std() > 3


def test_without_reactions_it_says_what_the_rules_say() -> None:
    """Better than seed-mlp can: it sees the measurements."""
    stylist = Stylist(table().entries)
    correlation = [np.corrcoef(stylist.score(r), scorer().score(r, table()))[0, 1] for r in faces(20, 3)]
    assert min(correlation) > 0.8
    assert float(np.mean(correlation)) > 0.93


def test_shipped_version_reproduces_its_golden_answers() -> None:
    golden = np.load(shipped().file("golden.npz"))
    model, view = scorer().model, scorer().view(table())
    before = model.logits(golden["people"], view)
    np.testing.assert_allclose(before, golden["before"], atol=2e-3)
    for base, rows, liked, after in zip(before, golden["past_rows"], golden["past_liked"], golden["after"], strict=True):
        np.testing.assert_allclose(base + model.personal(base, view, rows, liked).shift(), after, atol=5e-3)


def test_a_like_raises_that_style_and_its_kin_at_once() -> None:
    reading, entries = face("round"), table().entries
    before = scorer().score(reading, table())
    middle = int(np.argsort(before)[len(before) // 2])
    liked = scorer().score(reading, table(), [Past(entries[middle].slug, True)])
    disliked = scorer().score(reading, table(), [Past(entries[middle].slug, False)])
    assert disliked[middle] < before[middle] < liked[middle]
    kin = [i for i, entry in enumerate(entries) if entry.cut == entries[middle].cut and i != middle]
    assert (liked - before)[kin].mean() > (liked - before).mean()
    assert (disliked - before)[kin].mean() < (disliked - before).mean()


def test_many_likes_of_one_kind_bring_more_of_it() -> None:
    long = [entry for entry in table().entries if entry.length in ("long", "very_long")]
    short = [entry for entry in table().entries if entry.length in ("buzz", "crop")]
    past = [Past(entry.slug, True) for entry in long[:8]] + [Past(entry.slug, False) for entry in short[:8]]
    rank = np.argsort(np.argsort(-scorer().score(face(), table(), past)))
    rank_before = np.argsort(np.argsort(-scorer().score(face(), table())))
    place = {entry.slug: i for i, entry in enumerate(table().entries)}
    unseen_long, unseen_short = [place[e.slug] for e in long[8:]], [place[e.slug] for e in short[8:]]
    assert rank[unseen_long].mean() < rank_before[unseen_long].mean() - 10
    assert rank[unseen_short].mean() > rank_before[unseen_short].mean() + 10


def test_the_newest_word_on_a_style_counts_and_styles_that_left_are_passed_over() -> None:
    slug = table().entries[5].slug
    changed = scorer().score(face(), table(), [Past(slug, False), Past("no-longer-offered", True), Past(slug, True)])
    np.testing.assert_array_equal(changed, scorer().score(face(), table(), [Past(slug, True)]))


def test_spread_shrinks_where_something_is_known() -> None:
    reading, slug = face("oblong"), table().entries[7].slug
    before = scorer().spread(reading, table())
    assert before.shape == (len(table()),)
    assert before.min() > 0
    view = scorer().view(table())
    base = scorer().model.logits(person_features(reading)[None], view)[0]
    taste = scorer().model.personal(base, view, np.array([7]), np.array([1.0]))
    nothing = scorer().model.personal(base, view, np.array([], dtype=int), np.array([]))
    assert taste.variance()[7] < nothing.variance()[7]
    assert (taste.variance() <= nothing.variance() + 1e-9).all()
    assert scorer().spread(reading, table(), [Past(slug, True)]).shape == before.shape


def test_thompson_samples_scatter_about_the_score() -> None:
    rng = np.random.default_rng(0)
    past = [Past(entry.slug, i % 2 == 0) for i, entry in enumerate(table().entries[:6])]
    drawn = np.stack([scorer().thompson(face(), table(), past, rng) for _ in range(60)])
    assert drawn.shape == (60, len(table()))
    assert 0 <= drawn.min() < drawn.max() <= 100
    assert len({int(row.argmax()) for row in drawn}) > 5, "it explores"
    assert np.corrcoef(drawn.mean(axis=0), scorer().score(face(), table(), past))[0, 1] > 0.6


def test_a_posterior_sample_has_the_posteriors_variance() -> None:
    """Matheron's rule against the closed form, for one person with a past."""
    view, model, rng = scorer().view(table()), scorer().model, np.random.default_rng(1)
    base = model.logits(person_features(face())[None], view)[0]
    taste = model.personal(base, view, np.arange(5), np.array([1.0, 0, 1, 0, 1]))
    drawn = np.stack([taste.draw(rng) for _ in range(400)])
    np.testing.assert_allclose(drawn.var(axis=0).mean(), taste.variance().mean(), rtol=0.15)
    np.testing.assert_allclose(drawn.mean(axis=0), taste.shift(), atol=0.35)


def test_text_outside_the_catalogue_scores_as_its_neighbours() -> None:
    scores = scorer().score(face(), table())
    found = scorer().score_unlisted(face(), table().vectors[:3], table())
    assert found.shape == (3,)
    assert ((found > scores.min()) & (found < scores.max())).all()
    assert np.abs(found - scores[:3]).mean() < scores.std()


def test_unknown_things_are_the_mean() -> None:
    grey = replace(face().colour, season=replace(face().colour.season, decision="unsure"))
    values = dict(zip(PERSON_FEATURES, person_features(replace(face(), colour=grey, measurements={})), strict=True))
    assert {name for name, value in values.items() if value} == {name for name in values if name.startswith("shape_")}
    assert np.isfinite(scorer().score(replace(face(), colour=grey, measurements={}), table())).all()


def test_styles_of_unknown_families_are_scored_by_their_attributes() -> None:
    strangers = tuple(replace(entry, slug=f"new-{i}", cut="new-cut", family="new") for i, entry in enumerate(table().entries[:4]))
    schema = scorer().model.schema
    assert schema.matrix(strangers).shape == (4, len(schema.names))
    scores = scorer().score(face(), StyleTable(strangers, table().vectors[:4]))
    assert np.isfinite(scores).all()
    assert StyleSchema.of(strangers).cuts == ("new-cut",)


def test_whole_catalogue_with_a_past_is_fast() -> None:
    past = [Past(entry.slug, i % 3 == 0) for i, entry in enumerate(table().entries[:30])]
    scorer().score(face(), table(), past)
    seconds = []
    for _ in range(15):
        start = time.thread_time()
        scorer().score(face(), table(), past)
        seconds.append(time.thread_time() - start)
    assert float(np.median(seconds)) < 0.005


def test_a_file_of_other_features_is_refused(tmp_path: Path) -> None:
    folder = copytree(shipped().path, tmp_path / "v")
    card = json.loads((folder / "card.json").read_text())
    card["features"]["slugs"] = ["one-too-many"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ArtifactError, match="other features"):
        PreferenceScorer(open_artifact(folder))
    (folder / "weights.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ArtifactError, match="no preference model"):
        PreferenceScorer(open_artifact(folder, verify=False))
