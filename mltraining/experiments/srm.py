"""Sample ratio mismatch, watched at every look: do the arms hold as many people as they were promised?

Dirichlet-multinomial Bayes factor of Lindon and Malek 2020 (arXiv 2011.03567). Its inverse is a p-value that is valid at all looks.
The mean of several Bayes factors is one as well: a loose prior finds a gross mismatch among few people, a tight one a small
mismatch among many. GrowthBook's single prior (10,000) does not see 400 people against 200.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln, logsumexp

CONCENTRATIONS = (100.0, 1_000.0, 10_000.0)  # how near to the promised shares a mismatch is expected to be
FEWEST_EXPECTED = 5


def log_bayes_factor(counts: Sequence[int], weights: Sequence[float], concentration: float) -> float:
    """Natural logarithm of evidence for other shares than ``weights`` against exactly those."""
    seen = np.asarray(counts, float)
    shares = np.asarray(weights, float) / sum(weights)
    prior = concentration * shares
    marginal = gammaln(concentration) - gammaln(concentration + seen.sum()) + (gammaln(prior + seen) - gammaln(prior)).sum()
    return float(marginal - (seen * np.log(shares)).sum())


def p_value(counts: Sequence[int], weights: Sequence[float]) -> float | None:
    """min(1, 1 / Bayes factor), for one look. None while fewer than five people are expected in some arm."""
    if sum(counts) * min(weights) / sum(weights) < FEWEST_EXPECTED:
        return None
    factors = [log_bayes_factor(counts, weights, concentration) for concentration in CONCENTRATIONS]
    return min(1.0, math.exp(-max(0.0, float(logsumexp(factors)) - math.log(len(factors)))))
