from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from .models import Job  # noqa: F401 (named in a string below)


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> JobQuerySet:
        return self.filter(state__in=("queued", "running"))

    def undelivered(self, now: datetime, patience: timedelta) -> JobQuerySet:
        """Queued so long since it was last sent that the broker must have lost it."""
        return self.filter(state="queued").filter(
            Q(sent_at=None, created_at__lt=now - timedelta(seconds=2)) | Q(sent_at__lt=now - patience)
        )
