"""Small repeatable randomness: the same style always gives the same drawing, on every machine and Python version."""

from __future__ import annotations

import zlib


class Jitter:
    """Linear congruential generator (Numerical Recipes constants) seeded by a word."""

    def __init__(self, seed: str) -> None:
        self._state = zlib.crc32(seed.encode())

    def next(self) -> float:
        """Uniform in [0, 1)."""
        self._state = (1664525 * self._state + 1013904223) & 0xFFFFFFFF
        return self._state / 4294967296.0

    def signed(self) -> float:
        """Uniform in [-1, 1)."""
        return 2 * self.next() - 1

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.next()
