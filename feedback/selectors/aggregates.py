"""The hourly sums: as stored, and as PostgreSQL adds them up from the events themselves."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection

from recommendations.engine.vocabulary import FACE_SHAPES

from ..engine.events import BEYOND, BOUNDS_MS, COUNTS, Key, Sums
from ..models import WindowAggregate

#: The definition of ``engine.events`` once more, in SQL and independent of it, so that one can be checked against the other.
_RECOMPUTE = """
WITH event AS (
    SELECT o.id, o.topic, date_trunc('hour', o.occurred_at, 'UTC') AS hour, o.payload AS p
    FROM common_outboxevent o
    WHERE (%(since)s::timestamptz IS NULL OR o.occurred_at >= %(since)s)
      AND (%(consumer)s::text IS NULL
           OR EXISTS (SELECT FROM feedback_consumedevent c WHERE c.consumer = %(consumer)s AND c.event_id = o.id))
      AND NOT EXISTS (SELECT FROM feedback_poisonmessage m
                      WHERE m.stream_id = 'outbox:' || o.id AND m.outcome <> 'taken_in')
), item AS (
    SELECT hour, p || i AS p, 1 AS impressions, 0 AS likes, 0 AS dislikes
    FROM event, jsonb_array_elements(p -> 'items') AS i WHERE topic = 'recommendations.shown'
    UNION ALL
    SELECT hour, p, 0,
           (topic = 'feedback.given' AND p ->> 'reaction' = '1')::int - coalesce(p ->> 'before' = '1', false)::int,
           (topic = 'feedback.given' AND p ->> 'reaction' = '0')::int - coalesce(p ->> 'before' = '0', false)::int
    FROM event WHERE topic IN ('feedback.given', 'feedback.taken_back')
), analysis AS (
    SELECT hour, p, (p ->> 'ms')::bigint AS ms,
           coalesce((SELECT min(b)::text FROM unnest(%(bounds)s::bigint[]) AS b WHERE (p ->> 'ms')::bigint <= b), %(beyond)s) AS bound
    FROM event WHERE topic = 'analysis.completed'
), failure AS (
    SELECT hour, p FROM event WHERE topic = 'analysis.failed'
), addition AS (
    SELECT hour, d.dimension, d.value, impressions, likes, dislikes, 0 AS analyses, 0 AS errors, 0 AS ms, NULL AS bound
    FROM item, LATERAL (VALUES
        ('all', 'all'), ('source', p ->> 'source'), ('version', p ->> 'model_version'), ('style', coalesce(p ->> 'style', 'free')),
        ('face_shape', coalesce(%(shapes)s::jsonb ->> (p ->> 'face_shape'), p ->> 'face_shape')),
        ('arm', coalesce(nullif(p ->> 'experiment', '') || '/', '') || (p ->> 'arm')),
        ('candidate', coalesce(nullif(p ->> 'candidate', ''), '-'))
    ) AS d (dimension, value)
    UNION ALL
    SELECT hour, d.dimension, d.value, 0, 0, 0, 1, 0, ms, bound
    FROM analysis, LATERAL (VALUES
        ('all', 'all'), ('version', p ->> 'model_version'),
        ('face_shape', coalesce(%(shapes)s::jsonb ->> (p ->> 'face_shape'), p ->> 'face_shape')),
        ('arm', coalesce(nullif(p ->> 'experiment', '') || '/', '') || (p ->> 'arm'))
    ) AS d (dimension, value)
    UNION ALL
    SELECT hour, d.dimension, d.value, 0, 0, 0, 0, 1, 0, NULL
    FROM failure, LATERAL (VALUES
        ('failure', p ->> 'code', true), ('all', 'all', p -> 'ours' = 'true'),
        ('arm', coalesce(nullif(p ->> 'experiment', '') || '/', '') || (p ->> 'arm'), p -> 'ours' = 'true')
    ) AS d (dimension, value, counts) WHERE d.counts
), histogram AS (
    SELECT hour, dimension, value, jsonb_object_agg(bound, n) AS latency FROM (
        SELECT hour, dimension, value, bound, count(*) AS n FROM addition WHERE bound IS NOT NULL GROUP BY 1, 2, 3, 4
    ) AS counted GROUP BY 1, 2, 3
)
SELECT a.hour, a.dimension, a.value, sum(impressions), sum(likes), sum(dislikes), sum(analyses), sum(errors), sum(ms),
       coalesce((array_agg(h.latency))[1]::text, '{}')
FROM addition a LEFT JOIN histogram h USING (hour, dimension, value) GROUP BY 1, 2, 3
"""


def stored_aggregates(since: datetime | None = None) -> dict[Key, Sums]:
    """Every stored sum that is not nothing."""
    rows = WindowAggregate.objects.all() if since is None else WindowAggregate.objects.filter(window__gte=since)
    found = {(row.window, row.dimension, row.value): sums_of(row) for row in rows.iterator()}
    return {key: sums for key, sums in found.items() if not sums.is_nothing}


def sums_of(row: WindowAggregate) -> Sums:
    return Sums.of((getattr(row, name) for name in COUNTS), row.latency_counts)


def recompute_aggregates(since: datetime | None = None, consumer: str | None = None) -> dict[Key, Sums]:
    """The hourly sums that the outbox's events from ``since`` on add up to, without those that are set aside; nothings left out.

    ``consumer``: only the events that this consumer has taken in.
    """
    parameters: dict[str, Any] = {
        "since": since,
        "consumer": consumer,
        "bounds": list(BOUNDS_MS),
        "beyond": BEYOND,
        "shapes": json.dumps({label.ko: key for key, label in FACE_SHAPES.items()}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECOMPUTE, parameters)
        rows = cursor.fetchall()
    found: dict[Key, Sums] = {}
    for hour, dimension, value, *counts, latency in rows:
        found[hour, dimension, value] = Sums.of(counts, json.loads(latency))
    return {key: sums for key, sums in found.items() if not sums.is_nothing}
