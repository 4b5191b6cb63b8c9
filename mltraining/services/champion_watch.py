"""A champion that is liked less than the one before it: told, and in its first days rolled back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import structlog
from django.conf import settings
from django.db.models import Count, Q
from scipy.special import ndtri

from feedback.models import Reaction
from hairme.common.errors import ApplicationError
from recommendations.selectors import SCORER

from ..experiments.ratio import Difference, Estimate, Moments, ratio
from ..experiments.sequential import bounds, rho_for
from ..models import ModelTransition, ModelVersion
from ..selectors import experiments as experiment_reads
from ..selectors import registry as reads
from ..selectors.experiments import unit_of
from . import registry

log = structlog.get_logger(__name__)

BEFORE: Final = timedelta(days=28)  # of the earlier champion's that count
LEAST_AGE: Final = timedelta(days=2)
LEAST_PEOPLE: Final = 100  # who reacted, of each version
ALPHA: Final = 0.01  # probability of ever calling a champion worse that is not
TUNED_FOR: Final = 1000  # people after whom the bounds are tightest
FALL: Final = 0.1  # relative, from which on it matters


@dataclass(frozen=True)
class Comparison:
    """Like rates of a champion since its promotion and of the one before in the four weeks until then. ``upper``: always-valid upper
    bound of the champion's; ``lower``: lower bound of the earlier one's; together they hold with probability 1 - ALPHA."""

    champion: str
    previous: str
    rate: float
    previous_rate: float
    people: int
    previous_people: int
    upper: float
    lower: float

    @property
    def lift(self) -> float:
        return self.rate / self.previous_rate - 1 if self.previous_rate else 0.0

    @property
    def is_harmful(self) -> bool:
        return self.upper < self.lower and self.lift <= -FALL

    def to_json(self) -> dict[str, Any]:
        return {
            **{key: round(v, 5) if isinstance(v, float) else v for key, v in asdict(self).items()},
            "lift": round(self.lift, 5),
        }


def compare(champion: ModelVersion, move: ModelTransition, now: datetime) -> Comparison | None:
    """None where it is too early, too few people reacted, or no other version served before. No random assignment: what else changed
    with the promotion is in the figures too, which is why the fall has to be large."""
    previous = move.before
    if previous is None or previous == champion or now - move.at < LEAST_AGE:
        return None
    own, earlier = _rate(champion, move.at, now), _rate(previous, move.at - BEFORE, move.at)
    if own is None or earlier is None or min(own.n, earlier.n) < LEAST_PEOPLE:
        return None
    sequence = bounds(Difference(own.value, own.variance, own.n), ALPHA / 2, rho_for(TUNED_FOR, ALPHA / 2))
    lower = earlier.value + float(ndtri(ALPHA / 4)) * math.sqrt(earlier.variance)
    return Comparison(champion.key, previous.key, own.value, earlier.value, own.n, earlier.n, sequence[1], lower)


def _rate(version: ModelVersion, start: datetime, end: datetime) -> Estimate | None:
    people = (
        Reaction.objects.filter(recommendation__model_version=version.key, created_at__gte=start, created_at__lt=end)
        .annotate(who=unit_of("analysis__"))
        .values("who")
        .annotate(n=Count("pk"), likes=Count("pk", filter=Q(reaction=Reaction.Value.LIKE)))
        .order_by()
        .values_list("likes", "n")
    )
    rows = np.array(list(people), float).reshape(-1, 2)
    return ratio(Moments.of(rows))


def watch(now: datetime, actor: str) -> tuple[Comparison, str] | None:
    """(comparison, what was done in words) where the champion is harmful, None where not.

    Rolled back by itself only where nobody else decides: promoted (not rolled back to) at most ``HAIRME_ROLLBACK_DAYS`` ago, no
    experiment running on the same people, and an earlier champion that loads.
    """
    champion = reads.champion(SCORER)
    move = reads.made_champion(champion) if champion else None
    if champion is None or move is None or move.kind != ModelTransition.Kind.PROMOTE:
        return None
    found = compare(champion, move, now)
    if found is None or not found.is_harmful:
        return None
    by_hand = f"models rollback {SCORER}"
    if now - move.at > timedelta(days=settings.ROLLBACK_DAYS):
        return found, f"not rolled back: promoted more than {settings.ROLLBACK_DAYS} days ago; by hand: {by_hand}"
    if experiment_reads.running("recommendations").exists():
        return found, f"not rolled back: an experiment runs and decides; by hand: {by_hand}"
    reason = f"Liked {found.lift:.1%} against {found.previous} since it was promoted; the always-valid bounds do not meet."
    try:
        back = registry.rollback(SCORER, actor=actor, reason=reason, metrics=found.to_json())
    except ApplicationError as error:
        return found, f"not rolled back: {error.message}"
    log.error("harmful_champion_rolled_back", version=champion.key, to=back.key)
    return found, f"rolled back to {back.key}"
