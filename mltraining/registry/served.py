"""What /metrics says of models: the served version, the aliases, damaged versions, how often a process had to serve another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error as DatabaseError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from redis.exceptions import RedisError

from hairme.common import wake
from hairme.ml.artifacts import ArtifactError, get_store

from ..models import ModelAlias, ModelVersion


class SharedCounter:
    """Counted in Redis by every process, read by the one that is scraped."""

    def __init__(self, name: str, help: str, label: str) -> None:
        self._name, self._help, self._label = name, help, label
        self._key = f"hairme:metrics:{name}"

    def count(self, value: str) -> None:
        """Without Redis it is not counted; the work goes on."""
        with contextlib.suppress(RedisError, OSError):
            wake.client().hincrby(self._key, value, 1)

    def family(self) -> CounterMetricFamily:
        family = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for value, count in sorted(wake.client().hgetall(self._key).items()):
            family.add_metric([value.decode() if isinstance(value, bytes) else value], float(count))
        return family


FALLBACKS = SharedCounter(
    "hairme_model_fallbacks", "Times that a process began to serve another version than the champion", "model"
)


def collect() -> Iterator[Metric]:
    """Nothing where the database or Redis is away; ``hairme_database_up`` and ``hairme_broker_up`` say so."""
    aliases = GaugeMetricFamily(
        "hairme_model_alias", "1 for the version an alias points at", labels=["model", "alias", "version"]
    )
    serves = GaugeMetricFamily("hairme_model_served", "1 for the version that this process serves", labels=["model", "version"])
    damaged = GaugeMetricFamily("hairme_model_damaged_versions", "Versions whose files are damaged or missing", labels=["model"])
    with contextlib.suppress(DatabaseError, ArtifactError):
        names = set()
        for alias in ModelAlias.objects.select_related("version"):
            aliases.add_metric([alias.name, alias.alias, alias.version.version], 1)
            names.add(alias.name)
        bad = list(ModelVersion.objects.filter(state=ModelVersion.State.DAMAGED).values_list("name", flat=True))
        for name in sorted(names):
            damaged.add_metric([name], bad.count(name))
            serves.add_metric([name, get_store().resolve(name).card.version], 1)
    yield from (aliases, serves, damaged)
    with contextlib.suppress(RedisError, OSError):
        yield FALLBACKS.family()
