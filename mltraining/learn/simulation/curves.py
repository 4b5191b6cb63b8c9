"""What simulations found, as a table in words and as regret curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .run import Outcome, gap_closed

Found = Mapping[tuple[str, int], Outcome]  # (policy, seed) -> outcome, of one simulator
KINDS = ("new", "returning")


def summary(found: Found) -> dict[str, Any]:
    """Means over the seeds for each policy, and, where popular and oracle ran, how much of the gap between them each closes."""
    policies = list(dict.fromkeys(policy for policy, _seed in found))
    seeds = sorted({seed for _policy, seed in found})
    rows = {policy: _row(found, policy, seeds, policies) for policy in policies}
    result: dict[str, Any] = {"seeds": len(seeds), "policies": rows}
    if {"challenger", "seed-mlp"} <= set(policies):
        result["challenger_beats_seed_mlp"] = {
            kind: sum(found["challenger", s].after[kind] > found["seed-mlp", s].after[kind] for s in seeds) for kind in KINDS
        }
    return result


def _row(found: Found, policy: str, seeds: Sequence[int], policies: Sequence[str]) -> dict[str, Any]:
    runs = [found[policy, seed] for seed in seeds]
    row: dict[str, Any] = {
        "like_rate": float(np.mean([outcome.like_rate for outcome in runs])),
        "regret": float(np.mean([outcome.rounds[-1]["regret"] for outcome in runs])),
        "distinct_styles": float(np.mean([outcome.distinct_styles for outcome in runs])),
        "exposure_gini": float(np.mean([outcome.exposure_gini for outcome in runs])),
    }
    for kind in KINDS:
        row[f"after_{kind}"] = float(np.mean([outcome.after[kind] for outcome in runs]))
        if {"popular", "oracle"} <= set(policies):
            closed = [
                gap_closed(found[policy, s].after[kind], found["popular", s].after[kind], found["oracle", s].after[kind])
                for s in seeds
            ]
            row[f"gap_closed_{kind}"] = float(np.mean(closed))
            row[f"gap_half_closed_{kind}"] = int(np.sum(np.array(closed) >= 0.5))
    return row


def table(name: str, found: Found) -> str:
    """One simulator's summary in words."""
    result = summary(found)
    lines = [
        f"{name.rpartition(':')[2]}, {result['seeds']} seeds. Like rate while learning, and at the end: new and returning people. Share",
        "of the gap from popular to oracle that is closed (in how many seeds half or more). Regret: likes. Gini of exposure.",
        f"  {'policy':<11} learning    new  returning  gap new     gap returning  regret  styles  Gini",
    ]
    for policy, row in result["policies"].items():
        gaps = [
            f"{row[f'gap_closed_{kind}']:5.2f} ({row[f'gap_half_closed_{kind}']})" if f"gap_closed_{kind}" in row else "-"
            for kind in KINDS
        ]
        lines.append(
            f"  {policy:<11} {row['like_rate']:8.3f}  {row['after_new']:5.3f}  {row['after_returning']:9.3f}  {gaps[0]:<10}  "
            f"{gaps[1]:<13}  {row['regret']:6.0f}  {row['distinct_styles']:6.0f}  {row['exposure_gini']:4.2f}"
        )
    for kind, wins in result.get("challenger_beats_seed_mlp", {}).items():
        lines.append(f"  challenger beats seed-mlp in {wins} of {result['seeds']} seeds ({kind} people)")
    return "\n".join(lines)


def draw_regret(found: Mapping[str, Found], path: Path) -> None:
    """Cumulative regret over reactions, a panel per simulator, a line per policy (mean over seeds, band: all seeds)."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "regret"})  # text as text, and the same file every time
    figure, axes = plt.subplots(1, len(found), figsize=(4.2 * len(found), 3.6), squeeze=False)
    for axis, (name, runs) in zip(axes[0], found.items(), strict=True):
        most = min(outcome.reactions for outcome in runs.values())
        grid = np.linspace(0, most, 60)
        for policy in dict.fromkeys(policy for policy, _seed in runs):
            curves = np.stack([_on(grid, outcome) for (other, _seed), outcome in runs.items() if other == policy])
            (line,) = axis.plot(grid, curves.mean(axis=0), label=policy)
            axis.fill_between(grid, curves.min(axis=0), curves.max(axis=0), color=line.get_color(), alpha=0.12, linewidth=0)
        axis.set(title=name.rpartition(":")[2], xlabel="reactions", ylabel="likes fewer than the oracle's")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _on(grid: np.ndarray, outcome: Outcome) -> np.ndarray:
    x = [0.0, *(row["reactions"] for row in outcome.rounds)]
    y = [0.0, *(row["regret"] for row in outcome.rounds)]
    return np.interp(grid, x, y)
