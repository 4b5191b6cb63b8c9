"""Experiments: what was promised beforehand, every look at the figures, every change of state."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .append_only import AppendOnly
from .registry import ModelVersion


class Experiment(models.Model):
    """A comparison registered before it starts. What is measured, and for how long, cannot change once it runs."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        DECIDED = "decided", _("decided")
        KILLED = "killed", _("stopped by hand")

    class Decision(models.TextChoices):
        PROMOTE = "promote_to_production", _("promote to production")
        ROLLBACK = "rollback", _("roll back")
        CONTINUE = "continue_experiment", _("continue")
        KEEP = "keep_champion", _("no winner: keep the champion")

    #: All that may change once it has started: how far it is and what came of it, never what was promised.
    CHANGES: ClassVar = frozenset({"ramp_step", "state", "decision", "memo", "ended_at"})

    key = models.SlugField(_("key"), max_length=60, unique=True)
    layer = models.CharField(
        _("layer"), max_length=40, default="recommendations", help_text=_("One experiment of a layer runs at a time.")
    )
    title = models.CharField(_("title"), max_length=120)
    hypothesis = models.TextField(_("hypothesis"))
    salt = models.CharField(_("salt"), max_length=40)
    arms = models.JSONField(
        _("arms"), help_text=_('Objects: {"name", "weight", "params"}; the first is the control. Params: {"method", "scorer"}.')
    )
    challenger = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="experiments",
        verbose_name=_("challenger"),
        help_text=_("Version that is promoted if it wins. None: a comparison of methods."),
    )
    metric = models.CharField(_("primary metric"), max_length=40, default="like_rate")
    guardrails = models.JSONField(_("guardrails"), default=list)
    min_lift = models.FloatField(_("smallest lift that counts"), default=0.05)
    alpha = models.FloatField(_("error rate"), default=0.05)
    power = models.FloatField(_("power"), default=0.8)
    base_rate = models.FloatField(_("expected base rate"), default=0.3)
    horizon_days = models.PositiveSmallIntegerField(_("horizon (days)"), default=14)
    min_days = models.PositiveSmallIntegerField(_("fewest days"), default=7)
    min_people = models.PositiveIntegerField(_("fewest people per arm"), default=200)
    settings_json = models.JSONField(_("statistics"), default=dict, help_text=_("Tuning of the bounds; fixed at the start."))
    ramp = models.JSONField(_("ramp"), default=list, help_text=_("Shares of people exposed, by step: 0.1, 0.25, 0.5, 1."))
    ramp_step = models.PositiveSmallIntegerField(_("step of the ramp"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    decision = models.CharField(_("decision"), max_length=24, choices=Decision.choices, blank=True)
    memo = models.JSONField(_("decision memo"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("layer",), condition=Q(state="running"), name="one_running_experiment_per_layer"),
        )

    def __str__(self) -> str:
        return self.key

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not self._state.adding:
            self._keep_promises()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        if self.state != self.State.DRAFT:
            raise TypeError("only drafts are deleted: what has been tried stays on record")
        return super().delete(*args, **kwargs)

    def _keep_promises(self) -> None:
        """What was registered is frozen from the start on. Raises TypeError with the names of what was changed."""
        registered = type(self).objects.exclude(state=self.State.DRAFT).filter(pk=self.pk).first()
        if registered is None:
            return
        fields = [field.attname for field in self._meta.concrete_fields if field.attname not in self.CHANGES]
        changed = [name for name in fields if getattr(registered, name) != getattr(self, name)]
        if changed:
            raise TypeError(f"experiment {self.key} has started: {', '.join(changed)} cannot change any more")

    @property
    def exposed_share(self) -> float:
        """Share of people that the ramp lets in now, 0 to 1."""
        return float(self.ramp[self.ramp_step]) if self.ramp else 1.0


class ExperimentLook(AppendOnly):
    """What the figures said on one day, and what was decided on them."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="looks", verbose_name=_("experiment"))
    day = models.PositiveSmallIntegerField(_("day"), help_text=_("Days since the start, from 1."))
    until = models.DateTimeField(_("data until"))
    exposed_share = models.FloatField(_("exposed share"))
    results = models.JSONField(_("figures"))
    decision = models.CharField(_("decision"), max_length=24, choices=Experiment.Decision.choices)
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("look")
        verbose_name_plural = _("looks")
        ordering = ("experiment", "day")
        constraints = (models.UniqueConstraint(fields=("experiment", "day"), name="one_look_per_day"),)

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.day}"


class ExperimentTransition(AppendOnly):
    """Started, next step of the ramp, decided, stopped: who, when, why."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="transitions", verbose_name=_("experiment"))
    before = models.CharField(_("before"), max_length=40)
    after = models.CharField(_("after"), max_length=40)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    actor = models.CharField(_("actor"), max_length=80)
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("experiment transition")
        verbose_name_plural = _("experiment transitions")
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.before} -> {self.after}"
