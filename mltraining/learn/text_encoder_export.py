"""Writes a trained text encoder as a model version: a sentence-transformers folder with a card and golden vectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from sentence_transformers import SentenceTransformer

from hairme.ml.artifacts import Artifact, write_artifact
from hairme.ml.text_encoder import MODEL_NAME, StaticTextEncoder

from .text_encoder import TrainingConfig, new_model, train
from .text_encoder_corpus import Corpus, LexiconError
from .text_encoder_eval import Recall, encoder_ranker, evaluate, hold_out_paraphrases, leaked, load_queries, recall, tfidf_ranker
from .text_encoder_model import BagEncoder

#: Texts of every kind that the encoder must read the same everywhere: both scripts, mixed, misspelt, unknown, none.
GOLDEN_TEXTS: Final = (
    "허쉬컷",
    "이마를 가리는 짧은 머리",
    "C컬 단발 추천해 줘",
    "something low maintenance that hides my forehead",
    "layred cut",
    "Garçon cut, très court",
    "남자 two-block 투블럭",
    "ㅋㅋㅋ 🙂 12",
    "",
)

NOTES: Final = {
    "trained_on": "The repository's own catalogue and the hand-written lexicon and paraphrases under mltraining/learn/text_data. "
    "No person's data.",
    "tested_how": "Hand-written queries in eval_queries.yaml that training never sees: python manage.py evaluate_text_encoder",
    "fails_where": "Words that neither the catalogue nor the lexicon has mean nothing to it beyond their spelling. It adds up "
    "words and knows no grammar. Queries and training texts have the same authors, so strangers will do worse than the "
    "figures here; paraphrases left out of training (train_text_encoder --check) are the harsher estimate.",
    "licence": "As the repository.",
}


def export(
    model: BagEncoder,
    corpus: Corpus,
    config: TrainingConfig,
    root: Path,
    *,
    version: str,
    metrics: dict[str, Any],
    replace: bool = False,
) -> Artifact:
    """Write ``model`` to ``root/text-encoder/version``. FileExistsError where it exists and ``replace`` is False."""

    def fill(folder: Path) -> None:
        model.save(folder)
        stored = SentenceTransformer(str(folder), device="cpu")
        vectors = stored.encode(list(GOLDEN_TEXTS), convert_to_numpy=True, show_progress_bar=False)
        np.savez(folder / "golden.npz", texts=np.array(GOLDEN_TEXTS), vectors=vectors.astype(np.float32))

    return write_artifact(
        root,
        name=MODEL_NAME,
        version=version,
        fill=fill,
        dataset_hash=corpus.dataset_hash,
        metrics=metrics,
        features={"dim": config.dim, "rank": config.rank, "pieces": model.tokenizer.get_vocab_size()},
        params=config.to_json(),
        notes=NOTES,
        replace=replace,
    )


def train_and_export(
    corpus: Corpus,
    config: TrainingConfig,
    root: Path,
    *,
    version: str,
    replace: bool = False,
    say: Callable[[str], Any] = lambda line: None,
) -> tuple[Artifact, dict[str, Any]]:
    """Train, measure on the held-out queries, write the version with its figures. Returns it and the full evaluation.

    Raises FileExistsError before any work where the version exists and ``replace`` is False, and LexiconError where a held-out
    query asks for a cut that the catalogue lacks or occurs in the training texts.
    """
    if (root / MODEL_NAME / version).exists() and not replace:
        raise FileExistsError(f"{root / MODEL_NAME / version} exists; choose another version")
    groups = load_queries(corpus)
    if seen := leaked(corpus, (query for queries in groups.values() for query in queries)):
        raise LexiconError("Held-out queries occur in the training texts: " + "; ".join(seen))
    model, seconds = _fit(corpus, config, say)
    with TemporaryDirectory() as folder:
        # The figures belong in the card, and they are those of the stored files.
        trial = export(model, corpus, config, Path(folder), version=version, metrics={})
        report = evaluate(StaticTextEncoder(trial), corpus, groups)
    metrics = {
        "encoder": report["recall"]["encoder"],
        "tfidf": report["recall"]["tfidf"],
        "gain": report["gain"],
        "training_seconds": round(seconds, 1),
    }
    return export(model, corpus, config, root, version=version, metrics=metrics, replace=replace), report


def cross_check(
    corpus: Corpus, config: TrainingConfig, say: Callable[[str], Any] = lambda line: None
) -> dict[str, dict[str, Recall]]:
    """Language -> ranker -> recall on paraphrases left out of training, one of each group: what settings are chosen by.

    Harsher than the held-out queries where a cut has few paraphrases, since each one left out is missed in training.
    """
    smaller, held = hold_out_paraphrases(corpus, config.seed)
    model, _seconds = _fit(smaller, config, say)
    with TemporaryDirectory() as folder:
        encoder = StaticTextEncoder(export(model, smaller, config, Path(folder), version="check", metrics={}))
    rankers = {"encoder": encoder_ranker(encoder, corpus.documents), "tfidf": tfidf_ranker(corpus.documents)}
    return {language: {name: recall(r, corpus, queries) for name, r in rankers.items()} for language, queries in held.items()}


def _fit(corpus: Corpus, config: TrainingConfig, say: Callable[[str], Any]) -> tuple[BagEncoder, float]:
    started = time.perf_counter()
    model = new_model(corpus, config)
    say(f"{len(corpus.documents)} styles, {model.tokenizer.get_vocab_size()} word pieces, {config.steps} steps")
    train(
        corpus,
        model,
        config,
        lambda step, losses: say(f"step {step:5d}  " + "  ".join(f"{k} {v:.3f}" for k, v in losses.items())),
    )
    seconds = time.perf_counter() - started
    say(f"trained in {seconds:.0f} s")
    return model, seconds
