"""A version made by retraining serves within three seconds of its promotion, while lists are made all the time and none fails."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from hairme.ml import artifacts
from mltraining.models import TrainingRun
from mltraining.registry.store import RegistryStore
from mltraining.services import registry, retraining, snapshots, training_run
from recommendations.engine.types import FaceReading, Wishes
from recommendations.services.recommend import recommend
from tests.mltraining.feedback_story import readings
from tests.mltraining.test_retraining import few

THREADS = 4
SOON = 3.0  # seconds


@pytest.mark.usefixtures("catalogue")
def test_promoted_version_serves_within_seconds_and_nothing_fails(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shipped_models: Any
) -> None:
    settings.VAR_DIR, settings.MODELS_DIR = tmp_path, tmp_path / "models"
    monkeypatch.setattr(snapshots, "SYNTHETIC_FACES", 30)
    registry.register_shipped()
    artifacts.set_store(RegistryStore(shipped_models))
    few(12)
    face = FaceReading.from_json(readings(1)[0])
    answers: list[tuple[float, str]] = []  # when it was asked for, who made it
    failures: list[BaseException] = []
    stop = threading.Event()

    def ask(number: int) -> None:
        try:
            while not stop.is_set():
                asked = time.monotonic()
                advice = recommend(image=None, reading=face, wishes=Wishes(), language="ko", unit=f"visitor:{number}")
                assert len(advice.items) == 7
                answers.append((asked, advice.model_version))
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        run = retraining.start_retraining(TrainingRun.Trigger.COMMAND, actor="command", promote_reason="a test under load")
        assert run.job is not None
        training_run.run_training(run.job.pk)
        promoted = time.monotonic()
        run.refresh_from_db()
        assert run.version is not None, run.verdict
        stop.wait(SOON)
        known = len(answers)
        while len(answers) < known + 5 * THREADS and not failures:
            stop.wait(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    later = {made for asked, made in answers if asked > promoted + SOON}
    assert later == {run.version.key}
    assert {made for _asked, made in answers} == {"hairstyle-scorer@seed-mlp-1", run.version.key}
