from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mltraining.selectors.monitoring import unresolved
from mltraining.services import monitoring


class Command(BaseCommand):
    help = "Compare the last week with its reference now, as beat does every hour: write the report, raise and resolve alerts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **o: Any) -> None:
        report = monitoring.check(actor="command")
        alerts = [
            {
                "kind": a.kind,
                "severity": a.severity,
                "state": a.state,
                "count": a.count,
                "runbook": a.runbook,
                "details": a.details,
            }
            for a in unresolved()
        ]
        if o["json"]:
            spans = ("window_start", "window_end", "reference_start", "reference_end")
            self.stdout.write(
                json.dumps(
                    {
                        "status": report.status,
                        "model_version": report.model_version,
                        **{name: getattr(report, name).isoformat() for name in spans},
                        "window_rows": report.window_rows,
                        "reference_rows": report.reference_rows,
                        "results": report.results,
                        "alerts": alerts,
                    },
                    ensure_ascii=False,
                )
            )
            return
        self.stdout.write(
            f"{report.status}: {report.window_rows} people from {report.window_start:%Y-%m-%d %H:%M} to "
            f"{report.window_end:%Y-%m-%d %H:%M} UTC against {report.reference_rows} from {report.reference_start:%Y-%m-%d %H:%M} to "
            f"{report.reference_end:%Y-%m-%d %H:%M}"
        )
        for row in report.results:
            figures = ", ".join(f"{name} {row[name]:.3g}" for name in ("psi", "js", "ks", "effect", "p") if row[name] is not None)
            self.stdout.write(f"  {row['kind']:12}{row['feature']:28}{row['status']:9}n {row['n']:<7}{figures}")
        for alert in alerts:
            self.stdout.write(
                f"alert: {alert['kind']} ({alert['severity']}, {alert['state']}, {alert['count']}x) {alert['runbook']}"
            )
