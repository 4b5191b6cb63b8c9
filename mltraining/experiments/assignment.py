"""Who is in an experiment, and in which arm: two salted hashes of the unit, and nothing else.

``bucket`` = first 8 bytes of SHA-256 of ``salt/purpose/unit`` (UTF-8, as given: no case folding, no Unicode normalisation) as a
big-endian integer, modulo 10,000, over 10,000. The two purposes ``exposure`` and ``arm`` make two hashes that know nothing of each
other, so a higher exposure only adds units and moves none between arms. ``assignment_vectors.json`` holds answers for other
implementations to be tested against.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """An arm's name and its positive weight; weights need not add up to one."""

    name: str
    weight: float


def bucket(salt: str, purpose: str, unit: str) -> float:
    """One of 0, 0.0001, ..., 0.9999."""
    digest = hashlib.sha256(f"{salt}/{purpose}/{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS / BUCKETS


def is_exposed(salt: str, unit: str, share: float) -> bool:
    """Whether the ramp lets the unit in at ``share`` (0 to 1). True at a share is True at every higher share."""
    return bucket(salt, "exposure", unit) < share


def arm_of(salt: str, unit: str, arms: Sequence[Share]) -> str:
    """The unit's arm, the same at every exposure. Raises ValueError without arms or with a weight that is not positive."""
    if not arms or any(arm.weight <= 0 for arm in arms):
        raise ValueError("every experiment has arms, and every arm a positive weight")
    place = bucket(salt, "arm", unit) * sum(arm.weight for arm in arms)
    edge = 0.0
    for arm in arms:
        edge += arm.weight
        if place < edge:
            return arm.name
    return arms[-1].name  # the sum of weights may be an ulp above the last edge
