"""One run from the first row read to its verdict: snapshot, backup, train, test, gate, register. Safe to run again after kill -9.

What a killed attempt has finished (the data set, the backup, each epoch) is taken over by the next; the rest is done again.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hairme.common import jobs
from hairme.common.errors import ApplicationError, outage_code
from hairme.common.models import Job
from hairme.ml.artifacts import Artifact, ArtifactError, open_artifact, write_artifact
from recommendations.engine.scoring import Scorer, StyleTable, load_scorer

from ..learn import candidates, hold_out, offline_gate, sanity
from ..learn.candidates import Candidate
from ..learn.dataset import Dataset
from ..learn.face_population import FacePopulation
from ..learn.offline_gate import Gate
from ..learn.packed_readings import unpack
from ..models import ModelVersion, TrainingRun
from ..registry import folders, trial
from ..registry.folders import Entry
from ..selectors import registry as registry_reads
from . import training_verdict
from .retraining import forget_folder, parent_for, run_folder
from .seed_mlp import code_revision
from .snapshots import load_snapshot, take_snapshot
from .training_catalogue import styles_hash, training_styles

log = structlog.get_logger(__name__)

TELL_EVERY = 0.4  # seconds between two notes of progress
BACKUPS_KEPT = 5
FACES_TRIED = 32  # by the sanity checks
FAILS_WHERE = (
    "Reactions are to what earlier versions and advisors chose to show, so that styles that were never shown are known by their "
    "attributes alone; a like on a screen is not a visit to the hairdresser."
)


def run_training(job_id: int) -> None:
    """The worker's half. One runner is let in; cancelling is noticed at the next step."""
    with jobs.claimed(job_id) as job:
        if job is None:
            return
        run = TrainingRun.objects.filter(job=job).first()
        if run is None or run.is_final:
            raise jobs.JobGone
        try:
            _Run(job, run).go()
        except (jobs.JobGone, ApplicationError):
            raise
        except Exception as error:
            if _is_full(error):
                raise ApplicationError("storage_full") from error
            if isinstance(error, (ArtifactError, ValueError)):
                log.exception("retraining_impossible", run=run.pk)
                raise ApplicationError("training_impossible", params={"problem": str(error)}) from error
            raise
    ended = TrainingRun.objects.filter(job=job_id, state__in=TrainingRun.FINAL).first()
    if ended is not None:
        forget_folder(ended)


def _is_full(error: Exception) -> bool:
    """Copying a folder and writing tensors wrap the system's error in their own, which keep its words."""
    return outage_code(error) == "storage_full" or os.strerror(errno.ENOSPC) in str(error)


@dataclass(eq=False)
class _Run:
    job: Job
    run: TrainingRun
    told: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def go(self) -> None:
        run = self.run
        self._note(state=TrainingRun.State.RUNNING, started_at=run.started_at or timezone.now(), curves=[], epoch=0)
        parent = run.parent or parent_for(run.model, run.architecture)
        source = folders.open_entry(Entry.of(parent)) if parent else None
        encoder, styles = training_styles(str(source.card.features.get("encoder", "")) if source else "")
        self._stage("snapshot", parent=parent)
        data = self._snapshot(styles)
        self._stage("backup")
        if parent and source:
            self._backup(parent, source)
        self._stage("train")
        split = data.split(self._heard_until(parent))
        train = hold_out.usable(data, split.train, styles)
        trained = np.zeros(len(data), dtype=bool)
        trained[train] = True
        candidate = self._train(data, trained, styles, encoder, source)
        self._stage("test")
        artifact = self._draft(candidate)
        scorer = load_scorer(artifact)
        before = load_scorer(source) if source and _keeps_scale(source) else None
        tested = self._test(artifact, scorer, before, data, styles)
        self._stage("gate")
        rows = hold_out.usable(data, split.hold_out, styles)
        gate = self._gate(scorer, data, train, rows, styles)
        metrics = {"sanity": [check.to_json() for check in tested], "gate": {"outcome": gate.outcome, **gate.figures}}
        self._note(metrics=metrics)
        decision = training_verdict.decide(run, gate, tested)
        self._stage("register")
        about = {
            "notes": self._notes(data, split.train),
            "params": {
                **candidate.params,
                "synthetic_share": float(data.share),
                "trained_until": split.cut,
                "run": run.pk,
                "styles_hash": styles_hash(styles),
            },
            "metrics": {**_flat(gate), "training_seconds": round(candidate.seconds, 2)},
        }
        self._finish(artifact, parent, decision, about)

    # --- stages ----------------------------------------------------------------------------------------------------------------

    def _snapshot(self, styles: StyleTable) -> Dataset:
        run = self.run
        if run.snapshot is None:
            as_of = timezone.now()
            if "as_of" in run.params:
                as_of = datetime.fromisoformat(run.params["as_of"])
            else:
                self._note(params={**run.params, "as_of": as_of.isoformat()})
            snapshot = take_snapshot(as_of, styles.entries, run.params["synthetic_share"])
            self._note(snapshot=snapshot)
        assert run.snapshot is not None
        need = run.params["min_feedbacks"]
        if run.snapshot.reactions < need:
            raise ApplicationError("training_too_few", params={"have": run.snapshot.reactions, "need": need})
        try:
            return load_snapshot(run.snapshot)
        except (FileNotFoundError, ValueError):  # lost between two attempts: taken again, as of the same moment
            take_snapshot(datetime.fromisoformat(run.params["as_of"]), styles.entries, run.params["synthetic_share"])
            return load_snapshot(run.snapshot)

    def _backup(self, parent: ModelVersion, source: Artifact) -> None:
        """A copy of the parent's folder under a timestamp, read back before it counts; the oldest beyond BACKUPS_KEPT go."""
        run = self.run
        folder = Path(settings.MODELS_DIR) / ".backups" / parent.name
        if run.backup and (Path(settings.MODELS_DIR) / run.backup).is_dir():
            return
        target = folder / f"{parent.version}-{timezone.now():%Y%m%dT%H%M%SZ}"
        folders.copy_version(source.path, target)
        open_artifact(target)
        self._note(backup=str(target.relative_to(settings.MODELS_DIR)))
        for old in sorted(folder.glob(f"{parent.version}-*"), key=lambda path: path.name)[:-BACKUPS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def _train(self, data: Dataset, train: np.ndarray, styles: StyleTable, encoder: str, source: Artifact | None) -> Candidate:
        folder = run_folder(self.run)
        folder.mkdir(parents=True, exist_ok=True)
        return candidates.make(
            self.run.architecture, data, train, styles, encoder, source, report=self._epoch, checkpoint=folder / "checkpoint.pt"
        )

    def _epoch(self, epoch: int, train: float, valid: float | None) -> None:
        self.history.append({"epoch": epoch, "train": train, "valid": valid})
        if time.monotonic() - self.told > TELL_EVERY:
            jobs.advance(self.job, progress=epoch, total=self.run.epochs)
            self._note(epoch=epoch, curves=self.history)
            self.told = time.monotonic()

    def _draft(self, candidate: Candidate) -> Artifact:
        """What is tested is what will serve: the files as they are read back."""
        self._note(curves=candidate.history, epoch=len(candidate.history))
        root = run_folder(self.run) / "candidate"
        return write_artifact(
            root, name=self.run.model, version="draft", fill=candidate.fill, dataset_hash=self._snapshot_hash,
            features=candidate.features, params=candidate.params, replace=True,
        )  # fmt: skip

    def _test(
        self, artifact: Artifact, scorer: Scorer, before: Scorer | None, data: Dataset, styles: StyleTable
    ) -> list[sanity.Check]:
        seen = np.linspace(0, len(data.readings) - 1, min(FACES_TRIED // 2, len(data.readings))).astype(int)
        faces = [unpack(data.readings[row]) for row in seen]
        faces += FacePopulation.load().sample(FACES_TRIED - len(faces), np.random.default_rng(self.run.pk))
        size = sum(file.stat().st_size for file in artifact.path.iterdir())
        found = sanity.checks(scorer, load_scorer(artifact), before, faces, styles, size)
        try:
            trial.try_version(artifact)
        except ArtifactError as error:
            log.error("retraining_golden_differs", run=self.run.pk, problem=str(error))
            return [*found, sanity.Check("golden_replay", 1.0, 0.0, False)]
        return [*found, sanity.Check("golden_replay", 0.0, 0.0, True)]

    def _gate(self, scorer: Scorer, data: Dataset, train: np.ndarray, rows: np.ndarray, styles: StyleTable) -> Gate:
        champion = self._champion_scorer
        _encoder, theirs = training_styles(champion.encoder)
        ours = hold_out.predict(scorer, data, rows, styles, self._beat)
        them = hold_out.predict(champion, data, rows, theirs, self._beat)
        known = set(data.unit[train].tolist())
        cold = np.array([unit not in known for unit in data.unit[rows].tolist()], dtype=bool)
        return offline_gate.judge(them, ours, data.liked[rows], data.unit[rows], data.propensity[rows], cold)

    def _finish(
        self, artifact: Artifact, parent: ModelVersion | None, decision: training_verdict.Decision, about: dict[str, Any]
    ) -> None:
        run = self.run
        name = f"{run.architecture}-{run.created_at:%Y%m%d}-{run.pk}"
        known = ModelVersion.objects.filter(name=run.model, version=name).exists()

        def fill(folder: Path) -> None:
            for file in artifact.card.files:
                shutil.copyfile(artifact.file(file), folder / file)

        made = open_artifact(Path(settings.MODELS_DIR) / run.model / name) if known else write_artifact(
            Path(settings.MODELS_DIR), name=run.model, version=name, fill=fill, dataset_hash=self._snapshot_hash,
            code_revision=code_revision(), parent=parent.key if parent else None, features=artifact.card.features,
            replace=True, **about,
        )  # fmt: skip
        try:
            with transaction.atomic():
                if not jobs.succeed(self.job):  # first, for its lock: cancelling waits for this transaction, or has stopped it
                    raise jobs.JobGone
                training_verdict.carry_out(run, made, parent, decision)
        except BaseException:
            if not ModelVersion.objects.filter(name=run.model, version=name).exists():
                shutil.rmtree(made.path, ignore_errors=True)
            raise

    # --- what stages share -----------------------------------------------------------------------------------------------------

    @cached_property
    def _champion_scorer(self) -> Scorer:
        champion = registry_reads.champion(self.run.model)
        if champion is None:
            raise ApplicationError("model_no_champion", params={"model": self.run.model})
        return load_scorer(folders.open_entry(Entry.of(champion)))

    @property
    def _snapshot_hash(self) -> str:
        return self.run.snapshot.content_hash if self.run.snapshot else ""

    def _heard_until(self, parent: ModelVersion | None) -> int:
        """Microseconds since 1970: what was said before may have been learned by the champion or the parent."""
        versions = (parent, registry_reads.champion(self.run.model))
        return max((int(v.card.get("params", {}).get("trained_until", 0)) for v in versions if v), default=0)

    def _stage(self, stage: str, **fields: Any) -> None:
        jobs.advance(self.job, stage=stage)
        self._note(stage=stage, **fields)

    def _beat(self) -> None:
        if time.monotonic() - self.told > TELL_EVERY:
            jobs.advance(self.job)
            self.told = time.monotonic()

    def _note(self, **fields: Any) -> None:
        """On the run's page at once. A run that has ended meanwhile is not written to. Raises JobGone then."""
        changed = TrainingRun.objects.filter(pk=self.run.pk).exclude(state__in=TrainingRun.FINAL).update(**fields)
        if not changed:
            raise jobs.JobGone
        for name, value in fields.items():
            setattr(self.run, name, value)

    def _notes(self, data: Dataset, train: np.ndarray) -> dict[str, str]:
        people = len(set(data.unit[train].tolist()))
        return {
            "trained_on": f"{int(train.sum())} reactions of {people} people and {len(data.synthetic_score)} synthetic scores, which have "
            f"{float(data.share):.0%} of the weight.",
            "tested_how": "On the newest fifth of the reactions, shown after everything it was trained on was said; beside the champion "
            "of that day, people drawn again for the bounds.",
            "fails_where": FAILS_WHERE,
        }


def _keeps_scale(parent: Artifact) -> bool:
    """A preference scorer that has heard no reaction yet says what suits a face; its first child says what is liked: another scale."""
    return parent.card.params.get("architecture") != "preference" or "trained_until" in parent.card.params


def _flat(gate: Gate) -> dict[str, Any]:
    """The gate's figures as the card keeps them."""
    return {f"hold_out_{name}": value for name, value in gate.figures.items() if value is not None}
