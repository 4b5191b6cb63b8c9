"""Background work a person can see (Job) and what happened, for whoever listens (OutboxEvent)."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .querysets import JobQuerySet


def random_id() -> int:
    """A 53-bit random id: exact in JavaScript, unguessable, so that knowing it is permission (a capability)."""
    return secrets.randbits(53) or 1


class Job(models.Model):
    """One piece of background work. ``state`` moves only by compare-and-swap (``hairme.common.jobs``)."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    FINAL: ClassVar = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    task = models.CharField(_("task"), max_length=100, help_text=_("Name of the Celery task."))
    queue = models.CharField(_("queue"), max_length=20)
    payload = models.JSONField(_("payload"), default=dict, help_text=_("Ids only, never personal data."))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    stage = models.CharField(_("stage"), max_length=40, blank=True)
    progress = models.PositiveIntegerField(_("progress"), default=0)
    total = models.PositiveIntegerField(_("total"), default=0, help_text=_("0: not countable."))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    max_attempts = models.PositiveSmallIntegerField(_("most attempts"), default=3)
    lease_seconds = models.PositiveIntegerField(
        _("lease"), default=60, help_text=_("Seconds of silence after which the worker counts as dead.")
    )
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=120, blank=True)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    error_params = models.JSONField(_("error details"), default=dict, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=64, null=True, blank=True, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs", verbose_name=_("owner")
    )
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-created_at",)
        indexes = (
            models.Index(
                fields=(
                    "state",
                    "lease_until",
                ),
                name="job_unfinished",
                condition=Q(state__in=("queued", "running")),
            ),
            models.Index(fields=("-created_at",), name="job_newest"),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.id}"

    @property
    def is_final(self) -> bool:
        return self.state in self.FINAL


class OutboxEvent(models.Model):
    """What happened, written in the transaction in which it happened; relayed to the stream afterwards, at least once, in order."""

    topic = models.CharField(_("topic"), max_length=60)
    key = models.CharField(_("key"), max_length=80)
    payload = models.JSONField(_("payload"))
    request_id = models.CharField(_("request id"), max_length=64, blank=True)
    occurred_at = models.DateTimeField(_("occurred"), auto_now_add=True)
    relayed_at = models.DateTimeField(_("relayed"), null=True, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("id",)
        indexes = (models.Index(fields=("id",), name="outbox_waiting", condition=Q(relayed_at=None)),)

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
