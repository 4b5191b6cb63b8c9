"""``seed-mlp``, the mission's scorer: 392 -> 256 -> 128 -> 64 -> 1, 141,825 parameters, trained on scores from 0 to 100."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from recommendations.engine.scoring import INPUT_DIM

PARAMETERS: Final = 141_825


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides a training run."""

    seed: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    dropout: float = 0.2
    batch: int = 64
    epochs: int = 200  # at most
    patience: int = 12  # epochs without a better stopping loss
    stopping_share: float = 0.15  # of the training faces, kept out of the gradient to decide when to stop

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.learning_rate <= 0 or self.batch < 1:
            raise ValueError("epochs and batch must be at least 1, and the learning rate above 0")


class SeedMLP(nn.Module):
    """(n, 392) -> (n, 1) in 0..100."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(INPUT_DIM, 256), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(256, 128), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(128, 64), nn.ReLU(),
            nn.Linear(64, 1),
        )  # fmt: skip

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 100.0 * torch.sigmoid(self.layers(features))


@dataclass(slots=True)
class TrainResult:
    model: SeedMLP
    history: list[dict[str, float]] = field(default_factory=list)  # per epoch: train_loss, stopping_mae
    best_epoch: int = 0
    seconds: float = 0.0


def train(
    inputs: np.ndarray,
    scores: np.ndarray,
    face: np.ndarray,
    config: TrainConfig,
    progress: Callable[[int, float], None] | None = None,
) -> TrainResult:
    """Fit on inputs (n, 392) and scores (n,) in 0..100; ``face`` (n,) keeps a face's rows together when the stopping set is cut.

    The validation set is never seen here: early stopping looks at faces of the training part. Raises ValueError where there are
    fewer than two faces, or where the loss is no number any more.
    """
    if len(np.unique(face)) < 2:
        raise ValueError("one face cannot both be learned from and say when to stop: collect more faces")
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)  # batches of 64 x 392: handing them to threads costs more than they save
    rng = np.random.default_rng(config.seed)
    faces = rng.permutation(np.unique(face))
    stopping = np.isin(face, faces[: max(1, round(config.stopping_share * len(faces)))])
    x, y = torch.from_numpy(inputs), torch.from_numpy(scores)[:, None]
    x_fit, y_fit, x_stop, y_stop = x[~stopping], y[~stopping], x[stopping], y[stopping]
    model = SeedMLP(config.dropout)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    result = TrainResult(model)
    best, best_state, start = float("inf"), model.state_dict(), time.perf_counter()
    for epoch in range(1, config.epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.split(torch.randperm(len(x_fit)), config.batch):
            loss = nn.functional.smooth_l1_loss(model(x_fit[rows]), y_fit[rows], beta=5.0)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        mae = float((predict_tensor(model, x_stop) - y_stop).abs().mean())
        result.history.append({"epoch": epoch, "train_loss": total / len(x_fit), "stopping_mae": mae})
        if progress:
            progress(epoch, mae)
        if mae < best - 1e-3:
            best, result.best_epoch = mae, epoch
            best_state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        elif epoch - result.best_epoch >= config.patience:
            break
    if not result.best_epoch:
        raise ValueError(f"training diverged with learning rate {config.learning_rate:g}: choose a smaller one")
    model.load_state_dict(best_state)
    model.eval()
    result.seconds = time.perf_counter() - start
    return result


@torch.no_grad()
def predict_tensor(model: SeedMLP, x: torch.Tensor) -> torch.Tensor:
    model.eval()
    return model(x)


def predict(model: SeedMLP, inputs: np.ndarray) -> np.ndarray:
    """(n, 392) -> (n,)."""
    return predict_tensor(model, torch.from_numpy(inputs)).numpy()[:, 0]


def parameter_count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def export_onnx(model: SeedMLP, path: Path) -> None:
    """``features`` (n, 392) -> ``score`` (n, 1), n free."""
    model.eval()
    torch.onnx.export(
        model, (torch.zeros(2, INPUT_DIM),), str(path), input_names=["features"], output_names=["score"],
        dynamic_axes={"features": {0: "n"}, "score": {0: "n"}}, dynamo=False, opset_version=17,
    )  # fmt: skip


def write_files(result: TrainResult, golden_inputs: np.ndarray, folder: Path) -> None:
    """``weights.safetensors``, ``model.onnx``, ``golden.npz`` (inputs and the outputs every runtime must give)."""
    from safetensors.torch import save_file

    save_file(
        {name: tensor.contiguous() for name, tensor in result.model.state_dict().items()}, str(folder / "weights.safetensors")
    )
    export_onnx(result.model, folder / "model.onnx")
    np.savez(folder / "golden.npz", features=golden_inputs, score=predict(result.model, golden_inputs)[:, None])


def draw_curves(history: list[dict[str, float]], best_epoch: int, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    epochs = [row["epoch"] for row in history]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    left.plot(epochs, [row["train_loss"] for row in history], color="#c4685b")
    left.set(title="Training loss (smooth L1)", xlabel="epoch")
    right.plot(epochs, [row["stopping_mae"] for row in history], color="#1d1b19")
    right.axvline(best_epoch, color="#c4685b", linestyle=":", label=f"kept: epoch {best_epoch}")
    right.set(title="MAE on stopping faces (0-100)", xlabel="epoch")
    right.legend(frameon=False)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def history_json(result: TrainResult, config: TrainConfig, metrics: dict[str, Any]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "config": asdict(config),
        "seconds": round(result.seconds, 3),
        "best_epoch": result.best_epoch,
        "epochs": result.history,
        "metrics": metrics,
    }
