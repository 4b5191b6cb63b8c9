"""The text a style is embedded and searched by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from .catalogue import MULTIPLE, SINGLE, Cut, StyleEntry

Language = Literal["ko", "en"]
LANGUAGES: Final[tuple[Language, Language]] = ("ko", "en")
#: Attributes whose default word says nothing about a style; it is left out so that the telling words weigh more.
_UNREMARKABLE: Final = {"sides": "full", "perm": "none", "volume": "natural", "parting": "none", "arrangement": "loose"}
#: What a person looks for comes first; what nearly every entry has (all hair types, all densities) is left out.
_SAID: Final = ("presentations", *SINGLE, "effects", "hair_types", "densities")


def style_document(entry: StyleEntry, cut: Cut | None = None) -> str:
    """One text of everything that names or describes ``entry``, Korean then English, a line each.

    ``cut`` adds the names and aliases of the canonical cut, which people use for any of its entries; leave it out only where
    it is not at hand. Deterministic: equal entries give equal texts, so a vector needs renewing only where the text changed.
    """
    return "\n".join(line for language in LANGUAGES for line in style_passages(entry, cut, language).values())


def style_passages(entry: StyleEntry, cut: Cut | None, language: Language) -> dict[str, str]:
    """The document's parts in one language: ``names``, ``attributes``, ``description``, ``why``."""
    return {
        "names": ", ".join(_distinct(_names(entry, cut, language))),
        "attributes": ", ".join(_attributes(entry, language)),
        "description": entry.description[language],
        "why": entry.why[language],
    }


def style_names(entry: StyleEntry, cut: Cut | None, language: Language) -> list[str]:
    """Every name and alias of the style (and its cut) written in ``language``, the style's own name first."""
    return _distinct(_names(entry, cut, language))


def is_korean(text: str) -> bool:
    return any("가" <= character <= "힣" for character in text)


def _names(entry: StyleEntry, cut: Cut | None, language: Language) -> Iterator[str]:
    yield entry.name[language]
    yield from (alias for alias in entry.aliases if is_korean(alias) == (language == "ko"))
    if cut is not None:
        yield cut.name[language]
        yield from (alias for alias in cut.aliases if is_korean(alias) == (language == "ko"))


def _attributes(entry: StyleEntry, language: Language) -> Iterator[str]:
    for attribute in _SAID:
        value = getattr(entry, attribute)
        if attribute in SINGLE:
            if value != _UNREMARKABLE.get(attribute):
                yield getattr(SINGLE[attribute][value], language)
        elif len(value) < len(MULTIPLE[attribute]):
            yield from (getattr(MULTIPLE[attribute][word], language) for word in value)


def _distinct(items: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(items))
