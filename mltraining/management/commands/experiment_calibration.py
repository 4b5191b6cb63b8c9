from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mltraining.experiments import defaults
from mltraining.experiments.calibration import ERRORS, World, calibrate, rules_for


class Command(BaseCommand):
    help = (
        "Replay the decision that experiments are judged by over simulated experiments with one look a day, and print how often it "
        "promotes, rolls back or goes on until the horizon, with standard errors and days to the decision. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add, world = parser.add_argument, World()
        add("--lift", type=float, default=world.lift, help="true relative lift of the challenger, -0.1 is 10 %% worse")
        add("--base-rate", type=float, default=world.base_rate, help="like rate of the control")
        add("--users-per-day", type=int, default=world.users_per_day, help="people per arm and day at full exposure")
        add("--days", type=int, default=world.days, help="horizon; one look at the end of each day")
        add("--runs", type=int, default=1000)
        add("--seed", type=int, default=0)
        add("--reactions-per-user", type=float, default=world.reactions_per_user, help="mean per visit, at most seven each")
        add("--user-sd", type=float, default=world.user_sd, help="standard deviation of people's own like rates")
        add("--returning", type=float, default=world.returning, help="share of a day's people who were there on an earlier day")
        add("--ramp", default="1", help="exposed shares of day 1, 2, ..., the last for the rest: 0.1,0.25,0.5,1")
        add("--srm", type=float, default=world.lost, help="share of the challenger's people who get lost")
        add("--reactions-before", type=float, default=world.reactions_before, help="mean per person before the start (CUPED)")
        add("--challenger-errors", type=float, default=ERRORS, help="share of failing analyses; the control has %(default)s")
        add(
            "--tuning",
            type=float,
            default=defaults.TUNING_SHARE,
            help="bounds are tightest at this many times the planned people",
        )
        add("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **o: Any) -> None:
        try:
            world = World(
                lift=o["lift"],
                base_rate=o["base_rate"],
                users_per_day=o["users_per_day"],
                days=o["days"],
                reactions_per_user=o["reactions_per_user"],
                user_sd=o["user_sd"],
                returning=o["returning"],
                ramp=tuple(float(share) for share in o["ramp"].split(",")),
                lost=o["srm"],
                reactions_before=o["reactions_before"],
                challenger_errors=o["challenger_errors"],
            )
            if o["runs"] < 1 or o["tuning"] <= 0:
                raise ValueError("at least one run, and a tuning above 0")
        except ValueError as error:
            raise CommandError(str(error)) from None
        result = calibrate(world, rules_for(world, defaults.GUARDRAILS, tuning_share=o["tuning"]), runs=o["runs"], seed=o["seed"])
        if o["json"]:
            self.stdout.write(json.dumps(result))
            return
        self.stdout.write(
            f"lift {world.lift:+.0%}, base rate {world.base_rate:.0%}, {world.users_per_day} people a day and arm, {world.days} days, "
            f"{o['runs']} runs"
        )
        for name in ("promote", "rollback", "continue"):
            days = result.get(f"{name}_days")
            after = f", after {days['median']:.0f} days (median; nine in ten by {days['p90']:.0f})" if days else ""
            self.stdout.write(f"{name:9}{result[name]:7.1%} ± {result[f'{name}_se']:.1%}{after}")
        for reason, share in result["reasons"].items():
            self.stdout.write(f"  {reason}: {share:.1%}")
