"""Moves of the registry: versions never change, one champion at a time, every move is written down and stays."""

from __future__ import annotations

import shutil
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from hairme.common.errors import ApplicationError
from hairme.common.management.commands import prepare
from hairme.ml import artifacts
from hairme.ml.artifacts import ArtifactError, write_artifact
from mltraining.models import ModelAlias, ModelTransition, ModelVersion
from mltraining.registry import trial
from mltraining.registry.ledger import champions_in_turn
from mltraining.selectors import registry as reads
from mltraining.services import model_files, registry
from tests.mltraining.registry_folders import WHO, scorer_folder, toy, toy_folder


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return settings.MODELS_DIR


def pointers(name: str = "toy") -> dict[str, str]:
    return {alias: version.version for alias, version in reads.aliases(name).items()}


def kinds(name: str = "toy") -> list[str]:
    return [move.kind for move in reversed(reads.transitions(name))]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([], []),
        ([("promote", 1), ("promote", 2)], [1, 2]),
        ([("promote", 1), ("promote", 2), ("rollback", 1)], [1]),
        ([("promote", 1), ("promote", 2), ("promote", 3), ("rollback", 1)], [1]),
        ([("promote", 1), ("promote", 2), ("promote", 1)], [2, 1]),
        ([("promote", 1), ("promote", 2), ("rollback", 1), ("promote", 2)], [1, 2]),
        ([("register", 1), ("challenge", 1), ("damage", None), ("promote", 1)], [1]),
        ([("rollback", 1)], [1]),
    ],
)
def test_champions_in_turn(moves: list[tuple[str, int | None]], expected: list[int]) -> None:
    assert champions_in_turn(moves) == expected


@pytest.mark.django_db
def test_registering_again_changes_nothing_and_other_contents_are_refused(root: Path) -> None:
    first = toy(root, "1", metrics={"mae": 1.5})
    assert (first.path, first.ships_with_code, first.card["metrics"]) == ("toy/1", False, {"mae": 1.5})
    again = registry.register(artifacts.open_artifact(root / "toy" / "1"), **WHO)
    assert again == first
    assert kinds() == ["register"]
    other = toy_folder(root, "1", contents="other", replace=True)
    with pytest.raises(ApplicationError) as refused:
        registry.register(other, **WHO)
    assert refused.value.code == "model_taken"


@pytest.mark.django_db
def test_what_is_half_written_or_elsewhere_is_not_registered(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ApplicationError) as outside:
        registry.register(toy_folder(tmp_path / "elsewhere", "1"), **WHO)
    assert outside.value.code == "model_outside"
    half = toy_folder(root, "2")
    half.file("weights.bin").unlink()
    with pytest.raises(ApplicationError) as unusable:
        registry.register(half, **WHO)
    assert unusable.value.code == "model_unusable"
    seen_while_writing: list[list[str]] = []

    def fill(folder: Path) -> None:
        (folder / "weights.bin").write_text("3")
        seen_while_writing.append(sorted(path.parent.name for path in root.glob("toy/*/card.json")))

    write_artifact(root, name="toy", version="3", fill=fill, dataset_hash="")
    assert seen_while_writing == [["2"]]
    assert not ModelVersion.objects.filter(name="toy").exists()


@pytest.mark.django_db
def test_lineage_follows_the_card(root: Path) -> None:
    first = toy(root, "1")
    second = toy(root, "2", parent="1")
    third = toy(root, "3", parent="toy@2")
    orphan = toy(root, "4", parent="gone")
    assert (second.parent, third.parent, orphan.parent) == (first, second, None)
    trees = reads.lineage(reads.views("toy"))
    assert [tree.view.version.version for tree in trees] == ["1", "4"]
    assert trees[0].children[0].children[0].view.version == third


@pytest.mark.django_db
def test_promote_and_roll_back(root: Path) -> None:
    first, second, third = (toy(root, version) for version in "123")
    person = get_user_model().objects.create_user("kim", password="long enough 1")
    made = registry.promote(first, **WHO, metrics={"lift": 0.08}, user=person)
    assert (made.before, made.after, made.user, made.metrics) == (None, first, person, {"lift": 0.08})
    assert pointers() == {"champion": "1"}
    registry.promote(second, **WHO)
    registry.promote(third, **WHO)
    assert pointers() == {"champion": "3", "previous": "2"}
    assert registry.promote(third, **WHO).before == second, "promoting the champion again is no new move"
    assert registry.rollback("toy", **WHO) == second
    assert pointers() == {"champion": "2", "previous": "1"}, "what was rolled back is nobody's second choice"
    assert registry.rollback("toy", **WHO) == first
    with pytest.raises(ApplicationError) as none_left:
        registry.rollback("toy", **WHO)
    assert none_left.value.code == "model_no_previous"
    assert kinds() == ["register"] * 3 + ["promote"] * 3 + ["rollback"] * 2
    with pytest.raises(ApplicationError) as nothing:
        registry.rollback("nothing", **WHO)
    assert nothing.value.code == "model_no_champion"


@pytest.mark.django_db
def test_roll_back_passes_over_what_cannot_be_loaded(root: Path) -> None:
    for version in "123":
        registry.promote(toy(root, version), **WHO)
    shutil.rmtree(root / "toy" / "2")
    assert registry.rollback("toy", **WHO).version == "1"
    assert pointers() == {"champion": "1"}


@pytest.mark.django_db
def test_nothing_moves_to_damaged_files_or_without_a_reason(root: Path) -> None:
    registry.promote(toy(root, "1"), **WHO)
    second = toy(root, "2")
    with pytest.raises(ApplicationError) as unsaid:
        registry.promote(second, actor="test", reason=" ")
    assert unsaid.value.code == "model_reason"
    (root / "toy" / "2" / "weights.bin").write_text("x")
    for move in (registry.promote, registry.challenge):
        with pytest.raises(ApplicationError) as refused:
            move(second, **WHO)
        assert refused.value.code == "model_unusable"
        assert "checksum" in refused.value.message
    assert pointers() == {"champion": "1"}


@pytest.mark.django_db
def test_challenge_withdraw_reject(root: Path) -> None:
    first, second, third = (toy(root, version) for version in "123")
    registry.promote(first, **WHO)
    with pytest.raises(ApplicationError) as serves:
        registry.challenge(first, **WHO)
    assert serves.value.code == "model_serves"
    registry.challenge(second, **WHO)
    assert registry.challenge(third, **WHO).before == second
    assert pointers() == {"champion": "1", "challenger": "3"}
    registry.promote(third, **WHO)
    assert pointers() == {"champion": "3", "previous": "1"}
    assert registry.withdraw("toy", **WHO) is None
    registry.challenge(second, **WHO)
    withdrawn = registry.withdraw("toy", **WHO)
    assert withdrawn is not None
    assert (withdrawn.before, withdrawn.after) == (second, None)
    registry.reject(first, **WHO, metrics={"like_rate": 0.1})
    assert pointers() == {"champion": "3"}, "a rejected version is no second choice"
    assert (first.state, first.reason) == ("rejected", "because")
    for move in (registry.promote, registry.challenge):
        with pytest.raises(ApplicationError) as rejected:
            move(first, **WHO)
        assert rejected.value.code == "model_rejected"
    with pytest.raises(ApplicationError):
        registry.reject(third, **WHO)


@pytest.mark.django_db
def test_history_cannot_be_changed(root: Path) -> None:
    person = get_user_model().objects.create_user("kim", password="long enough 1")
    registry.promote(toy(root, "1"), **WHO, user=person)
    move = reads.transitions("toy")[0]
    for change in (move.save, move.delete):
        with pytest.raises(TypeError):
            change()
    table = ModelTransition._meta.db_table
    for sql in (f"UPDATE {table} SET reason = 'x'", f"UPDATE {table} SET at = now()", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    person.delete()
    move.refresh_from_db()
    assert (move.user, move.actor) == (None, "test"), "a person may leave; what happened stays"


@pytest.mark.django_db(transaction=True)
def test_two_promotions_at_once_leave_one_champion(root: Path) -> None:
    registry.promote(toy(root, "0"), **WHO)
    versions = [toy(root, str(number)) for number in range(1, 5)]
    start, errors = threading.Barrier(len(versions)), []

    def promote(version: ModelVersion) -> None:
        try:
            start.wait()
            registry.promote(version, **WHO)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=promote, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    moves = list(ModelTransition.objects.filter(kind="promote").order_by("id"))
    assert [later.before for later in moves[1:]] == [earlier.after for earlier in moves[:-1]], "one after another"
    assert reads.champion("toy") == moves[-1].after
    assert reads.aliases("toy")["previous"] == moves[-1].before
    assert ModelAlias.objects.count() == 2


@pytest.mark.django_db
def test_scorers_are_tried_before_they_serve(root: Path) -> None:
    good = registry.register(scorer_folder(root, "copy"), **WHO)
    assert registry.promote(good, **WHO).after == good
    stranger = registry.register(scorer_folder(root, "stranger", features={"encoder": "static-ko-en@0"}), **WHO)
    unknown = registry.register(scorer_folder(root, "unknown", params={"architecture": "oracle"}), **WHO)
    for version, word in ((stranger, "static-ko-en@0"), (unknown, "oracle")):
        with pytest.raises(ApplicationError, match="model_unusable") as refused:
            registry.promote(version, **WHO)
        assert word in refused.value.message


def test_golden_answers_that_differ_are_told(tmp_path: Path) -> None:
    import numpy as np

    shipped = artifacts.get_store()
    for name in ("hairstyle-scorer", "text-encoder", "face-shape"):
        source = shipped.resolve(name)
        trial.try_version(source)
        copy = artifacts.Artifact(tmp_path / name, source.card)
        shutil.copytree(source.path, copy.path)
        golden = dict(np.load(copy.file("golden.npz")))
        answer = {"hairstyle-scorer": "score", "text-encoder": "vectors", "face-shape": "probabilities"}[name]
        golden[answer] = golden[answer] + 0.5
        np.savez(copy.file("golden.npz"), **golden)
        with pytest.raises(ArtifactError, match="differ"):
            trial.try_version(copy)


@pytest.mark.django_db
def test_shipped_models_serve_until_somebody_decides_otherwise(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained = tmp_path / "pretrained"
    monkeypatch.setattr(artifacts, "PRETRAINED_ROOT", pretrained)
    store = artifacts.FolderStore(pretrained)
    store.set_current(toy_folder(pretrained, "1"))
    assert registry.register_shipped() == ["registered toy@1", "champion toy@1"]
    assert registry.register_shipped() == []
    assert artifacts.open_artifact(root / "toy" / "1"), "a copy outlives the code that brought it"

    store.set_current(toy_folder(pretrained, "2"))
    shutil.rmtree(pretrained / "toy" / "1")
    assert registry.register_shipped() == ["registered toy@2", "champion toy@2"]
    assert registry.rollback("toy", **WHO).version == "1", "from the copy"

    store.set_current(toy_folder(pretrained, "3"))
    assert registry.register_shipped() == ["registered toy@3"]
    assert pointers() == {"champion": "1"}
    (pretrained / "toy" / "3" / "weights.bin").write_text("x")
    [said] = registry.register_shipped()
    assert said.startswith("NOT registered")


@pytest.mark.django_db
def test_a_shipped_encoder_waits_for_a_scorer_of_its_own(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = tmp_path / "pretrained"
    monkeypatch.setattr(artifacts, "PRETRAINED_ROOT", pretrained)
    store = artifacts.FolderStore(pretrained)
    store.set_current(toy_folder(pretrained, "1", name="text-encoder"))
    store.set_current(toy_folder(pretrained, "a", name="hairstyle-scorer", features={"encoder": "static-ko-en@1"}))
    registry.register_shipped()
    store.set_current(toy_folder(pretrained, "2", name="text-encoder"))
    registry.register_shipped()
    assert pointers("text-encoder") == {"champion": "1"}
    store.set_current(toy_folder(pretrained, "b", name="hairstyle-scorer", features={"encoder": "static-ko-en@2"}))
    registry.register_shipped()
    assert pointers("text-encoder") == {"champion": "2", "previous": "1"}
    assert pointers("hairstyle-scorer") == {"champion": "b", "previous": "a"}


@pytest.mark.django_db
def test_everything_that_ships_can_serve(root: Path) -> None:
    registry.register_shipped()
    found = model_files.verify(ModelVersion.objects.all(), actor="test")
    assert len(found) >= 3
    assert [finding.problem for finding in found if not finding.is_good] == []
    assert {row.name for row in ModelAlias.objects.filter(alias="champion")} >= {"face-shape", "text-encoder", "hairstyle-scorer"}


@pytest.mark.django_db
def test_prepare_registers_what_ships(root: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path

    def only_models(name: str, *arguments: Any, **options: Any) -> None:
        if name == "models":
            call_command(name, *arguments, **options)

    monkeypatch.setattr(prepare, "call_command", only_models)
    prepare.Command(stdout=StringIO()).handle()
    assert pointers("hairstyle-scorer")["champion"] == artifacts.get_store().resolve("hairstyle-scorer").card.version
