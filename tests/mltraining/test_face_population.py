"""Synthetic faces vary as the reference faces do, and no face is kept."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy.stats import kstest, norm

from mltraining.learn.face_population import FILE, FacePopulation, rule_measures
from recommendations.engine.measurements import NAMES
from recommendations.engine.types import FaceReading
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS


@cache
def readings() -> list[FaceReading]:
    return FacePopulation.load().sample(2000, np.random.default_rng(0))


def percentiles(name: str) -> np.ndarray:
    return np.array([reading.measurements[name].percentile for reading in readings()])


def test_population_knows_every_measure_that_the_rules_ask_for() -> None:
    population = FacePopulation.load()
    assert set(population.measures) >= set(rule_measures())
    assert set(population.measures) <= set(NAMES)


def test_a_face_is_a_reading() -> None:
    for reading in readings()[:50]:
        shape, season = reading.face_shape, reading.colour.season
        assert set(shape.probabilities) == set(FACE_SHAPES)
        assert set(season.probabilities) == set(SEASONS)
        assert sum(shape.probabilities.values()) == pytest.approx(1)
        assert sum(season.probabilities.values()) == pytest.approx(1)
        assert shape.label == max(shape.probabilities, key=lambda name: shape.probabilities[name])
        assert shape.confidence == shape.probabilities[shape.label] >= shape.probabilities[shape.second]


@pytest.mark.parametrize("name", rule_measures())
def test_percentiles_are_uniform(name: str) -> None:
    assert kstest(percentiles(name) / 100, "uniform").statistic < 0.05


def test_what_belongs_together_goes_together() -> None:
    """Long faces are oblong, wide ones are not: the copula carries the correlations of the reference faces."""
    probability = {name: np.array([r.face_shape.probabilities[name] for r in readings()]) for name in FACE_SHAPES}
    length = percentiles("length_to_width")
    assert np.corrcoef(length, probability["oblong"])[0, 1] > 0.3
    assert np.corrcoef(length, probability["round"])[0, 1] < -0.1
    assert probability["oblong"][length > 90].mean() > 3 * probability["oblong"][length < 10].mean()


def test_every_shape_occurs() -> None:
    labels = [reading.face_shape.label for reading in readings()]
    assert min(labels.count(shape) for shape in FACE_SHAPES) > 40


def test_fit_save_and_load_give_the_population_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    common = rng.normal(size=(4000, 1))
    scores = np.hstack([0.8 * common + 0.6 * rng.normal(size=(4000, 1)), rng.normal(size=(4000, 1))])
    logits = rng.normal(size=(4000, 5)) + np.hstack([common, -common, 0 * common, 0 * common, 0 * common])
    logits -= logits.mean(axis=1, keepdims=True)
    fitted = FacePopulation.fit(("a", "b"), 100 * norm.cdf(scores), logits)
    fitted.save(tmp_path / "population.json")
    loaded = FacePopulation.load(tmp_path / "population.json")
    assert (loaded.measures, loaded.faces) == (("a", "b"), 4000)
    sampled = loaded.sample(4000, np.random.default_rng(2))
    a = norm.ppf(np.clip([reading.measurements["a"].percentile / 100 for reading in sampled], 1e-6, 1 - 1e-6))
    log_p = np.log([[reading.face_shape.probabilities[shape] for shape in FACE_SHAPES] for reading in sampled])
    centred = log_p - log_p.mean(axis=1, keepdims=True)
    assert np.corrcoef(a, centred[:, 0])[0, 1] == pytest.approx(np.corrcoef(scores[:, 0], logits[:, 0])[0, 1], abs=0.06)
    np.testing.assert_allclose(centred.mean(axis=0), logits.mean(axis=0), atol=0.08)
    np.testing.assert_allclose(centred.std(axis=0), logits.std(axis=0), rtol=0.08)


def test_file_holds_aggregates_only() -> None:
    """Numbers grow with the measures, not with the faces."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    assert set(data) == {"measures", "logit_mean", "logit_sd", "correlation", "faces"}
    side = len(data["measures"]) + len(FACE_SHAPES)
    assert np.shape(data["correlation"]) == (side, side)
    assert data["faces"] > 10 * side


def test_command_fits_what_it_is_given(tmp_path: Path) -> None:
    """On jittered copies of a real mesh: the command's whole way, without the reference faces."""
    from skimage import data

    from recommendations.engine import landmarks

    mesh = landmarks.finder().find(np.asarray(data.astronaut()))[0]
    rng = np.random.default_rng(0)
    stretch = rng.normal(1, 0.06, (80, 1, 3))
    np.savez(tmp_path / "landmarks.npz", landmarks=(mesh[None] * stretch + rng.normal(0, 0.3, (80, 478, 3))).astype(np.float32))
    call_command("build_face_population", data=tmp_path / "landmarks.npz", out=tmp_path / "population.json")
    population = FacePopulation.load(tmp_path / "population.json")
    assert population.faces == 80
    assert population.measures == rule_measures()
    assert len(population.sample(5, rng)) == 5


@pytest.mark.parametrize("case", ["missing", "other array", "too few", "other shape"])
def test_command_refuses_what_holds_no_faces(case: str, tmp_path: Path) -> None:
    file = tmp_path / "landmarks.npz"
    if case != "missing":
        arrays = {"other array": np.ones(3), "too few": np.ones((3, 478, 3)), "other shape": np.ones((60, 468, 3))}
        np.savez(file, **{"wrong" if case == "other array" else "landmarks": arrays[case]})
    before = FILE.read_bytes()
    with pytest.raises(CommandError, match=r"landmarks"):
        call_command("build_face_population", data=file)
    assert FILE.read_bytes() == before


def test_shipped_population_is_what_the_command_gives(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "face_shape" / "landmarks.npz"
    if not source.is_file():
        pytest.skip("no reference landmarks")
    call_command("build_face_population", data=source, out=tmp_path / "population.json")
    built, shipped = FacePopulation.load(tmp_path / "population.json"), FacePopulation.load()
    assert (built.measures, built.faces) == (shipped.measures, shipped.faces)
    np.testing.assert_allclose(built.correlation, shipped.correlation, atol=0.02)
