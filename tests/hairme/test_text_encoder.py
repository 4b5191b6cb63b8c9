from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hairme.ml.artifacts import ArtifactError, get_store, open_artifact
from hairme.ml.text_encoder import DIM, StaticTextEncoder, TextEncoderError, is_light, load_text_encoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hush", "cut", "bob", "short", "hair", "허쉬컷", "짧은", "머리", "단발"]


def tiny_checkpoint(folder: Path, hidden: int = DIM, seed: int = 0) -> Path:
    """A real transformer in sentence-transformers format, small enough to make in a test."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(seed)
    raw = folder / "raw"
    raw.mkdir(parents=True)
    (raw / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    BertTokenizerFast(str(raw / "vocab.txt"), strip_accents=False, tokenize_chinese_chars=False).save_pretrained(raw)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=hidden, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(raw)
    transformer = Transformer(str(raw))
    target = folder / "tiny-encoder"
    SentenceTransformer(modules=[transformer, Pooling(hidden, pooling_mode="mean")], device="cpu").save(str(target))
    return target


@pytest.fixture(scope="module")
def static() -> StaticTextEncoder:
    return load_text_encoder("")


@pytest.mark.parametrize("spec", ["", "static", "  "])
def test_shipped_encoder_is_light_and_named_after_its_version(spec: str) -> None:
    assert is_light(spec)
    assert load_text_encoder(spec).id == f"static-ko-en@{get_store().resolve('text-encoder').card.version}"


def test_shipped_encoder_is_loaded_once() -> None:
    assert load_text_encoder("") is load_text_encoder("static")


def test_other_encoders_are_not_light() -> None:
    assert not is_light("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2")


def test_vectors_are_unit_float32_rows(static: StaticTextEncoder) -> None:
    vectors = static.encode(["허쉬컷", "layered cut", "", "🙂🙂", "q" * 5000, "\x00\n\t"])
    assert vectors.shape == (6, DIM)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(static: StaticTextEncoder) -> None:
    assert static.encode([]).shape == (0, DIM)


def test_a_vector_does_not_depend_on_its_neighbours(static: StaticTextEncoder) -> None:
    texts = ["볼살 가려주는 단발", "", "curly hair that's easy to look after"]
    np.testing.assert_allclose(static.encode(texts), np.concatenate([static.encode([text]) for text in texts]), atol=1e-6)


def test_case_width_and_accents_do_not_matter(static: StaticTextEncoder) -> None:
    first, *others = static.encode(["garcon cut 2", "GARÇON Cut 2", "ｇａｒｃｏｎ　ｃｕｔ　２"])
    for other in others:
        np.testing.assert_allclose(first, other, atol=1e-6)


def test_letters_that_sound_alike_are_read_alike(static: StaticTextEncoder) -> None:
    first, second = static.encode(["레이어드 컷", "래이어드 컫"])
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("허쉬컷", "hush cut", "남자 투블럭"),
        ("버즈컷", "buzz cut", "box braids"),
        ("똥머리", "high bun", "crew cut"),
        ("앞머리 있는 긴 머리 웨이브", "long wavy hair with bangs", "shaved head without fringe"),
        ("이마를 가리는 짧은 머리", "short hair that covers the forehead", "long ponytail with an open forehead"),
    ],
)
def test_korean_and_english_meet(static: StaticTextEncoder, one: str, same: str, other: str) -> None:
    one_vector, same_vector, other_vector = static.encode([one, same, other])
    assert one_vector @ same_vector > one_vector @ other_vector + 0.2


def test_golden_vectors_are_reproduced(static: StaticTextEncoder) -> None:
    golden = np.load(get_store().resolve("text-encoder").file("golden.npz"))
    np.testing.assert_allclose(static.encode(golden["texts"].tolist()), golden["vectors"], atol=1e-5)


def test_sentence_transformers_loads_the_shipped_folder_and_agrees(static: StaticTextEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["허쉬컷", "something low maintenance that hides my forehead", "layred cut", "", "볼살 가려주는 단발"]
    model = SentenceTransformer(str(get_store().resolve("text-encoder").path), device="cpu")
    np.testing.assert_allclose(static.encode(texts), model.encode(texts), atol=1e-3)


def test_embedding_a_query_imports_no_torch() -> None:
    script = (
        "import sys; from hairme.ml.text_encoder import load_text_encoder; load_text_encoder('').encode(['짧은 머리']);"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


def test_an_artifact_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    folder = copytree(get_store().resolve("text-encoder").path, tmp_path / "1")
    weights = load_file(folder / "model.safetensors")
    save_file({"embedding.weight": weights["embedding.weight"][:-1].copy()}, folder / "model.safetensors")
    with pytest.raises(ArtifactError, match="do not fit together"):
        StaticTextEncoder(open_artifact(folder, verify=False))
    with pytest.raises(ArtifactError, match="checksum"):
        open_artifact(folder)


def test_any_sentence_transformer_can_be_named(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = tiny_checkpoint(tmp_path)
    encoder = load_text_encoder(str(folder))
    texts = ["허쉬컷", "short bob hair", "짧은 머리"]
    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(texts), theirs, atol=1e-5)
    assert encoder.encode(texts).dtype == np.float32
    assert encoder.encode([]).shape == (0, DIM)
    assert load_text_encoder(str(folder)) is encoder


def test_the_id_follows_the_weights_not_the_place(tmp_path: Path) -> None:
    first = load_text_encoder(str(tiny_checkpoint(tmp_path / "a")))
    moved = load_text_encoder(str(copytree(tmp_path / "a" / "tiny-encoder", tmp_path / "b" / "tiny-encoder")))
    other = load_text_encoder(str(tiny_checkpoint(tmp_path / "c", seed=1)))
    assert first.id == moved.id != other.id
    assert first.id.startswith("tiny-encoder@")


def test_an_encoder_of_another_dimension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TextEncoderError, match="64-d vectors and the database holds 384-d"):
        load_text_encoder(str(tiny_checkpoint(tmp_path, hidden=64)))


def test_a_folder_without_a_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TextEncoderError, match="leave the setting empty"):
        load_text_encoder(str(tmp_path))
