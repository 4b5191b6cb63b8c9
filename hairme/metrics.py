"""Prometheus metrics: what every web process counted (multiprocess files where configured) plus what the database and Redis know."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

STAGE_BUCKETS = (0.01, 0.03, 0.06, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class SharedHistogram:
    """A histogram of one label counted in Redis: workers observe, and the web process that is asked is another one."""

    def __init__(self, name: str, help: str, label: str, buckets: tuple[float, ...]) -> None:
        self._name, self._help, self._label, self._buckets = name, help, label, buckets
        self._key = f"hairme:metrics:{name}"

    def observe(self, value: str, amount: float) -> None:
        """Count ``amount`` under label ``value``. Without Redis it is not counted; the work goes on."""
        from redis.exceptions import RedisError

        from hairme.common import wake

        bucket = next((str(limit) for limit in self._buckets if amount <= limit), "+Inf")
        try:
            pipe = wake.client().pipeline(transaction=False)
            pipe.hincrby(self._key, f"{value}|{bucket}", 1)
            pipe.hincrbyfloat(self._key, f"{value}|sum", amount)
            pipe.execute()
        except (RedisError, OSError):
            pass

    def family(self) -> HistogramMetricFamily:
        """What was counted so far. Raises RedisError where Redis is away."""
        from hairme.common import wake

        counted: dict[str, dict[str, float]] = {}
        for field, amount in wake.client().hgetall(self._key).items():
            value, _, bucket = (field.decode() if isinstance(field, bytes) else field).rpartition("|")
            counted.setdefault(value, {})[bucket] = float(amount)
        family = HistogramMetricFamily(self._name, self._help, labels=[self._label])
        for value, buckets in sorted(counted.items()):
            total, cumulative = 0.0, []
            for limit in (*map(str, self._buckets), "+Inf"):
                total += buckets.get(limit, 0.0)
                cumulative.append((limit, total))
            family.add_metric([value], cumulative, buckets.get("sum", 0.0))
        return family


ANALYSIS_SECONDS = SharedHistogram("hairme_analysis_seconds", "Seconds of an analysis by stage", "stage", STAGE_BUCKETS)


_more: list[Callable[[], Iterator[Metric]]] = []


def add_collector(collect: Callable[[], Iterator[Metric]]) -> None:
    """Let an app say more at scrape time (called once, from its start-up). ``collect`` must not raise, whatever is away."""
    if collect not in _more:
        _more.append(collect)


class StateCollector:
    """Read at scrape time: jobs by queue and state, age of the oldest waiting job, queues, workers, outbox, the workers' stages."""

    def collect(self) -> Iterator[Metric]:
        yield from self._database()
        yield from self._redis()
        for collect in _more:
            yield from collect()

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

    def _redis(self) -> Iterator[GaugeMetricFamily | HistogramMetricFamily]:
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
            yield ANALYSIS_SECONDS.family()
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
