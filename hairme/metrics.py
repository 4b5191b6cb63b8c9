"""Prometheus metrics: what every web process counted (multiprocess files where configured) plus what the database and Redis know."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily

ANALYSIS_SECONDS = Histogram(
    "hairme_analysis_seconds",
    "Seconds of an analysis by stage",
    ["stage"],
    buckets=(0.01, 0.03, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)


class StateCollector:
    """Gauges read at scrape time: jobs by queue and state, age of the oldest waiting job, queue depths, workers, outbox."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._database()
        yield from self._redis()

    def _database(self) -> Iterator[GaugeMetricFamily]:
        from django.db import Error
        from django.db.models import Count, Min
        from django.utils import timezone

        from hairme.common.models import Job, OutboxEvent

        up = GaugeMetricFamily("hairme_database_up", "1 where the database answers")
        jobs = GaugeMetricFamily("hairme_jobs_unfinished", "Jobs waiting or running", labels=["queue", "state"])
        age = GaugeMetricFamily("hairme_oldest_waiting_job_seconds", "Age of the oldest waiting job", labels=["queue"])
        outbox = GaugeMetricFamily("hairme_outbox_waiting", "Events not yet relayed to the stream")
        try:
            for row in (
                Job.objects.unfinished().order_by().values("queue", "state").annotate(n=Count("id"), oldest=Min("created_at"))
            ):
                jobs.add_metric([row["queue"], row["state"]], row["n"])
                if row["state"] == Job.State.QUEUED:
                    age.add_metric([row["queue"]], (timezone.now() - row["oldest"]).total_seconds())
            outbox.add_metric([], OutboxEvent.objects.filter(relayed_at=None).count())
            up.add_metric([], 1)
        except Error:
            up.add_metric([], 0)
        yield from (up, jobs, age, outbox)

    def _redis(self) -> Iterator[GaugeMetricFamily]:
        from django.conf import settings
        from redis.exceptions import RedisError

        from hairme.common import heartbeat, wake

        up = GaugeMetricFamily("hairme_broker_up", "1 where Redis answers")
        depth = GaugeMetricFamily("hairme_queue_depth", "Messages waiting in the broker", labels=["queue"])
        workers = GaugeMetricFamily("hairme_workers", "Living workers by queue", labels=["queue"])
        try:
            alive = heartbeat.alive_queues()
            for queue in settings.QUEUES:
                depth.add_metric([queue], wake.client().llen(queue))
                workers.add_metric([queue], alive.get(queue, 0))
            up.add_metric([], 1)
        except (RedisError, OSError):
            up.add_metric([], 0)
        yield from (up, depth, workers)


def exposition() -> tuple[bytes, str]:
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        body = generate_latest(registry)
    else:
        body = generate_latest(REGISTRY)
    state = CollectorRegistry()
    state.register(StateCollector())  # type: ignore[arg-type]
    return body + generate_latest(state), CONTENT_TYPE_LATEST
