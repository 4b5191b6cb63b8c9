from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mltraining.monitoring.calibration import PATIENCE_DAYS, calibrate


class Command(BaseCommand):
    help = (
        "Replay the drift checks over simulated days: false alarms on a quiet site with a weekly rhythm, and the days until planted "
        "drifts of several sizes are told. Needs no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=1000, help="quiet days")
        parser.add_argument("--rows-per-day", type=int, default=200, help="analyses a day; each shows seven styles")
        parser.add_argument("--runs", type=int, default=20, help="plantings of each drift and size")
        parser.add_argument("--looks-per-day", type=int, default=1, help="the site itself looks every hour")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **o: Any) -> None:
        if min(o["days"], o["rows_per_day"], o["runs"], o["looks_per_day"]) < 1:
            raise CommandError("days, rows per day, runs and looks per day are at least 1")
        result = calibrate(
            days=o["days"], rows_per_day=o["rows_per_day"], runs=o["runs"], looks_per_day=o["looks_per_day"], seed=o["seed"]
        )
        if o["json"]:
            self.stdout.write(json.dumps(result))
            return
        quiet = result["quiet"]
        low, high = quiet["interval_95"]
        self.stdout.write(
            f"quiet: {quiet['alarms']} alarms in {quiet['days']} days at {o['rows_per_day']} analyses and {o['looks_per_day']} looks "
            f"a day = {quiet['per_1000_days']:.1f} per 1,000 days (95 % interval {low:.1f} to {high:.1f}), {quiet['critical']} of them "
            f"critical {quiet['by_kind'] or ''}"
        )
        self.stdout.write(f"planted, {o['runs']} runs each; missed after {PATIENCE_DAYS} days:")
        self.stdout.write(f"{'drift':10}{'size':>6}{'told':>7}{'critical':>10}{'median days':>13}{'95 % days':>11}")
        for row in result["planted"]:
            median, late = (f"{row[name]:.1f}" if row[name] is not None else "-" for name in ("median_days", "p95_days"))
            self.stdout.write(
                f"{row['drift']:10}{row['size']:>6}{row['detected']:>7.0%}{row['critical']:>10.0%}{median:>13}{late:>11}"
            )
