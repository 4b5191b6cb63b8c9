"""Turns texts into 384-d vectors: by the small encoder that ships with the code, or by any sentence-transformers model.

The shipped one needs numpy, tokenizers and safetensors only, so the web process may run it; every other one needs torch and
belongs in a worker (``is_light`` tells). Vectors carry the encoder's ``id``; vectors of different ids must never be compared.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from .artifacts import Artifact, ArtifactError, get_store, loaded
from .vectors import Floats, l2_normalise

DIM: Final = 384
MODEL_NAME: Final = "text-encoder"
STATIC_NAME: Final = "static-ko-en"


class TextEncoderError(RuntimeError):
    """The named encoder cannot be used; the message says what to do."""


class TextEncoder(Protocol):
    """Texts to vectors. Equal ids mean equal weights, so equal vectors."""

    @property
    def id(self) -> str:
        """``name@version``, unique for its weights."""

    @property
    def dim(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Floats:
        """(n, dim) float32, each row of length 1; (0, dim) for no texts."""


def is_light(spec: str) -> bool:
    """True where ``spec`` may be loaded by a process that must not import torch."""
    return spec.strip() in ("", "static")


def load_text_encoder(spec: str = "") -> TextEncoder:
    """The encoder that ``spec`` names, loaded once per process.

    "" or "static" is the shipped one (ArtifactError where it is missing or damaged). Anything else is a hub id or a local path of
    a sentence-transformers model (TextEncoderError where it cannot be loaded or its vectors are not 384-d).
    """
    if is_light(spec):
        return loaded.get(get_store().resolve(MODEL_NAME), StaticTextEncoder)
    return _heavy(spec.strip())


class StaticTextEncoder:
    """The shipped encoder: mean of the vectors of a text's word pieces, projected, normalised. Safe to share between threads.

    The same function as ``SentenceTransformer(folder)`` of a StaticEmbedding, a linear Dense and a Normalize, without torch.
    """

    dim = DIM

    def __init__(self, artifact: Artifact) -> None:
        """Read a ``text-encoder`` artefact. Raises ArtifactError where its parts do not fit together."""
        self._tokenizer = Tokenizer.from_file(str(artifact.file("tokenizer.json")))
        self._pieces: Floats = load_file(artifact.file("model.safetensors"))["embedding.weight"].astype(np.float32)  # (V, rank)
        dense = load_file(artifact.file("1_Dense/model.safetensors"))
        self._projection: Floats = dense["linear.weight"].astype(np.float32).T  # (rank, DIM)
        self._bias: Floats = dense["linear.bias"].astype(np.float32)  # (DIM,)
        if self._pieces.shape != (self._tokenizer.get_vocab_size(), len(self._projection)) or self._bias.shape != (DIM,):
            raise ArtifactError(f"{artifact.path}: tokenizer, vectors and projection do not fit together: train it again")
        self.id = f"{STATIC_NAME}@{artifact.card.version}"

    def encode(self, texts: Sequence[str]) -> Floats:
        means = np.zeros((len(texts), self._pieces.shape[1]), dtype=np.float32)
        for mean, text in zip(means, texts, strict=True):
            # One at a time: encode_batch starts a thread pool, which does not survive the fork of a server's workers.
            if ids := self._tokenizer.encode(text, add_special_tokens=False).ids:
                mean[:] = self._pieces[ids].mean(axis=0)
        return l2_normalise(means @ self._projection + self._bias)


class TransformerTextEncoder:
    """Any sentence-transformers model with 384-d vectors. Imports torch: for workers."""

    dim = DIM

    def __init__(self, spec: str) -> None:
        """Load ``spec`` on the CPU; a hub id is downloaded into the Hugging Face cache unless it is there already."""
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(spec, device="cpu")
        except (OSError, ValueError) as error:
            raise TextEncoderError(
                f"The text encoder {spec!r} cannot be loaded ({error}). Name a sentence-transformers model that is on this "
                "machine or can be downloaded, or leave the setting empty to use the shipped encoder."
            ) from error
        dim = self._model.get_embedding_dimension()
        if dim != DIM:
            raise TextEncoderError(
                f"The text encoder {spec!r} gives {dim}-d vectors and the database holds {DIM}-d ones. Name a {DIM}-d model, "
                "such as sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2."
            )
        self.id = f"{Path(spec).name}@{fingerprint(self._model)}"

    def encode(self, texts: Sequence[str]) -> Floats:
        if not texts:
            return np.empty((0, DIM), dtype=np.float32)
        return l2_normalise(self._model.encode(list(texts), convert_to_numpy=True, show_progress_bar=False))


def fingerprint(model: Any) -> str:
    """12 hex digits of what decides the vectors of a SentenceTransformer: its modules, their settings and every weight."""
    digest = hashlib.sha256()
    for module in model:
        settings = module.get_config_dict() if hasattr(module, "get_config_dict") else {}
        digest.update(f"{type(module).__name__} {json.dumps(settings, sort_keys=True, default=str)}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().numpy().tobytes())
    return digest.hexdigest()[:12]


_heavy_models: dict[str, TransformerTextEncoder] = {}
_heavy_lock = threading.Lock()


def _heavy(spec: str) -> TransformerTextEncoder:
    with _heavy_lock:
        if spec not in _heavy_models:
            _heavy_models[spec] = TransformerTextEncoder(spec)
        return _heavy_models[spec]
