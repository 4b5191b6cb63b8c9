"""The book of a model: the lock that orders its moves, the pointers, who has been champion in turn, the note of every move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, transaction

from hairme.common.errors import ApplicationError

from ..models import ModelAlias, ModelTransition, ModelVersion

_LOCK = 0x6D6F_6465  # "mode": one move of a model at a time, also where it has no alias row yet to lock
_KIND = ModelTransition.Kind


def lock(name: str) -> None:
    """Held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, name])


def champions_in_turn(moves: Iterable[tuple[str, int | None]]) -> list[int]:
    """Ids of versions that were champion and were not rolled back since, the serving one last.

    ``moves``: (kind, id of the version after), oldest first. A roll-back takes everything above its version away, so what
    proved harmful never comes back by itself.
    """
    turn: list[int] = []
    for kind, after in moves:
        if after is None:
            continue
        if kind == _KIND.PROMOTE:
            turn = [*(pk for pk in turn if pk != after), after]
        elif kind == _KIND.ROLLBACK:
            turn = [*turn[: turn.index(after)], after] if after in turn else [*turn, after]
    return turn


def former_champions(name: str) -> list[ModelVersion]:
    """Versions that have served, the latest first, the serving one included; rejected ones and rolled-back ones are left out."""
    moves = ModelTransition.objects.filter(name=name).order_by("id").values_list("kind", "after_id")
    turn = champions_in_turn(moves)
    known = ModelVersion.objects.exclude(state=ModelVersion.State.REJECTED).in_bulk(turn)
    return [known[pk] for pk in reversed(turn) if pk in known]


def point(name: str, alias: str, version: ModelVersion) -> None:
    ModelAlias.objects.update_or_create(name=name, alias=alias, defaults={"version": version})


def forget(name: str, alias: str, version: ModelVersion) -> None:
    """Take the alias from the version, where it has it."""
    ModelAlias.objects.filter(name=name, alias=alias, version=version).delete()


def point_previous(name: str) -> None:
    """After every move: ``previous`` is the champion before the champion, or nobody."""
    earlier = former_champions(name)[1:]
    if earlier:
        point(name, ModelAlias.Alias.PREVIOUS, earlier[0])
    else:
        ModelAlias.objects.filter(name=name, alias=ModelAlias.Alias.PREVIOUS).delete()


def refuse_without(reason: str) -> None:
    """Raises ApplicationError model_reason: nothing moves without one."""
    if not reason.strip():
        raise ApplicationError("model_reason", field="reason")


def note(
    kind: str,
    before: ModelVersion | None,
    after: ModelVersion | None,
    *,
    actor: str,
    reason: str,
    metrics: Mapping[str, Any] | None = None,
    user: Any = None,
) -> ModelTransition:
    """Write a move down; at least one of the versions is given."""
    refuse_without(reason)
    version = after or before
    assert version is not None
    return ModelTransition.objects.create(
        name=version.name, kind=kind, before=before, after=after, actor=actor, reason=reason, metrics=metrics or {}, user=user
    )


def note_damage(pk: int, problem: str, *, actor: str) -> bool:
    """Mark a version damaged and write it down, once however many processes notice. True for the one that did."""
    with transaction.atomic():
        marked = ModelVersion.objects.filter(pk=pk, state=ModelVersion.State.CANDIDATE).update(
            state=ModelVersion.State.DAMAGED, reason=problem
        )
        if marked:
            version = ModelVersion.objects.get(pk=pk)
            note(_KIND.DAMAGE, version, None, actor=actor, reason=problem)
    return bool(marked)
