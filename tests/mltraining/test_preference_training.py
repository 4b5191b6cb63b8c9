"""Training of the preference scorer: recovers what is there, honours weights, goes on from a parent, and comes back from its files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from scipy.special import expit

from hairme.ml.artifacts import open_artifact
from mltraining.learn import preference
from mltraining.learn.preference_data import PreferenceConfig, PreferenceData, from_synthetic, no_reactions
from mltraining.learn.preference_solver import Problem, State, Variances, newton_step
from mltraining.learn.synthetic import stylist_faces
from mltraining.services.preference import publish_preference
from recommendations.engine.catalogue import load_catalogue
from recommendations.engine.preference_features import PERSON_FEATURES

ENTRIES = load_catalogue().entries
CONFIG = PreferenceConfig(directions=12, draws=8)


@cache
def synthetic() -> PreferenceData:
    return from_synthetic([face for c in islice(stylist_faces(ENTRIES, 5), 120) if (face := c.label())], ENTRIES)


@cache
def first() -> preference.PreferenceResult:
    return preference.train(synthetic(), config=CONFIG)


def reactions(people: int = 40, each: int = 15, seed: int = 0, sign: float = 1.0) -> dict[str, np.ndarray]:
    """Those whose jaw is wide (and nobody else) like long hair; all like fringes of the curtain kind a little."""
    data, rng = synthetic(), np.random.default_rng(seed)
    jaw = data.people[:people, PERSON_FEATURES.index("ratio:jaw_to_cheek")]
    long = np.array([entry.length in ("long", "very_long", "shoulder") for entry in ENTRIES], dtype=float)
    curtain = np.array([entry.fringe == "curtain" for entry in ENTRIES], dtype=float)
    person = np.repeat(np.arange(people), each)
    style = rng.integers(0, len(ENTRIES), len(person))
    logit = -0.5 + sign * 2.0 * jaw[person] * (long[style] - long.mean()) + curtain[style]
    liked = (rng.random(len(person)) < expit(logit)).astype(float)
    return {
        "person": person, "style": style, "liked": liked, "weight": np.ones(len(person)), "unit": person,
        "position": np.zeros(len(person), dtype=int),
    }  # fmt: skip


def length_effect(result: preference.PreferenceResult) -> float:
    """By how much a wide jaw raises long hair against short, in logits."""
    view = result.model.view(ENTRIES)
    wide, narrow = np.zeros((2, len(PERSON_FEATURES)))
    wide[PERSON_FEATURES.index("ratio:jaw_to_cheek")], narrow[PERSON_FEATURES.index("ratio:jaw_to_cheek")] = 1.0, -1.0
    difference = np.subtract(*result.model.logits(np.stack([wide, narrow]), view))
    long = np.array([entry.length in ("long", "very_long") for entry in ENTRIES])
    short = np.array([entry.length in ("buzz", "crop") for entry in ENTRIES])
    return float(difference[long].mean() - difference[short].mean())


def test_the_score_head_learns_the_labels() -> None:
    assert first().head_mae < 8.0
    view = first().model.view(ENTRIES)
    data = synthetic()
    fitted = first().model.logits(data.people, view)[data.synthetic_person, data.synthetic_style]
    assert np.abs(100 * expit(fitted) - data.synthetic_score).mean() < 6.0, "without reactions the score is the head's"


def test_without_anything_everything_is_fifty() -> None:
    whole = np.zeros(0, dtype=int)
    empty = replace(
        synthetic(), synthetic_person=whole, synthetic_style=whole, synthetic_score=np.zeros(0), synthetic_weight=np.zeros(0)
    )
    result = preference.train(empty, config=CONFIG)
    np.testing.assert_allclose(result.model.logits(synthetic().people[:3], result.model.view(ENTRIES)), 0.0, atol=1e-9)


def test_reactions_teach_who_likes_what() -> None:
    before = length_effect(first())
    learned = preference.train(replace(synthetic(), **reactions()), first(), CONFIG)
    against = preference.train(replace(synthetic(), **reactions(sign=-1.0)), first(), CONFIG)
    assert length_effect(learned) > before + 0.5
    assert length_effect(against) < before - 0.5
    assert learned.history[-1]["loss"] < min(learned.history[0]["loss"], np.log(2))


def test_a_weight_is_a_number_of_rows() -> None:
    """Doubling a row's weight and giving it twice are the same evidence, but for the person-by-style component."""
    config = replace(CONFIG, passes=1, sd_own=1e-3, strength=1e9, steps=12, learn_from=12, tolerance=0.0)
    rows = reactions(people=12, each=8)
    doubled = {**rows, "weight": rows["weight"] * 2}
    twice = {name: np.concatenate([values, values]) for name, values in rows.items()}
    data = synthetic()
    a = preference.train(replace(data, synthetic_weight=data.synthetic_weight, **doubled), first(), config)
    b = preference.train(replace(data, **twice), first(), config)
    for result in (a, b):
        assert np.abs(result.model.interaction).max() > 0.05
    np.testing.assert_allclose(a.model.interaction, b.model.interaction, atol=0.02)
    np.testing.assert_allclose(a.model.rho, b.model.rho, atol=0.02)


def test_more_synthetic_weight_is_more_belief_in_it() -> None:
    """Reactions that speak against the labels move the belief in them less where the labels weigh more."""
    data = synthetic()
    truth = first().model.logits(data.people[:40], first().model.view(ENTRIES))
    rows = reactions(each=8)
    rows["liked"] = (truth[rows["person"], rows["style"]] < np.median(truth)).astype(float)
    rho = []
    for share in (0.05, 0.5, 0.95):
        weight = share / (1 - share) * len(rows["liked"]) / len(data.synthetic_person)
        trained = preference.train(replace(data, synthetic_weight=data.synthetic_weight * weight, **rows), first(), CONFIG)
        rho.append(float(trained.model.rho))
    assert rho[0] < rho[1] < rho[2] < float(first().model.rho)


def test_it_goes_on_from_a_parent_with_new_reactions_only() -> None:
    parent = preference.train(replace(synthetic(), **reactions(seed=1)), first(), CONFIG)
    few = reactions(people=6, each=3, seed=2)
    as_prior = preference.train(replace(synthetic(), **few), parent, replace(CONFIG, parent_as="prior"))
    anew = preference.train(replace(synthetic(), **few), first(), CONFIG)
    assert abs(length_effect(as_prior) - length_effect(parent)) < 0.35 * abs(length_effect(parent))
    assert length_effect(as_prior) > length_effect(anew) + 0.3


def test_same_data_same_model() -> None:
    data = replace(synthetic(), **reactions(people=10))
    a, b = (preference.train(data, first(), CONFIG) for _ in range(2))
    np.testing.assert_array_equal(a.model.mean, b.model.mean)
    np.testing.assert_array_equal(a.model.draws, b.model.draws)
    assert data.hash != replace(data, liked=1 - data.liked).hash
    assert data.synthetic_hash == replace(data, liked=1 - data.liked).synthetic_hash
    assert data.synthetic_hash == replace(data, synthetic_weight=data.synthetic_weight * 3).synthetic_hash


def test_files_bring_it_back(tmp_path: Path) -> None:
    data = replace(synthetic(), **reactions(people=10))
    trained = preference.train(data, first(), CONFIG)
    artifact = publish_preference(tmp_path, "tiny", data, trained, CONFIG, ENTRIES, parent="first")
    assert open_artifact(artifact.path).card.params["architecture"] == "preference"
    again = preference.load(artifact)
    np.testing.assert_allclose(again.model.mean, trained.model.mean, atol=1e-5)
    assert again.fit.synthetic_hash == trained.fit.synthetic_hash
    from_files, from_memory = (preference.train(data, parent, CONFIG) for parent in (again, trained))
    a, b = (result.model.logits(data.people[:5], result.model.view(ENTRIES)) for result in (from_files, from_memory))
    np.testing.assert_allclose(a, b, atol=0.02)
    with pytest.raises(FileExistsError):
        publish_preference(tmp_path, "tiny", data, trained, CONFIG, ENTRIES)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"style": np.array([10_000])}, "style points outside"),
        ({"weight": np.array([0.0])}, "weights must be above 0"),
        ({"liked": np.array([np.nan])}, "liked holds a number that is not finite"),
        ({"liked": np.array([1.0, 0.0])}, "one length"),
    ],
)
def test_senseless_data_are_refused(change: dict[str, np.ndarray], sentence: str) -> None:
    one = {name: values[:1] for name, values in reactions(people=1, each=1).items()}
    with pytest.raises(ValueError, match=sentence):
        preference.train(replace(synthetic(), **{**one, **change}), first(), CONFIG)
    assert len(preference.train(replace(synthetic(), **no_reactions()), first(), CONFIG).history) == 0


def test_the_solver_against_plain_newton() -> None:
    """Eliminating people's own effects gives what solving for them beside the shared ones gives."""
    rng = np.random.default_rng(0)
    people, each, d, a = 12, 6, 4, 3
    rows = people * each
    x, z = rng.normal(size=(rows, d)).astype(np.float32), rng.normal(size=(rows, a))
    liked = (rng.random(rows) < 0.5).astype(float)
    starts = np.arange(0, rows + 1, each)
    theta, prior = np.full(a, 0.3), np.full(d, 0.8)
    small = np.array([1e-9, 1e-9])
    problem = Problem(x, z, np.zeros((rows, 1)), np.arange(rows), liked, np.ones(rows), starts)
    variances = Variances(prior, np.full(d, -1), theta, np.zeros(a, dtype=int), np.array([[1e-9]]), small)
    state = State.at(np.zeros(d), variances, rows)
    for _ in range(25):
        state, _factors = newton_step(problem, variances, np.zeros(d), state)
    wide = np.zeros((rows, d + people * a))
    wide[:, :d] = x
    for person in range(people):
        part = slice(starts[person], starts[person + 1])
        wide[part, d + person * a : d + (person + 1) * a] = z[part]
    precision = np.concatenate([1 / prior, np.tile(1 / theta, people)])
    beta = np.zeros(len(precision))
    for _ in range(50):
        p = expit(wide @ beta)
        hessian = wide.T @ (wide * (p * (1 - p))[:, None]) + np.diag(precision)
        beta += np.linalg.solve(hessian, wide.T @ (liked - p) - precision * beta)
    np.testing.assert_allclose(state.mean, beta[:d], atol=2e-3)
    np.testing.assert_allclose(state.own, (wide[:, d:] @ beta[d:]), atol=5e-3)


def test_commands_from_faces_to_a_version(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with pytest.raises(CommandError, match="collect_synthetic_data"):
        call_command("train_preference", stdout=StringIO())
    call_command("collect_synthetic_data", "-n", "12", stdout=StringIO())
    out = StringIO()
    call_command("train_preference", "--model-version", "tiny", stdout=out)
    assert "72 synthetic scores" in out.getvalue()
    card = open_artifact(tmp_path / "models" / "hairstyle-scorer" / "tiny").card
    assert card.metrics["reactions"] == 0
    assert not (tmp_path / "models" / "hairstyle-scorer" / "CURRENT").exists(), "it must earn promotion"
    with pytest.raises(CommandError, match="--replace"):
        call_command("train_preference", "--model-version", "tiny", stdout=StringIO())
