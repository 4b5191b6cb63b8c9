"""Fine-tuning keeps to its weights, stops in time, and goes on after it was killed as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mltraining.learn.architectures import FineTuneConfig
from mltraining.learn.candidates import row_weights
from mltraining.learn.fine_tune import Rows, fine_tune
from mltraining.learn.scorer import SeedMLP, predict


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return SeedMLP().state_dict()


def rows(n: int = 120, weight: float = 1.0, target: float = 100.0) -> Rows:
    rng = np.random.default_rng(0)
    inputs = rng.random((n, 392)).astype(np.float32)
    return Rows(inputs, np.full(n, target), np.full(n, weight), np.arange(n) // 4)


class Killed(Exception):
    pass


def test_killed_and_resumed_is_the_same_as_never_interrupted(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    config = FineTuneConfig(epochs=6, patience=9)
    whole = fine_tune(weights, rows(), config)

    def die(epoch: int, train: float, valid: float) -> None:
        if epoch == 3:
            raise Killed

    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(Killed):
        fine_tune(weights, rows(), config, die, checkpoint)
    seen: list[int] = []
    resumed = fine_tune(weights, rows(), config, lambda epoch, train, valid: seen.append(epoch), checkpoint)
    assert seen == [4, 5, 6]
    assert resumed.history == whole.history
    assert all(torch.equal(a, b) for a, b in zip(resumed.model.parameters(), whole.model.parameters(), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"PK\x03\x04half a file"])
def test_damaged_checkpoint_begins_again(damage: bytes, weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(damage)
    result = fine_tune(weights, rows(), FineTuneConfig(epochs=2), None, checkpoint)
    assert [row["epoch"] for row in result.history] == [1.0, 2.0]


def test_weights_decide_whom_it_follows(weights: dict[str, torch.Tensor]) -> None:
    likes, dislikes = rows(), rows(target=0.0)

    def mean(like_weight: float) -> float:
        both = Rows(
            np.concatenate([likes.inputs, dislikes.inputs]),
            np.concatenate([likes.scores, dislikes.scores]),
            np.concatenate([np.full(120, like_weight), np.full(120, 1 - like_weight)]),
            np.concatenate([likes.group, 1000 + dislikes.group]),
        )
        return float(predict(fine_tune(weights, both, FineTuneConfig(epochs=12)).model, likes.inputs).mean())

    assert mean(0.1) < 40 < 60 < mean(0.9)
    assert mean(1.0) > 60  # weights of 0 are left out


def test_parent_is_kept_where_training_does_not_help(weights: dict[str, torch.Tensor]) -> None:
    parent = SeedMLP()
    parent.load_state_dict(weights)
    perfect = rows()
    perfect.scores[:] = predict(parent, perfect.inputs)
    result = fine_tune(weights, perfect, FineTuneConfig(epochs=30, patience=3, learning_rate=0.05))
    assert result.best_epoch == 0
    assert len(result.history) == 3
    assert np.allclose(predict(result.model, perfect.inputs), perfect.scores, atol=1e-4)


def test_one_person_cannot_say_when_to_stop(weights: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="one person"):
        fine_tune(weights, rows(4), FineTuneConfig())


@pytest.mark.parametrize(
    ("real", "synthetic", "share", "expected"),
    [(30, 600, 0.7, 0.7), (30, 600, 0.0, 0.0), (30, 600, 1.0, 1.0), (0, 600, 0.7, 1.0), (30, 0, 0.7, 0.0), (5000, 60, 0.3, 0.3)],
)
def test_synthetic_share_is_of_the_weight_not_of_the_rows(real: int, synthetic: int, share: float, expected: float) -> None:
    a, b = row_weights(real, synthetic, share)
    assert b * synthetic / (a * real + b * synthetic) == pytest.approx(expected)
