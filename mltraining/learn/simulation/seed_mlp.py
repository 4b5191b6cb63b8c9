"""seed-mlp in a simulation: fine-tuned between rounds as the mission says, 70 % synthetic and 30 % reactions by weight."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from recommendations.engine.scoring import join_inputs, person_inputs
from recommendations.engine.types import FaceReading

from ..scorer import SeedMLP

RATE: Final = 3e-4  # a third of the rate of training from nothing
EPOCHS: Final = 8
BATCH: Final = 256


class SeedLearner:
    """``weights``: a state of ``SeedMLP``; inputs (q, 392) and scores (q,) are the synthetic rows."""

    def __init__(
        self,
        weights: dict[str, torch.Tensor],
        inputs: np.ndarray,
        scores: np.ndarray,
        vectors: np.ndarray,
        share: float,
        seed: int,
    ) -> None:
        self.model = SeedMLP()
        self.model.load_state_dict(copy.deepcopy(weights))
        self.inputs, self.targets = torch.from_numpy(inputs), torch.from_numpy(scores.astype(np.float32))
        self.vectors, self.share, self.seed = vectors.astype(np.float32), share, seed

    @torch.no_grad()
    def scores(self, readings: Sequence[FaceReading]) -> np.ndarray:
        """(m, n). The first layer is computed once per person and once per style: it is linear."""
        self.model.eval()
        first, rest = self.model.layers[0], self.model.layers[1:]
        assert isinstance(first, torch.nn.Linear)
        people = torch.from_numpy(_people(readings))
        width = people.shape[1]
        by_person = people @ first.weight[:, :width].T + first.bias
        by_style = torch.from_numpy(self.vectors) @ first.weight[:, width:].T
        return np.stack([100 * torch.sigmoid(rest(row + by_style))[:, 0].numpy() for row in by_person])

    def retrain(self, readings: Sequence[FaceReading], person: np.ndarray, style: np.ndarray, liked: np.ndarray) -> None:
        """A like is a score of 100, a dislike one of 0."""
        torch.manual_seed(self.seed)
        torch.set_num_threads(1)
        real = torch.from_numpy(join_inputs(_people(readings)[person], self.vectors[style]))
        x = torch.cat([self.inputs, real])
        y = torch.cat([self.targets, torch.from_numpy(100 * liked.astype(np.float32))])[:, None]
        count, rows = len(self.inputs), len(x)
        weight = torch.cat(
            [torch.full((count,), self.share * rows / count), torch.full((len(real),), (1 - self.share) * rows / len(real))]
        )[:, None]
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=RATE, weight_decay=1e-4)
        self.model.train()
        for _ in range(EPOCHS):
            for batch in torch.split(torch.randperm(rows), BATCH):
                loss = torch.nn.functional.smooth_l1_loss(self.model(x[batch]), y[batch], beta=5.0, reduction="none")
                optimiser.zero_grad()
                (loss * weight[batch]).mean().backward()
                optimiser.step()


def _people(readings: Sequence[FaceReading]) -> np.ndarray:
    return np.stack([person_inputs(dict(r.face_shape.probabilities), dict(r.colour.season.probabilities)) for r in readings])
