from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from hairme.common import heartbeat
from hairme.common.errors import ApplicationError
from mltraining.learn.architectures import ARCHITECTURES
from mltraining.models import TrainingRun
from mltraining.services import retraining, training_run
from recommendations.selectors import SCORER

FAILED, TOO_FEW, UNDER_WAY, REJECTED = 1, 3, 4, 5
EXIT = {"training_too_few": TOO_FEW, "training_nothing_new": TOO_FEW, "training_under_way": UNDER_WAY}
LOOK_EVERY = 0.5  # seconds


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # it is the way out where the scorer is what a check complains of
    help = (
        "Train a better scorer from reactions and synthetic scores, and try it on people if it proves itself. Exit codes: 1 failed, "
        "3 too few reactions, 4 another run is under way, 5 rejected."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--min-feedbacks", type=int, default=settings.RETRAIN_MIN_FEEDBACKS, help="fewest reactions to start with"
        )
        parser.add_argument("--model", default=SCORER)
        parser.add_argument("--architecture", choices=ARCHITECTURES, help="default: the champion's")
        parser.add_argument("--wait", action="store_true", help="wait for the worker to finish and print the verdict")
        parser.add_argument("--here", action="store_true", help="train in this process, where no training worker runs")
        parser.add_argument(
            "--force-experiment",
            action="store_true",
            help="try it on people whatever the hold-out says, if its sanity checks pass",
        )
        parser.add_argument("--promote", action="store_true", help="let it serve at once unless it is worse; needs --reason")
        parser.add_argument("--reason", default="", help="why it should serve at once")

    def handle(
        self,
        *args: Any,
        min_feedbacks: int,
        model: str,
        architecture: str | None,
        wait: bool,
        here: bool,
        force_experiment: bool,
        promote: bool,
        reason: str,
        **options: Any,
    ) -> None:
        if promote != bool(reason.strip()):
            raise CommandError("--promote and --reason belong together: say why it should serve at once")
        try:
            run = retraining.start_retraining(
                TrainingRun.Trigger.COMMAND,
                model=model,
                architecture=architecture or "",
                min_feedbacks=min_feedbacks,
                actor="command",
                force_experiment=force_experiment,
                promote_reason=reason.strip(),
            )
        except ApplicationError as error:
            raise CommandError(error.message, returncode=EXIT.get(error.code, FAILED)) from None
        self.stdout.write(f"run {run.pk}: {run.architecture} from {run.params['synthetic_share']:.0%} synthetic scores by weight")
        if here and run.job is not None:
            training_run.run_training(run.job.pk)
        if here or wait:
            self._end(self._wait(run))
            return
        self.stdout.write(f"queued; follow it at /staff/runs/{run.pk}/")
        if not _is_worker_alive():
            self.stdout.write(self.style.WARNING("no training worker runs: start one (make run), or train here with --here"))

    def _wait(self, run: TrainingRun) -> TrainingRun:
        stage = ""
        while True:
            run.refresh_from_db()
            if run.stage != stage:
                stage = run.stage
                self.stdout.write(f"  {stage}")
            if run.is_final:
                return run
            retraining.close_abandoned(run.model)
            time.sleep(LOOK_EVERY)

    def _end(self, run: TrainingRun) -> None:
        if run.snapshot:
            like_rate = run.snapshot.details["like_rate"]
            self.stdout.write(
                f"data set {run.snapshot.content_hash[:12]}: {run.snapshot.reactions} reactions of {run.snapshot.people} people "
                f"({'–' if like_rate is None else f'{like_rate:.0%}'} likes), {run.snapshot.synthetic} synthetic scores"
            )
        if run.state == TrainingRun.State.ACCEPTED:
            self.stdout.write(self.style.SUCCESS(f"{run.version}: {run.verdict}"))
        elif run.state == TrainingRun.State.REJECTED:
            raise CommandError(f"{run.version} rejected. {run.verdict}", returncode=REJECTED)
        else:
            raise CommandError(f"{run.get_state_display()}: {run.verdict}", returncode=FAILED)


def _is_worker_alive() -> bool:
    try:
        return "training" in heartbeat.alive_queues()
    except (RedisError, OSError):
        return False
