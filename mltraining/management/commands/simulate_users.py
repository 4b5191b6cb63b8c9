from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hairme.ml.artifacts import ArtifactError
from mltraining.learn.simulation import curves
from mltraining.learn.simulation.policies import POLICIES
from mltraining.learn.simulation.run import Outcome, Setting
from mltraining.services.simulation import simulate_all, simulator_class

SHIPPED = "mltraining.learn.simulation.simulators"
SIMULATORS = tuple(f"{SHIPPED}:{name}" for name in ("LatentTaste", "Segments", "FashionDrift", "ContraryToStylist"))


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # needs no service
    help = (
        "Let simulated people judge the policies that choose what is shown. A simulator is a class with sample_person and react "
        "(mltraining/learn/simulation/protocol.py). Needs no database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--policy", choices=POLICIES, action="append", help="may be given several times (default: challenger)"
        )
        parser.add_argument("--all-policies", action="store_true")
        parser.add_argument(
            "--simulator", action="append", help=f"module:Class, may be given several times (default: the four of {SHIPPED})"
        )
        parser.add_argument("--users", type=int, default=Setting().users, help="lists per round")
        parser.add_argument("--rounds", type=int, default=Setting().rounds)
        parser.add_argument("--reactions-budget", type=int, help="end at this many reactions, however many rounds that takes")
        parser.add_argument(
            "--returning", type=float, default=Setting().returning, help="chance that a round's user is the last round's"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--seeds", type=int, default=1, help="this many, from --seed on")
        parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--chart", type=Path, help="draw regret curves into this file (.svg, .png)")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(
        self, *args: Any, policy: list[str] | None, simulator: list[str] | None, chart: Path | None, **options: Any
    ) -> None:
        policies = POLICIES if options["all_policies"] else tuple(dict.fromkeys(policy or ["challenger"]))
        simulators = tuple(dict.fromkeys(simulator or SIMULATORS))
        found: dict[str, dict[tuple[str, int], Outcome]] = {name: {} for name in simulators}
        quiet, done = options["json"], 0
        total = len(policies) * len(simulators) * options["seeds"]
        try:
            for name in simulators:
                simulator_class(name)
            setting = Setting(
                options["users"], options["rounds"], options["reactions_budget"], options["returning"], options["seed"]
            )
            if options["seeds"] < 1:
                raise ValueError("--seeds must be at least 1")
            for job, outcome in simulate_all(simulators, policies, setting, options["seeds"], options["processes"]):
                found[job.simulator][job.policy, job.setting.seed] = outcome
                done += 1
                if not quiet:
                    self.stdout.write(f"  {done}/{total} runs", ending="\r")
                    self.stdout.flush()
        except (ValueError, ArtifactError) as error:
            raise CommandError(str(error)) from None
        ordered = {name: _in_order(runs, policies) for name, runs in found.items()}
        if chart:
            curves.draw_regret(ordered, chart)
        if quiet:
            self.stdout.write(json.dumps(_json(ordered), allow_nan=False))
        else:
            self.stdout.write("\n\n".join(curves.table(name, runs) for name, runs in ordered.items()))


def _in_order(runs: dict[tuple[str, int], Outcome], policies: tuple[str, ...]) -> dict[tuple[str, int], Outcome]:
    return {key: runs[key] for key in sorted(runs, key=lambda key: (policies.index(key[0]), key[1]))}


def _json(found: dict[str, dict[tuple[str, int], Outcome]]) -> dict[str, Any]:
    return {
        name: {
            "summary": _finite(curves.summary(runs)),
            "runs": [{"seed": seed, **_finite(outcome.to_json())} for (_policy, seed), outcome in runs.items()],
        }
        for name, runs in found.items()
    }


def _finite(value: Any) -> Any:
    """Numbers that are not finite as null: JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value
