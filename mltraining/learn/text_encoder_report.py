"""The evaluation as tables to read in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .text_encoder_eval import Recall


def to_text(report: Mapping[str, Any]) -> str:
    """What ``text_encoder_eval.evaluate`` returned, as plain text."""
    return "\n".join(_lines(report))


def check_to_text(check: Mapping[str, Mapping[str, Recall]]) -> str:
    """What ``text_encoder_export.cross_check`` returned, as plain text."""
    lines = ["paraphrases left out of training, one of each group; right cut first / among the first five, 95 % interval"]
    for language, rows in check.items():
        lines += [_row(f"{language} ({row.queries}), {name}", row.to_json()) for name, row in rows.items()]
    return "\n".join(lines)


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{report['encoder']}: {report['styles']} styles of {report['cuts']} cuts"
    yield "right cut first, and among the first five, each with a bootstrap 95 % interval"
    for name, groups in report["recall"].items():
        yield f"\n{name}"
        for group, row in groups.items():
            yield _row(f"{group} ({row['queries']})", row)
    yield "\nencoder minus tfidf, one vector per style, paired"
    for group, gain in report["gain"].items():
        yield f"  {group:32s} {_signed(gain['recall_at_1'])}   {_signed(gain['recall_at_5'])}"
    yield "\nacross languages (names were trained on, paraphrases were not)"
    for name, rows in report["cross_lingual"].items():
        for ranker, row in rows.items():
            yield _row(f"{name}, {ranker}", row, width=48)
    yield "\nlikeness of a held-out query to its nearest training text (trigram Jaccard: 1 the same, 0 nothing shared)"
    for group, near in report["overlap"].items():
        yield f"  {group:32s} median {near['median']:.2f}   90th percentile {near['p90']:.2f}   highest {near['max']:.2f}"


def _row(label: str, row: Mapping[str, Any], width: int = 32) -> str:
    return f"  {label:{width}s} {_interval(row['recall_at_1'])}   {_interval(row['recall_at_5'])}"


def _interval(values: tuple[float, float, float]) -> str:
    value, low, high = values
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _signed(values: tuple[float, float, float]) -> str:
    value, low, high = values
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
