"""A Bayesian second opinion on a like rate: how probable is any lift, and a lift that counts?"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaincinv

from .ratio import Estimate

_MIDDLES = (np.arange(512) + 0.5) / 512


def probability_of_lift(control: Estimate, challenger: Estimate, least: float = 0.0) -> float:
    """P(challenger >= (1 + ``least``) control) with uniform priors, 0 to 1.

    Each arm counts as many answers as its variance leaves (``effective_n``), so people who react often are not counted as many.
    The integral over the control's posterior is taken at 512 of its quantiles: no random numbers, error below 0.002.
    """
    a, b = _posterior(control)
    c, d = _posterior(challenger)
    control_rates = betaincinv(a, b, _MIDDLES)
    return float(np.mean(1 - betainc(c, d, np.clip((1 + least) * control_rates, 0, 1))))


def _posterior(estimate: Estimate) -> tuple[float, float]:
    share, n = min(1.0, max(0.0, estimate.value)), estimate.effective_n
    return 1 + share * n, 1 + (1 - share) * n
