from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person with an account. Exists before the first migration, so that it can grow."""

    language = models.CharField(_("language"), max_length=5, blank=True, help_text=_("Empty: as the browser asks."))

    class Meta(AbstractUser.Meta):  # type: ignore[name-defined]
        verbose_name = _("user")
        verbose_name_plural = _("users")
