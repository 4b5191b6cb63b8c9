"""Start a retraining, one at a time, and end it: by hand, or because its job could not be done. The work is in ``training_run``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hairme.common import jobs
from hairme.common.errors import ApplicationError, sentence
from hairme.common.models import Job
from recommendations.selectors import SCORER

from ..learn.architectures import ARCHITECTURES, most_epochs
from ..models import Alert, ModelVersion, TrainingRun
from ..registry import ledger
from ..selectors import registry as registry_reads
from ..selectors import training as reads
from . import registry, training_errors  # noqa: F401

log = structlog.get_logger(__name__)

TASK = "mltraining.retrain"
LEASE_SECONDS = 300  # one step of the slowest training on a busy machine
BETWEEN_ALERTS = timedelta(days=1)
State, Trigger = TrainingRun.State, TrainingRun.Trigger


def start_retraining(
    trigger: str,
    *,
    alert: Alert | None = None,
    model: str = SCORER,
    architecture: str = "",
    min_feedbacks: int | None = None,
    actor: str = "",
    force_experiment: bool = False,
    promote_reason: str = "",
    experiment: Mapping[str, Any] | None = None,
    user: Any = None,
) -> TrainingRun:
    """Queue a run. ``trigger``: a ``TrainingRun.Trigger``; ``architecture``: the champion's where none is named.

    ``force_experiment``: a version that passes its sanity checks is tried on people whatever the hold-out says.
    ``promote_reason``: somebody wants it to serve at once, unless the hold-out shows that it is worse; an experiment is passed over.
    ``experiment``: what its experiment is registered with, as ``experiments.create`` takes it but in JSON; the defaults otherwise.

    Raises ApplicationError: training_under_way, training_too_few, training_nothing_new (weekly only), training_alert_today,
    training_model, training_architecture. Nothing is made then.
    """
    if model != SCORER:
        raise ApplicationError("training_model", field="model", params={"model": model})
    if registry_reads.champion(model) is None:
        registry.register_shipped()
    architecture = architecture or champions_architecture(model)
    if architecture not in ARCHITECTURES:
        raise ApplicationError("training_architecture", field="architecture", params={"architecture": architecture})
    close_abandoned(model)
    need = settings.RETRAIN_MIN_FEEDBACKS if min_feedbacks is None else min_feedbacks
    with transaction.atomic():
        ledger.lock(f"retraining of {model}")
        _refuse(trigger, model, need)
        run = TrainingRun.objects.create(
            model=model,
            architecture=architecture,
            trigger=trigger,
            epochs=most_epochs(architecture),
            params={
                "min_feedbacks": need,
                "synthetic_share": settings.SYNTHETIC_SHARE,
                "force_experiment": force_experiment,
                "promote_reason": promote_reason,
                "experiment": dict(experiment or {}),
                "actor": actor or trigger,
            },
        )
        owner = user if user is not None and user.is_authenticated else None
        run.job = jobs.enqueue(TASK, {"run_id": run.pk}, queue="training", owner=owner, lease_seconds=LEASE_SECONDS)
        run.save(update_fields=["job"])
        if alert is not None:
            Alert.objects.filter(pk=alert.pk).update(run=run)
    log.info("retraining_queued", run=run.pk, trigger=trigger, architecture=architecture)
    return run


def start_weekly() -> TrainingRun | None:
    """What beat does. None where there is nothing to do, which is no error."""
    try:
        return start_retraining(Trigger.WEEKLY, actor="beat")
    except ApplicationError as error:
        log.info("retraining_not_started", trigger=Trigger.WEEKLY, code=error.code, **error.params)
        return None


def cancel_run(run: TrainingRun, *, actor: str) -> None:
    """Stop it; the worker notices within a step. The champion and all files stay as they are. Raises ``training_over``."""
    with transaction.atomic():
        locked = TrainingRun.objects.select_for_update(of=("self",)).select_related("job").get(pk=run.pk)
        if locked.is_final or (locked.job is not None and not jobs.cancel(locked.job)):
            raise ApplicationError("training_over", params={"run": run.pk})
        end(locked, State.CANCELLED, f"cancelled by {actor}")
    forget_folder(run)
    log.info("retraining_cancelled", run=run.pk, actor=actor)


def close_abandoned(model: str) -> None:
    """End runs whose job is over or gone without having said so."""
    for run in TrainingRun.objects.filter(model=model).exclude(state__in=TrainingRun.FINAL).select_related("job"):
        if run.job is None:
            end(run, State.FAILED, "Its job was deleted.")
        elif run.job.is_final:
            end(run, State.FAILED, sentence(run.job.error_code or "internal_error", run.job.error_params))


def note_failure(job: Job) -> None:
    """The job failed for good, however it did: so did its run."""
    run = TrainingRun.objects.filter(job=job).first()
    if run is not None and not run.is_final:
        end(run, State.FAILED, sentence(job.error_code, job.error_params))
        transaction.on_commit(lambda: forget_folder(run))


jobs.when_failed(TASK, note_failure)


def end(run: TrainingRun, state: str, verdict: str, **fields: Any) -> None:
    """Write the end down, unless the run has ended before."""
    TrainingRun.objects.filter(pk=run.pk).exclude(state__in=TrainingRun.FINAL).update(
        state=state, verdict=verdict, finished_at=timezone.now(), **fields
    )
    run.refresh_from_db()


def champions_architecture(model: str) -> str:
    champion = registry_reads.champion(model)
    return str(champion.card.get("params", {}).get("architecture", "")) if champion else ""


def parent_for(model: str, architecture: str) -> ModelVersion | None:
    """The version to go on from: the champion where it is of this architecture, else the challenger, else the newest that may serve."""
    aliases = registry_reads.aliases(model)
    versions = [aliases.get("champion"), aliases.get("challenger"), *registry_reads.versions(model)]
    fitting = (v for v in versions if v and v.state == ModelVersion.State.CANDIDATE)
    return next((v for v in fitting if v.card.get("params", {}).get("architecture") == architecture), None)


def run_folder(run: TrainingRun) -> Path:
    """Checkpoints and the version that is being tested; gone when the run is over."""
    return Path(settings.MODELS_DIR) / ".runs" / str(run.pk)


def forget_folder(run: TrainingRun) -> None:
    shutil.rmtree(run_folder(run), ignore_errors=True)


def _refuse(trigger: str, model: str, need: int) -> None:
    other = reads.unfinished(model)
    if other is not None:
        raise ApplicationError("training_under_way", params={"run": other.pk})
    now = timezone.now()
    if trigger == Trigger.ALERT:
        recent = TrainingRun.objects.filter(model=model, trigger=trigger, created_at__gt=now - BETWEEN_ALERTS).first()
        if recent is not None:
            raise ApplicationError("training_alert_today", params={"run": recent.pk})
    if trigger == Trigger.WEEKLY and not reads.is_anything_new(model):
        raise ApplicationError("training_nothing_new")
    have = reads.feedbacks(now)
    if have < need:
        raise ApplicationError("training_too_few", params={"have": have, "need": need})
