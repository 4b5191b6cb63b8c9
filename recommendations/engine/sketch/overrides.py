"""What a canonical cut's own line changes in the shape its words give.

``overrides.yaml`` writes absolute numbers for the cut's reference entry, whose words stand beside them (``of``). For another entry
of the cut the difference to the reference is carried over, so that a longer, fuller or curlier version stays that cut but is drawn
longer, fuller, curlier; a choice that contradicts the entry's own word (its fringe, parting, texture, arrangement) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from recommendations.engine.catalogue import StyleEntry

from .shape import Shape, Words

#: field of Shape -> the words that must be those of the reference entry for the override to hold.
_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "fringe": ("fringe",),
    "fringe_v": ("fringe",),
    "fringe_tips": ("fringe",),
    "part": ("parting",),
    "parted": ("parting",),
    "texture": ("texture", "perm"),
    "ends": ("layers",),
    "top": ("arrangement",),
    "model": ("arrangement",),
    "arrangement": ("arrangement",),
    "rope": ("arrangement",),
    "scale": ("length",),
    "eye_y": ("length",),
    "tuck": ("arrangement",),
}
_FORWARD: Final = ("pieces", "flicks", "tips", "ropes")


@cache
def load_overrides() -> dict[str, dict[str, Any]]:
    path = Path(__file__).with_name("overrides.yaml")
    table = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known = {item.name for item in fields(Shape)} | {"of", "when", "keep"}
    for key, override in table.items():
        if unknown := set(override) - known:
            raise ValueError(f"overrides.yaml, {key}: unknown {sorted(unknown)}")
    return table


def apply_overrides(entry: StyleEntry, shape: Shape, from_words: Callable[[Words], Shape]) -> Shape:
    """``shape`` as derived from the entry's words; ``from_words`` derives the reference entry's shape the same way."""
    table = load_overrides()
    if cut := table.get(entry.cut):
        words = words_of(entry)
        reference = Words(*cut["of"].split())
        same = {name for name in Words._fields if getattr(words, name) == getattr(reference, name)}
        shape = _carry_over(shape, cut, same, shape if words == reference else from_words(reference))
        for clause in cut.get("when", []):
            if all(getattr(words, name) == value for name, value in clause["if"].items()):
                shape = _set(shape, {name: value for name, value in clause.items() if name != "if"})
    if entry.slug != entry.cut and entry.slug in table:
        shape = _set(shape, table[entry.slug])
    return shape


def words_of(entry: StyleEntry) -> Words:
    return Words(*(getattr(entry, name) for name in Words._fields))


def _carry_over(shape: Shape, override: Mapping[str, Any], same: set[str], reference: Shape) -> Shape:
    values: dict[str, Any] = {}
    kept = override.get("keep", [])
    for name, value in override.items():
        if name in ("of", "when", "keep") or (name not in kept and not set(_NEEDS.get(name, ())) <= same):
            continue
        if name == "params":
            value = {key: number for key, number in value.items() if _param_holds(key, same)}
        elif name == "back":
            value = value + shape.end - reference.end
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and getattr(reference, name) is not None:
            value = value + getattr(shape, name) - getattr(reference, name)
            if name in _FORWARD:
                value = max(round(value), 0)
        values[name] = value
    return _set(shape, values)


def _param_holds(key: str, same: set[str]) -> bool:
    if key.startswith("fringe_"):
        return "fringe" in same
    return "sides" in same if key in ("cut", "burn", "fade", "shade") else True


def _set(shape: Shape, override: Mapping[str, Any]) -> Shape:
    values = dict(override)
    if "texture" in values:
        values["texture"] = replace(shape.texture, **values["texture"])
    if "extras" in values:
        values["extras"] = (*shape.extras, *values["extras"])
    if "params" in values:
        values["params"] = {**shape.params, **values["params"]}
    return replace(shape, **values)
