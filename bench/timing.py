from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def milliseconds(call: Callable[[], object], runs: int, warmup: int = 3) -> list[float]:
    for _ in range(warmup):
        call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return times


def line(name: str, times: Sequence[float], unit: str = "ms") -> None:
    print(f"{name:<58} p50 {percentile(times, 0.5):8.2f} {unit}   p95 {percentile(times, 0.95):8.2f} {unit}   n={len(times)}")
