"""The stylist's rules: sound as data, continuous in what is measured, on the craft's side, and stable where a face is in between."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mltraining.learn.face_population import FacePopulation, rule_measures
from recommendations.engine import retakes
from recommendations.engine.catalogue import StyleEntry
from recommendations.engine.measurements import NAMES
from recommendations.engine.stylist import BASE, Stylist
from recommendations.engine.stylist_rules import RULES_FILE, load_rules, voices
from recommendations.engine.types import FaceReading
from recommendations.engine.vocabulary import EFFECTS, FACE_SHAPES
from tests.recommendations.faces import face
from tests.recommendations.gemini_cases import catalogue

#: What the craft says of each shape (the sources that stylist_rules.yaml names): an effect that helps, and its opposite.
CRAFT = [
    ("round", {"length_to_width": 8.0, "jaw_angle": 85.0}, "adds_height", "adds_width"),
    ("oblong", {"length_to_width": 94.0}, "adds_width", "adds_height"),
    ("oblong", {"length_to_width": 94.0}, "shortens_face", "lengthens_face"),
    ("round", {"length_to_width": 8.0}, "lengthens_face", "shortens_face"),
    ("square", {"jaw_to_cheek": 93.0, "jaw_angle": 7.0}, "softens_jaw", "sharpens_jaw"),
    ("heart", {"jaw_to_cheek": 6.0, "chin_angle": 8.0, "forehead_to_cheek": 92.0}, "fills_chin", "opens_forehead"),
]
#: Points that a score may move when one measurement moves by one percentile: the steepest rule, times the slope of the squash.
MOST_PER_PERCENTILE = 3.0


@cache
def entries() -> tuple[StyleEntry, ...]:
    return catalogue().entries


@cache
def stylist() -> Stylist:
    return Stylist(entries())


EVERYTHING = np.ones(len(catalogue().entries), dtype=bool)
INDIFFERENT = np.zeros(len(catalogue().entries))


def suggest(reading: FaceReading, mask: np.ndarray = EVERYTHING, language: str = "ko", n: int = 4) -> list[Any]:
    return stylist().suggest(reading, mask, INDIFFERENT, language=language, n=n)


def test_rules_speak_of_what_exists() -> None:
    rules = load_rules()
    assert len(rules) >= 15
    assert len({rule.id for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.measure in NAMES, rule.id
        assert {*rule.wants, *rule.avoids} <= set(EFFECTS), rule.id
        assert rule.wants, rule.id
        assert not {*rule.wants} & {*rule.avoids}, rule.id
        assert all(0 < points <= 12 for points in (*rule.wants.values(), *rule.avoids.values())), rule.id
        assert 0 < min(rule.start, rule.full) < max(rule.start, rule.full) < 100, rule.id
        assert "{percent}" in rule.says.ko, rule.id
        assert "{percent}" in rule.says.en, rule.id
        assert rule.source in {"M", "S", "K"}, rule.id


def test_no_face_is_told_two_opposite_things() -> None:
    """Two rules of one measurement never speak at the same percentile."""
    for measure in rule_measures():
        for percentile in np.linspace(0, 100, 201):
            assert sum(rule.strength(percentile) > 0 for rule in load_rules() if rule.measure == measure) <= 1, measure


def test_an_average_face_hears_nothing() -> None:
    assert voices(face()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"wants": {"flies": 3}}, "unknown effects"), ({"to": 60}, "empty ramp"), ({"to": 60.0}, "empty ramp")],
)
def test_bad_rule_is_refused(change: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    [first, *_] = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump([{**first, **change}]), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_rules(file)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(rule_measures()),
    st.floats(0, 99),
    st.floats(0.001, 1),
    st.sampled_from(sorted(FACE_SHAPES)),
    st.integers(0, 10_000),
)
def test_a_small_change_of_a_measurement_is_a_small_change_of_every_score(
    measure: str, percentile: float, step: float, shape: str, seed: int
) -> None:
    others = {name: float(p) for name, p in zip(rule_measures(), np.random.default_rng(seed).uniform(0, 100, 50), strict=False)}
    before, after = (stylist().score(face(shape, **{**others, measure: p})) for p in (percentile, percentile + step))
    assert np.abs(after - before).max() <= MOST_PER_PERCENTILE * step + 1e-9


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.id)
def test_strength_grows_monotonically(rule: Any) -> None:
    percentiles = np.linspace(rule.start, rule.full, 30)
    strengths = [rule.strength(p) for p in percentiles]
    assert strengths == sorted(strengths)
    assert (strengths[0], strengths[-1]) == (0.0, 1.0)
    outside = 0.0 if rule.full > rule.start else 100.0
    assert rule.strength(outside) == 0.0
    assert rule.percent(100.0 if rule.full > rule.start else 0.0) == 99


def test_scores_stay_on_the_scale_and_use_it() -> None:
    scores = np.stack([stylist().score(reading) for reading in FacePopulation.load().sample(50, np.random.default_rng(0))])
    assert scores.min() >= 0
    assert scores.max() <= 100
    assert scores.max(axis=1).min() > BASE + 15, "every face has styles that suit it well"
    assert np.median(scores.min(axis=1)) < BASE - 15
    assert scores.min() < 20
    assert scores.max() > 90


def test_without_doubt_the_sure_score_is_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retakes, "PERCENTILE_SD", 0.0)
    monkeypatch.setattr(retakes, "SHAPE_LOG_SD", 0.0)
    for reading in FacePopulation.load().sample(10, np.random.default_rng(4)):
        assert stylist().sure_score(reading) == pytest.approx(stylist().score(reading), abs=0.2)


def test_what_hangs_on_a_doubtful_measurement_is_worth_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement half way up a rule's ramp may be anywhere on it in another photo; one far beyond the ramp may not."""
    monkeypatch.setattr(retakes, "SHAPE_LOG_SD", 0.0)
    [rule] = [rule for rule in load_rules() if rule.id == "wide-jaw"]
    helps = np.array(["softens_jaw" in entry.effects for entry in entries()])
    half_way, beyond = (face("oval", jaw_to_cheek=at) for at in ((rule.start + rule.full) / 2, rule.full + 60.0))
    lost = [(stylist().score(reading) - stylist().sure_score(reading))[helps].mean() for reading in (half_way, beyond)]
    assert lost[0] > lost[1] + 1
    assert (stylist().sure_score(half_way) == stylist().sure_score(half_way)).all()


def test_retakes_spread_as_they_say_around_what_was_read() -> None:
    reading = face({"oval": 0.4, "round": 0.3, "square": 0.1, "oblong": 0.1, "heart": 0.1}, jaw_to_cheek=50.0)
    drawn = retakes.percentiles(reading, ("not_measured", "jaw_to_cheek"))
    assert set(drawn) == {"jaw_to_cheek"}
    assert drawn["jaw_to_cheek"].mean() == pytest.approx(50.0)
    assert drawn["jaw_to_cheek"].std() == pytest.approx(retakes.PERCENTILE_SD, rel=0.3)
    shapes = retakes.shapes(reading)
    assert shapes.shape == (retakes.DRAWS, len(FACE_SHAPES))
    assert shapes.sum(axis=1) == pytest.approx(1.0)
    assert shapes.mean(axis=0) == pytest.approx([reading.face_shape.probabilities[name] for name in FACE_SHAPES], abs=0.1)


@pytest.mark.parametrize(
    ("shape", "measured", "helps", "hurts"), CRAFT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_craft_is_followed(shape: str, measured: dict[str, float], helps: str, hurts: str) -> None:
    """In the mean over the catalogue, and among what is suggested."""
    scores = stylist().score(face(shape, **measured))
    with_helping = [
        s for s, entry in zip(scores, entries(), strict=True) if helps in entry.effects and hurts not in entry.effects
    ]
    with_hurting = [
        s for s, entry in zip(scores, entries(), strict=True) if hurts in entry.effects and helps not in entry.effects
    ]
    assert np.mean(with_helping) > np.mean(with_hurting) + 8
    effects = {entry.slug: entry.effects for entry in entries()}
    shown = [effects[one.slug] for one in suggest(face(shape, **measured), n=7)]
    assert sum(helps in own for own in shown) > sum(hurts in own for own in shown)


def test_a_sure_shape_prefers_what_flatters_it() -> None:
    for shape in FACE_SHAPES:
        scores = stylist().score(face(shape))
        by_step = [[s for s, e in zip(scores, entries(), strict=True) if e.flatters[shape] == step] for step in (-2, -1, 0, 1, 2)]
        means = [np.mean(step) for step in by_step if step]
        assert len(means) >= 3
        assert means == sorted(means)
        assert means[-1] > means[0] + 8


@pytest.mark.parametrize("language", ["ko", "en"])
def test_reasons_tell_what_was_measured_in_the_language_asked_for(language: str) -> None:
    reading = face("oblong", length_to_width=91.0)
    for one in suggest(reading, language=language, n=6):
        assert "91" in one.reason
        hangul = sum("가" <= c <= "힣" for c in one.reason)
        assert (hangul > 10) == (language == "ko")
        assert one.source == "stylist"
    entry_names = {entry.slug: entry.name[language] for entry in entries()}
    assert all(one.name == entry_names[one.slug] for one in suggest(reading, language=language))


def test_small_measurements_are_told_in_their_own_direction() -> None:
    assert "93" in suggest(face(length_to_width=7.0))[0].reason


def test_the_mask_is_respected_and_cuts_differ() -> None:
    mask = np.array([entry.length == "short" for entry in entries()])
    length = {entry.slug: entry.length for entry in entries()}
    shown = suggest(face("round"), mask, n=7)
    assert len(shown) == 7
    assert {length[one.slug] for one in shown} == {"short"}
    assert len({one.cut for one in shown}) == 7
    assert suggest(face("round"), ~EVERYTHING) == []
    one_cut = np.array([entry.cut == entries()[0].cut for entry in entries()])
    assert len(suggest(face("round"), one_cut)) == 1


def test_at_most_half_are_of_one_family_where_there_is_a_choice() -> None:
    family = {entry.slug: entry.family for entry in entries()}
    for reading in FacePopulation.load().sample(30, np.random.default_rng(1)):
        shown = [family[one.slug] for one in suggest(reading)]
        assert max(shown.count(name) for name in shown) <= 2


def test_preference_moves_the_choice() -> None:
    liked = np.where([entry.length == "very_long" for entry in entries()], 50.0, 0.0)
    length = {entry.slug: entry.length for entry in entries()}
    shown = stylist().suggest(face("oval"), EVERYTHING, liked, language="ko", n=4)
    assert {length[one.slug] for one in shown} == {"very_long"}


def test_a_face_between_two_shapes_gets_nearly_the_same_list_either_way() -> None:
    """The label flips, the probabilities move by 0.02 and the list keeps at least 80 % in the mean over real-looking faces."""
    kept = []
    for reading in FacePopulation.load().sample(40, np.random.default_rng(2)):
        near = dict(reading.face_shape.probabilities)
        first, second = sorted(near, key=lambda name: -near[name])[:2]
        middle = (near[first] + near[second]) / 2
        measured = {name: m.percentile for name, m in reading.measurements.items()}
        one, other = (face({**near, first: middle + shift, second: middle - shift}, **measured) for shift in (0.01, -0.01))
        assert one.face_shape.label != other.face_shape.label
        lists = [{suggested.cut for suggested in suggest(reading, n=7)} for reading in (one, other)]
        kept.append(len(lists[0] & lists[1]) / 7)
    assert np.mean(kept) >= 0.8
    assert np.median(kept) >= 0.8
