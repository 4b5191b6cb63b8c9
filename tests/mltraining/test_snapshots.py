"""A data set holds what was known at its moment and nothing from later; nobody can be named from it; what is deleted is gone."""

from __future__ import annotations

import errno
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from mltraining.learn.candidates import row_weights
from mltraining.learn.dataset import Dataset
from mltraining.learn.packed_readings import COLUMNS, pack
from mltraining.models import DatasetSnapshot, ModelVersion, TrainingRun
from mltraining.selectors import training as reads
from mltraining.services import snapshots
from recommendations.engine import corrections
from recommendations.engine.scoring import Past
from recommendations.engine.types import FaceReading
from recommendations.models import Analysis, ReadingCorrection, Style
from recommendations.selectors import entry_of
from recommendations.services.analyses import delete_analysis
from tests.mltraining.feedback_story import readings, say, show, shown
from tests.mltraining.test_dataset import faces
from tests.recommendations.pages import load_styles

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)


@pytest.fixture
def styles(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Style]:
    settings.VAR_DIR, settings.MODELS_DIR = tmp_path, tmp_path / "models"
    load_styles()
    found = list(Style.objects.order_by("slug")[:10])
    labelled = [
        type(face)(**{**{n: getattr(face, n) for n in face.__slots__}, "styles": tuple(
            type(s)(found[i].slug, s.score, s.kind) for i, s in enumerate(face.styles)
        )})
        for face in faces()
    ]  # fmt: skip
    monkeypatch.setattr(snapshots, "synthetic_faces", lambda entries: (labelled, "made up"))
    return found


def take(as_of: datetime = NOW, share: float = 0.7) -> DatasetSnapshot:
    entries = [entry_of(style) for style in Style.objects.select_related("cut").order_by("slug")]
    return snapshots.take_snapshot(as_of, entries, share)


def data(as_of: datetime = NOW) -> Dataset:
    return snapshots.load_snapshot(take(as_of))


def corrected(analysis: Analysis, field: str, word: str, at: datetime) -> None:
    """A correction at ``at`` with its list, as the worker leaves it."""
    said = {**{c.field: c.value for c in analysis.corrections.order_by("pk")}, field: word}
    reading = corrections.correct(FaceReading.from_json(analysis.reading), said)
    analysis.revision += 1
    made = ReadingCorrection.objects.create(analysis=analysis, field=field, value=word, revision=analysis.revision)
    ReadingCorrection.objects.filter(pk=made.pk).update(created_at=at)
    analysis.corrected_reading, analysis.face_shape = reading.to_json(), reading.face_shape.label
    analysis.save()


def test_same_facts_are_the_same_row_and_a_lost_file_comes_back(styles: list[Style], tmp_path: Path) -> None:
    analysis = shown(styles[:3], NOW - 2 * HOUR, reading=readings(1)[0], visitor="v")
    say(analysis, styles[0], 1, NOW - HOUR)
    first = take()
    file = tmp_path / "snapshots" / first.path
    file.unlink()
    assert take(NOW + HOUR) == first
    assert snapshots.load_snapshot(first).hash == first.content_hash == first.path.removesuffix(".npz")
    assert take(share=0.3) != first
    say(analysis, styles[1], 0, NOW - HOUR)
    later = take()
    assert (later.reactions, later.people, later.synthetic) == (2, 1, 6)
    assert later.details["like_rate"] == 0.5
    assert DatasetSnapshot.objects.count() == 3
    file.write_bytes((tmp_path / "snapshots" / later.path).read_bytes())
    with pytest.raises(ValueError, match="not the data set that was taken"):
        snapshots.load_snapshot(first)


def test_nothing_from_after_the_moment_changes_anything(styles: list[Style]) -> None:
    """The planted leak: later answers, changes of mind, undos and corrections are invisible to a data set of before."""
    first, second = readings(2)
    one = shown(styles[:4], NOW - 9 * HOUR, reading=first, visitor="v")
    two = shown(styles[4:8], NOW - 8 * HOUR, reading=second, visitor="w")
    say(one, styles[0], 1, NOW - 8 * HOUR)
    say(one, styles[1], 0, NOW - 8 * HOUR)
    say(two, styles[4], 1, NOW - 7 * HOUR)
    then = NOW - 6 * HOUR
    before = data(then)

    say(one, styles[0], 0, NOW - 5 * HOUR)
    say(one, styles[1], None, NOW - 5 * HOUR)
    say(two, styles[5], 1, NOW - 5 * HOUR)
    corrected(two, "face_shape", "heart", NOW - 4 * HOUR)
    show(two, styles[:2], NOW - 4 * HOUR)
    say(two, styles[0], 1, NOW - 3 * HOUR, revision=1)
    assert data(then).hash == before.hash
    after = data()
    assert len(after) == 4
    assert after.hash != before.hash


def test_list_keeps_the_reading_it_was_made_from(styles: list[Style]) -> None:
    """A reader of the analysis as it is now would give the first list a face that nobody knew of when it was shown."""
    measured = readings(1)[0]
    analysis = shown(styles[:3], NOW - 5 * HOUR, reading=measured, visitor="v")
    say(analysis, styles[0], 1, NOW - 4 * HOUR)
    corrected(analysis, "face_shape", "heart", NOW - 3 * HOUR)
    show(analysis, styles[3:6], NOW - 3 * HOUR)
    say(analysis, styles[3], 0, NOW - 2 * HOUR, revision=1)
    found = data()
    by_slug = {str(slug): found.readings[row] for slug, row in zip(found.slug, found.reading, strict=True)}
    assert np.allclose(by_slug[styles[0].slug], pack(FaceReading.from_json(measured)))
    naive = pack(FaceReading.from_json(analysis.used_reading))
    assert not np.allclose(by_slug[styles[0].slug], naive)
    heart = COLUMNS.index("shape:heart")
    assert by_slug[styles[3].slug][heart] == pytest.approx(naive[heart], abs=1e-4)
    assert naive[heart] > 0.9


def test_past_is_of_before_the_list(styles: list[Style]) -> None:
    reading = readings(1)[0]
    one = shown(styles[:3], NOW - 9 * HOUR, reading=reading, visitor="v")
    two = shown(styles[3:6], NOW - 5 * HOUR, reading=reading, visitor="v")
    stranger = shown(styles[:3], NOW - 9 * HOUR, reading=reading, visitor="w")
    say(one, styles[0], 1, NOW - 8 * HOUR)
    say(two, styles[3], 1, NOW - 4 * HOUR)
    say(one, styles[0], 0, NOW - 3 * HOUR)  # a change of mind after the second list was shown
    say(stranger, styles[1], 0, NOW - 8 * HOUR)
    found = data()
    pasts = dict(zip(found.slug.tolist(), found.pasts(np.arange(len(found))), strict=True))
    assert pasts[styles[3].slug] == (Past(styles[0].slug, True),)
    assert pasts[styles[0].slug] == pasts[styles[1].slug] == ()
    assert dict(zip(found.slug.tolist(), found.liked.tolist(), strict=True))[styles[0].slug] == 0


def test_taken_back_and_unknown_styles_are_no_reactions(styles: list[Style]) -> None:
    analysis = shown(styles[:4], NOW - 5 * HOUR, reading=readings(1)[0], visitor="v")
    for style in styles[:3]:
        say(analysis, style, 1, NOW - 4 * HOUR)
    say(analysis, styles[0], None, NOW - 3 * HOUR)
    styles[1].delete()  # its impression keeps the name alone
    row = take()
    assert row.reactions == 1
    assert row.details["left_out"] == {"not_in_the_catalogue": 1}
    assert reads.feedbacks(NOW) == 1
    weight, synthetic = row_weights(row.reactions, row.synthetic, row.synthetic_share)
    assert synthetic * row.synthetic / (weight * row.reactions + synthetic * row.synthetic) == pytest.approx(0.7)


def test_no_person_and_no_analysis_can_be_named_from_the_file(styles: list[Style], tmp_path: Path) -> None:
    visitor = "00000000-0000-4000-8000-000000000001"
    analysis = shown(styles[:2], NOW - 5 * HOUR, reading=readings(1)[0], visitor=visitor)
    say(analysis, styles[0], 1, NOW - 4 * HOUR)
    first, other = take(), take(NOW - 4 * HOUR, share=0.5)
    content = (tmp_path / "snapshots" / first.path).read_bytes() + str(first.details).encode()
    for name in (visitor, str(analysis.pk), analysis.unit):
        assert name.encode() not in content
    found = snapshots.load_snapshot(first)
    assert set(found.unit.tolist()) == {snapshots.pseudonym(first.details["salt"], analysis.unit)}
    say(analysis, styles[1], 1, NOW - 3 * HOUR)
    later = snapshots.load_snapshot(take())
    assert not set(later.unit.tolist()) & set(found.unit.tolist())  # two data sets cannot be joined
    assert other.details["salt"] == first.details["salt"]  # the same people and words, only weighted otherwise


def test_deleted_analysis_is_in_no_later_data_set_and_its_versions_are_known(styles: list[Style], tmp_path: Path) -> None:
    kept = shown(styles[:2], NOW - 6 * HOUR, reading=readings(1)[0], visitor="v")
    gone = shown(styles[2:4], NOW - 6 * HOUR, reading=readings(1)[0], visitor="w")
    say(kept, styles[0], 1, NOW - 5 * HOUR)
    only = take()
    say(gone, styles[2], 0, NOW - 5 * HOUR)
    both = take()
    version = ModelVersion.objects.create(name="hairstyle-scorer", version="v", path="x", card={}, card_sha256="0" * 64)
    TrainingRun.objects.create(
        model="hairstyle-scorer", architecture="seed-mlp", trigger="command", state="accepted", snapshot=both, version=version
    )
    assert snapshots.forget_deleted() == []
    pk = gone.pk
    delete_analysis(gone)
    assert take() == only
    assert snapshots.forget_deleted() == [both.path]
    assert not (tmp_path / "snapshots" / both.path).exists()
    assert (tmp_path / "snapshots" / only.path).exists()
    assert snapshots.versions_trained_on(pk) == [version]
    assert snapshots.versions_trained_on(kept.pk) == [version]
    assert snapshots.versions_trained_on(1) == []


def test_full_disk_leaves_nothing_behind(styles: list[Style], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Dataset, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Dataset, "save", full)
    with pytest.raises(OSError):
        take()
    assert not DatasetSnapshot.objects.exists()
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_synthetic_faces_are_those_collected_or_the_same_ones_every_time(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.management import call_command

    from recommendations.engine.catalogue import load_catalogue

    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(snapshots, "SYNTHETIC_FACES", 4)
    entries = load_catalogue().entries
    made, by = snapshots.synthetic_faces(entries)
    assert (len(made), by) == (4, "stylist's rules, seed 0")
    assert snapshots.synthetic_faces(entries)[0] == made
    call_command("collect_synthetic_data", "-n", "3", stdout=StringIO())
    collected, by = snapshots.synthetic_faces(entries)
    assert (collected, by) == (made[:3], "synthetic-stylist.jsonl")
