"""Trains the small Korean/English text encoder on one CPU core in minutes.

A query is pulled to the styles it asks for, against all other styles of the catalogue, and two texts of one meaning are pulled
together against the rest of their batch (InfoNCE: van den Oord et al., 2018, "Representation Learning with Contrastive Predictive
Coding", with several positives as in Khosla et al., 2020, "Supervised Contrastive Learning"). Documents are shown whole, in
Korean only or in English only, so that a Korean query has to find an English text.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.nn import functional as F

from .text_encoder_corpus import Corpus, Query, QueryStream
from .text_encoder_model import BagEncoder, train_tokenizer
from .text_encoder_noise import break_words


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    dim: int = 384
    rank: int = 160
    pieces: int = 7000
    pieces_from: int = 12_000  # queries that the word pieces are learnt from, besides the documents
    broken: float = 0.06  # share of letters after which a word is cut, so that its parts learn to stand for it
    steps: int = 1500
    batch: int = 160
    pairs: int = 160
    learning_rate: float = 0.02
    temperature: float = 0.05
    keep: float = 0.5  # share of a document's pieces shown in a step
    pair_weight: float = 0.5
    seed: int = 7

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def new_model(corpus: Corpus, config: TrainingConfig) -> BagEncoder:
    """An untrained model; its word pieces come from the documents and from queries as training will ask them."""
    torch.manual_seed(config.seed)
    stream = QueryStream(corpus, config.seed)
    # Documents count three times, so that what styles are called has pieces of its own even where few queries say it.
    texts = [*corpus.documents * 3, *(stream.query().text for _ in range(config.pieces_from))]
    return BagEncoder(train_tokenizer(texts, config.pieces), config.rank, config.dim)


def train(
    corpus: Corpus,
    model: BagEncoder,
    config: TrainingConfig,
    report: Callable[[int, dict[str, float]], None] = lambda step, losses: None,
) -> None:
    """Fit ``model`` in place. ``report`` gets the step and its mean losses every 50 steps."""
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed)
    stream = QueryStream(corpus, config.seed)
    shown = [[model.rows(text) for text in texts] for texts in (corpus.documents, *corpus.by_language.values())]
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=config.learning_rate, total_steps=config.steps, pct_start=0.1
    )
    running: Counter[str] = Counter()
    for step in range(1, config.steps + 1):
        queries = [stream.query() for _ in range(config.batch)]
        pairs = [stream.pair() for _ in range(config.pairs)]
        documents = [rng.choices(shown, (2, 1, 1))[0][number] for number in range(len(shown[0]))]
        texts = [q.text for q in queries] + [p[0] for p in pairs] + [p[1] for p in pairs]
        said = [model.rows(break_words(text, rng, config.broken)) for text in texts]
        vectors = F.normalize(model([*said, *(thin(rows, config.keep) for rows in documents)]), dim=1)
        asked, first, second, styles = vectors.split((config.batch, config.pairs, config.pairs, len(documents)))
        search = search_loss(asked @ styles.T / config.temperature, queries)
        meaning = pair_loss(first @ second.T / config.temperature, torch.tensor([number for *_, number in pairs]))
        loss = search + config.pair_weight * meaning
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        running.update({"search": search.item(), "meaning": meaning.item()})
        if step % 50 == 0:
            report(step, {name: total / 50 for name, total in running.items()})
            running.clear()


def thin(rows: torch.Tensor, keep: float) -> torch.Tensor:
    """A random ``keep`` of ``rows``, never none of them."""
    kept = rows[torch.rand(len(rows)) < keep]
    return kept if len(kept) else rows


def search_loss(scores: torch.Tensor, queries: list[Query]) -> torch.Tensor:
    """Mean negative log-likelihood of the styles asked for. ``scores`` (n, entries) are similarities over temperature.

    A query that any of several styles answers counts their summed probability; one that means all of them, the mean of their
    log-probabilities.
    """
    log_p = F.log_softmax(scores, dim=1)
    meant = torch.zeros_like(log_p, dtype=torch.bool)
    for number, query in enumerate(queries):
        meant[number, list(query.entries)] = True
    spread = torch.tensor([query.spread for query in queries])
    anyone = log_p.masked_fill(~meant, float("-inf")).logsumexp(1)
    everyone = log_p.masked_fill(~meant, 0).sum(1) / meant.sum(1)
    return -torch.where(spread, everyone, anyone).mean()


def pair_loss(scores: torch.Tensor, meaning: torch.Tensor) -> torch.Tensor:
    """Symmetric InfoNCE over a batch of pairs; pairs of the same ``meaning`` (n,) count as each other's positives."""
    same = meaning[:, None] == meaning[None, :]
    forth, back = (F.log_softmax(s, dim=1).masked_fill(~same, float("-inf")).logsumexp(1).mean() for s in (scores, scores.T))
    return -(forth + back) / 2
