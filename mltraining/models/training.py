"""Data sets as they were at a moment, and the runs that train on them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hairme.common.models import Job

from .registry import ModelVersion


class DatasetSnapshot(models.Model):
    """What a run trained on: exactly the rows known at ``as_of``, as a file whose content hash is its name."""

    content_hash = models.CharField(_("content hash"), max_length=64, unique=True)
    as_of = models.DateTimeField(_("known until"))
    path = models.CharField(_("file"), max_length=300)
    reactions = models.PositiveIntegerField(_("reactions"))
    people = models.PositiveIntegerField(_("people"))
    synthetic = models.PositiveIntegerField(_("synthetic rows"))
    synthetic_share = models.FloatField(_("synthetic share"), help_text=_("Share of the weight, 0 to 1, not of the rows."))
    details = models.JSONField(_("details"), default=dict, help_text=_("Time ranges, like rates, schema, hashes of the parts."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("data set")
        verbose_name_plural = _("data sets")
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(condition=Q(synthetic_share__gte=0, synthetic_share__lte=1), name="synthetic_share_is_share"),
        )

    def __str__(self) -> str:
        return self.content_hash[:12]


class TrainingRun(models.Model):
    """One attempt to make a better version, from the first row read to its verdict."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class Trigger(models.TextChoices):
        COMMAND = "command", _("command")
        STAFF = "staff", _("staff")
        WEEKLY = "weekly", _("weekly")
        ALERT = "alert", _("alert")

    FINAL: ClassVar = (State.ACCEPTED, State.REJECTED, State.FAILED, State.CANCELLED)

    model = models.CharField(_("model"), max_length=60)
    architecture = models.CharField(_("architecture"), max_length=40)
    trigger = models.CharField(_("started by"), max_length=10, choices=Trigger.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    job = models.OneToOneField(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="training_run", verbose_name=_("job")
    )
    snapshot = models.ForeignKey(
        DatasetSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="runs", verbose_name=_("data set")
    )
    parent = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("trained on from")
    )
    version = models.OneToOneField(
        ModelVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="run", verbose_name=_("version made")
    )
    params = models.JSONField(_("parameters"), default=dict)
    stage = models.CharField(_("stage"), max_length=40, blank=True)
    epoch = models.PositiveIntegerField(_("epoch"), default=0)
    epochs = models.PositiveIntegerField(_("most epochs"), default=0)
    curves = models.JSONField(_("curves"), default=list, help_text=_("One object per epoch: epoch, train, valid."))
    metrics = models.JSONField(_("figures"), default=dict)
    verdict = models.TextField(_("verdict"), blank=True, help_text=_("Why it was accepted, rejected, or how it failed."))
    backup = models.CharField(_("backup"), max_length=300, blank=True, help_text=_("Copy of the parent's folder."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("model",), condition=Q(state__in=("queued", "running")), name="one_unfinished_run_per_model"
            ),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.pk}"

    @property
    def is_final(self) -> bool:
        return self.state in self.FINAL
