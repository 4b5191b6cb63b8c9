"""A near-tie that flips, or a second photo, leaves the list mostly as it was; and every item says why and what it costs."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from hairme.ml.artifacts import get_store
from mltraining.learn import list_stability
from mltraining.learn.face_population import FacePopulation
from mltraining.learn.list_stability import PERCENTILE_SD, TIE, Lister, flipped, on_near_ties, overlap
from mltraining.services.seed_mlp import catalogue_vectors
from recommendations.engine.scoring import HairstyleScorer
from recommendations.engine.stylist import Stylist
from recommendations.engine.types import FaceReading, RankedStyle
from recommendations.selectors import SCORER
from recommendations.services.recommend import ADVISED, LEARNED

POPULATION = FacePopulation.load()


@pytest.fixture(scope="module")
def list_of() -> Lister:
    _encoder, entries, vectors = catalogue_vectors()
    return Lister(entries, vectors, Stylist(entries), HairstyleScorer(get_store().resolve(SCORER)), ADVISED, LEARNED)


def faces(count: int, seed: int = 0) -> list[FaceReading]:
    return POPULATION.sample(count, np.random.default_rng(seed))


def test_a_flipped_near_tie_keeps_four_fifths_of_the_list(list_of: Lister) -> None:
    found = on_near_ties(POPULATION, list_of, faces=120, seed=11)
    assert found["mean_overlap"] >= 0.8
    assert found["tenth"] >= 0.5


def test_a_list_holds_many_kinds_of_cut(list_of: Lister) -> None:
    """Steadiness is not bought with sameness: seven cuts of about six families."""
    families = {entry.slug: entry.family for entry in list_of.entries}
    kinds = [len({families[item.slug] for item in list_of(reading) if item.slug}) for reading in faces(60)]
    assert float(np.mean(kinds)) >= 5
    assert min(kinds) >= 3


def test_different_people_get_different_lists(list_of: Lister) -> None:
    """The other half of the bargain: a list that never changed would be stable too."""
    lists = [list_of(reading) for reading in faces(30)]
    shared = [overlap(a, b) for i, a in enumerate(lists) for b in lists[:i]]
    assert float(np.mean(shared)) < 0.4


def test_twins_differ_as_a_near_tie_does() -> None:
    for reading in faces(20):
        before, after = flipped(reading, np.random.default_rng(5))
        assert (before.face_shape.label, before.face_shape.second) == (after.face_shape.second, after.face_shape.label)
        for twin in (before, after):
            assert sum(twin.face_shape.probabilities.values()) == pytest.approx(1)
            assert sum(twin.colour.season.probabilities.values()) == pytest.approx(1)
            assert all(0 <= m.percentile <= 100 for m in twin.measurements.values())
            gap = twin.face_shape.confidence - twin.face_shape.probabilities[twin.face_shape.second]
            assert 0 < gap <= TIE + 1e-9
        moved = [abs(before.measurements[n].percentile - after.measurements[n].percentile) for n in before.measurements]
        assert 0 < float(np.mean(moved)) < 10


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_item_speaks_of_what_was_measured_and_says_what_it_costs(list_of: Lister, language: str) -> None:
    for reading in faces(40, seed=3):
        items = list_of(reading, language)
        assert len(items) == ADVISED + LEARNED
        assert len({item.cut for item in items}) == len(items)
        for item in items:
            assert re.search(r"\d+ ?%", item.reason), item.reason
            assert len(item.drawback) > 10
            assert bool(re.search("[가-힣]", item.reason + item.drawback)) is (language == "ko")


def test_overlap_counts_cuts() -> None:
    def style(cut: str, name: str) -> RankedStyle:
        return RankedStyle(1, name, name, cut, "ml", 50.0, "", "")

    ours = [style("pixie", "a"), style("bob", "b")]
    assert overlap(ours, [style("bob", "another bob"), style("shag", "c")]) == 0.5
    assert overlap(ours, [style("bob", "b")]) == 0.5
    assert overlap(ours, []) == 0.0
    assert overlap([], []) == 1.0


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("evaluate_stability", *arguments, stdout=out)
    return out.getvalue()


def test_command_reports_the_astronaut_under_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: list_stability.STABLE_UNDER[name] for name in ("mirrored", "half size")}
    monkeypatch.setattr(list_stability.on_photos, "__kwdefaults__", {"people": None, "changes": kept})
    result = json.loads(run("--json", "--faces", "3"))
    assert result["photos"]["read"] == 1
    assert set(result["photos"]["changes"]) == set(kept)
    mirrored = result["photos"]["changes"]["mirrored"]
    assert (mirrored["same_label"], mirrored["overlap"]) == (1.0, 1.0)
    assert 0 <= result["photos"]["mean_overlap"] <= 1
    assert result["near_ties"]["faces"] == 3
    assert result["photos"]["personal"]["people"] == 1
    assert result["photos"]["personal"]["other_people"] is None
    assert result["photos"]["personal"]["other_photo"] is None


def test_command_in_words(tmp_path: Any, face_jpeg: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "face.jpg").write_bytes(face_jpeg)
    (tmp_path / "notes.jpg").write_text("no picture")
    monkeypatch.setattr(
        list_stability.on_photos,
        "__kwdefaults__",
        {"people": None, "changes": {"mirrored": list_stability.STABLE_UNDER["mirrored"]}},
    )
    text = run(str(tmp_path), "--faces", "2")
    assert "1 of 1 photos read" in text
    assert re.search(r"mirrored +1\.00  1\.00", text)
    assert "near-tie flipped on 2 invented faces" in text


def test_command_tells_photos_of_one_person_from_photos_of_others(
    tmp_path: Any, face_jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1", "a/2", "b/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.jpg").write_bytes(face_jpeg)
    monkeypatch.setattr(list_stability.on_photos, "__kwdefaults__", {"people": None, "changes": {}})
    found = json.loads(run(str(tmp_path), "--json", "--people", "--faces", "2"))["photos"]["personal"]
    assert (found["people"], found["other_photo"], found["other_people"]) == (2, 1.0, 1.0)
    assert (found["percentile_sd"], found["shape_log_sd"]) == (0.0, 0.0)
    alone = json.loads(run(str(tmp_path), "--json", "--people", "--fold", "1", "--faces", "2"))["photos"]
    assert (alone["photos"], alone["personal"]["people"]) == (1, 1)


def test_personal_counts_shares_gap_and_spread(list_of: Lister) -> None:
    readings = faces(12, seed=8)
    found = list_stability.personal([*readings, readings[0]], list_of, [*range(12), 0])
    assert found["people"] == 12
    assert found["other_photo"] == 1.0
    assert found["other_people"] < 0.4
    assert 7 < found["distinct_cuts"] <= 84
    assert 0 <= found["gap"] < 3, "being sure and different costs little of what the styles are worth as read"
    assert found["percentile_sd"] == 0.0
    rng = np.random.default_rng(2)
    moved = [twin for reading in readings for twin in flipped(reading, rng)]
    spread = list_stability.personal(moved, list_of, [i // 2 for i in range(24)])["percentile_sd"]
    assert spread == pytest.approx(PERCENTILE_SD / 2**0.5, rel=0.25), "one of two twins moves by PERCENTILE_SD"


def test_command_without_a_readable_photo_says_so(tmp_path: Any) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        run(str(tmp_path / "nowhere"))
    with pytest.raises(CommandError, match="no pictures there"):
        run(str(tmp_path))


def test_without_the_sample_picture_photos_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "skimage", None)
    with pytest.raises(CommandError, match="give photos"):
        run()
