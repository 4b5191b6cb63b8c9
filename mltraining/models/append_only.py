"""Rows that are written once: what happened is never changed afterwards."""

from __future__ import annotations

from typing import Any

from django.db import models


class AppendOnly(models.Model):
    """Refuses to be changed or deleted through the ORM's instance methods; PostgreSQL refuses it too (a trigger in the migration)."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not self._state.adding:
            raise TypeError(f"{type(self).__name__} rows are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError(f"{type(self).__name__} rows are never deleted")
