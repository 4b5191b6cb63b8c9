"""From faces to arrays: no face on both sides, the right numbers in the right columns, and files that notice damage."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltraining.learn.scorer_data import ScorerData, build, load, save
from mltraining.learn.synthetic import LabelledStyle, SyntheticFace
from recommendations.engine.scoring import INPUT_DIM

SHAPE = {"heart": 0.1, "oblong": 0.2, "oval": 0.3, "round": 0.15, "square": 0.25}
SEASON = {"spring": 0.4, "summer": 0.3, "autumn": 0.2, "winter": 0.1}
VECTORS = {f"style-{i}": np.random.default_rng(i).normal(size=384).astype(np.float32) for i in range(9)}


def face(name: str, *styles: tuple[str, float], source: str = "stylist") -> SyntheticFace:
    labels = tuple(LabelledStyle(slug, score, "recommended" if score > 50 else "avoid") for slug, score in styles)
    return SyntheticFace(name, source, SHAPE, SEASON, {}, labels)


def faces(count: int) -> list[SyntheticFace]:
    return [face(f"f{i}", *((f"style-{(i + k) % 9}", 10.0 * k + i % 7) for k in range(6))) for i in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=5, max_size=60), st.integers(0, 10_000))
def test_no_face_is_on_both_sides(numbers: list[int], seed: int) -> None:
    """Even where a face was collected twice, into two files."""
    given_faces = [faces(31)[i] for i in numbers]
    distinct = len(set(numbers))
    if distinct < 5:
        with pytest.raises(ValueError, match="too few"):
            build(given_faces, VECTORS, "e@1", seed)
        return
    data = build(given_faces, VECTORS, "e@1", seed)
    assert len(np.unique(data.face)) == distinct
    assert len(data.scores) == 6 * distinct
    sides = [set(data.part(validation=side)[2]) for side in (False, True)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == max(1, round(0.2 * distinct))
    assert data.hash == build(given_faces, VECTORS, "e@1", seed).hash


def test_columns_are_shape_season_and_style() -> None:
    data = build(faces(6), VECTORS, "e@1")
    assert data.inputs.shape == (36, INPUT_DIM)
    assert data.inputs.dtype == data.scores.dtype == np.float32
    np.testing.assert_allclose(data.inputs[:, :8], np.tile([0.3, 0.15, 0.25, 0.2, 0.4, 0.3, 0.2, 0.1], (36, 1)), rtol=1e-6)
    for row, slug in zip(data.inputs, data.slugs, strict=True):
        np.testing.assert_array_equal(row[8:], VECTORS[slug])
    assert data.scores.tolist()[:6] == [0, 10, 20, 30, 40, 50]


def test_style_that_left_the_catalogue_is_passed_over() -> None:
    data = build([face(f"f{i}", ("gone", 90.0), ("style-1", 20.0)) for i in range(5)], VECTORS, "e@1")
    assert set(data.slugs) == {"style-1"}
    with pytest.raises(ValueError, match="0 faces are too few"):
        build([face(f"f{i}", ("gone", 90.0)) for i in range(5)], VECTORS, "e@1")


def test_another_seed_is_another_split_and_another_hash() -> None:
    one, two = build(faces(40), VECTORS, "e@1", 0), build(faces(40), VECTORS, "e@1", 1)
    assert (one.is_validation != two.is_validation).any()
    assert one.hash != two.hash


def test_files_give_the_data_back(tmp_path: Path) -> None:
    data = build([*faces(12), face("g", ("style-0", 60.0), source="gemini")], VECTORS, "e@1")
    files = save(data, tmp_path / "prepared")
    assert [file.name for file in files] == ["training_data.npz", "metadata.json", "sample.csv"]
    again = load(tmp_path / "prepared")
    for name in ScorerData.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(data, name))
    metadata = json.loads(files[1].read_text(encoding="utf-8"))
    assert metadata["sources"] == {"gemini": 1, "stylist": 12}
    assert metadata["pairs"] == metadata["training_pairs"] + metadata["validation_pairs"] == 73
    assert (metadata["split"], metadata["inputs"], metadata["encoder"]) == ("by face", 392, "e@1")
    rows = list(csv.DictReader(files[2].open(encoding="utf-8")))
    assert len(rows) == 20
    assert (rows[0]["oval"], rows[0]["spring"], rows[0]["score"]) == ("0.3000", "0.4000", "0.00")


@pytest.mark.parametrize("damage", ["score", "truncated", "no json", "field gone"])
def test_damage_is_a_sentence(damage: str, tmp_path: Path) -> None:
    data = build(faces(8), VECTORS, "e@1")
    arrays, metadata, _ = save(data, tmp_path)
    if damage == "score":
        contents = dict(np.load(arrays))
        contents["scores"][0] += 1
        np.savez_compressed(arrays, **contents)
    elif damage == "truncated":
        arrays.write_bytes(arrays.read_bytes()[:-200])
    elif damage == "no json":
        metadata.write_text("{")
    else:
        metadata.write_text(json.dumps({"hash": data.hash}))
    with pytest.raises(ValueError, match="prepare the training data again"):
        load(tmp_path)


def test_nothing_there_is_not_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path)
