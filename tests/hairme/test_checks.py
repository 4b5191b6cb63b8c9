"""Every system check fires when its misconfiguration is made, says what to do, and is silent otherwise."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import OperationalError, connections

from hairme.common import checks as common
from hairme.ml import artifacts
from hairme.ml.artifacts import FolderStore, write_artifact
from recommendations import checks as hair
from recommendations.models import Style, StyleVector

SOURCES = (Path(common.__file__), Path(hair.__file__))
SITE = {"PRODUCTION": True, "DEBUG": False, "ALLOWED_HOSTS": ["hairme.example"]}


def ids(messages: list[CheckMessage]) -> list[str]:
    assert all(message.hint for message in messages), "a check says what to do"
    return sorted(str(message.id) for message in messages)


def test_nothing_is_wrong_here() -> None:
    assert [m for m in run_checks() if not str(m.id).startswith("django")] == []


def test_every_id_is_used_once_and_made_to_fire_below() -> None:
    defined = [name for source in SOURCES for name in re.findall(r'id="([\w.]+)"', source.read_text(encoding="utf-8"))]
    assert len(defined) == len(set(defined)) >= 20
    tested = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in defined if f'"{name}"' not in tested] == []


def test_folder_that_cannot_be_written(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.VAR_DIR = tmp_path / "file" / "var"
    assert ids(common.check_var_folder()) == ["hairme.E001"]
    settings.VAR_DIR = tmp_path / "new"
    assert common.check_var_folder() == []


def test_variable_that_nothing_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HAIRME_METRICS_TOKN", "x")
    [message] = common.check_unknown_variables()
    assert message.id == "hairme.W001"
    assert message.hint == "Did you mean HAIRME_METRICS_TOKEN?"
    monkeypatch.setitem(os.environ, "HAIRME_XYZZY", "x")
    assert any("docs/settings.md" in str(m.hint) for m in common.check_unknown_variables())


def test_time_budgets(settings: Any) -> None:
    settings.INFERENCE_SECONDS, settings.GEMINI_SECONDS = 60, 55
    assert ids(common.check_time_budgets()) == ["hairme.E002"]
    settings.GEMINI_SECONDS = 8
    assert common.check_time_budgets() == []
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 60}
    assert ids(common.check_time_budgets()) == ["hairme.E003"]


def test_photo_that_would_be_deleted_while_it_is_read(settings: Any) -> None:
    settings.INFERENCE_SECONDS, settings.UPLOAD_KEEP_MINUTES = 600, 30
    assert ids(common.check_photo_lives_longer_than_its_work()) == ["hairme.E007"]
    settings.UPLOAD_KEEP_MINUTES = 31
    assert common.check_photo_lives_longer_than_its_work() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"DEBUG": True}, ["hairme.E008"]),
        ({"ALLOWED_HOSTS": []}, ["hairme.E009"]),
        ({"ALLOWED_HOSTS": ["*"]}, ["hairme.W004"]),
        ({}, []),
        ({"PRODUCTION": False, "DEBUG": True, "ALLOWED_HOSTS": []}, []),
    ],
)
def test_production_is_closed(change: dict[str, Any], expected: list[str], settings: Any) -> None:
    for name, value in {**SITE, **change}.items():
        setattr(settings, name, value)
    assert ids(common.check_production_is_closed()) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"PRODUCTION": False}, ["hairme.W002"]),
        ({"REDIS_URL": "redis://10.0.0.9:6379/0"}, ["hairme.W003"]),
        ({"REDIS_URL": "redis://localhost.example.com/0"}, ["hairme.W003"]),
        ({"REDIS_URL": "redis://:pw@10.0.0.9:6379/0"}, []),
        ({"REDIS_URL": "rediss://cache.example.com"}, []),
        ({"REDIS_URL": "redis://redis:6379/0"}, []),
        ({"REST_FRAMEWORK": {"NUM_PROXIES": 0}}, ["hairme.W005"]),
        ({"ANALYZE_WAIT_SECONDS": 90.0}, ["hairme.W006"]),
    ],
)
def test_deployment(change: dict[str, Any], expected: list[str], settings: Any) -> None:
    site = {**SITE, "REDIS_URL": "redis://127.0.0.1:6379/0", "ANALYZE_WAIT_SECONDS": 20.0, "REST_FRAMEWORK": {"NUM_PROXIES": 1}}
    for name, value in {**site, **change}.items():
        setattr(settings, name, value)
    assert ids(common.check_production()) == expected


@pytest.mark.django_db
def test_database_without_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert common.check_pgvector(databases=["default"]) == []
    assert common.check_pgvector(databases=None) == []

    class Answers:
        def __init__(self, row: tuple[int, bool]) -> None:
            self.row = row

        def __enter__(self) -> Answers:
            return self

        def __exit__(self, *args: object) -> None: ...

        def execute(self, sql: str) -> None: ...

        def fetchone(self) -> tuple[int, bool]:
            return self.row

    monkeypatch.setattr(connections["default"], "cursor", lambda: Answers((140_005, True)))
    assert ids(common.check_pgvector(databases=["default"])) == ["hairme.E005"]
    monkeypatch.setattr(connections["default"], "cursor", lambda: Answers((180_000, False)))
    assert ids(common.check_pgvector(databases=["default"])) == ["hairme.E006"]

    def away() -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connections["default"], "cursor", away)
    assert ids(common.check_pgvector(databases=["default"])) == ["hairme.E004"]


def test_model_that_is_missing_or_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_store", FolderStore(tmp_path))
    assert ids(hair.check_models()) == ["recommendations.E001"] * 3
    assert hair.check_text_encoder() == []  # one fault, one message


def test_picture_library_without_a_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise OSError("decoder webp not available")

    monkeypatch.setattr(hair, "decode_image", broken)
    assert set(ids(hair.check_image_codecs())) == {"recommendations.E002"}


@pytest.mark.parametrize(
    ("key", "endpoint", "expected"),
    [
        ("", "", []),
        ("", "https://proxy.example", ["recommendations.W001"]),
        ("k", "http://proxy.example:8080", ["recommendations.E003"]),
        ("k", "http://localhost.example", ["recommendations.E003"]),
        ("k", "http://127.0.0.1:9000", []),
        ("k", "https://proxy.example", []),
        ("k", "proxy.example:443", []),
    ],
)
def test_gemini_endpoint(key: str, endpoint: str, expected: list[str], settings: Any) -> None:
    settings.GEMINI_API_KEY, settings.GEMINI_ENDPOINT = key, endpoint
    assert ids(hair.check_gemini()) == expected


def test_library_of_the_system_that_no_wheel_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hair.check_native_libraries() == []
    real = ctypes.CDLL

    def without_gl(name: str) -> Any:
        if name.startswith("libGL"):
            raise OSError("libGL.so.1: cannot open shared object file")
        return real(name)

    monkeypatch.setattr(ctypes, "CDLL", without_gl)
    [message] = hair.check_native_libraries()
    assert message.id == "recommendations.E004"
    assert "libGL.so.1" in message.msg
    assert "apt install libgl1" in str(message.hint)


def scorer_trained_on(encoder: str, root: Path) -> FolderStore:
    store = FolderStore(root)
    for name, features in (("hairstyle-scorer", {"encoder": encoder}), ("text-encoder", {})):
        store.set_current(
            write_artifact(root, name=name, version="1", fill=lambda folder: None, dataset_hash="", features=features)
        )
    return store


@pytest.mark.parametrize(
    ("trained_on", "setting", "expected"),
    [
        ("static-ko-en@1", "", []),
        ("static-ko-en@1", "org/minilm", ["recommendations.W002"]),
        ("static-ko-en@0", "", ["recommendations.E006"]),
        ("minilm@abc", "", ["recommendations.E006"]),
        ("minilm@abc", "org/minilm", []),
        ("", "", ["recommendations.E006"]),
        ("static-ko-en@1", "/no/such/model", ["recommendations.E005"]),
    ],
)
def test_encoder_and_scorer_fit(
    trained_on: str, setting: str, expected: list[str], tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "_store", scorer_trained_on(trained_on, tmp_path))
    settings.TEXT_ENCODER = setting
    assert ids(hair.check_text_encoder()) == expected


def test_loaded_catalogue(catalogue: None, settings: Any) -> None:
    assert hair.check_catalogue_is_loaded(databases=["default"]) == []
    settings.TEXT_ENCODER = "org/minilm"
    assert ids(hair.check_catalogue_is_loaded(databases=["default"])) == ["recommendations.W004"]


@pytest.mark.django_db
def test_catalogue_that_was_never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    StyleVector.objects.all().delete()
    Style.objects.all().update(is_active=False)
    assert ids(hair.check_catalogue_is_loaded(databases=["default"])) == ["recommendations.W003"]
    assert hair.check_catalogue_is_loaded() == []

    def not_migrated(*args: Any) -> Any:
        raise OperationalError("no such table")

    monkeypatch.setattr(Style.objects.__class__, "get_queryset", not_migrated)
    assert hair.check_catalogue_is_loaded(databases=["default"]) == []
