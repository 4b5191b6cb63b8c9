"""Collecting labelled faces: 3 and 3 per face, continued after any interruption, never twice, never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from mltraining.learn.synthetic import Candidate, LabelledStyle, SyntheticFace, collect, read_faces, stylist_faces
from recommendations.engine.catalogue import StyleEntry, load_catalogue
from recommendations.engine.vocabulary import FACE_SHAPES, SEASONS


@cache
def entries() -> tuple[StyleEntry, ...]:
    return load_catalogue().entries


def quiet(done: int, total: int) -> None:
    pass


def made_up(name: str) -> SyntheticFace:
    styles = (LabelledStyle("bob", 90.0, "recommended"), LabelledStyle("버즈", 10.0, "avoid"))
    return SyntheticFace(name, "gemini", {"oval": 1.0}, {"spring": 1.0}, {"jaw_angle": 50.0}, styles)


def candidates(*names: str, labelled: list[str] | None = None, unusable: tuple[str, ...] = ()) -> Iterator[Candidate]:
    for name in names:

        def label(name: str = name) -> SyntheticFace | None:
            if labelled is not None:
                labelled.append(name)
            return None if name in unusable else made_up(name)

        yield Candidate(name, label)


def ids(path: Path) -> list[str]:
    return [face.face_id for face in read_faces(path)]


def test_a_face_has_three_and_three_that_make_sense() -> None:
    slugs = {entry.slug for entry in entries()}
    for candidate in islice(stylist_faces(entries(), seed=5), 12):
        face = candidate.label()
        assert face is not None
        assert face.face_id == candidate.face_id
        assert face.source == "stylist"
        assert set(face.face_shape) == set(FACE_SHAPES)
        assert set(face.season) == set(SEASONS)
        assert sum(face.face_shape.values()) == pytest.approx(1, abs=1e-3)
        assert sum(face.season.values()) == pytest.approx(1, abs=1e-3)
        assert all(0 <= percentile <= 100 for percentile in face.percentiles.values())
        recommended = [style for style in face.styles if style.kind == "recommended"]
        avoided = [style for style in face.styles if style.kind == "avoid"]
        assert (len(recommended), len(avoided)) == (3, 3)
        assert len({style.slug for style in face.styles}) == 6
        assert {style.slug for style in face.styles} <= slugs
        assert all(0 <= style.score <= 100 for style in face.styles)
        assert min(style.score for style in recommended) > max(style.score for style in avoided)


def test_the_same_seed_gives_the_same_faces_in_any_order() -> None:
    first = [candidate.label() for candidate in islice(stylist_faces(entries(), seed=1), 4)]
    again = list(islice(stylist_faces(entries(), seed=1), 4))
    assert [candidate.label() for candidate in reversed(again)] == first[::-1]
    assert next(stylist_faces(entries(), seed=2)).label() != first[0]


def test_faces_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "faces.jsonl"
    assert collect(path, 3, stylist_faces(entries(), 0), quiet) == 3
    assert read_faces(path) == [candidate.label() for candidate in islice(stylist_faces(entries(), 0), 3)]


def test_collecting_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path, steps = tmp_path / "faces.jsonl", []
    collect(path, 2, candidates("a", "b", "c", "d"), lambda done, total: steps.append((done, total)))
    labelled: list[str] = []
    assert collect(path, 4, candidates("a", "b", "c", "d", labelled=labelled), lambda d, t: steps.append((d, t))) == 4
    assert labelled == ["c", "d"], "what is there is not labelled again"
    assert ids(path) == ["a", "b", "c", "d"]
    assert steps == [(1, 2), (2, 2), (3, 4), (4, 4)]
    assert collect(path, 3, candidates("e", labelled=labelled), quiet) == 4
    assert labelled == ["c", "d"]


@pytest.mark.parametrize("keep", range(1, 60, 7))
def test_half_a_last_line_is_collected_again(keep: int, tmp_path: Path) -> None:
    """Wherever the write was cut, even within a Korean letter."""
    path = tmp_path / "faces.jsonl"
    collect(path, 2, candidates("a", "b"), quiet)
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    path.write_bytes(whole[: second + keep] if keep < 50 else whole[: whole.rindex("버".encode()) + 1])
    assert ids(path) == ["a"]
    assert collect(path, 2, candidates("a", "b"), quiet) == 2
    assert path.read_bytes() == whole


def test_a_whole_line_without_its_end_is_not_counted_twice(tmp_path: Path) -> None:
    path = tmp_path / "faces.jsonl"
    collect(path, 2, candidates("a", "b"), quiet)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert collect(path, 2, candidates("a", "b"), quiet) == 2
    assert path.read_bytes() == whole


def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "faces.jsonl"

    def stopped() -> SyntheticFace:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(path, 9, [*candidates("a", "b"), Candidate("c", stopped)], quiet)
    assert ids(path) == ["a", "b"]
    assert collect(path, 3, candidates("a", "b", "c"), quiet) == 3


def test_what_cannot_be_had_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "faces.jsonl"
    assert collect(path, 3, candidates("a", "b", "c", unusable=("b",)), quiet) == 2
    assert ids(path) == ["a", "c"]
    assert collect(path, 3, candidates("a", "a", "a"), quiet) == 2


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faces.jsonl"
    collect(path, 2, candidates("a", "b"), quiet)
    for broken in (b"{not json", b'{"face_id": "x"}', b"[]", b"\xff\xfe"):
        first, second = path.read_bytes().splitlines()[0], path.read_bytes().splitlines()[-1]
        damaged = tmp_path / "damaged.jsonl"
        damaged.write_bytes(b"\n".join([first, broken, second, b""]))
        with pytest.raises(ValueError, match="line 2 is not a synthetic face"):
            read_faces(damaged)
        with pytest.raises(ValueError, match="line 2"):
            collect(damaged, 5, candidates("z"), quiet)
        assert damaged.read_bytes().count(b"\n") == 3, "nothing is thrown away"


def test_blank_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "faces.jsonl"
    collect(path, 1, candidates("a"), quiet)
    path.write_bytes(path.read_bytes() + b"\n\n")
    assert ids(path) == ["a"]
    assert json.loads(path.read_text().splitlines()[0])["styles"][1]["slug"] == "버즈"
