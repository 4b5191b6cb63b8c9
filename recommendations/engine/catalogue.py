"""The hairstyle catalogue as data: YAML under ``recommendations/catalogue/`` -> validated, immutable entries.

A *canonical cut* ("bob") holds what all its *entries* ("C-curl bob", "see-through-fringe bob") share; an entry overrides what
differs. Nothing here touches the database.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from . import vocabulary as v

CATALOGUE_DIR: Final = Path(__file__).resolve().parent.parent / "catalogue"

#: attribute -> its vocabulary, for attributes that hold exactly one word.
SINGLE: Final[dict[str, v.Vocabulary]] = {
    "length": v.LENGTHS,
    "fringe": v.FRINGES,
    "layers": v.LAYERS,
    "sides": v.SIDES,
    "texture": v.TEXTURES,
    "perm": v.PERMS,
    "volume": v.VOLUMES,
    "parting": v.PARTINGS,
    "arrangement": v.ARRANGEMENTS,
    "upkeep": v.UPKEEPS,
}
#: attribute -> its vocabulary, for attributes that hold one or more words.
MULTIPLE: Final[dict[str, v.Vocabulary]] = {
    "presentations": v.PRESENTATIONS,
    "hair_types": v.HAIR_TYPES,
    "densities": v.DENSITIES,
    "effects": v.EFFECTS,
}
TEXTS: Final = ("description", "why", "cost")
_INHERITED: Final = (*SINGLE, *MULTIPLE, "flatters", "salon_weeks", "daily_minutes", *TEXTS)
_OWN: Final = ("slug", "name_ko", "name_en", "aliases", "notes")


class CatalogueError(ValueError):
    """The catalogue's files contradict themselves; the message lists every fault found."""


@dataclass(frozen=True, slots=True)
class Bilingual:
    ko: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.ko if language.startswith("ko") else self.en


@dataclass(frozen=True, slots=True)
class StyleEntry:
    """One thing a person can ask a hairdresser for."""

    slug: str
    cut: str
    family: str
    name: Bilingual
    aliases: tuple[str, ...]
    length: str
    fringe: str
    layers: str
    sides: str
    texture: str
    perm: str
    volume: str
    parting: str
    arrangement: str
    upkeep: str
    presentations: tuple[str, ...]
    hair_types: tuple[str, ...]
    densities: tuple[str, ...]
    effects: tuple[str, ...]
    flatters: Mapping[str, int]  # face shape -> -2 (works against) .. 2 (made for it)
    salon_weeks: int  # weeks between salon visits that keep the shape
    daily_minutes: int  # minutes of styling on an ordinary morning
    description: Bilingual
    why: Bilingual
    cost: Bilingual

    def signature(self) -> tuple[Any, ...]:
        """What the entry *means*: two entries of one cut with the same signature would be the same haircut."""
        return (self.cut, *(getattr(self, name) for name in SINGLE), self.hair_types, self.densities)


@dataclass(frozen=True, slots=True)
class Cut:
    slug: str
    family: str
    name: Bilingual
    aliases: tuple[str, ...]
    presentations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    cuts: tuple[Cut, ...]
    entries: tuple[StyleEntry, ...]
    revision: str = field(default="")

    def by_slug(self) -> dict[str, StyleEntry]:
        return {entry.slug: entry for entry in self.entries}


def load_catalogue(folder: Path = CATALOGUE_DIR) -> Catalogue:
    """Read and validate every ``*.yaml`` in ``folder``. Raises CatalogueError naming all faults at once."""
    digest = hashlib.sha256()
    faults: list[str] = []
    cuts: list[Cut] = []
    entries: list[StyleEntry] = []
    for path in sorted(folder.glob("*.yaml")):
        raw = path.read_bytes()
        digest.update(raw)
        for item in yaml.load(raw, Loader=_LOADER) or []:  # noqa: S506 (a SafeLoader, in C where it is there)
            cut, own = _read_cut(item, f"{path.name}", faults)
            if cut is not None:
                cuts.append(cut)
                entries.extend(own)
    faults.extend(_cross_check(cuts, entries))
    if faults:
        raise CatalogueError(f"{len(faults)} faults in {folder}:\n" + "\n".join(f"- {fault}" for fault in faults))
    return Catalogue(tuple(cuts), tuple(entries), digest.hexdigest()[:16])


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def normalise_name(text: str) -> str:
    """Fold case, spaces, hyphens and punctuation: two names that differ only there are one name."""
    return "".join(character for character in text.casefold() if character.isalnum())


def _read_cut(item: dict[str, Any], where: str, faults: list[str]) -> tuple[Cut | None, list[StyleEntry]]:
    slug = str(item.get("slug", "?"))
    where = f"{where}: {slug}"
    missing = [key for key in ("slug", "family", "name_ko", "name_en", "defaults", "entries") if key not in item]
    if missing:
        faults.append(f"{where}: lacks {', '.join(missing)}")
        return None, []
    unknown = set(item) - {"slug", "family", "name_ko", "name_en", "aliases", "defaults", "entries", "notes"}
    if unknown:
        faults.append(f"{where}: unknown keys {sorted(unknown)}")
    entries = [
        entry
        for raw in item["entries"]
        if (entry := _read_entry({**item["defaults"], **raw}, slug, str(item["family"]), where, faults)) is not None
    ]
    presentations = tuple(p for p in v.PRESENTATIONS if any(p in entry.presentations for entry in entries))
    cut = Cut(
        slug, str(item["family"]), Bilingual(item["name_ko"], item["name_en"]), tuple(item.get("aliases", ())), presentations
    )
    return cut, entries


def _read_entry(raw: dict[str, Any], cut: str, family: str, where: str, faults: list[str]) -> StyleEntry | None:
    where = f"{where}/{raw.get('slug', '?')}"
    before = len(faults)
    needed = [*SINGLE, *MULTIPLE, "flatters", "salon_weeks", "daily_minutes", "slug", "name_ko", "name_en"]
    needed += [f"{text}_{language}" for text in TEXTS for language in ("ko", "en")]
    faults.extend(f"{where}: lacks {key}" for key in needed if raw.get(key) in (None, "", []))
    faults.extend(f"{where}: unknown key {key}" for key in set(raw) - set(needed) - {"aliases", "notes"})
    if len(faults) > before:
        return None
    faults.extend(
        f"{where}: {key}={raw[key]!r} is not one of {', '.join(words)}" for key, words in SINGLE.items() if raw[key] not in words
    )
    for key, words in MULTIPLE.items():
        faults.extend(f"{where}: {key} holds {word!r}, not one of {', '.join(words)}" for word in raw[key] if word not in words)
        if len(set(raw[key])) != len(raw[key]):
            faults.append(f"{where}: {key} repeats a word")
    flatters = raw["flatters"]
    if set(flatters) != set(v.FACE_SHAPES) or not all(flatters[shape] in (-2, -1, 0, 1, 2) for shape in flatters):
        faults.append(f"{where}: flatters needs each of {', '.join(v.FACE_SHAPES)} from -2 to 2")
    if not 1 <= raw["salon_weeks"] <= 52 or not 0 <= raw["daily_minutes"] <= 90:
        faults.append(f"{where}: salon_weeks must be 1-52 and daily_minutes 0-90")
    if len(faults) > before:
        return None
    attributes: dict[str, Any] = {key: raw[key] for key in SINGLE}
    attributes |= {key: tuple(word for word in words if word in raw[key]) for key, words in MULTIPLE.items()}
    attributes |= {text: Bilingual(raw[f"{text}_ko"], raw[f"{text}_en"]) for text in TEXTS}
    return StyleEntry(
        slug=raw["slug"],
        cut=cut,
        family=family,
        name=Bilingual(raw["name_ko"], raw["name_en"]),
        aliases=tuple(raw.get("aliases", ())),
        **attributes,
        flatters=dict(sorted(flatters.items())),
        salon_weeks=raw["salon_weeks"],
        daily_minutes=raw["daily_minutes"],
    )


def _cross_check(cuts: Iterable[Cut], entries: Iterable[StyleEntry]) -> list[str]:
    cuts, entries = list(cuts), list(entries)
    faults = [f"slug {slug!r} is used twice" for slug, n in Counter(e.slug for e in entries).items() if n > 1]
    faults += [f"cut slug {slug!r} is used twice" for slug, n in Counter(c.slug for c in cuts).items() if n > 1]
    # Within one language, a name or alias may lead to one cut only; names of entries are unique outright.
    for language in ("ko", "en"):
        names = Counter(normalise_name(entry.name[language]) for entry in entries)
        faults += [f"name_{language} {name!r} is used {n} times" for name, n in names.items() if n > 1]
    leads_to: dict[str, set[str]] = {}
    for cut in cuts:
        for name in (cut.name.ko, cut.name.en, *cut.aliases):
            leads_to.setdefault(normalise_name(name), set()).add(cut.slug)
    for entry in entries:
        for name in (entry.name.ko, entry.name.en, *entry.aliases):
            leads_to.setdefault(normalise_name(name), set()).add(entry.cut)
    faults += [f"name or alias {name!r} leads to several cuts: {sorted(to)}" for name, to in leads_to.items() if len(to) > 1]
    own = {normalise_name(entry.name[language]): entry.slug for entry in entries for language in ("ko", "en")}
    aliases: dict[str, set[str]] = {}
    for entry in entries:
        for alias in entry.aliases:
            aliases.setdefault(normalise_name(alias), set()).add(entry.slug)
    for alias, owners in aliases.items():
        if len(owners | ({own[alias]} if alias in own else set())) > 1:
            faults.append(f"alias {alias!r} is ambiguous between entries {sorted(owners | {own.get(alias, '')})}")
    seen: dict[tuple[Any, ...], str] = {}
    for entry in entries:
        if (other := seen.setdefault(entry.signature(), entry.slug)) != entry.slug:
            faults.append(f"{entry.slug} means the same as {other}: change an attribute or drop one")
    return faults
