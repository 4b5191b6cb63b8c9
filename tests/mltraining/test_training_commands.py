"""The mission's commands, end to end on a dozen faces, and what each says when it cannot go on."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from hairme.common.management.commands import prepare
from hairme.ml.artifacts import FolderStore
from mltraining.learn.synthetic import read_faces
from recommendations.engine.scoring import HairstyleScorer
from tests.recommendations.faces import face


@pytest.fixture
def var(settings: Any, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_from_nothing_to_a_model(var: Path) -> None:
    assert "12 faces, 72 pairs" in run("collect_synthetic_data", "-n", "12")
    assert len(read_faces(var / "training" / "synthetic-stylist.jsonl")) == 12
    said = run("prepare_training_data")
    assert "60 training / 12 validation pairs" in said
    prepared = var / "training" / "prepared"
    assert {path.name for path in prepared.iterdir()} == {"training_data.npz", "metadata.json", "sample.csv"}
    assert np.load(prepared / "training_data.npz")["inputs"].shape == (72, 392)

    said = run("train_scorer", "--epochs", "3", "--model-version", "tiny")
    assert "141,825 parameters" in said
    assert "mission's own data 15.44" in said
    history = json.loads((var / "training" / "tiny-history.json").read_text(encoding="utf-8"))
    assert len(history["epochs"]) == 3
    assert history["metrics"]["parameters"] == 141_825
    assert (var / "training" / "tiny-curves.png").read_bytes().startswith(b"\x89PNG")
    artifact = FolderStore(var / "models").resolve("hairstyle-scorer")
    assert artifact.card.version == "tiny"
    assert artifact.card.dataset_hash == json.loads((prepared / "metadata.json").read_text())["hash"]
    assert HairstyleScorer(artifact).score_vectors(face(), np.zeros((3, 384), np.float32)).shape == (3,)


def test_collecting_more_continues(var: Path) -> None:
    run("collect_synthetic_data", "-n", "2")
    first = (var / "training" / "synthetic-stylist.jsonl").read_bytes()
    run("collect_synthetic_data", "-n", "4")
    assert (var / "training" / "synthetic-stylist.jsonl").read_bytes().startswith(first)
    other = run("collect_synthetic_data", "-n", "3", "--out", str(var / "other.jsonl"), "--seed", "9")
    assert "3 faces" in other
    assert read_faces(var / "other.jsonl")[0].face_id == "stylist-9-0"


def test_ctrl_c_says_where_it_is_and_how_to_go_on(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mltraining.management.commands import collect_synthetic_data as command

    def interrupted(*args: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "collect", interrupted)
    with pytest.raises(CommandError, match=r"synthetic-stylist\.jsonl\. Run the same command to continue"):
        run("collect_synthetic_data")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["collect_synthetic_data", "--source", "gemini"], "needs GEMINI_API_KEY"),
        (["prepare_training_data"], "run collect_synthetic_data first"),
        (["prepare_training_data", "--data", "/no/such/file.jsonl"], "/no/such/file.jsonl is not there"),
        (["train_scorer"], "run prepare_training_data first"),
    ],
)
def test_what_is_missing_is_a_sentence(arguments: list[str], sentence: str, var: Path) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)


def test_gemini_needs_a_folder_of_photos(var: Path, settings: Any) -> None:
    settings.GEMINI_API_KEY = "k"
    for arguments in ([], ["--images", str(var / "nowhere")]):
        with pytest.raises(CommandError, match="--images FOLDER"):
            run("collect_synthetic_data", "--source", "gemini", *arguments)


def test_too_few_faces_and_broken_files_are_sentences(var: Path) -> None:
    run("collect_synthetic_data", "-n", "3")
    with pytest.raises(CommandError, match="too few"):
        run("prepare_training_data")
    file = var / "training" / "synthetic-stylist.jsonl"
    file.write_text("{broken}\n" + file.read_text())
    for command in (["prepare_training_data"], ["collect_synthetic_data", "-n", "5"]):
        with pytest.raises(CommandError, match="line 1 is not a synthetic face"):
            run(*command)


def test_training_with_senseless_settings_is_a_sentence(var: Path) -> None:
    run("collect_synthetic_data", "-n", "6")
    run("prepare_training_data")
    with pytest.raises(CommandError, match="at least 1"):
        run("train_scorer", "--epochs", "0")
    assert not (var / "models").exists()


@pytest.mark.django_db
def test_prepare_makes_a_site_of_an_empty_database_and_does_nothing_twice(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recommendations.models import Style, StyleVector

    monkeypatch.delenv("HAIRME_STAFF_PASSWORD", raising=False)
    StyleVector.objects.all().delete()
    run("prepare")
    assert Style.objects.offered().count() == StyleVector.objects.count() >= 471
    file = var / "run" / "staff-login.txt"
    name, password = file.read_text(encoding="utf-8").split()
    assert file.stat().st_mode & 0o777 == 0o600
    staff = get_user_model().objects.get(username=name)
    assert staff.is_superuser
    assert staff.check_password(password)
    said = run("prepare")
    assert "0 styles embedded" in said
    assert "0 new, 0 changed" in said
    assert file.read_text(encoding="utf-8").split() == [name, password]


@pytest.fixture
def only_the_login(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of `prepare` is tested above and takes seconds."""
    monkeypatch.setattr(prepare, "call_command", lambda *args, **options: None)


@pytest.mark.usefixtures("only_the_login")
def test_prepare_keeps_a_login_of_that_name_and_an_own_password(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = get_user_model().objects
    users.create_user("staff", password="theirs")
    run("prepare")
    assert not users.get(username="staff").is_superuser
    users.all().delete()
    monkeypatch.setenv("HAIRME_STAFF_PASSWORD", "chosen-by-me")
    run("prepare")
    assert users.get(username="staff").check_password("chosen-by-me")


@pytest.mark.usefixtures("only_the_login")
def test_login_whose_password_cannot_be_written_down_is_not_made(var: Path) -> None:
    (var / "run").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        run("prepare")
    assert not get_user_model().objects.exists()


@pytest.mark.usefixtures("only_the_login")
def test_production_gets_no_login(var: Path, settings: Any) -> None:
    settings.PRODUCTION = True
    run("prepare")
    assert not get_user_model().objects.exists()
