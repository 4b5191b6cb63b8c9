"""System checks of the registry: the champions' files are there and whole."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db.utils import Error as DatabaseError

from hairme.ml.artifacts import ArtifactError

from .models import ModelAlias
from .registry import folders
from .registry.folders import Entry


@register(Tags.database)
def check_champions(databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs where a database is named (migrate, check --database default). A warning: another version serves meanwhile."""
    if not databases:
        return []
    messages: list[CheckMessage] = []
    try:
        for alias in ModelAlias.objects.filter(alias=ModelAlias.Alias.CHAMPION).select_related("version"):
            try:
                folders.open_entry(Entry.of(alias.version))
            except ArtifactError as error:
                messages.append(
                    Warning(
                        f"The champion {alias.version.key} cannot serve: {error}.",
                        hint=f"models restore DIR, or models rollback {alias.name}; models verify tells when it is whole again.",
                        id="mltraining.W001",
                    )
                )
    except DatabaseError:
        pass  # not migrated yet, or away: other checks say it
    return messages
