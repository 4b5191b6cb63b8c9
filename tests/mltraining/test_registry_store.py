"""Serving never goes down: what this process serves while pointers move, files break, folders vanish and the database is away."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connections, transaction
from structlog.testing import capture_logs

from hairme import metrics
from hairme.common import wake
from hairme.ml import artifacts
from hairme.ml.artifacts import ArtifactError, FolderStore, loaded
from mltraining import checks
from mltraining.models import ModelAlias, ModelTransition, ModelVersion
from mltraining.registry import folders, served
from mltraining.registry.store import RegistryStore
from mltraining.selectors import registry as reads
from mltraining.services import model_files, registry
from mltraining.tasks.registry import verify_models
from recommendations.engine.scoring import load_scorer
from recommendations.selectors import SCORER
from tests.mltraining.registry_folders import WHO, scorer_folder, toy, toy_folder

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)  # damage is never written into a transaction that may be rolled back
SECONDS = 0.1  # between two questions of a process in these tests


@pytest.fixture
def root(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_REFRESH_SECONDS = SECONDS
    monkeypatch.setattr(served.FALLBACKS, "_key", f"hairme:test:{uuid.uuid4().hex}")
    return settings.MODELS_DIR


@pytest.fixture
def shipped(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "shipped")
    store.set_current(toy_folder(store.root, "shipped"))
    return store


@pytest.fixture
def store(root: Path, shipped: FolderStore) -> RegistryStore:
    return RegistryStore(shipped)


def serves(store: RegistryStore) -> str:
    """After the next question."""
    time.sleep(1.5 * SECONDS)
    version = store.resolve("toy").card.version
    return f"{version} {store.source_of('toy')}"


def spoil(root: Path, version: str) -> None:
    (root / "toy" / version / "weights.bin").write_text("spoiled")


def fallbacks() -> float:
    return sum(sample.value for sample in served.FALLBACKS.family().samples)


def test_a_promoted_version_serves_without_restart(root: Path, store: RegistryStore) -> None:
    assert serves(store) == "shipped shipped", "nothing is registered yet"
    registry.promote(toy(root, "1"), **WHO)
    assert serves(store) == "1 champion"
    registry.promote(toy(root, "2"), **WHO)
    assert serves(store) == "2 champion"
    registry.rollback("toy", **WHO)
    assert serves(store) == "1 champion"
    assert fallbacks() == 0


def test_files_are_hashed_once_until_one_is_written(root: Path, store: RegistryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    real = folders.open_place

    def counted(entry: folders.Entry, folder: Path) -> Any:
        opened.append(folder)
        return real(entry, folder)

    registry.promote(toy(root, "1"), **WHO)
    monkeypatch.setattr(folders, "open_place", counted)
    for _ in range(3):
        assert serves(store) == "1 champion"
    assert store.resolve("toy", "1").card.version == "1"
    assert len(opened) == 1
    spoil(root, "1")
    for _ in range(3):
        assert serves(store) == "shipped shipped"
    assert len(opened) == 2


@committed
@pytest.mark.parametrize("how", ["spoiled", "folder gone", "file gone", "card rewritten", "unreadable card"])
def test_a_damaged_champion_is_replaced_loudly_by_the_previous_one(how: str, root: Path, store: RegistryStore) -> None:
    for version in "12":
        registry.promote(toy(root, version), **WHO)
    assert serves(store) == "2 champion"
    folder = root / "toy" / "2"
    if how == "spoiled":
        spoil(root, "2")
    elif how == "folder gone":
        shutil.rmtree(folder)
    elif how == "file gone":
        (folder / "weights.bin").unlink()
    elif how == "card rewritten":
        toy_folder(root, "2", contents="other", replace=True)
    else:
        (folder / "card.json").write_text("{")
    with capture_logs() as logs:
        assert serves(store) == "1 previous"
        assert serves(store) == "1 previous"
    loud = [line for line in logs if line["event"] == "model_fallback"]
    assert [(line["log_level"], line["champion"], line["serves"]) for line in loud] == [("error", "toy@2", "toy@1")]
    assert loud[0]["problem"]
    assert fallbacks() == 1
    version = ModelVersion.objects.get(version="2")
    assert version.state == "damaged"
    assert version.reason
    assert [move.before.version for move in ModelTransition.objects.filter(kind="damage")] == ["2"]
    assert reads.aliases("toy")["champion"] == version, "the pointer is a person's or an experiment's to move"
    [said] = checks.check_champions(databases=["default"])
    assert (said.id, "toy@2" in said.msg, bool(said.hint)) == ("mltraining.W001", True, True)


@committed
def test_other_processes_write_the_damage_down_only_once(root: Path, shipped: FolderStore) -> None:
    registry.promote(toy(root, "1"), **WHO)
    spoil(root, "1")
    for process in (RegistryStore(shipped), RegistryStore(shipped)):
        assert serves(process) == "shipped shipped"
    assert ModelTransition.objects.filter(kind="damage").count() == 1


def test_then_any_older_champion_then_what_ships(root: Path, store: RegistryStore) -> None:
    for version in "123":
        registry.promote(toy(root, version), **WHO)
    toy(root, "never-served")
    for version in "32":
        spoil(root, version)
    assert serves(store) == "1 older"
    shutil.rmtree(root)
    assert serves(store) == "shipped shipped"


def test_nothing_left_on_disk_leaves_what_is_in_memory(root: Path, store: RegistryStore, shipped: FolderStore) -> None:
    registry.promote(toy(root, "1"), **WHO)
    assert serves(store) == "1 champion"
    shutil.rmtree(root)
    shutil.rmtree(shipped.root)
    assert serves(store) == "1 champion"
    with pytest.raises(ArtifactError):
        RegistryStore(shipped).resolve("toy")


@committed
def test_repaired_files_serve_again(root: Path, store: RegistryStore, tmp_path: Path) -> None:
    registry.promote(toy(root, "1"), **WHO)
    assert model_files.backup(tmp_path / "backup") == ["toy@1"]
    assert model_files.backup(tmp_path / "backup") == []
    spoil(root, "1")
    assert serves(store) == "shipped shipped"
    assert model_files.restore(tmp_path / "backup", actor="test") == ["toy@1"]
    assert serves(store) == "1 champion"
    assert ModelVersion.objects.get(version="1").state == "candidate"
    assert [move.kind for move in reads.transitions("toy")][:2] == ["register", "damage"]
    assert checks.check_champions(databases=["default"]) == []
    spoil(root, "1")
    assert serves(store) == "shipped shipped"
    assert ModelTransition.objects.filter(kind="damage").count() == 2, "damaged anew is news"


def test_a_version_that_is_named_is_that_one_or_an_error(root: Path, store: RegistryStore) -> None:
    registry.promote(toy(root, "1"), **WHO)
    toy(root, "2")
    assert store.resolve("toy", "2").card.version == "2"
    assert store.resolve("toy", "shipped").card.version == "shipped"
    spoil(root, "2")
    for version in ("2", "none"):
        with pytest.raises(ArtifactError):
            store.resolve("toy", version)


def test_the_database_away_leaves_what_was_known(root: Path, store: RegistryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.promote(toy(root, "1"), **WHO)
    assert serves(store) == "1 champion"

    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(ModelAlias.objects.__class__, "get_queryset", away)
    assert serves(store) == "1 champion"
    assert serves(RegistryStore(store._fallback)) == "shipped shipped"
    monkeypatch.undo()


def test_the_database_back_is_asked_again(root: Path, store: RegistryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.promote(toy(root, "1"), **WHO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections["default"], "cursor", lambda: (_ for _ in ()).throw(OperationalError("gone")))
        assert serves(store) == "shipped shipped"
    time.sleep(3 * SECONDS)
    assert serves(store) == "1 champion"


def test_a_transaction_that_failed_is_not_made_worse(root: Path, store: RegistryStore) -> None:
    registry.promote(toy(root, "1"), **WHO)
    with pytest.raises(OperationalError, match="mine"), transaction.atomic():
        transaction.set_rollback(True)
        assert serves(store) == "shipped shipped"
        raise OperationalError("mine")


@committed
def test_damage_is_not_written_into_somebodys_transaction(root: Path, store: RegistryStore) -> None:
    registry.promote(toy(root, "1"), **WHO)
    spoil(root, "1")
    with transaction.atomic():
        assert serves(store) == "shipped shipped"
        assert not ModelTransition.objects.filter(kind="damage").exists()
    assert serves(store) == "shipped shipped"
    assert ModelTransition.objects.filter(kind="damage").count() == 1


@committed
def test_scoring_goes_on_through_a_promotion(root: Path) -> None:
    """Eight threads score without a pause while another version is promoted: none fails, each changes over once."""
    for version in ("a", "b"):
        scorer_folder(root, version)
    first, second = (registry.register(artifacts.open_artifact(root / SCORER / version), **WHO) for version in "ab")
    registry.promote(first, **WHO)
    store = RegistryStore(artifacts.get_store())
    vectors = np.zeros((40, 384), np.float32)
    from tests.recommendations.faces import face

    reading = face()
    seen: list[list[str]] = [[] for _ in range(8)]
    errors: list[BaseException] = []
    stop = threading.Event()

    def score(mine: list[str]) -> None:
        try:
            while not stop.is_set():
                scorer: Any = loaded.get(store.resolve(SCORER), load_scorer)
                assert scorer.score_vectors(reading, vectors).shape == (40,)
                if not mine or mine[-1] != scorer.key:
                    mine.append(scorer.key)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=score, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + 20
        while not all(seen) and not errors and time.monotonic() < until:
            time.sleep(0.02)
        registry.promote(second, **WHO)
        while not all(len(mine) == 2 for mine in seen) and not errors and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert seen == [[f"{SCORER}@a", f"{SCORER}@b"]] * 8


@committed
def test_what_is_measured(root: Path, store: RegistryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_store", store)
    for version in "12":
        registry.promote(toy(root, version), **WHO)
    spoil(root, "2")
    assert serves(store) == "1 previous"
    text = metrics.exposition()[0].decode()
    for line in (
        'hairme_model_alias{alias="champion",model="toy",version="2"} 1.0',
        'hairme_model_alias{alias="previous",model="toy",version="1"} 1.0',
        'hairme_model_served{model="toy",version="1"} 1.0',
        'hairme_model_damaged_versions{model="toy"} 1.0',
        'hairme_model_fallbacks_total{model="toy"} 1.0',
    ):
        assert line in text
    wake.client().delete(served.FALLBACKS._key)


def test_beat_finds_damage_before_a_process_does(root: Path) -> None:
    registry.promote(toy(root, "1"), **WHO)
    spoil(root, "1")
    verify_models()
    assert ModelVersion.objects.get().state == "damaged"
    assert ModelTransition.objects.get(kind="damage").actor == "beat"


def test_checks_are_silent_where_all_is_well(root: Path) -> None:
    assert checks.check_champions() == []
    registry.promote(toy(root, "1"), **WHO)
    assert [m for m in run_checks(databases=["default"]) if str(m.id).startswith("mltraining")] == []
