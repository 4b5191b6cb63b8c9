"""What an experiment is registered with unless something else is said."""

from __future__ import annotations

from .decide import Guardrail

GUARDRAILS = (
    Guardrail("dislike_rate", margin=0.10, relative=True),  # dislikes per style shown
    Guardrail("error_rate", margin=0.02),  # share of analyses that failed by a fault of ours
    Guardrail("latency_p95", margin=0.03),  # share of analyses slower than the budget, of which a p95 allows 0.05
    Guardrail("list_diversity", margin=0.10, relative=True, higher_is_worse=False, is_share=False),  # cut families per list
)
LATENCY_BUDGET_SECONDS = 12.0
#: Bounds are tightest at this many times the planned people. Above 1, early looks are judged more strictly: against tuning for the
#: horizon itself it halves the false roll-backs of a harmless challenger and costs little power (``experiment_calibration --tuning``).
TUNING_SHARE = 3.0
RAMP = (0.10, 0.25, 0.50, 1.0)
RAMP_DAYS = 1  # fewest days on a step
RAMP_PEOPLE = 30  # fewest people per arm before the next step
