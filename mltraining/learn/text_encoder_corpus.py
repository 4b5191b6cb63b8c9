"""What the text encoder learns from: the catalogue, the lexicon and hand-written paraphrases, as an endless stream of queries."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from recommendations.engine.catalogue import MULTIPLE, SINGLE, Catalogue, StyleEntry, normalise_name
from recommendations.engine.style_text import LANGUAGES, Language, is_korean, style_document, style_names, style_passages

from .text_encoder_noise import misspell

DATA_DIR: Final = Path(__file__).resolve().parent / "text_data"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C reader is ten times as fast
_RANGES: Final = ("daily_minutes", "salon_weeks")
_SENTENCE: Final = re.compile(r"(?<=[.!?。])\s+|\n|;\s")


class LexiconError(ValueError):
    """A file under ``text_data`` does not fit its format or the catalogue; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class Group:
    """Texts of one meaning, by language; ``entries`` are the styles for which it is true (empty: says nothing about styles)."""

    name: str
    forms: Mapping[Language, tuple[str, ...]]
    entries: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    entries: tuple[int, ...]  # indices of the styles it asks for
    spread: bool  # True: all of them are meant (an attribute); False: any one of them answers it (a name)


@dataclass(frozen=True, slots=True)
class Corpus:
    catalogue: Catalogue
    documents: tuple[str, ...]  # full document of each entry
    by_language: Mapping[Language, tuple[str, ...]]  # the same in one language only
    cut_of: tuple[int, ...]  # entry -> index of its cut
    members: tuple[tuple[int, ...], ...]  # cut -> its entries
    concepts: tuple[Group, ...]
    terms: tuple[Group, ...]
    paraphrases: tuple[Group, ...]  # of a cut, or of those of its entries whose slug begins alike
    dataset_hash: str

    def training_texts(self) -> Iterator[str]:
        """Every text a training query is made of, unmixed and without typing errors."""
        for group in (*self.concepts, *self.terms, *self.paraphrases):
            for forms in group.forms.values():
                yield from forms
        cuts = {cut.slug: cut for cut in self.catalogue.cuts}
        for entry in self.catalogue.entries:
            for language in LANGUAGES:
                yield from style_names(entry, cuts[entry.cut], language)
                yield from sentences(entry, language)


def load_corpus(catalogue: Catalogue, folder: Path = DATA_DIR) -> Corpus:
    """Read the lexicon and tie it to ``catalogue``. Raises LexiconError with every fault, e.g. a paraphrase of an unknown cut."""
    faults: list[str] = []
    cuts = {cut.slug: number for number, cut in enumerate(catalogue.cuts)}
    cut_of = tuple(cuts[entry.cut] for entry in catalogue.entries)
    members = tuple(tuple(i for i, cut in enumerate(cut_of) if cut == number) for number in range(len(cuts)))
    concepts = tuple(_concept(raw, catalogue.entries, faults) for raw in _read_yaml(folder / "concepts.yaml"))
    paraphrases = []
    for path in sorted(folder.glob("paraphrases*.yaml")):
        for key, forms in _read_yaml(path).items():
            slug, _, prefix = key.partition("/")
            meant = [i for i in members[cuts[slug]] if catalogue.entries[i].slug.startswith(prefix)] if slug in cuts else []
            if not meant:
                faults.append(f"{path.name}: the catalogue has no {key!r}")
                continue
            paraphrases.append(Group(key, _forms(forms, f"{path.name}: {key}", faults), frozenset(meant)))
    terms = tuple(_terms(folder / "terms.tsv", faults))
    if faults:
        raise LexiconError("\n".join(faults))
    by_slug = {cut.slug: cut for cut in catalogue.cuts}
    documents = tuple(style_document(entry, by_slug[entry.cut]) for entry in catalogue.entries)
    by_language: dict[Language, tuple[str, ...]] = {
        language: tuple("\n".join(style_passages(e, by_slug[e.cut], language).values()) for e in catalogue.entries)
        for language in LANGUAGES
    }
    digest = hashlib.sha256(catalogue.revision.encode())
    for path in sorted(folder.glob("*")):
        if path.name.startswith(("concepts", "terms", "paraphrases")):
            digest.update(path.read_bytes())
    return Corpus(
        catalogue, documents, by_language, cut_of, members, concepts, terms, tuple(paraphrases), digest.hexdigest()[:16]
    )


def sentences(entry: StyleEntry, language: Language) -> list[str]:
    """The sentences of an entry's description, why and cost."""
    texts = (entry.description[language], entry.why[language], entry.cost[language])
    return [part.strip() for text in texts for part in _SENTENCE.split(text) if part.strip()]


def _read_yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - safe either way


def _forms(raw: Mapping[str, Any], where: str, faults: list[str]) -> dict[Language, tuple[str, ...]]:
    forms: dict[Language, tuple[str, ...]] = {}
    for language in LANGUAGES:
        texts = raw.get(language) or []
        faults.extend(f"{where}: {text!r} is not text" for text in texts if not isinstance(text, str))
        forms[language] = tuple(text for text in texts if isinstance(text, str))
        if not texts:
            faults.append(f"{where}: no {language} forms")
        if len({normalise_name(text) for text in forms[language]}) < len(texts):
            faults.append(f"{where}: repeats a {language} form")
    return forms


def _concept(raw: Mapping[str, Any], entries: Sequence[StyleEntry], faults: list[str]) -> Group:
    where = f"concepts.yaml: {raw.get('id')}"
    holds = frozenset[int]()
    if when := raw.get("when"):
        for key, wanted in when.items():
            words = SINGLE.get(key) or MULTIPLE.get(key)
            if words is not None:
                faults.extend(f"{where}: {key} has no value {word!r}" for word in wanted if word not in words)
            elif key not in (*_RANGES, "flatters"):
                faults.append(f"{where}: unknown attribute {key!r}")
        holds = frozenset(i for i, entry in enumerate(entries) if all(_holds(entry, k, w) for k, w in when.items()))
    return Group(str(raw.get("id")), _forms(raw, where, faults), holds)


def _holds(entry: StyleEntry, key: str, wanted: Sequence[Any]) -> bool:
    if key in _RANGES:
        return bool(wanted[0] <= getattr(entry, key) <= wanted[1])
    if key == "flatters":
        return any(entry.flatters[shape] >= 1 for shape in wanted)
    value = getattr(entry, key, ())
    return value in wanted if isinstance(value, str) else any(word in wanted for word in value)


def _terms(path: Path, faults: list[str]) -> Iterator[Group]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            korean, tab, english = line.partition("\t")
            if not tab or not is_korean(korean) or is_korean(english):
                faults.append(f"{path.name}, line {number}: needs Korean, a tab, English")
            yield Group(f"term {number}", {"ko": tuple(korean.split("|")), "en": tuple(english.split("|"))})


class QueryStream:
    """Random queries with the styles they ask for. The same seed gives the same stream."""

    #: What is asked, and how often: a name, a hand-written paraphrase, attributes, a name with an attribute, a description.
    KINDS: Final = {"name": 0.28, "paraphrase": 0.25, "attributes": 0.22, "named_attribute": 0.11, "sentence": 0.14}

    def __init__(self, corpus: Corpus, seed: int, *, noise: float = 0.5) -> None:
        self.corpus = corpus
        self.noise = noise
        self._rng = random.Random(seed)
        self._cuts = {cut.slug: cut for cut in corpus.catalogue.cuts}
        self._of_entry = [[c for c in corpus.concepts if i in c.entries] for i in range(len(corpus.documents))]
        by_name = {group.name: group for group in corpus.concepts}
        self._heads, self._asks = by_name["hair"].forms, by_name["recommend"].forms
        self._groups = [*corpus.concepts, *corpus.terms, *corpus.paraphrases]
        # A concept has many forms and a term few: draw by the square root, so that neither drowns the other.
        self._group_weights = np.cumsum([sum(map(len, g.forms.values())) ** 0.5 for g in self._groups]).tolist()

    def query(self) -> Query:
        rng = self._rng
        kind = rng.choices(list(self.KINDS), list(self.KINDS.values()))[0]
        language = rng.choice(LANGUAGES)
        cut = rng.randrange(len(self.corpus.members))
        entry = rng.choice(self.corpus.members[cut])
        text, entries, spread = getattr(self, f"_{kind}")(language, cut, entry)
        return Query(self._spoil(text), entries, spread)

    def pair(self) -> tuple[str, str, int]:
        """Two texts of one meaning (usually of different languages) and the number of the meaning."""
        rng = self._rng
        number = rng.choices(range(len(self._groups)), cum_weights=self._group_weights)[0]
        forms = self._groups[number].forms
        first = rng.choice(LANGUAGES)
        second: Language = first if rng.random() < 0.3 else ("en" if first == "ko" else "ko")
        return self._spoil(rng.choice(forms[first])), self._spoil(rng.choice(forms[second])), number

    def _spoil(self, text: str) -> str:
        if self._rng.random() < self.noise:
            return misspell(text, self._rng, errors=1 + int(len(text) > 12) * self._rng.randrange(2))
        return text

    def _name(self, language: Language, cut: int, entry: int) -> tuple[str, tuple[int, ...], bool]:
        style = self.corpus.catalogue.entries[entry]
        own = self._rng.random() < 0.5
        names = style_names(style, None if own else self._cuts[style.cut], language)
        text = self._rng.choice(names or [style.name[language]])
        # The entry's own names lead to it; the names of the cut to any of its entries.
        return self._framed(text, language), (entry,) if own else self.corpus.members[cut], False

    def _paraphrase(self, language: Language, cut: int, entry: int) -> tuple[str, tuple[int, ...], bool]:
        if not self.corpus.paraphrases:
            return self._name(language, cut, entry)
        group = self._rng.choice(self.corpus.paraphrases)
        text = self._rng.choice(group.forms[language])
        return self._thinned(text), tuple(sorted(group.entries)), False

    def _attributes(self, language: Language, cut: int, entry: int) -> tuple[str, tuple[int, ...], bool]:
        concepts = self._rng.sample(self._of_entry[entry], k=min(self._rng.choice((1, 2, 2, 3, 4)), len(self._of_entry[entry])))
        meant = frozenset.intersection(*(concept.entries for concept in concepts))
        said = [self._rng.choice(concept.forms[language]) for concept in concepts]
        return self._framed(" ".join(said), language), tuple(sorted(meant)), True

    def _named_attribute(self, language: Language, cut: int, entry: int) -> tuple[str, tuple[int, ...], bool]:
        concept = self._rng.choice(self._of_entry[entry])
        name = self._rng.choice(style_names(self.corpus.catalogue.entries[entry], self._cuts_of(entry), language))
        meant = tuple(i for i in self.corpus.members[cut] if i in concept.entries)
        parts = [self._rng.choice(concept.forms[language]), name]
        self._rng.shuffle(parts)
        return self._framed(" ".join(parts), language), meant, True

    def _sentence(self, language: Language, cut: int, entry: int) -> tuple[str, tuple[int, ...], bool]:
        text = self._rng.choice(sentences(self.corpus.catalogue.entries[entry], language))
        return self._thinned(text), self.corpus.members[cut], False

    def _cuts_of(self, entry: int) -> Any:
        return self._cuts[self.corpus.catalogue.entries[entry].cut]

    def _framed(self, text: str, language: Language) -> str:
        """Sometimes "... 머리 추천해 줘" around it."""
        if self._rng.random() < 0.35:
            text = f"{text} {self._rng.choice(self._heads[language])}"
        if self._rng.random() < 0.25:
            text = f"{text} {self._rng.choice(self._asks[language])}"
        return text

    def _thinned(self, text: str) -> str:
        """A sentence with some words left out, so that no single word carries it."""
        words = text.split()
        kept = [word for word in words if self._rng.random() > 0.2]
        return " ".join(kept if len(kept) > 1 else words)
