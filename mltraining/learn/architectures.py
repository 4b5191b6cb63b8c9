"""What there is to retrain, for processes that show or start a run and need no torch to do so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .preference_data import PreferenceConfig

ARCHITECTURES: Final = ("seed-mlp", "preference")


@dataclass(frozen=True, slots=True)
class FineTuneConfig:
    """Everything that decides a fine-tuning of ``seed-mlp`` besides its data."""

    seed: int = 0
    learning_rate: float = 3e-4  # a third of the rate of training from nothing
    weight_decay: float = 1e-4
    batch: int = 128
    epochs: int = 60  # at most
    patience: int = 6  # epochs without a better validation loss
    validation_share: float = 0.15  # of the faces and of the people, kept out of the gradient to decide when to stop

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.learning_rate <= 0 or self.batch < 1:
            raise ValueError("epochs and batch must be at least 1, and the learning rate above 0")


def most_epochs(architecture: str) -> int:
    return FineTuneConfig().epochs if architecture == "seed-mlp" else PreferenceConfig().most_steps
