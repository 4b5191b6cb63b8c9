"""Model versions, the aliases that point at them, and every move of an alias."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .append_only import AppendOnly


class ModelVersion(models.Model):
    """One immutable version of a model: a folder of files with a card (``hairme.ml.artifacts``) and where it came from."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("may serve")
        REJECTED = "rejected", _("rejected")
        DAMAGED = "damaged", _("files damaged or missing")

    name = models.CharField(_("model"), max_length=60)
    version = models.CharField(_("version"), max_length=60)
    path = models.CharField(_("folder"), max_length=300, help_text=_("Beneath the models folder, or of the code where it ships."))
    ships_with_code = models.BooleanField(_("ships with the code"), default=False)
    card = models.JSONField(_("card"))
    card_sha256 = models.CharField(_("card hash"), max_length=64)
    dataset_hash = models.CharField(_("data set hash"), max_length=80, blank=True)
    code_revision = models.CharField(_("code revision"), max_length=60, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CANDIDATE)
    reason = models.TextField(_("reason"), blank=True, help_text=_("Why it was rejected or counts as damaged."))
    created_at = models.DateTimeField(_("registered"), auto_now_add=True)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ("name", "-created_at")
        constraints = (models.UniqueConstraint(fields=("name", "version"), name="one_row_per_version"),)

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        return f"{self.name}@{self.version}"


class ModelAlias(models.Model):
    """Which version serves (champion), is being tried (challenger), or served before (previous)."""

    class Alias(models.TextChoices):
        CHAMPION = "champion", _("champion")
        CHALLENGER = "challenger", _("challenger")
        PREVIOUS = "previous", _("previous")

    name = models.CharField(_("model"), max_length=60)
    alias = models.CharField(_("alias"), max_length=12, choices=Alias.choices)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases", verbose_name=_("version"))
    moved_at = models.DateTimeField(_("moved"), auto_now=True)

    class Meta:
        verbose_name = _("alias")
        verbose_name_plural = _("aliases")
        ordering = ("name", "alias")
        constraints = (models.UniqueConstraint(fields=("name", "alias"), name="one_version_per_alias"),)

    def __str__(self) -> str:
        return f"{self.name} {self.alias}"


class ModelTransition(AppendOnly):
    """One move of an alias, or a rejection: who, from what, to what, why, and the figures it was decided on."""

    class Kind(models.TextChoices):
        REGISTER = "register", _("registered")
        CHALLENGE = "challenge", _("put to the test")
        PROMOTE = "promote", _("promoted")
        ROLLBACK = "rollback", _("rolled back")
        REJECT = "reject", _("rejected")
        WITHDRAW = "withdraw", _("withdrawn from the test")
        DAMAGE = "damage", _("found damaged")

    name = models.CharField(_("model"), max_length=60)
    kind = models.CharField(_("what happened"), max_length=10, choices=Kind.choices)
    before = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("version before")
    )
    after = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("version after")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    actor = models.CharField(_("actor"), max_length=80, help_text=_("Who or what decided, in words."))
    reason = models.TextField(_("reason"))
    metrics = models.JSONField(_("figures"), default=dict, blank=True)
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("model transition")
        verbose_name_plural = _("model transitions")
        ordering = ("-at", "-id")
        constraints = (models.CheckConstraint(condition=~Q(reason=""), name="transition_has_reason"),)

    def __str__(self) -> str:
        return f"{self.name} {self.kind} {self.at:%Y-%m-%d %H:%M}"
