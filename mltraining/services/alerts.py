"""Alerts: opened once, told seldom, resolved when what they are about is steady again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ..models import Alert

log = structlog.get_logger(__name__)

STEADY: Final = timedelta(hours=24)  # so long nothing may be found before an alert counts as over
RUNBOOKS: Final = "docs/runbooks"
_RANK: Final = {Alert.Severity.INFO: 0, Alert.Severity.WARN: 1, Alert.Severity.CRITICAL: 2}


def raise_alert(kind: str, severity: str, details: dict[str, Any], *, now: datetime, fingerprint: str = "") -> Alert:
    """Open an alert, or add to the one that is open for the same thing. Must run inside a transaction; told after its commit.

    Told where it is new, has become more severe, or is still there and unseen ``HAIRME_ALERT_COOLDOWN_HOURS`` after it was last told;
    one that comes back within that time is not told again.
    """
    fingerprint = fingerprint or kind
    told_before = Alert.objects.filter(fingerprint=fingerprint).aggregate(at=Max("notified_at"))["at"]
    alert = Alert.objects.select_for_update().filter(fingerprint=fingerprint).exclude(state=Alert.State.RESOLVED).first()
    before: Alert | None
    if alert is None:
        before = Alert.objects.filter(fingerprint=fingerprint, notified_at=told_before).first() if told_before else None
        alert = Alert.objects.create(
            kind=kind,
            fingerprint=fingerprint,
            severity=severity,
            owner=settings.ALERT_OWNER,
            runbook=f"{RUNBOOKS}/{kind}.md",
            details=details,
            last_at=now,
        )
        alert.first_at = now
        is_worse = before is not None and _RANK[Alert.Severity(severity)] > _RANK[Alert.Severity(before.severity)]
    else:
        is_worse = _RANK[Alert.Severity(severity)] > _RANK[Alert.Severity(alert.severity)]
        alert.severity, alert.details, alert.last_at, alert.count = severity, details, now, alert.count + 1
        if is_worse:
            alert.state = Alert.State.OPEN
    cooled = told_before is None or now - told_before >= timedelta(hours=settings.ALERT_COOLDOWN_HOURS)
    if is_worse or (cooled and alert.state == Alert.State.OPEN):
        alert.notified_at = now
        transaction.on_commit(partial(tell, alert.pk), robust=True)
    alert.save()
    return alert


def tell(alert_id: int) -> None:
    """A line in the log, and a letter where ``HAIRME_ALERT_EMAIL`` names somebody. A letter that cannot be sent is logged."""
    alert = Alert.objects.filter(pk=alert_id).first()
    if alert is None:
        return
    line = log.error if alert.severity == Alert.Severity.CRITICAL else log.warning
    line("alert", kind=alert.kind, severity=alert.severity, alert_id=alert.pk, runbook=alert.runbook, details=alert.details)
    if not settings.ALERT_EMAIL:
        return
    body = [f"{alert.kind} ({alert.severity}), seen {alert.count} times, first at {alert.first_at.isoformat()}.", ""]
    body += [f"{name}: {value}" for name, value in alert.details.items()]
    body += ["", f"Owner: {alert.owner or '-'}", f"What to do: {alert.runbook}", "Staff page: /staff/alerts/"]
    try:
        send_mail(f"[HairMe] {alert.severity}: {alert.kind}", "\n".join(body), settings.DEFAULT_FROM_EMAIL, settings.ALERT_EMAIL)
    except Exception as error:  # whatever the mail server says, the alert stands and the site goes on
        log.error("alert_not_mailed", alert_id=alert.pk, error=f"{type(error).__name__}: {error}")


def resolve_steady(kinds: Collection[str], found: Collection[str], *, now: datetime) -> int:
    """End the alerts of these kinds whose fingerprint was not among ``found`` for ``STEADY``. Returns how many."""
    over = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(kind__in=kinds, last_at__lte=now - STEADY)
    ended = over.exclude(fingerprint__in=found).update(state=Alert.State.RESOLVED, resolved_at=now)
    if ended:
        log.info("alerts_resolved", count=ended)
    return ended


def acknowledge(alert: Alert, *, user: Any) -> bool:
    """Somebody looks after it: it is not told again unless it gets worse. False where it is not open."""
    changed = Alert.objects.filter(pk=alert.pk, state=Alert.State.OPEN).update(state=Alert.State.ACKNOWLEDGED, handled_by=user)
    if changed:
        log.info("alert_acknowledged", alert_id=alert.pk, actor=f"staff:{user.get_username()}")
    return bool(changed)


def resolve(alert: Alert, *, user: Any) -> bool:
    """Ended by hand; found again, it opens another one. False where it was over already."""
    unresolved = Alert.objects.filter(pk=alert.pk).exclude(state=Alert.State.RESOLVED)
    changed = unresolved.update(state=Alert.State.RESOLVED, resolved_at=timezone.now(), handled_by=user)
    if changed:
        log.info("alert_resolved", alert_id=alert.pk, actor=f"staff:{user.get_username()}")
    return bool(changed)
