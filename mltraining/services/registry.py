"""Moves of the registry. Each is one transaction under the model's lock and leaves one row that says who, what and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import structlog
from django.db import transaction

from hairme.common.errors import ApplicationError
from hairme.ml import artifacts
from hairme.ml.artifacts import Artifact, ArtifactError
from hairme.ml.text_encoder import MODEL_NAME as ENCODER
from hairme.ml.text_encoder import STATIC_NAME
from recommendations.selectors import SCORER

from ..models import ModelAlias, ModelTransition, ModelVersion
from ..registry import folders, ledger, trial
from ..registry.folders import Entry
from ..selectors import registry as reads

log = structlog.get_logger(__name__)

CHAMPION, CHALLENGER, PREVIOUS = ModelAlias.Alias.CHAMPION, ModelAlias.Alias.CHALLENGER, ModelAlias.Alias.PREVIOUS
SHIPPED, SHIPPED_REASON = "code", "ships with the code"
_KIND, _STATE = ModelTransition.Kind, ModelVersion.State


def register(
    artifact: Artifact, *, actor: str, reason: str, parent: ModelVersion | None = None, user: Any = None
) -> ModelVersion:
    """Make a version known; it serves nobody yet. Every file is hashed. Again for the same contents changes nothing, except that
    a version that counted as damaged may serve again.

    ``parent``: the version it was trained on from; without it the one that the card names, where that is known.
    Raises ApplicationError: model_outside, model_unusable, model_taken (other contents under that name).
    """
    key = artifact.key
    try:
        path, ships = folders.relative_path(artifact)
    except ArtifactError as error:
        raise ApplicationError("model_outside", params={"folder": str(artifact.path)}) from error
    try:
        card = artifacts.open_artifact(artifact.path).card
        digest = artifacts.sha256_of(artifact.path / "card.json")
    except (ArtifactError, OSError) as error:
        raise _unusable(key, error) from error
    with transaction.atomic():
        ledger.lock(card.name)
        version, is_new = ModelVersion.objects.get_or_create(
            name=card.name,
            version=card.version,
            defaults={
                "path": path,
                "ships_with_code": ships,
                "card": asdict(card),
                "card_sha256": digest,
                "dataset_hash": card.dataset_hash,
                "code_revision": card.code_revision,
                "parent": parent or reads.parent_of(card),
            },
        )
        if version.card_sha256 != digest:
            raise ApplicationError("model_taken", params={"version": key})
        if version.state == _STATE.DAMAGED:
            ModelVersion.objects.filter(pk=version.pk).update(state=_STATE.CANDIDATE, reason="")
            version.refresh_from_db()
        elif not is_new:
            return version
        ledger.note(_KIND.REGISTER, None, version, actor=actor, reason=reason, user=user)
    log.info("model_registered", version=key, actor=actor)
    return version


def promote(
    version: ModelVersion, *, actor: str, reason: str, metrics: Mapping[str, Any] | None = None, user: Any = None
) -> ModelTransition:
    """Make a version the champion; the one before becomes ``previous``. It is loaded and its golden answers are compared before
    the pointer moves. Promoting the champion again changes nothing and returns the move that made it one.

    Raises ApplicationError: model_unusable, model_rejected.
    """
    try_to_load(version)
    with transaction.atomic():
        ledger.lock(version.name)
        _refuse_rejected(version)
        before = reads.champion(version.name)
        if before == version:
            return reads.made_champion(version)
        ledger.point(version.name, CHAMPION, version)
        ledger.forget(version.name, CHALLENGER, version)
        made = ledger.note(_KIND.PROMOTE, before, version, actor=actor, reason=reason, metrics=metrics, user=user)
        ledger.point_previous(version.name)
    log.info("model_promoted", version=version.key, before=before and before.key, actor=actor, reason=reason)
    return made


def rollback(name: str, *, actor: str, reason: str, metrics: Mapping[str, Any] | None = None, user: Any = None) -> ModelVersion:
    """Make the latest earlier champion that can be loaded the champion again, and return it. The one that is left neither becomes
    ``previous`` nor serves again until somebody promotes it.

    Raises ApplicationError: model_no_champion, model_no_previous.
    """
    with transaction.atomic():
        ledger.lock(name)
        before = reads.champion(name)
        if before is None:
            raise ApplicationError("model_no_champion", params={"model": name})
        target = next((version for version in ledger.former_champions(name) if version != before and _loads(version)), None)
        if target is None:
            raise ApplicationError("model_no_previous", params={"model": name})
        ledger.point(name, CHAMPION, target)
        ledger.forget(name, CHALLENGER, target)
        ledger.note(_KIND.ROLLBACK, before, target, actor=actor, reason=reason, metrics=metrics, user=user)
        ledger.point_previous(name)
    log.warning("model_rolled_back", version=target.key, before=before.key, actor=actor, reason=reason)
    return target


def challenge(
    version: ModelVersion, *, actor: str, reason: str, metrics: Mapping[str, Any] | None = None, user: Any = None
) -> ModelTransition:
    """Put a version to the test: people will be served by it, so it is loaded first. It takes the place of another challenger.

    Raises ApplicationError: model_unusable, model_rejected, model_serves (it is the champion already).
    """
    try_to_load(version)
    with transaction.atomic():
        ledger.lock(version.name)
        _refuse_rejected(version)
        if reads.champion(version.name) == version:
            raise ApplicationError("model_serves", params={"version": version.key})
        before = reads.aliases(version.name).get(CHALLENGER)
        ledger.point(version.name, CHALLENGER, version)
        return ledger.note(_KIND.CHALLENGE, before, version, actor=actor, reason=reason, metrics=metrics, user=user)


def withdraw(name: str, *, actor: str, reason: str, user: Any = None) -> ModelTransition | None:
    """End the challenger's test without a verdict. None where there is no challenger."""
    with transaction.atomic():
        ledger.lock(name)
        challenger = reads.aliases(name).get(CHALLENGER)
        if challenger is None:
            return None
        ledger.forget(name, CHALLENGER, challenger)
        return ledger.note(_KIND.WITHDRAW, challenger, None, actor=actor, reason=reason, user=user)


def reject(
    version: ModelVersion, *, actor: str, reason: str, metrics: Mapping[str, Any] | None = None, user: Any = None
) -> ModelTransition:
    """Keep a version from ever serving; it keeps the reason. Raises ApplicationError model_serves for the champion."""
    with transaction.atomic():
        ledger.lock(version.name)
        if reads.champion(version.name) == version:
            raise ApplicationError("model_serves", params={"version": version.key})
        ledger.refuse_without(reason)
        ModelVersion.objects.filter(pk=version.pk).update(state=_STATE.REJECTED, reason=reason)
        version.refresh_from_db()
        ledger.forget(version.name, CHALLENGER, version)
        made = ledger.note(_KIND.REJECT, version, None, actor=actor, reason=reason, metrics=metrics, user=user)
        ledger.point_previous(version.name)
        return made


def register_shipped() -> list[str]:
    """Register every version beneath ``PRETRAINED_ROOT`` and make each model's CURRENT its champion, unless a person or an
    experiment has chosen another. Returns what was done, one line each; nothing where it was all done before.

    A copy of each goes to the models folder: code that brings the next version no longer brings this one, and it may have to
    come back. A version whose files are damaged is passed over, loudly.
    """
    done: list[str] = []
    current: dict[str, ModelVersion] = {}
    for card in sorted(artifacts.PRETRAINED_ROOT.glob("*/*/card.json")):
        try:
            artifact = artifacts.open_artifact(card.parent)
            is_new = not ModelVersion.objects.filter(name=artifact.card.name, version=artifact.card.version).exists()
            version = register(artifact, actor=SHIPPED, reason=SHIPPED_REASON)
            _keep_copy(version)
        except (ArtifactError, ApplicationError) as error:
            problem = error.message if isinstance(error, ApplicationError) else str(error)
            log.error("shipped_model_not_registered", folder=str(card.parent), problem=problem)
            done.append(f"NOT registered: {problem}")
            continue
        if is_new:
            done.append(f"registered {version.key}")
        pointer = card.parent.parent / "CURRENT"
        if pointer.is_file() and pointer.read_text(encoding="utf-8").strip() == version.version:
            current[version.name] = version
    return done + [f"champion {version.key}" for version in _make_champions(current)]


def _keep_copy(version: ModelVersion) -> None:
    entry = folders.Entry.of(version)
    source, *rest = folders.places(entry)
    for target in rest:
        try:
            folders.open_place(entry, target)
        except ArtifactError:
            folders.copy_version(source, target)


@transaction.atomic
def _make_champions(current: dict[str, ModelVersion]) -> list[ModelVersion]:
    for name in sorted(current):
        ledger.lock(name)
    before = {name: reads.champion(name) for name in current}
    moves = {name for name, version in current.items() if before[name] != version and _is_ours(before[name])}
    after = {name: current[name] if name in moves else before[name] for name in current}
    if not _fit(after.get(SCORER), after.get(ENCODER)):
        log.warning("shipped_models_wait", reason="the serving scorer and the shipped text encoder do not belong together")
        moves -= {SCORER, ENCODER}
    for name in sorted(moves):
        ledger.point(name, CHAMPION, current[name])
        ledger.note(_KIND.PROMOTE, before[name], current[name], actor=SHIPPED, reason=SHIPPED_REASON)
        ledger.point_previous(name)
    return [current[name] for name in sorted(moves)]


def _is_ours(champion: ModelVersion | None) -> bool:
    """No person and no experiment has chosen it."""
    return champion is None or reads.made_champion(champion).actor == SHIPPED


def _fit(scorer: ModelVersion | None, encoder: ModelVersion | None) -> bool:
    """Whether the scorer was trained on the vectors of this version of the shipped encoder, or of none that ships."""
    trained_on = str(scorer.card["features"].get("encoder", "")) if scorer else ""
    return encoder is None or not trained_on.startswith(f"{STATIC_NAME}@") or trained_on == f"{STATIC_NAME}@{encoder.version}"


def try_to_load(version: ModelVersion) -> Artifact:
    """Hash, load and replay a version as serving would, beside the models that serve with it.

    Raises ApplicationError model_unusable with what is wrong.
    """
    try:
        artifact = folders.open_entry(Entry.of(version))
        trial.try_version(artifact)
        trial.suits(artifact)
    except ArtifactError as error:
        raise _unusable(version.key, error) from error
    return artifact


def _loads(version: ModelVersion) -> bool:
    try:
        try_to_load(version)
    except ApplicationError as error:
        log.error("model_cannot_be_rolled_back_to", version=version.key, problem=error.params.get("problem"))
        return False
    return True


def _unusable(key: str, error: Exception) -> ApplicationError:
    return ApplicationError("model_unusable", params={"version": key, "problem": str(error)})


def _refuse_rejected(version: ModelVersion) -> None:
    version.refresh_from_db()
    if version.state == _STATE.REJECTED:
        raise ApplicationError("model_rejected", params={"version": version.key, "reason": version.reason})
