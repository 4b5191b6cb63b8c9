from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.common.errors import ApplicationError
from mltraining.models import Experiment
from mltraining.selectors import experiments as reads
from mltraining.selectors import registry as registry_reads
from mltraining.services import experiment_looks, experiments

ACTOR = "command"


class Command(BaseCommand):
    help = "List, register, start, look at and stop experiments."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="all experiments, the newest first")
        show = actions.add_parser("show", help="one experiment: state, looks, transitions")
        show.add_argument("key")
        create = actions.add_parser("create", help="register a draft: a ready-made one, or a version against the champion")
        create.add_argument("key", nargs="?", help=f"ready-made: {', '.join(experiments.READY_MADE)}")
        create.add_argument("--challenger", help="NAME@VERSION of the scorer, instead of a ready-made one")
        create.add_argument("--people-per-day", type=float, default=experiments.PEOPLE_PER_DAY, help="expected per arm")
        for name, text in (("start", "let the first people in"), ("kill", "stop at once: everybody gets the champion")):
            action = actions.add_parser(name, help=text)
            action.add_argument("key")
            action.add_argument("--reason", default="by hand")
        actions.add_parser("watch", help="take the looks that are due, as the hourly task does")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except ApplicationError as error:
            raise CommandError(error.message) from error

    def _list(self, options: dict[str, Any]) -> None:
        for experiment in reads.experiments():
            self.stdout.write(f"{experiment.key}: {self._state(experiment)}, {experiment.title}")

    def _show(self, options: dict[str, Any]) -> None:
        experiment = reads.find(options["key"])
        self.stdout.write(f"{experiment.key}: {self._state(experiment)}\n{experiment.hypothesis}")
        for look in experiment.looks.order_by("day"):
            lifts = ", ".join(
                f"{c['arm']} {c['lift']:+.1%} ({c['low']:+.1%} to {c['high']:+.1%})" for c in look.results["comparisons"]
            )
            self.stdout.write(f"day {look.day}: {lifts or 'nothing to compare'}; {look.decision}: {look.reason}")
        for move in experiment.transitions.order_by("id"):
            self.stdout.write(f"{move.at:%Y-%m-%d %H:%M} {move.before or '-'} -> {move.after} by {move.actor}: {move.reason}")

    def _create(self, options: dict[str, Any]) -> None:
        people = options["people_per_day"]
        if bool(options["key"]) == bool(options["challenger"]):
            raise CommandError("give the key of a ready-made experiment, or --challenger")
        if options["challenger"]:
            version = registry_reads.find(options["challenger"])
            experiment = experiments.create_for(version, actor=ACTOR, people_per_day=people)
        else:
            experiment = experiments.create_ready_made(options["key"], actor=ACTOR, people_per_day=people)
        self.stdout.write(f"registered {experiment.key}; `experiments start {experiment.key}` lets the first people in")

    def _start(self, options: dict[str, Any]) -> None:
        experiment = experiments.start(reads.find(options["key"]), actor=ACTOR, reason=options["reason"])
        self.stdout.write(f"{experiment.key} runs: {experiment.exposed_share:.0%} of people are in")

    def _kill(self, options: dict[str, Any]) -> None:
        experiment = experiments.kill(reads.find(options["key"]), actor=ACTOR, reason=options["reason"])
        self.stdout.write(f"{experiment.key} is stopped: everybody gets the champion")

    def _watch(self, options: dict[str, Any]) -> None:
        looks = experiment_looks.watch()
        for look in looks:
            self.stdout.write(f"{look.experiment.key} day {look.day}: {look.decision}: {look.reason}")
        if not looks:
            self.stdout.write("no look is due")

    def _state(self, experiment: Experiment) -> str:
        if experiment.state == Experiment.State.RUNNING:
            return f"running, {experiment.exposed_share:.0%} of people are in"
        return str(experiment.decision or experiment.state)
