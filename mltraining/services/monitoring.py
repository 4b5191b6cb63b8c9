"""One look at everything that can drift, fail or go stale: a report, alerts, and at most one retraining a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import connection, transaction
from django.utils import timezone

from hairme.common.errors import ApplicationError
from recommendations.selectors import SCORER

from ..models import Alert, DriftReport, TrainingRun
from ..monitoring.compare import Baseline
from ..monitoring.findings import ALERT, KINDS, OK, TOO_FEW, Finding, worst
from ..monitoring.periods import Periods, periods
from ..selectors import experiments as experiment_reads
from ..selectors import monitoring as reads
from ..selectors import registry as registry_reads
from . import alerts, champion_watch, retraining

log = structlog.get_logger(__name__)

STALE: Final = {
    "training_stale": Alert.Severity.WARN,
    "stream_behind": Alert.Severity.CRITICAL,
    "vectors_missing": Alert.Severity.WARN,
}
CHAMPION: Final = "champion_worse"
#: Kinds that newer data can mend. Times, errors and a harmful champion are not among them.
RETRAINED: Final = ("features", "predictions", "labels", "calibration")
RETRAINING_EVERY: Final = timedelta(days=1)  # whatever alerts there are
SAME_ALERT_EVERY: Final = timedelta(days=7)  # an alert that the last retraining did not end is not ended by one a day later
KEEP_ALL, KEEP_DAILY = timedelta(days=7), timedelta(days=180)
_LOCK: Final = 0x6D6F_6E69  # "moni": one check at a time


def check(now: datetime | None = None, *, actor: str = "beat") -> DriftReport:
    """Compare the week before ``now`` (cut to the hour) with its reference, write the report, raise and resolve alerts."""
    now = now or timezone.now()
    champion = registry_reads.champion(SCORER)
    promoted = registry_reads.made_champion(champion).at if champion else None
    span = periods(now, promoted)
    key = champion.key if champion else ""
    findings = examine(span, key)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        report = _report(span, key, findings)
        raised = _raise(report, findings, now, actor)
    if promoted is not None and promoted <= span.start:
        _maybe_retrain(raised, now)
    _prune(now)
    log.info("monitored", status=report.status, rows=report.window_rows, alerts=len(raised))
    return report


def examine(span: Periods, champion: str) -> list[Finding]:
    """All findings of a window against its reference, read from the tables."""
    ids, space = reads.style_space()
    reference = reads.period_data(span.reference_start, span.reference_end, champion, ids)
    return Baseline(reference, space).compare(reads.period_data(span.start, span.end, champion, ids))


def _report(span: Periods, champion: str, findings: Sequence[Finding]) -> DriftReport:
    people = [found for found in findings if found.kind == "features"]
    return DriftReport.objects.create(
        model_version=champion,
        window_start=span.start,
        window_end=span.end,
        reference_start=span.reference_start,
        reference_end=span.reference_end,
        reference_rows=max(found.n_reference for found in people),
        window_rows=max(found.n for found in people),
        status=worst(found.status for found in findings),
        results=[found.to_json() for found in findings],
    )


def _raise(report: DriftReport, findings: Sequence[Finding], now: datetime, actor: str) -> list[Alert]:
    """Alerts of what is not steady now; those of kinds that are steady again end."""
    raised, steady = [], [*STALE, CHAMPION]
    for kind in KINDS:
        own = [found for found in findings if found.kind == kind]
        status = worst(found.status for found in own)
        if status == OK:
            steady.append(kind)
        if status in (OK, TOO_FEW):
            continue
        severity = Alert.Severity.CRITICAL if status == ALERT else Alert.Severity.WARN
        raised.append(alerts.raise_alert(kind, severity, _details(report, own), now=now))
    raised += [alerts.raise_alert(stale.kind, STALE[stale.kind], stale.details, now=now) for stale in reads.stale(now)]
    harm = champion_watch.watch(now, actor)
    if harm is not None:
        comparison, done = harm
        details = {**comparison.to_json(), "done": done}
        fingerprint = f"{CHAMPION}:{comparison.champion}"
        raised.append(alerts.raise_alert(CHAMPION, Alert.Severity.CRITICAL, details, now=now, fingerprint=fingerprint))
    alerts.resolve_steady(steady, {alert.fingerprint for alert in raised}, now=now)
    return raised


def _details(report: DriftReport, findings: Sequence[Finding]) -> dict[str, Any]:
    bad = [found.to_json() for found in findings if found.status not in (OK, TOO_FEW)]
    names = ("psi", "js", "ks", "effect", "p")
    return {
        "report": report.pk,
        "features": {
            found["feature"]: {"status": found["status"], **{name: found[name] for name in names if found[name] is not None}}
            for found in bad
        },
    }


def _maybe_retrain(raised: Sequence[Alert], now: datetime) -> TrainingRun | None:
    """Let the first critical alert that newer data can mend start a retraining, unless there was one within a day.

    Not while an experiment runs: its challenger would be replaced by the new one. Nor while the window reaches back before the
    champion's promotion (or a rollback to it): what changed then is the model. The alert stays, and a later look starts what is due.
    """
    due = [alert for alert in raised if alert.severity == Alert.Severity.CRITICAL and alert.kind in RETRAINED]
    if not due or experiment_reads.running("recommendations").exists():
        return None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        by_alert = TrainingRun.objects.filter(trigger=TrainingRun.Trigger.ALERT)
        if by_alert.filter(created_at__gt=now - RETRAINING_EVERY).exists():
            return None
        alert = next((alert for alert in due if not _retrained(alert, now)), None)
        if alert is None:
            return None
        try:
            run = retraining.start_retraining(trigger=TrainingRun.Trigger.ALERT, alert=alert)
        except ApplicationError as error:
            log.warning("alert_starts_no_retraining", alert_id=alert.pk, reason=error.message)
            Alert.objects.filter(pk=alert.pk).update(details={**alert.details, "retraining": error.message})
            return None
        if run is not None:
            Alert.objects.filter(pk=alert.pk).update(run=run)
        return run


def _retrained(alert: Alert, now: datetime) -> bool:
    return alert.run is not None and alert.run.created_at > now - SAME_ALERT_EVERY


def _prune(now: datetime) -> None:
    """Keep every report of a week, one of each day for half a year."""
    old = DriftReport.objects.filter(window_end__lt=now - KEEP_ALL)
    last_of_day = old.order_by("window_end__date", "-window_end", "-pk").distinct("window_end__date").values("pk")
    old.exclude(pk__in=last_of_day).delete()
    DriftReport.objects.filter(window_end__lt=now - KEEP_DAILY).delete()
