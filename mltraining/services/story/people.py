"""The people of the story."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...learn.simulation.simulators import MEAN_LOGIT, LatentTaste


class SharedTaste(LatentTaste):
    """People who know what they want, mostly want the same, and look at a few styles only.

    Clearer than real ones: what a few hundred people can prove within days has to be plain. ``simulate_users`` has subtler worlds.
    """

    seen_by_position = 0.7

    def logits(self, person: Any) -> np.ndarray:
        utility: np.ndarray = MEAN_LOGIT + 3.0 * self.common + 0.5 * person.private["taste"]
        return utility
