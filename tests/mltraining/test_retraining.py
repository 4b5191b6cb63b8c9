"""Retraining from the command to its verdict: too few, one at a time, better, not better, killed, cancelled, a full disk, an alert."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from hairme.common import jobs
from hairme.common.errors import ApplicationError, sentence
from hairme.common.models import Job
from mltraining.learn import candidates, fine_tune, hold_out
from mltraining.models import Alert, DatasetSnapshot, Experiment, ModelAlias, ModelTransition, ModelVersion, TrainingRun
from mltraining.registry.store import RegistryStore
from mltraining.selectors import registry as registry_reads
from mltraining.services import registry, retraining, snapshots, training_run
from recommendations.engine.scoring import load_scorer
from recommendations.models import Style
from recommendations.selectors import SCORER
from tests.mltraining.feedback_story import by_chance, readings, say, short_hair, shown, story
from tests.recommendations.pages import load_styles

pytestmark = pytest.mark.django_db
State = TrainingRun.State


@pytest.fixture
def site(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small catalogue, 60 synthetic faces and the shipped models as champions; a test that trains takes seconds."""
    settings.VAR_DIR, settings.MODELS_DIR, settings.MODELS_REFRESH_SECONDS = tmp_path, tmp_path / "models", 0.0
    monkeypatch.setattr(snapshots, "SYNTHETIC_FACES", 60)
    monkeypatch.setattr(hold_out, "AUC_DRAWS", 20)
    load_styles()
    registry.register_shipped()
    return tmp_path / "models"


def few(count: int = 12, ago: timedelta = timedelta(hours=2)) -> None:
    """So many reactions of as many people, a minute apart."""
    styles = list(Style.objects.order_by("slug")[:4])
    for number, reading in enumerate(readings(count)):
        at = timezone.now() - ago + timedelta(minutes=number)
        analysis = shown(styles, at, reading=reading, visitor=f"visitor {number}")
        say(analysis, styles[number % 4], number % 2, at + timedelta(seconds=20))


def start(trigger: str = "command", **fields: Any) -> TrainingRun:
    return retraining.start_retraining(trigger, **fields)


def finished(run: TrainingRun) -> TrainingRun:
    assert run.job is not None
    training_run.run_training(run.job.pk)
    run.refresh_from_db()
    return run


def champion() -> str:
    return getattr(registry_reads.champion(SCORER), "version", "")


def challenger() -> ModelVersion | None:
    return registry_reads.aliases(SCORER).get(ModelAlias.Alias.CHALLENGER)


def command(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("retrain_from_feedback", *arguments, stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_too_few_reactions_start_nothing_and_say_how_many(site: Path) -> None:
    few(9)
    code, said = command("--min-feedbacks", "10", "--here")
    assert code == 3
    assert "9" in said
    assert "10" in said
    assert not TrainingRun.objects.exists()
    assert not Job.objects.filter(task=retraining.TASK).exists()
    with pytest.raises(ApplicationError, match="training_too_few"):
        start("staff", min_feedbacks=500)


def test_ten_reactions_make_a_challenger_that_an_experiment_decides_on(site: Path) -> None:
    """What a small site gets: a version that is tried on people, and never a new champion on no evidence."""
    few(12)
    code, said = command("--min-feedbacks", "10", "--here")
    assert code == 0, said
    assert "too few to tell" in said
    run = TrainingRun.objects.get()
    version = run.version
    assert version is not None
    assert (run.state, run.stage) == (State.ACCEPTED, "done")
    assert run.snapshot is not None
    assert run.snapshot.reactions == 12
    assert champion() == "seed-mlp-1"
    assert challenger() == version
    experiment = Experiment.objects.get()
    assert (experiment.challenger, experiment.state) == (version, Experiment.State.RUNNING)
    assert (version.dataset_hash, version.parent) == (run.snapshot.content_hash, run.parent)
    assert run.parent is not None
    assert run.parent.version == "seed-mlp-1"
    assert (site / run.backup / "card.json").read_bytes() == (site / SCORER / "seed-mlp-1" / "card.json").read_bytes()
    assert not retraining.run_folder(run).exists()
    assert len(run.curves) == run.epoch > 0
    assert {check["name"] for check in run.metrics["sanity"] if check["passed"]} >= {"not_numbers", "golden_replay", "spread"}
    assert set(ModelTransition.objects.filter(after=version).values_list("kind", "actor")) == {
        ("register", f"retraining:{run.pk}"),
        ("challenge", f"retraining:{run.pk}"),
    }
    # while that experiment has the people, the next one waits as a candidate
    second = finished(start("staff", actor="staff:lee"))
    assert second.state == State.ACCEPTED
    assert experiment.key in second.verdict
    assert challenger() == version


def test_nobody_watches_a_weekly_run_so_it_needs_evidence(site: Path) -> None:
    few(12)
    run = retraining.start_weekly()
    assert run is not None
    finished(run)
    version = run.version
    assert version is not None
    assert run.state == State.REJECTED
    assert (version.state, version.reason) == (ModelVersion.State.REJECTED, run.verdict)
    assert "too few to tell" in run.verdict
    assert (site / SCORER / version.version / "card.json").is_file()
    assert challenger() is None
    assert not Experiment.objects.exists()
    assert retraining.start_weekly() is None  # nobody has reacted since
    few(1, ago=timedelta(seconds=19))
    assert retraining.start_weekly() is not None


def test_taste_that_no_rule_knows_is_learned_and_passes_the_gate(site: Path) -> None:
    story(70, short_hair)
    run = finished(start("weekly", architecture="preference"))
    gate = run.metrics["gate"]
    assert run.state == State.ACCEPTED, run.verdict
    assert gate["outcome"] == "better"
    assert gate["saved_interval"][0] > 0
    assert gate["auc"]["challenger"] > gate["auc"]["champion"] + 0.1
    version = run.version
    assert version is not None
    assert version.card["params"]["architecture"] == "preference"
    assert version.card["params"]["trained_until"] > 0
    assert champion() == "seed-mlp-1"
    assert challenger() == version
    load_scorer(RegistryStore(None).resolve(SCORER, version.version))  # type: ignore[arg-type]


def test_what_nothing_can_be_learned_from_is_rejected_with_the_reason(site: Path) -> None:
    story(60, by_chance, seed=4)
    run = finished(start("command"))
    assert run.state == State.REJECTED
    assert "champion" in run.verdict
    assert run.metrics["gate"]["outcome"] in ("unproven", "worse")
    assert ModelTransition.objects.get(kind="reject").reason == run.verdict
    forced = finished(start("command", force_experiment=True))
    assert forced.state == State.ACCEPTED
    assert challenger() == forced.version


def test_person_may_promote_with_a_reason(site: Path) -> None:
    few(12)
    assert command("--here", "--promote")[0] == 1
    code, said = command("--here", "--promote", "--reason", "the salon's own staff liked it")
    assert code == 0, said
    move = ModelTransition.objects.filter(kind="promote").latest("id")
    assert (move.actor, move.reason, move.after) == (
        "command",
        "the salon's own staff liked it",
        TrainingRun.objects.get().version,
    )
    assert champion() == TrainingRun.objects.get().version.version  # type: ignore[union-attr]


def test_failed_sanity_checks_reject_even_what_was_forced(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few(12)
    monkeypatch.setattr("mltraining.learn.sanity.MOST_BYTES", 1000)
    run = finished(start("command", force_experiment=True, promote_reason="because"))
    assert run.state == State.REJECTED
    assert "megabytes" in run.verdict
    assert champion() == "seed-mlp-1"


def test_second_start_says_which_run_is_under_way(site: Path) -> None:
    few(12)
    run = start()
    code, said = command("--here")
    assert code == 4
    assert f"{run.pk}" in said
    assert TrainingRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_make_one_run(site: Path) -> None:
    few(12)
    ends: list[str] = []

    def press() -> None:
        try:
            start("staff")
            ends.append("started")
        except ApplicationError as error:
            ends.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["started", *["training_under_way"] * 3]
    assert TrainingRun.objects.count() == 1


def test_killed_run_goes_on_from_its_checkpoint(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few(12)
    run = start()
    assert run.job is not None
    saved = fine_tune._save

    class Killed(BaseException):
        """As kill -9: nothing after it runs."""

    def die(path: Path, *rest: Any) -> None:
        saved(path, *rest)
        if rest[1].epoch == 2:
            raise Killed

    monkeypatch.setattr(fine_tune, "_save", die)
    monkeypatch.setattr(jobs, "fail", lambda *args, **options: None)
    with pytest.raises(Killed):
        training_run.run_training(run.job.pk)
    monkeypatch.undo()
    run.refresh_from_db()
    assert (run.state, run.stage) == (State.RUNNING, "train")
    backup, snapshot = run.backup, run.snapshot
    Job.objects.filter(pk=run.job.pk).update(worker="elsewhere:1:1", lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.recover_lost()["requeued"] == 1
    first: list[int] = []
    told = candidates.fine_tune

    def listen(weights: Any, rows: Any, config: Any, report: Any, checkpoint: Any) -> Any:
        def heard(epoch: int, train: float, valid: float) -> None:
            first.append(epoch)
            report(epoch, train, valid)

        return told(weights, rows, config, heard, checkpoint)

    monkeypatch.setattr(candidates, "fine_tune", listen)
    finished(run)
    assert run.state == State.ACCEPTED
    assert first[0] == 3
    assert [row["epoch"] for row in run.curves][:3] == [1, 2, 3]
    assert (run.backup, run.snapshot) == (backup, snapshot)
    assert DatasetSnapshot.objects.count() == 1


def test_given_up_after_three_deaths_and_the_next_run_may_start(site: Path) -> None:
    few(12)
    run = start()
    Job.objects.filter(pk=run.job_id).update(state=Job.State.RUNNING, attempts=3, lease_until=timezone.now() - timedelta(hours=1))
    assert jobs.recover_lost()["failed"] == 1
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.verdict
    again = start()
    Job.objects.filter(pk=again.job_id).delete()
    third = start()  # a run whose job was deleted does not block for ever
    again.refresh_from_db()
    assert (again.state, third.state) == (State.FAILED, State.QUEUED)


def test_cancelled_run_stops_at_the_next_step_and_leaves_nothing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few(12)
    waiting = start()
    retraining.cancel_run(waiting, actor="staff:lee")
    finished(waiting)
    assert (waiting.state, waiting.verdict) == (State.CANCELLED, "cancelled by staff:lee")
    with pytest.raises(ApplicationError, match="training_over"):
        retraining.cancel_run(waiting, actor="staff:lee")

    run = start()
    epoch = training_run._Run._epoch

    def cancel(self: Any, number: int, *rest: Any) -> None:
        if number == 2:
            retraining.cancel_run(TrainingRun.objects.get(pk=run.pk), actor="staff:lee")
            self.told = 0.0
        epoch(self, number, *rest)

    monkeypatch.setattr(training_run._Run, "_epoch", cancel)
    finished(run)
    assert (run.state, run.version) == (State.CANCELLED, None)
    assert not retraining.run_folder(run).exists()
    assert ModelVersion.objects.filter(name=SCORER, ships_with_code=False).count() == 0
    assert champion() == "seed-mlp-1"


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, site: Path) -> Iterator[Path]:
    """The folder named by the test as a file system of its own of 8 KiB."""
    folder = (site / request.param).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("small_disk", "architecture"),
    [
        ("../snapshots", "seed-mlp"),
        (".runs", "seed-mlp"),
        (".runs", "preference"),
        (".backups", "seed-mlp"),
        (SCORER, "seed-mlp"),
    ],
    indirect=["small_disk"],
)
def test_full_disk_fails_the_run_and_nothing_else(small_disk: Path, architecture: str, site: Path) -> None:
    few(12)
    run = finished(start(architecture=architecture))
    assert run.state == State.FAILED
    assert run.verdict == sentence("storage_full")
    assert champion() == "seed-mlp-1"
    assert challenger() is None
    assert not ModelVersion.objects.filter(ships_with_code=False).exists()
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    assert not retraining.run_folder(run).exists()


def test_alert_starts_one_run_a_day(site: Path) -> None:
    few(12)
    alert = Alert.objects.create(kind="drift", fingerprint="f", severity="warn", last_at=timezone.now())
    run = start("alert", alert=alert)
    alert.refresh_from_db()
    assert alert.run == run
    retraining.cancel_run(run, actor="test")
    with pytest.raises(ApplicationError, match="training_alert_today"):
        start("alert", alert=alert)
    TrainingRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert start("alert").state == State.QUEUED


def test_hold_out_is_later_than_all_that_champion_and_challenger_heard(site: Path) -> None:
    story(40, short_hair, seed=2)
    run = finished(start("command", force_experiment=True))
    assert run.version is not None
    registry.promote(run.version, actor="test", reason="because")
    heard = run.version.card["params"]["trained_until"]
    assert run.snapshot is not None
    data = snapshots.load_snapshot(run.snapshot)
    split = data.split(heard)
    assert data.given_at[split.train].max() < heard <= data.shown_at[split.hold_out].min()
    assert not set(np.flatnonzero(split.train)) & set(np.flatnonzero(split.hold_out))


def test_unknown_model_and_architecture_are_sentences(site: Path) -> None:
    with pytest.raises(ApplicationError, match="training_model"):
        start(model="face-shape")
    with pytest.raises(ApplicationError, match="training_architecture"):
        start(architecture="transformer")
