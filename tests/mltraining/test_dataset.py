"""A data set is the same whatever the order of its rows, splits by time, and gives each row the past of its moment."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from mltraining.learn import dataset as datasets
from mltraining.learn.dataset import TAKEN_BACK, Dataset, HistoryRow, ReactionRow
from mltraining.learn.face_population import FacePopulation
from mltraining.learn.packed_readings import COLUMNS, pack, unpack
from mltraining.learn.synthetic import LabelledStyle, SyntheticFace
from recommendations.engine.preference_features import person_features
from recommendations.engine.scoring import Past, person_inputs
from recommendations.engine.types import Axis

MINUTE = 60_000_000
PLAIN = (0.2,) * 5 + (0.25,) * 4 + (1.0, 0.1, 0.0, 0.2, -0.1, -0.2, 0.0) + (50.0,) * 11


def row(unit: str, at: int, slug: str, liked: int = 1, said: int = 1, **fields: object) -> ReactionRow:
    """Shown in minute ``at``, answered ``said`` minutes later."""
    plain = ReactionRow(
        PLAIN, unit, f"{unit}-{at}", slug, liked, 1, 50.0, 1.0, "learned", "ml", "m", at * MINUTE, (at + said) * MINUTE
    )
    return plain._replace(**fields)  # type: ignore[arg-type]


def faces(count: int = 3) -> list[SyntheticFace]:
    (reading,) = FacePopulation.load().sample(1, np.random.default_rng(1))
    shape, season = dict(reading.face_shape.probabilities), dict(reading.colour.season.probabilities)
    styles = (LabelledStyle("a", 90.0, "recommended"), LabelledStyle("b", 20.0, "avoid"))
    return [SyntheticFace(f"f{i}", "stylist", shape, season, {"jaw_angle": 10.0 + i}, styles) for i in range(count)]


def build(rows: list[ReactionRow], history: list[HistoryRow] | None = None, share: float = 0.7) -> Dataset:
    if history is None:
        history = [HistoryRow(r.unit, r.analysis, r.slug, r.liked, r.given_at) for r in rows]
    return datasets.build(share=share, reactions=rows, history=history, faces=faces())


def test_packed_reading_scores_as_the_reading_does() -> None:
    from dataclasses import replace

    for number, reading in enumerate(FacePopulation.load().sample(6, np.random.default_rng(0))):
        decision = "unsure" if number % 2 else "clear"
        colour = replace(reading.colour, warm_cool=Axis(0.3, 0.1, 0.5), season=replace(reading.colour.season, decision=decision))
        measured = {name: m for name, m in reading.measurements.items() if name != "jaw_angle"}
        reading = replace(reading, colour=colour, measurements=measured)
        again = unpack(pack(reading))
        assert np.allclose(person_features(again), person_features(reading), atol=1e-12)
        for part in ("face_shape", "season"):
            ours = again.face_shape.probabilities if part == "face_shape" else again.colour.season.probabilities
            theirs = reading.face_shape.probabilities if part == "face_shape" else reading.colour.season.probabilities
            assert dict(ours) == dict(theirs)
        assert person_inputs(dict(again.face_shape.probabilities), dict(again.colour.season.probabilities)).shape == (8,)
        assert pack(again).shape == (len(COLUMNS),)
        assert np.array_equal(pack(again), pack(reading))


def test_order_of_rows_changes_nothing_and_every_fact_changes_the_hash() -> None:
    rows = [row(f"u{i % 3}", i, f"s{i % 4}", i % 2) for i in range(12)]
    whole = build(rows)
    mixed = rows[:]
    random.Random(3).shuffle(mixed)
    assert build(mixed).hash == whole.hash
    others = [
        build(rows, share=0.5),
        build([rows[0]._replace(liked=1 - rows[0].liked), *rows[1:]]),
        build([rows[0]._replace(reading=(0.3, *PLAIN[1:])), *rows[1:]]),
        build([rows[0]._replace(propensity=0.5), *rows[1:]]),
        build(rows, [HistoryRow("u0", "u0-0", "s0", TAKEN_BACK, 5)]),
        build(rows[1:]),
    ]
    assert len({whole.hash, *(other.hash for other in others)}) == 7


def test_file_brings_back_the_same_and_damage_is_a_sentence(tmp_path: Path) -> None:
    data = build([row("u", 1, "a"), row("v", 2, "b", 0)])
    file = tmp_path / "d.npz"
    data.save(file)
    assert Dataset.load(file).hash == data.hash
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="take the snapshot again"):
        Dataset.load(file)


def test_past_is_what_was_said_before_the_list_was_shown() -> None:
    history = [
        HistoryRow("u", "1", "a", 1, 1 * MINUTE),
        HistoryRow("u", "1", "b", 0, 2 * MINUTE),
        HistoryRow("u", "1", "a", 0, 12 * MINUTE),  # a change of mind after the second list
        HistoryRow("u", "1", "b", TAKEN_BACK, 13 * MINUTE),
        HistoryRow("v", "9", "c", 1, 1 * MINUTE),
    ]
    data = build([row("u", 10, "x"), row("u", 20, "y"), row("u", 1, "z", said=40)], history)
    by_slug = dict(zip(data.slug.tolist(), data.pasts(np.arange(3)), strict=True))
    assert by_slug == {"z": (), "x": (Past("a", True), Past("b", False)), "y": (Past("a", False),)}


def test_hold_out_is_the_newest_lists_and_late_answers_are_in_neither_part() -> None:
    rows = [row(f"u{i}", 10 * i, "a") for i in range(8)] + [row("z", 80, slug) for slug in "bc"]
    late = row("late", 5, "d", said=500)  # shown early, answered after the cut
    data = build([*rows, late])
    split = data.split()
    assert set(data.slug[split.hold_out].tolist()) == {"b", "c"}
    assert int(split.train.sum()) == 8
    assert not (split.train | split.hold_out)[data.unit == "late"].any()
    assert data.given_at[split.train].max() < split.cut <= data.shown_at[split.hold_out].min()
    assert not data.split(not_before=81 * MINUTE).hold_out.any()


def test_one_list_cannot_be_held_out_from_itself() -> None:
    split = build([row("u", 1, "a"), row("u", 1, "b")]).split()
    assert split.train.all()
    assert not split.hold_out.any()
    assert len(build([]).split().train) == 0
