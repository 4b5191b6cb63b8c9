"""Reads of the registry: who serves, who served, what a version is made of, and how two of them compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from hairme.common.errors import ApplicationError
from hairme.ml.artifacts import ArtifactError, ModelCard, get_store

from ..models import ModelAlias, ModelTransition, ModelVersion
from ..registry import folders
from ..registry.folders import Entry
from ..registry.store import RegistryStore

_KIND = ModelTransition.Kind


def champion(name: str) -> ModelVersion | None:
    return aliases(name).get(ModelAlias.Alias.CHAMPION)


def aliases(name: str) -> dict[str, ModelVersion]:
    """alias -> version, of the aliases that point anywhere."""
    return {row.alias: row.version for row in ModelAlias.objects.filter(name=name).select_related("version")}


def transitions(name: str) -> QuerySet[ModelTransition]:
    """Every move of a model, the latest first."""
    return ModelTransition.objects.filter(name=name).select_related("before", "after", "user").order_by("-id")


def made_champion(version: ModelVersion) -> ModelTransition:
    """The latest move that made the version the champion. Raises DoesNotExist where none did."""
    return transitions(version.name).filter(after=version, kind__in=(_KIND.PROMOTE, _KIND.ROLLBACK))[:1].get()


def names() -> list[str]:
    return sorted(set(ModelVersion.objects.order_by().values_list("name", flat=True)))


def versions(name: str) -> QuerySet[ModelVersion]:
    """The latest first."""
    return ModelVersion.objects.filter(name=name).select_related("parent").order_by("-created_at", "-pk")


def find(key: str) -> ModelVersion:
    """``NAME@VERSION``, or the champion of ``NAME``. Raises ApplicationError model_unknown or model_no_champion."""
    name, _, version = key.partition("@")
    if version:
        found = ModelVersion.objects.filter(name=name, version=version).first()
        if found is None:
            raise ApplicationError("model_unknown", params={"version": key})
        return found
    serving = champion(name)
    if serving is None:
        raise ApplicationError("model_no_champion", params={"model": name})
    return serving


def parent_of(card: ModelCard) -> ModelVersion | None:
    """The version that a card says it was trained on from, written as ``VERSION`` or ``NAME@VERSION``; None where not known."""
    if not card.parent:
        return None
    name, _, version = card.parent.rpartition("@")
    return ModelVersion.objects.filter(name=name or card.name, version=version).first()


@dataclass(frozen=True)
class VersionView:
    """A version as lists and pages show it."""

    version: ModelVersion
    aliases: tuple[str, ...]  # champion, challenger, previous
    size: int | None  # bytes, None where its folder is gone

    @property
    def alias_names(self) -> list[str]:
        return [str(ModelAlias.Alias(alias).label) for alias in self.aliases]

    @property
    def may_be_promoted(self) -> bool:
        return self.version.state != ModelVersion.State.REJECTED and ModelAlias.Alias.CHAMPION not in self.aliases


def views(name: str) -> list[VersionView]:
    pointing: dict[int, list[str]] = {}
    for alias, pk in ModelAlias.objects.filter(name=name).values_list("alias", "version_id"):
        pointing.setdefault(pk, []).append(alias)
    return [
        VersionView(version, tuple(sorted(pointing.get(version.pk, []))), folders.size_of(Entry.of(version)))
        for version in versions(name)
    ]


@dataclass(frozen=True)
class ModelSummary:
    """A model on the first page. ``serving``: what this process serves now; ``source``: why (``RegistryStore.source_of``)."""

    name: str
    champion: ModelVersion | None
    challenger: ModelVersion | None
    previous: ModelVersion | None
    since: Any  # datetime of the last move that made the champion one
    count: int
    damaged: int
    rejected: int
    size: int | None  # bytes of the champion
    serving: str
    source: str

    @property
    def is_as_wanted(self) -> bool:
        return self.champion is not None and self.serving == self.champion.version


def overview() -> list[ModelSummary]:
    return [_summary(name) for name in names()]


def _summary(name: str) -> ModelSummary:
    version, source = served(name)  # first: it may find out that files are damaged
    pointing = aliases(name)
    states = list(ModelVersion.objects.filter(name=name).order_by().values_list("state", flat=True))
    serving = pointing.get(ModelAlias.Alias.CHAMPION)
    return ModelSummary(
        name=name,
        champion=serving,
        challenger=pointing.get(ModelAlias.Alias.CHALLENGER),
        previous=pointing.get(ModelAlias.Alias.PREVIOUS),
        since=made_champion(serving).at if serving else None,
        count=len(states),
        damaged=states.count(ModelVersion.State.DAMAGED),
        rejected=states.count(ModelVersion.State.REJECTED),
        size=folders.size_of(Entry.of(serving)) if serving else None,
        serving=version,
        source=source,
    )


def served(name: str) -> tuple[str, str]:
    """(version, why it serves) of this process; ("", "") where nothing of the model can be read."""
    store = get_store()
    try:
        version = store.resolve(name).card.version
        return version, store.source_of(name) if isinstance(store, RegistryStore) else "shipped"
    except ArtifactError:
        return "", ""


@dataclass(frozen=True)
class Branch:
    """A version in the tree of lineage; ``depth`` 0 has no known parent."""

    view: VersionView
    children: tuple[Branch, ...]


def lineage(found: list[VersionView]) -> list[Branch]:
    """Trees of parents and children, oldest first."""
    known = {view.version.pk for view in found}
    below: dict[int | None, list[VersionView]] = {}
    for view in reversed(found):
        parent = view.version.parent_id
        below.setdefault(parent if parent in known else None, []).append(view)

    def grow(parent: int | None) -> tuple[Branch, ...]:
        return tuple(Branch(view, grow(view.version.pk)) for view in below.get(parent, []))

    return list(grow(None))


@dataclass(frozen=True)
class Compared:
    """One figure of two versions; None where a version has none."""

    name: str
    first: float | None
    second: float | None

    @property
    def difference(self) -> float | None:
        return None if self.first is None or self.second is None else self.second - self.first


def compare(first: ModelVersion, second: ModelVersion) -> list[Compared]:
    """Every figure of either card, in the order of the first."""
    left, right = (dict(figures(version.card.get("metrics", {}))) for version in (first, second))
    return [Compared(name, left.get(name), right.get(name)) for name in dict.fromkeys([*left, *right])]


def figures(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers of nested objects as ("a.b", number). Of lists of two or three numbers (a value with its interval) each; longer
    lists are curves and tables and are left out."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from figures(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)) and len(value) in (2, 3):
            yield from figures({str(i): item for i, item in enumerate(value)}, f"{prefix}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
