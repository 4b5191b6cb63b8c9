"""How far today's data and answers are from those that the model was made for, and who was told."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .training import TrainingRun


class DriftReport(models.Model):
    """One comparison of a window with its reference, all features and measures in ``results``."""

    class Status(models.TextChoices):
        OK = "ok", _("steady")
        WARN = "warn", _("drifting")
        ALERT = "alert", _("drifted")
        TOO_FEW = "too_few", _("too few rows to say")

    model_version = models.CharField(_("model version"), max_length=121, blank=True)
    window_start = models.DateTimeField(_("window from"))
    window_end = models.DateTimeField(_("window until"))
    reference_start = models.DateTimeField(_("reference from"))
    reference_end = models.DateTimeField(_("reference until"))
    reference_rows = models.PositiveIntegerField(_("rows of the reference"))
    window_rows = models.PositiveIntegerField(_("rows of the window"))
    status = models.CharField(_("status"), max_length=8, choices=Status.choices)
    results = models.JSONField(_("figures"), help_text=_("Objects: feature, kind, psi, js, ks, p, n, status, bins."))
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("drift report")
        verbose_name_plural = _("drift reports")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.window_end:%Y-%m-%d %H:%M} {self.status}"


class Alert(models.Model):
    """Something a person should look at. The same thing again adds to the open alert instead of opening another."""

    class Severity(models.TextChoices):
        INFO = "info", _("note")
        WARN = "warn", _("warning")
        CRITICAL = "critical", _("critical")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACKNOWLEDGED = "acknowledged", _("seen")
        RESOLVED = "resolved", _("resolved")

    kind = models.CharField(_("kind"), max_length=40)
    fingerprint = models.CharField(_("fingerprint"), max_length=120, help_text=_("What makes two alerts the same."))
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    owner = models.CharField(_("owner"), max_length=80, blank=True)
    runbook = models.CharField(_("runbook"), max_length=200, blank=True, help_text=_("Page of docs/ with what to do."))
    details = models.JSONField(_("details"), default=dict)
    count = models.PositiveIntegerField(_("times seen"), default=1)
    first_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    last_at = models.DateTimeField(_("last seen"))
    notified_at = models.DateTimeField(_("told"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("handled by")
    )
    run = models.ForeignKey(
        TrainingRun,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="alerts",
        verbose_name=_("retraining it started"),
    )

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ("-last_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("fingerprint",), condition=Q(state__in=("open", "acknowledged")), name="one_open_alert_per_fingerprint"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint}"
