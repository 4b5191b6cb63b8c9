"""Which version serves in this process: the champion of the registry, or the next best while its files are not whole.

Every process asks the registry about once a second, in one short query; a promoted version is opened and its checksums verified
before the first request sees it, while other threads go on with the one before. Files are hashed again only when one of them
was written. Whatever fails here (database, disk, a file), a version that was known to be good goes on serving.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from hairme.ml.artifacts import Artifact, ArtifactError, ModelStore

from ..models import ModelAlias, ModelVersion
from . import folders, ledger, served
from .folders import Entry, Stamp

log = structlog.get_logger(__name__)

ACTOR = "serving"
AWAY_FACTOR = 3  # a database that is away is asked this much less often


@dataclass(frozen=True, slots=True)
class _Opened:
    """What was found in a folder when its files had this stamp."""

    stamp: Stamp | None
    artifact: Artifact | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Serving:
    """What this process serves, and of which rows that followed. ``source``: champion, previous, older, shipped."""

    rows: tuple[Entry, ...]
    looked: float  # monotonic
    artifact: Artifact
    source: str


class RegistryStore:
    """A ``ModelStore`` (``hairme.ml.artifacts``) over the registry; ``fallback`` serves what ships with the code. Thread-safe."""

    def __init__(self, fallback: ModelStore) -> None:
        self._fallback = fallback
        self._rows: dict[str, tuple[Entry, ...]] = {}  # model -> champion, then previous
        self._named: dict[str, Entry] = {}  # "name@version" -> entry; rows of versions never change
        self._ask_after = float("-inf")
        self._asking = threading.Lock()
        self._serving: dict[str, _Serving] = {}
        self._choosing = threading.Lock()
        self._opened: dict[Path, _Opened] = {}
        self._damage: dict[int, str] = {}  # id of a version -> what is wrong with it, as this process sees it
        self._noted: set[int] = set()  # of those, the ones that are written down

    def resolve(self, name: str, version: str | None = None) -> Artifact:
        """The champion, or what serves in its place; with ``version`` exactly that one.

        Raises ArtifactError where the version named cannot be read, or nothing of the model can, not even what ships.
        """
        return self._version(name, version) if version is not None else self._serves(name).artifact

    def source_of(self, name: str) -> str:
        """Why the served version serves: champion, previous, older (an earlier champion) or shipped (what came with the code)."""
        return self._serves(name).source

    def _serves(self, name: str) -> _Serving:
        self._ask()
        rows, now = self._rows.get(name, ()), time.monotonic()
        known = self._serving.get(name)
        if known is not None and known.rows == rows and now - known.looked < settings.MODELS_REFRESH_SECONDS:
            return known
        if not self._choosing.acquire(blocking=known is None):
            assert known is not None
            return known  # another thread opens what is new
        try:
            current = self._serving.get(name)
            if current is None or current is known:
                current = self._choose(name, rows)
                self._serving[name] = current
            return current
        finally:
            self._choosing.release()

    # --- what the registry says ------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Read the aliases where the last answer is old; one thread asks, the others go on unless nothing is known yet."""
        if time.monotonic() < self._ask_after or not self._asking.acquire(blocking=self._ask_after < 0):
            return
        wait = settings.MODELS_REFRESH_SECONDS
        try:
            if time.monotonic() < self._ask_after:
                return
            found: dict[str, dict[str, Entry]] = {}
            for row in ModelAlias.objects.exclude(alias=ModelAlias.Alias.CHALLENGER).select_related("version"):
                found.setdefault(row.name, {})[row.alias] = Entry.of(row.version)
            order = (ModelAlias.Alias.CHAMPION, ModelAlias.Alias.PREVIOUS)
            self._rows = {name: tuple(by[a] for a in order if a in by) for name, by in found.items() if order[0] in by}
        except DatabaseError as error:  # away, not migrated yet, or in a transaction that has failed
            wait *= AWAY_FACTOR
            log.debug("registry_not_asked", error=type(error).__name__)
        finally:
            self._ask_after = time.monotonic() + wait
            self._asking.release()

    def _version(self, name: str, version: str) -> Artifact:
        entry = self._named.get(f"{name}@{version}")
        if entry is None:
            try:
                row = ModelVersion.objects.filter(name=name, version=version).first()
            except DatabaseError:
                row = None
            if row is None:
                return self._fallback.resolve(name, version)
            entry = self._named.setdefault(row.key, Entry.of(row))
        return self._open(entry)

    # --- what the disk says ----------------------------------------------------------------------------------------------------

    def _choose(self, name: str, rows: tuple[Entry, ...]) -> _Serving:
        before = self._serving.get(name)
        for entry, source in zip(rows, ("champion", "previous"), strict=False):
            try:
                return self._decided(_Serving(rows, time.monotonic(), self._open(entry), source), before)
            except ArtifactError:
                continue
        for entry in self._older(name, rows):
            try:
                return self._decided(_Serving(rows, time.monotonic(), self._open(entry), "older"), before)
            except ArtifactError:
                continue
        try:
            artifact = self._fallback.resolve(name)
        except ArtifactError:
            if before is None:
                raise
            return replace(before, rows=rows, looked=time.monotonic())  # perhaps it is still in memory
        return self._decided(_Serving(rows, time.monotonic(), artifact, "shipped"), before)

    def _older(self, name: str, rows: tuple[Entry, ...]) -> list[Entry]:
        if not rows:
            return []
        try:
            return [entry for version in ledger.former_champions(name) if (entry := Entry.of(version)) not in rows]
        except DatabaseError:
            return []

    def _decided(self, now: _Serving, before: _Serving | None) -> _Serving:
        """Say what serves where that is news, loudly where it is not the champion."""
        self._write_damage_down()
        if before is not None and (before.artifact.key, before.rows[:1]) == (now.artifact.key, now.rows[:1]):
            return now
        if now.rows and now.source != "champion":
            champion = now.rows[0]
            problem = next((o.problem for p in folders.places(champion) if (o := self._opened.get(p)) and o.problem), "")
            served.FALLBACKS.count(champion.name)
            log.error("model_fallback", champion=champion.key, serves=now.artifact.key, source=now.source, problem=problem)
        elif before is not None:
            log.info("model_serves", version=now.artifact.key, before=before.artifact.key)
        return now

    def _open(self, entry: Entry) -> Artifact:
        problem = ""
        for folder in folders.places(entry):
            opened = self._look(entry, folder)
            if opened.artifact is not None:
                self._damage.pop(entry.pk, None)
                self._noted.discard(entry.pk)
                return opened.artifact
            problem = problem or opened.problem
        self._damage.setdefault(entry.pk, problem)
        raise ArtifactError(problem)

    def _look(self, entry: Entry, folder: Path) -> _Opened:
        """Hash the files unless they were hashed since they were last written."""
        stamp, known = folders.stamp(folder), self._opened.get(folder)
        if known is None or known.stamp != stamp:
            try:
                known = _Opened(stamp, folders.open_place(entry, folder))
            except ArtifactError as error:
                known = _Opened(stamp, None, str(error))
                log.error("model_files_damaged", version=entry.key, problem=known.problem)
            self._opened[folder] = known
        return known

    def _write_damage_down(self) -> None:
        """Best effort: not inside somebody's transaction, which might be rolled back, and again later where it did not work."""
        waiting = {pk: problem for pk, problem in list(self._damage.items()) if pk not in self._noted}
        if not waiting or connection.in_atomic_block:
            return
        try:
            for pk, problem in waiting.items():
                ledger.note_damage(pk, problem, actor=ACTOR)
                self._noted.add(pk)
        except DatabaseError as error:
            log.warning("model_damage_not_noted", error=type(error).__name__)
