"""Looks for ideas, not for decisions: the lift by segment and by week, as if it were looked at once, corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import holm
from .ratio import Moments, difference, ratio

FEWEST_PEOPLE = 20
Z95 = 1.959964


@dataclass(frozen=True)
class Finding:
    """Relative lift of ``arm`` over the control among ``people`` of one segment; ``low`` and ``high``: 95 %, for one look.
    ``p``: two-sided, adjusted by Holm for all findings that it came with."""

    what: str
    value: str
    arm: str
    people: int
    lift: float
    low: float
    high: float
    p: float


def findings(arms: Sequence[str], segments: Mapping[str, Mapping[tuple[str, str], Moments]]) -> list[Finding]:
    """``segments``: arm -> (what, value) -> moments of likes and reactions. The first arm is the control. Segments with too few people in
    either arm are left out."""
    control = segments.get(arms[0], {})
    found: list[Finding] = []
    for arm in arms[1:]:
        for (what, value), theirs in sorted(segments.get(arm, {}).items()):
            ours = control.get((what, value))
            if ours is None or min(ours.n, theirs.n) < FEWEST_PEOPLE:
                continue
            a, b = ratio(ours), ratio(theirs)
            gap = difference(a, b, relative=True) if a and b else None
            if gap is None or gap.variance <= 0:
                continue
            error = math.sqrt(gap.variance)
            p = math.erfc(abs(gap.value) / error / math.sqrt(2))
            found.append(Finding(what, value, arm, gap.n, gap.value, gap.value - Z95 * error, gap.value + Z95 * error, p))
    corrected = holm.adjusted([finding.p for finding in found])
    return [Finding(f.what, f.value, f.arm, f.people, f.lift, f.low, f.high, p) for f, p in zip(found, corrected, strict=True)]
