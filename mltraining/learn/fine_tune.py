"""Fine-tuning of ``seed-mlp`` from its parent at a low rate: weighted rows, early stopping, and a checkpoint after each epoch.

A like counts as a score of 100 and a dislike as one of 0. An interrupted run that finds its checkpoint goes on from the epoch after
it and ends with the same weights as one that was never interrupted.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .architectures import FineTuneConfig
from .scorer import SeedMLP, TrainResult, predict_tensor

Report = Callable[[int, float, float], None]


@dataclass(frozen=True, eq=False)
class Rows:
    """``group``: rows of one face or one person, which stay on one side of the validation split. Weights of 0 are left out."""

    inputs: np.ndarray  # (n, 392) float32
    scores: np.ndarray  # (n,) 0..100
    weights: np.ndarray  # (n,)
    group: np.ndarray  # (n,) int


def fine_tune(
    weights: dict[str, torch.Tensor],
    rows: Rows,
    config: FineTuneConfig,
    report: Report | None = None,
    checkpoint: Path | None = None,
) -> TrainResult:
    """``report(epoch, training loss, validation loss)`` may raise to stop. The result's weights are those of the best epoch, the parent's
    own (epoch 0) among them. Raises ValueError where there are fewer than two groups, or the loss is no number any more."""
    used = rows.weights > 0
    fit, stop = _split(rows.group[used], config)
    x, y = torch.from_numpy(rows.inputs[used]), torch.from_numpy(rows.scores[used].astype(np.float32))[:, None]
    w = torch.from_numpy((rows.weights[used] / rows.weights[used].mean()).astype(np.float32))[:, None]
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    model = SeedMLP()
    model.load_state_dict(weights)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    state = _Progress.start(model, _loss(predict_tensor(model, x[stop]), y[stop], w[stop]))
    if checkpoint is not None and checkpoint.exists():
        state = _resume(checkpoint, config, model, optimiser) or state
    start = time.perf_counter()
    for epoch in range(state.epoch + 1, config.epochs + 1):
        if state.epoch - state.best_epoch >= config.patience:
            break
        model.train()
        total = 0.0
        for batch in torch.split(fit[torch.randperm(len(fit))], config.batch):
            loss = _weighted(model(x[batch]), y[batch], w[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(batch)
        state.note(epoch, total / len(fit), _loss(predict_tensor(model, x[stop]), y[stop], w[stop]), model)
        if not np.isfinite(state.history[-1]["train"]):
            raise ValueError(f"training diverged with learning rate {config.learning_rate:g}: choose a smaller one")
        if checkpoint is not None:
            _save(checkpoint, config, state, model, optimiser)
        if report:
            report(epoch, state.history[-1]["train"], state.history[-1]["valid"])
    model.load_state_dict(state.best)
    model.eval()
    return TrainResult(model, state.history, state.best_epoch, time.perf_counter() - start)


@dataclass(slots=True)
class _Progress:
    epoch: int
    best_epoch: int
    best_loss: float
    best: dict[str, torch.Tensor]
    history: list[dict[str, float]]

    @classmethod
    def start(cls, model: SeedMLP, loss: float) -> _Progress:
        return cls(0, 0, loss, _copy(model), [])

    def note(self, epoch: int, train: float, valid: float, model: SeedMLP) -> None:
        self.epoch = epoch
        self.history.append({"epoch": float(epoch), "train": train, "valid": valid})
        if valid < self.best_loss - 1e-4:
            self.best_epoch, self.best_loss, self.best = epoch, valid, _copy(model)


def _split(group: np.ndarray, config: FineTuneConfig) -> tuple[torch.Tensor, torch.Tensor]:
    groups = np.unique(group)
    if len(groups) < 2:
        raise ValueError("one person cannot both be learned from and say when to stop: collect more")
    chosen = np.random.default_rng(config.seed).permutation(groups)[: max(1, round(config.validation_share * len(groups)))]
    is_stop = np.isin(group, chosen)
    return torch.from_numpy(np.flatnonzero(~is_stop)), torch.from_numpy(np.flatnonzero(is_stop))


def _weighted(predicted: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (nn.functional.smooth_l1_loss(predicted, wanted, beta=5.0, reduction="none") * weight).mean()


def _loss(predicted: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor) -> float:
    return float(_weighted(predicted, wanted, weight) / weight.mean())


def _copy(model: SeedMLP) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _save(path: Path, config: FineTuneConfig, state: _Progress, model: SeedMLP, optimiser: torch.optim.Optimizer) -> None:
    content = io.BytesIO()  # torch's own writing to a full disk raises an error that does not say so
    torch.save(
        {
            "config": asdict(config),
            "progress": {name: getattr(state, name) for name in _Progress.__slots__},
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "rng": torch.get_rng_state(),
        },
        content,
    )
    draft = path.with_suffix(".part")
    try:
        draft.write_bytes(content.getbuffer())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _resume(path: Path, config: FineTuneConfig, model: SeedMLP, optimiser: torch.optim.Optimizer) -> _Progress | None:
    """None where the checkpoint is damaged or of another configuration: the run begins again."""
    try:
        stored: dict[str, Any] = torch.load(path, weights_only=True)
        if stored["config"] != asdict(config):
            return None
        progress = _Progress(**stored["progress"])
        model.load_state_dict(stored["model"])
        optimiser.load_state_dict(stored["optimiser"])
        torch.set_rng_state(stored["rng"])
    except Exception:  # whatever a file that was cut off makes torch raise
        return None
    return progress
