"""What a person said before, as the scorers take it. Reactions live in an app above this one, which says here how to ask for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..engine.scoring import Past

MOST = 200  # newest reactions of one person that a list is made with

PastSource = Callable[[str, int], Sequence[Past]]


def _nothing(unit: str, most: int) -> Sequence[Past]:
    return ()


_source: PastSource = _nothing


def set_past_source(source: PastSource) -> None:
    """Say who answers ``past_of`` (called once, from an application's start-up)."""
    global _source
    _source = source


def past_of(unit: str) -> Sequence[Past]:
    """At most ``MOST`` reactions of ``unit`` (``Analysis.unit``) to styles of the catalogue, newest last; one query."""
    return _source(unit, MOST)
