"""What /metrics says of monitoring: alerts that are not over, and how old the last look at the data is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error as DatabaseError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from .monitoring import open_by_severity, report_age


def collect() -> Iterator[Metric]:
    """Nothing where the database is away; ``hairme_database_up`` says so."""
    alerts = GaugeMetricFamily("hairme_alerts_unresolved", "Alerts that are open or seen", labels=["severity"])
    age = GaugeMetricFamily("hairme_drift_report_age_seconds", "Seconds since data were last compared with their reference")
    with contextlib.suppress(DatabaseError):
        for severity, count in open_by_severity().items():
            alerts.add_metric([severity], count)
        seconds = report_age()
        if seconds is not None:
            age.add_metric([], seconds)
    yield from (alerts, age)
