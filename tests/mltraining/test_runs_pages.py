"""Staff pages and admin of retraining: who may see and start, what is shown while it runs and when it is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from hairme.common.models import Job
from mltraining.models import DatasetSnapshot, ModelVersion, TrainingRun
from mltraining.services import registry, retraining
from mltraining.web import run_figures
from recommendations.models import Style
from recommendations.selectors import SCORER
from tests.mltraining.feedback_story import readings, say, shown
from tests.recommendations.pages import Page, load_styles

pytestmark = pytest.mark.django_db
State = TrainingRun.State


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return settings.MODELS_DIR


def staff(*permissions: str) -> Client:
    user = get_user_model().objects.create_user("lee", password="long enough 1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def version(name: str, **fields: Any) -> ModelVersion:
    return ModelVersion.objects.create(
        name=SCORER,
        version=name,
        path=f"{SCORER}/{name}",
        card={"params": {"architecture": "seed-mlp"}},
        card_sha256="0" * 64,
        **fields,
    )


def snapshot() -> DatasetSnapshot:
    details = {
        "first": "2026-03-01T00:00:00+00:00",
        "last": "2026-03-20T00:00:00+00:00",
        "like_rate": 0.4,
        "like_rate_by_source": {"ml": 0.5},
        "reactions_by_source": {"ml": 120},
        "synthetic_by": "stylist's rules, seed 0",
        "left_out": {"not_in_the_catalogue": 3},
    }
    return DatasetSnapshot.objects.create(
        content_hash="f" * 64,
        as_of=timezone.now(),
        path="f.npz",
        reactions=300,
        people=60,
        synthetic=6000,
        synthetic_share=0.7,
        details=details,
    )


def finished(state: str = State.REJECTED) -> TrainingRun:
    gate = {
        "outcome": "unproven", "rows": 60, "people": 20, "likes": 25, "log_loss": {"champion": 0.66, "challenger": 0.655},
        "saved": 0.005, "saved_interval": [-0.01, 0.02], "saved_by_propensity": 0.004, "saved_by_propensity_interval": [-0.02, 0.02],
        "auc": {"champion": 0.55, "challenger": None}, "auc_gain": None, "auc_gain_interval": [None, None], "saved_cold": None,
        "saved_warm": 0.005,
    }  # fmt: skip
    return TrainingRun.objects.create(
        model=SCORER, architecture="seed-mlp", trigger="weekly", state=state, stage="done", snapshot=snapshot(), parent=version("p"),
        version=version("v"), epoch=3, epochs=60, curves=[{"epoch": e, "train": 5.0 - e, "valid": 4.0} for e in (1, 2, 3)],
        metrics={"gate": gate, "sanity": [{"name": "spread", "value": 0.4, "limit": 1.0, "passed": False}]},
        verdict="Not shown to be better <b>", backup=".backups/x",
        started_at=timezone.now() - timedelta(minutes=2), finished_at=timezone.now(),
    )  # fmt: skip


def running() -> TrainingRun:
    job = Job.objects.create(task=retraining.TASK, queue="training", state="running")
    return TrainingRun.objects.create(
        model=SCORER, architecture="preference", trigger="staff", state=State.RUNNING, stage="train", job=job, epoch=2, epochs=6,
        curves=[{"epoch": 1, "train": 0.7, "valid": None}, {"epoch": 2, "train": 0.6, "valid": None}], started_at=timezone.now(),
    )  # fmt: skip


def test_staff_only(client: Client, root: Path) -> None:
    run = finished()
    for path in ("/staff/runs/", f"/staff/runs/{run.pk}/", f"/staff/runs/{run.pk}/progress/"):
        assert client.get(path).status_code == 302
    client = staff()
    for path in ("/staff/runs/", f"/staff/runs/{run.pk}/"):
        response = client.get(path)
        page = Page(response)
        assert response.status_code == 200
        assert not page.inline
        assert "no-store" in response.headers["Cache-Control"]
        assert page.headings == 1
    assert client.get("/staff/runs/999/").status_code == 404


def test_only_who_may_change_runs_starts_or_cancels_one(root: Path) -> None:
    client, run = staff(), running()
    assert "/staff/runs/start/" not in client.get("/staff/runs/").content.decode()
    assert client.post("/staff/runs/start/", {"architecture": "seed-mlp", "min_feedbacks": 10}).status_code == 403
    assert client.post(f"/staff/runs/{run.pk}/cancel/").status_code == 403
    run.refresh_from_db()
    assert run.state == State.RUNNING


def test_finished_run_shows_data_gate_checks_and_lineage(root: Path) -> None:
    run = finished()
    response = staff().get(f"/staff/runs/{run.pk}/", headers={"accept-language": "en"})
    page = Page(response)
    for text in ("f" * 64, "40.0 %", "300", "6,000", "+0.0050", "-0.0100 … +0.0200", "0.5500", "stylist's rules", ".backups/x"):
        assert text in page.text, text
    assert "Not shown to be better <b>" in page.text
    assert "hx-get" not in page.html
    assert f"/staff/models/{SCORER}/?version=v" in page.html
    assert len(run_figures.curves(run).lines) == 2


def test_running_one_is_live_and_sends_the_browser_to_the_end(root: Path) -> None:
    client, run = staff("change_trainingrun"), running()
    page = Page(client.get(f"/staff/runs/{run.pk}/"))
    assert f"/staff/runs/{run.pk}/progress/" in page.html
    assert "htmx" in " ".join(page.assets)
    progress = f"/staff/runs/{run.pk}/progress/"
    part = client.get(progress)
    assert part.status_code == 200
    assert b"<html" not in part.content
    seen = run_figures.live(run)["seen"]
    assert client.get(progress, {"seen": seen}).status_code == 204
    TrainingRun.objects.filter(pk=run.pk).update(epoch=3)
    assert client.get(progress, {"seen": seen}).status_code == 200
    assert client.post(f"/staff/runs/{run.pk}/cancel/").status_code == 302
    run.refresh_from_db()
    assert (run.state, run.verdict) == (State.CANCELLED, "cancelled by staff:lee")
    assert client.get(progress).headers["HX-Refresh"] == "true"
    assert client.post(f"/staff/runs/{run.pk}/cancel/").status_code == 409


def test_start_by_hand_is_queued_with_the_persons_name(root: Path) -> None:
    load_styles()
    registry.register_shipped()
    client = staff("change_trainingrun")
    form = {"architecture": "seed-mlp", "min_feedbacks": 1}
    refused = client.post("/staff/runs/start/", form)
    assert refused.status_code == 409
    assert client.post("/staff/runs/start/", {**form, "min_feedbacks": 0}).status_code == 400
    assert not TrainingRun.objects.exists()
    style, at = Style.objects.all()[0], timezone.now() - timedelta(hours=1)
    say(shown([style], at, reading=readings(1)[0], visitor="v"), style, 1, at)
    response = client.post("/staff/runs/start/", form)
    run = TrainingRun.objects.get()
    assert response.headers["Location"] == f"/staff/runs/{run.pk}/"
    assert (run.trigger, run.params["actor"], run.architecture) == ("staff", "staff:lee", "seed-mlp")
    assert run.job is not None
    assert (run.job.queue, run.job.task) == ("training", "mltraining.retrain")
    page = client.post("/staff/runs/start/", form)
    assert page.status_code == 409
    assert str(run.pk) in Page(page).text


@pytest.mark.parametrize("model", ["trainingrun", "datasetsnapshot"])
def test_admin_lists_and_changes_nothing(model: str, admin_client: Client, root: Path) -> None:
    run = finished()
    pk = run.pk if model == "trainingrun" else run.snapshot_id
    assert admin_client.get(f"/admin/mltraining/{model}/", {"q": "1"}).status_code == 200
    assert admin_client.get(f"/admin/mltraining/{model}/{pk}/change/").status_code == 200
    assert admin_client.get(f"/admin/mltraining/{model}/add/").status_code == 403
    assert admin_client.post(f"/admin/mltraining/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_admin_cancels(admin_client: Client, root: Path) -> None:
    run = running()
    admin_client.post("/admin/mltraining/trainingrun/", {"action": "cancel", "_selected_action": [run.pk]})
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert run.job is not None
    assert Job.objects.get(pk=run.job.pk).state == Job.State.CANCELLED
