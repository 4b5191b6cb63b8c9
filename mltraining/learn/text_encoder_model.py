"""The text encoder as sentence-transformers builds it: word pieces -> mean of their vectors -> projection -> length 1.

The word pieces are learnt (byte-pair encoding: Sennrich et al., 2016, "Neural Machine Translation of Rare Words with Subword
Units") over jamo, the letters inside a Korean syllable, so that 가리는, 가려 and 가렸 begin alike. Letters that most speakers of
Korean cannot hear apart are folded first (ㅐ/ㅔ, ㅚ/ㅙ/ㅞ, and final consonants that end in the same sound: standard
pronunciation, rule 9), because that is how haircuts are misspelt. All of it is in ``tokenizer.json``, so whoever loads the folder
reads texts the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn

UNKNOWN: Final = "[UNK]"
_SAME_SOUND: Final = {
    **dict.fromkeys("ᅢ", "ᅦ"),  # ae -> e
    **dict.fromkeys("ᅤ", "ᅨ"),  # yae -> ye
    **dict.fromkeys("ᅫᅬ", "ᅰ"),  # wae, oe -> we
    **dict.fromkeys("ᆩᆪᆿ", "ᆨ"),
    **dict.fromkeys("ᆬᆭ", "ᆫ"),
    **dict.fromkeys("ᆺᆻᆽᆾᇀᇂ", "ᆮ"),
    **dict.fromkeys("ᆲᆹᇁ", "ᆸ"),
    **dict.fromkeys("ᆳᆴᆶ", "ᆯ"),
}


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most ``size`` word pieces: lower case, no accents or punctuation, Hangul as folded jamo."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    fold = [normalizers.Replace(letter, same) for letter, same in _SAME_SOUND.items()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), *fold])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("removed")])
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class BagEncoder(nn.Module):
    """The trainable part. ``forward`` takes bags of word-piece numbers and gives vectors of any length."""

    def __init__(self, tokenizer: Tokenizer, rank: int, dim: int) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.pieces = StaticEmbedding(tokenizer, embedding_dim=rank)
        self.projection = Dense(rank, dim, activation_function=None)
        nn.init.normal_(self.pieces.embedding.weight, std=0.1)
        with torch.no_grad():
            # Letters that training never saw must not push a text anywhere.
            self.pieces.embedding.weight[tokenizer.token_to_id(UNKNOWN)] = 0

    def rows(self, text: str) -> torch.Tensor:
        """Word-piece numbers of ``text`` (m,) int64."""
        return torch.tensor(self.tokenizer.encode(text, add_special_tokens=False).ids, dtype=torch.long)

    def forward(self, rows: list[torch.Tensor]) -> torch.Tensor:
        """(n, dim): one vector for each tensor of piece numbers."""
        lengths = torch.tensor([0, *(len(r) for r in rows[:-1])])
        features = self.pieces({"input_ids": torch.cat(rows), "offsets": lengths.cumsum(0)})
        return self.projection(features)["sentence_embedding"]

    def save(self, folder: Path) -> None:
        """A folder that ``SentenceTransformer(folder)`` loads."""
        model = SentenceTransformer(modules=[self.pieces, self.projection, Normalize()], device="cpu")
        model.save(str(folder), create_model_card=False)
