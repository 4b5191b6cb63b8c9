"""How well a query finds the right canonical cut: held-out queries, baselines, intervals."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from hairme.ml.text_encoder import TextEncoder
from recommendations.engine.catalogue import normalise_name
from recommendations.engine.style_text import LANGUAGES, Language, style_names, style_passages

from .text_encoder_corpus import DATA_DIR, Corpus, LexiconError

Floats = NDArray[np.float32]
#: Scores (queries, entries), higher is better.
Ranker = Callable[[Sequence[str]], NDArray[np.floating]]
GROUPS: Final = ("korean", "english", "misspelt_korean", "misspelt_english")
RESAMPLES: Final = 2000


@dataclass(frozen=True, slots=True)
class HeldOut:
    text: str
    cuts: frozenset[int]  # any of them is right


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of queries whose right cut is first, or among the first five, with bootstrap 95 % intervals over queries."""

    queries: int
    at_1: tuple[float, float, float]  # value, low, high
    at_5: tuple[float, float, float]

    def to_json(self) -> dict[str, Any]:
        return {"queries": self.queries, "recall_at_1": list(self.at_1), "recall_at_5": list(self.at_5)}


def load_queries(corpus: Corpus, path: Path = DATA_DIR / "eval_queries.yaml") -> dict[str, list[HeldOut]]:
    """Group -> queries. The file maps each group to ``text: slug [slug ...]``. Raises LexiconError for an unknown cut."""
    number = {cut.slug: i for i, cut in enumerate(corpus.catalogue.cuts)}
    groups: dict[str, list[HeldOut]] = {}
    faults: list[str] = []
    for group, queries in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        groups[group] = []
        for text, slugs in queries.items():
            faults.extend(f"{path.name}: {text!r} wants unknown cut {slug!r}" for slug in slugs.split() if slug not in number)
            groups[group].append(HeldOut(str(text), frozenset(number[slug] for slug in slugs.split() if slug in number)))
    if faults:
        raise LexiconError("\n".join(faults))
    return groups


def hold_out_paraphrases(corpus: Corpus, seed: int) -> tuple[Corpus, dict[str, list[HeldOut]]]:
    """The corpus without one paraphrase of each group and language, and those as queries: a split to choose settings by."""
    rng = random.Random(seed)
    held: dict[str, list[HeldOut]] = {language: [] for language in LANGUAGES}
    kept = []
    for group in corpus.paraphrases:
        left = {language: list(group.forms[language]) for language in LANGUAGES}
        cut = corpus.cut_of[min(group.entries)]
        for language, forms in left.items():
            if len(forms) > 1:
                held[language].append(HeldOut(forms.pop(rng.randrange(len(forms))), frozenset({cut})))
        kept.append(replace(group, forms={language: tuple(forms) for language, forms in left.items()}))
    return replace(corpus, paraphrases=tuple(kept)), held


def leaked(corpus: Corpus, queries: Iterable[HeldOut]) -> list[str]:
    """Held-out queries that training has seen, apart from case, spaces and punctuation. Must be empty."""
    seen = {normalise_name(text) for text in corpus.training_texts()}
    return [query.text for query in queries if normalise_name(query.text) in seen]


def nearest_training_text(corpus: Corpus, queries: Sequence[HeldOut]) -> NDArray[np.float64]:
    """For each query the largest Jaccard similarity of its letter trigrams to a training text: 1 = the same, 0 = none shared."""
    trigrams = CountVectorizer(analyzer="char", ngram_range=(3, 3), preprocessor=normalise_name, binary=True)
    trigrams.fit(sorted({*corpus.training_texts(), *(query.text for query in queries)}))
    asked = trigrams.transform([query.text for query in queries])
    seen = trigrams.transform(sorted(set(corpus.training_texts())))
    shared = (asked @ seen.T).toarray()
    either = asked.sum(axis=1) + seen.sum(axis=1).T - shared
    return np.asarray((shared / np.maximum(either, 1)).max(axis=1)).ravel()


def encoder_ranker(encoder: TextEncoder, documents: Sequence[str]) -> Ranker:
    """One vector per style: what the database holds."""
    vectors = encoder.encode(documents)
    return lambda texts: encoder.encode(texts) @ vectors.T


def encoder_passage_ranker(encoder: TextEncoder, corpus: Corpus) -> Ranker:
    """Several vectors per style (each name, the attributes, the description, by language); the closest one counts."""
    passages, owner = _passages(corpus)
    vectors = encoder.encode(passages)
    return lambda texts: _best_per_owner(encoder.encode(texts) @ vectors.T, owner)


def tfidf_ranker(documents: Sequence[str]) -> Ranker:
    """The baseline: cosine of TF-IDF over letter n-grams of 2-4 within words, one document per style."""
    vectoriser = _tfidf()
    matrix = vectoriser.fit_transform(documents)
    return lambda texts: (vectoriser.transform(texts) @ matrix.T).toarray()


def tfidf_passage_ranker(corpus: Corpus) -> Ranker:
    """The baseline with the same several passages per style."""
    passages, owner = _passages(corpus)
    vectoriser = _tfidf()
    matrix = vectoriser.fit_transform(passages)
    return lambda texts: _best_per_owner((vectoriser.transform(texts) @ matrix.T).toarray(), owner)


def blend(first: Ranker, second: Ranker, weight: float) -> Ranker:
    """``weight`` of ``first`` and the rest of ``second``, both as cosines."""
    return lambda texts: weight * first(texts) + (1 - weight) * second(texts)


def recall(ranker: Ranker, corpus: Corpus, queries: Sequence[HeldOut], seed: int = 0) -> Recall:
    hits = hit_ranks(ranker, corpus, queries)
    return Recall(len(queries), _interval(hits < 1, seed), _interval(hits < 5, seed))


def difference(
    ours: Ranker, theirs: Ranker, corpus: Corpus, queries: Sequence[HeldOut], k: int, seed: int = 0
) -> tuple[float, float, float]:
    """Recall@k of ``ours`` minus ``theirs`` on the same queries, with a paired bootstrap 95 % interval."""
    gain: NDArray[np.float64] = (hit_ranks(ours, corpus, queries) < k).astype(float) - (hit_ranks(theirs, corpus, queries) < k)
    return _interval(gain, seed)


def hit_ranks(ranker: Ranker, corpus: Corpus, queries: Sequence[HeldOut]) -> NDArray[np.int64]:
    """Rank (0 = first) of the best right cut for each query; a cut counts as its best entry does."""
    by_cut = cut_scores(ranker([query.text for query in queries]), corpus)
    order = np.argsort(-by_cut, axis=1, kind="stable")
    return np.array([min(int(np.flatnonzero(row == cut)[0]) for cut in q.cuts) for row, q in zip(order, queries, strict=True)])


def cut_scores(scores: NDArray[np.floating], corpus: Corpus) -> NDArray[np.floating]:
    """(queries, entries) -> (queries, cuts): the best entry of each cut."""
    return np.stack([scores[:, list(members)].max(axis=1) for members in corpus.members], axis=1)


def name_queries(corpus: Corpus, language: Language) -> list[HeldOut]:
    """Each style's own name in one language, asking for its cut. Training has seen them: they test that languages meet."""
    return [
        HeldOut(entry.name[language], frozenset({cut}))
        for entry, cut in zip(corpus.catalogue.entries, corpus.cut_of, strict=True)
    ]


def evaluate(encoder: TextEncoder, corpus: Corpus, groups: Mapping[str, Sequence[HeldOut]]) -> dict[str, Any]:
    """Every table of the report: ``recall`` by ranker and group, ``gain`` over the baseline, ``cross_lingual``, ``overlap``."""
    ours, baseline = encoder_ranker(encoder, corpus.documents), tfidf_ranker(corpus.documents)
    rankers = {
        "encoder": ours,
        "tfidf": baseline,
        "encoder, several vectors per style": encoder_passage_ranker(encoder, corpus),
        "tfidf, several vectors per style": tfidf_passage_ranker(corpus),
        "hybrid (half encoder, half tfidf)": blend(ours, baseline, 0.5),
    }
    ways: tuple[tuple[Language, Language, str], ...] = (("ko", "en", "korean"), ("en", "ko", "english"))
    cross = {
        f"{asked} {kind} -> {answered} documents": (queries, answered)
        for asked, answered, group in ways
        for kind, queries in (("names", name_queries(corpus, asked)), ("paraphrases", groups[group]))
    }
    return {
        "encoder": encoder.id,
        "styles": len(corpus.documents),
        "cuts": len(corpus.members),
        "recall": {name: {g: recall(r, corpus, qs).to_json() for g, qs in groups.items()} for name, r in rankers.items()},
        "gain": {
            group: {f"recall_at_{k}": list(difference(ours, baseline, corpus, queries, k)) for k in (1, 5)}
            for group, queries in groups.items()
        },
        "cross_lingual": {
            name: {
                "encoder": recall(encoder_ranker(encoder, corpus.by_language[answered]), corpus, queries).to_json(),
                "tfidf": recall(tfidf_ranker(corpus.by_language[answered]), corpus, queries).to_json(),
            }
            for name, (queries, answered) in cross.items()
        },
        "overlap": {
            group: {"median": float(np.median(near)), "p90": float(np.quantile(near, 0.9)), "max": float(near.max())}
            for group, queries in groups.items()
            for near in (nearest_training_text(corpus, queries),)
        },
    }


def _passages(corpus: Corpus) -> tuple[list[str], NDArray[np.int64]]:
    cuts = {cut.slug: cut for cut in corpus.catalogue.cuts}
    texts: list[str] = []
    owner: list[int] = []
    for number, entry in enumerate(corpus.catalogue.entries):
        for language in LANGUAGES:
            parts = style_passages(entry, cuts[entry.cut], language)
            own = [*style_names(entry, cuts[entry.cut], language), parts["attributes"], parts["description"]]
            texts += own
            owner += [number] * len(own)
    return texts, np.array(owner)


def _best_per_owner(scores: NDArray[np.floating], owner: NDArray[np.int64]) -> NDArray[np.floating]:
    # ``owner`` is sorted, each style's passages standing together.
    return np.maximum.reduceat(scores, np.flatnonzero(np.r_[True, np.diff(owner) > 0]), axis=1)


def _tfidf() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)


def _interval(values: NDArray[Any], seed: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(np.mean(values)), float(low), float(high)
